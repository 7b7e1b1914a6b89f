"""What is read off the running engine when somebody scrapes, instead of being kept up to date all the time.

Each function returns label values and numbers for one gauge. The engine is known by what is read from it, no more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

from syncer.core.objects import Key, Side
from syncer.core.stamp import is_from_host
from syncer.core.translator import Translator
from syncer.observe.counting import Labels
from syncer.observe.families import LANES

Cells = Iterable[tuple[Labels, float]]
QUEUE = ("sync",)


class QueueView(Protocol):
    adds: int
    retries: int

    def depth(self) -> int: ...
    def oldest(self, lane: Any) -> float | None: ...
    def running(self) -> Mapping[Key, float]:
        """Keys that are being worked on, with the loop time since when."""


class GuardView(Protocol):
    @property
    def held(self) -> int: ...
    @property
    def pending(self) -> Collection[Key]: ...


class StoreView(Protocol):
    bytes: int

    def __len__(self) -> int: ...


class ReflectorView(Protocol):
    last_event: float

    @property
    def synced(self) -> bool: ...
    @property
    def store(self) -> StoreView: ...


class TableView(Protocol):
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...


class CacheView(Protocol):
    def tables(self) -> Iterator[tuple[Side, str, Any]]: ...


class EngineView(Protocol):
    """`syncer.engine.run.Engine`, as far as gauges look at it."""

    @property
    def queue(self) -> QueueView: ...
    @property
    def guard(self) -> GuardView: ...
    @property
    def cache(self) -> CacheView: ...
    @property
    def reflectors(self) -> Mapping[tuple[Side, str, str], Any]: ...
    @property
    def translators(self) -> Mapping[str, Translator]: ...


def of_engine(engine: EngineView, now: Callable[[], float], wall: Callable[[], float]) -> dict[str, Callable[[], Cells]]:
    """The gauges by family. `now` is the clock of the engine (loop time), `wall` the time of day."""
    queue = engine.queue
    return {
        "workqueue_depth": lambda: [(QUEUE, queue.depth())],
        "workqueue_adds_total": lambda: [(QUEUE, queue.adds)],
        "workqueue_retries_total": lambda: [(QUEUE, queue.retries)],
        "workqueue_unfinished_work_seconds": lambda: [(QUEUE, sum(_running(queue, now())))],
        "workqueue_longest_running_processor_seconds": lambda: [(QUEUE, max(_running(queue, now()), default=0.0))],
        "controller_runtime_active_workers": lambda: _per_kind(engine, (key.translator for key in queue.running())),
        "kled_sync_queue_age_seconds": lambda: _ages(queue, now()),
        "kled_sync_held_deletions": lambda: _per_kind(engine, (key.translator for key in (engine.guard.pending if engine.guard.held else ()))),
        "kled_sync_objects": lambda: _made(engine),
        "kled_informer_synced": lambda: _by_kind(engine, lambda watch: float(watch.synced), min),
        "kled_informer_last_event_timestamp_seconds": lambda: _last_events(engine, now(), wall()),
        "kled_informer_cache_objects": lambda: _by_kind(engine, lambda watch: len(watch.store), sum),
        "kled_informer_cache_bytes": lambda: _by_kind(engine, lambda watch: watch.store.bytes, sum),
    }


def _running(queue: QueueView, now: float) -> list[float]:
    return [max(0.0, now - since) for since in queue.running().values()]


def _ages(queue: QueueView, now: float) -> Cells:
    for number, lane in enumerate(LANES):
        since = queue.oldest(number)
        yield (lane,), max(0.0, now - since) if since is not None else 0.0


def _per_kind(engine: EngineView, translators: Iterable[str]) -> Cells:
    """How many of each translator; 0 for those that are not named."""
    found = Counter(translators)
    return [((name,), found[name]) for name in engine.translators]


def _by_kind(engine: EngineView, value: Callable[[ReflectorView], float], merge: Callable[[list[float]], float]) -> Cells:
    """One number for all watches of a kind on a side (a namespaced host kind has one for each host namespace)."""
    found: dict[tuple[str, str], list[float]] = {}
    for (side, plural, _), watch in engine.reflectors.items():
        found.setdefault((plural, side.value), []).append(value(watch))
    return [(labels, merge(values)) for labels, values in found.items()]


def _last_events(engine: EngineView, now: float, wall: float) -> Cells:
    quietest = _by_kind(engine, lambda watch: watch.last_event, min)
    return [(labels, wall - (now - heard) if heard > 0 else 0.0) for labels, heard in quietest]


def _made(engine: EngineView) -> Cells:
    """Copies of ours: the host's tables hold nothing else of a kind that the tenant leads (our label selects on the server), the tenant's do."""
    made = {(translator.leading.other, translator.destination.plural) for translator in engine.translators.values()}
    read = {(translator.leading, translator.source.plural) for translator in engine.translators.values()}
    for side, plural, table in engine.cache.tables():
        if (side, plural) not in made:
            continue
        if side is Side.HOST and (side, plural) not in read:
            yield (plural, side.value), len(table)
        else:
            yield (plural, side.value), sum(is_from_host(entry.meta.labels) for entry in table)
