"""The nodes of one host cluster, with the network they and the control planes share."""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.nodes import images
from tools.nodes.network import Addresses, Bridge
from tools.nodes.node import Node
from tools.nodes.runs import Run
from tools.planes import ControlPlane, binaries, debian
from tools.planes.errors import PlaneError
from tools.planes.options import Network
from tools.planes.plane import KEEP_VARIABLE
from tools.planes.progress import say

IMAGES = ("pause", "busybox", "agnhost", "coredns", "kled-syncer")


class RealNodes:
    """Real nodes, from nothing to ready and back to nothing.

    Use it as a context manager; give its `network` to the control planes, start them, then let the nodes `join` the one that is the host.
    """

    def __init__(self, count: int = 2, image_names: Sequence[str] = IMAGES) -> None:
        self._count, self._image_names = count, tuple(image_names)
        self._stack = ExitStack()
        self._bridge: Bridge | None = None
        self._run: Run | None = None
        self.nodes: tuple[Node, ...] = ()

    def __enter__(self) -> Self:
        self._programs = binaries.ensure(binaries.NODE)
        self._search = _search(self._programs)
        self._images = images.ensure(self._image_names)
        run = self._run = Run()
        asked = bool(os.environ.get(KEEP_VARIABLE))
        self._stack.push(lambda kind, error, _trace: run.end(keep=asked or (error is not None and kind is not KeyboardInterrupt)))
        bridge = self._bridge = Bridge(run.folder)
        self._stack.callback(bridge.stop)
        try:
            bridge.start()
        except BaseException:
            self._stack.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def network(self) -> Network:
        """Where the nodes are, and the control planes beside them."""
        if self._bridge is None:
            raise PlaneError("the nodes' network is not there; use RealNodes as a context manager")
        return self._bridge.network

    def join(self, host: ControlPlane) -> None:
        """Start the nodes, all at once, and wait until pods can run on them."""
        if self._run is None or self._bridge is None:
            raise PlaneError("the nodes' network is not there; use RealNodes as a context manager")
        everybody = [Addresses(index + 1) for index in range(self._count)]
        for own in everybody:
            others = [one for one in everybody if one != own]
            node = Node(own, others, self._run.folder / own.name, self._run.name)
            node.folder.mkdir()
            self._stack.callback(node.stop)
            self.nodes += (node,)
            node.start(host, self._bridge, self._programs, self._search, self._images)
        seconds = max(node.await_ready(host) for node in self.nodes)
        say(f"{host.name}: {self._count} real nodes are ready after {seconds:.1f} s; logs in {self._run.folder}")

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a program where the control planes are: node, pod and Service addresses are reached from there."""
        return self.network.entering(command)


def _search(programs: Mapping[str, Path]) -> str:
    """The PATH of the nodes' programs: those of ours first, kube-proxy's nft, then the machine's."""
    folders = [str(programs[name].parent) for name in ("containerd-shim-runc-v2", "runc")]
    folders.append(str(debian.program("nft", "nftables").parent))
    return ":".join(dict.fromkeys([*folders, *os.environ["PATH"].split(":"), "/usr/sbin", "/sbin"]))
