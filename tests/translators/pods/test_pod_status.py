"""The tenant's status tells the truth about the host pod, in the tenant's words."""

from __future__ import annotations

from typing import Any

import pytest
from pod_world import SHARED, container, created, patched, patches, plan, pod, running, settings, view_for, with_status

from syncer.core.objects import Side
from syncer.core.translator import Draft, Skip
from translators.pods import PODS
from translators.pods.life import PLACED
from translators.pods.messages import unschedulable


def status_of(given: dict[str, Any], host: dict[str, Any], **world: Any) -> dict[str, Any]:
    view = view_for(given, counterpart=given, **world)
    assert PODS.up is not None
    answer = PODS.up(host, view)
    assert isinstance(answer, Draft), answer
    return dict(answer.body["status"])


def conditions(status: dict[str, Any]) -> dict[str, Any]:
    return {item["type"]: item for item in status["conditions"]}


def test_every_field_of_the_host_status_comes_up() -> None:
    given = pod()
    host = running(created(given, view_for(given)), message="m", reason="r", resize="Proposed", allocatedResources={"cpu": "1"}, someday="x")
    status = status_of(given, host)
    wanted = {key: value for key, value in host["status"].items() if key != "conditions"}
    assert {key: status.get(key) for key in wanted} == wanted


def test_what_the_tenants_own_components_write_is_kept() -> None:
    given = with_status(pod(), {"nominatedNodeName": "n", "resourceClaimStatuses": [{"name": "a"}], "qosClass": "Burstable"})
    host = running(created(given, view_for(given)), nominatedNodeName="other", resourceClaimStatuses=[{"name": "b"}], qosClass="Guaranteed")
    status = status_of(given, host)
    assert (status["nominatedNodeName"], status["resourceClaimStatuses"], status["qosClass"]) == ("n", [{"name": "a"}], "Burstable")


def test_a_claim_status_of_the_host_never_shows() -> None:
    given = pod()
    status = status_of(given, running(created(given, view_for(given)), extendedResourceClaimStatus={"resourceClaimName": "host"}))
    assert "extendedResourceClaimStatus" not in status


def test_injected_containers_are_hidden_unless_configured_otherwise() -> None:
    given = pod({"initContainers": [container("prepare")]})
    host = created(given, view_for(given))
    host["spec"]["containers"].append({"name": "proxy", "image": "mesh"})
    host = running(host, initContainerStatuses=[{"name": "mesh-init"}, {"name": "prepare"}], ephemeralContainerStatuses=[{"name": "admin"}])
    status = status_of(given, host)
    assert [item["name"] for item in status["containerStatuses"]] == ["main"]
    assert [item["name"] for item in status["initContainerStatuses"]] == ["prepare"]
    assert status["ephemeralContainerStatuses"] == []
    status = status_of(given, host, made=settings(host={"hide_containers": False}))
    assert [item["name"] for item in status["containerStatuses"]] == ["main", "proxy"]


def test_nothing_is_told_of_a_fresh_host_pod() -> None:
    given = pod()
    view = view_for(given)
    host = created(given, view)
    view.counterpart = given
    assert PODS.up is not None
    assert isinstance(PODS.up(host, view), Skip)


def test_the_tenants_scheduler_keeps_its_own_condition() -> None:
    given = pod()
    status = status_of(given, running(created(given, view_for(given))))
    assert conditions(status)["PodScheduled"] == given["status"]["conditions"][0]


def test_a_host_that_cannot_place_the_pod_says_why_and_not_how_large_it_is() -> None:
    given = pod()
    text = (
        "0/57 nodes are available: 1 Insufficient cpu, 56 node(s) didn't match Pod's node affinity/selector. "
        "preemption: 0/57 nodes are available: 57 Preemption is not helpful for scheduling."
    )
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": text, "lastTransitionTime": "2026-01-01T00:00:03Z"}
    host = with_status(created(given, view_for(given)), {"conditions": [refused]})
    status = status_of(given, host)
    told = conditions(status)["PodScheduled"]
    assert (told["status"], told["reason"]) == ("False", "Unschedulable")
    assert told["message"] == "the chosen node does not take the pod: Insufficient cpu"
    again = conditions(status_of(with_status(given, status), running(host)))
    assert again["PodScheduled"]["status"] == "True"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("0/3 nodes are available: 3 node(s) didn't satisfy plugin(s) [NodeAffinity].", "the chosen node is not available on the host"),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "the chosen node is not available on the host"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint(s).", "the chosen node does not take the pod: node(s) had untolerated taint(s)"),
        ("pod web_acme-all has been rejected by secret-thing", "the host's scheduler has not placed the pod on its node yet"),
    ],
)
def test_words_of_the_hosts_scheduler(text: str, told: str) -> None:
    assert unschedulable(text) == told


def test_texts_name_the_tenants_pod() -> None:
    given = pod()
    made = settings(SHARED)
    host = created(given, view_for(given, made))
    name, namespace, uid = host["metadata"]["name"], host["metadata"]["namespace"], host["metadata"]["uid"]
    waiting = {"reason": "CrashLoopBackOff", "message": f"back-off 10s restarting failed container=main pod={name}_{namespace}({uid})"}
    ended = {"exitCode": 1, "message": f'secret "{namespace}/password-x-web-x-acme" not found'}
    statuses = [{"name": "main", "state": {"waiting": waiting}, "lastState": {"terminated": ended}, "restartCount": 1}]
    not_ready = {"type": "Ready", "status": "False", "message": f"in {namespace}"}
    status = status_of(given, with_status(host, {"containerStatuses": statuses, "conditions": [not_ready], "message": f"{name} failed"}), made=made)
    told = status["containerStatuses"][0]
    assert told["state"]["waiting"]["message"] == "back-off 10s restarting failed container=main pod=app-0_web(p-1)"
    assert told["lastState"]["terminated"] == {"exitCode": 1, "message": 'secret "web/password" not found'}
    assert conditions(status)["Ready"]["message"] == "in web"
    assert status["message"] == "app-0 failed"


@pytest.mark.parametrize(("recorded", "observed", "told"), [("5", 1, 5), ("5", 0, None), ("5", 9, None), (None, 1, None), ("x", 1, None)])
def test_observed_generation_is_told_in_the_tenants_counting(recorded: str | None, observed: int, told: int | None) -> None:
    given = pod(generation=6)
    host = running(created(given, view_for(given)), observedGeneration=observed)
    annotations = {key: value for key, value in host["metadata"]["annotations"].items() if key != "kled.io/source-generation"}
    host["metadata"]["annotations"] = annotations if recorded is None else {**annotations, "kled.io/source-generation": recorded}
    status = status_of(given, host)
    assert status.get("observedGeneration") == told


def test_conditions_count_in_the_tenants_generations_too() -> None:
    given = pod(generation=6)
    host = running(created(given, view_for(given)))
    assert {item.get("observedGeneration") for item in status_of(given, host)["conditions"] if item["type"] not in (PLACED, "PodScheduled")} == {6}


def test_a_tenant_that_knows_no_generations_of_pods_is_not_sent_any() -> None:
    given = pod()
    del given["metadata"]["generation"]
    view = view_for(given)
    host = running(created(given, view))
    assert not [key for key in _keys(status_of(given, host)) if key == "observedGeneration"]
    assert plan(patched(given, plan(given, view, host), Side.TENANT), view, host) == ()


def test_what_a_container_wrote_at_its_end_is_not_touched() -> None:
    given = pod()
    host = created(given, view_for(given))
    ended = {"exitCode": 1, "reason": "Error", "message": "acme-web trace-0123456789abcdef0123456789abcdef"}
    status = status_of(given, with_status(host, {"containerStatuses": [{"name": "main", "state": {"terminated": ended}}]}))
    assert status["containerStatuses"][0]["state"]["terminated"] == ended


def _keys(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(key for item in value.values() for key in _keys(item))]
    return [key for item in value for key in _keys(item)] if isinstance(value, list) else []


def test_each_condition_has_one_owner() -> None:
    own = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "example.org/gate", "status": "True", "reason": "Mine"},
        {"type": "example.org/note", "status": "True"},
        {"type": "PodResizePending", "status": "True"},
        {"type": "DisruptionTarget", "status": "True", "reason": "TenantSaysSo"},
        {"type": "Ready", "status": "False"},
    ]
    given = with_status(pod({"readinessGates": [{"conditionType": "example.org/gate"}]}), {"conditions": own})
    host = running(created(given, view_for(given)))
    host["status"]["conditions"] += [{"type": "example.org/gate", "status": "False"}, {"type": "host.example.org/x", "status": "True"}]
    found = conditions(status_of(given, host))
    assert found["example.org/gate"]["reason"] == "Mine"
    assert found["example.org/note"]["status"] == "True"
    assert found["DisruptionTarget"]["reason"] == "TenantSaysSo"
    assert found["Ready"]["status"] == "True"
    assert "PodResizePending" not in found
    assert "host.example.org/x" in found
    assert found[PLACED]["lastTransitionTime"] == "2026-01-01T00:00:02Z"


def test_the_hosts_word_on_disruption_goes_before_the_tenants() -> None:
    given = with_status(pod(), {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "Old"}]})
    host = running(created(given, view_for(given)))
    host["status"]["conditions"].append({"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"})
    assert conditions(status_of(given, host))["DisruptionTarget"]["reason"] == "EvictionByEvictionAPI"


def test_status_flows_while_the_pod_goes_away() -> None:
    given = pod()
    view = view_for(given)
    host = running(created(given, view), phase="Succeeded")
    given["metadata"] |= {"deletionTimestamp": "2026-01-01T01:00:00Z", "deletionGracePeriodSeconds": 1}
    host["metadata"] |= {"deletionTimestamp": "2026-01-01T01:00:00Z", "deletionGracePeriodSeconds": 1}
    assert patched(given, plan(given, view, host), Side.TENANT)["status"]["phase"] == "Succeeded"


def test_an_end_in_the_tenant_is_never_taken_back() -> None:
    given = with_status(pod(), {"phase": "Failed"})
    view = view_for(given)
    assert not patches(plan(given, view, running(created(pod(), view))), Side.TENANT)


def test_a_pod_that_is_gone_in_the_tenant_is_told_nothing() -> None:
    given = pod()
    view = view_for(given)
    host = running(created(given, view))
    view.counterpart = None
    assert PODS.up is not None
    assert isinstance(PODS.up(host, view), Skip)
