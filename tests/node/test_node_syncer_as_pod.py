"""The syncer as it is installed: a pod on a node of the host, under a service account with exactly the computed rights, from the shipped manifest."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.oracle import denied, described
from tests.e2e.stage import Obj, Place, World, eventually, is_ready, status_of
from tests.node.inside import become, run, start, webserver
from tools.demo.stage import grant
from tools.nodes.images import reference

MANIFEST = Path(__file__).parents[2] / "deploy/kustomize/base/control-plane.yaml"
NAME = "kled-syncer"
KINDS = ("pods", "services", "configmaps", "secrets")


@pytest.fixture(scope="module")
def installed(everything: World) -> Iterator[World]:
    """The process ends, and the pod goes on where it stopped; in the end the other way round."""
    world, space = everything, everything.own_namespace
    assert world.syncer.stop() == 0
    grant_to(world, ("--subject", f"{space}/{NAME}"))
    host = world.host
    host.create("serviceaccounts", space, {"metadata": {"name": NAME}, "automountServiceAccountToken": False})
    kubeconfig = world.planes.tenant.user_kubeconfig(world.user, inner=True).read_bytes()
    secret = {"metadata": {"name": "syncer-tenant-kubeconfig"}, "data": {"kubeconfig": base64.b64encode(kubeconfig).decode()}}
    host.create("secrets", space, secret)
    host.create("configmaps", space, {"metadata": {"name": "kled-sync"}, "data": {"sync.yaml": sync_file(world)}})
    host.create("pods", space, pod())
    try:
        await_installed(world)
        yield world
    finally:
        host.delete("pods", space, NAME)
        eventually("the syncer's pod is gone", lambda: not host.get("pods", space, NAME))
        grant_to(world, ())
        world.start().ready()


def await_installed(world: World) -> None:
    """Until the pod is ready; if that never comes, what it said."""
    space, kubectl = world.own_namespace, world.planes.host.kubectl
    try:
        eventually("the syncer's pod is ready", lambda: is_ready(world.host.get("pods", space, NAME)))
    except pytest.fail.Exception:
        said = kubectl("logs", "--namespace", space, NAME, "--tail=30")
        raise AssertionError(f"{world.host.get('pods', space, NAME)['status']}\n{said}") from None


def grant_to(world: World, subject: tuple[str, ...]) -> None:
    grant(world.planes.host, "host", (*world.sources, *subject))


def sync_file(world: World) -> str:
    content = yaml.safe_load(world.sync_file.read_text())
    content["tenant"] |= {"name": world.tenant_name, "kubeconfig": "/etc/kled/tenant/kubeconfig"}
    return yaml.safe_dump(content)


def pod() -> Obj:
    """The shipped pod, with its syncer alone: the tenant's control plane is there already."""
    spec = yaml.safe_load(MANIFEST.read_text())["spec"]["template"]["spec"]
    container = next(one for one in spec["containers"] if one["name"] == "syncer")
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    kept = ("serviceAccountName", "automountServiceAccountToken", "enableServiceLinks", "securityContext")
    return {
        "metadata": {"name": NAME, "labels": {"app": NAME}},
        "spec": {
            **{key: spec[key] for key in kept},
            "terminationGracePeriodSeconds": 20,
            "containers": [{**container, "image": reference("kled-syncer")}],
            "volumes": [volume for volume in spec["volumes"] if volume["name"] in mounted],
        },
    }


def user(world: World) -> str:
    return f"system:serviceaccount:{world.own_namespace}:{NAME}"


def test_it_brings_a_workload_to_the_host_and_its_state_back(installed: World) -> None:
    place, since = installed.place(), installed.positions()
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": "green"}})
    server = {**webserver(), "envFrom": [{"configMapRef": {"name": "settings"}}]}
    place.deployment("web", 2, containers=[server], terminationGracePeriodSeconds=1)
    place.service("web")
    place.await_ready(2, app="web")
    start(place, "client")
    become(place, "client", "wget -q -O - http://web/hostname | cut -d - -f 1", "web")
    writers = {entry["user"]["username"] for entry in stamped_writes(place, since[0])}
    assert writers == {user(installed)}


def stamped_writes(place: Place, since: int) -> list[Obj]:
    """Creations in the host namespace of objects that carry the tenant's stamp."""
    found = []
    for entry in place.world.planes.host.audit_entries(since):
        labels = (entry.get("responseObject", {}).get("metadata") or {}).get("labels") or {}
        about = entry.get("objectRef", {})
        made = entry["verb"] == "create" and about.get("namespace") == place.on_host and about.get("resource") in KINDS
        if made and "kled.io/translator" in labels and not about.get("subresource"):
            found.append(entry)
    return found


def test_its_rights_are_enough_and_it_asks_for_nothing_else(installed: World) -> None:
    installed.place()
    for side in (installed.planes.host, installed.planes.tenant):
        mine = [one for one in side.audit_entries() if one["user"]["username"] in (user(installed), installed.user)]
        assert mine
        unexpected = [described(one) for one in denied(mine)]
        assert not unexpected, unexpected[:5]
    kubectl = installed.planes.host.kubectl
    for verb, what in (("create", "pods"), ("get", "secrets"), ("list", "configmaps")):
        with_right = f"auth can-i {verb} {what} --namespace=kube-system --as={user(installed)}"
        answer = eventually("the host answers", lambda with_right=with_right: can_i(kubectl, with_right))
        assert answer == "no", f"{verb} {what} in kube-system"


def can_i(kubectl: object, question: str) -> str:
    """`kubectl auth can-i` exits with 1 for a no."""
    try:
        return str(kubectl(*question.split())).strip()  # type: ignore[operator]
    except RuntimeError:
        return "no"


def test_it_is_restricted_and_holds_its_token_in_one_place(installed: World) -> None:
    host, space = installed.planes.host, installed.own_namespace
    assert host.api.get(f"/api/v1/namespaces/{space}/pods/{NAME}")["spec"]["securityContext"]["runAsNonRoot"] is True
    said = host.kubectl(
        "exec", "--namespace", space, NAME, "--", "sh", "-c", "id -u; touch /x 2>&1; ls /var/run/secrets/kubernetes.io/serviceaccount"
    )
    lines = said.split("\n")
    assert lines[0] == "65532"
    assert lines[1].endswith("Read-only file system")
    assert {"token", "ca.crt", "namespace"} <= set(lines)


def test_what_ran_under_the_process_goes_on_untouched_under_the_pod(everything: World, request: pytest.FixtureRequest) -> None:
    place = everything.place()
    request.getfixturevalue("installed")
    before = place.world.tenant.list("pods", "kube-system", "k8s-app=kube-dns")[0]
    assert status_of(before, "coredns")["restartCount"] == 0
    start(place, "late")
    assert run(place, "late", "hostname").strip() == "late"


def test_killed_without_warning_it_comes_back_and_loses_nothing(installed: World) -> None:
    place, host, space = installed.place(), installed.planes.host, installed.own_namespace
    start(place, "before")
    host.kubectl("exec", "--namespace", space, NAME, "--", "sh", "-c", "kill -9 1 || true")
    place.pod("meanwhile", containers=[{"name": "main", "image": reference("pause")}], terminationGracePeriodSeconds=1)
    host.kubectl("delete", "pod", "--namespace", space, NAME, "--grace-period=0", "--force")
    eventually("it is gone", lambda: not installed.host.get("pods", space, NAME))
    installed.host.create("pods", space, pod())
    await_installed(installed)
    place.await_pod("meanwhile")
    assert place.get("pods", "before")["metadata"]["uid"] == place.host("pods", "before")["metadata"]["annotations"]["kled.io/source-uid"]
