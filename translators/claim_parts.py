"""What a new claim may name: its class, a volume, a source of data. Each part says what the host's claim gets, or why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import (
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    STORAGECLASSES,
    VOLUMEATTRIBUTESCLASSES,
    VOLUMESNAPSHOTS,
    Obj,
    Ref,
    Resource,
    Side,
)
from syncer.core.settings import Settings
from syncer.core.translator import Need, ObjectNeed, Refusal, View, Wait
from translators.classes import class_need, is_shown
from translators.storageclasses import DEFAULT_MARK

SELECTED_NODE = "volume.kubernetes.io/selected-node"
_OLD_CLASS = "volume.beta.kubernetes.io/storage-class"
_AT_FIRST_USE = "WaitForFirstConsumer"
_SOURCES: Mapping[tuple[str, str], Resource] = {
    ("", PERSISTENTVOLUMECLAIMS.kind): PERSISTENTVOLUMECLAIMS,
    (VOLUMESNAPSHOTS.group, VOLUMESNAPSHOTS.kind): VOLUMESNAPSHOTS,
}

Part = dict[str, Any] | Refusal | Wait


def new_spec(obj: Obj, view: View) -> Part:
    """The whole spec of a host claim that is not there yet."""
    spec = obj.get("spec") or {}
    made: dict[str, Any] = {key: spec[key] for key in ("accessModes", "volumeMode") if spec.get(key)}
    made["resources"] = _resources(spec.get("resources") or {})
    selector = spec.get("selector") or {}
    if selector.get("matchLabels") or selector.get("matchExpressions"):
        return Refusal("spec.selector", "it would choose among the host's volumes by their labels; name a storage class instead")
    for part in (_class_and_volume, _sources, attributes):
        found = part(obj, view)
        if not isinstance(found, dict):
            return found
        made |= found
    return made


def _resources(found: Mapping[str, Any]) -> dict[str, Any]:
    return {key: {"storage": found[key]["storage"]} for key in ("requests", "limits") if (found.get(key) or {}).get("storage") is not None}


# --- class


def class_of(claim: Obj) -> str | None:
    """The name of its class, in the old way of saying it, too; None when it names none, which is not the same as an empty name."""
    old = (claim["metadata"].get("annotations") or {}).get(_OLD_CLASS)
    return old if old is not None else (claim.get("spec") or {}).get("storageClassName")


def class_needs(obj: Obj, settings: Settings) -> Iterator[Need]:
    if name := class_of(obj):
        yield class_need(STORAGECLASSES, settings.policy.storage_classes.get(name, name))
        yield _tenant_class(name)


def _tenant_class(name: str) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, Ref(STORAGECLASSES.plural, "", name), wake=True)


def _class(obj: Obj, view: View) -> Part:
    name = class_of(obj)
    if name is None:
        return Wait("the claim names no storage class, and this cluster has no default one: see `kubectl get storageclasses`")
    if not name:
        return Refusal("spec.storageClassName", "a claim without a class would take any free volume of the host; name a storage class")
    table = view.settings.policy.storage_classes
    need = class_need(STORAGECLASSES, table.get(name, name))
    host_class = view.get(need)
    if name in table:
        if host_class is None:
            return Wait(f"the host has no storage class behind {name!r} (policy.storageClasses)", (need,))
    elif not is_shown(host_class, view.settings, STORAGECLASSES.plural, DEFAULT_MARK):
        return Refusal("spec.storageClassName", f"the host offers no storage class {name!r} here; choose one of `kubectl get storageclasses`")
    assert host_class is not None
    if host_class.get("volumeBindingMode") == _AT_FIRST_USE and (view.get(_tenant_class(name)) or {}).get("volumeBindingMode") != _AT_FIRST_USE:
        # The tenant's scheduler would never choose a node for it, and the host's provisioner waits for one.
        text = f"volumes of this class are made for the first pod that uses them: this cluster needs StorageClass {name!r} with volumeBindingMode"
        return Wait(f"{text} {_AT_FIRST_USE}", (_tenant_class(name),))
    return {"storageClassName": need.ref.name}


def attributes_needs(obj: Obj) -> Iterator[Need]:
    if name := (obj.get("spec") or {}).get("volumeAttributesClassName"):
        yield class_need(VOLUMEATTRIBUTESCLASSES, name)


def attributes(obj: Obj, view: View) -> dict[str, Any] | Refusal:
    name = (obj.get("spec") or {}).get("volumeAttributesClassName")
    if not name:
        return {}
    if not is_shown(view.get(class_need(VOLUMEATTRIBUTESCLASSES, name)), view.settings, VOLUMEATTRIBUTESCLASSES.plural):
        return Refusal("spec.volumeAttributesClassName", f"the host offers no VolumeAttributesClass {name!r} to this cluster")
    return {"volumeAttributesClassName": name}


# --- a volume by its name


def host_volume(name: str) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(PERSISTENTVOLUMES.plural, "", name), wake=True)


def volume_needs(obj: Obj, names: Names) -> Iterator[Need]:
    if name := (obj.get("spec") or {}).get("volumeName"):
        yield host_volume(name)
        yield host_volume(names.name(PERSISTENTVOLUMES, "", name))


def _class_and_volume(obj: Obj, view: View) -> Part:
    """A volume that is named must be this claim's own: one that the tenant brought in, or one that the host keeps for exactly this claim."""
    name = (obj.get("spec") or {}).get("volumeName")
    if not name:
        return _class(obj, view)
    names, meta = view.names, obj["metadata"]
    brought = names.name(PERSISTENTVOLUMES, "", name)
    if view.is_ours(host_volume(brought).ref, Ref(PERSISTENTVOLUMES.plural, "", name)):
        return {"storageClassName": "", "volumeName": brought}
    kept = view.get(host_volume(name))
    spec = (kept or {}).get("spec") or {}
    claim = spec.get("claimRef") or {}
    own = names.namespace(meta["namespace"]), names.name(PERSISTENTVOLUMECLAIMS, meta["namespace"], meta["name"])
    if kept is not None and (claim.get("namespace"), claim.get("name")) == own:
        if claim.get("uid"):
            text = f"volume {name!r} belonged to an earlier copy of this claim; the host's administrator frees it by removing spec.claimRef.uid"
            return Wait(text, (host_volume(name),))
        return {"storageClassName": spec.get("storageClassName", ""), "volumeName": name}
    if kept is None and view.settings.policy.allow_volumes:
        return Wait(f"volume {name!r} is not on the host", (host_volume(brought),))
    return Refusal("spec.volumeName", f"the host has no volume {name!r} for this claim (any more); make a claim without volumeName to get a new one")


# --- data that it begins with


def source_needs(obj: Obj, names: Names) -> Iterator[Need]:
    for field in ("dataSource", "dataSourceRef"):
        found = _source((obj.get("spec") or {}).get(field), obj["metadata"]["namespace"], names)
        if found is not None:
            yield found[0]


def _source(source: Any, namespace: str, names: Names) -> tuple[ObjectNeed, Ref] | None:
    """The host copy of what a source names, and the tenant object itself; None when it is of a kind we do not know, or has no place."""
    kind = _SOURCES.get((source.get("apiGroup") or "", source.get("kind", ""))) if source else None
    if kind is None or not source.get("name"):
        return None
    where = source.get("namespace") or namespace
    host = names.namespace(where)
    if host is None:
        return None
    return ObjectNeed(Side.HOST, Ref(kind.plural, host, names.name(kind, where, source["name"]))), Ref(kind.plural, where, source["name"])


def _sources(obj: Obj, view: View) -> Part:
    made: dict[str, Any] = {}
    for field in ("dataSource", "dataSourceRef"):
        source = (obj.get("spec") or {}).get(field)
        if source:
            found = _translated(source, obj["metadata"]["namespace"], f"spec.{field}", view)
            if not isinstance(found, dict):
                return found
            made[field] = found
    return made


def _translated(source: Mapping[str, Any], namespace: str, path: str, view: View) -> Part:
    kind, where = source.get("kind", ""), source.get("namespace") or namespace
    found = _source(source, namespace, view.names)
    if found is None and where != namespace and view.names.namespace(where) is None:
        return Refusal(f"{path}.namespace", f"namespace {where!r} is not one that is synced")
    if found is None:
        return Refusal(path, f"{kind or 'this kind'} is not a source that is synced; a PersistentVolumeClaim or a VolumeSnapshot is")
    need, ref = found
    if where != namespace and need.ref.namespace == view.names.namespace(namespace):
        # Both lie in one host namespace, where nobody would ask for the grant that the other namespace has to give.
        return Refusal(f"{path}.namespace", "a source in another namespace cannot be used here; copy the data in its own namespace")
    ours = view.is_ours(need.ref, ref)
    if not ours:
        holder = "an object on the host that is not this tenant's holds its name" if ours is False else "it is not on the host yet"
        return Wait(f"{kind} {source['name']!r} cannot be copied from: {holder}", (need,))
    made = {key: source[key] for key in ("apiGroup", "kind") if source.get(key)}
    made["name"] = need.ref.name
    if where != namespace:
        made["namespace"] = need.ref.namespace
    return made
