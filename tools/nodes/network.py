"""The network the nodes are in: a namespace with a bridge, where the control planes run too, and one namespace for each node.

No namespace has a name that could outlive its processes: each is held by a guarded process, and with the last process in it the kernel takes
it away, with every link, address and rule.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from tools.nodes.shell import run
from tools.planes.errors import PlaneError
from tools.planes.options import Network
from tools.planes.process import Component

# The range set aside for benchmarks: never a real network's. It is used inside the namespaces only.
PREFIX = "198.18.0"
POD_NETWORK = "198.19.0.0/16"
HOLD = ["unshare", "--net", "--", "sleep", "infinity"]
ENTERED_SECONDS = 10.0


@dataclass(frozen=True)
class Addresses:
    """Where one node and its pods are."""

    index: int

    @property
    def name(self) -> str:
        return f"node-{self.index}"

    @property
    def node(self) -> str:
        return f"{PREFIX}.{10 + self.index}"

    @property
    def pods(self) -> str:
        return f"198.19.{self.index}.0/24"


class Bridge:
    """The namespace in the middle."""

    ADDRESS = f"{PREFIX}.1"

    def __init__(self, folder: Path) -> None:
        self._holder = Component("network", HOLD, folder)

    def start(self) -> None:
        """Make the namespace and the bridge in it."""
        self._holder.start()
        await_own_network(self._holder.pid)
        self._ip("link", "set", "lo", "up")
        self._ip("link", "add", "bridge", "type", "bridge")
        self._ip("address", "add", f"{self.ADDRESS}/24", "dev", "bridge")
        self._ip("link", "set", "bridge", "up")

    def stop(self) -> None:
        """Let the namespace go."""
        self._holder.stop()

    @property
    def network(self) -> Network:
        """For the control planes that run in here."""
        return Network(Path(f"/proc/{self._holder.pid}/ns/net"), self.ADDRESS)

    def attach(self, node: Addresses, process: int) -> None:
        """Give the network namespace of a process, which is a node's, a link to the bridge; the node gives it its address."""
        await_own_network(process)
        link = f"to-{node.name}"
        self._ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(process))
        self._ip("link", "set", link, "master", "bridge", "up")
        self._ip("route", "add", node.pods, "via", node.node)

    def _ip(self, *arguments: str) -> None:
        run(*self.network.entering(["ip", *arguments]))


def await_own_network(process: int) -> None:
    """Until a process that was told to has left our network namespace."""
    deadline = time.monotonic() + ENTERED_SECONDS
    ours = os.readlink("/proc/self/ns/net")
    while os.readlink(f"/proc/{process}/ns/net") == ours:
        if time.monotonic() > deadline:
            raise PlaneError(f"process {process} has no network namespace of its own after {ENTERED_SECONDS:.0f} s")
        time.sleep(0.01)
