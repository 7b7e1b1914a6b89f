"""Counters and histograms that cost one dictionary look-up and an addition.

The client library's own take a lock and search their buckets one by one (0.5 and 1 µs); here there is one event loop and so no lock. What is
counted becomes the library's families when somebody scrapes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from syncer.observe.families import Family

OTHER = "other"
Labels = tuple[Any, ...]
Fit = Callable[[Any], Any]
"""A label's value → itself, or what stands for it when it is not one of the known ones."""


def one_of(known: Collection[str]) -> Fit:
    values = frozenset(known)
    return lambda value: value if value in values else OTHER


def fitted(fits: tuple[Fit, ...], labels: Labels) -> Labels:
    return tuple(fit(label) for fit, label in zip(fits, labels, strict=True))


class Counts:
    """Counters of one family, by label values. A cell that is not there yet is opened under values from the fixed sets."""

    __slots__ = ("_fits", "cells")

    def __init__(self, *fits: Fit) -> None:
        self._fits = fits
        self.cells: dict[Labels, int] = {}

    def add(self, *labels: str) -> None:
        if labels in self.cells:
            self.cells[labels] += 1
        else:
            known = fitted(self._fits, labels)
            self.cells[known] = self.cells.get(known, 0) + 1

    def zero(self, *labels: str) -> None:
        self.cells.setdefault(fitted(self._fits, labels), 0)


class Timings:
    """Histograms of one family. A cell holds the count of each bucket, one for what is above all of them, and at its end the sum."""

    __slots__ = ("_fits", "bounds", "cells")

    def __init__(self, bounds: tuple[float, ...], *fits: Fit) -> None:
        self.bounds = bounds
        self._fits = fits
        self.cells: dict[Labels, list[float]] = {}

    def observe(self, labels: Labels, seconds: float) -> None:
        cell = self.cells.get(labels)
        if cell is None:
            cell = self.cells.setdefault(fitted(self._fits, labels), [0] * (len(self.bounds) + 2))
        cell[bisect_left(self.bounds, seconds)] += 1
        cell[-1] += seconds

    def total(self, labels: Labels) -> float:
        """How many observations a cell has."""
        return sum(self.cells[labels][:-1])

    def merged(self, keep: Callable[[Labels], Labels]) -> dict[Labels, list[float]]:
        """The cells under fewer labels."""
        found: dict[Labels, list[float]] = {}
        for labels, cell in self.cells.items():
            short = keep(labels)
            held = found.get(short)
            found[short] = list(cell) if held is None else [mine + more for mine, more in zip(held, cell, strict=True)]
        return found


def counters(family: Family, cells: Iterable[tuple[Labels, float]]) -> CounterMetricFamily:
    made = CounterMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in cells:
        made.add_metric(labels, value)
    return made


def gauges(family: Family, cells: Iterable[tuple[Labels, float]]) -> GaugeMetricFamily:
    made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for labels, value in cells:
        made.add_metric(labels, value)
    return made


def histograms(family: Family, cells: Iterable[tuple[Labels, list[float]]]) -> HistogramMetricFamily:
    made = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = [*(str(bound) for bound in family.buckets), "+Inf"]
    for labels, cell in cells:
        running, buckets = 0.0, []
        for bound, count in zip(bounds, cell, strict=False):
            running += count
            buckets.append((bound, running))
        made.add_metric(labels, buckets, cell[-1])
    return made
