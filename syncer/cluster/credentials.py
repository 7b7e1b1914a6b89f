"""What opens the connections to one API server, kept fresh.

Tokens and certificates are renewed in place by others (the kubelet, cert-manager, an exec plugin), so the files they came from are looked at every
few seconds and read again when they have changed, and once at once when the server answers 401. What cannot be read again leaves the old
credentials in use: the server decides how long those are good.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from syncer.cluster.tls import BadMaterial, Material, context
from syncer.core.errors import StartupError, SyncerError

log = structlog.get_logger()

_LOOK_EVERY = 5.0
_AFTER_FAILURE = 30.0
_FORCED_EVERY = 5.0
_TOKEN = re.compile(r"(Bearer|Basic) [\x21-\x7e]{1,65536}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What a source read. `files` are watched; `renew_in` asks for another look even if no file changes."""

    server: str
    material: Material
    authorization: str = ""
    proxy: str | None = None
    files: tuple[Path, ...] = ()
    renew_in: float | None = None


class Source(Protocol):
    """Where credentials come from. `origin` names it in messages."""

    origin: str

    async def load(self, *, forced: bool = False) -> Loaded:
        """Reads everything again; `forced`: the server has just refused what was read before. Raises StartupError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a request needs. `tls` is the same object until the material changes; None for a server that speaks plain HTTP."""

    server: str
    tls: ssl.SSLContext | None
    server_name: str | None
    authorization: str
    proxy: str | None


class Credentials:
    """The login of one connection, read lazily and again when it has to be."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._clock = source, clock
        self._lock = asyncio.Lock()
        self._login: Login | None = None
        self._material: Material | None = None
        self._files: tuple[Path, ...] = ()
        self._print: tuple[object, ...] = ()
        self._look_at = 0.0
        self._renew_at = float("inf")
        self._forced_at = float("-inf")

    async def login(self) -> Login:
        """The present login; cheap unless it is time to look at the files. Raises StartupError only while there has never been one."""
        if self._login is not None and self._clock() < self._look_at:
            return self._login
        async with self._lock:
            now = self._clock()
            if self._login is None:
                return await self._load(now, forced=False)
            if now >= self._look_at:
                self._look_at = now + _LOOK_EVERY
                if now >= self._renew_at or _fingerprint(self._files) != self._print:
                    return await self._again(now, self._login, forced=False)
            return self._login

    async def refused(self, used: Login) -> bool:
        """The server answered 401 to `used`. Reads again, at most every few seconds; returns whether there is something else to try."""
        async with self._lock:
            now = self._clock()
            if self._login is None or self._login is not used:
                return True
            if now < self._forced_at + _FORCED_EVERY:
                return False
            self._forced_at = now
            fresh = await self._again(now, used, forced=True)
            return (fresh.authorization, fresh.tls) != (used.authorization, used.tls)

    async def _again(self, now: float, old: Login, *, forced: bool) -> Login:
        try:
            return await self._load(now, forced=forced)
        except SyncerError as error:
            log.warning("credentials_reload_failed", source=self._source.origin, error=str(error))
            self._look_at = now + _AFTER_FAILURE
            return old

    async def _load(self, now: float, *, forced: bool) -> Login:
        # The fingerprint is taken first: what changes while we read is read once more.
        before = _fingerprint(self._files)
        loaded = await self._source.load(forced=forced)
        if loaded.authorization and not _TOKEN.fullmatch(loaded.authorization):
            raise StartupError(f"{self._source.origin}: the token holds characters that no token has. Write it without line breaks and spaces.")
        secure = loaded.server.startswith("https:")
        tls = self._login.tls if self._login is not None else None
        if secure and (tls is None or loaded.material != self._material):
            tls = _context(self._source.origin, loaded.material)
        self._print = before if loaded.files == self._files else _fingerprint(loaded.files)
        self._material, self._files = loaded.material, loaded.files
        self._look_at = now + _LOOK_EVERY
        self._renew_at = float("inf") if loaded.renew_in is None else now + loaded.renew_in
        self._login = Login(
            server=loaded.server.rstrip("/"),
            tls=tls if secure else None,
            server_name=loaded.material.server_name,
            authorization=loaded.authorization,
            proxy=loaded.proxy,
        )
        return self._login


def _context(origin: str, material: Material) -> ssl.SSLContext:
    try:
        return context(material)
    except BadMaterial as error:
        raise StartupError(f"{origin}: {error}. Put the right PEM text there.") from error


def _fingerprint(files: Iterable[Path]) -> tuple[object, ...]:
    """What changes when a file does, also when a symbolic link on the way is swapped."""
    found: list[object] = []
    for file in files:
        try:
            status = os.stat(file)
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        except OSError:
            found.append(None)
    return tuple(found)
