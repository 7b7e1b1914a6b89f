"""One open watch: where it stands in the log, and the changes it has not been given yet.

The type of a change is what the selector makes of it: an object that begins to match is ADDED, one that no longer matches is DELETED (with its
last matching content and the revision of the change).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from syncer.cluster.api import Change
from syncer.testing.apiserver import answers, selectors
from syncer.testing.apiserver.store import Record, Store, TableKey, Version


class Stream:
    """`position` is the revision up to which everything has been delivered."""

    def __init__(self, store: Store, key: TableKey, namespace: str, selector: str, name: str, position: int) -> None:
        self._store = store
        self._key = key
        self._namespace, self._name = namespace, name
        self._matches = selectors.parse(selector)
        self.position = position
        self.held = False
        self.ended: Exception | None = None
        self.closed = False
        self.announced = False
        self._awake = asyncio.Event()

    def wake(self) -> None:
        self._awake.set()

    def close(self, error: Exception | None = None) -> None:
        """The server ends the stream, or (with an error) it breaks."""
        self.closed, self.ended = True, error
        self.wake()

    async def wait(self, timeout: float | None) -> bool:
        """Until something may have changed. False: `timeout` seconds went by."""
        try:
            async with asyncio.timeout(timeout):
                await self._awake.wait()
        except TimeoutError:
            return False
        self._awake.clear()
        return True

    def take(self, until: int) -> list[Change]:
        """The changes up to revision `until`."""
        if self.position < self._store.compacted and self.position < until:
            raise answers.expired(f"too old resource version: {self.position} ({self._store.compacted})")
        records = self._store.since(self._key, self.position, until)
        self.position = max(self.position, until)
        found = (self._change(record) for record in records if self._namespace in ("", record.place[0]) and self._name in ("", record.place[1]))
        return [change for change in found if change is not None]

    def _change(self, record: Record) -> Change | None:
        old, new = record.old, record.new
        before = old is not None and self._matches(old.labels)
        after = new is not None and self._matches(new.labels)
        if after and new is not None:
            return Change("MODIFIED" if before else "ADDED", new.entry, str(record.revision))
        if before and old is not None:
            return Change("DELETED", Version(old.obj, record.revision).entry, str(record.revision))
        return None


def initial(versions: Sequence[Version], revision: int) -> list[Change]:
    """The present state as a watch begins with it."""
    return [
        *(Change("ADDED", version.entry, str(version.revision)) for version in versions),
        Change("BOOKMARK", None, str(revision), initial_end=True),
    ]
