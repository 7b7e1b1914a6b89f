import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from syncer.core import actions
from syncer.core.objects import PODS, SECRETS, Key, Resource, Side
from syncer.core.stamp import MANAGED_BY, MANAGER
from syncer.core.translator import Life, Translator
from syncer.observe.families import FAMILIES, page
from syncer.observe.metrics import Metrics

PVS = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)


def scraped(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of a scrape, by name and sorted labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, family: str, /, **labels: str) -> float | None:
    return scraped(metrics).get((family, tuple(sorted(labels.items()))))


def test_every_family_is_exposed_under_its_own_name_and_type():
    metrics = Metrics(["pods"])
    exposed = {family.name: family.type for family in text_string_to_metric_families(metrics.text().decode())}
    for name, family in FAMILIES.items():
        if family.type != "gauge" and name not in ("workqueue_adds_total", "workqueue_retries_total"):
            assert exposed[name.removesuffix("_total") if family.type == "counter" else name] == family.type, name


def test_counters_of_enabled_kinds_exist_before_anything_happens():
    metrics = Metrics(["pods", "pod-tokens"])
    for kind in ("pods", "pod-tokens"):
        assert value(metrics, "controller_runtime_reconcile_total", controller=kind, result="success") == 0
        assert value(metrics, "controller_runtime_reconcile_errors_total", controller=kind) == 0
        assert value(metrics, "kled_sync_operations_total", kind=kind, direction="down", op="create", result="done") == 0
        assert value(metrics, "kled_sync_refused_total", kind=kind) == 0
        assert value(metrics, "kled_sync_loops_suppressed_total", kind=kind) == 0


def test_what_is_told_is_what_is_scraped():
    metrics = Metrics(["pods"])
    metrics.reconciled("pods", "success", 0.004)
    metrics.reconciled("pods", "error", 0.2)
    metrics.waited(0.01)
    metrics.wrote("pods", "down", "create", "done")
    metrics.wrote("pods", "down", "create", "done")
    metrics.lag("pods", "down", 0.03)
    metrics.request("PATCH", 200, 0.01, "host")
    metrics.request("GET", 0, 5.0, "tenant")
    metrics.refused("pods", actions.REFUSED)
    metrics.refused("pods", actions.CONFLICT)
    metrics.skipped("pods", "translator")
    metrics.translation_error("pods")
    metrics.loop_suppressed("pods")
    metrics.watch_restarted("pods", "host", "gone")
    metrics.watch_restarted("pods", "host", "ended")
    metrics.task_restarted("worker-17")
    metrics.loop_lag(0.002)
    found = scraped(metrics)

    def of(family: str, /, **labels: str) -> float:
        return found[family, tuple(sorted(labels.items()))]

    assert of("controller_runtime_reconcile_total", controller="pods", result="success") == 1
    assert of("controller_runtime_reconcile_errors_total", controller="pods") == 1
    assert of("controller_runtime_reconcile_time_seconds_count", controller="pods") == 2
    assert of("controller_runtime_reconcile_time_seconds_sum", controller="pods") == pytest.approx(0.204)
    assert of("controller_runtime_reconcile_time_seconds_bucket", controller="pods", le="0.005") == 1
    assert of("workqueue_work_duration_seconds_count", name="sync") == 2
    assert of("workqueue_queue_duration_seconds_count", name="sync") == 1
    assert of("kled_sync_operations_total", kind="pods", direction="down", op="create", result="done") == 2
    assert of("kled_sync_lag_seconds_sum", kind="pods", direction="down") == pytest.approx(0.03)
    assert of("rest_client_requests_total", code="200", method="PATCH", host="host") == 1
    assert of("rest_client_requests_total", code="<error>", method="GET", host="tenant") == 1
    assert of("rest_client_request_duration_seconds_count", verb="PATCH", host="host") == 1
    assert of("kled_sync_refused_total", kind="pods") == 1
    assert of("kled_sync_conflicts_total", kind="pods") == 1
    assert of("kled_sync_skipped_total", kind="pods", reason="translator") == 1
    assert of("kled_sync_translation_errors_total", kind="pods") == 1
    assert of("kled_sync_loops_suppressed_total", kind="pods") == 1
    assert of("kled_informer_watch_restarts_total", kind="pods", side="host", reason="gone") == 1
    assert of("kled_informer_watch_restarts_total", kind="pods", side="host", reason="ended") == 1
    assert of("kled_informer_relists_total", kind="pods", side="host", reason="gone") == 1
    assert of("kled_tasks_restarted_total", task="worker") == 1
    assert of("kled_event_loop_lag_seconds_count") == 1
    assert of("process_open_fds") > 0
    assert any(name == "python_info" for name, _ in found)
    assert any(name == "kled_build_info" for name, _ in found)


def test_a_watch_does_not_spoil_the_durations_of_requests():
    metrics = Metrics(["pods"])
    metrics.request("WATCH", 200, 300.0, "host")
    assert value(metrics, "rest_client_requests_total", code="200", method="WATCH", host="host") == 1
    assert value(metrics, "rest_client_request_duration_seconds_count", verb="WATCH", host="host") is None


def test_names_made_up_by_others_make_no_time_series():
    metrics = Metrics(["pods"])

    def tell(text: str, number: int) -> None:
        metrics.reconciled(text, text, 0.1)
        metrics.wrote(text, text, text, text)
        metrics.lag(text, text, 0.1)
        metrics.request(text, number, 0.1, text)
        metrics.refused(text, text)
        metrics.conflict(text)
        metrics.skipped(text, text)
        metrics.translation_error(text)
        metrics.loop_suppressed(text)
        metrics.watch_restarted(text, text, text)
        metrics.relisted(text, text, text)
        metrics.task_restarted(f"host pods in {text}")

    for number in range(1000):
        tell(f'evil-{number}\n"}} 1', number)
    before = len(scraped(metrics))
    for number in range(1000, 10000):
        tell(f"evil-{number}", number)
    assert len(scraped(metrics)) == before
    assert b"evil" not in metrics.text()
    assert value(metrics, "kled_tasks_restarted_total", task="host pods") == 10000


def test_histograms_have_at_most_twelve_buckets():
    assert all(len(family.buckets) + 1 <= 12 for family in FAMILIES.values())


def test_gauges_are_read_at_the_scrape():
    metrics = Metrics(["pods"])
    leads = False
    metrics.leading(lambda: leads)
    metrics.write_limit("host", lambda: 32)
    metrics.write_limit("tenant", lambda: 16)
    assert value(metrics, "leader_election_master_status", name="kled-syncer") == 0
    leads = True
    assert value(metrics, "leader_election_master_status", name="kled-syncer") == 1
    assert value(metrics, "kled_write_concurrency_limit", side="host") == 32
    assert value(metrics, "kled_write_concurrency_limit", side="tenant") == 16


def test_a_gauge_that_cannot_be_read_does_not_spoil_the_scrape():
    metrics = Metrics(["pods"])
    metrics.leading(lambda: 1 / 0 > 0)
    assert value(metrics, "leader_election_master_status", name="kled-syncer") is None
    assert value(metrics, "kled_scrape_errors_total", family="leader_election_master_status") >= 1
    assert value(metrics, "kled_sync_refused_total", kind="pods") == 0


class Store:
    def __init__(self, count: int, size: int) -> None:
        self.count, self.bytes = count, size

    def __len__(self) -> int:
        return self.count


class Table:
    def __init__(self, *labels: dict[str, str] | None) -> None:
        self.entries = {number: SimpleNamespace(meta=SimpleNamespace(labels=held)) for number, held in enumerate(labels)}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self):
        return iter(self.entries.values())


def engine(now: float) -> SimpleNamespace:
    """A picture of an engine at work."""
    pods = Translator(name="pods", source=PODS, life=Life.SHARED_FATE, tenant_owns=())
    volumes = Translator(name="persistentvolumes", source=PVS, life=Life.HOST_LEADS, tenant_owns=())
    running = {Key("pods", "a", "b"): now - 2, Key("pods", "a", "c"): now - 3}
    queue = SimpleNamespace(adds=7, retries=2, depth=lambda: 5, oldest=lambda lane: now - 4 if lane == 0 else None, running=lambda: running)
    ours = {MANAGED_BY: MANAGER}
    tables = [
        (Side.HOST, "pods", Table(None, None)),
        (Side.TENANT, "persistentvolumes", Table(ours, None)),
        (Side.HOST, "persistentvolumes", Table(None)),
    ]
    reflectors = {
        (Side.HOST, "pods", "x"): SimpleNamespace(synced=True, last_event=now - 1, store=Store(2, 100)),
        (Side.HOST, "pods", "y"): SimpleNamespace(synced=False, last_event=now - 60, store=Store(3, 50)),
        (Side.TENANT, "secrets", ""): SimpleNamespace(synced=True, last_event=float("-inf"), store=Store(0, 0)),
    }
    guard = SimpleNamespace(held=1, pending=frozenset({Key("pods", "a", "b")}))
    cache = SimpleNamespace(tables=lambda: iter(tables))
    return SimpleNamespace(
        queue=queue, guard=guard, cache=cache, reflectors=reflectors, translators={"pods": pods, "persistentvolumes": volumes}, secrets=SECRETS
    )


async def test_the_engine_is_read_at_the_scrape():
    metrics = Metrics(["pods", "persistentvolumes"])
    metrics.watch_engine(engine(asyncio.get_running_loop().time()))  # type: ignore[arg-type]
    found = scraped(metrics)

    def of(family: str, /, **labels: str) -> float:
        return found[family, tuple(sorted(labels.items()))]

    assert of("workqueue_depth", name="sync") == 5
    assert of("workqueue_adds_total", name="sync") == 7
    assert of("workqueue_retries_total", name="sync") == 2
    assert of("workqueue_unfinished_work_seconds", name="sync") == pytest.approx(5, abs=0.5)
    assert of("workqueue_longest_running_processor_seconds", name="sync") == pytest.approx(3, abs=0.5)
    assert of("controller_runtime_active_workers", controller="pods") == 2
    assert of("controller_runtime_active_workers", controller="persistentvolumes") == 0
    assert of("controller_runtime_max_concurrent_reconciles", controller="pods") == 32
    assert of("kled_sync_queue_age_seconds", lane="status") == pytest.approx(4, abs=0.5)
    assert of("kled_sync_queue_age_seconds", lane="ordinary") == 0
    assert of("kled_sync_held_deletions", kind="pods") == 1
    assert of("kled_sync_objects", kind="pods", side="host") == 2
    assert of("kled_sync_objects", kind="persistentvolumes", side="tenant") == 1
    assert ("kled_sync_objects", (("kind", "persistentvolumes"), ("side", "host"))) not in found
    assert of("kled_informer_synced", kind="pods", side="host") == 0
    assert of("kled_informer_synced", kind="secrets", side="tenant") == 1
    assert of("kled_informer_cache_objects", kind="pods", side="host") == 5
    assert of("kled_informer_cache_bytes", kind="pods", side="host") == 150
    assert of("kled_informer_last_event_timestamp_seconds", kind="secrets", side="tenant") == 0
    assert of("kled_informer_last_event_timestamp_seconds", kind="pods", side="host") > 1e9
    assert not [name for name, _ in found if name == "kled_scrape_errors_total"]


def test_two_metrics_in_one_process_do_not_meet():
    one, other = Metrics(["pods"]), Metrics(["pods"])
    one.refused("pods")
    assert value(other, "kled_sync_refused_total", kind="pods") == 0


def test_the_page_about_metrics_is_current():
    """Renew it with `python -m syncer.observe.families > docs/metrics.md`."""
    assert (Path(__file__).parents[2] / "docs" / "metrics.md").read_text() == page()


def test_observe_imports_nothing_of_the_syncer_but_the_core():
    code = (
        "import sys, syncer.observe.http, syncer.observe.supervise;"
        "print(sorted({'.'.join(name.split('.')[:2]) for name in sys.modules if name.startswith('syncer.')}))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "['syncer.core', 'syncer.observe']"
