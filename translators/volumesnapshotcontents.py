"""VolumeSnapshotContents: those that the host made for snapshots of this tenant are shown, and no others.

Handles by which the storage backend knows volumes and snapshots are hashes here. What a tenant does to a shown content is taken back and never
reaches the host, so that what becomes of the data in the end is decided there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from syncer.core import stamp as stamps
from syncer.core.names import Names, digest
from syncer.core.objects import VOLUMESNAPSHOTCONTENTS as CONTENT_KIND
from syncer.core.objects import VOLUMESNAPSHOTS, Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Life, Need, ObjectNeed, Path, Skip, Subresource, Translator, View, Wait
from translators.content import taken
from translators.persistentvolumes import may_be_ours_by

_SPEC = ("deletionPolicy", "driver", "sourceVolumeMode", "volumeSnapshotClassName")
_STATUS_FIELDS = ("creationTime", "readyToUse", "restoreSize")
_REF = ("namespace", "name", "uid")
_STATUS: tuple[Path, ...] = tuple(("status", key) for key in (*_STATUS_FIELDS, "snapshotHandle"))


def snapshot_ref(content: Obj) -> Mapping[str, Any]:
    found = (content.get("spec") or {}).get("volumeSnapshotRef")
    return found if isinstance(found, Mapping) and found.get("namespace") and found.get("name") else {}


def _snapshot_need(found: Mapping[str, Any]) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(VOLUMESNAPSHOTS.plural, found["namespace"], found["name"]), wake=True)


def needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    if found := snapshot_ref(obj):
        yield _snapshot_need(found)


def up(host: Obj, view: View) -> Answer:
    if stamps.TENANT in (host["metadata"].get("labels") or {}):
        return Skip("made for a content of a tenant")
    found = snapshot_ref(host)
    if not found:
        return Skip("of no snapshot")
    need = _snapshot_need(found)
    there, ref = view.get(need), view.tenant_ref(*need.ref)
    uid = ((there or {}).get("metadata", {}).get("annotations") or {}).get(stamps.SOURCE_UID)
    if there is None or ref is None or not uid or found.get("uid") not in ("", None, there["metadata"]["uid"]):
        return Skip("of no snapshot of this tenant")
    if not found.get("uid"):
        return Wait("the host is about to bind the snapshot", (need,), quiet=True)
    spec = taken(host.get("spec") or {}, _SPEC)
    spec["volumeSnapshotRef"] = {**taken(found, ("apiVersion", "kind")), "namespace": ref.namespace, "name": ref.name, "uid": uid}
    spec["source"] = {key: _hidden(str(value), view) for key, value in ((host.get("spec") or {}).get("source") or {}).items()}
    status = taken(host.get("status") or {}, _STATUS_FIELDS)
    if handle := (host.get("status") or {}).get("snapshotHandle"):
        status["snapshotHandle"] = _hidden(handle, view)
    return Draft({"spec": spec, "status": status} if status else {"spec": spec})


def _hidden(handle: str, view: View) -> str:
    return digest("handle", view.names.tenant, handle)


class _SnapshotRef(msgspec.Struct):
    namespace: str = ""


class _Spec(msgspec.Struct, rename="camel"):
    volume_snapshot_ref: _SnapshotRef | None = None


_READ = msgspec.json.Decoder(_Spec).decode


def keep_for(settings: Settings) -> Callable[[Any], bool]:
    """As for volumes: the host's contents are everybody's."""
    may_be_ours = may_be_ours_by(settings.mapping)

    def keep(entry: Any) -> bool:
        found = _READ(entry.raw_spec or b"{}").volume_snapshot_ref
        return found is not None and may_be_ours(found.namespace)

    return keep


VOLUMESNAPSHOTCONTENTS = Translator(
    name="volumesnapshotcontents",
    source=CONTENT_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=(("spec", "deletionPolicy"), *(("spec", "volumeSnapshotRef", key) for key in _REF), *_STATUS),
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    up=up,
    keep_for=keep_for,
    optional=True,
    kind="volumesnapshots",
)
