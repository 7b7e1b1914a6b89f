"""Real nodes on this machine: kubelet, containerd, runc, CNI plugins and kube-proxy, each node in namespaces of its own.

Fake nodes say what a kubelet would say. Whether a container really sees its variables, its volumes, its token and its neighbours, only a
kernel can tell. The machine's own network and file system stay as they are: no address, route, rule or mount is added to them.
"""

from tools.nodes.cluster import RealNodes

__all__ = ["RealNodes"]
