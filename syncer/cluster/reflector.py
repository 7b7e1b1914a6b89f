"""Keeps a store current with one list of one API server, whatever that server does.

A list first (streamed when the server can, else by pages), then a watch from where the list ended, resumed for as long as possible and begun anew
when not. The loop cannot end and cannot spin: whatever happens becomes a reason and a pause.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog

from syncer.cluster.api import TOO_LARGE, Api, Change
from syncer.cluster.backoff import Backoff
from syncer.cluster.intake import Bad, Intake, Keep, Trim
from syncer.cluster.mishaps import NoStreamedLists, Silence, State, WentBack, mishap
from syncer.cluster.store import Listener, Name, Store
from syncer.cluster.wire import BadObject
from syncer.core.errors import Invalid, Throttled, Unreachable
from syncer.core.objects import Resource

log = structlog.get_logger()

_SILENCE = 100.0
"""Bookmarks come about once a minute where anything moves at all: a stream that says nothing for longer is opened anew."""
_LONGEST_STREAM = 600.0
_HEALTHY = 60.0
_SHORT = 5.0
_FIRST, _MOST = 0.8, 30.0
_EAGER_FIRST = 0.05
_LONGEST_WAIT = 60.0
_PAGE = 500
_MOST_PAGES = 5000


def _ignore_reason(reason: str) -> None:
    pass


def _ignore_bad(bad: BadObject) -> None:
    pass


class Reflector:
    """One resource, in one namespace or all, under one label selector; or the one object of the name `only`.

    `keep` says which objects matter; one that stops mattering becomes a deletion. `trim` may replace an entry by a smaller one. `eager` retries
    quickly at first where a permission is missing (its RoleBinding may be fresh). `restarted` hears the reason of every new attempt, `bad` of
    every object that could not be read. `cap` bounds the bytes held: beyond it new objects are refused, and `overfull` says so.
    """

    def __init__(
        self,
        api: Api,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        only: str = "",
        listener: Listener | None = None,
        keep: Keep | None = None,
        trim: Trim | None = None,
        eager: bool = False,
        restarted: Callable[[str], None] = _ignore_reason,
        bad: Bad = _ignore_bad,
        cap: int = 512 << 20,
        rng: random.Random | None = None,
    ) -> None:
        self.api, self.resource, self.namespace, self.label_selector, self.only = api, resource, namespace, label_selector, only
        self.store = Store(f"{api.side.value} {resource.plural}{namespace and ' in '}{namespace}")
        if listener is not None:
            self.store.listen(listener)
        self._intake = Intake(self.store, keep, trim, bad, cap)
        self._restarted = restarted
        self._rng = rng or random.Random()
        self._backoff = Backoff(self._rng, _FIRST, _MOST)
        self._access = Backoff(self._rng, _EAGER_FIRST if eager else _FIRST, _MOST)
        self._streamed = True
        self._listed = asyncio.Event()
        self.state: State = "starting"
        self.message = ""
        """Why the state is `broken` or `unavailable`."""
        self.restarts: Counter[str] = Counter()
        self.last_event = float("-inf")
        """Loop time of the last sign of life on the watch, bookmarks included."""

    @property
    def synced(self) -> bool:
        """Whether there has been one complete list."""
        return self._listed.is_set()

    async def wait_synced(self) -> None:
        await self._listed.wait()

    @property
    def version(self) -> int:
        """The newest resourceVersion known; 0 before the first list."""
        return self._intake.newest

    @property
    def went_back(self) -> int:
        """How often the server showed an older state than before (restored, or another server)."""
        return self._intake.went_back

    @property
    def overfull(self) -> bool:
        """Whether objects were refused for want of room."""
        return self._intake.overfull

    @property
    def quarantined(self) -> Mapping[Name, str]:
        """Objects that could not be read, with the reason; at most a thousand."""
        return self._intake.quarantined

    async def run(self) -> None:
        """Never returns, except by cancellation."""
        time = asyncio.get_running_loop().time
        while True:
            begun, reason, error = time(), "ended", None
            try:
                await self._follow()
            except Exception as raised:
                error = raised
            finally:
                self._intake.picture = None
            lasted = time() - begun
            if lasted >= _HEALTHY:
                self._backoff.reset()
            if error is None:
                pause = self._pause_after(lasted)
            else:
                reason, pause = self._judge(error)
            self._count(reason)
            await asyncio.sleep(pause)

    # --- what went wrong, and for how long to wait

    def _pause_after(self, lasted: float) -> float:
        """A stream that ended in good order: at once after a normal life, slower and slower when it hardly lived."""
        if lasted >= _HEALTHY:
            return self._rng.uniform(0.0, 0.2)
        return _FIRST * self._rng.uniform(0.8, 1.2) if lasted >= _SHORT else self._backoff.next()

    def _judge(self, error: Exception) -> tuple[str, float]:
        """Draws the consequences of a failure: the reason for the metrics, and the pause before the next attempt."""
        found = mishap(error)
        if found.state is not None:
            self._say(found.state, f"{type(error).__name__}: {error}"[:500])
        if found.relist:
            self._intake.forget()
        if found.state == "unavailable":
            return found.reason, self._access.next()
        if isinstance(error, NoStreamedLists):
            self._streamed = False
            return found.reason, 0.0
        if isinstance(error, Silence):
            return found.reason, self._pause_after(_HEALTHY)
        if isinstance(error, WentBack):
            self._intake.restored()
        if found.reason == "error":
            log.error("reflector_failed", store=self.store.name, error=self.message)
        pause = self._backoff.next()
        if isinstance(error, Throttled) and error.retry_after is not None:
            pause = min(max(pause, error.retry_after * self._rng.uniform(1.0, 1.2)), _LONGEST_WAIT)
        return found.reason, pause

    def _count(self, reason: str) -> None:
        self.restarts[reason] += 1
        self._restarted(reason)

    def _say(self, state: State, message: str = "") -> None:
        if state != self.state:
            if message:
                log.warning(f"watch_became_{state}", store=self.store.name, message=message)
            elif self.state in ("broken", "unavailable"):
                log.info("watch_recovered", store=self.store.name)
        self.state, self.message = state, message

    # --- following

    async def _follow(self) -> None:
        """One stream, with the list before it if there is nothing to resume from."""
        intake = self._intake
        if intake.version:
            await self._probe()
        elif self._streamed:
            intake.begin()
        else:
            await self._list()
        deadline = asyncio.get_running_loop().time() + _LONGEST_STREAM
        try:
            async with self._stream() as stream:
                while (batch := await self._next(stream)) is not None:
                    await self._take(batch)
                    if self.last_event > deadline:
                        break
                    await asyncio.sleep(0)
        except Invalid as error:
            if intake.picture is None:
                raise
            raise NoStreamedLists from error
        if intake.picture is not None:
            raise Unreachable(f"{self.store.name}: the streamed list ended before its end")

    @asynccontextmanager
    async def _stream(self) -> AsyncIterator[AsyncIterator[Sequence[Change]]]:
        initial = self._intake.picture is not None
        version = "" if initial else self._intake.version
        stream = self.api.watch(
            self.resource, self.namespace, label_selector=self.label_selector, name=self.only, resource_version=version, initial=initial
        )
        try:
            yield stream
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    async def _next(self, stream: AsyncIterator[Sequence[Change]]) -> Sequence[Change] | None:
        """The next batch; None at the end of the stream."""
        try:
            async with asyncio.timeout(_SILENCE):
                batch = await anext(stream, None)
        except TimeoutError as error:
            raise (Silence if self._intake.picture is None else NoStreamedLists) from error
        self.last_event = asyncio.get_running_loop().time()
        return batch

    async def _take(self, batch: Sequence[Change]) -> None:
        intake = self._intake
        listing, backs = intake.picture is not None, intake.went_back
        for change in batch:
            await intake.take(change)
        if intake.picture is not None:
            return
        if listing:
            self._complete(backs)
        elif self.state != "live":
            self._recovered()
        intake.look_for_room()

    def _complete(self, backs: int) -> None:
        """A list has arrived; before it the server had gone back `backs` times."""
        if self._intake.went_back != backs:
            self._count("went_back")
        self._recovered()
        self._listed.set()

    def _recovered(self) -> None:
        self._access.reset()
        self._say("live")

    # --- listing

    async def _list(self) -> None:
        """Page by page, where streamed lists are not to be had."""
        intake, token, limit = self._intake, "", _PAGE
        backs = intake.went_back
        intake.begin()
        for _ in range(_MOST_PAGES):
            try:
                page = await self.api.list(
                    self.resource, self.namespace, label_selector=self.label_selector, name=self.only, limit=limit, continue_token=token
                )
            except Invalid as error:
                if error.reason != TOO_LARGE or limit == 1:
                    raise
                limit = max(limit // 8, 1)
                continue
            for bad in page.bad:
                intake.set_aside(bad)
            for entry in page.entries:
                intake.put(entry)
            token = page.continue_token
            if not token:
                await intake.complete(page.resource_version)
                self._complete(backs)
                return
            await asyncio.sleep(0)
        raise Unreachable(f"{self.store.name}: the list has no end")

    async def _probe(self) -> None:
        """Before a watch is resumed the server shows that it is not behind us. One that was restored to an older state accepts a watch from a
        version it has not reached, and says nothing until it has."""
        page = await self.api.list(self.resource, self.namespace, limit=1)
        if int(page.resource_version) < self._intake.newest:
            raise WentBack
