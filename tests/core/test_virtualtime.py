"""Hours in milliseconds, the same way every time, and an end to runs that would never end."""

import asyncio
import time

import anyio
import pytest

from syncer.testing import Deadlock, Livelock, TimeLimit, run, wall_time
from syncer.testing.virtualtime import EPOCH


def test_hours_take_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        await anyio.sleep(1800.5)
        return asyncio.get_running_loop().time()

    before = time.perf_counter()
    assert run(main()) == 5400.5
    assert time.perf_counter() - before < 1


def test_the_clock_starts_at_zero_and_the_wall_clock_goes_with_it() -> None:
    async def main() -> tuple[float, float]:
        first = wall_time()
        await asyncio.sleep(60)
        return first, wall_time()

    assert run(main()) == (EPOCH, EPOCH + 60)


def test_timers_fire_in_the_order_of_their_times() -> None:
    async def main() -> list[tuple[str, float]]:
        fired: list[tuple[str, float]] = []

        async def after(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            fired.append((name, asyncio.get_running_loop().time()))

        async with anyio.create_task_group() as tasks:
            for name, seconds in (("c", 3.0), ("a", 0.25), ("b", 3.0), ("d", 1e-12)):
                tasks.start_soon(after, name, seconds)
        return fired

    assert run(main()) == [("d", 1e-12), ("a", 0.25), ("c", 3.0), ("b", 3.0)]


def test_timeouts_of_both_libraries_work() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError), anyio.fail_after(7):
            await anyio.sleep_forever()
        with anyio.move_on_after(1):
            await anyio.sleep(100)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2)
        return asyncio.get_running_loop().time()

    assert run(main()) == 15


def test_the_end_of_everything_is_noticed_and_the_stacks_are_shown() -> None:
    async def waits_for_nothing() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(waits_for_nothing(), name="the one that hangs")
        await task

    with pytest.raises(Deadlock) as found:
        run(main())
    assert "the one that hangs" in str(found.value)
    assert "waits_for_nothing" in str(found.value)


def test_a_run_past_its_limit_ends() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(60)

    with pytest.raises(TimeLimit, match="not done after 600"):
        run(main(), limit=600)


def test_a_loop_that_is_busy_without_time_passing_ends() -> None:
    async def main() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(Livelock):
        run(main())


def test_tasks_left_over_are_cancelled_and_may_take_their_time_about_it() -> None:
    ended: list[str] = []

    async def cleans_up() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(5)
            ended.append("clean")

    async def main() -> str:
        task = asyncio.create_task(cleans_up())
        await asyncio.sleep(1)
        assert not task.done()
        return "done"

    assert run(main()) == "done"
    assert ended == ["clean"]


def test_errors_come_out() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        run(main())
