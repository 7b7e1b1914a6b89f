"""Which class of the host an object of the tenant gets: one that the tenant sees, or one that a table of the policy puts in its place."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.core.objects import Ref, Resource, Side
from syncer.core.stamp import is_from_host
from syncer.core.translator import Need, ObjectNeed, Refusal, Skip, View
from translators.classes import class_need, is_shown


def class_needs(resource: Resource, name: str) -> tuple[Need, ...]:
    """The class on both sides: a tenant may run a controller with a class of its own."""
    return class_need(resource, name), _own(resource, name)


def chosen_class(resource: Resource, name: str, table: Mapping[str, str], view: View, field: str, default_mark: str = "") -> str | Skip | Refusal:
    """The host's name for the class `name`. An object of a class that only the tenant has is the business of the tenant's own controller."""
    if name in table:
        return table[name]
    if is_shown(view.get(class_need(resource, name)), view.settings, resource.plural, default_mark):
        return name
    own = view.get(_own(resource, name))
    if own is not None and not is_from_host(own["metadata"].get("labels")):
        return Skip(f"its {resource.kind} is one of this cluster's own, served by a controller here")
    return Refusal(field, f"the host offers no {resource.kind} {name!r} to this cluster; `kubectl get {resource.plural}` lists those it does")


def _own(resource: Resource, name: str) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, Ref(resource.plural, "", name), wake=True)
