"""Paths to fields as people write them in a sync file: `spec.template.items[*].secretRef.name`, `metadata.labels["a.b/c"]`.

A path may lead to many places (`[*]` stands for every item of a list). It is found in an object that a tenant wrote, so nothing is assumed about
what is there: another shape than the path says is `Misshapen`, and the walk costs no more than the object is large.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final

from syncer.core.objects import Obj


class Items(Enum):
    """In a path: every item of a list."""

    ALL = "[*]"


class Gone(Enum):
    """In an edit: the field goes."""

    FIELD = "gone"


ITEMS: Final = Items.ALL
GONE: Final = Gone.FIELD
Step = str | Items
FieldPath = tuple[Step, ...]
Place = tuple[str | int, ...]
"""One concrete place: keys of maps and positions in lists."""

LONGEST = 512
_STEP = re.compile(r"""\.?([A-Za-z_$][A-Za-z0-9_$-]*)|\[(\*)\]|\["([^"\\]{1,316})"\]""")


class Misshapen(Exception):
    """At `place` is something else than `wanted`, which carries its article."""

    def __init__(self, place: Place, wanted: str) -> None:
        super().__init__(f"{place_text(place)}: {wanted} is expected")
        self.place, self.wanted = place, wanted


def parse(text: str) -> FieldPath:
    """Raises ValueError with what is wrong with the text."""
    steps: list[Step] = []
    position = 0
    if len(text) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST} characters")
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None or (found[1] is not None and (text[position] == ".") is (position == 0)):
            raise ValueError(f"it cannot be read from character {position + 1} on")
        steps.append(ITEMS if found[2] else found[1] or found[3])
        position = found.end()
    if not steps:
        raise ValueError("it is empty")
    if steps[0] is ITEMS:
        raise ValueError("an object is no list")
    return tuple(steps)


def path_text(path: FieldPath) -> str:
    """As `parse` reads it."""
    text = ""
    for step in path:
        if step is ITEMS:
            text += "[*]"
        elif _STEP.fullmatch(step) and not step.startswith((".", "[")):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def place_text(place: Place) -> str:
    """A place in words that a path could say, with positions as numbers."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _STEP.fullmatch(step) and not step.startswith((".", "[")):
            text += f".{step}" if text else step
        else:
            text += f'["{step[:80]}"]'
    return text


def find(value: Any, path: FieldPath, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every place the path leads to, with what is there. What is absent or null leads nowhere; another shape raises Misshapen."""
    for number, step in enumerate(path):
        if value is None:
            return
        if step is ITEMS:
            if not isinstance(value, list):
                raise Misshapen(place, "a list")
            for index, item in enumerate(value):
                yield from find(item, path[number + 1 :], (*place, index))
            return
        if not isinstance(value, Mapping):
            raise Misshapen(place, "a map")
        value, place = value.get(step), (*place, step)
    if value is not None:
        yield place, value


def places(value: Any, path: FieldPath, place: Place = ()) -> Iterator[Place]:
    """Every place the path leads to, there or not; items of lists only as far as they are there. Another shape raises Misshapen."""
    for number, step in enumerate(path):
        if step is ITEMS:
            if value is not None and not isinstance(value, list):
                raise Misshapen(place, "a list")
            for index, item in enumerate(value or ()):
                yield from places(item, path[number + 1 :], (*place, index))
            return
        if value is not None and not isinstance(value, Mapping):
            raise Misshapen(place, "a map")
        value, place = (value or {}).get(step), (*place, step)
    yield place


def at(value: Any, place: Place) -> Any:
    """What is at one place; None where the way there ends early."""
    for step in place:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value


def concrete(path: FieldPath, beside: FieldPath, place: Place) -> Place:
    """Where `path` leads from the same items of lists through which `beside` led to `place`."""
    shared = 0
    while shared < min(len(path), len(beside)) and path[shared] == beside[shared]:
        shared += 1
    return (*place[:shared], *(str(step) for step in path[shared:] if step is not ITEMS))


def edited(obj: Obj, edits: Mapping[Place, Any]) -> dict[str, Any]:
    """A copy with these places set (`GONE`: removed); what is not on the way is shared. Maps on the way are made where they are missing."""
    tree: dict[Any, Any] = {}
    for place, value in edits.items():
        node = tree
        for step in place[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise Misshapen(place, "one change of one field")
        node[place[-1]] = _Leaf(value)
    made = _edited(obj, tree, ())
    assert isinstance(made, dict)
    return made


class _Leaf:
    """The end of an edit, told apart from maps on the way."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _edited(value: Any, tree: Mapping[Any, Any], place: Place) -> Any:
    if value is None:
        if all(leaf is GONE for leaf in _leaves(tree)):
            return None
        value = {}
    if isinstance(value, list):
        made = list(value)
        for step, below in tree.items():
            if not isinstance(step, int) or step >= len(made):
                raise Misshapen(place, "a map")
            made[step] = below.value if isinstance(below, _Leaf) else _edited(made[step], below, (*place, step))
        return made
    if not isinstance(value, Mapping):
        raise Misshapen(place, "a map")
    changed = dict(value)
    for step, below in tree.items():
        found = below.value if isinstance(below, _Leaf) else _edited(changed.get(step), below, (*place, step))
        if found is GONE or (found is None and step not in changed):
            changed.pop(step, None)
        else:
            changed[step] = found
    return changed


def _leaves(tree: Mapping[Any, Any]) -> Iterator[Any]:
    for below in tree.values():
        if isinstance(below, _Leaf):
            yield below.value
        else:
            yield from _leaves(below)


def picked(obj: Obj, paths: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """Only what lies under these paths of plain keys, as far as it is there."""
    edits: dict[Place, Any] = {}
    for path in paths:
        value: Any = obj
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            edits[path] = value
    return edited({}, edits)


def begins_with(path: tuple[Any, ...], start: tuple[Any, ...]) -> bool:
    """Whether `path` is `start` or lies under it."""
    return path[: len(start)] == start
