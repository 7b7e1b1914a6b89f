"""`Api` over HTTPS."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import metadata
from time import perf_counter
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp
import anyio

from syncer.cluster.api import Change, Page
from syncer.cluster.channel import MIB, Channel, Observe
from syncer.cluster.connect import Connection
from syncer.cluster.failures import at_start
from syncer.cluster.limiter import Limiter
from syncer.cluster.lines import Decoder, Lines, bad_change
from syncer.cluster.pages import read_page
from syncer.cluster.wire import BadObject, Entry, Expected, check, decode_any, decode_entry, encode
from syncer.core.errors import ApiError, Invalid, LeadershipLost, NotFound, SyncerError, Throttled, api_error
from syncer.core.objects import LEASES, Resource, Side

_CLOSING = 2.0
_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
_REVIEWS = frozenset({"authentication.k8s.io", "authorization.k8s.io"})
_LIST_DEADLINE = 60.0
_PAGE_CAP, _LINE_CAP = 64 * MIB, 16 * MIB
_WATCH_SILENCE = 110.0
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _ignore(method: str, code: int, seconds: float) -> None:
    pass


class Transport:
    """One API server. `may_write` is asked directly before each write, except for Leases, by which it is decided."""

    def __init__(
        self, connection: Connection, *, observe: Observe = _ignore, rng: random.Random | None = None, watch_silence: float = _WATCH_SILENCE
    ) -> None:
        self.side: Side = connection.side
        self.connection = connection
        self.may_write: Callable[[], bool] = lambda: True
        self.limiter = Limiter()
        self._rng = rng or random.Random()
        self._channel = Channel(connection, agent=f"kled-syncer/{_version()}", observe=observe, rng=self._rng, watch_silence=watch_silence)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with anyio.move_on_after(_CLOSING, shield=True):  # also when the process is being cancelled
            await self._channel.close()

    async def check(self) -> str:
        """The server's version. Raises StartupError, in words for whoever starts the process, if it does not answer or does not know us."""
        try:
            version = await self.call("GET", "/version")
        except SyncerError as error:
            raise at_start(error, self.connection) from error
        return str(version.get("gitVersion", "")) if isinstance(version, dict) else ""

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Plain JSON to and from any path: discovery, versions, reviews. Not limited, not fenced: never for objects."""
        raw = await self._channel.request(method, path, body=None if body is None else encode(body))
        try:
            return decode_any(raw)
        except (ValueError, RecursionError) as error:
            raise self._unreadable(method, path, error) from error

    # --- reads

    async def serves(self, resource: Resource) -> bool:
        path = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
        try:
            found = await self.call("GET", path)
        except NotFound:
            return False
        listed = found.get("resources") if isinstance(found, dict) else None
        return isinstance(listed, list) and any(isinstance(one, dict) and one.get("name") == resource.plural for one in listed)

    async def get(self, resource: Resource, namespace: str, name: str) -> Entry:
        path = _path(resource, namespace, name)
        raw = await self._channel.request("GET", path)
        entry = self._entry("GET", path, raw, Expected.of(resource))
        if entry.meta.name != name or entry.meta.namespace != (namespace if resource.namespaced else ""):
            raise self._unreadable("GET", path, BadObject("an object of another name came back"))
        return entry

    async def list(
        self, resource: Resource, namespace: str = "", *, label_selector: str = "", name: str = "", limit: int = 500, continue_token: str = ""
    ) -> Page:
        query = {"limit": str(limit), **_selection(label_selector, name)}
        if continue_token:
            query["continue"] = continue_token
        path = f"{_path(resource, namespace)}?{urlencode(query)}"
        raw = await self._channel.request("GET", path, deadline=_LIST_DEADLINE, cap=_PAGE_CAP, verb="LIST")
        try:
            return await read_page(raw, Expected.of(resource), namespace)
        except BadObject as error:
            raise self._unreadable("GET", path, error) from error

    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        name: str = "",
        resource_version: str = "",
        initial: bool = False,
    ) -> AsyncIterator[Sequence[Change]]:
        query = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": str(self._rng.randint(240, 480)), **_selection(label_selector, name)}
        if initial:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        elif resource_version:
            query["resourceVersion"] = resource_version
        path = f"{_path(resource, namespace)}?{urlencode(query)}"
        decoder = Decoder(Expected.of(resource), namespace, f"{self.side.value} WATCH {path}")
        lines = Lines(_LINE_CAP)
        async with self._channel.stream(path) as content:
            yield ()
            while chunk := await self._chunk(content, path):
                complete = lines.feed(chunk)
                if lines.skipped:
                    reason = f"{lines.take_skipped()} watch events of more than {_LINE_CAP} bytes were skipped"
                    yield (bad_change(BadObject(reason)),)
                for batch in decoder.batches(complete):
                    if batch.changes:
                        yield batch.changes
                    if batch.error is not None:
                        raise batch.error

    async def _chunk(self, content: aiohttp.StreamReader, path: str) -> bytes:
        try:
            return await content.readany()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._channel.failed(error, path) from error

    # --- writes

    async def create(self, resource: Resource, namespace: str, body: Mapping[str, Any], *, name: str = "", subresource: str = "") -> Entry:
        path = _path(resource, namespace, name if subresource else "", subresource)
        if not subresource and "kind" not in body:
            body = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        # What is asked or answered by a subresource or a review is in its status; of an object only the metadata matters.
        whole = subresource or resource.group in _REVIEWS
        raw = await self._write("POST", path, body, resource, accept=_JSON if whole else _METADATA, voluntary=subresource == "eviction")
        return self._entry("POST", path, raw)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any], *, subresource: str = "") -> Entry:
        path = _path(resource, namespace, name, subresource)
        try:
            raw = await self._write("PATCH", path, patch, resource, content=_MERGE_PATCH)
        except Invalid as error:
            # To a patch with the uid of another object the server says that a uid cannot be changed.
            if "uid" in patch.get("metadata", ()) and any("metadata.uid" in cause for cause in error.causes):
                raise api_error(409, "Conflict", error.message, what=error.what, causes=error.causes) from error
            raise
        return self._entry("PATCH", path, raw)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, grace: int | None = None) -> None:
        if not uid:
            raise ValueError("a delete needs a uid")
        options: dict[str, Any] = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        await self._write("DELETE", _path(resource, namespace, name), options, resource)

    async def _write(
        self, method: str, path: str, body: Any, resource: Resource, *, content: str = _JSON, accept: str = _METADATA, voluntary: bool = False
    ) -> bytes:
        """`voluntary`: a 429 is an answer (a disruption budget says no) and no sign of overload."""
        encoded = encode(body)
        if resource is LEASES or resource == LEASES:
            return await self._channel.request(method, path, body=encoded, content=content, accept=accept, deadline=8.0)
        limiter = self.limiter
        await limiter.enter()
        took, begun = None, perf_counter()
        try:
            if not self.may_write():
                raise LeadershipLost(f"{self.side.value} {method} {path} was not sent: the time to write is over")
            begun = perf_counter()
            received = await self._channel.request(method, path, body=encoded, content=content, accept=accept)
            took = perf_counter() - begun
            return received
        except Throttled as error:
            if not voluntary:
                limiter.throttled(error.retry_after)
            raise
        except ApiError:
            took = perf_counter() - begun
            raise
        finally:
            limiter.leave(took)

    # --- answers

    def _entry(self, method: str, path: str, raw: bytes, expected: Expected | None = None) -> Entry:
        try:
            entry = decode_entry(raw, expected)
            if expected is not None:
                check(entry)
            return entry
        except BadObject as error:
            raise self._unreadable(method, path, error) from error

    def _unreadable(self, method: str, path: str, error: Exception) -> ApiError:
        return api_error(200, "Unreadable", f"the answer cannot be read: {str(error)[:300]}", what=f"{self.side.value} {method} {path}")


def _version() -> str:
    try:
        return metadata.version("kled")
    except metadata.PackageNotFoundError:
        return "unknown"


def _selection(label_selector: str, name: str) -> dict[str, str]:
    found = {"labelSelector": label_selector, "fieldSelector": f"metadata.name={name}" if name else ""}
    return {key: value for key, value in found.items() if value}


def _path(resource: Resource, namespace: str, name: str = "", subresource: str = "") -> str:
    return resource.path(namespace and _segment(namespace), name and _segment(name), subresource)


def _segment(text: str) -> str:
    """One step of a path. Names of some kinds hold colons and worse; none may lead elsewhere."""
    if _PLAIN.fullmatch(text):
        return text
    if text in (".", ".."):
        raise Invalid(400, "BadRequest", "a name of dots only is none")
    return quote(text, safe="")
