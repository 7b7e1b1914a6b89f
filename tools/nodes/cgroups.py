"""A control group for each node, so that two kubelets do not meet in one tree, and what is left of one after its end can be found by name."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from tools.planes.errors import PlaneError

MOUNTS = Path("/proc/self/mounts")
REMOVED_SECONDS = 20.0


def hierarchies(*kinds: str) -> list[Path]:
    """Where control groups are mounted: one place for version 2, one for each controller for version 1."""
    rows = [line.split() for line in MOUNTS.read_text().splitlines()]
    return [Path(row[1]) for row in rows if row[2] in (kinds or ("cgroup", "cgroup2"))]


def controllers() -> set[str]:
    """What can be limited here."""
    legacy = hierarchies("cgroup")
    if legacy:
        return {name for top in legacy for name in top.name.split(",")}
    return {name for top in hierarchies("cgroup2") for name in (top / "cgroup.controllers").read_text().split()}


def make(name: str) -> None:
    """Make the group in every hierarchy that has controllers; its parents first, since they pass their settings on."""
    legacy = hierarchies("cgroup")
    for top in legacy or hierarchies("cgroup2"):
        group = top
        for part in Path(name).parts:
            _delegate(group)
            group /= part
            group.mkdir(exist_ok=True)
            _inherit(group)
        _delegate(group)


def remove(name: str) -> None:
    """Kill what is still in the group and remove it with everything below; the kernel takes a moment to let go of the last process."""
    deadline = time.monotonic() + REMOVED_SECONDS
    while left := [group for top in hierarchies() for group in _deepest_first(top / name)]:
        for group in left:
            _kill(group)
            with contextlib.suppress(OSError):
                group.rmdir()
        if time.monotonic() > deadline:
            raise PlaneError(f"control group {left[0]} cannot be removed: it is still in use after {REMOVED_SECONDS:.0f} s")
        time.sleep(0.05)


def _deepest_first(group: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(group, topdown=False):
        yield Path(folder)


def _kill(group: Path) -> None:
    with contextlib.suppress(OSError):
        for process in (group / "cgroup.procs").read_text().split():
            os.kill(int(process), signal.SIGKILL)


def _inherit(group: Path) -> None:
    """Version 1: a group of the cpuset controller is empty, and useless, until it is given processors and memory."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if (group / file).exists() and (group.parent / "cgroup.clone_children").exists():
            (group / file).write_text((group.parent / file).read_text())


def _delegate(group: Path) -> None:
    """Version 2: hand all controllers on to the groups below."""
    controllers = group / "cgroup.controllers"
    if controllers.exists():
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers.read_text().split()))
