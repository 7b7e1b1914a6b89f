"""Owned paths and places in objects, compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.translator import AllBut, Each, Path


def overlap(one: Path, other: Path) -> bool:
    """Whether one path lies inside the other, fields that `AllBut` leaves to the other side excepted."""
    for mine, theirs in zip(one, other, strict=False):
        for but, position, path in ((mine, theirs, other), (theirs, mine, one)):
            if isinstance(but, AllBut) and isinstance(position, Each):
                return not (position.key == but.key and path[-1] in but.fields)
        if isinstance(mine, (Each, AllBut)) or isinstance(theirs, (Each, AllBut)):
            if type(mine) is not type(theirs) or mine[0] != theirs[0]:
                return True
        elif mine != theirs:
            return False
    return True


def ends_in_list(path: Path) -> bool:
    """Items of a list, told apart by a key."""
    return isinstance(path[-1], (Each, AllBut))


def shown(path: Path) -> str:
    """`spec.ports[name].nodePort`"""
    text = ""
    for step in path:
        text += f"[{step.key}]" if isinstance(step, (Each, AllBut)) else f".{step}"
    return text.lstrip(".")


def leaves(value: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that is not itself a map or a list, with its place; list positions are numbers."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(item, (*place, str(number)))
    else:
        yield place, value


def holds(path: Path, place: tuple[str, ...]) -> bool:
    """Whether the place lies in the owned path; the key field by which an item is told belongs to it."""
    for number, step in enumerate(path):
        if number >= len(place):
            return False
        if isinstance(step, (Each, AllBut)):
            if not place[number].isdigit():
                return False
            if place[number + 1 :] == (step.key,):
                return True
        elif step != place[number]:
            return False
    return True
