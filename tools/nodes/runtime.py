"""The container runtime of a node: containerd with runc, and the plugins that connect a pod to the node's network."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from tools.nodes import images
from tools.nodes.network import Addresses

SOCKET = "/run/containerd/containerd.sock"
PAUSE = images.reference("pause")
PLUGINS = ("ptp", "loopback", "host-local", "portmap")
CONFIG = """version = 3
root = "/var/lib/containerd"
state = "/run/containerd"
# They want tools or folders that no node here has.
disabled_plugins = [
  "io.containerd.differ.v1.erofs",
  "io.containerd.internal.v1.opt",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{socket}"

[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{pause}"

[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  # Without the capability CAP_SYS_RESOURCE nobody may be protected from the kernel's choice when memory runs out.
  restrict_oom_score_adj = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [{plugins}]
    conf_dir = "{networks}"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{runc}"
      SystemdCgroup = false
"""


def write(folder: Path, addresses: Addresses, programs: Mapping[str, Path]) -> Path:
    """Write the configuration of containerd and of the pods' network; the path of the former."""
    networks = folder / "networks"
    networks.mkdir(exist_ok=True)
    (networks / "10-pods.conflist").write_text(json.dumps(network(addresses), indent=1))
    plugins = ", ".join(f'"{place}"' for place in sorted({str(programs[name].parent) for name in PLUGINS}))
    path = folder / "containerd.toml"
    path.write_text(CONFIG.format(socket=SOCKET, pause=PAUSE, plugins=plugins, networks=networks, runc=programs["runc"]))
    return path


def network(addresses: Addresses) -> dict[str, object]:
    """Each pod has a link to its node and is routed, so that traffic to a Service passes the node's rules also between neighbours."""
    addressing = {
        "type": "host-local",
        "dataDir": "/run/pod-addresses",
        "ranges": [[{"subnet": addresses.pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    return {
        "cniVersion": "1.0.0",
        "name": "pods",
        "plugins": [
            {"type": "ptp", "mtu": 1500, "ipam": addressing},
            {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"},
        ],
    }


def interpreter(script: Path, *arguments: Path) -> list[str]:
    """The command line of a script that needs nothing but the standard library."""
    return [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
