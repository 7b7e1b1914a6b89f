"""Choosing loopback ports for servers that cannot be told to choose one themselves."""

import random
import socket

# Below the range from which Linux gives ports to outgoing connections: otherwise any client on the machine may take a port between two
# runs of the same server, and a restarted kube-apiserver has to come back under the address its kubeconfigs name.
FIRST, LAST = 20000, 32000
_taken: set[int] = set()


def free_port() -> int:
    """Return a port nobody listens on and which this process has not handed out before."""
    while True:
        port = random.randint(FIRST, LAST)
        if port not in _taken and _bindable(port):
            _taken.add(port)
            return port


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
