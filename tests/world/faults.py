"""What goes wrong between a syncer and its servers. Each fault is armed by a test, ends by itself or with `heal`, and leaves tests' own hands alone.

Only what a real server may do: a watch that lost changes ends in 410 and a new list, never in silence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from syncer.cluster.api import Change
from syncer.core.errors import Unreachable, api_error
from syncer.core.objects import Side
from syncer.testing import Request, SimulatedCluster

if TYPE_CHECKING:
    from tests.world.world import World

Moment = Literal["before", "after"]
Answer = Literal["conflict", "throttled", "broken", "refused", "lost"]


class Faults:
    def __init__(self, world: World) -> None:
        self._world = world
        self._crash_in: int | None = None
        self._crash_at: Moment = "before"
        self._answers: list[Answer] = []
        self._blind: set[Side] = set()
        self._doubled = False
        self._late = 0.0
        self.expected_poison: list[str] = []
        self.written = 0
        """Writes of syncers that have come to a server."""

    # --- arming

    def crash_at(self, write: int, moment: Moment) -> None:
        """The process that sends the `write`-th write from now on dies with it: before it takes effect, or before the answer comes."""
        self._crash_in, self._crash_at = write, moment

    def answer(self, answers: Sequence[Answer]) -> None:
        """The next writes are answered like this. `lost` takes effect and gets no answer."""
        self._answers.extend(answers)

    def blind(self, side: Side) -> None:
        """Watches of one side drop everything, until they are cut and the past is gone."""
        self._blind.add(side)

    def repeat(self) -> None:
        """Watches deliver everything twice."""
        self._doubled = True

    def delay(self, seconds: float) -> None:
        """Watches deliver late."""
        self._late = seconds

    def heal(self) -> None:
        self._crash_in, self._answers, self._doubled, self._late = None, [], False, 0.0
        for cluster in self._clusters():
            if cluster.down:
                cluster.down = False
            cluster.thaw()
            cluster.release_watches()
            if cluster.side in self._blind:
                cluster.compact()
                cluster.cut_watches()
        self._blind.clear()

    def _clusters(self) -> tuple[SimulatedCluster, SimulatedCluster]:
        return self._world.tenant, self._world.host

    # --- hooks of the clusters

    async def before(self, request: Request) -> None:
        await self._only_the_living(request)
        if not _is_hit(request):
            return
        if request.is_write:
            self.written += 1
            await self._perhaps_crash(request, "before")
            if self._answers and self._answers[0] != "lost":
                raise _error(self._answers.pop(0), request)

    async def after(self, request: Request) -> None:
        await self._only_the_living(request)
        if not _is_hit(request) or not request.is_write:
            return
        await self._perhaps_crash(request, "after")
        if self._answers and self._answers[0] == "lost":
            self._answers.pop(0)
            raise Unreachable("the answer was lost")

    async def on_batch(self, side: Side, request: Request, batch: Sequence[Change]) -> Sequence[Sequence[Change]]:
        await self._only_the_living(request)
        if side in self._blind:
            return []
        if self._late:
            await asyncio.sleep(self._late)
        return [batch, batch] if self._doubled else [batch]

    async def _perhaps_crash(self, request: Request, moment: Moment) -> None:
        if self._crash_in is None:
            return
        if moment == self._crash_at:
            self._crash_in -= 1
            if self._crash_in <= 0:
                self._crash_in = None
                for syncer in self._world.alive:
                    if syncer.user == request.user:
                        self._world.kill(syncer)
                await self._only_the_living(request)

    async def _only_the_living(self, request: Request) -> None:
        if self._world.is_dead(request.user):
            await asyncio.get_running_loop().create_future()


def _is_hit(request: Request) -> bool:
    return request.user.startswith("syncer") and request.resource != "events"


def _error(answer: Answer, request: Request) -> Exception:
    match answer:
        case "conflict" if request.verb != "create":
            return api_error(409, "Conflict", "the object has been modified")
        case "throttled":
            return api_error(429, "TooManyRequests", "too many requests", retry_after=3.0)
        case "refused":
            return api_error(403, "Forbidden", "exceeded quota")
        case _:
            return api_error(500, "InternalError", "etcdserver: leader changed")
