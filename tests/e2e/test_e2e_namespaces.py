"""Which host namespace a tenant namespace lands in: by table, by pattern, lent by the host's admin, taken by somebody else, or none."""

from __future__ import annotations

import uuid

import pytest

from tests.e2e.stage import TENANT_RANGE, Place, World, eventually, for_a_while

TENANT = "mapped"
SYNC = f"""
sync:
  namespaceMapping:
    by-table: somewhere-else
    "*": "TENANT-{{namespace}}"
tenant:
  serviceCIDR: {TENANT_RANGE}
"""


def named(world: World, name: str, on_host: str) -> Place:
    world.tenant.create("namespaces", "", {"metadata": {"name": name}})
    world.spaces.append(name)
    eventually("it has its default ServiceAccount", lambda: world.tenant.get("serviceaccounts", name, "default"))
    return Place(world, name, on_host)


def test_a_namespace_of_the_table_lands_where_the_table_says(world: World) -> None:
    place = named(world, "by-table", "somewhere-else")
    place.pod("one")
    place.await_pod("one")
    assert place.host("pods", "one")["metadata"]["annotations"]["kled.io/source-namespace"] == "by-table"


def test_other_namespaces_follow_the_pattern(place: Place) -> None:
    place.pod("one")
    place.await_pod("one")
    assert place.host("pods", "one")
    assert place.on_host == f"mapped-{place.name}"


def test_nothing_of_a_tenant_namespaces_metadata_crosses(place: Place, world: World) -> None:
    marks = {"pod-security.kubernetes.io/enforce": "privileged", "istio-injection": "enabled", "kled.io/tenant": "other"}
    world.tenant.patch(
        "namespaces", "", place.name, {"metadata": {"labels": marks, "annotations": {"scheduler.alpha.kubernetes.io/node-selector": "a=b"}}}
    )
    space = eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    strange = set(marks) - {"kled.io/tenant"}
    for_a_while("the marks stay in the tenant", lambda: not strange & set(world.host.get("namespaces", "", place.on_host)["metadata"]["labels"]), 1)
    assert space["metadata"]["labels"]["kled.io/tenant"] == "mapped"


def test_a_namespace_that_the_admin_lends_is_used_and_emptied_but_never_deleted(world: World) -> None:
    name = f"lent-{uuid.uuid4().hex[:6]}"
    world.host.create("namespaces", "", {"metadata": {"name": f"mapped-{name}", "labels": {"kled.io/tenant": "mapped"}}})
    place = named(world, name, f"mapped-{name}")
    place.service("web")
    place.pod("guest")
    place.await_pod("guest")
    eventually("the service is there", lambda: place.host("services", "web"))
    world.host.create("configmaps", place.on_host, {"metadata": {"name": "of-the-admin"}})
    world.tenant.delete("namespaces", "", name)
    eventually("the tenant namespace is gone", lambda: not world.tenant.get("namespaces", "", name))
    eventually("it is emptied", lambda: (not place.host("services", "web") and not place.host_pods()) or None)
    for_a_while("it stays", lambda: not world.host.get("namespaces", "", place.on_host)["metadata"].get("deletionTimestamp"), 3)
    assert place.host("configmaps", "of-the-admin")
    world.host.delete("namespaces", "", place.on_host)


def test_a_namespace_of_somebody_else_is_not_used_and_told_as_a_conflict(world: World) -> None:
    name = f"taken-{uuid.uuid4().hex[:6]}"
    world.host.create("namespaces", "", {"metadata": {"name": f"mapped-{name}"}})
    place = named(world, name, f"mapped-{name}")
    place.pod("outside")
    said = eventually(
        "the conflict is told",
        lambda: [one for one in world.tenant.list("events") if one["involvedObject"]["name"] == name and one["reason"] == "SyncConflict"],
    )
    assert said[0]["involvedObject"]["kind"] == "Namespace"
    assert not place.host_pods()
    assert not place.host("serviceaccounts", "kled-workload")
    world.host.patch("namespaces", "", place.on_host, {"metadata": {"labels": {"kled.io/tenant": "mapped"}}})
    place.await_pod("outside")
    place.delete("pods", "outside", grace=0)
    eventually("it is gone", lambda: not place.host_pods())


@pytest.mark.parametrize("length", [63, 56])
def test_a_name_too_long_for_the_pattern_is_shortened(world: World, length: int) -> None:
    name = f"{'long-' * 20}"[: length - 9] + f"-{uuid.uuid4().hex[:8]}"
    world.tenant.create("namespaces", "", {"metadata": {"name": name}})
    world.spaces.append(name)
    eventually("it has its default ServiceAccount", lambda: world.tenant.get("serviceaccounts", name, "default"))
    found = eventually("it is on the host", lambda: world.host.list("namespaces", "", "kled.io/tenant=mapped") and copies(world, name))
    assert len(found[0]) <= 63
    place = Place(world, name, found[0])
    place.pod("inside")
    place.await_pod("inside")


def copies(world: World, name: str) -> list[str]:
    spaces = world.host.list("namespaces", "", "kled.io/tenant=mapped")
    return [one["metadata"]["name"] for one in spaces if (one["metadata"].get("annotations") or {}).get("kled.io/source-name") == name]
