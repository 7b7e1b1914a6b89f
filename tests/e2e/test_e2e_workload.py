"""A deployment and everything with it: made in the tenant, running on the host, gone with its namespace."""

from __future__ import annotations

import base64
import json

import pytest

from tests.e2e.stage import Obj, Place, World, container, eventually


def application(place: Place, replicas: int = 3) -> str:
    """A deployment with a ConfigMap, a Secret and a Service; returns the value of the secret."""
    value = place.world.canary()
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": "green"}})
    place.create("secrets", {"metadata": {"name": "credentials"}, "stringData": {"password": value}})
    place.service("web")
    env = [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}}]
    mounts = [{"name": "credentials", "mountPath": "/etc/credentials"}]
    volumes = [{"name": "credentials", "secret": {"secretName": "credentials"}}]
    place.deployment("web", replicas, containers=[container(env=env, volumeMounts=mounts)], volumes=volumes)
    return value


def test_a_deployment_becomes_ready_with_its_namespace_config_secret_and_service_on_the_host(place: Place) -> None:
    value = application(place)
    place.await_ready(3, app="web")
    space = place.world.host.get("namespaces", "", place.on_host)
    assert space["metadata"]["labels"]["kled.io/tenant"] == place.world.tenant_name
    assert place.host("configmaps", "settings")["data"] == {"colour": "green"}
    assert base64.b64decode(place.host("secrets", "credentials")["data"]["password"]).decode() == value
    assert place.host("services", "web")["spec"]["clusterIP"] == place.get("services", "web")["spec"]["clusterIP"]
    for pod in place.pods(app="web"):
        copy = place.host("pods", pod["metadata"]["name"])
        assert copy["spec"]["nodeName"] == pod["spec"]["nodeName"]
        assert copy["metadata"]["annotations"]["kled.io/source-uid"] == pod["metadata"]["uid"]
        assert copy["metadata"]["annotations"]["kled.io/source-namespace"] == place.name
        assert copy["status"]["podIP"] == pod["status"]["podIP"]
        assert copy["spec"]["serviceAccountName"] == "kled-workload"
    slices = eventually("the host service has endpoints", lambda: endpoints(place, "web"))
    assert len(slices) == 3


def endpoints(place: Place, service: str) -> set[str]:
    found = place.world.host.list("endpointslices", place.on_host, f"kubernetes.io/service-name={service}")
    addresses = {address for one in found for endpoint in one.get("endpoints") or [] for address in endpoint["addresses"]}
    return addresses if len(addresses) == 3 else set()


def test_the_token_of_a_pod_is_accepted_by_the_tenants_server_and_bound_to_the_pod(place: Place) -> None:
    projected = {
        "name": "extra",
        "projected": {"sources": [{"serviceAccountToken": {"audience": "vault.example", "path": "t", "expirationSeconds": 900}}]},
    }
    place.pod("with-token", volumes=[projected], containers=[container(volumeMounts=[{"name": "extra", "mountPath": "/extra"}])])
    pod = place.await_pod("with-token")
    copy = place.host("pods", "with-token")
    assert copy["spec"]["automountServiceAccountToken"] is False
    names = {one["secret"]["name"] for volume in copy["spec"]["volumes"] for one in volume.get("projected", {}).get("sources", []) if "secret" in one}
    tokens = [base64.b64decode(data).decode() for name in names for data in place.host("secrets", name)["data"].values()]
    assert len(tokens) == 2
    audiences = set()
    for token in tokens:
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        assert claims["kubernetes.io"]["pod"] == {"name": "with-token", "uid": pod["metadata"]["uid"]}
        assert claims["kubernetes.io"]["namespace"] == place.name
        assert claims["exp"] - claims["iat"] <= 3700
        audiences |= set(claims["aud"])
        review = place.world.tenant.create("tokenreviews", "", {"spec": {"token": token, "audiences": claims["aud"]}})
        assert review["status"]["authenticated"] is True
        assert review["status"]["user"]["username"] == f"system:serviceaccount:{place.name}:default"
    assert audiences == {"vault.example", "https://kubernetes.default.svc"}
    assert not place.world.host.create("tokenreviews", "", {"spec": {"token": tokens[0]}})["status"].get("authenticated")


def test_the_downward_api_shows_the_tenants_names(place: Place) -> None:
    env = [
        {"name": field.rpartition(".")[2], "valueFrom": {"fieldRef": {"fieldPath": field}}}
        for field in ("metadata.name", "metadata.namespace", "metadata.uid")
    ]
    place.pod("downward", containers=[container(env=env)])
    pod = place.await_pod("downward")
    copy = place.host("pods", "downward")
    assert shown(copy) == {"name": "downward", "namespace": place.name, "uid": pod["metadata"]["uid"]}


def shown(copy: Obj) -> dict[str, str]:
    """Environment variables as the kubelet works them out from the host pod."""
    found = {}
    for one in copy["spec"]["containers"][0]["env"]:
        if one["name"] not in ("name", "namespace", "uid"):
            continue
        path = one.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath", "")
        if path.startswith("metadata.annotations['"):
            found[one["name"]] = copy["metadata"]["annotations"][path[len("metadata.annotations['") : -2]]
        elif path:
            found[one["name"]] = copy["metadata"][path.partition(".")[2]]
        else:
            found[one["name"]] = one["value"]
    return found


def test_scaling_up_and_down_is_followed_without_a_trace(place: Place) -> None:
    place.deployment("web", 1)
    place.await_ready(1, app="web")
    place.patch("deployments", "web", {"spec": {"replicas": 5}})
    place.await_ready(5, app="web")
    place.patch("deployments", "web", {"spec": {"replicas": 2}})
    place.await_ready(2, app="web")
    eventually("the host has 2 pods", lambda: len(place.host_pods()) == 2)
    assert {pod["metadata"]["name"] for pod in place.host_pods()} == {pod["metadata"]["name"] for pod in place.pods()}


def test_a_rollout_replaces_every_host_pod(place: Place) -> None:
    place.deployment("web", 3)
    before = {pod["metadata"]["uid"] for pod in place.await_ready(3, app="web")}
    place.patch(
        "deployments",
        "web",
        {"spec": {"template": {"spec": {"containers": [container(image="registry.example/app:2")]}}}},
        kind="application/strategic-merge-patch+json",
    )

    def replaced() -> bool:
        pods = place.host_pods()
        images = {pod["spec"]["containers"][0]["image"] for pod in pods}
        return len(pods) == 3 and images == {"registry.example/app:2"} and len(place.ready_pods(app="web")) == 3

    eventually("all pods have the new image", replaced)
    assert not before & {pod["metadata"]["annotations"]["kled.io/source-uid"] for pod in place.host_pods()}


def test_deleting_the_namespace_leaves_nothing_on_the_host(place: Place, world: World) -> None:
    application(place)
    place.await_ready(3, app="web")
    world.tenant.delete("namespaces", "", place.name)
    eventually("the tenant namespace is gone", lambda: not world.tenant.get("namespaces", "", place.name))
    eventually("the host namespace is gone", lambda: not world.host.get("namespaces", "", place.on_host))
    for plural in ("pods", "services", "configmaps", "secrets"):
        assert not world.host.list(plural, "", f"kled.io/namespace={place.name}")


def test_a_job_that_succeeds_is_complete_in_the_tenant(place: Place) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [container()]}}
    place.create("jobs", {"metadata": {"name": "sum"}, "spec": {"template": template, "completions": 2, "parallelism": 2}})
    job = eventually("the job is complete", lambda: complete(place.get("jobs", "sum")))
    assert job["status"]["succeeded"] == 2
    place.world.planes.tenant.kubectl("-n", place.name, "delete", "job", "sum")
    eventually("its pods are gone from the host", lambda: not place.host_pods())


def complete(job: Obj) -> Obj | None:
    done = any(one["type"] == "Complete" and one["status"] == "True" for one in job.get("status", {}).get("conditions", []))
    return job if done else None


@pytest.mark.parametrize("kind", ["configmaps", "secrets"])
def test_an_edit_in_the_tenant_reaches_the_host(place: Place, kind: str) -> None:
    place.create(kind, {"metadata": {"name": "edited"}, "data": {"key": "b2xk"}})
    source = {"configMap": {"name": "edited"}} if kind == "configmaps" else {"secret": {"secretName": "edited"}}
    place.pod("user", volumes=[{"name": "v", **source}])
    place.await_pod("user")
    place.patch(kind, "edited", {"data": {"key": "bmV3", "more": "bW9yZQ=="}})
    eventually("the host has the new content", lambda: place.host(kind, "edited")["data"] == {"key": "bmV3", "more": "bW9yZQ=="})
