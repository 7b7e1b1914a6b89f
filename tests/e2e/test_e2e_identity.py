"""Budgets, classes and accounts: what pods are beside their containers, and who may say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.stage import TENANT_RANGE, Obj, Place, Planes, World, container, eventually, for_a_while
from tools.planes.api import ApiStatusError

TENANT = "idem"
ROLE = "eks.amazonaws.com/role-arn"
SYNC = f"""
sync:
  namespaceMapping: {{"*": "TENANT-{{namespace}}"}}
  resources:
    - name: pods
    - name: services
    - name: poddisruptionbudgets
    - name: serviceaccounts
    - name: priorityclasses
      names: ["idem-*", "system-*"]
    - name: runtimeclasses
      names: [idem-sandbox, idem-later]
tenant:
  serviceCIDR: {TENANT_RANGE}
policy:
  maxPriority: 10
  serviceAccountAnnotations: ["{ROLE}=arn:aws:iam::1:role/idem-*"]
"""


@pytest.fixture(scope="module", autouse=True)
def classes(planes: Planes) -> Iterator[None]:
    """What the host's administrator has."""
    made = [
        ("priorityclasses", {"metadata": {"name": "idem-low"}, "value": -10, "description": "for batch"}),
        ("priorityclasses", {"metadata": {"name": "idem-high"}, "value": 1000}),
        (
            "runtimeclasses",
            {
                "metadata": {"name": "idem-sandbox"},
                "handler": "secret-handler",
                "overhead": {"podFixed": {"cpu": "250m"}},
                "scheduling": {"nodeSelector": {"kubernetes.io/os": "linux"}, "tolerations": [{"key": "sandbox", "operator": "Exists"}]},
            },
        ),
    ]
    paths = {"priorityclasses": "/apis/scheduling.k8s.io/v1/priorityclasses", "runtimeclasses": "/apis/node.k8s.io/v1/runtimeclasses"}
    for plural, body in made:
        planes.host.api.post(paths[plural], body)
    yield
    for plural, body in made:
        planes.host.api.request("DELETE", f"{paths[plural]}/{body['metadata']['name']}", {})


def evicted(world: World, namespace: str, name: str) -> bool:
    """Whether the host lets this pod be evicted, as a drain asks for it."""
    try:
        world.host.create("pods", namespace, {"metadata": {"name": name, "namespace": namespace}}, "eviction")
    except ApiStatusError as error:
        if error.code == 429:
            return False
        raise
    return True


def budget(place: Place, name: str) -> Obj:
    return place.host("poddisruptionbudgets", name)


def test_a_drain_of_the_host_takes_what_the_tenant_can_spare_and_no_more(place: Place, world: World) -> None:
    place.deployment("shop", 3)
    place.await_ready(3, app="shop")
    place.create("poddisruptionbudgets", {"metadata": {"name": "shop"}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "shop"}}}})
    eventually("the host keeps two of three", lambda: budget(place, "shop")["spec"].get("minAvailable") == 2)
    assert "maxUnavailable" not in budget(place, "shop")["spec"]
    eventually("one may go", lambda: budget(place, "shop")["status"]["disruptionsAllowed"] == 1)
    # The fake kubelet takes its time to make the next one ready, so that a second eviction at once finds nothing to spare.
    names = [pod["metadata"]["name"] for pod in place.host_pods()]
    taken = [evicted(world, place.on_host, name) for name in names]
    assert taken.count(True) == 1
    place.await_ready(3, app="shop")


def test_a_budget_follows_the_scale_of_the_tenants_deployment(place: Place) -> None:
    place.deployment("shop", 2)
    place.await_ready(2, app="shop")
    place.create(
        "poddisruptionbudgets", {"metadata": {"name": "shop"}, "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "shop"}}}}
    )
    eventually("one of two must stay", lambda: budget(place, "shop")["spec"]["minAvailable"] == 1)
    place.patch("deployments", "shop", {"spec": {"replicas": 5}})
    place.await_ready(5, app="shop")
    eventually("three of five must stay", lambda: budget(place, "shop")["spec"]["minAvailable"] == 3)
    place.patch("poddisruptionbudgets", "shop", {"spec": {"minAvailable": 5}})
    eventually("a number crosses as it is", lambda: budget(place, "shop")["spec"]["minAvailable"] == 5)
    place.delete("poddisruptionbudgets", "shop")
    eventually("it is gone", lambda: not budget(place, "shop"))


def test_why_a_number_what_the_host_makes_of_maxunavailable_for_pods_without_a_controller(place: Place, world: World) -> None:
    """The fact that the translation rests on: the host's controller expects no pods, and lets none go."""
    place.deployment("shop", 3)
    place.await_ready(3, app="shop")
    selector = {"matchLabels": {"app": "shop"}}
    world.host.create("poddisruptionbudgets", place.on_host, {"metadata": {"name": "plain"}, "spec": {"maxUnavailable": 2, "selector": selector}})
    eventually("the controller has spoken", lambda: budget(place, "plain").get("status", {}).get("observedGeneration") == 1)
    status = budget(place, "plain")["status"]
    assert (status["expectedPods"], status["disruptionsAllowed"]) == (0, 0)
    world.host.delete("poddisruptionbudgets", place.on_host, "plain")


def test_a_budget_of_one_namespace_does_not_count_the_pods_of_another(world: World) -> None:
    one, other = world.place(), world.place()
    for place in (one, other):
        place.pod("web", labels={"app": "web"})
        place.await_pod("web")
    one.create("poddisruptionbudgets", {"metadata": {"name": "all"}, "spec": {"minAvailable": 1, "selector": {}}})
    eventually("it counts one pod", lambda: budget(one, "all").get("status", {}).get("expectedPods") == 1)
    assert not evicted(world, one.on_host, "web")
    assert evicted(world, other.on_host, "web")


# --- classes


def test_classes_of_the_host_are_shown_up_to_the_cap_and_taken_back_when_edited(world: World) -> None:
    shown = eventually("the class is shown", lambda: world.tenant.get("priorityclasses", "", "idem-low"))
    assert (shown["value"], shown["description"]) == (-10, "for batch")
    world.tenant.patch("priorityclasses", "", "idem-low", {"description": "mine"})
    eventually("it is the host's again", lambda: world.tenant.get("priorityclasses", "", "idem-low")["description"] == "for batch")
    for_a_while("nothing above the cap is shown", lambda: not world.tenant.get("priorityclasses", "", "idem-high"), 1)
    runtime = world.tenant.get("runtimeclasses", "", "idem-sandbox")
    assert "secret-handler" not in str(runtime)
    assert runtime["overhead"] == {"podFixed": {"cpu": "250m"}}
    assert runtime["scheduling"]["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_a_pod_has_the_offered_class_on_the_host(place: Place, world: World) -> None:
    eventually("the classes are shown", lambda: world.tenant.get("runtimeclasses", "", "idem-sandbox"))
    place.pod("batch", priorityClassName="idem-low", runtimeClassName="idem-sandbox")
    place.await_pod("batch")
    spec = place.host("pods", "batch")["spec"]
    assert (spec["priorityClassName"], spec["priority"], spec["runtimeClassName"]) == ("idem-low", -10, "idem-sandbox")
    assert spec["overhead"] == place.get("pods", "batch")["spec"]["overhead"] == {"cpu": "250m"}


def test_a_tenant_that_makes_itself_important_is_not_important_on_the_host(place: Place, world: World) -> None:
    world.tenant.create("priorityclasses", "", {"metadata": {"name": "idem-high"}, "value": 1_000_000_000})
    try:
        for name in ("idem-high", "system-cluster-critical"):
            place.pod(name, priorityClassName=name)
            place.await_pod(name)
            assert place.get("pods", name)["spec"]["priority"] >= 1_000_000_000
            assert place.host("pods", name)["spec"].get("priority", 0) == 0
            place.await_told(name, "SyncFieldDropped", "spec.priorityClassName")
    finally:
        world.tenant.delete("priorityclasses", "", "idem-high")


def test_a_runtime_that_is_not_offered_is_refused_until_it_is(place: Place, world: World) -> None:
    world.tenant.create("runtimeclasses", "", {"metadata": {"name": "idem-later"}, "handler": "runsc"})
    place.pod("sandboxed", runtimeClassName="idem-later")
    place.await_told("sandboxed", "SyncRefused", "spec.runtimeClassName")
    assert not place.host("pods", "sandboxed")
    world.host.create("runtimeclasses", "", {"metadata": {"name": "idem-later"}, "handler": "runsc"})
    try:
        place.await_pod("sandboxed")
        assert world.tenant.get("runtimeclasses", "", "idem-later")["handler"] == "runsc", "the tenant's own class was taken over"
    finally:
        world.host.delete("runtimeclasses", "", "idem-later")
        world.tenant.delete("runtimeclasses", "", "idem-later")


# --- accounts


def account(place: Place, name: str, **more: Any) -> None:
    annotations = more.pop("annotations", {})
    place.create("serviceaccounts", {"metadata": {"name": name, "annotations": annotations}, **more})


def test_an_account_with_an_allowed_identity_has_a_shadow_without_rights_and_its_pods_run_under_it(place: Place, world: World) -> None:
    account(place, "builder", annotations={ROLE: "arn:aws:iam::1:role/idem-build", "note": "mine"})
    place.pod("build", serviceAccountName="builder")
    place.await_pod("build")
    pod, shadow = place.host("pods", "build"), place.host("serviceaccounts", "builder")
    assert pod["spec"]["serviceAccountName"] == "builder"
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert {key: value for key, value in shadow["metadata"]["annotations"].items() if not key.startswith("kled.io/")} == {
        ROLE: "arn:aws:iam::1:role/idem-build"
    }
    assert shadow["automountServiceAccountToken"] is False
    assert not shadow.get("secrets")
    place.patch("serviceaccounts", "builder", {"metadata": {"annotations": {ROLE: "arn:aws:iam::1:role/admin"}}})
    eventually("the shadow is gone", lambda: not place.host("serviceaccounts", "builder"))
    place.patch("pods", "build", {"metadata": {"labels": {"still": "synced"}}})
    eventually("the pod goes on", lambda: place.host("pods", "build")["metadata"]["labels"].get("still") == "synced")


def test_an_identity_outside_of_the_list_stays_behind_and_the_pod_runs_without(place: Place) -> None:
    account(place, "greedy", annotations={ROLE: "arn:aws:iam::1:role/admin"})
    place.await_told("greedy", "SyncRefused", ROLE)
    place.pod("greedy-pod", serviceAccountName="greedy")
    place.await_pod("greedy-pod")
    place.await_told("greedy-pod", "SyncFieldDropped", "spec.serviceAccountName")
    assert place.host("pods", "greedy-pod")["spec"]["serviceAccountName"] == "kled-workload"
    assert not place.host("serviceaccounts", "greedy")


def test_an_account_that_asks_for_nothing_is_nothing_on_the_host(place: Place) -> None:
    account(place, "plain")
    place.pod("plain-pod", serviceAccountName="plain")
    place.await_pod("plain-pod")
    assert place.host("pods", "plain-pod")["spec"]["serviceAccountName"] == "kled-workload"
    assert not place.host("serviceaccounts", "plain")


def test_pull_secrets_of_an_account_reach_its_pods_on_the_host(place: Place) -> None:
    place.create(
        "secrets",
        {"metadata": {"name": "registry"}, "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": '{"auths":{}}'}},
    )
    account(place, "puller", imagePullSecrets=[{"name": "registry"}])
    place.pod("pulled", serviceAccountName="puller", containers=[container()])
    place.await_pod("pulled")
    assert place.host("pods", "pulled")["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert place.host("secrets", "registry")["type"] == "kubernetes.io/dockerconfigjson"
