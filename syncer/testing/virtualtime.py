"""An event loop whose clock jumps: when nothing is ready it is at once the time of the next timer.

Histories that span hours run in milliseconds and the same way every time, because nothing but timers and callbacks moves this loop: it has no
sockets, no signals and no threads. `asyncio.sleep`, `loop.time`, timeouts and their anyio counterparts work on it unchanged.

When nothing is ready and no timer is set, nothing can ever happen again. A real loop would wait for ever; this one raises `Deadlock`
with the stacks of the tasks that hang. `TimeLimit` ends a run that goes on past its limit, `Livelock` one that stays busy without time passing.
"""

from __future__ import annotations

import asyncio
import io
import math
from asyncio.base_events import BaseEventLoop
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
"""The wall clock when the loop's clock stands at zero."""
LIMIT = 86_400.0
SPINS = 200_000
"""Rounds of the loop at one and the same time after which it counts as a livelock."""


class VirtualTimeError(Exception):
    """The run cannot go on. The message ends with the stacks of the pending tasks."""


class Deadlock(VirtualTimeError):
    """Nothing is ready and no timer is set."""


class TimeLimit(VirtualTimeError):
    """The clock passed the limit of the run."""


class Livelock(VirtualTimeError):
    """The loop is busy, and its clock does not move."""


def wall_time() -> float:
    """Seconds since 1970 as the running loop sees them: what a simulated cluster writes into its timestamps."""
    return EPOCH + asyncio.get_running_loop().time()


class _Jump:
    """Stands where a loop has its selector: instead of waiting for I/O it moves the clock."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop.advance(timeout)
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualTimeLoop(BaseEventLoop):
    """See the module. `limit` is in seconds of its own clock."""

    def __init__(self, limit: float = LIMIT) -> None:
        super().__init__()
        self._now = 0.0
        self._spins = 0
        self._limit = limit
        self._selector = _Jump(self)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._now

    def advance(self, timeout: float | None) -> None:
        """Called once per round of the loop, with the time until the next timer (None: there is none; 0: something is ready)."""
        if timeout is None:
            raise Deadlock(self._told("nothing is ready and no timer is set"))
        if timeout == 0:
            self._spins += 1
            if self._spins > SPINS:
                self._spins = 0
                raise Livelock(self._told(f"{SPINS} rounds without the clock moving from {self._now}"))
            return
        self._spins = 0
        # A timer nearer than the clock's precision must still move it.
        self._now = max(self._now + timeout, math.nextafter(self._now, math.inf))
        if self._now > self._limit:
            self._limit, limit = math.inf, self._limit
            raise TimeLimit(self._told(f"not done after {limit} seconds"))

    def _told(self, what: str) -> str:
        return f"{what}\n{stacks(self)}"

    def _process_events(self, event_list: list[Any]) -> None:
        """There is no I/O."""

    def _write_to_self(self) -> None:
        """There is nobody to wake: other threads have no business here."""


def stacks(loop: asyncio.AbstractEventLoop) -> str:
    """Where each pending task stands, by name."""
    text = io.StringIO()
    for task in _tasks(loop):
        task.print_stack(file=text)
    return text.getvalue()


def _tasks(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[Any]]:
    """The pending tasks in an order that is the same in every run ("Task-9" before "Task-10")."""
    return sorted(asyncio.all_tasks(loop), key=lambda task: (len(task.get_name()), task.get_name()))


def run(coro: Coroutine[Any, Any, T], *, limit: float = LIMIT) -> T:
    """`asyncio.run` in virtual time. Tasks still pending at the end are cancelled, as there."""
    loop = VirtualTimeLoop(limit)
    try:
        return loop.run_until_complete(coro)
    finally:
        try:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def _cancel_all(loop: VirtualTimeLoop) -> None:
    tasks = _tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
