"""Development control planes: real etcd, kube-apiserver and friends on loopback, for the demo, the tests and the benchmarks alike.

The tenant and the host of a Kled cluster are both Kubernetes control planes, so nothing short of the real binaries tells the truth about
defaulting, admission, garbage collection or resourceVersions. Nodes are the one thing that is simulated, by kwok.
"""

from tools.planes.errors import BinariesUnavailableError, PlaneError
from tools.planes.plane import ControlPlane

__all__ = ["BinariesUnavailableError", "ControlPlane", "PlaneError"]
