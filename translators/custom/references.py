"""Declared references of a custom object, found in it and translated by the one mapping of names.

A reference crosses to what we stamped, and to nothing else: a foreign object under the name would be the tenant's to use otherwise. An optional one
(the host's controller makes the object) crosses while nobody holds the name, and stays once it has crossed. Text that is no plain name is
refused before it is translated: host controllers read things like `namespace/name` out of such fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from syncer.core.fieldpaths import GONE, Misshapen, Place, at, begins_with, concrete, find
from syncer.core.names import Names
from syncer.core.objects import NAMESPACES, Obj, Ref, Side
from syncer.core.settings import CustomKind, ReferencePath
from syncer.core.translator import Draft, Life, Need, ObjectNeed, Purpose, Translator, View
from translators.custom.refusing import Refused
from translators.event_text import HIDDEN

Targets = Callable[[str], Translator | None]
"""The translator of a kind by its name in the sync file; None when the kind is off."""

MOST = 1000
"""References of one object. More are no accident, and each costs memory as long as the object is there."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class Found(NamedTuple):
    """One reference: where its name stands, and where its namespace stands if that is said."""

    place: Place
    name: str
    kind: str
    optional: bool
    namespace: str = ""
    namespace_place: Place = ()


class Bound(NamedTuple):
    """A reference with both ends: the tenant object, and what it is called on the host."""

    found: Found
    tenant: Ref
    host: Ref


def found_in(obj: Obj, declared: Iterable[ReferencePath]) -> Iterator[Found]:
    """Every reference of an object. Raises Refused and Misshapen."""
    count = 0
    for reference in declared:
        for place, value in find(obj, reference.path):
            kind = _kind(obj, reference, place)
            where: Place = concrete(reference.namespace_path, reference.path, place) if reference.namespace_path else ()
            for named in _named(value, place, kind, reference.optional, where, at(obj, where) if where else None):
                count += 1
                if count > MOST:
                    raise Refused(place, f"the object has more than {MOST} references")
                yield named


def _kind(obj: Obj, reference: ReferencePath, place: Place) -> str:
    if not reference.kind_path:
        return reference.kind
    where = concrete(reference.kind_path, reference.path, place)
    word = at(obj, where)
    if word in (None, "") and reference.kind:
        return reference.kind
    if not isinstance(word, str) or word not in reference.kinds:
        raise Refused(where, f"only references to {', '.join(reference.kinds)} cross")
    return reference.kinds[word]


def _named(value: Any, place: Place, kind: str, optional: bool, where: Place, namespace: Any) -> Iterator[Found]:
    """One text, a list of them, or objects with a name and perhaps a namespace."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, list):
                raise Misshapen((*place, index), "a name or an object with a name")
            yield from _named(item, (*place, index), kind, optional, where, namespace)
        return
    if isinstance(value, Mapping):
        if not where:
            where, namespace = (*place, "namespace"), value.get("namespace")
        value, place = value.get("name"), (*place, "name")
    if value in (None, ""):
        return
    if not isinstance(value, str):
        raise Misshapen(place, "the name of an object")
    if not _NAME.fullmatch(value):
        raise Refused(place, "this is not the name of an object")
    if namespace in (None, ""):
        yield Found(place, value, kind, optional)
        return
    if not isinstance(namespace, str) or not _NAME.fullmatch(namespace):
        raise Refused(where, "this is not the name of a namespace")
    yield Found(place, value, kind, optional, namespace, where)


def bound(found: Found, own: str, names: Names, targets: Targets) -> Bound:
    """Both ends of a reference. `own` is the namespace of the object that refers. Raises Refused when it leads nowhere we could follow."""
    target = targets(found.kind)
    if target is None:
        raise Refused(found.place, f"it names one of {found.kind}, which are not synced")
    if target.source == NAMESPACES:
        mapped = names.namespace(found.name)
        if mapped is None:
            raise Refused(found.place, f"namespace {found.name!r} is not covered by sync.namespaceMapping")
        return Bound(found, Ref(NAMESPACES.plural, "", found.name), Ref(NAMESPACES.plural, "", mapped))
    namespace = (found.namespace or own) if target.source.namespaced else ""
    if target.source.namespaced and not namespace:
        raise Refused(found.place, f"it names one of {found.kind} without a namespace")
    place = _host_place(target, names, namespace, found.name)
    if place is None:
        raise Refused(
            found.namespace_place or found.place, f"namespace {namespace!r} is not covered by sync.namespaceMapping: nothing of it is on the host"
        )
    return Bound(found, Ref(target.resource_on(Side.TENANT).plural, namespace, found.name), Ref(target.resource_on(Side.HOST).plural, *place))


def _host_place(target: Translator, names: Names, namespace: str, name: str) -> tuple[str, str] | None:
    if target.life is Life.HOST_LEADS:
        if not namespace:
            return "", name
        return target.source_from(names, namespace, name) if target.source_from is not None else None
    if target.target_name is not None:
        return target.target_name(names, namespace, name)
    if not namespace:
        return "", names.name(target.destination, "", name)
    mapped = names.namespace(namespace)
    return None if mapped is None else (mapped, names.name(target.destination, namespace, name))


def needs_of(obj: Obj, kind: CustomKind, names: Names, targets: Targets) -> Iterator[Need]:
    """What the references ask to see. An object that cannot be read needs nothing: `down` will say so."""
    own = obj["metadata"].get("namespace", "")
    try:
        for found in found_in(obj, going_down(kind)):
            target = targets(found.kind)
            ends = bound(found, own, names, targets)
            if target is None or target.source == NAMESPACES:
                continue
            if target.life is Life.HOST_LEADS:
                yield ObjectNeed(Side.HOST, ends.host, wake=True)
                continue
            yield ObjectNeed(Side.TENANT, ends.tenant, Purpose.DEMAND)
            yield ObjectNeed(Side.HOST, ends.host, Purpose.PROBE if found.optional else Purpose.READ)
    except (Refused, Misshapen):
        return


def going_down(kind: CustomKind) -> tuple[ReferencePath, ...]:
    """The references in fields that the tenant owns."""
    return tuple(reference for reference in kind.references if any(begins_with(reference.path, owned) for owned in kind.tenant_owns))


def going_up(kind: CustomKind) -> tuple[ReferencePath, ...]:
    """The references in fields that the host owns."""
    return tuple(reference for reference in kind.references if any(begins_with(reference.path, owned) for owned in kind.host_owns))


class Outcome(NamedTuple):
    """What to write where, and what has to be waited for."""

    edits: dict[Place, Any]
    waits: list[tuple[str, Need]]


def translated(body: Obj, own: str, kind: CustomKind, view: View, targets: Targets) -> Outcome:
    """The references of `body`, which is what the tenant owns of an object in the namespace `own`, in the host's words."""
    made = Outcome({}, [])
    for found in found_in(body, going_down(kind)):
        target, ends = targets(found.kind), bound(found, own, view.names, targets)
        assert target is not None
        if target.life is Life.HOST_LEADS:
            _check_shown(target, ends, view)
        elif target.source != NAMESPACES and not _crosses(ends, body, kind, view):
            made.waits.append((_waiting(ends, target, view), ObjectNeed(Side.HOST, ends.host)))
        made.edits[found.place] = ends.host.name
        if found.namespace_place:
            made.edits[found.namespace_place] = ends.host.namespace
    return made


def _check_shown(target: Translator, ends: Bound, view: View) -> None:
    """What the host leads may be used when it is shown."""
    there = view.get(ObjectNeed(Side.HOST, ends.host))
    if there is None or target.up is None or not isinstance(target.up(there, view), Draft):
        raise Refused(ends.found.place, f"there is no {target.source.kind} {ends.found.name!r} that this cluster may use")


def _crosses(ends: Bound, body: Obj, kind: CustomKind, view: View) -> bool:
    ours = view.is_ours(ends.host, ends.tenant)
    if ours or not ends.found.optional:
        return bool(ours)
    if _held(ends, kind, view):
        return True
    return ours is None and view.get(ObjectNeed(Side.TENANT, ends.tenant)) is None


def _held(ends: Bound, kind: CustomKind, view: View) -> bool:
    """Whether the host object refers to it already: it was free then, and who made it since did so because of us."""
    if view.counterpart is None:
        return False
    try:
        there = found_in(view.counterpart, [reference for reference in going_down(kind) if reference.optional])
        return any((found.name, found.namespace or ends.host.namespace) == (ends.host.name, ends.host.namespace) for found in there)
    except (Refused, Misshapen):
        return False


def _waiting(ends: Bound, target: Translator, view: View) -> str:
    what = f"{target.source.kind} {ends.found.name!r}"
    if view.is_ours(ends.host, ends.tenant) is False:
        return f"{what} is not used: on the host its name belongs to another object"
    if view.get(ObjectNeed(Side.TENANT, ends.tenant)) is None:
        return f"{what} does not exist"
    return f"{what} is not on the host yet"


def shown(body: Obj, host_namespace: str, kind: CustomKind, view: View) -> dict[Place, Any]:
    """The references that the host wrote (in its status), in the tenant's words. What is none of ours is left out."""
    edits: dict[Place, Any] = {}
    try:
        for found in found_in(body, going_up(kind)):
            behind = view.tenant_ref(found.kind, found.namespace or host_namespace, found.name)
            edits[found.place] = behind.name if behind is not None else _hidden(found.place)
            if found.namespace_place:
                edits[found.namespace_place] = behind.namespace if behind is not None else _hidden(found.namespace_place)
    except (Refused, Misshapen):
        return {}
    return edits


def _hidden(place: Place) -> Any:
    """A field goes; an item of a list stays as a word, so that the others keep their positions."""
    return HIDDEN if isinstance(place[-1], int) else GONE
