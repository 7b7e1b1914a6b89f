"""How many writes are under way at once; on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncer.cluster.limiter import _MOST, _START, Limiter
from syncer.testing import virtualtime


class Server:
    """Takes `work` seconds of its own for each write, `hands` at a time; `lag` is on top."""

    def __init__(self, hands: int, work: float = 0.01, lag: float = 0.0) -> None:
        self._hands = asyncio.Semaphore(hands)
        self.work, self.lag = work, lag
        self.most = self.now = self.done = 0

    async def write(self, limiter: Limiter) -> None:
        await limiter.enter()
        self.now += 1
        self.most = max(self.most, self.now)
        begun = asyncio.get_running_loop().time()
        try:
            async with self._hands:
                await asyncio.sleep(self.work)
            await asyncio.sleep(self.lag)
        finally:
            self.now -= 1
            self.done += 1
            limiter.leave(asyncio.get_running_loop().time() - begun)


async def burst(server: Server, limiter: Limiter, count: int) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(server.write(limiter))


def play(main: Callable[[Limiter], Awaitable[Any]]) -> Any:
    async def begin() -> Any:
        return await main(Limiter())

    return virtualtime.run(begin())


def test_a_strong_server_gets_more_and_more_up_to_a_bound() -> None:
    async def main(limiter: Limiter) -> int:
        server = Server(hands=10_000)
        await burst(server, limiter, 20_000)
        return server.most

    assert play(main) == _MOST


def test_a_server_that_slows_down_gets_less() -> None:
    async def main(limiter: Limiter) -> None:
        server = Server(hands=1000)
        await burst(server, limiter, 2000)
        server.lag = 3.0
        await burst(server, limiter, 2000)
        assert limiter.limit < _MOST // 2
        server.lag = 0.0
        await burst(server, limiter, 5000)
        assert limiter.limit > _START

    play(main)


def test_refusals_of_one_moment_count_once_and_many_moments_lead_to_one_at_a_time() -> None:
    async def main(limiter: Limiter) -> None:
        for _ in range(30):
            limiter.throttled(None)
        assert limiter.limit == _START // 2
        for _ in range(10):
            await asyncio.sleep(1.1)
            limiter.throttled(None)
        assert limiter.limit == 1

    play(main)


def test_retry_after_stops_new_writes_for_so_long_and_no_longer() -> None:
    async def main(limiter: Limiter) -> None:
        server = Server(hands=10)
        loop = asyncio.get_running_loop()
        limiter.throttled(5.0)
        assert limiter.paused
        await asyncio.sleep(3.0)
        limiter.throttled(4.0)
        await burst(server, limiter, 1)
        assert loop.time() == pytest.approx(7.01)
        assert not limiter.paused
        limiter.throttled(1e9)
        await burst(server, limiter, 1)
        assert loop.time() < 70

    play(main)


def test_who_gives_up_waiting_takes_no_place_with_him() -> None:
    async def main(limiter: Limiter) -> None:
        server = Server(hands=1000, work=1.0)
        tasks = [asyncio.ensure_future(server.write(limiter)) for _ in range(100)]
        await asyncio.sleep(0.5)
        for task in tasks[20:70]:
            task.cancel()
        await asyncio.sleep(0.5)
        # Admitted and cancelled in the same turn of the loop.
        for task in tasks[70:80]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert limiter.in_flight == 0
        await burst(server, limiter, 32)
        assert limiter.in_flight == 0

    play(main)


def test_writes_go_in_the_order_of_asking() -> None:
    async def main(limiter: Limiter) -> None:
        order: list[int] = []

        async def one(number: int) -> None:
            await limiter.enter()
            order.append(number)
            await asyncio.sleep(0.1)
            limiter.leave(0.1)

        await asyncio.gather(*(one(number) for number in range(200)))
        assert order == sorted(order)

    play(main)
