"""Those who work on a cluster beside the syncer. Each has `step()`, which does what is due now and says how much that was; nothing happens
unless a test takes a step, so that everybody can also be late. `settle` lets several of them go on until there is nothing left to do."""

from __future__ import annotations

from typing import Protocol

from syncer.testing.drivers.controllers import ClaimProtection, Controllers, GarbageCollector, NamespaceContents, NamespaceController
from syncer.testing.drivers.kubelet import Kubelet
from syncer.testing.drivers.nodes import make_node
from syncer.testing.drivers.scheduler import Scheduler


class Driver(Protocol):
    def step(self) -> int: ...


def settle(*drivers: Driver, rounds: int = 100) -> int:
    """Step all of them, in this order, until a whole round changes nothing; how many changes there were."""
    total = 0
    for _ in range(rounds):
        done = sum(driver.step() for driver in drivers)
        total += done
        if not done:
            return total
    raise AssertionError(f"the drivers did not come to rest in {rounds} rounds")


__all__ = [
    "ClaimProtection",
    "Controllers",
    "Driver",
    "GarbageCollector",
    "Kubelet",
    "NamespaceContents",
    "NamespaceController",
    "Scheduler",
    "make_node",
    "settle",
]
