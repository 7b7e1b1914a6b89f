"""Where the syncer's CPU time goes, room by room: a burst under the deterministic profiler, which inflates small functions; read shares."""

from __future__ import annotations

import pstats
from pathlib import Path

_ROOMS: tuple[tuple[str, str], ...] = (
    ("/translators/", "translators"),
    ("/syncer/policy/", "syncer/policy"),
    ("/syncer/core/", "syncer/core"),
    ("/syncer/engine/", "syncer/engine"),
    ("/syncer/cluster/", "syncer/cluster"),
    ("/syncer/observe/", "syncer/observe"),
    ("/syncer/", "syncer, rest"),
    ("/aiohttp/", "aiohttp (HTTP client)"),
    ("/multidict/", "aiohttp (HTTP client)"),
    ("/yarl/", "aiohttp (HTTP client)"),
    ("/asyncio/", "asyncio"),
    ("/anyio/", "asyncio"),
    ("ssl", "TLS"),
    ("_SSL", "TLS"),
    ("msgspec", "JSON (msgspec)"),
)
_WAITING = ("runners.py", "run_until_complete", "select.epoll")


def shares(path: Path) -> dict[str, float]:
    """Room → share of the time spent in functions, waiting for events left out."""
    spent: dict[str, float] = {}
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(str(path)).stats.items():  # type: ignore[attr-defined]
        where = f"{file} {name}"
        if any(word in where for word in _WAITING) or "/importlib" in where or "importlib._bootstrap" in where:
            continue
        room = next((room for mark, room in _ROOMS if mark in where), "Python and libraries, rest")
        spent[room] = spent.get(room, 0.0) + own
    total = sum(spent.values()) or 1.0
    return {room: round(seconds / total, 3) for room, seconds in sorted(spent.items(), key=lambda item: -item[1])}
