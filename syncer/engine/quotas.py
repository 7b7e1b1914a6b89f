"""Who waits for room in a quota of the host.

While a key was refused for a quota, the quotas of that namespace are watched, and no longer. When one has room for what the key asked for, the key is
looked at again; of several that wait, as many as fit. So a thousand pods that wait cost one watch, and not a thousand tries a minute.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import NamedTuple

import anyio

from syncer.cluster.api import Api
from syncer.cluster.reflector import Reflector
from syncer.cluster.wire import Entry
from syncer.core.objects import RESOURCEQUOTAS, Key, Obj
from syncer.core.quantity import parse


class _Wait(NamedTuple):
    quota: str
    requested: Mapping[str, Decimal]


class Quotas:
    """`wake` is told which keys to look at again."""

    def __init__(self, host: Api, wake: Callable[[Key], None], rng: random.Random) -> None:
        self._host, self._wake, self._rng = host, wake, rng
        self._waiting: dict[str, dict[Key, _Wait]] = {}
        self._places: dict[Key, str] = {}
        self._open: dict[str, anyio.CancelScope] = {}
        self._changed = asyncio.Event()

    def refused(self, key: Key, namespace: str, quota: str, requested: Mapping[str, Decimal]) -> None:
        """The host has no room for this key's object."""
        self.settled(key)
        self._places[key] = namespace
        self._waiting.setdefault(namespace, {})[key] = _Wait(quota, requested)
        self._changed.set()

    def settled(self, key: Key) -> None:
        """The key waits for nothing (any more)."""
        namespace = self._places.pop(key, None)
        if namespace is None:
            return
        waiting = self._waiting[namespace]
        del waiting[key]
        if not waiting:
            del self._waiting[namespace]
            self._changed.set()

    @property
    def waiting(self) -> int:
        return len(self._places)

    async def run(self) -> None:
        """Opens and closes watches; for ever."""
        async with anyio.create_task_group() as group:
            while True:
                self._changed.clear()
                for namespace in self._waiting.keys() - self._open.keys():
                    self._open[namespace] = anyio.CancelScope()
                    group.start_soon(self._watch, namespace)
                for namespace in self._open.keys() - self._waiting.keys():
                    self._open[namespace].cancel()
                await self._changed.wait()

    async def _watch(self, namespace: str) -> None:
        try:
            with self._open[namespace]:
                await Reflector(self._host, RESOURCEQUOTAS, namespace, listener=partial(self._seen, namespace), rng=self._rng).run()
        finally:
            del self._open[namespace]
            self._changed.set()

    def _seen(self, namespace: str, old: Entry | None, new: Entry | None, proven: bool) -> None:
        entry = new if new is not None else old
        assert entry is not None
        left = None if new is None else room(new.obj())
        for key, wait in tuple(self._waiting.get(namespace, {}).items()):
            if wait.quota != entry.meta.name:
                continue
            if left is None:
                self._wake(key)
            elif all(left.get(name, amount) >= amount for name, amount in wait.requested.items()):
                for name, amount in wait.requested.items():
                    left[name] = left.get(name, amount) - amount
                self._wake(key)


def room(quota: Obj) -> dict[str, Decimal]:
    """What is left of a quota, by resource: nothing while nobody has counted. What cannot be read is left out, and does not stand in the way."""
    status = quota.get("status") or {}
    used = status.get("used") or {}
    found: dict[str, Decimal] = {}
    for name, hard in ((quota.get("spec") or {}).get("hard") or {}).items():
        try:
            found[name] = parse(str(hard)) - parse(str(used.get(name, hard)))
        except ValueError:
            continue
    return found
