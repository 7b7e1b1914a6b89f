"""What both sides looked like when they were last heard of.

One `Table` per side and kind, fed by the reflectors (one writer each, per namespace on the host), read by everybody. Entries are replaced, never
edited. `expect` remembers our own writes, so that nobody decides on a state older than what we did ourselves (read your own writes).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from syncer.cluster.wire import Entry
from syncer.core.objects import Ref, Side

_DECODED_KINDS = frozenset({"nodes", "services", "namespaces"})
_EXPECT_FOR = 30.0


class Table:
    """All known objects of one kind on one side."""

    def __init__(self) -> None:
        self._by_namespace: dict[str, dict[str, Entry]] = {}

    def get(self, namespace: str, name: str) -> Entry | None:
        names = self._by_namespace.get(namespace)
        return names.get(name) if names is not None else None

    def put(self, entry: Entry) -> None:
        meta = entry.meta
        names = self._by_namespace.get(meta.namespace)
        if names is None:
            names = self._by_namespace[meta.namespace] = {}
        names[meta.name] = entry

    def remove(self, namespace: str, name: str) -> None:
        names = self._by_namespace.get(namespace)
        if names is not None:
            names.pop(name, None)
            if not names:
                del self._by_namespace[namespace]

    def namespaces(self) -> Iterator[str]:
        """Those in which there is something."""
        return iter(self._by_namespace)

    def in_namespace(self, namespace: str) -> Iterator[Entry]:
        """The objects of one namespace (of all, with an empty one)."""
        return iter(self._by_namespace.get(namespace, {}).values()) if namespace else iter(self)

    def __iter__(self) -> Iterator[Entry]:
        return (entry for names in self._by_namespace.values() for entry in names.values())

    def __len__(self) -> int:
        return sum(map(len, self._by_namespace.values()))


class Expectations:
    """resourceVersions and deletions of our own that the watches have not shown yet.

    They are compared only within one uid, and forgotten after a while: a watch that never shows a write (the object left the
    selection) must not block its key for ever.
    """

    def __init__(self) -> None:
        self._versions: dict[tuple[Side, Ref], tuple[str, int, float]] = {}
        self._leaving: dict[tuple[Side, Ref], tuple[str, float]] = {}

    def wrote(self, side: Side, ref: Ref, entry: Entry, now: float) -> None:
        version = entry.meta.resourceVersion
        if version.isdecimal():
            self._versions[side, ref] = (entry.meta.uid, int(version), now + _EXPECT_FOR)

    def deleted(self, side: Side, ref: Ref, uid: str, now: float) -> None:
        self._leaving[side, ref] = (uid, now + _EXPECT_FOR)

    def seen(self, side: Side, ref: Ref, entry: Entry | None) -> bool:
        """A watch showed the object. Returns whether it is the plain echo of our own write."""
        echo = False
        held = self._versions.get((side, ref))
        if held is not None:
            if entry is None or entry.meta.uid != held[0]:
                del self._versions[side, ref]
            elif int(entry.meta.resourceVersion) >= held[1]:
                echo = int(entry.meta.resourceVersion) == held[1]
                del self._versions[side, ref]
        leaving = self._leaving.get((side, ref))
        if leaving is not None and (entry is None or entry.meta.uid != leaving[0] or entry.meta.deletionTimestamp):
            del self._leaving[side, ref]
        return echo

    def behind(self, side: Side, ref: Ref, entry: Entry | None, now: float) -> bool:
        """Whether the cache is older than our own last write to this object."""
        held = self._versions.get((side, ref))
        if held is not None:
            if now > held[2]:
                del self._versions[side, ref]
            elif entry is None or entry.meta.uid != held[0] or int(entry.meta.resourceVersion) < held[1]:
                return True
        leaving = self._leaving.get((side, ref))
        if leaving is not None:
            if now > leaving[1]:
                del self._leaving[side, ref]
            elif entry is not None and entry.meta.uid == leaving[0] and not entry.meta.deletionTimestamp:
                return True
        return False

    def forget(self, side: Side, ref: Ref) -> None:
        self._versions.pop((side, ref), None)
        self._leaving.pop((side, ref), None)


class Cache:
    """The tables of both sides, and decoded forms of the few objects that are read again and again."""

    def __init__(self) -> None:
        self._tables: dict[tuple[Side, str], Table] = {}
        self._decoded: OrderedDict[tuple[Side, str, str, str], tuple[Entry, dict[str, Any]]] = OrderedDict()
        self.expectations = Expectations()

    def table(self, side: Side, plural: str) -> Table:
        found = self._tables.get((side, plural))
        if found is None:
            found = self._tables[side, plural] = Table()
        return found

    def tables(self) -> Iterator[tuple[Side, str, Table]]:
        return ((side, plural, table) for (side, plural), table in self._tables.items())

    def get(self, side: Side, ref: Ref) -> Entry | None:
        table = self._tables.get((side, ref.plural))
        return table.get(ref.namespace, ref.name) if table is not None else None

    def obj(self, side: Side, ref: Ref) -> dict[str, Any] | None:
        """The object decoded. It may be shared with other readers: objects are never mutated."""
        entry = self.get(side, ref)
        return None if entry is None else self.decoded(side, ref.plural, entry)

    def decoded(self, side: Side, plural: str, entry: Entry) -> dict[str, Any]:
        if plural not in _DECODED_KINDS:
            return entry.obj()
        key = (side, plural, entry.meta.namespace, entry.meta.name)
        held = self._decoded.get(key)
        if held is not None and held[0] is entry:
            return held[1]
        made = entry.obj()
        self._decoded[key] = (entry, made)
        if len(self._decoded) > 2048:
            self._decoded.popitem(last=False)
        return made
