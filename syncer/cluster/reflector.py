"""Keeps a store current with one list of one API server, whatever that server does.

A list first (streamed when the server can, else by pages), then a watch from where the list ended, resumed for as long as possible and begun anew
when not. The loop cannot end and cannot spin: whatever happens becomes a reason and a pause.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import structlog

from syncer.cluster.api import Api, Change
from syncer.cluster.backoff import Backoff
from syncer.cluster.picture import Picture
from syncer.cluster.store import Listener, Name, Store, same
from syncer.cluster.wire import BadObject, Entry
from syncer.core.errors import ApiError, Forbidden, Gone, Invalid, NotFound, SyncerError, Throttled, Unauthorized, Unreachable
from syncer.core.objects import Resource

log = structlog.get_logger()

_SILENCE = 100.0
"""Bookmarks come about once a minute where anything moves at all: a stream that says nothing for longer is doubted."""
_LONGEST_STREAM = 600.0
_HEALTHY = 60.0
_SHORT = 5.0
_FIRST, _MOST = 0.8, 30.0
_EAGER_FIRST = 0.05
_LONGEST_WAIT = 60.0
_MOST_PAGES = 5000
_ROOM = 0.8
_MOST_QUARANTINED = 1000

State = Literal["starting", "live", "broken", "unavailable"]


class _Stale(Exception):
    """The server's versions went back: it is not the server, or not the state, that it was."""


class _RoomAgain(Exception):
    """Objects were refused for want of room, and there is room now."""


def _ignore_reason(reason: str) -> None:
    pass


def _ignore_bad(bad: BadObject) -> None:
    pass


class Reflector:
    """One resource, in one namespace or all, under one label selector.

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
        listener: Listener | None = None,
        keep: Callable[[Entry], bool] | None = None,
        trim: Callable[[Entry], Entry] | None = None,
        eager: bool = False,
        restarted: Callable[[str], None] = _ignore_reason,
        bad: Callable[[BadObject], None] = _ignore_bad,
        cap: int = 512 << 20,
        rng: random.Random | None = None,
    ) -> None:
        self.api, self.resource, self.namespace, self.label_selector = api, resource, namespace, label_selector
        self.store = Store(f"{api.side.value} {resource.plural}")
        if listener is not None:
            self.store.listen(listener)
        self._keep, self._trim, self._restarted, self._bad, self._cap = keep, trim, restarted, bad, cap
        self._rng = rng or random.Random()
        self._backoff = Backoff(self._rng, _FIRST, _MOST)
        self._access = Backoff(self._rng, _EAGER_FIRST if eager else _FIRST, _MOST)
        self._streamed = True
        self._version = ""
        self._newest = 0
        self._doubt = False
        """Whether the server must show that it is not behind us before a watch is resumed."""
        self._picture: Picture | None = None
        self._listed = asyncio.Event()
        self.state: State = "starting"
        self.message = ""
        self.restarts: Counter[str] = Counter()
        self.last_event = float("-inf")
        """Loop time of the last sign of life on the watch, bookmarks included."""
        self.went_back = 0
        """How often the server showed an older state than before (restored, or another server)."""
        self.overfull = False
        self.quarantined: dict[Name, str] = {}
        """Objects that could not be read, with the reason; at most a thousand."""

    @property
    def synced(self) -> bool:
        """Whether there has been one complete list."""
        return self._listed.is_set()

    async def wait_synced(self) -> None:
        await self._listed.wait()

    @property
    def version(self) -> int:
        """The newest resourceVersion known; 0 before the first list."""
        return self._newest

    async def run(self) -> None:
        """Never returns, except by cancellation."""
        time = asyncio.get_running_loop().time
        while True:
            begun = time()
            reason, pause = "ended", None
            try:
                await self._follow()
            except Exception as error:
                if time() - begun >= _HEALTHY:
                    self._backoff.reset()
                reason, pause = self._judge(error)
            finally:
                self._picture = None
            if pause is None:
                pause = self._pause_after(time() - begun)
            self.restarts[reason] += 1
            self._restarted(reason)
            await asyncio.sleep(pause)

    # --- what went wrong, and for how long to wait

    def _pause_after(self, lasted: float) -> float:
        """A stream that ended in good order: at once after a normal life, slower and slower when it hardly lived."""
        if lasted >= _HEALTHY:
            self._backoff.reset()
            return self._rng.uniform(0.0, 0.2)
        return _FIRST * self._rng.uniform(0.8, 1.2) if lasted >= _SHORT else self._backoff.next()

    def _judge(self, error: Exception) -> tuple[str, float]:
        """The reason for the metrics and the pause before the next attempt."""
        if isinstance(error, Forbidden | NotFound | Unauthorized):
            self._say("unavailable", str(error))
            return "forbidden" if isinstance(error, Forbidden) else "missing" if isinstance(error, NotFound) else "unauthorized", self._access.next()
        pause = self._backoff.next()
        if isinstance(error, Throttled):
            self._say("broken", str(error))
            return "throttled", min(max(pause, (error.retry_after or 0.0) * self._rng.uniform(1.0, 1.2)), _LONGEST_WAIT)
        if isinstance(error, Gone):
            self._version = ""
            return "gone", pause
        if isinstance(error, _Stale):
            self._version, self._newest = "", 0
            self.went_back += 1
            return "went_back", pause
        if isinstance(error, _RoomAgain):
            self._version = ""
            return "room_again", pause
        if isinstance(error, Invalid) and self._streamed and not self._version:
            self._streamed = False
            return "no_streamed_lists", 0.0
        self._say("broken", f"{type(error).__name__}: {error}"[:500])
        if isinstance(error, Unreachable):
            self._doubt = True
            return "unreachable", pause
        if isinstance(error, ApiError | SyncerError):
            # A version the server chokes on would be offered again and again.
            self._version = ""
            return "refused", pause
        log.error("reflector_failed", resource=self.resource.plural, side=self.api.side.value, error=self.message)
        self._version = ""
        return "error", pause

    def _say(self, state: State, message: str = "") -> None:
        if state != self.state:
            told = {"resource": self.resource.plural, "namespace": self.namespace, "side": self.api.side.value}
            if message:
                log.warning(f"watch_became_{state}", message=message, **told)
            elif self.state in ("broken", "unavailable"):
                log.info("watch_recovered", **told)
        self.state, self.message = state, message

    # --- following

    async def _follow(self) -> None:
        """One stream, with the list before it if there is nothing to resume from."""
        if not self._version and not self._streamed:
            await self._list()
        elif self._version and self._doubt:
            await self._probe()
        if not self._version:
            self._picture = Picture()
        deadline = asyncio.get_running_loop().time() + _LONGEST_STREAM
        async with self._stream(initial=self._picture is not None) as stream:
            while (batch := await self._next(stream)) is not None:
                await self._take(batch)
                if self.last_event > deadline:
                    return
                await asyncio.sleep(0)
        if self._picture is not None:
            raise Unreachable(f"{self.store.name}: the streamed list ended before its end")

    @asynccontextmanager
    async def _stream(self, *, initial: bool) -> AsyncIterator[AsyncIterator[Sequence[Change]]]:
        stream = self.api.watch(
            self.resource, self.namespace, label_selector=self.label_selector, resource_version="" if initial else self._version, initial=initial
        )
        try:
            yield stream
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    async def _next(self, stream: AsyncIterator[Sequence[Change]]) -> Sequence[Change] | None:
        """The next batch; None at the end of the stream, and of our patience."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_SILENCE):
                batch = await anext(stream, None)
        except TimeoutError as error:
            self._doubt = True
            if self._picture is None:
                return None
            # An old server ignores that a streamed list was asked for, and never says that it is complete.
            self._streamed = False
            raise Unreachable(f"{self.store.name}: nothing came for {_SILENCE:g} s") from error
        self.last_event = loop.time()
        return batch

    async def _take(self, batch: Sequence[Change]) -> None:
        for change in batch:
            if change.type == "BAD":
                self._set_aside(change.bad or BadObject("unreadable"))
                continue
            if self._picture is None:
                self._advance(change.resource_version)
            if change.entry is not None:
                self._one(change.entry, deleted=change.type == "DELETED")
            elif change.initial_end and self._picture is not None:
                await self._complete(self._picture, change.resource_version)
        if self._picture is not None:
            return
        if self.state != "live":
            self._access.reset()
            self._say("live")
        if self.overfull and self.store.bytes < self._cap * _ROOM:
            raise _RoomAgain

    def _advance(self, version: str) -> None:
        """Versions of one watch only grow."""
        number = int(version)
        if number < self._newest:
            raise _Stale
        self._version, self._newest = version, number

    def _one(self, entry: Entry, *, deleted: bool) -> None:
        name = entry.meta.namespace, entry.meta.name
        if self.quarantined:
            self.quarantined.pop(name, None)
        picture = self._picture
        if deleted or (self._keep is not None and not self._keep(entry)):
            if picture is not None:
                picture.drop(name)
            else:
                self.store.remove(name, proven=True)
            return
        if self._trim is not None:
            entry = self._trim(entry)
        if self._is_full(name, entry):
            if picture is not None:
                picture.refused = True
        elif picture is not None:
            picture.put(name, self._known(name, entry))
        else:
            self.store.put(name, entry)

    def _known(self, name: Name, entry: Entry) -> Entry:
        """The entry we have, if it is the same: a relist then costs no memory."""
        old = self.store.entries.get(name)
        return old if old is not None and same(old, entry) else entry

    def _is_full(self, name: Name, entry: Entry) -> bool:
        held = self.store if self._picture is None else self._picture
        old = held.entries.get(name)
        if held.bytes + entry.size - (old.size if old is not None else 0) <= self._cap:
            return False
        if not self.overfull:
            self.overfull = True
            log.error("reflector_is_full", resource=self.resource.plural, side=self.api.side.value, bytes=held.bytes, cap=self._cap)
        return True

    def _set_aside(self, bad: BadObject) -> None:
        if self._picture is not None:
            self._picture.bad(bad)
        if bad.name and len(self.quarantined) < _MOST_QUARANTINED:
            name = bad.namespace, bad.name
            if self.quarantined.get(name) != str(bad):
                self.quarantined[name] = str(bad)
                log.warning(
                    "object_set_aside", resource=self.resource.plural, side=self.api.side.value, namespace=name[0], name=name[1], error=str(bad)
                )
        self._bad(bad)

    # --- listing

    async def _list(self) -> None:
        """Page by page, where streamed lists are not to be had."""
        self._picture = picture = Picture()
        token = ""
        for _ in range(_MOST_PAGES):
            page = await self.api.list(self.resource, self.namespace, label_selector=self.label_selector, limit=500, continue_token=token)
            for bad in page.bad:
                self._set_aside(bad)
            for entry in page.entries:
                self._one(entry, deleted=False)
            token = page.continue_token
            if not token:
                await self._complete(picture, page.resource_version)
                return
            await asyncio.sleep(0)
        raise Unreachable(f"{self.store.name}: the list has no end")

    async def _probe(self) -> None:
        """A server that was restored to an older state accepts a watch from a version it has not reached, and says nothing until it has."""
        page = await self.api.list(self.resource, self.namespace, label_selector=self.label_selector, limit=1)
        if int(page.resource_version) < self._newest:
            raise _Stale
        self._doubt = False

    async def _complete(self, picture: Picture, version: str) -> None:
        """The list is whole: what it shows becomes what we know."""
        self._picture = None
        self.overfull = picture.refused
        self.quarantined = {name: reason for name, reason in self.quarantined.items() if name in picture.unread}
        if int(version) < self._newest:
            self.went_back += 1
            self.restarts["went_back"] += 1
            self._restarted("went_back")
        await picture.become(self.store)
        self._version, self._newest, self._doubt = version, int(version), False
        self._access.reset()
        self._say("live")
        self._listed.set()
