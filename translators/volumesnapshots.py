"""VolumeSnapshots, where both clusters have the kind: the host takes them of its copy of the claim, and the tenant sees what became of them.

A snapshot names a claim of its own namespace, or a content that the tenant may bring in (`policy.allowVolumes`). Its class is one that the host
offers; without a name the host's default has to be among those. The copy holds data and goes with its original only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import PERSISTENTVOLUMECLAIMS, VOLUMESNAPSHOTCLASSES, VOLUMESNAPSHOTCONTENTS, Obj, Ref, Side
from syncer.core.objects import VOLUMESNAPSHOTS as SNAPSHOT_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, ListNeed, Need, ObjectNeed, Path, Refusal, Subresource, Translator, View, Wait
from translators.classes import is_shown
from translators.content import taken, unknown_in
from translators.event_text import Subject, in_tenant_words
from translators.metadata import allowed, down_metadata
from translators.volumesnapshotclasses import DEFAULT_MARK

_FROM_HOST = ("boundVolumeSnapshotContentName", "creationTime", "error", "readyToUse", "restoreSize")
_STATUS: tuple[Path, ...] = tuple(("status", key) for key in _FROM_HOST)
_CLASSES = ListNeed(Side.HOST, VOLUMESNAPSHOTCLASSES.plural, "", wake=True)
_KNOWN = frozenset(("source", "volumeSnapshotClassName"))
_BY_SNAPSHOTTER = "annotations of snapshots reach the storage driver; policy.claimAnnotations lists those that may cross"


def needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    yield _CLASSES
    yield from (need for need, _ in _named(obj, names))


def _named(obj: Obj, names: Names) -> Iterator[tuple[ObjectNeed, Ref]]:
    """The host copies of what the source names, and the tenant's objects."""
    source, namespace = (obj.get("spec") or {}).get("source") or {}, obj["metadata"]["namespace"]
    claim, content, host = source.get("persistentVolumeClaimName"), source.get("volumeSnapshotContentName"), names.namespace(namespace)
    if claim and host is not None:
        there = Ref(PERSISTENTVOLUMECLAIMS.plural, host, names.name(PERSISTENTVOLUMECLAIMS, namespace, claim))
        yield ObjectNeed(Side.HOST, there), Ref(PERSISTENTVOLUMECLAIMS.plural, namespace, claim)
    if content:
        there = Ref(VOLUMESNAPSHOTCONTENTS.plural, "", names.name(VOLUMESNAPSHOTCONTENTS, "", content))
        yield ObjectNeed(Side.HOST, there), Ref(VOLUMESNAPSHOTCONTENTS.plural, "", content)


def down(obj: Obj, view: View) -> Answer:
    spec: dict[str, Any] = {}
    if view.counterpart is None:  # nothing of it can change later
        for part in (_source, _class):
            found = part(obj, view)
            if not isinstance(found, dict):
                return found
            spec |= found
    found_meta = down_metadata(obj, view)
    annotations, dropped = allowed(found_meta.annotations, view.settings.policy.claim_annotations, _BY_SNAPSHOTTER)
    unknown = unknown_in(obj.get("spec"), _KNOWN, "spec")
    return Draft({"metadata": {"labels": found_meta.labels, "annotations": annotations}, "spec": spec}, (*found_meta.dropped, *dropped, *unknown))


def _source(obj: Obj, view: View) -> dict[str, Any] | Refusal | Wait:
    made: dict[str, str] = {}
    for need, ref in _named(obj, view.names):
        if not view.is_ours(need.ref, ref):
            if ref.plural == PERSISTENTVOLUMECLAIMS.plural:
                return Wait(f"PersistentVolumeClaim {ref.name!r} is not on the host yet", (need,))
            text = f"VolumeSnapshotContent {ref.name!r} is not one that was brought in from here (policy.allowVolumes)"
            return Wait(text, (need,))
        field = "persistentVolumeClaimName" if ref.plural == PERSISTENTVOLUMECLAIMS.plural else "volumeSnapshotContentName"
        made[field] = need.ref.name
    if not made:
        return Refusal("spec.source", "it names nothing that a snapshot can be taken of")
    return {"source": made}


def _class(obj: Obj, view: View) -> dict[str, Any] | Refusal | Wait:
    name = (obj.get("spec") or {}).get("volumeSnapshotClassName")
    shown = [one for one in view.list(_CLASSES) if is_shown(one, view.settings, VOLUMESNAPSHOTCLASSES.plural, DEFAULT_MARK)]
    if name:
        if any(one["metadata"]["name"] == name for one in shown):
            return {"volumeSnapshotClassName": name}
        return Refusal("spec.volumeSnapshotClassName", f"the host offers no VolumeSnapshotClass {name!r} here")
    if not any((one["metadata"].get("annotations") or {}).get(DEFAULT_MARK) == "true" for one in shown):
        return Wait("the snapshot names no class, and this cluster has no default one: see `kubectl get volumesnapshotclasses`")
    return {}


def up(host: Obj, view: View) -> Answer:
    status, tenant = taken(host.get("status") or {}, _FROM_HOST), view.counterpart
    if tenant is None:
        return Wait("the snapshot is not known", quiet=True)
    content = status.get("boundVolumeSnapshotContentName")
    brought = view.tenant_ref(VOLUMESNAPSHOTCONTENTS.plural, "", content) if content else None
    if brought is not None:
        status["boundVolumeSnapshotContentName"] = brought.name
    if status.get("error"):
        status["error"] = _error(status["error"], host, tenant, view)
    return Draft({"status": status})


def _error(error: Mapping[str, Any], host: Obj, tenant: Obj, view: View) -> dict[str, Any]:
    refs = [Ref(SNAPSHOT_KIND.plural, obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in (host, tenant)]
    subject = Subject(refs[0], refs[1], tenant["metadata"]["uid"], host["metadata"]["uid"])
    return {**taken(error, ("time",)), "message": in_tenant_words(str(error.get("message") or ""), subject, None, view)}


VOLUMESNAPSHOTS = Translator(
    name="volumesnapshots",
    source=SNAPSHOT_KIND,
    tenant_owns=(),
    host_owns=_STATUS,
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    down=down,
    up=up,
    lasting=True,
    optional=True,
)
