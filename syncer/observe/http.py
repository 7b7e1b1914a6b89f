"""Serves `/metrics`, `/livez` (`/healthz`) and `/readyz`.

A server for four short answers: GET and HEAD, one request per connection, everything limited (length of the request, time for it, connections at
once). When all places are taken the connection that has been idle longest goes, so that a crowd of slow clients cannot keep a probe out.
A web framework would do the same for two more megabytes in every syncer.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Callable
from typing import NamedTuple

import anyio
import anyio.abc
import structlog
from anyio.streams.stapled import MultiListener

from syncer.core.errors import StartupError
from syncer.observe.health import Health, Report
from syncer.observe.metrics import Metrics

log = structlog.get_logger()
_LINE_LIMIT = 4 * 1024
_HEAD_LIMIT = 16 * 1024
_DEADLINE = 5.0
_CONNECTIONS = 64
_FRESH = 0.25
_READ_OFF = 32
_REQUEST_LINE = re.compile(rb"([A-Z]{1,16}) (/[\x21-\x7e]*) HTTP/1\.[01]")
_HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\x20-\x7e\x80-\xff\t]*")
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 414: "URI Too Long", 431: "Request Header Fields Too Large"}
_TEXT = "text/plain; charset=utf-8"
_EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"


Listener = MultiListener[anyio.abc.SocketStream]


class Answer(NamedTuple):
    code: int
    body: bytes
    type: str = _TEXT


class BadRequest(Exception):
    """The request is not one we read; `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def serve(
    address: str | tuple[str, int] | None,
    metrics: Metrics,
    health: Health,
    *,
    task_status: anyio.abc.TaskStatus[str] = anyio.TASK_STATUS_IGNORED,
    deadline: float = _DEADLINE,
    connections: int = _CONNECTIONS,
) -> None:
    """Serves until cancelled; `started` carries the address as `host:port`, with the real port if 0 was asked for.

    Without an address nothing is served and the call returns. Raises StartupError.
    """
    if not address:
        task_status.started("")
        return
    host, port = parsed(address) if isinstance(address, str) else address
    listener = await _listen(host, port)
    pages = Pages(metrics, health, anyio.current_time)
    door = Door(pages, deadline, connections)
    async with listener:
        bound = _bound(listener, host)
        log.info("serving_began", address=bound)
        task_status.started(bound)
        await listener.serve(door.handle)


def parsed(address: str) -> tuple[str, int]:
    """`host:port`, `[ipv6]:port` or `:port`."""
    host, colon, port = address.strip().rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not port.isascii() or not port.isdecimal() or int(port) > 65535 or (":" in bare and bare == host):
        raise StartupError(f"{address!r} is no address to serve metrics on. Write HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or :8080.")
    return bare, int(port)


async def _listen(host: str, port: int) -> Listener:
    try:
        return await anyio.create_tcp_listener(local_host=host or None, local_port=port, backlog=128)
    except (OSError, ExceptionGroup) as error:
        raise StartupError(f"cannot serve metrics on {_shown(host, port)}: {_why(error, port)}") from error


def _why(error: OSError | ExceptionGroup[Exception], port: int) -> str:
    """The reason and what to do."""
    first = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
    if isinstance(first, socket.gaierror):
        return "the host name cannot be resolved. Give an address of this machine, or leave the host out to serve on all of them."
    code = first.errno if isinstance(first, OSError) else None
    if code == errno.EADDRINUSE:
        return "the address is in use. Stop what listens there, or give another --metrics-address (port 0 takes a free one)."
    if code == errno.EADDRNOTAVAIL:
        return "this machine has no such address. Give one it has, or leave the host out to serve on all of them."
    if code in (errno.EACCES, errno.EPERM):
        return f"port {port} is not allowed for this user. Give one above 1023."
    return f"{first}. Give another --metrics-address."


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bound(listener: Listener, host: str) -> str:
    local = listener.extra(anyio.abc.SocketAttribute.local_address)
    port = int(local[1])
    named = host or str(ipaddress.ip_address(str(local[0]).split("%")[0]))
    return _shown(named, port)


class Door:
    """Who is inside, and for how long."""

    def __init__(self, pages: Pages, deadline: float, connections: int) -> None:
        self._pages, self._deadline, self._most = pages, deadline, connections
        self._inside: dict[int, anyio.CancelScope] = {}

    async def handle(self, stream: anyio.abc.SocketStream) -> None:
        """One connection: one request, one answer. Nothing a client does may come out of here."""
        if len(self._inside) >= self._most:
            self._inside.pop(next(iter(self._inside))).cancel()
        scope = anyio.CancelScope(deadline=anyio.current_time() + self._deadline)
        self._inside[id(scope)] = scope
        try:
            with scope:
                await self._answer(stream)
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream):
            pass
        except Exception as error:
            log.error("request_failed", exc_info=error)
        finally:
            self._inside.pop(id(scope), None)
            await anyio.aclose_forcefully(stream)

    async def _answer(self, stream: anyio.abc.SocketStream) -> None:
        method = b"GET"
        try:
            method, target = _read_head(await _receive_head(stream))
            answer = self._pages.answer(method, target)
        except BadRequest as bad:
            answer = Answer(bad.code, _REASONS[bad.code].encode() + b"\n")
        await stream.send(_encoded(answer, body=method != b"HEAD"))
        await stream.send_eof()
        await _read_off(stream)


async def _receive_head(stream: anyio.abc.SocketStream) -> bytes:
    """Everything up to the empty line, which ends the request: the methods we answer have no body."""
    head = bytearray()
    while (end := head.find(b"\r\n\r\n")) < 0:
        if len(head) > _HEAD_LIMIT:
            raise BadRequest(431)
        if len(head) > _LINE_LIMIT and b"\r\n" not in head:
            raise BadRequest(414)
        head += await stream.receive(4096)
    return bytes(head[:end])


async def _read_off(stream: anyio.abc.SocketStream) -> None:
    """Waits for the client to close, so that what it still sends does not make the system throw our answer away."""
    for _ in range(_READ_OFF):
        await stream.receive(4096)


def _read_head(head: bytes) -> tuple[bytes, str]:
    """Method and target. Strict: what is not plainly an HTTP/1 request is refused."""
    first, *headers = head.split(b"\r\n")
    if len(first) > _LINE_LIMIT:
        raise BadRequest(414)
    line = _REQUEST_LINE.fullmatch(first)
    if line is None or not all(map(_HEADER.fullmatch, headers)):
        raise BadRequest(400)
    return line[1], line[2].decode("ascii")


def _encoded(answer: Answer, *, body: bool) -> bytes:
    reason = _REASONS.get(answer.code, "Service Unavailable")
    head = (
        f"HTTP/1.1 {answer.code} {reason}\r\nContent-Type: {answer.type}\r\nContent-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
    )
    if answer.code == 405:
        head += "Allow: GET, HEAD\r\n"
    return head.encode("ascii") + b"\r\n" + (answer.body if body else b"")


class Pages:
    """What is behind each path. A scrape is kept for a moment, so that asking often costs little."""

    def __init__(self, metrics: Metrics, health: Health, now: Callable[[], float]) -> None:
        self._metrics, self._health, self._now = metrics, health, now
        self._scraped = float("-inf")
        self._exposition = b""

    def answer(self, method: bytes, target: str) -> Answer:
        path, _, query = target.partition("?")
        verbose = any(part.partition("=")[0] == "verbose" for part in query.split("&"))
        match path:
            case "/metrics" | "/livez" | "/healthz" | "/readyz" if method not in (b"GET", b"HEAD"):
                raise BadRequest(405)
            case "/metrics":
                return Answer(200, self._scrape(), _EXPOSITION)
            case "/livez" | "/healthz":
                return _page(path[1:], self._health.livez(), verbose)
            case "/readyz":
                return _page("readyz", self._health.readyz(), verbose)
        raise BadRequest(404)

    def _scrape(self) -> bytes:
        if self._now() - self._scraped >= _FRESH:
            self._exposition = self._metrics.text()
            self._scraped = self._now()
        return self._exposition


def _page(name: str, report: Report, verbose: bool) -> Answer:
    """`ok`, or each thing that is missing on a line of its own."""
    lines = list(report.failing) or ["ok"]
    if verbose:
        lines = [*report.lines, f"{name} check {'passed' if report.ok else 'failed'}"]
    return Answer(200 if report.ok else 503, "\n".join(lines).encode() + b"\n")
