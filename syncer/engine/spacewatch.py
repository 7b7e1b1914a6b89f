"""The watches of one host namespace: every kind is listed when it opens, and watched from then on only where there is something to watch.

A watch is a connection that stays open on the host's API server. A tenant has dozens of namespaces and the syncer dozens of kinds, and most of
their products are empty. So a kind of which the host holds nothing, and the tenant has nothing to bring, is let go after its first list, and
watched again (with a new list) as soon as something of it is to be written there.

Kinds that only tell of other objects (events, our ServiceAccount) follow: they are watched while any other kind is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

import anyio
import anyio.abc

from syncer.cluster.reflector import Reflector
from syncer.engine.watches import Watch

Supervise = Callable[[str, Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]]


class SpaceWatch:
    """Lives as long as `run`."""

    def __init__(
        self,
        namespace: str,
        watches: Iterable[Watch],
        *,
        make: Callable[[Watch, str], Reflector],
        drop: Callable[[Reflector], None],
        listed: Callable[[str, Reflector], Awaitable[None]],
        tended: Callable[[str, Watch], bool],
        opened: Callable[[str], None],
        supervise: Supervise,
    ) -> None:
        """`make` and `drop` a reflector; `listed` does what follows from a complete list; `tended` says whether the tenant has objects that
        belong here; `opened` hears when a kind that was asked for is current."""
        self.namespace = namespace
        self._watches = {watch.resource.plural: watch for watch in watches}
        self._make, self._drop, self._listed, self._tended, self._opened, self._supervise = make, drop, listed, tended, opened, supervise
        self._group: anyio.abc.TaskGroup | None = None
        self._complete = False
        self._reflectors: dict[str, Reflector] = {}
        self._scopes: dict[str, anyio.CancelScope] = {}
        self._current: dict[str, asyncio.Event] = {}

    async def run(self, complete: Callable[[], None]) -> None:
        """Until cancelled. `complete` is called when every kind has been listed."""
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                await self._look_at([plural for plural, watch in self._watches.items() if not watch.follows])
                self._complete = True
                complete()
                await anyio.sleep_forever()
        finally:
            self._group, self._complete = None, False

    async def add(self, watch: Watch) -> None:
        """One more kind, listed when this returns."""
        plural = watch.resource.plural
        self._watches[plural] = watch
        if self._group is not None:
            await self._look_at([plural])

    def ready(self, plural: str) -> bool:
        """Whether this kind is current here, and those that tell of it are."""
        return self._is_current(plural) and all(self._is_current(name) for name, watch in self._watches.items() if watch.follows)

    def want(self, plural: str) -> None:
        """Something of this kind is to be written here."""
        if plural in self._watches:
            self._start(plural)

    async def _look_at(self, plurals: list[str]) -> None:
        """Lists these kinds, and lets go of those that have nothing here."""
        for plural in plurals:
            self._start(plural, follow=False)
        for plural in plurals:
            await self._current[plural].wait()
        for plural in plurals:
            if len(self._reflectors[plural].store) == 0 and not self._tended(self.namespace, self._watches[plural]):
                self._scopes[plural].cancel()
                del self._reflectors[plural]
            else:
                self._follow()
        for plural, watch in self._watches.items():
            if watch.follows and plural in self._reflectors:
                await self._current[plural].wait()

    def _start(self, plural: str, *, follow: bool = True) -> None:
        if plural not in self._reflectors and self._group is not None:
            reflector = self._reflectors[plural] = self._make(self._watches[plural], self.namespace)
            scope = self._scopes[plural] = anyio.CancelScope()
            self._current[plural] = asyncio.Event()
            self._group.start_soon(self._keep, plural, reflector, scope)
        if follow:
            self._follow()

    def _follow(self) -> None:
        for plural, watch in self._watches.items():
            if watch.follows:
                self._start(plural, follow=False)

    async def _keep(self, plural: str, reflector: Reflector, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(self._supervise, f"host {plural} in {self.namespace}", reflector.run)
                    await reflector.wait_synced()
                    await self._listed(self.namespace, reflector)
                    self._current[plural].set()
                    if self._complete:
                        self._opened(self.namespace)
        finally:
            self._drop(reflector)

    def _is_current(self, plural: str) -> bool:
        return plural in self._reflectors and self._current[plural].is_set()
