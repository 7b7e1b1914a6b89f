"""The load and its observer: creates pods at full speed, and notes when each one is seen on the host and Running."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from syncer.cluster.api import Api
from syncer.cluster.wire import Entry
from syncer.core.errors import SyncerError
from syncer.core.objects import CONFIGMAPS, NAMESPACES, PODS, SECRETS, Resource

CREATORS = 16
WITH_CONFIG = 10
"""Every so many pods one has a ConfigMap and a Secret of its own."""


def objects(namespace: str, number: int, *, node: str | None = None, token: bool = False) -> list[tuple[Resource, dict[str, Any]]]:
    """One pod of the load, and what it uses, in the order of creation."""
    name = f"pod-{number:05d}"
    meta = {"name": name, "namespace": namespace, "labels": {"app": "bench", "number": str(number)}}
    container: dict[str, Any] = {
        "name": "main",
        "image": "example/app:1",
        "command": ["/bin/app", "--serve"],
        "env": [{"name": "MODE", "value": "bench"}, {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": token,
        "enableServiceLinks": False,
    }
    made: list[tuple[Resource, dict[str, Any]]] = []
    if number % WITH_CONFIG == 0:
        made.append((CONFIGMAPS, {"metadata": {"name": name, "namespace": namespace}, "data": {"key": "value" * 20}}))
        made.append((SECRETS, {"metadata": {"name": name, "namespace": namespace}, "type": "Opaque", "stringData": {"key": "value" * 20}}))
        container["envFrom"] = [{"configMapRef": {"name": name}}]
        spec["volumes"] = [{"name": "secret", "secret": {"secretName": name}}]
        container["volumeMounts"] = [{"name": "secret", "mountPath": "/etc/secret"}]
    made.append((PODS, {"metadata": meta, "spec": spec}))
    return made


@dataclass
class Times:
    """Seconds on one clock, by pod name."""

    created: dict[str, float] = field(default_factory=dict)
    on_host: dict[str, float] = field(default_factory=dict)
    running: dict[str, float] = field(default_factory=dict)

    def since_created(self, which: dict[str, float]) -> list[float]:
        return sorted(which[name] - self.created[name] for name in self.created if name in which)


async def namespace(api: Api, name: str) -> None:
    with suppress(SyncerError):
        await api.create(NAMESPACES, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


async def create_all(api: Api, where: str, numbers: Iterable[int], times: Times, *, token: bool = False) -> None:
    """Creates the pods of `numbers` with a fixed number of requests in flight."""
    waiting = iter(numbers)

    async def creator() -> None:
        for number in waiting:
            for resource, body in objects(where, number, token=token):
                body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
                if resource is PODS:
                    times.created[body["metadata"]["name"]] = time.monotonic()
                await api.create(resource, where, body)

    async with asyncio.TaskGroup() as group:
        for _ in range(CREATORS):
            group.create_task(creator())


async def observe(api: Api, where: str, seen: Callable[[str, Entry], None]) -> None:
    """Calls `seen(pod name, entry)` for every change of a pod in a namespace, until cancelled."""
    while True:
        with suppress(SyncerError):
            async for batch in api.watch(PODS, where, initial=True):
                for change in batch:
                    if change.entry is not None and change.type in ("ADDED", "MODIFIED"):
                        seen(change.entry.meta.name, change.entry)
        await asyncio.sleep(0.1)


def is_running(entry: Entry) -> bool:
    return b'"phase":"Running"' in (entry.status or b"")


def first(into: dict[str, float], when: Callable[[Entry], bool] = lambda entry: True) -> Callable[[str, Entry], None]:
    """A `seen` that notes the first time at which `when` holds."""

    def seen(name: str, entry: Entry) -> None:
        if name not in into and when(entry):
            into[name] = time.monotonic()

    return seen


async def until(what: str, done: Callable[[], bool], within: float) -> None:
    """Waits, or says what it waited for in vain."""
    deadline = time.monotonic() + within
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {within:.0f} s in vain for: {what}")
        await asyncio.sleep(0.02)
