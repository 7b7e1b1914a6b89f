"""Trouble on demand: what a test does to a whole simulated server, as against single requests."""

from __future__ import annotations

from syncer.core.errors import Unreachable
from syncer.core.objects import Resource, Side
from syncer.testing.apiserver.requests import Request
from syncer.testing.apiserver.server import Server
from syncer.testing.apiserver.store import Snapshot
from syncer.testing.apiserver.watch import Stream


class Trouble:
    """The part of `SimulatedCluster` that goes wrong."""

    side: Side
    server: Server

    def __init__(self) -> None:
        self._down = False
        self._frozen: int | None = None
        self._streams: dict[int, tuple[Request, Stream]] = {}

    @property
    def down(self) -> bool:
        """While True every request is Unreachable; setting it breaks all watches."""
        return self._down

    @down.setter
    def down(self, value: bool) -> None:
        self._down = value
        if value:
            self.cut_watches(Unreachable(f"{self.side} is down"))

    def cut_watches(self, error: Exception | None = None, *, plural: str = "") -> None:
        """End all open watches (of one kind): in good order, or with `error`."""
        for request, stream in list(self._streams.values()):
            if plural in ("", request.resource):
                stream.close(error)

    def hold_watches(self, *, plural: str = "") -> None:
        """Open watches (of one kind) stay open and silent until `release_watches`, which delivers what they missed."""
        for request, stream in self._streams.values():
            if plural in ("", request.resource):
                stream.held = True

    def release_watches(self) -> None:
        for _, stream in self._streams.values():
            stream.held = False
        self._wake()

    def freeze(self) -> None:
        """Lists and watches show the present state from now on, whatever is written: a server with an old cache. Reads of single objects
        see the truth."""
        self._frozen = self.server.store.revision

    def thaw(self) -> None:
        self._frozen = None
        self._wake()

    def compact(self) -> None:
        """Forget the past: watches from before now answer 410, and so do continue tokens."""
        self.server.store.compact()
        self._wake()

    def unserve(self, resource: Resource) -> None:
        """This kind is not known here (any more): every request for it is NotFound. `serve` brings it back with what it held."""
        self.server.unserved.add((resource.group, resource.plural))

    def serve(self, resource: Resource) -> None:
        self.server.unserved.discard((resource.group, resource.plural))

    def forget(self, resource: Resource, field: str) -> None:
        """This server does not know that field of the spec: it drops it from everything written from now on, and says nothing."""
        self.server.unknown.add(((resource.group, resource.plural), field))

    def snapshot(self) -> Snapshot:
        return self.server.store.snapshot()

    def restore(self, snapshot: Snapshot, *, bump: int = 0) -> None:
        """The server comes back from a backup: watches break, resourceVersions go back (or on by `bump`, and the past is compacted)."""
        self._frozen = None
        self.server.store.restore(snapshot, bump=bump)
        self.cut_watches(Unreachable(f"{self.side} was restored from a backup"))

    def _wake(self) -> None:
        for _, stream in self._streams.values():
            stream.wake()
