"""Patches that a server accepted and that changed nothing: it does not know the fields, or a feature of it is off.

The difference stays, and would be written again with every look at the object. It is written once, told, and left alone until it is another
difference or another object, or until an hour has passed (the server may have learned the field by then).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from syncer.cluster.wire import encode
from syncer.core.actions import Patch
from syncer.core.objects import Ref, Side

_FOR = 3600.0
_REMEMBERED = 4096
_MOST = 10


class Unkept:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: OrderedDict[tuple[Side, Ref, str], tuple[str, int, float]] = OrderedDict()

    def note(self, action: Patch) -> None:
        """This patch changed nothing."""
        self._known[_key(action)] = (action.uid, _content(action), self._now())
        self._known.move_to_end(_key(action))
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def covers(self, action: Patch) -> bool:
        """Whether exactly this patch changed nothing the last time."""
        held = self._known.get(_key(action))
        return held is not None and held[:2] == (action.uid, _content(action)) and self._now() - held[2] < _FOR


def fields(patch: Mapping[str, Any]) -> tuple[str, ...]:
    """What the patch is about: the paths of its values."""
    return tuple(_paths(patch, ""))[:_MOST]


def _paths(value: Mapping[str, Any], at: str) -> Iterator[str]:
    for key, inner in value.items():
        path = f"{at}.{key}" if at else key
        if isinstance(inner, Mapping) and inner:
            yield from _paths(inner, path)
        else:
            yield path


def _key(action: Patch) -> tuple[Side, Ref, str]:
    return action.side, action.ref, action.subresource


def _content(action: Patch) -> int:
    return hash(encode(action.patch))
