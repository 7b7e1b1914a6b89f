"""An `Api` that answers lists and watches from a script, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from syncer.cluster.api import Change, Page
from syncer.cluster.wire import BadObject, Entry, Meta
from syncer.core.objects import Resource, Side

HANG = float("inf")
Step = Sequence[Change] | Exception | float
"""A batch to yield, an error to raise, or seconds to wait."""


class ScriptedApi:
    """Each watch plays the next script of `watches` (the last one again and again), each list the next of `lists`.

    A list of one item is a probe for the server's `version` and takes nothing from the script.
    """

    def __init__(self, *watches: Sequence[Step], lists: Sequence[Page | Exception] = (), version: int = 10**9) -> None:
        self.side = Side.TENANT
        self._version = version
        self._watches, self._lists = list(watches) or [[HANG]], list(lists)
        self.calls: list[tuple[float, str, dict[str, Any]]] = []
        self.open = 0

    def _called(self, what: str, arguments: dict[str, Any]) -> None:
        self.calls.append((asyncio.get_running_loop().time(), what, arguments))

    def times(self, what: str) -> list[float]:
        return [time for time, called, _ in self.calls if called == what]

    def resumed_from(self) -> list[str]:
        """The version of each watch."""
        return [str(arguments["resource_version"]) for _, what, arguments in self.calls if what == "watch"]

    def kinds(self) -> list[str]:
        return [what for _, what, _ in self.calls]

    async def list(self, resource: Resource, namespace: str = "", **arguments: Any) -> Page:
        if arguments.get("limit") == 1:
            self._called("probe", arguments)
            return page([], self._version)
        self._called("list", arguments)
        answer = (self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]) if self._lists else page([], 1)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(self, resource: Resource, namespace: str = "", **arguments: Any) -> AsyncIterator[Sequence[Change]]:
        self._called("watch", arguments)
        script = self._watches.pop(0) if len(self._watches) > 1 else self._watches[0]
        self.open += 1
        try:
            for step in script:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.open -= 1

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a reflector never calls {name}")


def entry(name: str, version: int = 1, uid: str = "", **more: Any) -> Entry:
    meta = Meta(name=name, namespace="apps", uid=uid or f"uid-{name}", resourceVersion=str(version), labels=more.pop("labels", None))
    return Entry(meta, **more)


def page(entries: Sequence[Entry], version: int, token: str = "", bad: Sequence[BadObject] = ()) -> Page:
    return Page(entries, str(version), token, bad)


def added(name: str, version: int, uid: str = "", **more: Any) -> Change:
    return Change("ADDED", entry(name, version, uid, **more), str(version))


def modified(name: str, version: int, uid: str = "", **more: Any) -> Change:
    return Change("MODIFIED", entry(name, version, uid, **more), str(version))


def deleted(name: str, version: int) -> Change:
    return Change("DELETED", entry(name, version), str(version))


def mark(version: int) -> Change:
    return Change("BOOKMARK", None, str(version))


def end(version: int) -> Change:
    return Change("BOOKMARK", None, str(version), True)


def bad(name: str = "") -> Change:
    return Change("BAD", None, "", bad=BadObject("cannot be read", "apps" if name else "", name))
