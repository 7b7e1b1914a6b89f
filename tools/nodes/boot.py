"""The first process of a node, in namespaces of its own: makes the node's file system and network, starts what runs on it, stays.

    python -I -S boot.py DESCRIPTION_FILE

The description (JSON, written by node.py) names everything. As process 1 it takes in orphans; when one of the node's programs ends, it ends
too, and the kernel ends all the rest. Standard library only and no imports from this package.
"""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LIMIT_SECONDS = 60.0


def mount(*arguments: str) -> None:
    """Mount something that only this node sees."""
    subprocess.run(["mount", *arguments], check=True)


def file_system(node: dict[str, Any]) -> None:
    """/var and /run are the node's own; what kubelet would change for the whole machine is a copy."""
    mount("--make-rprivate", "/")
    mount("--bind", node["var"], "/var")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for setting, copy in node["settings"].items():
        mount("--bind", copy, setting)
    mount("--make-rshared", "/")
    socket.sethostname(node["name"])


def network(node: dict[str, Any]) -> None:
    """Take the address and the routes as soon as the link is there."""
    until(link_is_there, "the link to the bridge")
    for command in (
        ["link", "set", "lo", "up"],
        ["address", "add", f"{node['address']}/24", "dev", "eth0"],
        ["link", "set", "eth0", "up"],
        ["route", "add", "default", "via", node["gateway"]],
        *(["route", "add", pods, "via", address] for pods, address in node["routes"]),
    ):
        subprocess.run(["ip", *command], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def link_is_there() -> bool:
    """Asked of `ip`, since /sys shows the links of the namespace it was mounted in."""
    return subprocess.run(["ip", "link", "show", "eth0"], capture_output=True, check=False).returncode == 0


def start(node: dict[str, Any], name: str) -> int:
    """Start one of the node's programs with a log of its own; its process id."""
    with open(Path(node["logs"]) / f"{name}.log", "ab") as log:
        return subprocess.Popen(node["commands"][name], stdin=subprocess.DEVNULL, stdout=log, stderr=log).pid


def containerd_answers() -> bool:
    """Whether its socket takes connections."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex("/run/containerd/containerd.sock") == 0


def until(condition: Any, what: str) -> None:
    """Wait, but not for ever."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not there after {LIMIT_SECONDS:.0f} s")
        time.sleep(0.02)


def main(description: str) -> int:
    """Bring the node up and stay until one of its programs ends."""
    node = json.loads(Path(description).read_text())
    os.environ["PATH"] = node["path"]
    file_system(node)
    network(node)
    programs = {start(node, "containerd"): "containerd"}
    until(containerd_answers, "containerd")
    for name in ("kubelet", "kube-proxy"):
        programs[start(node, name)] = name
    imports = {start(node, name): name for name in node["commands"] if name.startswith("import ")}
    while True:
        ended, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        if ended in programs:
            sys.stderr.write(f"{programs[ended]} ended with code {code}\n")
            return 1
        if name := imports.pop(ended, ""):
            if code:
                sys.stderr.write(f"{name} failed with code {code}\n")
                return 1
            if not imports:
                Path(node["imported"]).touch()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
