"""Snapshots, and volumes that a tenant brings in: kinds that are installed while the syncer runs, contents, restores, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.provisioner import DRIVER, SECRET_HANDLE, Provisioner
from tests.e2e.stage import TENANT_RANGE, Cluster, Obj, Place, World, eventually, for_a_while

TENANT = "film"
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
  resources:
  - name: pods
  - name: persistentvolumeclaims
  - name: volumesnapshots
  - name: volumesnapshotclasses
    names: [daily]
  - name: storageclasses
    names: [film]
policy:
  allowVolumes: ["{DRIVER}/shared-*"]
tenant:
  serviceCIDR: {TENANT_RANGE}
"""
CLAIMS, VOLUMES, SNAPSHOTS, CONTENTS = "persistentvolumeclaims", "persistentvolumes", "volumesnapshots", "volumesnapshotcontents"
GROUP = "snapshot.storage.k8s.io"
OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def definition(plural: str, kind: str, scope: str, *, status: bool) -> Obj:
    """A CRD as small as it can be."""
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    if status:
        version["subresources"] = {"status": {}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "metadata": {"name": f"{plural}.{GROUP}", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": [version]},
    }


DEFINITIONS = (
    definition(SNAPSHOTS, "VolumeSnapshot", "Namespaced", status=True),
    definition(CONTENTS, "VolumeSnapshotContent", "Cluster", status=True),
    definition("volumesnapshotclasses", "VolumeSnapshotClass", "Cluster", status=False),
)


def custom(kind: str, name: str, body: Obj) -> Obj:
    """API servers take custom resources only with their kind."""
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": name}, **body}


def install(cluster: Cluster) -> None:
    for one in DEFINITIONS:
        cluster.create("customresourcedefinitions", "", one)
    for one in DEFINITIONS:
        name = one["metadata"]["name"]
        eventually(f"{name} is served", lambda name=name: established(cluster.get("customresourcedefinitions", "", name)))


def established(found: Obj) -> bool:
    return any(one["type"] == "Established" and one["status"] == "True" for one in found.get("status", {}).get("conditions", []))


@pytest.fixture(scope="module")
def disks(world: World) -> Iterator[Provisioner]:
    """The kinds are installed while the syncer runs, the tenant's after the host's."""
    install(world.host)
    world.host.create("storageclasses", "", {"metadata": {"name": "film"}, "provisioner": DRIVER})
    world.host.create("csidrivers", "", {"metadata": {"name": DRIVER}, "spec": {"attachRequired": True, "storageCapacity": True}})
    for name in ("daily", "hidden"):
        body = {"driver": DRIVER, "deletionPolicy": "Delete", "parameters": {"a": "s3cr3t"}}
        world.host.create("volumesnapshotclasses", "", custom("VolumeSnapshotClass", name, body))
    provisioner = Provisioner(world.host).start()
    install(world.tenant)
    eventually("the class is shown", lambda: world.tenant.get("volumesnapshotclasses", "", "daily"))
    yield provisioner
    provisioner.stop()
    assert not provisioner.failures, provisioner.failures[0]
    world.host.delete("csidrivers", "", DRIVER)
    world.host.delete("storageclasses", "", "film")


@pytest.fixture(scope="module", autouse=True)
def without_definitions(world: World) -> Iterator[None]:
    """The next module finds the clusters as they were."""
    yield
    for cluster in (world.tenant, world.host):
        for one in DEFINITIONS:
            cluster.delete("customresourcedefinitions", "", one["metadata"]["name"])


def claim(place: Place, name: str, **spec: Any) -> Obj:
    body = {"accessModes": ["ReadWriteOnce"], "storageClassName": "film", "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return place.create(CLAIMS, {"metadata": {"name": name}, "spec": body})


def bound(place: Place, name: str) -> Obj:
    def probe() -> Obj | None:
        found = place.get(CLAIMS, name)
        return found if found["status"].get("phase") == "Bound" else None

    return eventually(f"claim {name} is bound", probe) or {}


def snapshot(place: Place, name: str, **spec: Any) -> Obj:
    return place.create(SNAPSHOTS, custom("VolumeSnapshot", name, {"spec": {"volumeSnapshotClassName": "daily", **spec}}))


def test_a_snapshot_is_taken_shown_and_restored_from(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "data")
    bound(place, "data")
    snapshot(place, "monday", source={"persistentVolumeClaimName": "data"})
    eventually("it is ready", lambda: place.get(SNAPSHOTS, "monday").get("status", {}).get("readyToUse"))
    found = place.get(SNAPSHOTS, "monday")
    name = found["status"]["boundVolumeSnapshotContentName"]
    content = eventually("its content is shown", lambda: world.tenant.get(CONTENTS, "", name))
    ref = content["spec"]["volumeSnapshotRef"]
    assert (ref["namespace"], ref["name"], ref["uid"]) == (place.name, "monday", found["metadata"]["uid"])
    eventually("and its status", lambda: world.tenant.get(CONTENTS, "", name).get("status", {}).get("readyToUse"))
    assert SECRET_HANDLE not in str(world.tenant.get(CONTENTS, "", name))
    claim(place, "restored", dataSource={"apiGroup": GROUP, "kind": "VolumeSnapshot", "name": "monday"})
    bound(place, "restored")
    assert place.host(CLAIMS, "restored")["spec"]["dataSource"] == {"apiGroup": GROUP, "kind": "VolumeSnapshot", "name": "monday"}
    place.delete(SNAPSHOTS, "monday")
    eventually("the host's is gone, too", lambda: not place.host(SNAPSHOTS, "monday"))
    world.host.delete(CONTENTS, "", name)
    eventually("and what was shown of it", lambda: not world.tenant.get(CONTENTS, "", name))


def test_a_class_that_was_not_offered_takes_no_snapshot(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "data")
    snapshot(place, "greedy", volumeSnapshotClassName="hidden", source={"persistentVolumeClaimName": "data"})
    place.await_told("greedy", "SyncRefused", "hidden")
    assert not place.host(SNAPSHOTS, "greedy")
    assert not world.tenant.get("volumesnapshotclasses", "", "hidden")
    assert "s3cr3t" not in str(world.tenant.get("volumesnapshotclasses", "", "daily"))


def volume(place: Place, name: str, handle: str, claimed: str) -> Obj:
    spec = {
        "accessModes": ["ReadWriteMany"],
        "capacity": {"storage": "5Gi"},
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": "",
        "csi": {"driver": DRIVER, "volumeHandle": handle},
        "claimRef": {"namespace": place.name, "name": claimed},
    }
    return place.world.tenant.create(VOLUMES, "", {"metadata": {"name": name}, "spec": spec})


SHARED = {"storageClassName": "", "accessModes": ["ReadWriteMany"]}


def test_a_volume_that_policy_lets_in_is_brought_to_the_host_for_its_claim_and_its_data_stays(place: Place, disks: Provisioner, world: World) -> None:
    name = f"media-{place.name}"
    volume(place, name, "shared-films", "media")
    claim(place, "media", volumeName=name, **SHARED)
    bound(place, "media")
    eventually("the host has bound its copy", lambda: place.host(CLAIMS, "media")["status"].get("phase") == "Bound")
    on_host = place.host(CLAIMS, "media")["spec"]["volumeName"]
    found = world.host.get(VOLUMES, "", on_host)["spec"]
    assert found["persistentVolumeReclaimPolicy"] == "Retain"
    assert found["csi"]["volumeHandle"] == "shared-films"
    assert found["claimRef"]["namespace"] == place.on_host
    place.pod("viewer", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "media"}}])
    place.await_pod("viewer")
    place.delete("pods", "viewer", 0)
    place.delete(CLAIMS, "media")
    eventually("the claim is gone", lambda: not place.get(CLAIMS, "media") and not place.host(CLAIMS, "media"))
    world.tenant.delete(VOLUMES, "", name)
    eventually("so is the volume's object", lambda: not world.host.get(VOLUMES, "", on_host))


def test_a_volume_that_policy_does_not_let_in_is_refused(place: Place, disks: Provisioner, world: World) -> None:
    name = f"theirs-{place.name}"
    volume(place, name, "vol-of-somebody", "theft")
    claim(place, "theft", volumeName=name, **SHARED)
    bound(place, "theft")  # the tenant's controllers know no better
    eventually(
        "the volume says so",
        lambda: [one for one in world.tenant.list("events", "default") if one["involvedObject"]["name"] == name and one["reason"] == "SyncRefused"],
    )
    for_a_while("nothing of it is on the host", lambda: not place.host(CLAIMS, "theft") and not _handles(world, "vol-of-somebody"))
    place.delete(CLAIMS, "theft")
    world.tenant.delete(VOLUMES, "", name)


def _handles(world: World, handle: str) -> list[str]:
    return [one["metadata"]["name"] for one in world.host.list(VOLUMES) if one["spec"].get("csi", {}).get("volumeHandle") == handle]


def test_the_tenants_scheduler_knows_drivers_limits_and_free_space(place: Place, disks: Provisioner, world: World) -> None:
    node = world.host.list("nodes")[0]["metadata"]["name"]
    world.host.patch("nodes", "", node, {"metadata": {"labels": {"topology.test.kled.dev/rack": "r1"}}})
    driver = {"name": DRIVER, "nodeID": "machine-17", "topologyKeys": ["topology.test.kled.dev/rack"], "allocatable": {"count": 3}}
    world.host.create("csinodes", "", {"metadata": {"name": node}, "spec": {"drivers": [driver]}})
    body = {"metadata": {"name": "space"}, "storageClassName": "film", "capacity": "7Gi", "nodeTopology": {}}
    world.host.create("csistoragecapacities", "kube-public", body)
    shown = eventually("the node's driver is shown", lambda: world.tenant.get("csinodes", "", node))
    assert shown["spec"]["drivers"][0]["allocatable"] == {"count": 3}
    assert "machine-17" not in str(shown)
    assert shown["metadata"]["ownerReferences"][0]["uid"] == world.tenant.get("nodes", "", node)["metadata"]["uid"]
    eventually("its label is shown", lambda: world.tenant.get("nodes", "", node)["metadata"]["labels"].get("topology.test.kled.dev/rack") == "r1")
    assert world.tenant.get("csidrivers", "", DRIVER)["spec"]["storageCapacity"] is True
    space = eventually("free space is shown", lambda: world.tenant.list("csistoragecapacities", "kube-system"))
    assert [(one["storageClassName"], one["capacity"]) for one in space] == [("film", "7Gi")]
    world.host.patch("csistoragecapacities", "kube-public", "space", {"capacity": "9Gi"})
    eventually("it follows", lambda: world.tenant.list("csistoragecapacities", "kube-system")[0]["capacity"] == "9Gi")
    world.tenant.delete("csistoragecapacities", "kube-system", space[0]["metadata"]["name"])
    eventually("it comes back", lambda: world.tenant.list("csistoragecapacities", "kube-system"))
    world.host.delete("csistoragecapacities", "kube-public", "space")
    eventually("it goes", lambda: not world.tenant.list("csistoragecapacities", "kube-system"))
    world.host.delete("csinodes", "", node)
    eventually("the driver goes", lambda: not world.tenant.get("csinodes", "", node))
    world.host.patch("nodes", "", node, {"metadata": {"labels": {"topology.test.kled.dev/rack": None}}})
