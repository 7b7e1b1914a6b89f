"""What a reflector does with what comes in: choose, check, keep or set aside. No connections, no waiting."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from syncer.cluster.api import Change
from syncer.cluster.mishaps import NoStreamedLists, RoomAgain, WentBack
from syncer.cluster.picture import Picture
from syncer.cluster.store import Name, Store, same
from syncer.cluster.wire import BadObject, Entry

log = structlog.get_logger()

_ROOM = 0.8
_MOST_QUARANTINED = 1000

Keep = Callable[[Entry], bool]
Trim = Callable[[Entry], Entry]
Bad = Callable[[BadObject], None]


class Intake:
    """The store, the list under construction beside it (`picture`), and how far we have come (`version`, `newest`)."""

    def __init__(self, store: Store, keep: Keep | None, trim: Trim | None, bad: Bad, cap: int) -> None:
        self.store = store
        self._keep, self._trim, self._bad, self._cap = keep, trim, bad, cap
        self.version = ""
        """Where to resume; empty when only a new list will do."""
        self.newest = 0
        """The highest version seen in this history of the server."""
        self.went_back = 0
        self.picture: Picture | None = None
        self.overfull = False
        self.quarantined: dict[Name, str] = {}

    def begin(self) -> None:
        """A new list is coming in."""
        self.picture = Picture(self.store, self._cap)

    def forget(self) -> None:
        """Nothing can be resumed from."""
        self.version = ""

    def restored(self) -> None:
        """The server is in an older state than before: its numbers start over."""
        self.version, self.newest = "", 0
        self.went_back += 1

    async def take(self, change: Change) -> None:
        """One change of a watch."""
        if change.type == "BAD":
            self.set_aside(change.bad or BadObject("unreadable"))
            return
        if self.picture is None:
            self._advance(change.resource_version)
        if change.entry is not None:
            self.put(change.entry, deleted=change.type == "DELETED")
        elif self.picture is not None:
            if not change.initial_end:
                # An old server ignores that a streamed list was asked for, and never says that it is complete.
                raise NoStreamedLists
            await self.complete(change.resource_version)

    def look_for_room(self) -> None:
        """What was refused can only be had by a new list."""
        if self.overfull and self.store.bytes < self._cap * _ROOM:
            raise RoomAgain

    async def complete(self, version: str) -> None:
        """The list is whole: what it shows becomes what we know."""
        picture, number = self.picture, int(version)
        assert picture is not None
        self.picture = None
        self.quarantined = {name: reason for name, reason in self.quarantined.items() if name in picture.unread}
        if number < self.newest:
            self.restored()
        await picture.apply()
        self.overfull = picture.refused
        self.version, self.newest = version, number

    def put(self, entry: Entry, *, deleted: bool = False) -> None:
        """One object as it is now, or was when it was deleted."""
        name = entry.meta.namespace, entry.meta.name
        if self.quarantined:
            self.quarantined.pop(name, None)
        try:
            wanted = None if deleted else self._wanted(entry)
        except Exception as error:
            # One object that our own functions stumble over does not stop its kind.
            self.set_aside(BadObject(f"{type(error).__name__}: {error}"[:300], *name))
            return
        picture = self.picture
        if wanted is None:
            if picture is not None:
                picture.drop(name)
            else:
                self.store.remove(name, proven=True)
        elif self._is_full(name, wanted):
            if picture is not None:
                picture.refused = True
        elif picture is not None:
            picture.put(name, self._known(name, wanted))
        else:
            self.store.put(name, wanted)

    def set_aside(self, bad: BadObject) -> None:
        """An object that cannot be read keeps its old state here, and the others go on."""
        if self.picture is not None:
            self.picture.bad(bad)
        if bad.name and len(self.quarantined) < _MOST_QUARANTINED:
            name = bad.namespace, bad.name
            if self.quarantined.get(name) != str(bad):
                self.quarantined[name] = str(bad)
                log.warning("object_set_aside", store=self.store.name, namespace=name[0], name=name[1], error=str(bad))
        self._bad(bad)

    def _advance(self, version: str) -> None:
        """Versions of one watch only grow."""
        number = int(version)
        if number < self.newest:
            raise WentBack
        self.version, self.newest = version, number

    def _wanted(self, entry: Entry) -> Entry | None:
        """What to keep of an entry; None if nothing."""
        if self._keep is not None and not self._keep(entry):
            return None
        return entry if self._trim is None else self._trim(entry)

    def _known(self, name: Name, entry: Entry) -> Entry:
        """The entry we have, if it is the same: a relist then costs no memory."""
        old = self.store.entries.get(name)
        return old if old is not None and same(old, entry) else entry

    def _is_full(self, name: Name, entry: Entry) -> bool:
        held = self.store if self.picture is None else self.picture
        size = entry.size
        if held.bytes + size <= self._cap:
            return False
        old = held.entries.get(name)
        if held.bytes + size - (old.size if old is not None else 0) <= self._cap:
            return False
        if not self.overfull:
            log.error("store_is_full", store=self.store.name, bytes=held.bytes, cap=self._cap)
        self.overfull = True
        return True
