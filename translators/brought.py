"""Volumes and snapshots that a tenant brings in: they exist on the storage backend already, and the tenant names them by driver and handle.

A handle reaches whatever the backend keeps under it, other people's data too. So none crosses but those that `policy.allowVolumes` lists: a driver
with all it has, or a driver with the handles that match. Attributes, which can name a server just as a handle can, cross with a whole driver only;
secrets and mount options never do.

On the host the volume is made for exactly the claim it is bound to in the tenant, so that no other claim can take it, and always with `Retain`: that
a tenant deletes its object never deletes the data."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, VOLUMESNAPSHOTCONTENTS, VOLUMESNAPSHOTS, Obj, Ref, Resource, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, ObjectNeed, Path, Refusal, Skip, Subresource, Translator, View, Wait
from translators.content import taken
from translators.metadata import down_metadata
from translators.persistentvolumes import claim_ref
from translators.volumesnapshotcontents import snapshot_ref

CLAIM = "kled.io/claim-uid"
"""On the host's volume: the tenant's claim that it was made for. A volume that is bound anew is made anew."""

_CSI = ("driver", "fsType", "readOnly", "volumeHandle")
_VOLUME = ("accessModes", "capacity", "nodeAffinity", "volumeMode")
_STATUS: tuple[Path, ...] = tuple(("status", key) for key in ("creationTime", "readyToUse", "restoreSize", "snapshotHandle"))
_SHOWN = Skip("shown from the host")


def allows(settings: Settings, driver: str, handle: str) -> Literal["driver", "handle"] | None:
    """By what this volume may be brought in: its whole driver, its handle, or not at all."""
    found: Literal["handle"] | None = None
    for rule in settings.policy.allow_volumes:
        name, slash, pattern = rule.partition("/")
        if name == driver and not slash:
            return "driver"
        if name == driver and fnmatch.fnmatchcase(handle, pattern):
            found = "handle"
    return found


def may_write(settings: Settings) -> bool:
    return bool(settings.policy.allow_volumes)


def concerns(entry: Any) -> bool:
    """What is shown from the host carries our mark. (A tenant may take it off; `_is_shown` then finds the original.)"""
    return not stamps.is_from_host(entry.meta.labels)


def _original(resource: Resource, obj: Obj) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(resource.plural, "", obj["metadata"]["name"]))


def _is_shown(resource: Resource, obj: Obj, view: View) -> bool:
    meta = obj["metadata"]
    if stamps.is_from_host(meta.get("labels")):
        return True
    there = view.get(_original(resource, obj))
    return there is not None and (meta.get("annotations") or {}).get(stamps.SOURCE_UID) == there["metadata"]["uid"]


def _on_host(resource: Resource, found: Mapping[str, Any], names: Names) -> dict[str, Any] | None:
    """A reference to a namespaced object, as the host has it; None when its namespace is not mapped. The uid is the host's to fill in."""
    namespace = names.namespace(found["namespace"])
    if namespace is None:
        return None
    name = names.name(resource, found["namespace"], found["name"])
    return {"apiVersion": resource.api_version, "kind": resource.kind, "namespace": namespace, "name": name}


# --- volumes


def _volume_needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    yield _original(PERSISTENTVOLUMES, obj)


def _volume(obj: Obj, view: View) -> Answer:
    if _is_shown(PERSISTENTVOLUMES, obj, view):
        return _SHOWN
    found, spec = claim_ref(obj), obj.get("spec") or {}
    if not found or not found.get("uid"):
        return Wait("the volume is not bound to a claim yet", quiet=True)
    claim = _on_host(PERSISTENTVOLUMECLAIMS, found, view.names)
    if claim is None:
        return Refusal("spec.claimRef.namespace", f"namespace {found['namespace']!r} is not one that is synced")
    csi = spec.get("csi")
    if not isinstance(csi, Mapping):
        return Refusal("spec", "only CSI volumes can be brought to the host, and those that policy.allowVolumes lists")
    by = allows(view.settings, str(csi.get("driver")), str(csi.get("volumeHandle")))
    if by is None:
        return Refusal("spec.csi.volumeHandle", "the host's administrator does not let this volume be brought in (policy.allowVolumes)")
    made: dict[str, Any] = {**taken(spec, _VOLUME), "storageClassName": "", "persistentVolumeReclaimPolicy": "Retain", "claimRef": claim}
    made["csi"] = taken(csi, _CSI)
    if by == "driver" and csi.get("volumeAttributes"):
        made["csi"]["volumeAttributes"] = csi["volumeAttributes"]
    crossing = {*_CSI, *(("volumeAttributes",) if by == "driver" else ())}
    dropped = [(f"spec.csi.{key}", "it does not cross for volumes that are brought in") for key in sorted(csi.keys() - crossing)]
    if spec.get("mountOptions"):
        dropped.append(("spec.mountOptions", "it does not cross for volumes that are brought in"))
    meta = down_metadata(obj, view)
    body = {"metadata": {"labels": meta.labels, "annotations": {CLAIM: found["uid"]}}, "spec": made}
    return Draft(body, (*meta.dropped, *dropped))


def _is_bound_anew(body: Mapping[str, Any], target: Obj) -> bool:
    return bool(body["metadata"]["annotations"].get(CLAIM) != (target["metadata"].get("annotations") or {}).get(CLAIM))


BROUGHT_VOLUMES = Translator(
    name="brought-volumes",
    source=PERSISTENTVOLUMES,
    tenant_owns=(),
    host_owns=(),
    needs=_volume_needs,
    down=_volume,
    must_recreate=_is_bound_anew,
    concerns=concerns,
    may_write=may_write,
    kind="persistentvolumes",
)


# --- snapshots


def _content_needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    yield _original(VOLUMESNAPSHOTCONTENTS, obj)


def _content(obj: Obj, view: View) -> Answer:
    if _is_shown(VOLUMESNAPSHOTCONTENTS, obj, view):
        return _SHOWN
    found, spec = snapshot_ref(obj), obj.get("spec") or {}
    snapshot = _on_host(VOLUMESNAPSHOTS, found, view.names) if found else None
    if snapshot is None:
        return Refusal("spec.volumeSnapshotRef", "it names no snapshot in a namespace that is synced")
    handle = (spec.get("source") or {}).get("snapshotHandle")
    if not handle or allows(view.settings, str(spec.get("driver")), str(handle)) is None:
        return Refusal("spec.source.snapshotHandle", "the host's administrator does not let this snapshot be brought in (policy.allowVolumes)")
    made = {**taken(spec, ("driver", "sourceVolumeMode")), "deletionPolicy": "Retain", "volumeSnapshotRef": snapshot}
    meta = down_metadata(obj, view)
    return Draft({"metadata": {"labels": meta.labels}, "spec": {**made, "source": {"snapshotHandle": handle}}}, meta.dropped)


def _content_status(host: Obj, view: View) -> Answer:
    return Draft({"status": taken(host.get("status") or {}, [str(path[-1]) for path in _STATUS])})


BROUGHT_SNAPSHOTS = Translator(
    name="brought-snapshots",
    source=VOLUMESNAPSHOTCONTENTS,
    tenant_owns=(),
    host_owns=_STATUS,
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=_content_needs,
    down=_content,
    up=_content_status,
    concerns=concerns,
    may_write=may_write,
    optional=True,
    kind="volumesnapshots",
)
