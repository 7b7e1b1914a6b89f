"""The second benchmark: thousands of ConfigMaps and Secrets of which a few are used. Memory and CPU should follow those few."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from syncer.cluster.transport import Transport
from syncer.core.objects import CONFIGMAPS, PODS, SECRETS, Resource
from tools.bench import load
from tools.bench.process import cpu_seconds, rss_bytes
from tools.demo.stage import Syncer

WHERE = "content"
SIZE = 4096
_SETTLE = 15.0
_WITHIN = 300.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The process at one moment."""

    rss: int
    cpu: float


def reading(running: Syncer) -> Reading:
    return Reading(rss_bytes(running.process.pid), cpu_seconds(running.process.pid))


async def measure(tenant: Transport, running: Syncer, *, objects: int, used: int) -> dict[str, Any]:
    """`objects` of 4 KB, half ConfigMaps and half Secrets, of which pods then use `used`."""
    await load.namespace(tenant, WHERE)
    await asyncio.sleep(_SETTLE)
    idle = reading(running)
    await _create(tenant, objects)
    await asyncio.sleep(_SETTLE)
    there = reading(running)
    await _use(tenant, used)
    await asyncio.sleep(_SETTLE)
    in_use = reading(running)
    return {
        "objects": objects,
        "bytes_each": SIZE,
        "used": used,
        "idle_rss_bytes": idle.rss,
        "bytes_per_unused": round((there.rss - idle.rss) / objects),
        "cpu_ms_per_unused": round((there.cpu - idle.cpu) / objects * 1000, 3),
        "bytes_per_user": round((in_use.rss - there.rss) / used),
        "cpu_ms_per_user": round((in_use.cpu - there.cpu) / used * 1000, 3),
        "rss_bytes": in_use.rss,
    }


async def _create(tenant: Transport, objects: int) -> None:
    waiting = iter(range(objects))
    rng = random.Random(1)

    async def creator() -> None:
        for number in waiting:
            resource, field = _kind(number)
            text = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=SIZE))
            await tenant.create(resource, WHERE, {"metadata": {"name": f"it-{number:05d}"}, field: {"key": text}})

    async with asyncio.TaskGroup() as group:
        for _ in range(load.CREATORS):
            group.create_task(creator())


def _kind(number: int) -> tuple[Resource, str]:
    return (CONFIGMAPS, "data") if number % 2 == 0 else (SECRETS, "stringData")


async def _use(tenant: Transport, used: int) -> None:
    """One pod for each, bound already, so that no scheduler is part of it."""
    seen: dict[str, float] = {}
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(load.observe(tenant, WHERE, load.first(seen, load.is_running)))
        for number in range(used):
            name = f"it-{number:05d}"
            source = {"configMapRef": {"name": name}} if _kind(number)[0] is CONFIGMAPS else {"secretRef": {"name": name}}
            container = {"name": "main", "image": "example/app:1", "envFrom": [source]}
            spec = {"containers": [container], "nodeName": f"node-{number % 10}", "automountServiceAccountToken": False, "enableServiceLinks": False}
            await tenant.create(PODS, WHERE, {"metadata": {"name": name}, "spec": spec})
        await load.until("all users Running", lambda: len(seen) >= used, _WITHIN)
        watching.cancel()
