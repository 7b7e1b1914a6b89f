"""Declared kinds that the host leads (`mode: fromHost`): objects of the host, shown in the tenant and not to be changed there.

Cluster-scoped ones keep their name. Namespaced ones are those in the host namespaces that are this tenant's, where the host's administrator
puts them; they appear in the tenant namespace behind it, under the same name. `names` and `selector` choose; without `names` none are shown,
since what a tenant sees of the host is a choice. An object that the syncer itself made is never shown back.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.fieldpaths import edited, picked
from syncer.core.names import Names
from syncer.core.objects import NAMESPACES, Obj, Ref, Resource, Side
from syncer.core.selectors import meets
from syncer.core.settings import CustomKind
from syncer.core.translator import Answer, Draft, Life, ListNeed, ObjectNeed, Path, Skip, Subresource, Translator, View, Wait
from translators.custom import references
from translators.custom.references import Targets
from translators.custom.words import in_the_tenants_words
from translators.metadata import shown_metadata

_TENANT_NAMESPACES = ListNeed(Side.TENANT, NAMESPACES.plural, "")


def shown_kind(kind: CustomKind, resource: Resource, targets: Targets) -> Translator:
    """The record. What the declaration gives either side is shown."""
    owns: tuple[tuple[str, ...], ...] = (*kind.tenant_owns, *kind.host_owns)
    status: tuple[Path, ...] = tuple(path for path in owns if path[0] == "status")
    return Translator(
        name=resource.plural,
        kind=kind.name,
        source=resource,
        life=Life.HOST_LEADS,
        tenant_owns=(),
        host_owns=owns,
        tenant_subresources=(Subresource("status", status),) if status and kind.status_subresource else (),
        up=_up(kind, owns),
        optional=True,
        definition=kind.name,
        target_from=_tenant_place if kind.namespaced else None,
        source_from=_host_place if kind.namespaced else None,
    )


def is_shown(host: Obj, kind: CustomKind, view: View) -> bool:
    """By `names` and `selector`, and never what carries a stamp."""
    chosen, meta = view.settings.kinds.get(kind.name), host["metadata"]
    labels = meta.get("labels") or {}
    if chosen is None or chosen.names is None or stamps.TENANT in labels:
        return False
    if chosen.selector is not None and not meets(chosen.selector, labels):
        return False
    return any(fnmatch.fnmatchcase(meta["name"], pattern) for pattern in chosen.names)


def _up(kind: CustomKind, owns: tuple[tuple[str, ...], ...]) -> Callable[[Obj, View], Answer]:
    def up(host: Obj, view: View) -> Answer:
        if not is_shown(host, kind, view):
            return Skip(f"not among the names of {kind.name} in sync.customResources")
        labels, annotations = shown_metadata(host, view)
        body: dict[str, Any] = picked(host, owns)
        edits = references.shown(body, host["metadata"].get("namespace", ""), kind, view)
        if edits:
            body = edited(body, edits)
        if host["metadata"].get("namespace"):
            body = in_the_tenants_words(body, host, _as_shown(host, view), None, view)
        return Draft({**body, "metadata": {"labels": labels, "annotations": annotations}})

    return up


def _as_shown(host: Obj, view: View) -> Obj:
    place, meta = _tenant_place(host, view), host["metadata"]
    namespace = place[0] if isinstance(place, tuple) else ""
    return {"metadata": {"namespace": namespace, "name": meta["name"], "uid": ""}}


def _tenant_place(host: Obj, view: View) -> tuple[str, str] | Skip | Wait:
    """The tenant namespace behind the host namespace: written on it when we made it, looked up when it was lent."""
    meta = host["metadata"]
    made = view.get(ObjectNeed(Side.HOST, Ref(NAMESPACES.plural, "", meta["namespace"])))
    if made is None:
        return Wait("its host namespace is not known yet", (ObjectNeed(Side.HOST, Ref(NAMESPACES.plural, "", meta["namespace"])),), quiet=True)
    source = (made["metadata"].get("annotations") or {}).get(stamps.SOURCE_NAME, "")
    if source and view.names.namespace(source) == meta["namespace"]:
        return source, meta["name"]
    for namespace in view.list(_TENANT_NAMESPACES):
        name = namespace["metadata"]["name"]
        if view.names.namespace(name) == meta["namespace"]:
            return name, meta["name"]
    return Wait("no namespace of the tenant lands in its host namespace", (_TENANT_NAMESPACES,), quiet=True)


def _host_place(names: Names, namespace: str, name: str) -> tuple[str, str] | None:
    mapped = names.namespace(namespace)
    return None if mapped is None else (mapped, name)
