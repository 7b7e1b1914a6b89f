"""From the bytes of a watch to changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from syncer.cluster.api import Change
from syncer.cluster.failures import of_status
from syncer.cluster.wire import BadObject, Entry, Expected, check, decode_error, decode_event, entry_of, unreadable_event
from syncer.core.errors import ApiError, SyncerError, Unreachable

INITIAL_END = "k8s.io/initial-events-end"
_TYPES = frozenset({"ADDED", "MODIFIED", "DELETED"})
_BATCH = 128


class Lines:
    """Cuts chunks at newlines. A line that spans chunks is kept in pieces and joined once; one that grows past the cap is skipped and counted."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._tail: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.skipped = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes."""
        # find() looks for a newline many times faster than split() does.
        find = chunk.find
        end = find(b"\n")
        if end < 0:
            self._keep(chunk)
            return []
        self._keep(chunk[:end])
        done = [b"".join(self._tail)] if self._tail else []
        self.skipped += self._skipping
        self._tail, self._size, self._skipping = [], 0, False
        start, end = end + 1, find(b"\n", end + 1)
        while end >= 0:
            if end - start > self._cap:
                self.skipped += 1
            elif end > start:
                done.append(chunk[start:end])
            start, end = end + 1, find(b"\n", end + 1)
        self._keep(chunk[start:])
        return done

    def _keep(self, piece: bytes) -> None:
        if self._skipping or not piece:
            return
        self._size += len(piece)
        if self._size > self._cap:
            self._tail, self._skipping = [], True
        else:
            self._tail.append(piece)

    def take_skipped(self) -> int:
        """How many lines were skipped since the last call."""
        skipped, self.skipped = self.skipped, 0
        return skipped


class Batch(NamedTuple):
    """Some changes, and the error that came after them."""

    changes: Sequence[Change]
    error: SyncerError | None = None


class Decoder:
    """Reads the lines of one watch. What cannot be read becomes a BAD change; an ERROR of the server ends the stream."""

    def __init__(self, expected: Expected, namespace: str, what: str) -> None:
        self._expected, self._namespace, self._what = expected, namespace, what

    def batches(self, lines: Sequence[bytes]) -> Iterator[Batch]:
        """In portions that take a millisecond or two, so that others can run in between."""
        for start in range(0, len(lines), _BATCH):
            changes: list[Change] = []
            for line in lines[start : start + _BATCH]:
                try:
                    changes.append(self._change(line))
                except BadObject as bad:
                    changes.append(bad_change(bad))
                except SyncerError as error:
                    yield Batch(changes, error)
                    return
            yield Batch(changes)

    def _change(self, line: bytes) -> Change:
        try:
            event = decode_event(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise self._unreadable(line, error) from error
        kind = event.type
        if kind in _TYPES:
            entry = entry_of(event.object, self._expected)
            check(entry, self._namespace)
            return Change(kind, entry, entry.meta.resourceVersion)  # type: ignore[arg-type]
        if kind == "BOOKMARK":
            return _bookmark(entry_of(event.object))
        if kind == "ERROR":
            raise self._error(line)
        raise BadObject(f"watch event of the unknown type {kind[:50]!r}")

    def _unreadable(self, line: bytes, error: Exception) -> Exception:
        """A line that is no event: one bad object among good ones, or a server that speaks no watch at all."""
        if line.startswith(b'{"type":'):
            return unreadable_event(error, line)
        return Unreachable(f"{self._what}: what came is no watch event: {line[:100]!r}")

    def _error(self, line: bytes) -> ApiError | Unreachable:
        try:
            return of_status(decode_error(line).object, self._what)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return Unreachable(f"{self._what}: the server reported an error that cannot be read")


def _bookmark(entry: Entry) -> Change:
    version = entry.meta.resourceVersion
    if not (version.isascii() and version.isdigit() and len(version) <= 20):
        raise BadObject("bookmark without a version")
    return Change("BOOKMARK", None, version, (entry.meta.annotations or {}).get(INITIAL_END) == "true")


def bad_change(bad: BadObject) -> Change:
    """A change that stands for something unreadable."""
    return Change("BAD", None, "", bad=bad)
