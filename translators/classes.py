"""Classes: cluster-scoped kinds that a host's administrator offers by name (StorageClass, IngressClass, PriorityClass, …), shown in the tenant.

The host leads, the name is the same on both sides, and what the tenant does to a shown class is taken back. Which are shown is said by
`sync.resources[].names` (globs) and `selector`. Without `names` it is those that the host itself marks as its default, for kinds that have such a
mark, and none for the others: what a tenant may use is a choice, not an accident.

Only listed fields are shown. Parameters of a class name secrets, pools and accounts of the host, so they are never among them.

A kind that refers to a class asks `class_need` for it and `is_shown` about it, and refuses what is not shown.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

from syncer.core.objects import Obj, Ref, Resource, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Life, ObjectNeed, Path, Skip, Subresource, Translator, View
from translators.metadata import shown_metadata
from translators.selectors import meets


def host_class(
    resource: Resource, fields: Sequence[str], *, default_mark: str = "", immutable: Sequence[str] = (), optional: bool = False
) -> Translator:
    """A translator for one kind of class. `fields` are those that are shown (`spec.controller` stands for one inside another), `immutable` those
    of them that the API server lets nobody change, `default_mark` the annotation that makes a class the default."""
    paths = tuple(tuple(field.split(".")) for field in fields)
    in_status: tuple[Path, ...] = tuple(path for path in paths if path[0] == "status")

    def up(host: Obj, view: View) -> Answer:
        if not is_shown(host, view.settings, resource.plural, default_mark):
            return Skip(f"not among the names of {resource.plural} in sync.resources")
        labels, annotations = shown_metadata(host, view)
        if default_mark and _is_default(host, default_mark):
            annotations = {**annotations, default_mark: "true"}
        return Draft({"metadata": {"labels": labels, "annotations": annotations}, **_parts(host, paths)})

    return Translator(
        name=resource.plural,
        source=resource,
        life=Life.HOST_LEADS,
        tenant_owns=(),
        host_owns=paths,
        recreate_on=tuple(tuple(field.split(".")) for field in immutable),
        tenant_subresources=(Subresource("status", in_status),) if in_status else (),
        up=up,
        optional=optional,
    )


def _parts(obj: Obj, paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """These places of an object, as far as they are there."""
    made: dict[str, Any] = {}
    for path in paths:
        value: Any = obj
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            at = made
            for step in path[:-1]:
                at = at.setdefault(step, {})
            at[path[-1]] = value
    return made


def class_need(resource: Resource, name: str) -> ObjectNeed:
    """The host's class of that name; a kind that needs it names `(Side.HOST, resource)` in its `reads`."""
    return ObjectNeed(Side.HOST, Ref(resource.plural, "", name), wake=True)


def is_shown(host_class: Obj | None, settings: Settings, plural: str, default_mark: str = "") -> bool:
    """Whether this class of the host (None: there is no such) is one that the tenant sees and may therefore use."""
    kind = settings.kinds.get(plural)
    if host_class is None or kind is None or kind.mode == "toHost":
        return False
    meta = host_class["metadata"]
    if kind.selector is not None and not meets(kind.selector, meta.get("labels") or {}):
        return False
    if kind.names is None:
        return bool(default_mark) and _is_default(host_class, default_mark)
    return any(fnmatch.fnmatchcase(meta["name"], pattern) for pattern in kind.names)


def _is_default(host_class: Obj, default_mark: str) -> bool:
    return (host_class["metadata"].get("annotations") or {}).get(default_mark) == "true"
