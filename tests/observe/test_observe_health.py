import time

import anyio
import pytest

from syncer.observe.health import Health
from syncer.observe.metrics import Metrics
from syncer.observe.watchdog import Watchdog


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(Metrics(), clock=clock)


def test_a_process_that_has_only_begun_is_live_and_not_ready(health: Health):
    assert health.livez().ok
    assert not health.readyz().ok
    assert health.readyz().failing == ("start: starting",)


def test_readiness_names_what_is_missing_and_recovers(health: Health):
    missing: str | None = "host pods"
    health.ready("lists", lambda: missing)
    health.ready("leader", lambda: None)
    assert health.readyz().failing == ("lists: host pods",)
    assert "[-]lists failed: host pods" in health.readyz().lines
    assert "[+]leader ok" in health.readyz().lines
    missing = None
    assert health.readyz().ok


def test_what_is_not_ready_is_still_live(health: Health):
    health.ready("host", lambda: "unreachable")
    assert health.livez().ok


def test_what_is_not_live_is_not_ready(health: Health):
    health.ready("lists", lambda: None)
    health.live("store", lambda: "broken")
    assert not health.livez().ok
    assert not health.readyz().ok


def test_details_are_shown_and_fail_nothing(health: Health):
    health.ready("lists", lambda: None)
    health.detail("held deletions", lambda: "12 deletions are held")
    report = health.readyz()
    assert report.ok
    assert "[i]held deletions: 12 deletions are held" in report.lines


def test_a_check_that_raises_has_failed(health: Health):
    health.ready("lists", lambda: str(1 // 0))
    assert health.readyz().failing == ("lists: the check itself failed: ZeroDivisionError",)


def test_control_characters_do_not_reach_the_body(health: Health):
    health.ready("lists", lambda: "a\nb\x1b[31m")
    assert health.readyz().failing == ("lists: a\\nb\\x1b[31m",)


def test_a_task_that_keeps_crashing_by_our_own_fault_ends_liveness_until_it_runs_well(health: Health, clock: Clock):
    with health.task("reader") as task:
        for _ in range(5):
            assert health.livez().ok
            health.begun(task)
            health.crashed(task, "KeyError: x", own_fault=True)
        assert health.livez().failing == ("tasks: 1 tasks keep failing: reader (KeyError: x)",)
        health.begun(task)
        clock.now += 61
        assert health.livez().ok
        assert health.crashed(task, "KeyError: x", own_fault=True) == 1
        assert health.livez().ok


def test_a_server_that_is_down_does_not_end_liveness(health: Health):
    health.ready("lists", lambda: None)
    with health.task("reader") as task:
        for _ in range(9):
            health.begun(task)
            health.crashed(task, "Unreachable: refused", own_fault=False)
        assert health.livez().ok
        assert any(line.startswith("[i]troubled tasks: 1 tasks") for line in health.readyz().lines)


def test_a_task_that_is_not_supervised_any_more_is_forgotten(health: Health):
    with health.task("reader") as task:
        for _ in range(9):
            health.crashed(task, "bug", own_fault=True)
        assert not health.livez().ok
    assert health.livez().ok


async def test_the_heartbeat_keeps_liveness_and_its_end_fails_it(health: Health, clock: Clock):
    async with anyio.create_task_group() as group:
        group.start_soon(health.run)
        await anyio.sleep(0.01)
        assert health.livez().ok
        group.cancel_scope.cancel()
    clock.now += 61
    assert health.livez().failing == ("event-loop: no heartbeat for 61 s",)


class Watched:
    """A watchdog at a hundredfold pace."""

    def __init__(self) -> None:
        self.died = 0
        self.dog = Watchdog(tick=0.01, say_after=0.05, exit_after=0.6, die=self._die)

    def _die(self) -> None:
        self.died += 1


def test_a_loop_that_beats_lives():
    watched = Watched()
    watched.dog.start()
    for _ in range(100):
        time.sleep(0.01)
        watched.dog.beat()
    watched.dog.stop()
    assert watched.died == 0


def test_a_blocked_loop_is_said_with_its_stack_and_in_the_end_ends_the_process(monkeypatch: pytest.MonkeyPatch):
    said: list[tuple[str, list[str]]] = []

    class Log:
        def error(self, event: str, *, seconds: float, stack: list[str]) -> None:
            said.append((event, stack))

        critical = error

    monkeypatch.setattr("syncer.observe.watchdog.log", Log())
    watched = Watched()
    watched.dog.start()
    deadline = time.monotonic() + 10
    while not watched.died and time.monotonic() < deadline:
        blocking_call()
    assert watched.died == 1
    assert [event for event, _ in said] == ["event_loop_blocked"] * 3 + ["event_loop_given_up"]
    assert any("test_observe_health.py" in place for place in said[0][1])


def blocking_call() -> None:
    time.sleep(0.02)
