"""Events on tenant objects: what a tenant is told about an object that does not sync, or not whole.

Each text is told once per object for as long as it holds. The event's name is a digest of what it says, so that a restart cannot tell it a second
time within the life of the first one. Events are a courtesy: one that cannot be written is logged and forgotten.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from syncer.cluster.api import Api
from syncer.core import actions
from syncer.core.errors import AlreadyExists, SyncerError
from syncer.core.names import digest
from syncer.core.objects import EVENTS, Ref
from syncer.core.stamp import MANAGED_BY, MANAGER

log = structlog.get_logger()
_REMEMBERED = 8192
_BURST = 25.0
_PER_SECOND = 5.0
_MESSAGE_LIMIT = 1000
Subject = tuple[Ref, str, str, str]
"""(ref, kind, apiVersion, uid) of the tenant object an event is about."""


class Recorder:
    """Writes events to the tenant from a queue of its own, at a limited rate, so that no storm of bad objects delays the rest."""

    def __init__(self, tenant: Api, *, wall_clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._api = tenant
        self._clock = wall_clock
        self._told: OrderedDict[str, None] = OrderedDict()
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=1000)

    def tell(self, subject: Subject, event: actions.Event) -> None:
        """Say it, unless it was said already."""
        ref, kind, api_version, uid = subject
        name = f"{ref.name[:200]}.{digest(uid, event.reason, event.message, length=16)}"
        if name in self._told:
            self._told.move_to_end(name)
            return
        self._told[name] = None
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        body = self._body(name, ref, kind, api_version, uid, event)
        try:
            self._queue.put_nowait(body)
        except asyncio.QueueFull:
            self._told.pop(name, None)
            log.warning("event_dropped", reason=event.reason, key=str(ref))

    def _body(self, name: str, ref: Ref, kind: str, api_version: str, uid: str, event: actions.Event) -> dict[str, Any]:
        now = self._clock().strftime("%Y-%m-%dT%H:%M:%SZ")
        namespace = ref.namespace or "default"
        involved = {"kind": kind, "apiVersion": api_version, "name": ref.name, "uid": uid}
        if ref.namespace:
            involved["namespace"] = ref.namespace
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace, "labels": {MANAGED_BY: MANAGER}},
            "involvedObject": involved,
            "reason": event.reason,
            "message": event.message[:_MESSAGE_LIMIT],
            "type": event.type,
            "source": {"component": MANAGER},
            "reportingComponent": MANAGER,
            "reportingInstance": MANAGER,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }

    async def run(self) -> None:
        """Writes what was told; for ever."""
        loop = asyncio.get_running_loop()
        tokens, last = _BURST, loop.time()
        while True:
            body = await self._queue.get()
            now = loop.time()
            tokens, last = min(_BURST, tokens + (now - last) * _PER_SECOND), now
            if tokens < 1:
                await asyncio.sleep((1 - tokens) / _PER_SECOND)
            tokens -= 1
            try:
                await self._api.create(EVENTS, body["metadata"]["namespace"], body)
            except AlreadyExists:
                pass
            except SyncerError as error:
                log.info("event_not_written", reason=body["reason"], error=str(error)[:200])

    @property
    def pending(self) -> int:
        return self._queue.qsize()
