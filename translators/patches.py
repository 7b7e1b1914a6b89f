"""Changes of single fields by configuration (`patches` of a kind), made on the finished draft and before policy looks at it.

A path still has one owner. A patch of a field that the translator writes anyway changes what is written. A patch that sets a field which nobody
wrote makes the syncer its owner. A field of the other side's is nobody's to patch, and neither are names, namespaces and stamps.

Everything comes to rest, because what a patch takes out of a draft is not taken away from the copy again and again: `remove` means that the field
does not cross, and the copy keeps what it has there (an API server's default, or what an earlier configuration let cross). In the same way a field
that is set under a condition stays as it is while the condition does not hold. Labels and annotations are told apart by the record of keys, so
there removing is removing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from syncer.core.conditions import Undecided, condition
from syncer.core.fieldpaths import GONE, ITEMS, FieldPath, Misshapen, Place, at, edited, path_text, place_text, places
from syncer.core.objects import Obj, Side
from syncer.core.settings import FieldPatch
from syncer.core.stamp import PREFIX
from syncer.core.translator import AllBut, Answer, Draft, Each, Life, Path, Refusal, Subresource, Translator, View

_MAPS = ("labels", "annotations")
_UNTOUCHABLE = frozenset({"apiVersion", "kind"})
Function = Callable[[Obj, View], Answer]


def patched(translator: Translator, patches: tuple[FieldPatch, ...]) -> Translator:
    """The same kind with these changes. They have been checked (`objection`)."""
    down, up = (tuple(patch for patch in patches if patch.direction == direction) for direction in ("down", "up"))
    if down and translator.down is not None:
        extra = _further(translator, down)
        translator = replace(translator, down=_after(translator.down, down, extra), tenant_owns=(*translator.tenant_owns, *extra))
    if up and translator.up is not None:
        extra = _further(translator, up)
        translator = replace(
            translator,
            up=_after(translator.up, up, extra),
            host_owns=(*translator.host_owns, *extra),
            tenant_subresources=_through_status(translator, extra),
        )
    return translator


def objections(translator: Translator, patches: Iterable[FieldPatch]) -> Iterator[str | None]:
    """What is said against each patch, given those before it: what one of them owns, a later one may not give to the other side."""
    accepted: list[FieldPatch] = []
    for patch in patches:
        reason = objection(patched(translator, tuple(accepted)), patch)
        if reason is None:
            accepted.append(patch)
        yield reason


def objection(translator: Translator, patch: FieldPatch) -> str | None:
    """Why this patch cannot be made on this kind, as a clause; None when it can."""
    if patch.direction == "down" and translator.leading is Side.HOST:
        return f"{translator.kind_setting} are not sent down"
    if (translator.down if patch.direction == "down" else translator.up) is None:
        return f"nothing of {translator.kind_setting} goes {patch.direction}"
    if (wrong := _forbidden(translator, patch)) is not None:
        return wrong
    if patch.verb == "rename" and (ITEMS in patch.path or ITEMS in patch.to):
        return "a field inside a list cannot be renamed"
    if patch.verb == "rename" and (_inside(patch.path, patch.to) or _inside(patch.to, patch.path)):
        return f"`{path_text(patch.path)}` and `{path_text(patch.to)}` are one inside the other"
    taken = () if patch.verb == "set" else (patch.path,)
    given = {"set": (patch.path,), "remove": (), "rename": (patch.to,)}[patch.verb]
    wrongs = (*(_not_sent(translator, patch, path) for path in taken), *(_not_free(translator, patch, path) for path in given))
    return next((wrong for wrong in wrongs if wrong is not None), None)


def _forbidden(translator: Translator, patch: FieldPatch) -> str | None:
    for path in (patch.path, patch.to) if patch.to else (patch.path,):
        if path[0] in _UNTOUCHABLE:
            return f"`{path_text(path)}` says what the object is"
        if path[0] != "metadata":
            continue
        if len(path) != 3 or path[1] not in _MAPS:
            return 'of the metadata only single labels and annotations can be patched (`metadata.labels["a.b/c"]`)'
        if str(path[2]).startswith(PREFIX):
            return f"keys under {PREFIX} are the syncer's own"
        if patch.direction == "up" and translator.leading is Side.TENANT:
            return "labels and annotations of the tenant's objects are the tenant's"
    if patch.verb == "rename" and _is_metadata(patch.path) and patch.path[:2] != patch.to[:2]:
        return "a label can become another label and an annotation another annotation, nothing else"
    if patch.verb == "rename" and not _is_metadata(patch.path) and _is_metadata(patch.to):
        return "a field cannot become a label or an annotation"
    if patch.direction == "down" and not _is_metadata(patch.path) and "status" in (patch.path[0], *patch.to[:1]):
        return "the status of host objects is the host's"
    return None


def _not_sent(translator: Translator, patch: FieldPatch, path: FieldPath) -> str | None:
    """What is taken out must be something that is written."""
    if _is_metadata(path) or (patch.direction == "down" and translator.life is Life.SHARED_FATE):
        return None
    if any(_inside(path, owned) for owned in _owned(translator, patch.direction)):
        return None
    return f"`{path_text(path)}` is not sent {patch.direction} anyway"


def _not_free(translator: Translator, patch: FieldPatch, path: FieldPath) -> str | None:
    """What is given a value must not be somebody else's, and must be one field."""
    if _is_metadata(path):
        return None
    other = "up" if patch.direction == "down" else "down"
    if any(_inside(path, owned) or _inside(owned, path) for owned in _owned(translator, other)):
        return f"`{path_text(path)}` belongs to the {'host' if other == 'up' else 'tenant'}"
    owned = _owned(translator, patch.direction)
    if any(_inside(path, each) for each in owned) or (patch.direction == "down" and translator.life is Life.SHARED_FATE):
        return None
    if any(_inside(each, path) for each in owned):
        return f"`{path_text(path)}` holds several fields that are translated one by one; patch those"
    if ITEMS in path:
        return f"`{path_text(path)}` is in a list that the syncer does not write"
    return None


def _owned(translator: Translator, direction: str) -> tuple[FieldPath, ...]:
    """The paths that are written in this direction, as field paths."""
    return tuple(_plain(path) for path in (translator.tenant_owns if direction == "down" else translator.host_owns))


def _plain(path: Path) -> FieldPath:
    return tuple(ITEMS if isinstance(step, Each) else step for step in path if not isinstance(step, AllBut))


def _inside(path: FieldPath, outer: FieldPath) -> bool:
    return path[: len(outer)] == outer


def _is_metadata(path: FieldPath) -> bool:
    return path[0] == "metadata"


def _further(translator: Translator, patches: tuple[FieldPatch, ...]) -> tuple[Path, ...]:
    """The paths that the patches make the syncer's. Pods cannot change afterwards: for them a patch counts when the host pod is made."""
    direction = patches[0].direction
    if direction == "down" and translator.life is Life.SHARED_FATE:
        return ()
    owned, found = _owned(translator, direction), dict[Path, None]()
    for patch in patches:
        path = patch.to if patch.verb == "rename" else patch.path
        if patch.verb != "remove" and not _is_metadata(path) and not any(_inside(path, each) for each in owned):
            found[tuple(step for step in path if step is not ITEMS)] = None
    return tuple(path for path in found if not any(path != other and path[: len(other)] == other for other in found))


def _through_status(translator: Translator, extra: tuple[Path, ...]) -> tuple[Subresource, ...]:
    """A field of the status is written where the rest of the status is."""
    made = []
    for subresource in translator.tenant_subresources:
        more = tuple(path for path in extra if subresource.name == "status" and path[0] == "status")
        made.append(replace(subresource, paths=(*subresource.paths, *more)))
    return tuple(made)


def _after(function: Function, patches: tuple[FieldPatch, ...], extra: tuple[Path, ...]) -> Function:
    """The function with the patches made on its draft."""

    def answer(obj: Obj, view: View) -> Answer:
        found = function(obj, view)
        if not isinstance(found, Draft):
            return found
        body: Mapping[str, Any] = found.body
        for patch in patches:
            try:
                edits = _edits(body, patch, obj, view.counterpart, extra)
                body = edited(body, edits) if edits else body
            except Undecided as error:
                return Refusal(path_text(patch.path), f"the condition of a patch in the sync file cannot be decided: {error}")
            except Misshapen as wrong:
                return Refusal(place_text(wrong.place), f"a patch in the sync file expects {wrong.wanted} here")
        return replace(found, body=body)

    return answer


def _edits(body: Obj, patch: FieldPatch, source: Obj, copy: Obj | None, extra: tuple[Path, ...]) -> dict[Place, Any]:
    holds = not patch.when or condition(patch.when)(source)
    if not holds:
        return dict(_kept(patch, copy, extra))
    if patch.verb == "set":
        return dict.fromkeys(places(body, patch.path), patch.value)
    made: dict[Place, Any] = {}
    for place in places(body, patch.path):
        there = at(copy, place) if copy is not None and not _is_metadata(patch.path) else None
        made[place] = GONE if there is None else there
        if patch.verb == "rename":
            value = at(body, place)
            made[_place(patch.to)] = GONE if value is None else value
    return made


def _kept(patch: FieldPatch, copy: Obj | None, extra: tuple[Path, ...]) -> Iterator[tuple[Place, Any]]:
    """While a condition does not hold, a field that only the patch writes stays what it is."""
    path = _place(patch.to if patch.verb == "rename" else patch.path)
    if copy is not None and any(path[: len(owned)] == owned for owned in extra) and (there := at(copy, path)) is not None:
        yield path, there


def _place(path: FieldPath) -> Place:
    return tuple(step for step in path if step is not ITEMS)
