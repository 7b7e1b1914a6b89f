"""From a change in a store to the keys that have to be looked at.

Runs synchronously inside the watches' callbacks: updates the tables, keeps the demand index (before anything is reconciled), lets echoes of our own
patches and changes of nothing but the resourceVersion die here, and wakes who waits for the object that changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from syncer.cluster.wire import Entry
from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import Key, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Life, ObjectNeed, Purpose, Translator, needs_nothing
from syncer.engine.cache import Cache
from syncer.engine.guard import Guard
from syncer.engine.index import Demand, Waiters
from syncer.engine.queue import Lane, Queue

Listener = Callable[[Entry | None, Entry | None, bool], None]


class Routing:
    """One per engine. `changed` is what reflectors call."""

    def __init__(
        self,
        translators: Iterable[Translator],
        settings: Settings,
        names: Names,
        cache: Cache,
        demand: Demand,
        waiters: Waiters,
        queue: Queue,
        guard: Guard,
        proven: set[tuple[Side, Key]],
        deferred: set[Key],
        has_copy: Callable[[Translator, Key], bool],
        failed: Callable[[Key, Exception], None],
        asleep: Collection[str],
        content: Demand,
    ) -> None:
        self._settings, self._names = settings, names
        self._cache, self._demand, self._waiters, self._queue, self._guard, self._proven = cache, demand, waiters, queue, guard, proven
        self._deferred, self._has_copy, self._failed, self._asleep = deferred, has_copy, failed, asleep
        self._content = content
        self._sources: dict[tuple[Side, str], list[Translator]] = {}
        self._targets: dict[tuple[Side, str], dict[str, Translator]] = {}
        self._by_need: dict[str, list[Translator]] = {}
        for translator in translators:
            self._sources.setdefault((translator.leading, translator.source.plural), []).append(translator)
            self._targets.setdefault((translator.leading.other, translator.destination.plural), {})[translator.name] = translator
            if translator.only_if_needed:
                self._by_need.setdefault(translator.source.plural, []).append(translator)
        self.watchers: dict[tuple[Side, str], list[Listener]] = {}
        """Further listeners by side and kind (host namespaces, the workload account)."""

    def changed(self, side: Side, plural: str, old: Entry | None, new: Entry | None, proven: bool) -> None:
        """One object changed from `old` to `new` (None: not there). `proven`: a deletion that came as an event."""
        entry = new if new is not None else old
        assert entry is not None
        meta = entry.meta
        ref = Ref(plural, meta.namespace, meta.name)
        table = self._cache.table(side, plural)
        if new is not None:
            table.put(new)
        else:
            table.remove(meta.namespace, meta.name)
        echo = self._cache.expectations.seen(side, ref, new)
        for listener in self.watchers.get((side, plural), ()):
            listener(old, new, proven)
        if new is not None and old is not None and new.same_content(old):
            return
        targets = self._targets.get((side, plural))
        for translator in self._sources.get((side, plural), ()):
            # What one translator has written (a Secret that the host shows) is news to another, whose source it is.
            self._from_source(translator, side, ref, old, new, proven, echo and not targets)
        if targets:
            self._from_target(targets, side, old, new, proven, echo)
        for key in self._waiters.woken_by(side, plural, meta.namespace, meta.name):
            self._queue.add(key)

    def _from_source(self, translator: Translator, side: Side, ref: Ref, old: Entry | None, new: Entry | None, proven: bool, echo: bool) -> None:
        if translator.concerns is not None and not any(translator.concerns(entry) for entry in (old, new) if entry is not None):
            return
        key = Key(translator.name, ref.namespace, ref.name)
        ended = old is not None and new is not None and _may_have_ended(old, new)
        if side is Side.TENANT and translator.needs is not needs_nothing and _may_need_other(translator, old, new, ended):
            self._index(translator, key, new)
        if new is None:
            if proven:
                self._proven.add((side, key))
            elif self._has_copy(translator, key):
                self._guard.missing(key)
            self._queue.add(key, Lane.REMOVAL)
            return
        self._proven.discard((side, key))
        if key in self._deferred:
            self._deferred.discard(key)
        elif old is not None and not ended and (echo or (not translator.host_owns and _only_status(old, new))):
            return
        if translator.pace and old is not None:
            self._queue.add_after(key, translator.pace)
        elif new.meta.deletionTimestamp:
            self._queue.add(key, Lane.REMOVAL)
        else:
            self._queue.add(key, Lane.STATUS if old is not None and translator.life is Life.SHARED_FATE else Lane.ORDINARY)

    def _from_target(self, targets: dict[str, Translator], side: Side, old: Entry | None, new: Entry | None, proven: bool, echo: bool) -> None:
        found, before = (self._key_of(targets, side, entry) if entry is not None else None for entry in (new, old))
        if before is not None and before != found:
            # It is gone, or somebody rewrote its stamp: what it was the copy of has none any more.
            key = before[1]
            if new is None and proven:
                self._proven.add((side, key))
            elif new is None and before[0].life is Life.SHARED_FATE and self._stays(before[0], key):
                self._guard.missing(key)
            self._queue.add(key, Lane.REMOVAL)
        if found is None or new is None:
            return
        translator, key = found
        if new.meta.deletionTimestamp:
            self._proven.discard((side, key))
            self._queue.add(key, Lane.REMOVAL)
            return
        deferred = key in self._deferred
        if echo and old is not None and not deferred:
            return
        self._deferred.discard(key)
        self._proven.discard((side, key))
        lane = Lane.STATUS if translator.life is Life.SHARED_FATE else Lane.ORDINARY
        if translator.settle is not None and new.status is not None and not deferred and (echo or old is not None):
            # What is not urgent waits for the next change, so that a burst of them is one look and one write.
            self._queue.add_after(key, translator.settle(new.raw_status), lane)
        else:
            self._queue.add(key, lane)

    def _key_of(self, targets: dict[str, Translator], side: Side, entry: Entry) -> tuple[Translator, Key] | None:
        """The key of the leading side's object that this copy stands for."""
        meta = entry.meta
        if side is Side.HOST:
            stamp = stamps.read(meta.labels or {}, meta.annotations or {})
            if stamp is None or stamp.tenant != self._names.tenant or stamp.translator not in targets:
                return None
            translator = targets[stamp.translator]
            return translator, Key(stamp.translator, stamp.namespace, stamp.name)
        for translator in targets.values():
            if translator.source_of is not None:
                if (origin := translator.source_of(meta.namespace, meta.name)) is not None:
                    return translator, Key(translator.name, *origin)
                continue
            if translator.target_name is not None:
                return translator, self._shown_for(translator, meta.namespace, meta.name)
            if not meta.namespace:
                return translator, Key(translator.name, "", meta.name)
            if translator.source_from is not None and (place := translator.source_from(self._names, meta.namespace, meta.name)) is not None:
                return translator, Key(translator.name, *place)
        return None

    def _shown_for(self, translator: Translator, namespace: str, name: str) -> Key:
        """The key of what is shown under another name than its own. If its source is gone, a key without a namespace, which no source has."""
        assert translator.target_name is not None
        for entry in self._cache.table(translator.leading, translator.source.plural):
            if translator.target_name(self._names, entry.meta.namespace, entry.meta.name) == (namespace, name):
                return Key(translator.name, entry.meta.namespace, entry.meta.name)
        return Key(translator.name, "", name)

    def _index(self, translator: Translator, key: Key, entry: Entry | None) -> None:
        """What this object uses; what came into use, or went out of it, has to be looked at."""
        refs: list[Ref] = []
        read: list[Ref] = []
        if entry is not None:
            try:
                needs = [need for need in translator.needs(entry.obj(), self._names, self._settings) if isinstance(need, ObjectNeed)]
                refs = [need.ref for need in needs if need.purpose is Purpose.DEMAND]
                read = [need.ref for need in needs if need.purpose is Purpose.READ and need.side is Side.TENANT and need.ref.plural in self._by_need]
            except Exception as error:
                # A hostile or unforeseen object must not stop its kind: it is set aside when its key is reconciled.
                self._failed(key, error)
        self._content.update(key, read)
        for ref in self._demand.update(key, refs):
            for other in self._by_need.get(ref.plural, ()):
                self._queue.add(Key(other.name, ref.namespace, ref.name))

    def _stays(self, translator: Translator, key: Key) -> bool:
        """Whether the source is there and nobody is deleting it."""
        source = self._cache.get(translator.leading, Ref(translator.source.plural, key.namespace, key.name))
        return source is not None and not source.meta.deletionTimestamp

    def key_of_copy(self, side: Side, plural: str, entry: Entry) -> Key | None:
        """The key of the object that a copy on this side stands for, if it is one of ours."""
        targets = self._targets.get((side, plural))
        found = self._key_of(targets, side, entry) if targets else None
        return found[1] if found is not None else None

    def orphans(self, only: str = "") -> int:
        """Tells the guard about copies whose source is not there (of one translator), before the first reconcile; returns how many."""
        count = 0
        for (side, plural), targets in self._targets.items():
            for entry in self._cache.table(side, plural):
                found = self._key_of(targets, side, entry)
                if found is None or (side is Side.TENANT and not stamps.is_from_host(entry.meta.labels)):
                    continue
                translator, key = found
                if translator.name in self._asleep or only not in ("", translator.name):
                    continue
                if self._cache.get(translator.leading, Ref(translator.source.plural, key.namespace, key.name)) is None:
                    self._guard.missing(key)
                    self._queue.add(key)
                    count += 1
        for (side, plural), translators in self._sources.items():
            for translator in translators:
                if translator.placed is not None and not only:
                    count += self._bereft(translator, side, plural)
        return count

    def _bereft(self, translator: Translator, side: Side, plural: str) -> int:
        """The other way round: pods that had a host pod, and it is not there."""
        assert translator.placed is not None
        count = 0
        for entry in self._cache.table(side, plural):
            key = Key(translator.name, entry.meta.namespace, entry.meta.name)
            if not entry.meta.deletionTimestamp and not self._has_copy(translator, key) and translator.placed(entry.obj()):
                self._guard.missing(key)
                self._queue.add(key)
                count += 1
        return count


def _may_need_other(translator: Translator, old: Entry | None, new: Entry | None, ended: bool) -> bool:
    """Whether an object may need other objects than before. A pod's needs are in its spec."""
    if old is None or new is None or ended or old.meta.uid != new.meta.uid:
        return True
    return old.spec != new.spec if translator.life is Life.SHARED_FATE else not _only_status(old, new)


def _may_have_ended(old: Entry, new: Entry) -> bool:
    """Whether a pod has come to its end: then it needs nothing any more. Right in doubt, and cheap."""
    if old.status == new.status:
        return False
    was, now = old.raw_status, new.raw_status
    return any((end in was) or (end in now) for end in (b'"Succeeded"', b'"Failed"'))


def _only_status(old: Entry, new: Entry) -> bool:
    """Whether nothing but the status differs: of no interest to a translator that shows no status."""
    was, now = old.meta, new.meta
    return (
        old.spec == new.spec
        and old.rest == new.rest
        and was.uid == now.uid
        and was.labels == now.labels
        and was.annotations == now.annotations
        and was.deletionTimestamp == now.deletionTimestamp
    )
