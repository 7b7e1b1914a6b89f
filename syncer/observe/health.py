"""What `/livez` and `/readyz` say: named checks, each of which returns None or what is missing.

Alive means that a restart would not help: the event loop runs and no task is in a row of crashes that are our own fault. It never depends on an API
server, or one that is down would have all its syncers restarted. Ready means that the present state is known and can be acted upon. Details are shown
by `?verbose` and fail nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from syncer.observe.metrics import Metrics
from syncer.observe.redact import clean, masked
from syncer.observe.watchdog import Watchdog

Check = Callable[[], str | None]
_BEAT = 1.0
_STALLED = 60.0
_STEADY = 60.0
_TOO_MANY = 5


@dataclass(frozen=True, slots=True)
class Report:
    """The answer to one probe: whether all is well, what fails, and a line for each check."""

    ok: bool
    failing: tuple[str, ...]
    lines: tuple[str, ...]


@dataclass(slots=True)
class Task:
    """A supervised task: how often in a row it crashed soon after its start, and whether by our own fault."""

    name: str
    begun: float
    quick_crashes: int = 0
    own_fault: bool = False
    error: str = ""

    def failing(self, now: float) -> bool:
        """Given up on, unless it has been running well for a while since."""
        return self.quick_crashes >= _TOO_MANY and now - self.begun < _STEADY


class Health:
    """One per process. Checks are registered under a name; a later one under the same name takes its place."""

    def __init__(self, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._live: dict[str, Check] = {"event-loop": self._loop_is_alive, "tasks": lambda: self._failing_tasks(own_fault=True)}
        self._ready: dict[str, Check] = {}
        self._details: dict[str, Check] = {"troubled tasks": lambda: self._failing_tasks(own_fault=False)}
        self._tasks: dict[int, Task] = {}
        self._beaten: float | None = None

    def live(self, name: str, check: Check) -> None:
        """Something that only a restart mends."""
        self._live[name] = check

    def ready(self, name: str, check: Check) -> None:
        """Something without which the syncer cannot do its work."""
        self._ready[name] = check

    def detail(self, name: str, check: Check) -> None:
        """Something worth knowing; shown, and failing nothing."""
        self._details[name] = check

    def livez(self) -> Report:
        return _report(self._live, {})

    def readyz(self) -> Report:
        """Live, and every ready check passes. Without any, the process has only just begun."""
        return _report({**self._live, **(self._ready or {"start": _starting})}, self._details)

    async def run(self, watchdog: Watchdog | None = None) -> None:
        """The heartbeat, for ever: measures how late the loop is and keeps the watchdog quiet."""
        watchdog = watchdog or Watchdog()
        watchdog.start()
        try:
            while True:
                self._beaten = self._clock()
                watchdog.beat()
                due = anyio.current_time() + _BEAT
                await anyio.sleep(_BEAT)
                self._metrics.loop_lag(max(0.0, anyio.current_time() - due))
        finally:
            watchdog.stop()

    @contextmanager
    def task(self, name: str) -> Iterator[Task]:
        """A record for one supervised task, for as long as it is supervised."""
        task = Task(name, self._clock())
        self._tasks[id(task)] = task
        try:
            yield task
        finally:
            del self._tasks[id(task)]

    def begun(self, task: Task) -> None:
        """The task was started (again)."""
        task.begun = self._clock()

    def crashed(self, task: Task, error: str, *, own_fault: bool) -> int:
        """The task ended; returns how many times in a row it did so soon after its start."""
        steady = self._clock() - task.begun >= _STEADY
        task.quick_crashes = 1 if steady else task.quick_crashes + 1
        task.error, task.own_fault = error, own_fault
        return task.quick_crashes

    def _loop_is_alive(self) -> str | None:
        if self._beaten is None:
            return None
        late = self._clock() - self._beaten
        return f"no heartbeat for {late:.0f} s" if late > _STALLED else None

    def _failing_tasks(self, *, own_fault: bool) -> str | None:
        now = self._clock()
        found = [f"{task.name} ({task.error})" for task in self._tasks.values() if task.own_fault is own_fault and task.failing(now)]
        return f"{len(found)} tasks keep failing: {'; '.join(found[:5])}" if found else None


def _starting() -> str:
    return "starting"


def _report(checks: dict[str, Check], details: dict[str, Check]) -> Report:
    failing, lines = [], []
    for name, check in checks.items():
        missing = _asked(check)
        if missing is None:
            lines.append(f"[+]{name} ok")
        else:
            failing.append(f"{name}: {missing}")
            lines.append(f"[-]{name} failed: {missing}")
    for name, check in details.items():
        told = _asked(check)
        lines.append(f"[i]{name}: {told or 'none'}")
    return Report(not failing, tuple(failing), tuple(lines))


def _asked(check: Check) -> str | None:
    """A check that cannot even be asked has failed."""
    try:
        missing = check()
    except Exception as error:
        return f"the check itself failed: {type(error).__name__}"
    return None if missing is None else clean(masked(missing))[:1000]
