"""Runs the benchmark and writes docs/benchmarks/latest.json and docs/benchmarks/README.md.

One run, two real control planes: first the bare host (the same creator, straight to the host), then the same load through the syncer; then a minute
at rest, single pods at rest, and a restart with everything in place. Counts of requests come from the API servers' audit logs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from syncer.cluster.connect import connect
from syncer.cluster.transport import Transport
from syncer.core.errors import NotFound
from syncer.core.objects import NAMESPACES, PODS, Side
from tools.bench import content, load, profile, report
from tools.bench.process import cpu_seconds, machine, rss_bytes
from tools.demo.stage import TENANT_RANGE, Syncer, service_cidr, syncer
from tools.planes import ControlPlane

NAME = "bench"
HOST_NAMESPACE = "bench-load"
WITHIN = 600.0
_SETTLE = 20.0
"""Seconds before memory is read: connections of a burst are closed by then."""
WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--rest", type=float, default=60.0, help="seconds at rest")
    parser.add_argument("--singles", type=int, default=30, help="pods created one by one at rest")
    parser.add_argument("--token", action="store_true", help="pods mount a service-account token")
    parser.add_argument("--content", type=int, default=5000, help="ConfigMaps and Secrets of 4 KB in the second benchmark")
    parser.add_argument("--used", type=int, default=100, help="how many of them pods use")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks"))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kled-bench-"))
    with ControlPlane("host", nodes=10) as host, ControlPlane("tenant", service_cidr=TENANT_RANGE) as tenant:
        service_cidr(host, NAME, TENANT_RANGE)
        tenant.kubectl("-n", "kube-system", "create", "service", "clusterip", "kube-dns", "--tcp=53:53")
        figures = asyncio.run(measure(host, tenant, folder, options))
    report.write(figures, options.output)
    print(json.dumps({name: value for name, value in figures.items() if not isinstance(value, dict)}, indent=2))
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def say(text: str) -> None:
    print(f"== {text}", flush=True)


async def measure(host: ControlPlane, tenant: ControlPlane, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    sync_file = folder / "sync.yaml"
    sync_file.write_text(f'sync:\n  namespaceMapping: {{"*": "{NAME}-{{namespace}}"}}\ntenant:\n  serviceCIDR: {TENANT_RANGE}\n')
    host_api, tenant_api = Transport(connect(Side.HOST, host.kubeconfig)), Transport(connect(Side.TENANT, tenant.kubeconfig))
    async with host_api, tenant_api:
        say(f"bare host: {options.pods} pods")
        bare = await bare_host(host_api, options)
        say("starting the syncer")
        with syncer(host, tenant, name=NAME, sync_file=sync_file, folder=folder) as running:
            await load.namespace(tenant_api, "load")
            await load.until("default service account", lambda: "default" in tenant.kubectl("-n", "load", "get", "sa", "-o", "name"), 30)
            await asyncio.sleep(_SETTLE)
            idle = rss_bytes(running.process.pid)
            say(f"through the syncer: {options.pods} pods")
            through = await through_syncer(host, tenant, host_api, tenant_api, running, options)
            say(f"at rest for {options.rest:.0f} s")
            rest = await at_rest(host, tenant, running, options.rest)
            say(f"{options.singles} single pods")
            single = await single_pods(host_api, tenant_api, running, options)
        say("restart with everything in place")
        marks = _marks(host, tenant)
        with syncer(host, tenant, name=NAME, sync_file=sync_file, folder=folder) as running:
            restart = await restarted(host, tenant, running, marks)
        say(f"{options.content} ConfigMaps and Secrets of which {options.used} are used")
        with syncer(host, tenant, name=NAME, sync_file=sync_file, folder=folder) as running:
            stored = await content.measure(tenant_api, running, objects=options.content, used=options.used)
            marks = _marks(host, tenant)
        with syncer(host, tenant, name=NAME, sync_file=sync_file, folder=folder) as running:
            stored["restart"] = await restarted(host, tenant, running, marks)
        say("a burst under the profiler")
        spent = await profiled(host, tenant, tenant_api, sync_file, folder, options)
    per_pod = through["syncer_cpu_seconds"] / options.pods
    return {
        "pods": options.pods,
        "with_token": options.token,
        "pods_per_syncer_cpu_second": round(1 / per_pod, 1),
        "syncer_cpu_ms_per_pod": round(per_pod * 1000, 3),
        "bytes_per_pod": round((through["rss_after"] - idle) / options.pods),
        "idle_rss_bytes": idle,
        "rss_after_bytes": through["rss_after"],
        "bare_wall_seconds": round(bare["wall"], 3),
        "wall_seconds": round(through["wall"], 3),
        "wall_ratio_to_bare": round(through["wall"] / bare["wall"], 2),
        "noop_write_share": through["noop_share"],
        "writes_at_rest": rest["writes"],
        "writes_at_restart": restart["writes"],
        "latency_seconds": through["latency"],
        "bare": bare,
        "through": through,
        "rest": rest,
        "single": single,
        "restart": restart,
        "content": stored,
        "profile": spent,
        "machine": machine(),
    }


async def bare_host(api: Transport, options: argparse.Namespace) -> dict[str, Any]:
    """The same objects, straight to the host; deleted again afterwards."""
    where = "bare"
    await load.namespace(api, where)
    await asyncio.sleep(3)
    times = load.Times()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(load.observe(api, where, load.first(times.running, load.is_running)))
        begun = time.monotonic()
        await load.create_all(api, where, range(options.pods), times, token=options.token)
        created = time.monotonic() - begun
        await load.until("all pods Running on the bare host", lambda: len(times.running) >= options.pods, WITHIN)
        wall = time.monotonic() - begun
        watching.cancel()
    namespace = await api.get(NAMESPACES, "", where)
    await api.delete(NAMESPACES, "", where, uid=namespace.meta.uid)
    await _gone(api, where)
    return {"wall": wall, "created": created, "latency": {"running": report.quantiles(times.since_created(times.running))}}


async def through_syncer(
    host: ControlPlane, tenant: ControlPlane, host_api: Transport, tenant_api: Transport, running: Syncer, options: argparse.Namespace
) -> dict[str, Any]:
    times = load.Times()
    before = {name: cpu_seconds(pid) for name, pid in _pids(host, tenant, running).items()}
    marks = _marks(host, tenant)
    async with asyncio.TaskGroup() as group:
        watching = [
            group.create_task(load.observe(host_api, HOST_NAMESPACE, load.first(times.on_host))),
            group.create_task(load.observe(tenant_api, "load", load.first(times.running, load.is_running))),
        ]
        begun = time.monotonic()
        await load.create_all(tenant_api, "load", range(options.pods), times, token=options.token)
        created = time.monotonic() - begun
        await load.until("all pods Running in the tenant", lambda: len(times.running) >= options.pods, WITHIN)
        wall = time.monotonic() - begun
        for task in watching:
            task.cancel()
    await asyncio.sleep(_SETTLE)
    after = {name: cpu_seconds(pid) for name, pid in _pids(host, tenant, running).items()}
    writes = _writes(host, tenant, marks)
    total = sum(writes["verbs"].values())
    unchanged = _unchanged(running)
    return {
        "wall": wall,
        "created": created,
        "syncer_cpu_seconds": after["syncer"] - before["syncer"],
        "cpu_seconds": {name: round(after[name] - before[name], 2) for name in after},
        "rss_after": rss_bytes(running.process.pid),
        "latency": {"host": report.quantiles(times.since_created(times.on_host)), "running": report.quantiles(times.since_created(times.running))},
        "writes": writes["verbs"],
        "writes_per_pod": round(total / options.pods, 2),
        "noop_share": round((unchanged + writes["failed"]) / max(total, 1), 4),
        "noop_writes": unchanged,
        "failed_writes": writes["failed"],
    }


async def at_rest(host: ControlPlane, tenant: ControlPlane, running: Syncer, seconds: float) -> dict[str, Any]:
    marks, cpu = _marks(host, tenant), cpu_seconds(running.process.pid)
    await asyncio.sleep(seconds)
    writes = _writes(host, tenant, marks)
    return {
        "seconds": seconds,
        "writes": sum(writes["verbs"].values()),
        "lease_writes": writes["leases"],
        "reads": writes["reads"],
        "cpu_seconds": round(cpu_seconds(running.process.pid) - cpu, 3),
        "rss_bytes": rss_bytes(running.process.pid),
    }


async def single_pods(host_api: Transport, tenant_api: Transport, running: Syncer, options: argparse.Namespace) -> dict[str, Any]:
    """One pod at a time, already bound to a node, so that what is measured is the syncer's own way to the host."""
    times = load.Times()
    before = cpu_seconds(running.process.pid)
    async with asyncio.TaskGroup() as group:
        watching = [
            group.create_task(load.observe(host_api, HOST_NAMESPACE, load.first(times.on_host))),
            group.create_task(load.observe(tenant_api, "load", load.first(times.running, load.is_running))),
        ]
        await asyncio.sleep(1)
        for number in range(options.singles):
            name = f"single-{number:03d}"
            body = load.objects("load", 100_001 + load.WITH_CONFIG * number, token=options.token)[-1][1]
            body = {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**body["metadata"], "name": name},
                "spec": {**body["spec"], "nodeName": f"node-{number % 10}"},
            }
            times.created[name] = time.monotonic()
            await tenant_api.create(PODS, "load", body)
            await load.until(f"{name} Running", partial(times.running.__contains__, name), 30)
            await asyncio.sleep(0.3)
        for task in watching:
            task.cancel()
    used = cpu_seconds(running.process.pid) - before
    return {
        "pods": options.singles,
        "latency": {"host": report.quantiles(times.since_created(times.on_host)), "running": report.quantiles(times.since_created(times.running))},
        "cpu_ms_per_pod": round(used / options.singles * 1000, 2),
    }


async def profiled(
    host: ControlPlane, tenant: ControlPlane, tenant_api: Transport, sync_file: Path, folder: Path, options: argparse.Namespace
) -> dict[str, float]:
    """Shares of the syncer's time in another, smaller burst."""
    statistics, where, pods = folder / "profile", "profiled", min(300, options.pods)
    times = load.Times()
    with syncer(host, tenant, name=NAME, sync_file=sync_file, folder=folder, under=("-m", "cProfile", "-o", str(statistics))):
        await load.namespace(tenant_api, where)
        await asyncio.sleep(5)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(load.observe(tenant_api, where, load.first(times.running, load.is_running)))
            await load.create_all(tenant_api, where, range(pods), times, token=options.token)
            await load.until("all pods Running under the profiler", lambda: len(times.running) >= pods, WITHIN)
            watching.cancel()
    return profile.shares(statistics)


async def restarted(host: ControlPlane, tenant: ControlPlane, running: Syncer, marks: tuple[int, int]) -> dict[str, Any]:
    await asyncio.sleep(10)
    writes = _writes(host, tenant, marks)
    return {
        "writes": sum(writes["verbs"].values()),
        "verbs": writes["verbs"],
        "cpu_seconds": round(cpu_seconds(running.process.pid), 2),
        "rss_bytes": rss_bytes(running.process.pid),
    }


def _pids(host: ControlPlane, tenant: ControlPlane, running: Syncer) -> dict[str, int]:
    found = {"syncer": running.process.pid}
    for side, plane in (("host", host), ("tenant", tenant)):
        for component in plane.components:
            if component.pid is not None:
                found[f"{side} {component.name}"] = component.pid
    return found


def _marks(host: ControlPlane, tenant: ControlPlane) -> tuple[int, int]:
    return _size(host), _size(tenant)


def _size(plane: ControlPlane) -> int:
    return plane.audit_log.position()


def _writes(host: ControlPlane, tenant: ControlPlane, marks: tuple[int, int]) -> dict[str, Any]:
    """The syncer's own requests since the marks, from both audit logs. Leases are counted apart, reviews of our own rights are reads."""
    verbs: Counter[str] = Counter()
    failed = leases = reads = 0
    for side, plane, mark in (("host", host, marks[0]), ("tenant", tenant, marks[1])):
        for entry in _own(plane.audit_entries(mark)):
            what = entry.get("objectRef", {})
            resource = what.get("resource", "")
            if entry["verb"] not in WRITES or resource.startswith("self"):
                reads += 1
            elif resource == "leases":
                leases += 1
            else:
                sub = f"/{what['subresource']}" if what.get("subresource") else ""
                code = entry["responseStatus"]["code"]
                verbs[f"{side} {entry['verb']} {resource}{sub} {code}"] += 1
                failed += code >= 400
    return {"verbs": dict(verbs), "failed": failed, "leases": leases, "reads": reads}


def _unchanged(running: Syncer) -> int:
    """Writes that the server found nothing to change in, as the syncer counts them (the answer's resourceVersion is the old one)."""
    with urllib.request.urlopen(f"http://{running.address}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    lines = (line for line in text.splitlines() if line.startswith("kled_sync_operations_total{") and 'result="noop"' in line)
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


def _own(entries: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for entry in entries:
        if entry.get("stage") == "ResponseComplete" and entry["user"]["username"] == f"kled-syncer-{NAME}":
            yield entry


async def _gone(api: Transport, namespace: str) -> None:
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        try:
            await api.get(NAMESPACES, "", namespace)
        except NotFound:
            return
        await asyncio.sleep(0.5)
    raise SystemExit(f"namespace {namespace} does not go")


if __name__ == "__main__":
    raise SystemExit(main())
