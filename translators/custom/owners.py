"""Owner references of a custom object, for kinds that ask for it: owners that are synced keep owning on the host.

Only owners whose copy is there and ours are named, by the uid of the copy; what a tenant writes as a uid is never believed. `blockOwnerDeletion`
stays behind: it asks for a right over the owner. References that the host put there, to kinds that are not ours, stay.

Off unless declared, for a reason worth knowing: when an owner's copy is made anew, the host's garbage collector deletes what it owned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import Obj, Ref, Side
from syncer.core.translator import AllBut, Life, ObjectNeed, Path, Translator, View

OWNERS: Path = ("metadata", "ownerReferences", AllBut("uid", ()))
_MOST = 20


def owner_needs(obj: Obj, names: Names, translators: Iterable[Translator]) -> Iterator[ObjectNeed]:
    for translator, owner in _owners(obj, translators):
        ref = _copy(translator, owner, obj["metadata"].get("namespace", ""), names)
        if ref is not None:
            yield ObjectNeed(Side.HOST, ref, wake=True)


def host_owners(obj: Obj, view: View, translators: Iterable[Translator]) -> list[Mapping[str, Any]]:
    """The whole list for the host object."""
    known, namespace = tuple(translators), obj["metadata"].get("namespace", "")
    made: list[Mapping[str, Any]] = []
    for translator, owner in _owners(obj, known):
        ref = _copy(translator, owner, namespace, view.names)
        source = Ref(translator.source.plural, namespace if translator.source.namespaced else "", owner["name"])
        there = view.get(ObjectNeed(Side.HOST, ref)) if ref is not None and view.is_ours(ref, source) else None
        if there is not None and ref is not None:
            kind = translator.destination
            named = {"apiVersion": kind.api_version, "kind": kind.kind, "name": ref.name, "uid": there["metadata"]["uid"]}
            made.append({**named, "controller": True} if owner.get("controller") is True else named)
    ours = {(translator.destination.group, translator.destination.kind) for translator in known}
    there_already = ((view.counterpart or {}).get("metadata") or {}).get("ownerReferences") or ()
    return made + [owner for owner in there_already if (_group(owner), owner.get("kind")) not in ours]


def _owners(obj: Obj, translators: Iterable[Translator]) -> Iterator[tuple[Translator, Mapping[str, Any]]]:
    """Owners of kinds that follow the tenant, with the record of their kind."""
    by_kind = {(each.source.group, each.source.kind): each for each in translators if each.life is not Life.HOST_LEADS and each.target is None}
    for owner in (obj["metadata"].get("ownerReferences") or ())[:_MOST]:
        found = by_kind.get((_group(owner), str(owner.get("kind"))))
        if found is not None and isinstance(owner.get("name"), str):
            yield found, owner


def _group(owner: Mapping[str, Any]) -> str:
    group, slash, _ = str(owner.get("apiVersion", "")).rpartition("/")
    return group if slash else ""


def _copy(translator: Translator, owner: Mapping[str, Any], namespace: str, names: Names) -> Ref | None:
    if translator.target_name is not None or (translator.source.namespaced and not namespace):
        return None
    if not translator.source.namespaced:
        return Ref(translator.destination.plural, "", names.name(translator.destination, "", owner["name"]))
    mapped = names.namespace(namespace)
    return None if mapped is None else Ref(translator.destination.plural, mapped, names.name(translator.destination, namespace, owner["name"]))
