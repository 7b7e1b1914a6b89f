"""`SimulatedCluster`: an API server in memory that speaks the engine's `Api`, deterministic, with faults on demand and a log of every request.

It answers as kube-apiserver does in all that the syncer depends on; the contract suite (`tests/cluster/contract.py`) holds both to the same
expectations. What is left out: schemas (unknown fields of built-in kinds stay), authorisation, other patch types than JSON merge patches.

    cluster = SimulatedCluster(Side.HOST)
    cluster.put(NAMESPACES, {"metadata": {"name": "team-a"}})       # a third party, at once and without faults
    await cluster.create(PODS, "team-a", {...})                     # the engine's way
    cluster.before = lambda request: ...                            # may raise errors.*, or call what crashes the syncer
    [str(request) for request in cluster.log if request.is_write]   # the audit log
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeVar

from syncer.cluster.api import Change, Page
from syncer.cluster.wire import Entry, from_obj
from syncer.core.errors import ApiError, Unreachable, api_error
from syncer.core.objects import Resource, Side
from syncer.testing.apiserver.client import Client
from syncer.testing.apiserver.hands import Hands
from syncer.testing.apiserver.requests import BatchHook, Hook, Request
from syncer.testing.apiserver.server import Server
from syncer.testing.apiserver.store import Version
from syncer.testing.apiserver.trouble import Trouble
from syncer.testing.apiserver.watch import Stream, initial
from syncer.testing.virtualtime import EPOCH

T = TypeVar("T")
Obj = Mapping[str, Any]

SYNCER = "syncer"


class SimulatedCluster(Hands, Trouble):
    """One cluster. Its own `Api` methods act as the user `syncer`; `as_user` gives the same cluster under another name.

    `latency` is how long a request travels each way (a float, or a function of the request); `bookmark_every` the seconds between bookmarks
    on an idle watch; `watch_lifetime` the seconds after which the server closes a watch. `streamed_lists=False` is a server that refuses
    `initial` watches.
    """

    def __init__(
        self,
        side: Side = Side.HOST,
        *,
        name: str = "",
        service_cidrs: Sequence[str] = ("10.96.0.0/16",),
        service_accounts: bool = False,
        latency: float | Callable[[Request], float] = 0.0,
        bookmark_every: float | None = 60.0,
        watch_lifetime: float | None = None,
        streamed_lists: bool = True,
    ) -> None:
        super().__init__()
        self.side = side
        self.server = Server(name or side.value, self._wall, service_cidrs=service_cidrs, service_accounts=service_accounts)
        self.server.store.changed = self._wake
        self.latency = latency
        self.bookmark_every = bookmark_every
        self.watch_lifetime = watch_lifetime
        self.streamed_lists = streamed_lists
        self.before: Hook | None = None
        self.after: Hook | None = None
        self.on_batch: BatchHook | None = None
        self.log: list[Request] = []
        self._numbers = 0

    def as_user(self, user: str) -> Client:
        """The same cluster, seen by somebody else: requests, hooks and log carry that name."""
        return Client(self, user)

    # --- the Api

    async def serves(self, resource: Resource, *, user: str = SYNCER) -> bool:
        request = self.request(user, "discover", resource, "")
        return await self._send(request, lambda: (resource.group, resource.plural) not in self.server.unserved)

    async def get(self, resource: Resource, namespace: str, name: str, *, user: str = SYNCER) -> Entry:
        request = self.request(user, "get", resource, namespace, name)
        return await self._send(request, lambda: self.server.get(resource, namespace, name).entry)

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        name: str = "",
        limit: int = 500,
        continue_token: str = "",
        user: str = SYNCER,
    ) -> Page:
        request = self.request(user, "list", resource, namespace, options={"selector": label_selector, "name": name, "continue": continue_token})

        def act() -> Page:
            found = self.server.list(
                resource, namespace, selector=label_selector, name=name, limit=limit, token=continue_token, revision=self._frozen
            )
            return Page([version.entry for version in found.versions], str(found.revision), found.continue_token)

        return await self._send(request, act)

    async def create(self, resource: Resource, namespace: str, body: Obj, *, name: str = "", subresource: str = "", user: str = SYNCER) -> Entry:
        request = self.request(user, "create", resource, namespace, name, subresource, body)
        return await self._send(request, lambda: self.do_create(request, resource, body))

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Obj, *, subresource: str = "", user: str = SYNCER) -> Entry:
        request = self.request(user, "patch", resource, namespace, name, subresource, patch)
        return await self._send(request, lambda: _metadata_only(self.do_patch(request, resource, patch)))

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, grace: int | None = None, user: str = SYNCER) -> None:
        request = self.request(user, "delete", resource, namespace, name, options={"uid": uid, "grace": grace})
        await self._send(request, lambda: self.do_delete(request, resource, uid, grace))

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        name: str = "",
        resource_version: str = "",
        initial: bool = False,
        user: str = SYNCER,
    ) -> AsyncIterator[Sequence[Change]]:
        options = {"selector": label_selector, "name": name, "resource_version": resource_version, "initial": initial}
        request = self.request(user, "watch", resource, namespace, options=options)
        stream, first = await self._send(request, lambda: self._open(resource, namespace, label_selector, name, resource_version, initial))
        self._streams[request.number] = request, stream
        try:
            yield ()  # the server has accepted
            async for batch in self._batches(request, stream, first):
                yield batch
        finally:
            self._streams.pop(request.number, None)

    # --- the way of a request

    def request(
        self,
        user: str,
        verb: str,
        resource: Resource,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        body: Obj | None = None,
        options: Obj | None = None,
    ) -> Request:
        """A new entry of the log."""
        self._numbers += 1
        request = Request(
            number=self._numbers, time=self._now(), user=user, verb=verb, resource=resource.plural, namespace=namespace, name=name,
            subresource=subresource, body=body, options=options,
        )  # fmt: skip
        self.log.append(request)
        return request

    async def _send(self, request: Request, act: Callable[[], T]) -> T:
        """Travel, interference, effect, interference, travel. Between any two of them the caller may be cancelled."""
        await self._travel(request)
        await self._interfere(self.before, request)
        if self._down:
            raise Unreachable(f"{self.side} is down")
        try:
            result = act()
            request.outcome = "ok"
        except ApiError as error:
            request.outcome = error.reason
            await self._interfere(self.after, request)
            raise
        await self._interfere(self.after, request)
        await self._travel(request)
        return result

    async def _travel(self, request: Request) -> None:
        await asyncio.sleep(self.latency(request) if callable(self.latency) else self.latency)

    async def _interfere(self, hook: Hook | None, request: Request) -> None:
        if hook is None:
            return
        waiting = hook(request)
        if inspect.isawaitable(waiting):
            await waiting
        await asyncio.sleep(0)  # a hook that cancels its caller takes effect here, before the next step

    # --- watches

    def _open(
        self, resource: Resource, namespace: str, selector: str, name: str, resource_version: str, wants_initial: bool
    ) -> tuple[Stream, Sequence[Change]]:
        self.server.check_served(resource)
        store, key = self.server.store, (resource.group, resource.plural)
        if wants_initial and not self.streamed_lists:
            raise api_error(
                422, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature is on"
            )
        now = self._visible()
        if resource_version not in ("", "0") and not wants_initial:
            stream = Stream(store, key, namespace, selector, name, _version(resource_version))
            if stream.position < store.compacted:
                raise api_error(410, "Expired", f"too old resource version: {stream.position} ({store.compacted})")
            return stream, []
        if _version(resource_version or "0") > now:
            # kube-apiserver says 504 with this cause, which the transport reads as: list again.
            message = f"Too large resource version: {resource_version}, current: {now}"
            raise api_error(410, "Timeout", message, causes=(f"ResourceVersionTooLarge: {message}",))
        found = self.server.list(resource, namespace, selector=selector, name=name, revision=now)
        return Stream(store, key, namespace, selector, name, now), initial(found.versions, now)

    async def _batches(self, request: Request, stream: Stream, batch: Sequence[Change]) -> AsyncIterator[Sequence[Change]]:
        end = None if self.watch_lifetime is None else self._now() + self.watch_lifetime
        while True:
            if batch:
                for delivered in await self._tampered(request, batch):
                    yield delivered
            if stream.closed:
                if stream.ended is not None:
                    raise stream.ended
                return
            batch = [] if stream.held else stream.take(self._visible())
            if batch:
                continue
            left = None if end is None else end - self._now()
            if left is not None and left <= 0:
                return
            pauses = [seconds for seconds in (left, self.bookmark_every) if seconds is not None]
            changed = await stream.wait(min(pauses) if pauses else None)
            if not changed and not stream.held:
                batch = [*stream.take(self._visible()), Change("BOOKMARK", None, str(stream.position))]

    async def _tampered(self, request: Request, batch: Sequence[Change]) -> Sequence[Sequence[Change]]:
        if self.on_batch is None:
            return [batch]
        made = self.on_batch(request, batch)
        return await made if inspect.isawaitable(made) else made

    def _visible(self) -> int:
        return self.server.store.revision if self._frozen is None else self._frozen

    # --- clocks

    def _now(self) -> float:
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    def _wall(self) -> float:
        return EPOCH + self._now()


def _version(text: str) -> int:
    if not text.isdecimal():
        raise api_error(500, "", f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax')
    return int(text)


def _metadata_only(version: Version) -> Entry:
    return from_obj({"metadata": version.metadata})
