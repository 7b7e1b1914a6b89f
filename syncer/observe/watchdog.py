"""Notices a blocked event loop from outside of it.

Whatever blocks the loop also keeps `/livez` from answering and the Lease from being renewed, so it must be seen from a thread. The thread counts its
own ticks since the last heartbeat rather than looking at a clock: a process that was stopped and continued as a whole is not blamed for the pause.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable

import structlog

log = structlog.get_logger()
_TICK = 1.0
_SAY_AFTER = 5.0
_EXIT_AFTER = 60.0
_FRAMES = 25


class Watchdog:
    """`beat` comes from the loop, about once a second. `die` ends the process; it is not expected to return."""

    def __init__(
        self,
        *,
        tick: float = _TICK,
        say_after: float = _SAY_AFTER,
        exit_after: float = _EXIT_AFTER,
        die: Callable[[], None] = lambda: os._exit(1),
    ) -> None:
        self._tick, self._die = tick, die
        self._say_at = {round(times * say_after / tick) for times in (1, 3, 6)}
        self._exit_at = round(exit_after / tick)
        self._missed = 0
        self._loop_thread = threading.get_ident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Call in the loop's thread: its stack is the one to show."""
        self._loop_thread = threading.get_ident()
        self._thread.start()

    def stop(self) -> None:
        self._over.set()

    def beat(self) -> None:
        self._missed = 0

    def _watch(self) -> None:
        while not self._over.wait(self._tick):
            self._missed += 1
            if self._missed >= self._exit_at:
                log.critical("event_loop_given_up", seconds=self._missed * self._tick, stack=self._stack())
                self._die()
                return
            if self._missed in self._say_at:
                log.error("event_loop_blocked", seconds=self._missed * self._tick, stack=self._stack())

    def _stack(self) -> list[str]:
        """Where the loop's thread is now: places in the code, no values."""
        frame = sys._current_frames().get(self._loop_thread)
        found = [f"{inner.f_code.co_filename}:{line} {inner.f_code.co_qualname}" for inner, line in traceback.walk_stack(frame)] if frame else []
        return found[:_FRAMES][::-1]
