"""How many writes may be under way at once, found out by trying.

A fixed rate is too slow for a strong server and too fast for a tired one. So the number of writes in flight grows while the server keeps up and is
halved when it says 429 or when answers take several times as long as they did at their best; `Retry-After` stops new writes for that long.
"""

from __future__ import annotations

import asyncio
from collections import deque

_START = 8
_MOST = 64
_FLOOR = 4
"""Slow answers alone never bring the number below this; refusals may go down to one."""
_SPIKE = 4.0
_SPIKE_LEAST = 0.25
_PAUSE_MOST = 60.0


class Limiter:
    """One per API server. `enter` before a write, `leave` after it, whatever became of it."""

    def __init__(self) -> None:
        self.limit = _START
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._latencies: list[float] = []
        self._best = float("inf")
        self._halved_at = float("-inf")
        self._was_full = False

    async def enter(self) -> None:
        """Returns when there is room for one more write; in the order of asking."""
        if self.in_flight < self.limit and not self._waiting and self._timer is None:
            self.in_flight += 1
            return
        self._was_full = True
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # The place was already ours: pass it on.
                self.in_flight -= 1
                self._admit()
            raise

    def leave(self, seconds: float | None) -> None:
        """A write is over; `seconds` it took, None if it got no answer."""
        self.in_flight -= 1
        if seconds is not None:
            self._latencies.append(seconds)
            if len(self._latencies) >= max(16, self.limit):
                self._judge()
        if self._waiting:
            self._admit()

    def throttled(self, retry_after: float | None) -> None:
        """The server said that it is too much."""
        self._halve(1)
        if retry_after:
            loop = asyncio.get_running_loop()
            self._paused_until = max(self._paused_until, loop.time() + min(retry_after, _PAUSE_MOST))
            if self._timer is None:
                self._timer = loop.call_at(self._paused_until, self._resume)

    @property
    def paused(self) -> bool:
        """Whether the server asked for silence."""
        return self._timer is not None

    def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() < self._paused_until:
            self._timer = loop.call_at(self._paused_until, self._resume)
            return
        self._timer = None
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self.limit and self._timer is None:
            future = self._waiting.popleft()
            if not future.done():
                self.in_flight += 1
                future.set_result(None)

    def _judge(self) -> None:
        """One window of writes is complete: slower than it could be means back, all used up means more."""
        window = sorted(self._latencies)
        self._latencies = []
        median = window[len(window) // 2]
        # The best time is forgotten slowly, since servers and networks change.
        self._best = min(self._best * 1.02, median)
        if median > max(_SPIKE * self._best, _SPIKE_LEAST):
            self._halve(_FLOOR)
        elif self._was_full:
            self.limit = min(self.limit + 4, _MOST)
        self._was_full = bool(self._waiting)

    def _halve(self, floor: int) -> None:
        """At most once a second: one overload answers many writes at the same time."""
        now = asyncio.get_running_loop().time()
        if now >= self._halved_at + 1.0:
            self._halved_at = now
            self.limit = max(min(self.limit, floor), self.limit // 2)
