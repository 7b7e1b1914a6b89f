"""Classes: cluster-scoped kinds that a host's administrator offers by name (StorageClass, IngressClass, PriorityClass, …), shown in the tenant.

The host leads, the name is the same on both sides, and what the tenant does to a shown class is taken back. Which are shown is said by
`sync.resources[].names` (globs) and `selector`. Without `names` it is those that the host itself marks as its default, for kinds that have such a
mark, and none for the others: what a tenant may use is a choice, not an accident.

Only listed fields are shown. Parameters of a class name secrets, pools and accounts of the host, so they are never among them.

A kind that refers to a class asks `class_need` for it and `is_shown` about it, and refuses what is not shown.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from syncer.core.objects import Obj, Ref, Resource, Side
from syncer.core.selectors import meets
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Life, ObjectNeed, Skip, Translator, View
from translators.content import taken
from translators.metadata import shown_metadata


def host_class(
    resource: Resource, fields: Sequence[str], *, default_mark: str = "", immutable: Sequence[str] = (), optional: bool = False
) -> Translator:
    """A translator for one kind of class. `fields` are the top-level fields that are shown, `immutable` those of them that the API server lets
    nobody change, `default_mark` the annotation that makes a class the default."""

    def up(host: Obj, view: View) -> Answer:
        if not is_shown(host, view.settings, resource.plural, default_mark):
            return Skip(f"not among the names of {resource.plural} in sync.resources")
        labels, annotations = shown_metadata(host, view)
        if default_mark and _is_default(host, default_mark):
            annotations = {**annotations, default_mark: "true"}
        return Draft({"metadata": {"labels": labels, "annotations": annotations}, **taken(host, fields)})

    return Translator(
        name=resource.plural,
        source=resource,
        life=Life.HOST_LEADS,
        tenant_owns=(),
        host_owns=tuple((field,) for field in fields),
        recreate_on=tuple((field,) for field in immutable),
        up=up,
        optional=optional,
    )


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
