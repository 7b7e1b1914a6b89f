"""Tokens in tenant pods: whose they are, whom they are for, that they are renewed; and that clients in pods reach the tenant's API server only."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.stage import Obj, Place, Run, World, eventually
from tests.node.inside import claims, python, run, sh, shell, start

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
SERVER = "https://kubernetes.default.svc"
# With nothing but what every pod is given: the client library finds its server, its token and its authority by itself.
CLIENT = """
import asyncio, json, sys
from kubernetes_asyncio import client, config
async def main():
    config.load_incluster_config()
    async with client.ApiClient() as api:
        core = client.CoreV1Api(api)
        spaces = [one.metadata.name for one in (await core.list_namespace()).items]
        body = {"metadata": {"name": "made-inside"}, "data": {"by": "a pod"}}
        await core.create_namespaced_config_map(open("ACCOUNT/namespace").read(), body)
        print(json.dumps(spaces))
asyncio.run(main())
""".replace("ACCOUNT", ACCOUNT)


def reviewed(world: World, token: str, audience: str, side: str = "tenant") -> Obj:
    answer: Obj = getattr(world, side).create("tokenreviews", "", {"spec": {"token": token, "audiences": [audience]}})["status"]
    return answer


def test_the_mounted_token_is_the_tenants_own_for_this_pod_and_nothing_to_the_host(place: Place, world: World) -> None:
    place.create("serviceaccounts", {"metadata": {"name": "robot"}})
    pod = start(place, "holder", serviceAccountName="robot")
    token = run(place, "holder", "cat", f"{ACCOUNT}/token")
    status = reviewed(world, token, SERVER)
    assert status["authenticated"] is True
    assert status["user"]["username"] == f"system:serviceaccount:{place.name}:robot"
    assert status["user"]["extra"]["authentication.kubernetes.io/pod-uid"] == [pod["metadata"]["uid"]]
    assert not reviewed(world, token, SERVER, "host").get("authenticated")
    assert run(place, "holder", "cat", f"{ACCOUNT}/namespace") == place.name
    assert run(place, "holder", "cat", f"{ACCOUNT}/ca.crt") == world.planes.tenant.ca.read_text()


def test_a_token_for_another_audience_is_good_for_that_one_only(place: Place, world: World) -> None:
    start(place, "holder", shell(volumeMounts=[{"name": "t", "mountPath": "/t"}]), volumes=[tokens(vault=("vault.example", 900))])
    token = run(place, "holder", "cat", "/t/vault")
    assert claims(token)["aud"] == ["vault.example"]
    assert claims(token)["exp"] - claims(token)["iat"] == 900
    assert reviewed(world, token, "vault.example")["authenticated"] is True
    assert not reviewed(world, token, SERVER).get("authenticated")


def tokens(**wanted: tuple[str, int]) -> Obj:
    sources = [
        {"serviceAccountToken": {"path": path, "audience": audience, "expirationSeconds": seconds}} for path, (audience, seconds) in wanted.items()
    ]
    return {"name": "t", "projected": {"sources": sources}}


def test_a_pod_that_wants_no_token_has_none(place: Place) -> None:
    start(place, "bare", automountServiceAccountToken=False)
    assert sh(place, "bare", f"ls {ACCOUNT} 2>&1 || true").endswith("No such file or directory")


def test_a_short_token_is_renewed_in_the_running_pod_and_the_longer_one_is_left_alone(place: Place, world: World) -> None:
    volume = tokens(short=("vault.example", 600), longer=("vault.example", 3600))
    start(place, "holder", shell(volumeMounts=[{"name": "t", "mountPath": "/t"}]), volumes=[volume])
    before = {name: run(place, "holder", "cat", f"/t/{name}") for name in ("short", "longer")}
    assert claims(before["short"])["exp"] - claims(before["short"])["iat"] == 600
    assert world.syncer.stop() == 0
    ahead = Run([*world.sources], world.log, under=(str(Path(__file__).with_name("ahead.py")), "540"))
    world.runs.append(ahead)
    try:
        ahead.ready()
        fresh = eventually("the file holds another token", lambda: renewed(place, before["short"]))
    finally:
        ahead.stop()
        world.start().ready()
    assert claims(fresh)["iat"] > claims(before["short"])["iat"]
    assert claims(fresh)["kubernetes.io"] == claims(before["short"])["kubernetes.io"]
    assert reviewed(world, fresh, "vault.example")["authenticated"] is True
    assert run(place, "holder", "cat", "/t/longer") == before["longer"]
    assert place.get("pods", "holder")["status"]["containerStatuses"][0]["restartCount"] == 0


def renewed(place: Place, before: str) -> str:
    found = run(place, "holder", "cat", "/t/short")
    return "" if found == before else found


def test_the_token_of_a_deleted_pod_is_worth_nothing(place: Place, world: World) -> None:
    start(place, "holder")
    token = run(place, "holder", "cat", f"{ACCOUNT}/token")
    place.delete("pods", "holder")
    eventually("the tenant refuses it", lambda: not reviewed(world, token, SERVER).get("authenticated"))


def test_a_client_in_a_pod_talks_to_the_tenants_server_and_never_to_the_hosts(place: Place, world: World) -> None:
    world.tenant.create(
        "clusterrolebindings",
        "",
        {
            "metadata": {"name": f"{place.name}-all"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": place.name}],
        },
    )
    since = world.positions()
    pod = start(place, "client", python())
    spaces = json.loads(run(place, "client", "python3", "-c", CLIENT))
    assert set(spaces) == world.tenant.names("namespaces", "")
    assert place.name in spaces
    assert place.on_host not in spaces
    assert place.get("configmaps", "made-inside")["data"] == {"by": "a pod"}
    made = [entry for entry in world.planes.tenant.audit_entries(since[1]) if entry.get("objectRef", {}).get("name") == "made-inside"]
    assert {(entry["user"]["username"], entry["sourceIPs"][0]) for entry in made if entry["verb"] == "create"} == {
        (f"system:serviceaccount:{place.name}:default", pod["status"]["podIP"])
    }
    assert not [entry for entry in world.planes.host.audit_entries(since[0]) if pod["status"]["podIP"] in entry["sourceIPs"]]


def test_the_tenants_server_is_reached_by_its_usual_name_from_a_pod(place: Place) -> None:
    start(place, "client", python())
    script = "import os, ssl, urllib.request as u\n" + (
        f"tls = ssl.create_default_context(cafile='{ACCOUNT}/ca.crt')\n"
        "server = '{KUBERNETES_SERVICE_HOST}:{KUBERNETES_SERVICE_PORT}'.format(**os.environ)\n"
        "print(u.urlopen(f'https://{server}/version', context=tls).status)"
    )
    assert run(place, "client", "python3", "-c", script).strip() == "200"
