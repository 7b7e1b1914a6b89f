"""Logs, commands and forwarded ports of fake pods.

Fake containers have no processes, so what answers is the machine the control plane runs on: every container has the same log, a command runs
as the developer in an empty folder, a forwarded port echoes what it gets. kwok asks nobody who they are before it runs a command, so on a
machine shared with others this must stay off; and it is off unless asked for.
"""

from pathlib import Path
from typing import Any

LOG_LINES = ("first line", "second line", "third line")


def configuration(folder: Path) -> list[dict[str, Any]]:
    """The objects kwok needs to answer for every container, and the files they name."""
    home = folder / "container"
    home.mkdir(exist_ok=True)
    log = folder / "container.log"
    log.write_text("".join(f"2026-01-01T00:00:0{index}.000000000Z stdout F {line}\n" for index, line in enumerate(LOG_LINES)))
    return [
        _for_every_pod("ClusterLogs", {"logs": [{"logsFile": str(log), "previousLogsFile": str(log)}]}),
        _for_every_pod("ClusterAttach", {"attaches": [{"logsFile": str(log)}]}),
        _for_every_pod("ClusterExec", {"execs": [{"local": {"workDir": str(home)}}]}),
        _for_every_pod("ClusterPortForward", {"forwards": [{"command": ["cat"]}]}),
    ]


def _for_every_pod(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": kind, "metadata": {"name": "every-pod"}, "spec": spec}
