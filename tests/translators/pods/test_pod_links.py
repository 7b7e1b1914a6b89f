"""Variables of services, at their limits."""

from __future__ import annotations

from pod_world import container, pod, service, view_for

from syncer.core.translator import Draft, Wait
from translators.pods import PODS

MASTER = 8


def test_a_namespace_with_too_many_services_gets_a_pod_without_their_variables_and_a_word() -> None:
    many = [service("web", f"service-{number}", f"10.97.{number // 250}.{number % 250}", ("http", 80, "TCP")) for number in range(300)]
    few = PODS.down(pod(), view_for(pod(), tenant={"services": many[:100]})) if PODS.down else None
    assert isinstance(few, Draft)
    assert len(few.body["spec"]["containers"][0]["env"]) == MASTER + 800
    crowded = pod({"containers": [container(f"c{number}") for number in range(3)]})
    answer = PODS.down(crowded, view_for(crowded, tenant={"services": many})) if PODS.down else None
    assert isinstance(answer, Draft)
    assert [field for field, _ in answer.dropped] == ["spec.enableServiceLinks"]
    assert {len(item["env"]) for item in answer.body["spec"]["containers"]} == {MASTER}


def test_a_pod_waits_for_the_address_of_its_api_server_rather_than_being_told_the_hosts() -> None:
    view = view_for(pod())
    objects = view._objects
    objects.update({side: {ref: item for ref, item in items.items() if ref.name != "kubernetes"} for side, items in objects.items()})
    answer = PODS.down(pod(), view) if PODS.down else None
    assert isinstance(answer, Wait)
    assert "default/kubernetes" in answer.reason


def test_a_service_of_the_namespace_called_kubernetes_goes_before_the_api_servers_as_with_the_kubelet() -> None:
    own = service("web", "kubernetes", "10.97.0.9", ("x", 1, "TCP"))
    answer = PODS.down(pod(), view_for(pod(), tenant={"services": [own]})) if PODS.down else None
    assert isinstance(answer, Draft)
    env = {item["name"]: item["value"] for item in answer.body["spec"]["containers"][0]["env"]}
    assert env["KUBERNETES_SERVICE_HOST"] == "10.97.0.9"
