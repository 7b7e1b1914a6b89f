"""An HTTP server that does what a test says, byte by byte: well-behaved API servers, broken ones and hostile ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from syncer.cluster.connect import Connection
from syncer.cluster.credentials import Credentials, Loaded
from syncer.cluster.tls import Material
from syncer.core.objects import Side


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Out:
    """The way back to the client."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer

    async def answer(self, status: int, body: Any = b"", **headers: str) -> None:
        """A whole answer; what is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.head(status, Content_Length=str(len(content)), **headers)
        self.writer.write(content)
        await self.writer.drain()

    async def head(self, status: int, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Something", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        await self.writer.drain()

    async def stream(self, *lines: Any, end: bool = True) -> None:
        """A watch: each line as a chunk of its own."""
        await self.head(200, Transfer_Encoding="chunked", Content_Type="application/json")
        for line in lines:
            await self.chunk(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
        if end:
            await self.chunk(b"")

    async def chunk(self, data: bytes) -> None:
        self.writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self.writer.drain()

    def cut(self) -> None:
        """The connection breaks."""
        self.writer.transport.abort()


Handler = Callable[[Request, Out], Awaitable[None]]


class Scripted:
    """`async with Scripted(handler) as server:`; `requests` are those it got, in order."""

    def __init__(self, handler: Handler, ssl: Any = None) -> None:
        self._handler, self._ssl = handler, ssl
        self.requests: list[Request] = []
        self._clients: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._ssl)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._ssl else 'http'}://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                headers = {}
                while (line := await reader.readline()) not in (b"\r\n", b""):
                    name, _, value = line.decode().partition(":")
                    headers[name.strip().lower()] = value.strip()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(method, path, headers, body)
                self.requests.append(request)
                await self._handler(request, Out(writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._clients.discard(writer)
            writer.close()


@dataclass
class FixedSource:
    """Credentials that a test can change."""

    server: str
    authorization: str = "Bearer first"
    material: Material = field(default_factory=Material)
    origin: str = "a test"
    loads: int = 0
    renewed: str = ""
    """What a forced load finds."""

    async def load(self, *, forced: bool = False) -> Loaded:
        self.loads += 1
        if forced and self.renewed:
            self.authorization = self.renewed
        return Loaded(server=self.server, material=self.material, authorization=self.authorization)


def connection_to(source: FixedSource, side: Side = Side.TENANT) -> Connection:
    return Connection(side=side, origin=source.origin, server=source.server, credentials=Credentials(source))


def configmap(name: str = "a", version: int = 1, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "apps", "uid": f"uid-{name}", "resourceVersion": str(version), **more}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": {"key": "value"}}


def event(kind: str, obj: Any) -> dict[str, Any]:
    return {"type": kind, "object": obj}


def bookmark(version: int, *, initial_end: bool = False) -> dict[str, Any]:
    annotations = {"k8s.io/initial-events-end": "true"} if initial_end else {}
    return event("BOOKMARK", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"resourceVersion": str(version), "annotations": annotations}})


def status(code: int, reason: str, message: str = "no", **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message, "details": details}
