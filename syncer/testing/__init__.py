"""Published for authors of translators, and what our own tests stand on.

`virtualtime` runs hours in milliseconds, `apiserver` is a cluster in memory, `drivers` play the scheduler, the kubelet and the controllers,
`view` answers a translator's needs from dictionaries, `laws` checks what every translator must keep.
"""

from syncer.testing.apiserver import Client, Request, SimulatedCluster, Snapshot
from syncer.testing.drivers import Controllers, Kubelet, Scheduler, make_node, settle
from syncer.testing.laws import LAWS, LawBroken, check_laws
from syncer.testing.recording import RecordingView
from syncer.testing.samples import Bench, Sample, stamped
from syncer.testing.view import FakeView, names_for, settings_for
from syncer.testing.virtualtime import Deadlock, Livelock, TimeLimit, VirtualTimeError, VirtualTimeLoop, run, wall_time

__all__ = [
    "LAWS",
    "Bench",
    "Client",
    "Controllers",
    "Deadlock",
    "FakeView",
    "Kubelet",
    "LawBroken",
    "Livelock",
    "RecordingView",
    "Request",
    "Sample",
    "Scheduler",
    "SimulatedCluster",
    "Snapshot",
    "TimeLimit",
    "VirtualTimeError",
    "VirtualTimeLoop",
    "check_laws",
    "make_node",
    "names_for",
    "run",
    "settings_for",
    "settle",
    "stamped",
    "wall_time",
]
