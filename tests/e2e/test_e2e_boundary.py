"""What may not cross, who else is on the host, and what is taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.stage import Obj, Place, World, container, eventually, for_a_while

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "privileged": ({"containers": [container(securityContext={"privileged": True})]}, "spec.containers[0].securityContext.privileged"),
    "host-path": ({"volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}]}, "spec.volumes[0].hostPath"),
    "host-port": ({"containers": [container(ports=[{"containerPort": 80, "hostPort": 80}])]}, "spec.containers[0].ports[0].hostPort"),
    "host-network": ({"hostNetwork": True}, "spec.hostNetwork"),
    "host-pid": ({"hostPID": True}, "spec.hostPID"),
    "capability": ({"containers": [container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}})]}, "capabilities"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_pod_that_asks_for_the_host_is_refused_once_by_field_and_never_written(place: Place, world: World, case: str) -> None:
    spec, field = REFUSED[case]
    place.pod(case, **spec)
    place.await_told(case, "SyncRefused", field)
    since = world.positions()
    for_a_while("nothing is on the host", lambda: not place.host("pods", case), 1.5)
    assert [entry for entry in world.writes(since) if entry["objectRef"].get("name", "").startswith(case)] == []
    assert len([one for one in place.events(case) if one["reason"] == "SyncRefused"]) == 1
    attempts = [entry for entry in world.planes.host.audit_entries(world.since[0]) if entry["verb"] == "create" and about(entry, place, case)]
    assert attempts == []


def about(entry: Obj, place: Place, name: str) -> bool:
    ref = entry.get("objectRef", {})
    return (
        ref.get("namespace") == place.on_host
        and (entry.get("requestObject") or {}).get("metadata", {}).get("name") == name
        and ref["resource"] == "pods"
    )


def test_a_foreign_object_under_our_name_is_left_alone_and_an_edit_after_its_removal_is_enough(place: Place, world: World) -> None:
    eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    foreign = world.host.create("configmaps", place.on_host, {"metadata": {"name": "settings"}, "data": {"whose": "the host's"}})
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"whose": "the tenant's"}})
    place.pod("reader", volumes=[{"name": "v", "configMap": {"name": "settings"}}])
    place.await_told("settings", "SyncConflict")
    place.await_told("reader", "SyncWaiting", "settings")
    assert place.host_pods() == []
    assert place.host("configmaps", "settings")["metadata"]["resourceVersion"] == foreign["metadata"]["resourceVersion"]
    world.host.delete("configmaps", place.on_host, "settings")
    place.patch("configmaps", "settings", {"data": {"again": "yes"}})
    place.await_pod("reader")
    assert place.host("configmaps", "settings")["data"] == {"whose": "the tenant's", "again": "yes"}


def test_a_pod_waits_for_a_config_map_that_comes_later(place: Place) -> None:
    place.pod("early", volumes=[{"name": "v", "configMap": {"name": "late"}}])
    place.await_told("early", "SyncWaiting", "late")
    assert not place.host("pods", "early")
    place.create("configmaps", {"metadata": {"name": "late"}, "data": {"a": "b"}})
    place.await_pod("early")


def test_reserved_labels_and_annotations_stay_behind_and_are_named_in_an_event(place: Place) -> None:
    labels = {"kled.io/tenant": "somebody-else", "istio.io/rev": "x", "fine": "yes"}
    place.pod("marked", labels=labels, annotations={"kled.io/source-uid": "forged", "example.com/fine": "yes"})
    place.await_pod("marked")
    copy = place.host("pods", "marked")["metadata"]
    assert copy["labels"]["kled.io/tenant"] == place.world.tenant_name
    assert copy["labels"]["fine"] == "yes"
    assert copy["annotations"]["example.com/fine"] == "yes"
    assert copy["annotations"]["kled.io/source-uid"] == place.get("pods", "marked")["metadata"]["uid"]
    assert "istio.io/rev" not in copy["labels"]
    for key in ("kled.io/tenant", "kled.io/source-uid", "istio.io/rev"):
        place.await_told("marked", "SyncFieldDropped", key)


def test_a_label_added_and_removed_in_the_tenant_comes_and_goes_on_the_host(place: Place) -> None:
    place.pod("labelled")
    place.await_pod("labelled")
    place.patch("pods", "labelled", {"metadata": {"labels": {"tier": "front"}}})
    eventually("the label is there", lambda: place.host("pods", "labelled")["metadata"]["labels"]["tier"] == "front")
    place.patch("pods", "labelled", {"metadata": {"labels": {"tier": None}}})
    eventually("the label is gone", lambda: "tier" not in place.host("pods", "labelled")["metadata"]["labels"])


def test_only_what_is_used_crosses_and_goes_when_nothing_uses_it(place: Place) -> None:
    place.create("configmaps", {"metadata": {"name": "unused"}, "data": {"a": "b"}})
    place.create("configmaps", {"metadata": {"name": "used"}, "data": {"a": "b"}})
    place.pod("user", containers=[container(envFrom=[{"configMapRef": {"name": "used"}}])])
    place.await_pod("user")
    assert place.host("configmaps", "used")
    assert not place.host("configmaps", "unused")
    place.delete("pods", "user", grace=0)
    eventually("the unused copy is gone", lambda: not place.host("configmaps", "used"))
    assert place.get("configmaps", "used")


def with_copy(place: Place) -> None:
    place.create("configmaps", {"metadata": {"name": "kept"}, "data": {"a": "right"}})
    place.service("kept")
    place.pod("user", containers=[container(envFrom=[{"configMapRef": {"name": "kept"}}])])
    place.await_pod("user")


def test_an_edit_on_the_host_is_taken_back(place: Place, world: World) -> None:
    with_copy(place)
    world.host.patch("configmaps", place.on_host, "kept", {"data": {"a": "wrong", "extra": "x"}})
    eventually("the data is right again", lambda: place.host("configmaps", "kept")["data"] == {"a": "right"})
    world.host.patch("services", place.on_host, "kept", {"spec": {"selector": {"app": "other"}}})
    eventually("the selector is right again", lambda: place.host("services", "kept")["spec"]["selector"]["app"] == "kept")


def test_labels_that_the_host_adds_are_left_alone_and_not_shown_to_the_tenant(place: Place, world: World) -> None:
    with_copy(place)
    world.host.patch("pods", place.on_host, "user", {"metadata": {"labels": {"host.example/team": "blue"}}})
    for_a_while("the host's label stays", lambda: place.host("pods", "user")["metadata"]["labels"].get("host.example/team") == "blue", 2)
    assert "host.example/team" not in place.get("pods", "user")["metadata"].get("labels", {})


@pytest.mark.parametrize("kind", ["configmaps", "services"])
def test_a_deleted_host_copy_is_made_again(place: Place, world: World, kind: str) -> None:
    with_copy(place)
    before = eventually("the copy is there", lambda: place.host(kind, "kept"))["metadata"]["uid"]
    world.host.delete(kind, place.on_host, "kept")
    after = eventually("it is there again", lambda: place.host(kind, "kept"))
    assert after["metadata"]["uid"] != before


def test_an_immutable_config_map_that_is_made_anew_replaces_the_hosts(place: Place) -> None:
    with_copy(place)
    place.create("configmaps", {"metadata": {"name": "fixed"}, "data": {"v": "1"}, "immutable": True})
    place.pod("reader", containers=[container(envFrom=[{"configMapRef": {"name": "fixed"}}])])
    place.await_pod("reader")
    assert place.host("configmaps", "fixed")["immutable"] is True
    place.delete("configmaps", "fixed")
    place.create("configmaps", {"metadata": {"name": "fixed"}, "data": {"v": "2"}, "immutable": True})
    eventually("the host has the new one", lambda: place.host("configmaps", "fixed")["data"] == {"v": "2"})
    assert place.host("configmaps", "fixed")["immutable"] is True


def test_a_config_map_that_becomes_immutable_becomes_so_on_the_host(place: Place) -> None:
    with_copy(place)
    place.patch("configmaps", "kept", {"immutable": True, "data": {"a": "last"}})
    eventually(
        "the host follows",
        lambda: place.host("configmaps", "kept").get("immutable") is True and place.host("configmaps", "kept")["data"] == {"a": "last"},
    )


def test_pods_look_only_at_this_tenants_pods(place: Place) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    place.deployment("web", 3, affinity=affinity, topologySpreadConstraints=[spread])
    pods = place.await_ready(3, app="web")
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 3
    # That every selector is confined is for the oracle to see; here it must have something to look at.
    assert all(pod["spec"]["affinity"]["podAntiAffinity"] for pod in place.host_pods())


def test_objects_with_the_stamps_of_another_tenant_are_not_touched(place: Place, world: World) -> None:
    eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    marks = {"kled.io/tenant": "other", "kled.io/translator": "configmaps", "kled.io/namespace": place.name}
    notes = {"kled.io/source-name": "x", "kled.io/source-namespace": place.name, "kled.io/source-uid": "u", "kled.io/schema": "1"}
    world.host.create("configmaps", place.on_host, {"metadata": {"name": "theirs", "labels": marks, "annotations": notes}})
    for_a_while("it stays", lambda: place.host("configmaps", "theirs"), 2)
    world.host.delete("configmaps", place.on_host, "theirs")
