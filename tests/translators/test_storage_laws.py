"""The published laws on every kind of storage, and what no claim or volume may do whatever a tenant writes into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kind_cases import BY_NAME

from syncer.core.names import Names
from syncer.core.objects import Obj, Ref
from syncer.core.settings import KindSettings, NamespaceMapping, PolicySettings
from syncer.core.stamp import MANAGED_BY, MANAGER, SOURCE_UID
from syncer.core.translator import Draft
from syncer.testing import FakeView, Sample, check_laws, settings_for, stamped
from translators.brought import allows
from translators.persistentvolumes import keep_for, may_be_ours_by

SNAPSHOT = "snapshot.storage.k8s.io"
KINDS = {name: KindSettings(name=name, names=("fast",)) for name in ("storageclasses", "volumeattributesclasses", "volumesnapshotclasses")}
SETTINGS = settings_for("acme", kinds=KINDS, policy=PolicySettings(allow_volumes=("disks",), claim_annotations=("a.example.com/",)))
FAST = {"metadata": {"name": "fast"}, "provisioner": "disks", "volumeBindingMode": "WaitForFirstConsumer"}
HOST_NODE = {"metadata": {"name": "n1", "uid": "host-n1", "labels": {"zone": "a"}}}
TENANT_NODE = {"metadata": {"name": "n1", "labels": {MANAGED_BY: MANAGER}, "annotations": {SOURCE_UID: "host-n1"}}}
CSI = {"driver": "disks", "volumeHandle": "vol-1"}


def ours(names: Names, plural: str, name: str, **body: Any) -> dict[str, Any]:
    """A copy on the host of an object in namespace `web`."""
    kind = BY_NAME[plural].source
    meta = {"namespace": names.namespace("web"), "name": names.name(kind, "web", name), "uid": f"host-{name}"}
    return stamped({"metadata": meta, **body}, tenant="acme", translator=plural, source=Ref(plural, "web", name))


def around_host(names: Names) -> dict[str, list[Obj]]:
    return {
        "storageclasses": [FAST],
        "volumeattributesclasses": [{"metadata": {"name": "fast"}}],
        "volumesnapshotclasses": [{"metadata": {"name": "fast"}}],
        "nodes": [HOST_NODE],
        "persistentvolumeclaims": [ours(names, "persistentvolumeclaims", "origin", spec={"volumeName": "pvc-1"})],
        "volumesnapshots": [ours(names, "volumesnapshots", "tuesday")],
    }


def around_tenant(names: Names) -> dict[str, list[Obj]]:
    origin = {"metadata": {"namespace": "web", "name": "origin"}, "status": {"phase": "Bound"}}
    return {"storageclasses": [FAST], "nodes": [TENANT_NODE], "persistentvolumeclaims": [origin]}


def sample(source: Mapping[str, Any], status: Mapping[str, Any] | None = None, keeps: tuple[str, ...] = ()) -> Sample:
    return Sample(source=source, settings=SETTINGS, host=around_host, tenant=around_tenant, host_status=status, keeps_names_in=keeps)


def claim(name: str, annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    plain = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "fast"}
    meta = {"namespace": "web", "name": name, "labels": {"app": "db"}, "annotations": annotations or {}}
    return {"metadata": meta, "spec": {**plain, **spec}, "status": {"phase": "Bound"}}


BOUND = {"phase": "Bound", "capacity": {"storage": "2Gi"}, "conditions": [{"type": "Resizing", "status": "True", "message": "of a claim"}]}
REF = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "namespace": "acme-web", "name": "origin", "uid": "host-origin"}
SAMPLES = {
    "persistentvolumeclaims": [
        sample(claim("plain-claim"), BOUND),
        sample(claim("chosen-claim", {"volume.kubernetes.io/selected-node": "n1"}), {"phase": "Pending"}),
        sample(claim("cloned-claim", dataSource={"kind": "PersistentVolumeClaim", "name": "origin"}), BOUND),
        sample(claim("restored-claim", dataSourceRef={"kind": "VolumeSnapshot", "apiGroup": SNAPSHOT, "name": "tuesday"}), BOUND),
        sample(claim("modified-claim", volumeAttributesClassName="fast"), {**BOUND, "currentVolumeAttributesClassName": "fast"}),
    ],
    "persistentvolumes": [
        sample(
            {
                "metadata": {"name": "pvc-1"},
                "spec": {"claimRef": REF, "csi": CSI, "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast"},
                "status": {"phase": "Bound"},
            }
        )
    ],
    "brought-volumes": [
        sample({"metadata": {"name": "old-disk"}, "spec": {"csi": CSI, "claimRef": {"namespace": "web", "name": "origin", "uid": "tenant-uid"}}})
    ],
    "csidrivers": [sample({"metadata": {"name": "disks"}, "spec": {"attachRequired": True}})],
    "csinodes": [sample({"metadata": {"name": "n1"}, "spec": {"drivers": [{"name": "disks", "nodeID": "i-1", "topologyKeys": ["zone"]}]}})],
    "csistoragecapacities": [
        sample(
            {
                "metadata": {"namespace": "drivers", "name": "c-1"},
                "storageClassName": "fast",
                "capacity": "1Gi",
                "nodeTopology": {"matchLabels": {"zone": "a"}},
            }
        )
    ],
    "volumeattributesclasses": [sample({"metadata": {"name": "fast"}, "driverName": "disks", "parameters": {"iops": "1"}})],
    "volumesnapshotclasses": [sample({"metadata": {"name": "fast"}, "driver": "disks", "deletionPolicy": "Delete"})],
    "volumesnapshots": [
        sample(
            {
                "metadata": {"namespace": "web", "name": "monday"},
                "spec": {"volumeSnapshotClassName": "fast", "source": {"persistentVolumeClaimName": "origin"}},
            },
            {"readyToUse": True, "boundVolumeSnapshotContentName": "snapcontent-1", "error": {"message": "x"}},
        )
    ],
    "volumesnapshotcontents": [
        sample(
            {
                "metadata": {"name": "snapcontent-1"},
                "spec": {
                    "driver": "disks",
                    "volumeSnapshotRef": {**REF, "name": "tuesday", "uid": "host-tuesday"},
                    "source": {"volumeHandle": "vol-1"},
                },
                "status": {"readyToUse": True, "snapshotHandle": "snap-1"},
            }
        )
    ],
    "brought-snapshots": [
        sample(
            {
                "metadata": {"name": "old-snapshot"},
                "spec": {"driver": "disks", "source": {"snapshotHandle": "snap-0"}, "volumeSnapshotRef": {"namespace": "web", "name": "monday"}},
            },
            {"readyToUse": True},
        )
    ],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_laws_hold(name: str) -> None:
    check_laws(BY_NAME[name], SAMPLES[name])


names = st.sampled_from(["", "fast", "slow", "web", "origin", "theirs", "kept"])
sources = st.fixed_dictionaries(
    {"kind": st.sampled_from(["PersistentVolumeClaim", "VolumeSnapshot", "Secret"]), "name": names},
    optional={"apiGroup": st.sampled_from(["", SNAPSHOT, "example.com"]), "namespace": st.sampled_from(["web", "shop", "unmapped", "kube-system"])},
)
specs = st.fixed_dictionaries(
    {"resources": st.sampled_from([{}, {"requests": {"storage": "1Gi", "x": "y"}}])},
    optional={
        "storageClassName": names,
        "volumeName": names,
        "dataSource": sources,
        "dataSourceRef": sources,
        "selector": st.sampled_from([{}, {"matchLabels": {"app": "db"}}, {"matchExpressions": [{"key": "a", "operator": "Exists"}]}]),
        "volumeAttributesClassName": names,
        "somethingNew": st.just({"a": "b"}),
    },
)
mappings = st.sampled_from([NamespaceMapping(table={"web": "acme-web", "shop": "acme-shop"}), NamespaceMapping(shared="all")])


@given(specs, mappings)
def test_whatever_a_tenant_writes_a_claim_reaches_only_what_is_the_tenants(spec: dict[str, Any], mapping: NamespaceMapping) -> None:
    settings = replace(SETTINGS, mapping=mapping)
    view = FakeView(settings)
    theirs = {"metadata": {"name": "theirs"}, "spec": {"claimRef": {"namespace": "globex-web", "name": "data"}}}
    kept = {"metadata": {"name": "kept"}, "spec": {"storageClassName": "slow", "claimRef": {"namespace": "x", "name": "data"}}}
    host = {**around_host(view.names), "persistentvolumes": [theirs, kept, {"metadata": {"name": "fast"}, "spec": {}}]}
    host["storageclasses"] = [FAST, {"metadata": {"name": "slow"}}]
    view = FakeView(settings, tenant=around_tenant(view.names), host=host)
    answer = BY_NAME["persistentvolumeclaims"].down({"metadata": {"namespace": "web", "name": "data", "uid": "u"}, "spec": spec}, view)  # type: ignore[misc]
    if not isinstance(answer, Draft):
        return
    made = answer.body["spec"]
    assert made["storageClassName"] == "fast"
    assert "volumeName" not in made
    assert "selector" not in made
    assert "somethingNew" not in made
    for field in ("dataSource", "dataSourceRef"):
        if field in made:
            kind = "persistentvolumeclaims" if made[field]["kind"] == "PersistentVolumeClaim" else "volumesnapshots"
            assert made[field]["name"] in {one["metadata"]["name"] for one in host[kind]}
            assert "namespace" not in made[field]


@pytest.mark.parametrize(
    ("rules", "handle", "expected"),
    [
        ((), "vol-1", None),
        (("disks",), "vol-1", "driver"),
        (("disks/vol-*",), "vol-1", "handle"),
        (("disks/vol-*",), "snap-1", None),
        (("disks/vol-*", "disks"), "vol-1", "driver"),
        (("other", "disk"), "vol-1", None),
    ],
)
def test_a_volume_is_allowed_by_its_driver_or_its_handle(rules: tuple[str, ...], handle: str, expected: str | None) -> None:
    assert allows(replace(SETTINGS, policy=PolicySettings(allow_volumes=rules)), "disks", handle) == expected


@given(st.from_regex(r"[a-z]([a-z0-9-]{0,60}[a-z0-9])?", fullmatch=True), st.sampled_from(["acme-{namespace}", "a-x-b-{namespace}", "{namespace}-t"]))
def test_every_namespace_of_ours_is_one_that_may_be_ours(namespace: str, pattern: str) -> None:
    mapping = NamespaceMapping(pattern=pattern, table={"default": "elsewhere"})
    mapped = Names("acme", mapping).namespace(namespace)
    assert mapped is not None
    assert may_be_ours_by(mapping)(mapped)


def test_volumes_of_other_tenants_are_not_remembered() -> None:
    class Entry:
        def __init__(self, spec: bytes) -> None:
            self.raw_spec = spec

    keep = keep_for(settings_for("acme"))
    assert keep(Entry(b'{"claimRef":{"namespace":"acme-web","name":"data"},"capacity":{}}'))
    assert not keep(Entry(b'{"claimRef":{"namespace":"globex-web","name":"data"}}'))
    assert not keep(Entry(b'{"capacity":{}}'))
    assert not keep(Entry(b""))
