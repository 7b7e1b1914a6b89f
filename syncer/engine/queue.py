"""The work queue: each key once, one runner per key, lanes by urgency, fair between a tenant's namespaces, with delays and back-off.

Lanes are served by weight rather than strictly, so that a storm of pod statuses cannot starve the rest. Within a lane the namespaces take turns.
All methods but `get` are synchronous; there are no locks because there is one event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import random
from collections import OrderedDict, deque
from enum import IntEnum

from syncer.core.objects import Key

_SHORTEST = 0.001
"""Timers may fire a millionth of a second early: who waits for the rest of a span must not come back before it is over, again and again."""


class Lane(IntEnum):
    """STATUS: pod status and binding. REMOVAL: deletions. ORDINARY: everything else, and whatever comes from a full list."""

    STATUS = 0
    REMOVAL = 1
    ORDINARY = 2


# How often each lane has the first pick, in a round of twelve.
_ROUND = (0, 0, 1, 0, 0, 2, 0, 0, 1, 0, 2, 2)


class _Lane:
    """Keys of one lane, a queue per namespace, the namespaces in turn."""

    def __init__(self) -> None:
        self.namespaces: OrderedDict[str, deque[Key]] = OrderedDict()

    def push(self, key: Key) -> None:
        self.namespaces.setdefault(key.namespace, deque()).append(key)

    def pop(self) -> Key | None:
        while self.namespaces:
            namespace, keys = next(iter(self.namespaces.items()))
            key = keys.popleft()
            if keys:
                self.namespaces.move_to_end(namespace)
            else:
                del self.namespaces[namespace]
            return key
        return None


class Queue:
    """Holds keys until a worker takes them.

    A key added while it is being worked on is handed out again afterwards. `since` is the loop time at which the oldest reason for a key came in.
    """

    def __init__(self, rng: random.Random | None = None, *, base: float = 0.25, cap: float = 60.0) -> None:
        self._lanes = tuple(_Lane() for _ in Lane)
        self._waiting: dict[Key, tuple[Lane, float]] = {}
        self._busy: dict[Key, float] = {}
        self._again: dict[Key, tuple[Lane, float]] = {}
        self._delayed: list[tuple[float, int, Key, Lane]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._sleepers: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._turn = 0
        self._count = 0
        self._rng = rng or random.Random()
        self._base, self._cap = base, cap
        self.adds = 0
        self.retries = 0

    def add(self, key: Key, lane: Lane = Lane.ORDINARY, *, since: float | None = None) -> None:
        """Hand the key out as soon as possible; a key that waits already may move to a more urgent lane."""
        now = since if since is not None else asyncio.get_running_loop().time()
        self.adds += 1
        if key in self._busy:
            held = self._again.get(key)
            self._again[key] = (min(lane, held[0]), held[1]) if held else (lane, now)
            return
        held = self._waiting.get(key)
        if held is not None:
            if lane < held[0]:
                self._waiting[key] = (lane, held[1])
                self._lanes[lane].push(key)
            return
        self._waiting[key] = (lane, now)
        self._lanes[lane].push(key)
        self._wake()

    def add_after(self, key: Key, delay: float, lane: Lane = Lane.ORDINARY) -> None:
        """Hand the key out after `delay` seconds at the latest; an earlier time that was asked for before stands."""
        if delay <= 0:
            self.add(key, lane)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + max(delay, _SHORTEST)
        if self._due.get(key, float("inf")) <= due:
            return
        self._due[key] = due
        self._count += 1
        heapq.heappush(self._delayed, (due, self._count, key, lane))
        self._arm(loop)

    def retry(self, key: Key, lane: Lane = Lane.ORDINARY, *, least: float = 0.0) -> float:
        """Hand the key out again after a back-off that doubles with each failure in a row; returns the delay in seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = max(least, min(self._cap, self._base * 2.0 ** min(failures, 16))) * self._rng.uniform(0.8, 1.2)
        self.retries += 1
        self.add_after(key, delay, lane)
        return delay

    def forget(self, key: Key) -> None:
        """The key went well: its next failure starts from the smallest delay."""
        self._failures.pop(key, None)

    async def get(self) -> tuple[Key, Lane, float]:
        """The next key, its lane and since when it waits. Cancellation-safe: a cancelled `get` loses nothing."""
        while True:
            taken = self._take()
            if taken is not None:
                return taken
            sleeper = asyncio.get_running_loop().create_future()
            self._sleepers.append(sleeper)
            try:
                await sleeper
            except asyncio.CancelledError:
                if sleeper.done() and not sleeper.cancelled():
                    self._wake()
                raise

    def done(self, key: Key) -> None:
        """The worker has finished with the key."""
        self._busy.pop(key, None)
        again = self._again.pop(key, None)
        if again is not None:
            self.add(key, again[0], since=again[1])

    def depth(self, lane: Lane | None = None) -> int:
        return len(self._waiting) if lane is None else sum(held[0] == lane for held in self._waiting.values())

    def oldest(self, lane: Lane) -> float | None:
        """Loop time since when the oldest key of a lane waits."""
        return min((held[1] for held in self._waiting.values() if held[0] == lane), default=None)

    def running(self) -> dict[Key, float]:
        """Keys that are being worked on, with the loop time since when."""
        return dict(self._busy)

    @property
    def busy(self) -> int:
        return len(self._busy)

    @property
    def delayed(self) -> int:
        return len(self._due)

    def idle(self) -> bool:
        """Nothing waits and nothing is being worked on (delayed keys do not count)."""
        return not self._waiting and not self._busy

    def _take(self) -> tuple[Key, Lane, float] | None:
        if not self._waiting:
            return None
        self._turn = (self._turn + 1) % len(_ROUND)
        first = _ROUND[self._turn]
        for number in (first, *(n for n in Lane if n != first)):
            while (key := self._lanes[number].pop()) is not None:
                held = self._waiting.get(key)
                if held is None or held[0] != number:
                    continue  # moved to a more urgent lane meanwhile
                del self._waiting[key]
                now = asyncio.get_running_loop().time()
                self._busy[key] = now
                self._due.pop(key, None)
                return key, Lane(number), held[1]
        return None

    def _wake(self) -> None:
        while self._sleepers:
            sleeper = self._sleepers.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
                return

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._delayed:
            self._timer = loop.call_at(self._delayed[0][0], self._release)

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        now = loop.time() + 1e-6
        while self._delayed and self._delayed[0][0] <= now:
            due, _, key, lane = heapq.heappop(self._delayed)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key, lane)
        self._arm(loop)

    def close(self) -> None:
        """Forget the timer, so that nothing runs after the engine has stopped."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
