"""The objects of one list, as last heard of, with one writer and synchronous listeners."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import structlog

from syncer.cluster.wire import Entry

log = structlog.get_logger()

Name = tuple[str, str]
"""Namespace and name."""
Listener = Callable[[Entry | None, Entry | None, bool], None]
"""(old, new, proven): what an object was and is, None for not there. `proven` is False for a deletion that was only inferred from absence."""


class Store:
    """A dictionary that tells. A listener that fails is logged and does not keep the others, or the next change, from being told."""

    def __init__(self, name: str = "") -> None:
        self.entries: dict[Name, Entry] = {}
        self.bytes = 0
        self.name = name
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """From now on; what is there already is not told."""
        self._listeners.append(listener)

    def get(self, namespace: str, name: str) -> Entry | None:
        return self.entries.get((namespace, name))

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def put(self, name: Name, entry: Entry) -> None:
        """Adds or replaces. The same again is kept, and not told."""
        old = self.entries.get(name)
        if old is not None:
            if same(old, entry):
                return
            self.bytes -= old.size
        self.entries[name] = entry
        self.bytes += entry.size
        if old is not None and old.meta.uid != entry.meta.uid:
            # Another object under the same name: the old one is gone for sure.
            self._tell(old, None, True)
            old = None
        self._tell(old, entry, True)

    def remove(self, name: Name, *, proven: bool) -> None:
        old = self.entries.pop(name, None)
        if old is not None:
            self.bytes -= old.size
            self._tell(old, None, proven)

    def _tell(self, old: Entry | None, new: Entry | None, proven: bool) -> None:
        for listener in self._listeners:
            try:
                listener(old, new, proven)
            except Exception as error:
                # Without the traceback: it would keep the object alive, and its values may be secret.
                meta = (new or old or Entry).meta
                log.error(
                    "listener_failed", store=self.name, namespace=meta.namespace, name=meta.name, error=f"{type(error).__name__}: {error}"[:300]
                )


def same(old: Entry, new: Entry) -> bool:
    """The same object in the same state. The version alone would not do: a restored server gives the old numbers to new contents."""
    return old.meta.resourceVersion == new.meta.resourceVersion and old.same_content(new)
