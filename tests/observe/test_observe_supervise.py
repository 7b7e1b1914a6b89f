import random

import anyio
import pytest

from syncer.core.errors import LeadershipLost, StartupError, Unreachable
from syncer.observe import supervise as module
from syncer.observe.health import Health
from syncer.observe.metrics import Metrics
from syncer.observe.supervise import Backoff, supervise

AT_ONCE = Backoff(first=0.0)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def health(metrics: Metrics) -> Health:
    return Health(metrics)


class Task:
    """Fails with each of the errors in turn, then sets `well` and sleeps."""

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.well = anyio.Event()

    async def __call__(self) -> None:
        if self.errors:
            error = self.errors.pop(0)
            if error is None:
                return
            raise error
        self.well.set()
        await anyio.sleep_forever()


async def until_well(task: Task, metrics: Metrics, health: Health, name: str = "reader-1") -> None:
    async with anyio.create_task_group() as group:

        async def supervised() -> None:
            await supervise(name, task, metrics=metrics, health=health, backoff=AT_ONCE)

        group.start_soon(supervised)
        with anyio.fail_after(5):
            await task.well.wait()
        group.cancel_scope.cancel()


async def test_a_crash_is_counted_and_the_task_runs_again(metrics: Metrics, health: Health):
    await until_well(Task(KeyError("x"), Unreachable("refused")), metrics, health)
    assert b'kled_tasks_restarted_total{task="reader"} 2.0' in metrics.text()


async def test_a_task_that_returns_is_started_again(metrics: Metrics, health: Health):
    await until_well(Task(None), metrics, health)
    assert b'kled_tasks_restarted_total{task="reader"} 1.0' in metrics.text()


async def test_a_row_of_crashes_shows_on_health_while_restarts_go_on(metrics: Metrics, health: Health):
    task = Task(*(KeyError(number) for number in range(6)))
    async with anyio.create_task_group() as group:

        async def supervised() -> None:
            await supervise("reader", task, metrics=metrics, health=health, backoff=AT_ONCE)

        group.start_soon(supervised)
        with anyio.fail_after(5):
            await task.well.wait()
        assert not health.livez().ok
        group.cancel_scope.cancel()
    assert health.livez().ok


@pytest.mark.parametrize("error", [StartupError("no"), LeadershipLost("no")])
async def test_errors_that_end_more_than_a_task_pass_through(metrics: Metrics, health: Health, error: Exception):
    with pytest.raises(type(error)):
        await supervise("reader", Task(error), metrics=metrics, health=health)


async def test_they_pass_through_out_of_a_group_too(metrics: Metrics, health: Health):
    group = ExceptionGroup("several", [KeyError("x"), ExceptionGroup("inner", [LeadershipLost("no")])])
    with pytest.raises(ExceptionGroup) as raised:
        await supervise("reader", Task(group), metrics=metrics, health=health)
    assert raised.group_contains(LeadershipLost)
    assert not raised.group_contains(KeyError)


async def test_cancellation_is_never_swallowed(metrics: Metrics, health: Health):
    with anyio.move_on_after(0.01) as scope:
        await supervise("reader", anyio.sleep_forever, metrics=metrics, health=health)
    assert scope.cancelled_caught
    assert b"kled_tasks_restarted_total{" not in metrics.text()


async def test_pauses_grow_with_quick_crashes_up_to_their_limit(metrics: Metrics, health: Health, monkeypatch: pytest.MonkeyPatch):
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(module.anyio, "sleep", sleep)
    task = Task(*(KeyError(number) for number in range(12)), StartupError("enough"))
    with pytest.raises(StartupError):
        await supervise("reader", task, metrics=metrics, health=health, rng=random.Random(1))
    assert 0.4 <= slept[0] <= 0.6
    assert slept[3] > slept[0] * 4
    assert max(slept) <= 30.0
    assert min(slept[7:]) >= 24.0


async def test_a_crash_is_logged_without_values(metrics: Metrics, health: Health, monkeypatch: pytest.MonkeyPatch):
    lines: list[tuple[str, dict[str, object]]] = []

    class Log:
        def error(self, event: str, **keys: object) -> None:
            lines.append((event, keys))

        warning = error

    async def supervised() -> None:
        await supervise("reader", task, metrics=metrics, health=health, backoff=AT_ONCE, log=Log())  # type: ignore[arg-type]

    task = Task(KeyError("x"), Unreachable("refused"))
    async with anyio.create_task_group() as group:
        group.start_soon(supervised)
        await task.well.wait()
        group.cancel_scope.cancel()
    assert [event for event, _ in lines] == ["task_crashed", "task_failed"]
    assert lines[1][1]["error"] == "Unreachable: refused"
