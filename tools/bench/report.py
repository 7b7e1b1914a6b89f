"""The figures as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

GOALS: tuple[tuple[str, str, str, float, bool], ...] = (
    # (field, what, unit, goal, larger is better)
    ("pods_per_syncer_cpu_second", "Pods through the whole path per CPU second of the syncer", "", 250, True),
    ("bytes_per_pod", "Memory per pod", "bytes", 15 * 1024, False),
    ("idle_rss_bytes", "Memory when idle", "bytes", 90 * 1024 * 1024, False),
    ("wall_ratio_to_bare", "Wall time until all pods are Running in the tenant, against the bare host", "x", 2.5, False),
    ("noop_write_share", "Share of writes that changed nothing", "", 0.01, False),
    ("writes_at_rest", "Writes in a minute at rest", "", 0, False),
    ("writes_at_restart", "Writes after a restart with everything in place", "", 0, False),
)


def quantiles(values: Sequence[float]) -> dict[str, float]:
    """p50 and p99 of sorted seconds."""
    if not values:
        return {"p50": float("nan"), "p99": float("nan")}
    return {"p50": round(values[len(values) // 2], 4), "p99": round(values[min(len(values) - 1, int(len(values) * 0.99))], 4)}


def write(figures: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "latest.json").write_text(json.dumps(figures, indent=2) + "\n")
    (folder / "README.md").write_text(page(figures))


def _content(stored: dict[str, Any]) -> list[str]:
    """The second benchmark."""
    restart = stored["restart"]
    return [
        f"## {stored['objects']:,} ConfigMaps and Secrets of {stored['bytes_each']:,} bytes, {stored['used']} of them used",
        "",
        "Memory and CPU of the syncer, on top of an idle one. What nobody uses is held in outline and never decoded.",
        "",
        "| | memory | CPU |",
        "|---|---|---|",
        f"| each object that nobody uses | {stored['bytes_per_unused']:,} bytes | {stored['cpu_ms_per_unused']} ms |",
        f"| each one that a pod comes to use, with its pod | {stored['bytes_per_user']:,} bytes | {stored['cpu_ms_per_user']} ms |",
        f"| the whole process | {stored['rss_bytes'] / 1048576:.0f} MiB (idle {stored['idle_rss_bytes'] / 1048576:.0f} MiB) | |",
        f"| after a restart | {restart['rss_bytes'] / 1048576:.0f} MiB, {restart['writes']} writes | {restart['cpu_seconds']} s |",
        "",
    ]


def page(figures: dict[str, Any]) -> str:
    """What a reader wants to know first, then everything that was counted."""
    lines = [
        "# Benchmark",
        "",
        f"{figures['pods']} pods in one burst, every tenth with a ConfigMap and a Secret of its own, on two real control planes in one run:",
        "first straight to the host, then through the syncer. Reproduce with `make bench`; this page is written by it.",
        "",
        "| figure | measured | goal | |",
        "|---|---|---|---|",
    ]
    for field, what, unit, goal, larger in GOALS:
        value = figures[field]
        met = value >= goal if larger else value <= goal
        lines.append(f"| {what} | {value:,} {unit} | {'≥' if larger else '≤'} {goal:,g} {unit} | {'met' if met else '**short**'} |")
    through, single, rest, restart = figures["through"], figures["single"], figures["rest"], figures["restart"]
    lines += [
        f"| A single pod at rest, created → on the host, p50 | {single['latency']['host']['p50'] * 1000:.1f} ms | ≤ 10 ms | |",
        f"| CPU of the syncer for a single pod at rest, its whole life to Running | {single['cpu_ms_per_pod']} ms | ≤ 5 ms | |",
        "",
        "## Latency in the burst (seconds)",
        "",
        "| | p50 | p99 |",
        "|---|---|---|",
        f"| created → on the host | {through['latency']['host']['p50']} | {through['latency']['host']['p99']} |",
        f"| created → Running in the tenant | {through['latency']['running']['p50']} | {through['latency']['running']['p99']} |",
        f"| bare host: created → Running | {figures['bare']['latency']['running']['p50']} | {figures['bare']['latency']['running']['p99']} |",
        "",
        "## CPU seconds in the burst",
        "",
        "| process | seconds |",
        "|---|---|",
        *(f"| {name} | {seconds} |" for name, seconds in sorted(through["cpu_seconds"].items(), key=lambda item: -item[1])),
        "",
        f"## Writes of the syncer in the burst ({through['writes_per_pod']} per pod)",
        "",
        "| write | count |",
        "|---|---|",
        *(f"| {name} | {count} |" for name, count in sorted(through["writes"].items(), key=lambda item: -item[1])),
        "",
        "## Where the syncer's time goes (shares, in a burst under the profiler)",
        "",
        "| room | share |",
        "|---|---|",
        *(f"| {room} | {share:.0%} |" for room, share in figures["profile"].items() if share >= 0.005),
        "",
        "## At rest and after a restart",
        "",
        f"In {rest['seconds']:.0f} s at rest: {rest['writes']} writes, {rest['lease_writes']} lease renewals, {rest['reads']} reads, "
        f"{rest['cpu_seconds']} CPU seconds. Restart: {restart['writes']} writes, {restart['cpu_seconds']} CPU seconds, "
        f"{restart['rss_bytes'] / 1048576:.0f} MiB.",
        "",
        *_content(figures["content"]),
        "## Machine",
        "",
        ", ".join(f"{name}: {value}" for name, value in figures["machine"].items()),
        "",
    ]
    return "\n".join(lines)
