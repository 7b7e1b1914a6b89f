"""What etcd and the watch cache are to an API server: every version of every object under one growing revision.

Objects are dictionaries that nobody edits: a write replaces one. The log of a table is kept until it is compacted, so that a watch can begin
anywhere in it and a list can be read as of an older revision.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from syncer.cluster.wire import Entry, from_obj

TableKey = tuple[str, str]
"""(group, plural)"""
Place = tuple[str, str]
"""(namespace, name)"""

FIRST_REVISION = 100


class Version:
    """One object as it was at one revision. `entry` is made when first asked for, from the bytes of its JSON."""

    __slots__ = ("_entry", "obj", "revision")

    def __init__(self, obj: Mapping[str, Any], revision: int) -> None:
        self.obj: Mapping[str, Any] = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}
        self.revision = revision
        self._entry: Entry | None = None

    @property
    def entry(self) -> Entry:
        if self._entry is None:
            self._entry = from_obj(self.obj)
        return self._entry

    @property
    def metadata(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.obj["metadata"]
        return found

    @property
    def labels(self) -> Mapping[str, str]:
        return self.metadata.get("labels") or {}


class Record(NamedTuple):
    """One write. `old` is None for a new object, `new` for a deletion."""

    revision: int
    place: Place
    old: Version | None
    new: Version | None


@dataclass(frozen=True)
class Snapshot:
    """A backup of a store."""

    revision: int
    tables: Mapping[TableKey, Mapping[Place, Version]]


@dataclass
class Store:
    """`changed` is called after every write."""

    changed: Callable[[], None] = lambda: None
    revision: int = FIRST_REVISION
    compacted: int = 0
    tables: dict[TableKey, dict[Place, Version]] = field(default_factory=dict)
    logs: dict[TableKey, list[Record]] = field(default_factory=dict)

    def table(self, key: TableKey) -> dict[Place, Version]:
        return self.tables.setdefault(key, {})

    def put(self, key: TableKey, place: Place, obj: Mapping[str, Any]) -> Version:
        """Write one object; its resourceVersion is the new revision."""
        self.revision += 1
        table = self.table(key)
        old, new = table.get(place), Version(obj, self.revision)
        table[place] = new
        self._log(key, Record(self.revision, place, old, new))
        return new

    def remove(self, key: TableKey, place: Place) -> None:
        self.revision += 1
        self._log(key, Record(self.revision, place, self.table(key).pop(place), None))

    def _log(self, key: TableKey, record: Record) -> None:
        self.logs.setdefault(key, []).append(record)
        self.changed()

    def since(self, key: TableKey, revision: int, until: int | None = None) -> list[Record]:
        """The writes after `revision`, up to `until`. Ask `compacted` first."""
        log = self.logs.get(key, [])
        start = bisect_right(log, revision, key=lambda record: record.revision)
        end = len(log) if until is None else bisect_right(log, until, key=lambda record: record.revision)
        return log[start:end]

    def at(self, key: TableKey, revision: int) -> Mapping[Place, Version]:
        """The table as it was at `revision` (not compacted): the present one with later writes taken back."""
        table = self.table(key)
        if revision >= self.revision:
            return table
        past = dict(table)
        for record in reversed(self.since(key, revision)):
            if record.old is None:
                del past[record.place]
            else:
                past[record.place] = record.old
        return past

    def compact(self) -> None:
        """Forget the past: nothing older than now can be watched from or continued."""
        self.compacted = self.revision
        self.logs.clear()

    def snapshot(self) -> Snapshot:
        return Snapshot(self.revision, {key: dict(table) for key, table in self.tables.items()})

    def restore(self, snapshot: Snapshot, *, bump: int = 0) -> None:
        """Go back to a backup. Without `bump` the revision goes back as well (which is what makes a restore dangerous to watchers)."""
        self.revision = snapshot.revision + bump
        self.tables = {key: dict(table) for key, table in snapshot.tables.items()}
        self.compacted = min(self.compacted, snapshot.revision) if not bump else self.revision
        self.logs = {key: [record for record in log if record.revision <= snapshot.revision] for key, log in self.logs.items()}
        if bump:
            self.logs.clear()
        self.changed()
