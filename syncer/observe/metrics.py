"""What the rest of the syncer calls to be counted, and what a scrape gets.

Every method that work goes through is one look-up and one addition. Where two families tell the same thing they are made from one cell at the time of
the scrape. A `Metrics` has a registry of its own: two in one process do not meet, and a test just makes one.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import Metric

from syncer.core import actions
from syncer.observe import families
from syncer.observe.counting import OTHER, Counts, Labels, Timings, counters, gauges, histograms, one_of
from syncer.observe.families import FAMILIES
from syncer.observe.gauges import QUEUE, Cells, EngineView, of_engine

log = structlog.get_logger()
_ELECTION = "kled-syncer"
_WORKERS = 32


class Metrics:
    """`kinds` are the names of the translators; `workers` how many keys are worked on at once."""

    def __init__(self, kinds: Iterable[str] = (), *, workers: int = _WORKERS) -> None:
        self.kinds = tuple(dict.fromkeys(kinds))
        kind, side = one_of({*self.kinds, *families.CORE_KINDS}), one_of(families.SIDES)
        direction, reason = one_of(families.DIRECTIONS), one_of(families.RESTART_REASONS)
        self._reconciles = Timings(families.SECONDS, kind, one_of(families.RESULTS))
        self._queued = Timings(families.SECONDS, str)
        self._lag = Timings(families.LAG_SECONDS, kind, direction)
        self._requests = Timings(families.REQUEST_SECONDS, one_of(families.METHODS), _code, side)
        self._loop_lag = Timings(families.LOOP_SECONDS)
        self._operations = Counts(kind, direction, one_of(families.OPS), one_of(families.OUTCOMES))
        self._counts = {
            "kled_sync_operations_total": self._operations,
            "kled_sync_conflicts_total": Counts(kind),
            "kled_sync_skipped_total": Counts(kind, one_of(families.SKIP_REASONS)),
            "kled_sync_refused_total": Counts(kind),
            "kled_sync_translation_errors_total": Counts(kind),
            "kled_sync_loops_suppressed_total": Counts(kind),
            "kled_informer_relists_total": Counts(kind, side, reason),
            "kled_informer_watch_restarts_total": Counts(kind, side, reason),
            "kled_tasks_restarted_total": Counts(_task),
            "kled_scrape_errors_total": Counts(one_of(FAMILIES)),
        }
        self._live: dict[str, dict[str, Callable[[], Cells]]] = {}
        self._zero()
        self._fixed(workers)
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.registry.register(self)

    # --- told while working

    def reconciled(self, controller: str, result: str, seconds: float) -> None:
        """The work on one key is over."""
        self._reconciles.observe((controller, result), seconds)

    def waited(self, seconds: float) -> None:
        """A key was taken from the queue after so long."""
        self._queued.observe(QUEUE, seconds)

    def wrote(self, kind: str, direction: str, op: str, result: str) -> None:
        """One write; `op` is the action, `result` its outcome."""
        cells, labels = self._operations.cells, (kind, direction, op, result)
        if labels in cells:
            cells[labels] += 1
        else:
            self._operations.add(kind, direction, op, result)

    def lag(self, kind: str, direction: str, seconds: float) -> None:
        """From the event seen to the write acknowledged."""
        self._lag.observe((kind, direction), seconds)

    def request(self, method: str, code: int, seconds: float, side: str) -> None:
        """One request to a side's API server; code 0 when there was no answer."""
        self._requests.observe((method, code, side), seconds)

    def refused(self, kind: str, reason: str = "") -> None:
        """An object was refused; with the reason of its event, conflicts are told apart."""
        self._counts["kled_sync_conflicts_total" if reason == actions.CONFLICT else "kled_sync_refused_total"].add(kind)

    def conflict(self, kind: str) -> None:
        """A foreign object holds the host name."""
        self._counts["kled_sync_conflicts_total"].add(kind)

    def skipped(self, kind: str, reason: str) -> None:
        """An object that does not cross, for one of `families.SKIP_REASONS`."""
        self._counts["kled_sync_skipped_total"].add(kind, reason)

    def translation_error(self, kind: str) -> None:
        """An object was set aside because reading or translating it failed."""
        self._counts["kled_sync_translation_errors_total"].add(kind)

    def loop_suppressed(self, kind: str) -> None:
        """A write was left alone because it would only be undone again."""
        self._counts["kled_sync_loops_suppressed_total"].add(kind)

    def watch_restarted(self, kind: str, side: str, reason: str) -> None:
        """A watch ended and is opened anew. When its place in the stream is lost, the list that follows is counted too."""
        self._counts["kled_informer_watch_restarts_total"].add(kind, side, reason)
        if reason in families.RELISTING:
            self.relisted(kind, side, reason)

    def relisted(self, kind: str, side: str, reason: str) -> None:
        """A full list that does not follow from the end of a watch (`watch_restarted` counts those)."""
        self._counts["kled_informer_relists_total"].add(kind, side, reason)

    def task_restarted(self, task: str) -> None:
        self._counts["kled_tasks_restarted_total"].add(task)

    def loop_lag(self, seconds: float) -> None:
        self._loop_lag.observe((), seconds)

    # --- read when somebody scrapes

    def watch_engine(self, engine: EngineView) -> None:
        """Reads the gauges off this engine from now on (each term of leadership has its own)."""
        for family, read in of_engine(engine, _loop_time, time.time).items():
            self.live(family, read, part="engine")

    def leading(self, leads: Callable[[], bool], name: str = _ELECTION) -> None:
        self.live("leader_election_master_status", lambda: [((name,), float(leads()))])

    def write_limit(self, side: str, limit: Callable[[], float]) -> None:
        self.live("kled_write_concurrency_limit", lambda: [((side,), limit())], part=side)

    def live(self, family: str, read: Callable[[], Cells], *, part: str = "") -> None:
        """A gauge (or total) that is asked for at each scrape. Several parts of one family stand side by side."""
        assert family in FAMILIES, family
        self._live.setdefault(family, {})[part] = read

    # --- the scrape

    def text(self) -> bytes:
        """The exposition, Prometheus text format 0.0.4."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry. What cannot be read is left out, counted and logged; it does not spoil the rest."""
        for name, family in FAMILIES.items():
            if name in self._live:
                make = counters if family.type == "counter" else gauges
                yield make(family, self._read(name))
        yield from self._timings()
        for name, counts in self._counts.items():
            yield counters(FAMILIES[name], counts.cells.items())

    def _read(self, name: str) -> list[tuple[Labels, float]]:
        found: list[tuple[Labels, float]] = []
        for read in self._live[name].values():
            try:
                found += read()
            except Exception as error:
                self._counts["kled_scrape_errors_total"].add(name)
                log.debug("gauge_not_read", family=name, error=f"{type(error).__name__}: {error}"[:200])
        return found

    def _timings(self) -> Iterator[Metric]:
        reconciles = self._reconciles
        totals = {labels: reconciles.total(labels) for labels in reconciles.cells}
        times = reconciles.merged(lambda labels: labels[:1])
        yield counters(FAMILIES["controller_runtime_reconcile_total"], totals.items())
        errors = [((kind,), totals.get((kind, "error"), 0.0)) for kind in dict.fromkeys([*self.kinds, *(kind for kind, _ in totals)])]
        yield counters(FAMILIES["controller_runtime_reconcile_errors_total"], errors)
        yield histograms(FAMILIES["controller_runtime_reconcile_time_seconds"], _observed(times))
        yield histograms(FAMILIES["workqueue_work_duration_seconds"], _observed(reconciles.merged(lambda labels: QUEUE)))
        yield histograms(FAMILIES["workqueue_queue_duration_seconds"], self._queued.cells.items())
        yield histograms(FAMILIES["kled_sync_lag_seconds"], self._lag.cells.items())
        yield histograms(FAMILIES["kled_event_loop_lag_seconds"], self._loop_lag.cells.items())
        requests = self._requests
        codes = [((str(code), method, side), requests.total((method, code, side))) for method, code, side in requests.cells]
        yield counters(FAMILIES["rest_client_requests_total"], codes)
        durations = requests.merged(lambda labels: (labels[0], labels[2]))
        durations = {labels: cell for labels, cell in durations.items() if labels[0] != "WATCH"}
        yield histograms(FAMILIES["rest_client_request_duration_seconds"], durations.items())

    def _zero(self) -> None:
        """Series that exist from the start: a rate over one that appears with its first event misses that event."""
        for kind in self.kinds:
            for result in ("success", "error", "requeue_after"):
                self._reconciles.cells[kind, result] = [0] * (len(families.SECONDS) + 2)
            for result in ("done", "error"):
                for op in ("create", "patch", "delete"):
                    self._operations.zero(kind, "down", op, result)
                self._operations.zero(kind, "up", "patch", result)
            for name in ("conflicts", "refused", "translation_errors", "loops_suppressed"):
                self._counts[f"kled_sync_{name}_total"].zero(kind)
            self._counts["kled_sync_skipped_total"].zero(kind, "translator")
            for side in families.SIDES:
                self._counts["kled_informer_relists_total"].zero(kind, side, "gone")
                self._counts["kled_informer_watch_restarts_total"].zero(kind, side, "ended")

    def _fixed(self, workers: int) -> None:
        build = (_version(), platform.python_version())
        self.live("kled_build_info", lambda: [(build, 1.0)])
        self.live("controller_runtime_max_concurrent_reconciles", lambda: [((kind,), workers) for kind in self.kinds])


def _observed(cells: dict[Labels, list[float]]) -> list[tuple[Labels, list[float]]]:
    return [(labels, cell) for labels, cell in cells.items() if any(cell)]


def _code(code: int) -> int | str:
    """A server may invent status codes; what we know is shown as it is, the rest by its hundred."""
    if code in families.CODES:
        return code
    if code == 0:
        return "<error>"
    return f"{code // 100}xx" if 100 <= code < 600 else OTHER


def _task(name: str) -> str:
    """What a task does, without the namespace it does it in and without its number."""
    return name.split(" in ")[0].rstrip("0123456789").rstrip("-") or OTHER


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


def _version() -> str:
    try:
        return metadata.version("kled")
    except metadata.PackageNotFoundError:
        return "unknown"
