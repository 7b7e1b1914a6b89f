"""Published for authors of translators, and what our own tests stand on.

`virtualtime` runs hours in milliseconds, `apiserver` is a cluster in memory, `drivers` play the scheduler, the kubelet and the controllers,
`view` answers a translator's needs from dictionaries, `laws` checks what every translator must keep.
"""

from syncer.testing.apiserver import Client, Request, SimulatedCluster, Snapshot
from syncer.testing.drivers import Controllers, Kubelet, Scheduler, make_node, settle
from syncer.testing.view import FakeView, names_for, settings_for
from syncer.testing.virtualtime import Deadlock, Livelock, TimeLimit, VirtualTimeError, VirtualTimeLoop, run, wall_time

__all__ = [
    "Client",
    "Controllers",
    "Deadlock",
    "FakeView",
    "Kubelet",
    "Livelock",
    "Request",
    "Scheduler",
    "SimulatedCluster",
    "Snapshot",
    "TimeLimit",
    "VirtualTimeError",
    "VirtualTimeLoop",
    "make_node",
    "names_for",
    "run",
    "settings_for",
    "settle",
    "wall_time",
]
