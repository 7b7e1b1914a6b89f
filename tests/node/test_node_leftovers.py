"""However a run of real nodes ends, nothing of it stays on the machine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.stage import eventually
from tools.nodes import cgroups, runs

READY_SECONDS = 180.0


def descendants(process: int) -> set[int]:
    """All processes below one, through every namespace: the machine sees them all."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, fresh = set[int](), {process}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def alive(processes: set[int]) -> list[str]:
    """Those that still run, by name; one that only waits to be taken note of does not."""
    found = []
    for process in processes:
        try:
            name, _, rest = Path(f"/proc/{process}/stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if rest.split()[0] not in "ZX":
            found.append(name)
    return found


def machine() -> tuple[str, ...]:
    """What of the machine must be as it was: its mounts, links, addresses, routes, and what a kubelet likes to change."""
    asked = (["ip", "-o", "link"], ["ip", "-o", "address"], ["ip", "route"], ["ip", "netns"])
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in asked]
    settings = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "net/ipv4/ip_forward")
    return (*said, Path("/proc/self/mounts").read_text(), *(Path(f"/proc/sys/{one}").read_text() for one in settings))


def groups(name: str) -> list[Path]:
    return [top / name for top in cgroups.hierarchies() if (top / name).exists()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_run_that_ends_leaves_no_process_mount_link_or_group(number: signal.Signals, tmp_path: Path) -> None:
    before, others = machine(), set(runs.folder_of_runs().glob("kled-*"))
    log = tmp_path / "log"
    with log.open("wb") as out:
        runner = subprocess.Popen([sys.executable, "-m", "tools.nodes", "up", "--nodes", "1"], stdout=out, stderr=out)
    try:
        await_running(runner, log)
        (mine,) = set(runs.folder_of_runs().glob("kled-*")) - others
        processes = descendants(runner.pid)
        assert {"kubelet", "containerd", "kube-proxy", "kube-apiserver", "etcd"} <= set(alive(processes))
        assert groups(mine.name)
        assert machine() == before, "a run changes nothing of the machine's own while it is there either"
    finally:
        runner.send_signal(number)
        code = runner.wait(60)
    eventually("no process is left", lambda: not alive(processes), within=30)
    if number is signal.SIGKILL:
        assert mine.name in runs.clear_dead()
    else:
        assert code == 130
    assert not mine.exists()
    assert groups(mine.name) == []
    assert machine() == before


def await_running(runner: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while "running; Ctrl-C to stop" not in log.read_text():
        assert runner.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
