"""Storage end to end: the host provisions, both sides' own controllers bind, and nobody gets at what is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.provisioner import DRIVER, HANDS_OFF, SECRET_HANDLE, SELECTED_NODE, Provisioner
from tests.e2e.stage import TENANT_RANGE, Obj, Place, World, container, eventually, for_a_while

TENANT = "vault"
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
  resources:
  - name: pods
  - name: services
  - name: persistentvolumeclaims
  - name: storageclasses
    names: [disk, late, kept]
  - name: volumeattributesclasses
    names: [silver, gold]
policy:
  storageClasses: {{renamed: host-only}}
  claimAnnotations: ["storage.example.com/"]
tenant:
  serviceCIDR: {TENANT_RANGE}
"""
CLAIMS, VOLUMES, CLASSES, ATTRIBUTES = "persistentvolumeclaims", "persistentvolumes", "storageclasses", "volumeattributesclasses"


@pytest.fixture(scope="module")
def disks(world: World) -> Iterator[Provisioner]:
    """Classes of the host, and who makes their volumes."""
    classes: dict[str, dict[str, Any]] = {"disk": {}, "late": {"volumeBindingMode": "WaitForFirstConsumer"}, "kept": {"reclaimPolicy": "Retain"}}
    for name, more in {**classes, "host-only": {}, "forbidden": {}}.items():
        body = {"provisioner": DRIVER, "parameters": {"pool": "gold"}, "allowVolumeExpansion": True, **more}
        world.host.create(CLASSES, "", {"metadata": {"name": name}, **body})
    provisioner = Provisioner(world.host).start()
    for name in ("silver", "gold", "platinum"):
        world.host.create(ATTRIBUTES, "", {"metadata": {"name": name}, "driverName": DRIVER, "parameters": {"iops": "1"}})
    eventually("the classes are shown", lambda: set(classes) <= {one["metadata"]["name"] for one in world.tenant.list(CLASSES)})
    yield provisioner
    provisioner.stop()
    assert not provisioner.failures, provisioner.failures[0]
    for name in ("disk", "late", "kept", "host-only", "forbidden"):
        world.host.delete(CLASSES, "", name)
    for name in ("silver", "gold", "platinum"):
        world.host.delete(ATTRIBUTES, "", name)


def claim(place: Place, name: str, storage: str | None = "disk", size: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> Obj:
    body = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    if storage is not None:
        body["storageClassName"] = storage
    return place.create(CLAIMS, {"metadata": {"name": name, "labels": labels or {}}, "spec": body})


def is_bound(found: Obj) -> bool:
    return bool(found.get("status", {}).get("phase") == "Bound")


def bound(place: Place, name: str) -> Obj:
    def probe() -> Obj | None:
        found = place.get(CLAIMS, name)
        return found if is_bound(found) else None

    return eventually(f"claim {name} is bound", probe) or {}


def volume_of(place: Place, name: str) -> Obj:
    return place.world.tenant.get(VOLUMES, "", place.get(CLAIMS, name)["spec"]["volumeName"])


def mounting(name: str) -> dict[str, Any]:
    return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]}


def test_a_claim_is_bound_on_both_sides_and_a_pod_runs_with_it(place: Place, disks: Provisioner) -> None:
    claim(place, "data")
    found = bound(place, "data")
    there = place.host(CLAIMS, "data")
    assert found["spec"]["volumeName"] == there["spec"]["volumeName"]
    assert found["status"]["capacity"] == {"storage": "1Gi"}
    volume = volume_of(place, "data")
    assert volume["spec"]["claimRef"]["uid"] == found["metadata"]["uid"]
    assert volume["status"]["phase"] == "Bound"
    place.pod("user", **mounting("data"))
    place.await_pod("user")
    place.world.await_rest(2)
    assert not place.world.tenant.list("volumeattachments"), "attaching is the host's"


def test_what_lies_behind_a_volume_and_a_class_stays_on_the_host(place: Place, disks: Provisioner) -> None:
    claim(place, "hidden")
    bound(place, "hidden")
    volume, storage = volume_of(place, "hidden"), place.world.tenant.get(CLASSES, "", "disk")
    for secret in (SECRET_HANDLE, "gold", "s3cr3t", "admin-key", "credentials", place.on_host):
        assert secret not in str(volume)
        assert secret not in str(storage)


def test_a_claim_grows(place: Place, disks: Provisioner) -> None:
    claim(place, "growing")
    bound(place, "growing")
    place.patch(CLAIMS, "growing", {"spec": {"resources": {"requests": {"storage": "3Gi"}}}})
    eventually("the tenant sees the new size", lambda: place.get(CLAIMS, "growing")["status"]["capacity"] == {"storage": "3Gi"})
    eventually("and so does its volume", lambda: volume_of(place, "growing")["spec"]["capacity"] == {"storage": "3Gi"})
    assert place.host(CLAIMS, "growing")["spec"]["resources"]["requests"]["storage"] == "3Gi"


def test_a_volume_that_waits_for_its_first_pod_is_made_for_the_node_that_the_tenant_chose(place: Place, disks: Provisioner) -> None:
    claim(place, "late", "late")
    for_a_while("nobody makes a volume yet", lambda: not is_bound(place.get(CLAIMS, "late")))
    place.pod("first", **mounting("late"))
    pod = place.await_pod("first")
    bound(place, "late")
    node = pod["spec"]["nodeName"]
    assert place.host(CLAIMS, "late")["metadata"]["annotations"][SELECTED_NODE] == node
    assert volume_of(place, "late")["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] == [node]


def test_a_node_on_which_no_volume_can_be_made_is_given_up_and_the_tenant_chooses_anew(place: Place, disks: Provisioner) -> None:
    uid = claim(place, "picky", "late", labels={HANDS_OFF: "once"})["metadata"]["uid"]
    place.pod("picky", **mounting("picky"))
    pod = place.await_pod("picky")
    assert disks.refused >= {place.host(CLAIMS, "picky")["metadata"]["uid"]}
    assert bound(place, "picky")["metadata"]["uid"] == uid
    assert place.host(CLAIMS, "picky")["metadata"]["annotations"][SELECTED_NODE] == pod["spec"]["nodeName"]


def test_a_claim_that_cannot_be_provisioned_says_why(place: Place, disks: Provisioner) -> None:
    claim(place, "stuck", labels={HANDS_OFF: "always"})
    events = eventually("the provisioner's words arrive", lambda: [one for one in place.events("stuck") if "no room" in one["message"]])
    assert f"{place.name}/stuck" in events[0]["message"]
    assert place.on_host not in str(events)
    assert 'StorageClass "disk"' in events[0]["message"]
    assert events[0]["involvedObject"]["uid"] == place.get(CLAIMS, "stuck")["metadata"]["uid"]
    assert place.get(CLAIMS, "stuck")["status"]["phase"] == "Pending"


def test_a_deleted_claim_takes_its_copy_and_its_volume_along(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "going")
    name = bound(place, "going")["spec"]["volumeName"]
    place.delete(CLAIMS, "going")
    eventually("the copy is gone", lambda: not place.host(CLAIMS, "going"))
    eventually("the host's volume is gone", lambda: not world.host.get(VOLUMES, "", name))
    eventually("and the tenant's", lambda: not world.tenant.get(VOLUMES, "", name))


def test_a_claim_in_use_stays_until_its_pod_has_ended(place: Place, disks: Provisioner) -> None:
    claim(place, "used")
    bound(place, "used")
    place.pod("user", **mounting("used"))
    place.await_pod("user")
    place.delete(CLAIMS, "used")
    for_a_while("it is still there", lambda: place.get(CLAIMS, "used") and place.host(CLAIMS, "used"))
    assert not place.host(CLAIMS, "used")["metadata"].get("deletionTimestamp")
    place.delete("pods", "user", 0)
    eventually("both are gone", lambda: not place.get(CLAIMS, "used") and not place.host(CLAIMS, "used"))


def test_a_stateful_set_finds_its_claims_again(place: Place, disks: Provisioner) -> None:
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    template["spec"]["storageClassName"] = "late"
    pod = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container(volumeMounts=[{"name": "data", "mountPath": "/data"}])]}}
    spec = {"serviceName": "db", "replicas": 2, "selector": {"matchLabels": {"app": "db"}}, "template": pod, "volumeClaimTemplates": [template]}
    place.create("statefulsets", {"metadata": {"name": "db"}, "spec": spec})
    place.await_ready(2, app="db")
    before = {name: bound(place, name)["spec"]["volumeName"] for name in ("data-db-0", "data-db-1")}
    place.patch("statefulsets", "db", {"spec": {"replicas": 0}})
    eventually("no pods are left", lambda: not place.pods(app="db"))
    assert all(place.host(CLAIMS, name) for name in before)
    place.patch("statefulsets", "db", {"spec": {"replicas": 2}})
    place.await_ready(2, app="db")
    assert {name: place.get(CLAIMS, name)["spec"]["volumeName"] for name in before} == before


def test_an_ephemeral_volume_comes_and_goes_with_its_pod(place: Place, disks: Provisioner) -> None:
    wanted = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "resources": {"requests": {"storage": "1Gi"}}}
    place.pod("brief", volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {"spec": wanted}}}])
    place.await_pod("brief")
    assert is_bound(place.host(CLAIMS, "brief-scratch"))
    place.delete("pods", "brief", 0)
    eventually("its claim is gone on both sides", lambda: not place.get(CLAIMS, "brief-scratch") and not place.host(CLAIMS, "brief-scratch"))


def test_a_clone_is_made_of_the_hosts_copy(place: Place, disks: Provisioner) -> None:
    claim(place, "original")
    bound(place, "original")
    claim(place, "copy", dataSource={"kind": "PersistentVolumeClaim", "name": "original"})
    bound(place, "copy")
    assert place.host(CLAIMS, "copy")["spec"]["dataSource"]["name"] == "original"


def test_a_clone_waits_for_its_source(place: Place, disks: Provisioner) -> None:
    claim(place, "early", dataSource={"kind": "PersistentVolumeClaim", "name": "later"})
    place.await_told("early", "SyncWaiting", "later")
    assert not place.host(CLAIMS, "early")
    claim(place, "later")
    bound(place, "early")


def test_a_class_of_the_table_is_the_hosts_under_the_tenants_name(place: Place, disks: Provisioner, world: World) -> None:
    world.tenant.create(CLASSES, "", {"metadata": {"name": "renamed"}, "provisioner": "example.com/anything"})
    try:
        claim(place, "mapped", "renamed")
        bound(place, "mapped")
        assert place.host(CLAIMS, "mapped")["spec"]["storageClassName"] == "host-only"
        assert volume_of(place, "mapped")["spec"]["storageClassName"] == "renamed"
    finally:
        world.tenant.delete(CLASSES, "", "renamed")


def test_the_attributes_of_a_volume_change_between_classes_that_are_offered(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "tuned", volumeAttributesClassName="silver")
    bound(place, "tuned")
    place.patch(CLAIMS, "tuned", {"spec": {"volumeAttributesClassName": "gold"}})
    eventually("it is as wanted", lambda: place.get(CLAIMS, "tuned")["status"].get("currentVolumeAttributesClassName") == "gold")
    eventually("its volume says so", lambda: volume_of(place, "tuned")["spec"]["volumeAttributesClassName"] == "gold")
    place.patch(CLAIMS, "tuned", {"spec": {"volumeAttributesClassName": "platinum"}})
    place.await_told("tuned", "SyncRefused", "platinum")
    assert place.host(CLAIMS, "tuned")["spec"]["volumeAttributesClassName"] == "gold"
    assert {one["metadata"]["name"] for one in world.tenant.list(ATTRIBUTES)} == {"silver", "gold"}


def test_only_listed_annotations_reach_the_provisioner(place: Place, disks: Provisioner) -> None:
    marks = {"storage.example.com/tier": "a", "nfs.io/storage-path": "../../others"}
    body = {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "resources": {"requests": {"storage": "1Gi"}}}
    place.create(CLAIMS, {"metadata": {"name": "marked", "annotations": marks}, "spec": body})
    bound(place, "marked")
    there = place.host(CLAIMS, "marked")["metadata"]["annotations"]
    assert there["storage.example.com/tier"] == "a"
    assert "nfs.io/storage-path" not in there
    place.await_told("marked", "SyncFieldDropped", "nfs.io/storage-path")


# --- what is refused


def test_a_class_that_was_not_offered_is_refused(place: Place, disks: Provisioner) -> None:
    claim(place, "greedy", "forbidden")
    place.await_told("greedy", "SyncRefused", "forbidden")
    assert not place.host(CLAIMS, "greedy")


def test_a_free_volume_of_the_host_cannot_be_taken(place: Place, disks: Provisioner, world: World) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "csi": {"driver": "other", "volumeHandle": "theirs"}}
    world.host.create(VOLUMES, "", {"metadata": {"name": "free", "labels": {"app": "db"}}, "spec": {**spec, "storageClassName": ""}})
    try:
        claim(place, "by-name", "", volumeName="free")
        claim(place, "by-label", "disk", selector={"matchLabels": {"app": "db"}})
        claim(place, "by-nothing", "")
        place.await_told("by-name", "SyncRefused", "free")
        place.await_told("by-label", "SyncRefused", "labels")
        place.await_told("by-nothing", "SyncRefused", "free volume")
        for_a_while("the volume stays free", lambda: world.host.get(VOLUMES, "", "free")["status"]["phase"] == "Available")
        assert not [one for one in world.host.list(CLAIMS, place.on_host) if one["metadata"]["name"].startswith("by-")]
    finally:
        world.host.delete(VOLUMES, "", "free")


def test_the_volume_of_another_claim_cannot_be_named(place: Place, disks: Provisioner) -> None:
    claim(place, "mine")
    name = bound(place, "mine")["spec"]["volumeName"]
    claim(place, "thief", "disk", volumeName=name)
    place.await_told("thief", "SyncRefused", name)
    assert not place.host(CLAIMS, "thief")


def test_what_a_tenant_does_to_a_shown_volume_is_taken_back(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "edited")
    name = bound(place, "edited")["spec"]["volumeName"]
    before = world.host.get(VOLUMES, "", name)["spec"]
    world.tenant.patch(VOLUMES, "", name, {"spec": {"persistentVolumeReclaimPolicy": "Retain", "capacity": {"storage": "9Gi"}}})
    eventually("the policy is back", lambda: world.tenant.get(VOLUMES, "", name)["spec"]["persistentVolumeReclaimPolicy"] == "Delete")
    eventually("the size is back", lambda: world.tenant.get(VOLUMES, "", name)["spec"]["capacity"] == {"storage": "1Gi"})
    assert world.host.get(VOLUMES, "", name)["spec"] == before


def test_a_shown_volume_that_a_tenant_removes_by_force_comes_back_and_the_claim_with_it(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "forced")
    name = bound(place, "forced")["spec"]["volumeName"]
    uid = world.tenant.get(VOLUMES, "", name)["metadata"]["uid"]
    world.tenant.delete(VOLUMES, "", name)
    world.tenant.patch(VOLUMES, "", name, {"metadata": {"finalizers": None}})
    eventually("another one is shown", lambda: world.tenant.get(VOLUMES, "", name)["metadata"]["uid"] != uid)
    bound(place, "forced")
    assert is_bound(place.host(CLAIMS, "forced"))


def test_a_claim_of_the_host_under_that_name_is_left_alone(place: Place, disks: Provisioner, world: World) -> None:
    eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    body = {"accessModes": ["ReadWriteOnce"], "storageClassName": "host-only", "resources": {"requests": {"storage": "1Gi"}}}
    theirs = world.host.create(CLAIMS, place.on_host, {"metadata": {"name": "theirs"}, "spec": body})
    eventually("it is bound", lambda: is_bound(place.host(CLAIMS, "theirs")))
    claim(place, "theirs")
    place.await_told("theirs", "SyncConflict")
    assert place.host(CLAIMS, "theirs")["metadata"]["uid"] == theirs["metadata"]["uid"]
    assert not world.tenant.get(VOLUMES, "", place.host(CLAIMS, "theirs")["spec"]["volumeName"])
    world.host.delete(CLAIMS, place.on_host, "theirs")


# --- the end


def test_a_kept_volume_outlives_its_claim_and_is_seen_as_released(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "precious", "kept")
    name = bound(place, "precious")["spec"]["volumeName"]
    place.delete(CLAIMS, "precious")
    eventually("the copy is gone", lambda: not place.host(CLAIMS, "precious"))
    eventually("the tenant sees it released", lambda: world.tenant.get(VOLUMES, "", name)["status"]["phase"] == "Released")
    world.tenant.delete(VOLUMES, "", name)
    for_a_while("the host's is there", lambda: world.host.get(VOLUMES, "", name)["status"]["phase"] == "Released")
    claim(place, "precious", "kept")
    assert bound(place, "precious")["spec"]["volumeName"] != name
    for leftover in (name, place.get(CLAIMS, "precious")["spec"]["volumeName"]):
        world.host.patch(VOLUMES, "", leftover, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})


def test_a_kept_volume_survives_the_end_of_its_namespace(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "kept", "kept")
    name = bound(place, "kept")["spec"]["volumeName"]
    world.tenant.delete("namespaces", "", place.name)
    eventually("the host namespace is gone", lambda: not world.host.get("namespaces", "", place.on_host))
    assert world.host.get(VOLUMES, "", name)["status"]["phase"] == "Released"
    eventually("nothing of it is left in the tenant", lambda: not world.tenant.get(VOLUMES, "", name))
    world.host.patch(VOLUMES, "", name, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})


def test_a_claim_that_somebody_deletes_on_the_host_is_not_replaced_by_an_empty_one(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "lost")
    name = bound(place, "lost")["spec"]["volumeName"]
    world.host.delete(CLAIMS, place.on_host, "lost")
    eventually("the host's volume is gone", lambda: not world.host.get(VOLUMES, "", name))
    place.await_told("lost", "SyncRefused", name)
    assert not place.host(CLAIMS, "lost")


def test_a_kept_volume_comes_back_to_its_claim_when_the_admin_frees_it(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "back", "kept")
    name = bound(place, "back")["spec"]["volumeName"]
    world.host.delete(CLAIMS, place.on_host, "back")
    place.await_told("back", "SyncWaiting", "claimRef.uid")
    assert is_bound(place.get(CLAIMS, "back"))
    world.host.patch(VOLUMES, "", name, {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}})
    eventually("the host's claim has its volume again", lambda: is_bound(place.host(CLAIMS, "back")))
    assert place.host(CLAIMS, "back")["spec"]["volumeName"] == name == bound(place, "back")["spec"]["volumeName"]
    world.host.patch(VOLUMES, "", name, {"spec": {"persistentVolumeReclaimPolicy": "Delete"}})


def test_a_restart_changes_nothing(place: Place, disks: Provisioner, world: World) -> None:
    claim(place, "steady")
    bound(place, "steady")
    world.await_rest(2)
    since = world.positions()
    world.restart().ready()
    world.await_rest(2)
    assert not [one for one in world.writes(since) if one["objectRef"]["resource"] not in ("events",)]
