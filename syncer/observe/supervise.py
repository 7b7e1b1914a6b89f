"""Runs a coroutine function for ever.

1. The function runs. It is not expected to return; if it does, that counts as a crash, because a task that has quietly ended is the worst kind.
2. A crash is logged with the places in the code, counted, and after a pause that grows with each quick crash (and has some chance in it) the
   function is called again.
3. After several quick crashes in a row the task is shown as failing, on `/livez` if the fault is our own, only among the details if an API server
   is to blame. It goes on being restarted, and is forgiven once it has run for a while.

Cancellation passes through, and so do the errors that mean the end of the process or of its leadership.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
import structlog

from syncer.core.errors import LeadershipLost, StartupError, SyncerError
from syncer.observe.health import Health, Task
from syncer.observe.log import described
from syncer.observe.metrics import Metrics

logger = structlog.get_logger()
_TERMINAL = (StartupError, LeadershipLost)


class Ended(Exception):
    """A function that should have run for ever returned."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between restarts, in seconds: doubling from `first` up to `most`, give or take `jitter`."""

    first: float = 0.5
    most: float = 30.0
    jitter: float = 0.2

    def pause(self, crashes: int, rng: random.Random) -> float:
        steady = self.first * 2.0 ** min(crashes - 1, 16)
        return min(self.most, steady * rng.uniform(1 - self.jitter, 1 + self.jitter))


_BACKOFF = Backoff()
_RNG = random.Random()


async def supervise(
    name: str,
    function: Callable[[], Awaitable[object]],
    *,
    metrics: Metrics,
    health: Health,
    log: structlog.typing.FilteringBoundLogger = logger,
    backoff: Backoff = _BACKOFF,
    rng: random.Random = _RNG,
) -> None:
    """Returns only by cancellation, StartupError or LeadershipLost."""
    with health.task(name) as task:
        while True:
            health.begun(task)
            try:
                await function()
                raise Ended("it returned")
            except Exception as error:
                _pass_on(error)
                crashes = _note(name, task, error, metrics, health, log)
            await anyio.sleep(backoff.pause(crashes, rng))


def _pass_on(error: Exception) -> None:
    """Errors that end more than this task, alone or in a group, go up; what came beside them in a group does not matter any more."""
    if isinstance(error, _TERMINAL):
        raise error
    if isinstance(error, ExceptionGroup):
        terminal, _ = error.split(_TERMINAL)
        if terminal is not None:
            raise terminal


def _note(name: str, task: Task, error: Exception, metrics: Metrics, health: Health, log: structlog.typing.FilteringBoundLogger) -> int:
    metrics.task_restarted(name)
    own_fault = not _is_api_error(error)
    crashes = health.crashed(task, described(error)[:200], own_fault=own_fault)
    if isinstance(error, Ended):
        log.error("task_ended", task=name, crashes=crashes)
    elif own_fault:
        log.error("task_crashed", task=name, crashes=crashes, exc_info=error)
    else:
        log.warning("task_failed", task=name, crashes=crashes, error=described(error))
    return crashes


def _is_api_error(error: BaseException) -> bool:
    """Whether nothing but a server, or the way to it, is to blame."""
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_api_error, error.exceptions))
    return isinstance(error, SyncerError)
