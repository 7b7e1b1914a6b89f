"""At most one candidate may write, and there is soon one that may; on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.cluster.election import Election
from syncer.core.errors import Forbidden, StartupError, Unreachable
from syncer.core.objects import LEASES, NAMESPACES
from syncer.testing import virtualtime
from syncer.testing.apiserver.cluster import SimulatedCluster
from syncer.testing.apiserver.requests import Request

NAME = "kled-syncer-red"


class Contest:
    """A cluster with a Lease and those who want it. Who is in `cut` reaches nothing; who is in `deaf` gets no answers; `skew` moves a clock."""

    def __init__(self) -> None:
        self.cluster = SimulatedCluster(latency=0.01)
        self.cluster.put(NAMESPACES, {"metadata": {"name": "kled"}})
        self.cluster.before, self.cluster.after = self._before, self._after
        self.cut: set[str] = set()
        self.deaf: set[str] = set()
        self.hung: set[str] = set()
        self.skew: dict[str, float] = {}
        self.candidates: dict[str, Election] = {}

    async def _before(self, request: Request) -> None:
        if request.user in self.hung:
            await asyncio.sleep(3600)
        if request.user in self.cut:
            raise Unreachable("cut off")

    async def _after(self, request: Request) -> None:
        if request.user in self.deaf:
            raise Unreachable("the answer was lost")

    def candidate(self, who: str, identity: str = "") -> Election:
        time = asyncio.get_running_loop().time
        made = Election(
            self.cluster.as_user(who),
            "kled",
            NAME,
            identity or who,
            clock=lambda: time() + self.skew.get(who, 0.0),
            wall_clock=virtualtime.wall_time,
            rng=random.Random(who),
        )
        self.candidates[who] = made
        return made

    @asynccontextmanager
    async def between(self, *names: str) -> AsyncIterator[list[Election]]:
        async with AsyncExitStack() as stack:
            made = [self.candidate(name) for name in names]
            for election in made:
                await stack.enter_async_context(election.campaign())
            yield made

    def writers(self) -> list[str]:
        return [who for who, election in self.candidates.items() if election.may_write()]

    @property
    def holder(self) -> str:
        lease = self.cluster.find(LEASES, "kled", NAME)
        return str(lease["spec"]["holderIdentity"]) if lease else "nobody"


def contest(play: Callable[[Contest], Awaitable[None]]) -> Contest:
    async def main() -> Contest:
        made = Contest()
        await play(made)
        return made

    return virtualtime.run(main())


async def until(condition: Callable[[], Any], limit: float = 120.0) -> float:
    """How long it took."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while not condition():
        assert loop.time() - begun < limit, "it never came to that"
        await asyncio.sleep(0.05)
    return loop.time() - begun


def test_one_leads_and_the_other_waits() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a", "b") as (a, b):
            await asyncio.sleep(100)
            assert (a.leading, b.leading, b.leader) == (True, False, "a")
            assert ring.writers() == ["a"]

    assert contest(play).holder == ""


def test_at_rest_the_only_requests_of_a_leader_are_renewals() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            before = len(ring.cluster.log)
            await asyncio.sleep(100)
            assert {request.verb for request in ring.cluster.log[before:]} == {"patch"}
            assert len(ring.cluster.log) - before == pytest.approx(20, abs=1)

    contest(play)


def test_a_lease_that_is_given_back_is_taken_within_seconds() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("b") as (b,):
            await b.acquired()
            a = ring.candidate("a")
            async with a.campaign():
                await asyncio.sleep(20)
            assert not a.leading
        async with ring.between("c") as (c,):
            assert await until(lambda: c.leading) < 3

    contest(play)


def test_a_lease_that_was_not_given_back_is_taken_when_it_has_run_out() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a", "b") as (a, b):
            await a.acquired()
            ring.cut.add("a")
            stopped = await until(lambda: not a.may_write())
            taken = stopped + await until(lambda: b.may_write())
            assert stopped <= 10.1
            assert 14 <= taken <= 22
            assert not a.leading
            ring.cut.clear()
            await asyncio.sleep(10)
            assert (a.leading, a.leader) == (False, "b")

    contest(play)


def test_a_candidate_that_comes_late_waits_a_whole_lease_of_its_own_time() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            ring.cut.add("a")
            await asyncio.sleep(1000)
        async with ring.between("b") as (b,):
            assert 15 <= await until(lambda: b.leading) <= 18

    contest(play)


def test_the_same_place_starts_again_without_waiting() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            ring.cut.add("a")
        again = ring.candidate("again", identity="a")
        async with again.campaign():
            assert await until(lambda: again.leading) < 1

    contest(play)


def test_a_process_that_was_asleep_writes_nothing_when_it_wakes() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(a.lost, scope)
                    await asyncio.sleep(1)
                    ring.skew["a"] = 90.0
                    assert not a.may_write()
                    await asyncio.sleep(60)
            assert scope.cancelled_caught

    contest(play)


@pytest.mark.parametrize("trouble", ["deaf", "cut", "hung"])
def test_short_trouble_does_not_end_a_term(trouble: str) -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            for _ in range(20):
                getattr(ring, trouble).add("a")
                await asyncio.sleep(3.5)
                getattr(ring, trouble).clear()
                await asyncio.sleep(6)
                assert a.may_write()
            assert ring.cluster.find(LEASES, "kled", NAME)["spec"]["leaseTransitions"] == 0  # type: ignore[index]

    contest(play)


@pytest.mark.parametrize("trouble", ["deaf", "cut", "hung"])
def test_long_trouble_ends_it(trouble: str) -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            getattr(ring, trouble).add("a")
            assert await until(lambda: not a.leading) <= 10.5
            getattr(ring, trouble).clear()
            assert await until(lambda: a.may_write()) <= 20

    contest(play)


def test_a_humans_annotation_is_seen_and_does_no_harm() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            ring.cluster.edit(LEASES, "kled", NAME, {"metadata": {"annotations": {"kled.io/release": "me"}}})
            await asyncio.sleep(6)
            assert a.annotations["kled.io/release"] == "me"
            assert a.may_write()

    contest(play)


def test_an_annotation_of_ours_goes_out_once_and_outlives_the_term() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            a.annotate("kled.io/tenant-uid", "u1")
            await asyncio.sleep(60)
            with_annotations = [
                request for request in ring.cluster.log if request.is_write and "annotations" in (request.body or {}).get("metadata", {})
            ]
            assert len(with_annotations) == 2, "once at the creation, once when it was asked for"
        async with ring.between("b") as (b,):
            await b.acquired()
            assert b.annotations["kled.io/tenant-uid"] == "u1"

    contest(play)


def test_a_deleted_lease_is_made_again() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            ring.cluster.remove(LEASES, "kled", NAME)
            await asyncio.sleep(20)
            assert a.may_write()
            assert ring.holder == "a"

    contest(play)


def test_a_lease_taken_by_force_ends_the_term_and_its_scope() -> None:
    async def play(ring: Contest) -> None:
        async with ring.between("a") as (a,):
            await a.acquired()
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(a.lost, scope)
                    ring.cluster.edit(LEASES, "kled", NAME, {"spec": {"holderIdentity": "usurper"}})
                    await asyncio.sleep(60)
            assert scope.cancelled_caught
            assert not a.may_write()
            assert ring.holder == "usurper"

    contest(play)


def test_a_missing_permission_is_said_at_the_start() -> None:
    async def play(ring: Contest) -> None:
        def refuse(request: Request) -> None:
            raise Forbidden(403, "Forbidden", "cannot get leases")

        ring.cluster.before = refuse
        async with ring.between("a") as (a,):
            with pytest.raises(StartupError, match=r"kled/kled-syncer-red.*cannot get leases.*rbac --side host"):
                await a.acquired()

    contest(play)


def test_a_lease_in_a_namespace_that_is_not_there_is_said_at_the_start() -> None:
    async def play(ring: Contest) -> None:
        election = Election(ring.cluster, "nowhere", NAME, "a", clock=asyncio.get_running_loop().time, wall_clock=virtualtime.wall_time)
        async with election.campaign():
            with pytest.raises(StartupError, match="nowhere"):
                await election.acquired()

    contest(play)


TROUBLES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["cut", "deaf", "hung", "heal"]), st.floats(0.1, 20.0)), min_size=3, max_size=25
)


@settings(max_examples=60, deadline=None)
@given(TROUBLES)
def test_two_never_may_write_and_after_all_trouble_one_does(troubles: list[tuple[str, str, float]]) -> None:
    async def play(ring: Contest) -> None:
        async def watch() -> None:
            while True:
                assert len(ring.writers()) <= 1, ring.writers()
                await asyncio.sleep(0.02)

        async with ring.between("a", "b", "c"):
            guard = asyncio.get_running_loop().create_task(watch())
            for who, what, seconds in troubles:
                if what == "heal":
                    for held in (ring.cut, ring.deaf, ring.hung):
                        held.discard(who)
                else:
                    getattr(ring, what).add(who)
                await asyncio.sleep(seconds)
            for held in (ring.cut, ring.deaf, ring.hung):
                held.clear()
            await asyncio.sleep(60)
            assert len(ring.writers()) == 1
            assert not guard.done() or guard.exception() is None, guard.exception()
            guard.cancel()

    contest(play)
