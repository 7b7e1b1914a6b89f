"""From creation to the end: what is written, on which side, through which subresource, and when nothing is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pod_world import SHARED, case, container, created, obj, patched, patches, plan, pod, running, settings, view_for, with_status

from syncer.core.actions import Create, Delete, Event, Patch, Refuse, Waiting
from syncer.core.decide import decide
from syncer.core.objects import Ref, Side
from translators.pods import PODS
from translators.pods.life import PLACED, finished, placed
from translators.pods.record import settle


def rested(given: dict[str, Any], view: Any, host: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both pods after the rounds it takes; fails when there is no end to it."""
    for _ in range(4):
        actions = plan(given, view, host)
        if not any(isinstance(action, Patch) for action in actions):
            return given, host
        given, host = patched(given, actions, Side.TENANT), patched(host, actions, Side.HOST)
    raise AssertionError(actions)


def test_a_pod_that_was_just_created_needs_no_write_on_either_side() -> None:
    given = pod()
    view = view_for(given)
    assert plan(given, view, created(given, view)) == ()


def test_the_first_write_in_the_tenant_carries_the_mark_that_the_pod_has_been_placed() -> None:
    given = pod()
    view = view_for(given)
    host = created(given, view)
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:03Z"}
    actions = plan(given, view, with_status(host, {"conditions": [scheduled]}))
    status = patches(actions, Side.TENANT)["status"]["status"]
    assert {item["type"]: item["status"] for item in status["conditions"]} == {"PodScheduled": "True", PLACED: "True"}
    assert placed(patched(given, actions, Side.TENANT))


def test_a_pod_that_runs_at_once_takes_one_write_in_the_tenant_and_then_none() -> None:
    given = pod()
    view = view_for(given)
    host = running(created(given, view))
    actions = plan(given, view, host)
    assert [action.subresource for action in actions if isinstance(action, Patch)] == ["status"]
    assert plan(patched(given, actions, Side.TENANT), view, host) == ()


def test_a_status_write_never_meets_a_newer_tenant_pod() -> None:
    given = pod()
    view = view_for(given)
    actions = plan(given, view, running(created(given, view)))
    assert [action.resource_version for action in actions if isinstance(action, Patch)] == ["7"]


def test_a_pod_that_was_placed_is_not_put_on_the_host_again() -> None:
    given = with_status(pod(), {"conditions": [{"type": PLACED, "status": "True"}]})
    actions = plan(given, view_for(given))
    assert [(type(action), action.side) for action in actions if isinstance(action, Delete)] == [(Delete, Side.TENANT)]
    assert not any(isinstance(action, Create) for action in actions)


@pytest.mark.parametrize("status", [{"startTime": "2026-01-01T00:00:00Z"}, {"containerStatuses": [{"name": "main"}]}])
def test_news_from_a_node_marks_a_pod_as_placed(status: dict[str, Any]) -> None:
    assert placed(with_status(pod(), status))
    assert not placed(pod())


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_stays_without_a_host_pod(phase: str) -> None:
    given = with_status(pod(), {"phase": phase})
    assert finished(given)
    assert plan(given, view_for(given)) == ()


def test_images_follow_on_both_kinds_of_containers() -> None:
    given = pod({"initContainers": [container("prepare", restartPolicy="Always")]})
    view = view_for(given)
    host = created(given, view)
    given["spec"]["containers"][0]["image"] = "example.org/app:2"
    given["spec"]["initContainers"][0]["image"] = "example.org/prepare:2"
    actions = plan(given, view, host)
    after = patched(host, actions, Side.HOST)
    assert list(patches(actions, Side.HOST)) == [""]
    assert after["spec"]["containers"][0]["image"] == "example.org/app:2"
    assert after["spec"]["initContainers"][0]["image"] == "example.org/prepare:2"
    assert plan(given, view, after) == ()


def test_an_image_changed_on_the_host_is_taken_back() -> None:
    given = pod()
    view = view_for(given)
    host = created(given, view)
    host["spec"]["containers"][0]["image"] = "example.org/evil:1"
    assert patched(host, plan(given, view, host), Side.HOST)["spec"]["containers"][0]["image"] == "example.org/app:1"


def test_what_the_host_injected_is_neither_touched_nor_judged() -> None:
    seen: list[Any] = []
    given = pod()
    view = view_for(given)
    host = created(given, view)
    host["spec"]["containers"].append({"name": "proxy", "image": "mesh:1", "securityContext": {"privileged": True}})
    host["spec"]["initContainers"] = [{"name": "proxy-init", "image": "mesh:1"}]
    host["spec"]["volumes"].append({"name": "socket", "hostPath": {"path": "/run"}})
    given["spec"]["containers"][0]["image"] = "example.org/app:2"
    case_ = case(given, view, host)
    judged = replace(PODS, check=lambda body, view: seen.append(body) or ())  # type: ignore[func-returns-value]
    after = patched(host, decide(replace(case_, translator=judged)), Side.HOST)
    assert [item["name"] for item in seen[0]["spec"]["containers"]] == ["main"]
    assert seen[0]["spec"].get("initContainers") == []
    assert [item["name"] for item in seen[0]["spec"]["volumes"]] == ["kube-api-access-x1y2z"]
    assert [item["name"] for item in after["spec"]["containers"]] == ["main", "proxy"]


def test_a_resize_goes_through_its_subresource_and_leaves_what_a_limit_range_added() -> None:
    given = pod({"containers": [container(resources={"requests": {"cpu": "1"}})]})
    view = view_for(given)
    host = created(given, view)
    host["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    assert plan(given, view, host) == ()
    given["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2"}}
    actions = plan(given, view, host)
    assert list(patches(actions, Side.HOST)) == ["resize"]
    after = patched(host, actions, Side.HOST)
    assert after["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "2", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    assert plan(given, view, after) == ()


def test_the_resources_of_a_whole_pod_are_resized_too() -> None:
    given = pod({"resources": {"requests": {"cpu": "1"}}})
    view = view_for(given)
    host = created(given, view)
    given["spec"]["resources"] = {"requests": {"cpu": "3"}}
    actions = plan(given, view, host)
    assert patches(actions, Side.HOST)["resize"] == {"spec": {"resources": {"requests": {"cpu": "3"}}}}


def test_nothing_is_resized_once_the_host_pod_has_ended() -> None:
    given = pod({"containers": [container(resources={"requests": {"cpu": "1"}})]})
    view = view_for(given)
    host = with_status(created(given, view), {"phase": "Succeeded"})
    given["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "2"}}
    assert not patches(plan(given, view, host), Side.HOST)


def test_tolerations_are_added_and_those_of_the_host_stay() -> None:
    given = pod()
    view = view_for(given)
    host = created(given, view)
    host["spec"]["tolerations"].append({"key": "host", "operator": "Exists"})
    assert plan(given, view, host) == ()
    given["spec"]["tolerations"][0] = {**given["spec"]["tolerations"][0], "tolerationSeconds": 5}
    given["spec"]["tolerations"].append({"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"})
    actions = plan(given, view, host)
    after = patched(host, actions, Side.HOST)["spec"]["tolerations"]
    assert after[0]["tolerationSeconds"] == 5
    assert [item.get("effect", "") + item["key"] for item in after] == [
        "NoExecutenode.kubernetes.io/not-ready",
        "NoExecutenode.kubernetes.io/unreachable",
        "host",
        "NoSchedulenode.kubernetes.io/not-ready",
    ]
    assert all(action.resource_version == "11" for action in actions if isinstance(action, Patch))
    assert plan(given, view, patched(host, actions, Side.HOST)) == ()


@pytest.mark.parametrize(("tenant", "host", "after"), [(50, None, 50), (50, 100, 50), (200, 100, 100), (None, 100, 100)])
def test_a_deadline_only_ever_gets_shorter(tenant: int | None, host: int | None, after: int) -> None:
    given = pod({"activeDeadlineSeconds": tenant})
    view = view_for(given)
    there = created(given, view)
    there["spec"].pop("activeDeadlineSeconds", None)
    if host is not None:
        there["spec"]["activeDeadlineSeconds"] = host
    assert patched(there, plan(given, view, there), Side.HOST)["spec"]["activeDeadlineSeconds"] == after


def test_ephemeral_containers_are_added_translated_and_those_of_the_host_stay() -> None:
    given = pod()
    view = view_for(given, settings(SHARED))
    host = created(given, view)
    host["spec"]["ephemeralContainers"] = [{"name": "admin", "image": "debug:1"}]
    given["spec"]["ephemeralContainers"] = [
        {
            "name": "debug",
            "image": "busybox",
            "targetContainerName": "main",
            "env": [{"name": "ME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        }
    ]
    actions = plan(given, view, host)
    assert list(patches(actions, Side.HOST)) == ["ephemeralcontainers"]
    after = patched(host, actions, Side.HOST)
    assert [item["name"] for item in after["spec"]["ephemeralContainers"]] == ["admin", "debug"]
    assert after["spec"]["ephemeralContainers"][1]["env"][-1] == {"name": "ME", "value": "app-0"}
    assert plan(given, view, after) == ()


def test_ephemeral_containers_are_not_sent_with_the_creation_which_would_be_refused() -> None:
    given = pod({"ephemeralContainers": [{"name": "debug", "image": "busybox"}]})
    assert "ephemeralContainers" not in created(given, view_for(given))["spec"]


def test_an_ephemeral_container_waits_for_what_it_refers_to_while_status_flows() -> None:
    given = pod()
    view = view_for(given)
    host = running(created(given, view))
    given["spec"]["ephemeralContainers"] = [{"name": "debug", "image": "x", "envFrom": [{"secretRef": {"name": "nowhere"}}]}]
    actions = plan(given, view, host)
    assert [action.reason for action in actions if isinstance(action, Waiting)] == ["Secret 'nowhere' does not exist"]
    assert "status" in patches(actions, Side.TENANT)


def test_a_reference_that_has_gone_does_not_hold_up_changes_of_a_pod_that_runs() -> None:
    given = pod(volumes=[{"name": "v", "configMap": {"name": "settings"}}])
    host = created(given, view_for(given))
    given["metadata"]["labels"]["app"] = "other"
    view = view_for(given, without=["configmaps", "secrets", "serviceaccounts", "nodes"])
    assert patched(host, plan(given, view, host), Side.HOST)["metadata"]["labels"]["app"] == "other"


def test_labels_shown_in_a_file_follow_the_tenants() -> None:
    item = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    given = pod(volumes=[{"name": "info", "downwardAPI": {"items": [item]}}])
    view = view_for(given)
    host = created(given, view)
    given["metadata"]["labels"] = {"app": "changed"}
    after = patched(host, plan(given, view, host), Side.HOST)
    assert after["metadata"]["annotations"]["kled.io/tenant-labels"] == 'app="changed"'
    assert plan(given, view, after) == ()


def test_conditions_of_readiness_gates_flow_down_and_only_those() -> None:
    given = pod({"readinessGates": [{"conditionType": "example.org/lb"}, {"conditionType": "Ready"}, {"conditionType": "kled.io/Placed"}]})
    view = view_for(given)
    host = running(created(given, view))
    given, host = rested(given, view, host)
    gate = {"type": "example.org/lb", "status": "True", "reason": "Up", "message": "m" * 3000, "lastTransitionTime": "2026-01-01T00:01:00Z"}
    given["status"] = {**given["status"], "conditions": [*given["status"]["conditions"], gate, {"type": "example.org/other", "status": "True"}]}
    actions = plan(given, view, host)
    assert list(patches(actions, Side.HOST)) == ["status"]
    assert all(action.resource_version == "11" for action in actions if isinstance(action, Patch) and action.side is Side.HOST)
    after = {item["type"]: item for item in patched(host, actions, Side.HOST)["status"]["conditions"]}
    assert after["example.org/lb"] == {**gate, "message": "m" * 1024}
    assert "example.org/other" not in after
    assert after["Ready"]["lastTransitionTime"] == "2026-01-01T00:00:04Z"
    _, host = rested(given, view, patched(host, actions, Side.HOST))
    given["status"]["conditions"][-2] = {"type": "example.org/lb", "status": "False"}
    after = {item["type"]: item for item in patched(host, plan(given, view, host), Side.HOST)["status"]["conditions"]}
    assert after["example.org/lb"] == {"type": "example.org/lb", "status": "False"}


def test_a_deletion_in_the_tenant_takes_the_host_pod_with_the_same_grace() -> None:
    given = pod()
    view = view_for(given)
    host = running(created(given, view))
    given["metadata"] |= {"deletionTimestamp": "2026-01-01T01:00:00Z", "deletionGracePeriodSeconds": 12}
    deletes = [action for action in plan(given, view, host) if isinstance(action, Delete)]
    assert [(action.side, action.grace, action.uid) for action in deletes] == [(Side.HOST, 12, "h-p-1")]


def test_an_optional_reference_waits_while_somebody_else_holds_the_host_name() -> None:
    given = pod(volumes=[{"name": "v", "secret": {"secretName": "theirs", "optional": True}}])
    view = view_for(given, foreign=[Ref("secrets", "acme-web", "theirs")])
    actions = plan(given, view)
    assert [action.reason for action in actions if isinstance(action, Waiting)] == [
        "Secret 'theirs': an object on the host that is not this tenant's holds the name"
    ]


def test_an_optional_reference_waits_for_the_copy_of_an_object_that_the_tenant_has() -> None:
    given = pod(volumes=[{"name": "v", "configMap": {"name": "settings", "optional": True}}])
    view = view_for(given)
    view._objects[Side.HOST] = {ref: item for ref, item in view._objects[Side.HOST].items() if ref.name != "settings"}
    assert [action.reason for action in plan(given, view) if isinstance(action, Waiting)] == ["ConfigMap 'settings' is not on the host yet"]


def test_tokens_of_an_earlier_pod_of_the_same_name_are_not_taken() -> None:
    given = pod()
    view = view_for(given)
    again = pod(uid="p-2")
    assert any(isinstance(action, Waiting) for action in plan(again, view))


def test_dropped_fields_are_told_with_the_creation_only() -> None:
    given = pod({"future": 1})
    view = view_for(given)
    assert [action.message for action in plan(given, view) if isinstance(action, Event)] == [
        "spec.future: this version does not know the field, so it does not cross"
    ]
    host = created(given, view)
    given["spec"]["containers"][0]["image"] = "other"
    assert not any(isinstance(action, (Event, Refuse)) for action in plan(given, view, host))


def test_a_pod_coming_up_is_written_in_larger_steps_than_one_that_runs() -> None:
    assert settle(b'{"phase":"Pending"}') > settle(b'{"phase":"Pending","startTime":"x"}') > settle(b'{"phase":"Running"}') == 0


def test_wait_names_everything_that_is_missing() -> None:
    given = pod(
        {"imagePullSecrets": [{"name": "registry"}]},
        volumes=[{"name": "a", "configMap": {"name": "one"}}, {"name": "b", "secret": {"secretName": "two"}}],
    )
    view = view_for(given, tenant={"secrets": [obj("web", "two")]}, host={"nodes": []})
    view._objects[Side.HOST] = {ref: item for ref, item in view._objects[Side.HOST].items() if ref.name not in ("two", "registry")}
    waiting = next(action for action in plan(given, view) if isinstance(action, Waiting))
    assert waiting.reason == "ConfigMap 'one' does not exist; Secret 'two' is not on the host yet; Secret 'registry' is not on the host yet"
    assert [need.ref.name for need in waiting.on] == ["one", "two", "registry"]
