"""The work queue, in virtual time."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise

import pytest

from syncer.core.objects import Key
from syncer.engine.queue import Lane, Queue
from syncer.testing import virtualtime


def key(name: str, namespace: str = "a") -> Key:
    return Key("pods", namespace, name)


async def drain(queue: Queue) -> list[str]:
    """Everything that is ready, in order; each is done at once."""
    names = []
    while queue.depth():
        taken, _, _ = await queue.get()
        names.append(taken.name)
        queue.done(taken)
    return names


def test_a_key_added_twice_is_handed_out_once():
    async def main():
        queue = Queue()
        queue.add(key("x"))
        queue.add(key("x"))
        assert await drain(queue) == ["x"]

    virtualtime.run(main())


def test_a_waiting_key_moves_to_a_more_urgent_lane_and_never_to_a_less_urgent_one():
    async def main():
        queue = Queue()
        queue.add(key("x"), Lane.ORDINARY)
        queue.add(key("x"), Lane.STATUS)
        queue.add(key("x"), Lane.REMOVAL)
        assert queue.depth(Lane.STATUS) == 1
        _, lane, _ = await queue.get()
        assert lane is Lane.STATUS
        assert queue.depth() == 0

    virtualtime.run(main())


def test_a_storm_in_one_namespace_does_not_delay_another():
    async def main():
        queue = Queue()
        for number in range(100):
            queue.add(key(f"storm{number}", "a"))
        queue.add(key("lonely", "b"))
        assert (await drain(queue)).index("lonely") <= 2

    virtualtime.run(main())


def test_every_lane_is_served_while_the_most_urgent_one_never_runs_dry():
    async def main():
        queue = Queue()
        for number in range(200):
            queue.add(key(f"status{number}"), Lane.STATUS)
        queue.add(key("removal"), Lane.REMOVAL)
        queue.add(key("ordinary"), Lane.ORDINARY)
        order = await drain(queue)
        assert order.index("removal") < 12
        assert order.index("ordinary") < 12

    virtualtime.run(main())


def test_a_key_has_one_runner_and_comes_back_when_it_was_added_meanwhile():
    async def main():
        queue = Queue()
        queue.add(key("x"))
        taken, _, _ = await queue.get()
        queue.add(key("x"), Lane.ORDINARY)
        queue.add(key("x"), Lane.STATUS)
        assert queue.depth() == 0
        queue.done(taken)
        again, lane, _ = await queue.get()
        assert (again, lane) == (taken, Lane.STATUS)
        queue.done(again)
        assert queue.idle()

    virtualtime.run(main())


def test_the_earliest_of_several_delays_counts():
    async def main():
        loop, queue = asyncio.get_running_loop(), Queue()
        queue.add_after(key("x"), 10)
        queue.add_after(key("x"), 3)
        queue.add_after(key("x"), 7)
        await queue.get()
        assert loop.time() == pytest.approx(3)
        queue.done(key("x"))
        await asyncio.sleep(20)
        assert queue.idle()

    virtualtime.run(main())


def test_a_delayed_key_that_is_added_in_between_does_not_come_a_second_time():
    async def main():
        queue = Queue()
        queue.add_after(key("x"), 5)
        queue.add(key("x"))
        assert await drain(queue) == ["x"]
        assert queue.delayed == 0
        await asyncio.sleep(10)
        assert queue.idle()

    virtualtime.run(main())


def test_retries_back_off_up_to_a_cap_and_start_anew_after_a_success():
    async def main():
        queue = Queue(random.Random(1), base=0.25, cap=60)
        delays = []
        for _ in range(12):
            delays.append(queue.retry(key("x")))
            await queue.get()
            queue.done(key("x"))
        assert all(later > earlier for earlier, later in pairwise(delays[:8]))
        assert 48 <= delays[-1] <= 72
        queue.forget(key("x"))
        assert queue.retry(key("x")) < 0.4
        assert queue.retry(key("y"), least=7) >= 5.6

    virtualtime.run(main())


def test_a_cancelled_get_loses_nothing():
    async def main():
        queue = Queue()
        waiting = [asyncio.create_task(queue.get()) for _ in range(2)]
        await asyncio.sleep(0)
        queue.add(key("x"))
        waiting[0].cancel()
        taken, _, _ = await asyncio.wait_for(waiting[1], 1)
        assert taken == key("x")
        waiting = [asyncio.create_task(queue.get()) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        queue.add(key("y"))
        assert (await asyncio.wait_for(queue.get(), 1))[0] == key("y")

    virtualtime.run(main())


def test_since_is_when_the_oldest_reason_came_in():
    async def main():
        queue = Queue()
        await asyncio.sleep(1)
        queue.add(key("x"))
        await asyncio.sleep(4)
        queue.add(key("x"), Lane.STATUS)
        assert queue.oldest(Lane.STATUS) == pytest.approx(1)
        assert (await queue.get())[2] == pytest.approx(1)

    virtualtime.run(main())


def test_many_workers_take_every_key_exactly_once_per_reason():
    async def main():
        queue, taken, rng = Queue(), [], random.Random(7)
        running: set[Key] = set()

        async def work():
            while True:
                found, _, _ = await queue.get()
                assert found not in running
                running.add(found)
                await asyncio.sleep(rng.uniform(0, 2))
                running.discard(found)
                taken.append(found)
                queue.done(found)

        workers = [asyncio.create_task(work()) for _ in range(8)]
        for number in range(300):
            queue.add(key(str(number % 40), str(number % 3)), Lane(number % 3))
            await asyncio.sleep(0.01)
        await asyncio.sleep(500)
        assert queue.idle()
        assert set(taken) == {key(str(n % 40), str(n % 3)) for n in range(300)}
        for worker in workers:
            worker.cancel()

    virtualtime.run(main())


def test_who_waits_for_the_last_moment_of_a_span_comes_back_after_it_and_not_again_and_again():
    async def main():
        queue, loop = Queue(), asyncio.get_running_loop()
        over, looks = loop.time() + 1.0, 0
        queue.add_after(key("x"), 1.0 - 5e-7)
        while True:
            taken, _, _ = await queue.get()
            queue.done(taken)
            looks += 1
            if loop.time() >= over:
                break
            queue.add_after(taken, over - loop.time())
        assert looks <= 3

    virtualtime.run(main())
