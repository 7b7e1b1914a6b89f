"""Declared label selectors of a custom object, confined to the tenant and its namespace as all others are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.fieldpaths import Misshapen, Place, find, place_text
from syncer.core.objects import Obj
from syncer.core.settings import CustomKind, SelectorPath
from syncer.core.stamp import NAMESPACE, TENANT
from syncer.core.translator import View
from translators.selectors import confined, confined_labels, denied_in_map, denied_keys

_FIELDS = frozenset({"matchLabels", "matchExpressions"})
_OPERATORS = frozenset({"In", "NotIn", "Exists", "DoesNotExist"})
Dropped = tuple[tuple[str, str], ...]


def confining(body: Obj, own: str, kind: CustomKind, view: View) -> tuple[dict[Place, Any], Dropped]:
    """What to write where, and what can never match. `own` is the object's namespace, empty for a cluster-scoped kind. Raises Misshapen."""
    edits: dict[Place, Any] = {}
    dropped: list[tuple[str, str]] = []
    for declared in kind.selectors:
        for place, value in find(body, declared.path):
            edits[place], denied = _confined(value, place, declared, own, view)
            dropped += [(f"{place_text(place)}[{key}]", "no host object can carry this label") for key in denied]
    return edits, tuple(dropped)


def _confined(value: Any, place: Place, declared: SelectorPath, own: str, view: View) -> tuple[dict[str, Any], tuple[str, ...]]:
    tenant = view.names.tenant
    if declared.form == "map":
        _check_labels(value, place)
        made = {**(confined(value, tenant, own) or {}), TENANT: tenant, NAMESPACE: own}
        if not own:
            del made[NAMESPACE]
        return made, denied_in_map(value, view.settings.host)
    _check_selector(value, place)
    found = confined_labels(value, tenant, [own] if own else None)
    assert found is not None
    return found, denied_keys(value, view.settings.host)


def _check_labels(value: Any, place: Place) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        raise Misshapen(place, "a map of labels")


def _check_selector(value: Any, place: Place) -> None:
    """Strictly: a field that we would not confine might be one that somebody on the host understands."""
    if not isinstance(value, Mapping) or value.keys() - _FIELDS:
        raise Misshapen(place, "a label selector (matchLabels, matchExpressions)")
    if value.get("matchLabels") is not None:
        _check_labels(value["matchLabels"], (*place, "matchLabels"))
    for where, item in _expressions(value, place):
        values = item.get("values") or []
        known = isinstance(item.get("key"), str) and item.get("operator") in _OPERATORS and not item.keys() - {"key", "operator", "values"}
        if not known or not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise Misshapen(where, "a requirement on a label (key, operator, values)")


def _expressions(value: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    items = value.get("matchExpressions") or []
    if not isinstance(items, list):
        raise Misshapen((*place, "matchExpressions"), "a list")
    for index, item in enumerate(items):
        if not isinstance(item, Mapping):
            raise Misshapen((*place, "matchExpressions", index), "a map")
        yield (*place, "matchExpressions", index), item
