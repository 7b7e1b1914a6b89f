"""HTTPS to one API server: bytes out, bytes in, every trap handled here.

The server may be hostile: redirects are not followed, nothing is unpacked, every answer has a cap and a deadline, cookies and proxies of the
environment do not exist. Watches have connections of their own, so that they never wait behind requests nor the other way round.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Any, NamedTuple

import aiohttp
from aiohttp import hdrs
from yarl import URL

from syncer.cluster import warnings
from syncer.cluster.api import TOO_LARGE
from syncer.cluster.connect import Connection
from syncer.cluster.credentials import Login
from syncer.cluster.failures import answer, unreachable
from syncer.core.errors import SyncerError, Throttled, Unauthorized, Unreachable, api_error

KIB, MIB = 1 << 10, 1 << 20
ANSWER_CAP = 16 * MIB
"""The largest object there can be takes about 8 MiB: a server writes each `<` of its 1.5 MiB in six bytes."""
Observe = Callable[[str, int, float], None]

_CONNECT = 5.0
_READ = 20.0
_KEEP_ALIVE = 10.0
_CONNECTIONS = 136
"""Room for the limiter's most, and some reads beside them."""
_TRIES = 3
_PATIENCE = 10.0
"""The longest Retry-After that is waited for here; beyond it the caller decides."""


class _Question(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    cap: int
    verb: str


class _Sessions:
    """The connections made with one TLS context. They drain when another one takes over."""

    def __init__(self, login: Login, agent: str, watch_silence: float) -> None:
        self.tls = login.tls
        self.requests = _session(login, agent, _CONNECTIONS, _READ, 64 * KIB)
        self.watches = _session(login, agent, 0, watch_silence, 64 * KIB)
        self._users = 0
        self._idle = asyncio.Event()

    def __enter__(self) -> _Sessions:
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if not self._users:
            self._idle.set()

    async def retire(self) -> None:
        """Closes as soon as nothing is under way on them."""
        while self._users:
            self._idle.clear()
            await self._idle.wait()
        await self.close()

    async def close(self) -> None:
        await self.requests.close()
        await self.watches.close()


def _session(login: Login, agent: str, limit: int, read: float, buffer: int) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(ssl=login.tls if login.tls is not None else True, limit=limit, keepalive_timeout=_KEEP_ALIVE)
    return aiohttp.ClientSession(
        connector=connector,
        headers={hdrs.USER_AGENT: agent, hdrs.ACCEPT_ENCODING: "identity"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=read),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=buffer,
        proxy=login.proxy,
    )


class Channel:
    """See the module docstring. Paths are complete and encoded: `/api/v1/pods?limit=500`."""

    def __init__(self, connection: Connection, *, agent: str, observe: Observe, rng: random.Random, watch_silence: float) -> None:
        self.connection = connection
        self._credentials = connection.credentials
        self._agent, self._observe, self._rng, self._watch_silence = agent, observe, rng, watch_silence
        self._sessions: _Sessions | None = None
        self._retiring: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        if self._sessions is not None:
            await self._sessions.close()
            self._sessions = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        deadline: float = 30.0,
        cap: int = ANSWER_CAP,
        verb: str = "",
    ) -> bytes:
        """The body of a success; everything else raises. Reads are tried again when that is likely to help; writes never are, because the
        caller has to look again before it knows whether the first one took effect. `verb` is what metrics call it, if not by its method."""
        headers: dict[str, str] = {hdrs.ACCEPT: accept}
        question = _Question(method, path, headers, body, cap, verb or method)
        if body is not None:
            headers[hdrs.CONTENT_TYPE] = content
        try:
            async with asyncio.timeout(deadline):
                if method != "GET":
                    return await self._with_login(question)
                return await self._read(question)
        except TimeoutError as error:
            raise Unreachable(f"{self._what(method, path)}: no complete answer within {deadline:g} s") from error

    async def _read(self, question: _Question) -> bytes:
        for left in reversed(range(_TRIES)):
            try:
                return await self._with_login(question)
            except Throttled as error:
                if not left or error.retry_after is None or error.retry_after > _PATIENCE:
                    raise
                pause = error.retry_after
            except Unreachable as error:
                if not left or not isinstance(error.__cause__, (aiohttp.ServerDisconnectedError, ConnectionResetError)):
                    raise
                pause = 0.1
            await asyncio.sleep(pause * self._rng.uniform(1.0, 1.5))
        raise AssertionError("unreachable")

    async def _with_login(self, question: _Question) -> bytes:
        login = await self._credentials.login()
        try:
            return await self._once(login, question)
        except Unauthorized:
            # A refused login means that nothing was done: also a write can be sent again, with what was renewed meanwhile.
            if not await self._credentials.refused(login):
                raise
        return await self._once(await self._credentials.login(), question)

    async def _once(self, login: Login, question: _Question) -> bytes:
        method, path, headers, body, cap, verb = question
        if login.authorization:
            headers[hdrs.AUTHORIZATION] = login.authorization
        code, begun = 0, perf_counter()
        try:
            with self._sessions_of(login) as sessions:
                response = await sessions.requests.request(method, _url(login, path), data=body, headers=headers, **_options(login))
                try:
                    code = response.status
                    received = await _body(response, cap)
                finally:
                    response.release()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise unreachable(error, self._what(method, path)) from error
        except _Refused as error:
            response.close()
            raise error.told(self._what(method, path)) from None
        finally:
            self._observe(verb, code, perf_counter() - begun)
        if not 200 <= code < 300:
            raise answer(code, response.headers, received, self._what(method, path))
        if hdrs.WARNING in response.headers:
            warnings.hear(response.headers.getall(hdrs.WARNING))
        return received

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of a watch, as it comes. Failures of reading it are for the caller, through `failed`."""
        login = await self._credentials.login()
        headers = {hdrs.AUTHORIZATION: login.authorization} if login.authorization else {}
        code, begun, response, what = 0, perf_counter(), None, self._what("WATCH", path)
        with self._sessions_of(login) as sessions:
            try:
                try:
                    response = await sessions.watches.request("GET", _url(login, path), headers=headers, **_options(login))
                    code = response.status
                    if not 200 <= code < 300:
                        async with asyncio.timeout(_READ):
                            raise answer(code, response.headers, await _body(response, ANSWER_CAP), what)
                    _check_encoding(response)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    raise unreachable(error, what) from error
                except _Refused as error:
                    raise error.told(what) from None
                except Unauthorized:
                    await self._credentials.refused(login)
                    raise
                finally:
                    self._observe("WATCH", code, perf_counter() - begun)
                yield response.content
            finally:
                if response is not None:
                    response.close()

    def failed(self, error: BaseException, path: str) -> Unreachable:
        """What a broken stream means."""
        return unreachable(error, self._what("WATCH", path))

    def _sessions_of(self, login: Login) -> _Sessions:
        present = self._sessions
        if present is None or present.tls is not login.tls:
            self._sessions = _Sessions(login, self._agent, self._watch_silence)
            if present is not None:
                task = asyncio.get_running_loop().create_task(present.retire())
                self._retiring.add(task)
                task.add_done_callback(self._retiring.discard)
            return self._sessions
        return present

    def _what(self, method: str, path: str) -> str:
        return f"{self.connection.side.value} {method} {path[:300]}"


class _Refused(Exception):
    """The answer is one that we do not take."""

    def told(self, what: str) -> SyncerError:
        return Unreachable(f"{what}: {self}")


class _TooLarge(_Refused):
    """It does not fit; a smaller question might have a smaller answer."""

    def told(self, what: str) -> SyncerError:
        return api_error(413, TOO_LARGE, str(self), what=what)


async def _body(response: aiohttp.ClientResponse, cap: int) -> bytes:
    """The whole body, if it stays below the cap."""
    _check_encoding(response)
    length = response.content_length
    if length is not None and length > cap:
        raise _TooLarge(f"an answer of {length} bytes is refused (the most is {cap})")
    if length is not None:
        return await response.content.read()
    pieces, size = [], 0
    while piece := await response.content.readany():
        size += len(piece)
        if size > cap:
            raise _TooLarge(f"an answer of more than {cap} bytes is refused")
        pieces.append(piece)
    return b"".join(pieces)


def _check_encoding(response: aiohttp.ClientResponse) -> None:
    encoding = response.headers.get(hdrs.CONTENT_ENCODING)
    if encoding is not None and encoding.lower() != "identity":
        raise _Refused(f"the answer is packed ({encoding[:50]!r}), which was not asked for")


def _url(login: Login, path: str) -> URL:
    return URL(login.server + path, encoded=True)


def _options(login: Login) -> Mapping[str, Any]:
    if login.server_name is None:
        return _PLAIN
    return {"allow_redirects": False, "server_hostname": login.server_name}


_PLAIN: Mapping[str, Any] = {"allow_redirects": False}
