"""Storage where all tenant namespaces share one host namespace: equal names do not meet, and what lies beside them is left alone and not shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.provisioner import DRIVER, Provisioner
from tests.e2e.stage import TENANT_RANGE, Obj, Place, World, eventually, for_a_while

TENANT = "flat"
SHARED = "flat-all"
SYNC = f"""
sync:
  namespaceMapping:
    "*": {SHARED}
tenant:
  serviceCIDR: {TENANT_RANGE}
"""
CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"


def host_name(namespace: str) -> str:
    return SHARED


@pytest.fixture(scope="module")
def disks(world: World) -> Iterator[Provisioner]:
    """The host's default class, which is shown without being named."""
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    world.host.create("storageclasses", "", {"metadata": {"name": "standard", "annotations": mark}, "provisioner": DRIVER})
    provisioner = Provisioner(world.host).start()
    eventually("the class is shown", lambda: world.tenant.get("storageclasses", "", "standard"))
    yield provisioner
    provisioner.stop()
    assert not provisioner.failures, provisioner.failures[0]
    world.host.delete("storageclasses", "", "standard")


def claim(place: Place, name: str, **spec: object) -> Obj:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return place.create(CLAIMS, {"metadata": {"name": name}, "spec": body})


def bound(place: Place, name: str) -> Obj:
    return eventually(f"{name} is bound", lambda: _bound(place.get(CLAIMS, name))) or {}


def _bound(found: Obj) -> Obj | None:
    return found if found["status"].get("phase") == "Bound" else None


def test_claims_of_one_name_in_two_namespaces_have_a_volume_each_of_the_default_class(world: World, disks: Provisioner) -> None:
    one, other = world.place(), world.place()
    for place in (one, other):
        claim(place, "data")
    volumes = {bound(place, "data")["spec"]["volumeName"] for place in (one, other)}
    assert len(volumes) == 2
    for place in (one, other):
        copy = world.host.get(CLAIMS, SHARED, f"data-x-{place.name}-x-{TENANT}")
        assert copy["spec"]["volumeName"] == place.get(CLAIMS, "data")["spec"]["volumeName"]
        assert copy["spec"]["storageClassName"] == "standard"
        place.pod("user", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
        place.await_pod("user")


def test_a_clone_finds_its_source_among_equal_names(world: World, disks: Provisioner) -> None:
    place = world.place()
    claim(place, "data")
    claim(place, "copy", dataSource={"kind": "PersistentVolumeClaim", "name": "data"})
    bound(place, "copy")
    assert world.host.get(CLAIMS, SHARED, f"copy-x-{place.name}-x-{TENANT}")["spec"]["dataSource"]["name"] == f"data-x-{place.name}-x-{TENANT}"


def test_a_claim_of_the_host_beside_ours_is_not_shown_nor_its_volume(world: World, disks: Provisioner) -> None:
    place = world.place()
    claim(place, "data")
    bound(place, "data")
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard", "resources": {"requests": {"storage": "1Gi"}}}
    world.host.create(CLAIMS, SHARED, {"metadata": {"name": "theirs"}, "spec": spec})
    found = eventually("the host binds it", lambda: _bound(world.host.get(CLAIMS, SHARED, "theirs"))) or {}
    for_a_while("its volume is not shown", lambda: not world.tenant.get(VOLUMES, "", found["spec"]["volumeName"]), 2)
    claim(place, "thief", volumeName=found["spec"]["volumeName"])
    place.await_told("thief", "SyncRefused", found["spec"]["volumeName"])
    world.host.delete(CLAIMS, SHARED, "theirs")
