"""A list under construction: made beside the store, then compared with it, so that readers never see half of it."""

from __future__ import annotations

import asyncio

from syncer.cluster.store import Name, Store
from syncer.cluster.wire import BadObject, Entry

_SLICE = 128


class Picture:
    """What a new list shows. Absence in it means that an object is gone, but only where the list could be read.

    Besides entries it remembers only names that the store holds, so that nothing a server makes up can fill it.
    """

    def __init__(self, store: Store, cap: int) -> None:
        self._store, self._cap = store, cap
        self.entries: dict[Name, Entry] = {}
        self.bytes = 0
        self.unread: set[Name] = set()
        """Objects that we know, that are there and could not be read."""
        self.refused = False
        """Whether something was left out for want of room."""
        self._left: set[Name] = set()
        self._nameless = False

    def put(self, name: Name, entry: Entry) -> None:
        old = self.entries.get(name)
        self.bytes += entry.size - (old.size if old is not None else 0)
        self.entries[name] = entry

    def drop(self, name: Name) -> None:
        """The object is there but not wanted, or was deleted while the list came in: no inference is needed."""
        old = self.entries.pop(name, None)
        if old is not None:
            self.bytes -= old.size
        if name in self._store.entries:
            self._left.add(name)

    def bad(self, bad: BadObject) -> None:
        """An unreadable object is there, nevertheless. If it has no name, it could be any of those that are missing."""
        if not bad.name:
            self._nameless = True
        elif (bad.namespace, bad.name) in self._store.entries:
            self.unread.add((bad.namespace, bad.name))

    async def apply(self) -> None:
        """Brings the store to what the picture shows: deletions first, since names may have moved on."""
        store = self._store
        gone = [name for name in store.entries if name not in self.entries]
        for start in range(0, len(gone), _SLICE):
            for name in gone[start : start + _SLICE]:
                if name in self._left:
                    store.remove(name, proven=True)
                elif name not in self.unread and not (self._nameless or self.refused):
                    store.remove(name, proven=False)
            await asyncio.sleep(0)
        entries = list(self.entries.items())
        self.entries = {}
        for start in range(0, len(entries), _SLICE):
            for name, entry in entries[start : start + _SLICE]:
                if self._fits(name, entry):
                    store.put(name, entry)
            await asyncio.sleep(0)

    def _fits(self, name: Name, entry: Entry) -> bool:
        """What could not be inferred to be gone takes room, too."""
        old = self._store.entries.get(name)
        fits = self._store.bytes + entry.size - (old.size if old is not None else 0) <= self._cap
        self.refused |= not fits
        return fits
