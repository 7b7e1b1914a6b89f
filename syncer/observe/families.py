"""The metrics as data: everything that `/metrics` may show, apart from the `process_*` and `python_*` of the client library.

The names of the first groups are those that controller-runtime, its work queue and client-go use, so that dashboards made for them fit; the rest
begins with `kled_`. A label's values come from a fixed set: kinds of the catalogue, and the words below. What is not in the set is shown as
`other`, so that nobody, least of all a tenant, can make time series by naming things.

`python -m syncer.observe.families > docs/metrics.md` renews the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
LAG_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0)
LOOP_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. Histograms name their buckets' upper bounds."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


def _counter(name: str, labels: str, text: str) -> Family:
    return Family(name, "counter", tuple(labels.split()), text)


def _gauge(name: str, labels: str, text: str) -> Family:
    return Family(name, "gauge", tuple(labels.split()), text)


def _histogram(name: str, labels: str, text: str, buckets: tuple[float, ...]) -> Family:
    return Family(name, "histogram", tuple(labels.split()), text, buckets)


_ALL = (
    # controller-runtime
    _counter("controller_runtime_reconcile_total", "controller result", "Keys worked on, by how it ended. The controller is the translator."),
    _counter("controller_runtime_reconcile_errors_total", "controller", "Keys whose work failed and is tried again."),
    _histogram("controller_runtime_reconcile_time_seconds", "controller", "How long the work on one key took, its writes included.", SECONDS),
    _gauge("controller_runtime_active_workers", "controller", "Keys that are being worked on now."),
    _gauge("controller_runtime_max_concurrent_reconciles", "controller", "Workers; all kinds share them."),
    # work queue
    _gauge("workqueue_depth", "name", "Keys that wait for a worker."),
    _counter("workqueue_adds_total", "name", "Reasons to look at a key; several for one waiting key are worked off together."),
    _histogram("workqueue_queue_duration_seconds", "name", "How long a key waited for a worker.", SECONDS),
    _histogram("workqueue_work_duration_seconds", "name", "How long the work on one key took.", SECONDS),
    _counter("workqueue_retries_total", "name", "Keys put back to be tried again later."),
    _gauge("workqueue_unfinished_work_seconds", "name", "Sum of how long the keys that are being worked on have been so."),
    _gauge("workqueue_longest_running_processor_seconds", "name", "How long the longest of them has been so."),
    # client
    _counter("rest_client_requests_total", "code method host", "Requests; `host` is the side, the code `<error>` means no answer."),
    _histogram("rest_client_request_duration_seconds", "verb host", "How long a request took, without watches.", REQUEST_SECONDS),
    # leader election
    _gauge("leader_election_master_status", "name", "1 on the replica that leads."),
    # what crosses
    _gauge("kled_sync_objects", "kind side", "Objects of our making, on the side where they are."),
    _counter("kled_sync_operations_total", "kind direction op result", "Writes, by verb and outcome; `noop` is a write that changed nothing."),
    _histogram("kled_sync_lag_seconds", "kind direction", "From the event seen on one side to the write acknowledged by the other.", LAG_SECONDS),
    _gauge("kled_sync_queue_age_seconds", "lane", "How long the oldest key of a lane has waited; 0 for an empty lane."),
    _counter("kled_sync_conflicts_total", "kind", "Objects that found a foreign object under their host name."),
    _counter("kled_sync_skipped_total", "kind reason", "Objects that have no business on the other side."),
    _counter("kled_sync_refused_total", "kind", "Objects refused by policy, by the host or because they cannot be translated."),
    _counter("kled_sync_translation_errors_total", "kind", "Objects set aside because reading or translating them failed."),
    _gauge("kled_sync_held_deletions", "kind", "Deletions that the brake holds."),
    _counter("kled_sync_loops_suppressed_total", "kind", "Writes left alone because something on the other side keeps undoing them."),
    _gauge("kled_write_concurrency_limit", "side", "How many writes may be under way at once; adapts to what the server bears."),
    # what is watched
    _gauge("kled_informer_synced", "kind side", "1 when every list of the kind has been complete once."),
    _gauge("kled_informer_last_event_timestamp_seconds", "kind side", "When the quietest watch of the kind last said anything, bookmarks included."),
    _counter("kled_informer_relists_total", "kind side reason", "Full lists after the first, by what made them necessary."),
    _counter("kled_informer_watch_restarts_total", "kind side reason", "Watches opened anew, by how the one before ended."),
    _gauge("kled_informer_cache_objects", "kind side", "Objects remembered."),
    _gauge("kled_informer_cache_bytes", "kind side", "JSON bytes remembered, roughly."),
    # the process
    _histogram("kled_event_loop_lag_seconds", "", "How much later than planned a timer of one second fired.", LOOP_SECONDS),
    _counter("kled_tasks_restarted_total", "task", "Tasks that crashed or ended and were started again."),
    _counter("kled_scrape_errors_total", "family", "Gauges left out of a scrape because they could not be read."),
    _gauge("kled_build_info", "version python", "Always 1."),
)

FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}

SIDES = ("tenant", "host")
DIRECTIONS = ("down", "up")
OPS = ("create", "patch", "delete", "recreate")
OUTCOMES = ("done", "noop", "late", "foreign", "error")
RESULTS = ("success", "error", "requeue", "requeue_after", "waiting", "refused", "skipped", "held")
LANES = ("status", "removal", "ordinary")
METHODS = ("GET", "LIST", "WATCH", "POST", "PUT", "PATCH", "DELETE")
CODES = (200, 201, 202, 204, 301, 302, 307, 400, 401, 403, 404, 405, 406, 408, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504)
SKIP_REASONS = ("unselected", "unused", "unmapped", "translator", "finished", "namespace")
RESTART_REASONS = (
    "ended",
    "silent",
    "room_again",
    "unreachable",
    "throttled",
    "gone",
    "went_back",
    "no_streamed_lists",
    "forbidden",
    "missing",
    "unauthorized",
    "refused",
    "error",
)
RELISTING = frozenset({"gone", "room_again", "went_back", "no_streamed_lists", "refused", "error"})
"""Ends of a watch after which the place in the stream is lost, so that a full list follows."""
CORE_KINDS = (
    "configmaps",
    "endpointslices",
    "events",
    "namespaces",
    "nodes",
    "persistentvolumeclaims",
    "pods",
    "secrets",
    "serviceaccounts",
    "services",
)
"""Kinds that may be written or watched without being a translator's name."""


def _list(*words: object) -> str:
    return ", ".join(f"`{word}`" for word in words)


_VALUES = {
    "`controller`, `kind`": "the names of the translators, and the plural names of the kinds they read or write",
    "`side`, `host`": _list(*SIDES),
    "`direction`": _list(*DIRECTIONS),
    "`op`": _list(*OPS),
    "`result` of `controller_runtime_reconcile_total`": _list(*RESULTS),
    "`result` of `kled_sync_operations_total`": _list(*OUTCOMES),
    "`lane`": _list(*LANES),
    "`reason` of `kled_informer_*`": _list(*RESTART_REASONS),
    "`reason` of `kled_sync_skipped_total`": _list(*SKIP_REASONS),
    "`method`, `verb`": _list(*METHODS),
    "`code`": f"{_list(*CODES)}, `1xx` to `5xx` for others, `<error>`",
    "`name`": "`sync` for the work queue, `kled-syncer` for the election",
    "`task`": "what a task does, without namespace and number",
}


def page() -> str:
    """docs/metrics.md."""
    lines = [
        "<!-- Generated by `python -m syncer.observe.families`. Change that module, not this file. -->",
        "",
        "# Metrics",
        "",
        "Served as `/metrics` on `--metrics-address`, in the Prometheus text format. `process_*` and `python_*` come from the Prometheus client",
        "library.",
        "",
        "Counters with a kind are there from the start, with 0, for every kind that is switched on, as far as the combination of their labels is an",
        "ordinary one (an object is created, patched and deleted on its way down, patched on its way up). Histograms begin with their first",
        "observation. Gauges are read when somebody scrapes. No label holds the name of an object or of a namespace.",
        "",
        "| family | type | labels | meaning |",
        "| --- | --- | --- | --- |",
    ]
    for family in FAMILIES.values():
        labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
        lines.append(f"| `{family.name}` | {family.type} | {labels} | {family.help} |")
    lines += ["", "## Values of labels", "", "Anything else is shown as `other`.", "", "| label | values |", "| --- | --- |"]
    lines += [f"| {label} | {values} |" for label, values in _VALUES.items()]
    lines += ["", "## Buckets", "", "| histogram | upper bounds in seconds |", "| --- | --- |"]
    lines += [f"| `{family.name}` | {', '.join(f'{bound:g}' for bound in family.buckets)} |" for family in FAMILIES.values() if family.buckets]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
