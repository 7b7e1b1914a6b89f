"""Notices when somebody else keeps undoing what we write.

The same patch to the same object, again and again, means that a webhook or a controller on that side does not want it. After a few rounds the object
is left alone for a while: two controllers that argue can fill a datastore.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from syncer.cluster.wire import encode
from syncer.core.actions import Patch
from syncer.core.objects import Ref, Side

ROUNDS = 5
WINDOW = 60.0
_REMEMBERED = 4096


class Fights:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: OrderedDict[tuple[Side, Ref, str], tuple[int, int, float]] = OrderedDict()

    def pause(self, action: Patch) -> float:
        """Seconds to leave the object alone before this patch is sent again; 0 means send it."""
        key = (action.side, action.ref, action.subresource)
        content = hash(encode(action.patch))
        now = self._now()
        held = self._seen.get(key)
        if held is None or held[0] != content or now - held[2] > WINDOW:
            self._seen[key] = (content, 1, now)
            self._seen.move_to_end(key)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            return 0.0
        _, rounds, since = held
        if rounds >= ROUNDS:
            return WINDOW - (now - since) + 1.0
        self._seen[key] = (content, rounds + 1, since)
        return 0.0
