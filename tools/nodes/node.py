"""One node: its identity, the configuration of its programs, and its life."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.nodes import cgroups, runtime
from tools.nodes.network import POD_NETWORK, Addresses, Bridge
from tools.planes import ControlPlane
from tools.planes.errors import PlaneError
from tools.planes.kubeconfig import client_certificate, write
from tools.planes.process import Component
from tools.planes.progress import wait_for

BOOT = Path(__file__).with_name("boot.py")
# A process that is process 1 of the namespaces of a node; when the one outside is killed, the kernel kills it, and with it all of the node.
APART = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child=KILL", "--mount-proc", "--"]
# What kubelet sets for the whole machine when it differs from its taste; it gets copies to set.
SETTINGS = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
READY_SECONDS = 180.0


class Node:
    """A kubelet with all that belongs to it, in namespaces of its own."""

    def __init__(self, addresses: Addresses, others: Sequence[Addresses], folder: Path, group: str) -> None:
        """`group` is the control group of the run."""
        self.addresses, self._others = addresses, others
        self.name, self.folder = addresses.name, folder
        self.group = f"{group}/{addresses.name}"
        self._process: Component | None = None

    def start(self, host: ControlPlane, bridge: Bridge, programs: Mapping[str, Path], search: str, images: Sequence[Path]) -> None:
        """Start the node; `search` is the PATH of its programs."""
        cgroups.make(self.group)
        for folder in ("var/lib", "var/log", "var/tmp", "logs"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        imported = self.folder / "imported"
        imported.unlink(missing_ok=True)
        kubelet = self._write("kubelet.json", self._kubelet(host))
        proxy = self._write("kube-proxy.json", self._proxy(host))
        containerd = runtime.write(self.folder, self.addresses, programs)
        identity = self._kubeconfig(host, "kubelet", f"system:node:{self.name}", ("system:nodes",))
        description = {
            "name": self.name,
            "address": self.addresses.node,
            "gateway": Bridge.ADDRESS,
            "routes": [[other.pods, other.node] for other in self._others],
            "var": str(self.folder / "var"),
            "settings": self._settings(),
            "path": search,
            "logs": str(self.folder / "logs"),
            "imported": str(imported),
            "commands": {
                "containerd": [str(programs["containerd"]), "--config", str(containerd)],
                "kubelet": [
                    str(programs["kubelet"]),
                    f"--config={kubelet}",
                    f"--kubeconfig={identity}",
                    f"--hostname-override={self.name}",
                    f"--node-ip={self.addresses.node}",
                ],
                "kube-proxy": [str(programs["kube-proxy"]), f"--config={proxy}"],
                **{
                    f"import {image.stem}": [str(programs["ctr"]), "--namespace=k8s.io", "images", "import", "--no-unpack", str(image)]
                    for image in images
                },
            },
        }
        boot = runtime.interpreter(BOOT, self._write("node.json", description))
        self._process = Component(self.name, [*APART, *boot], self.folder)
        self._process.start()
        bridge.attach(self.addresses, self._process.pid)

    def await_ready(self, host: ControlPlane) -> float:
        """Until the node says that it is ready and has its images; the seconds it took."""
        return wait_for(f"{host.name}: {self.name}", lambda: self._missing(host), limit=READY_SECONDS)

    def stop(self) -> None:
        """End everything on the node at once, as a power cut would, and remove its control group."""
        if self._process:
            self._process.kill()
        cgroups.remove(self.group)

    @property
    def process(self) -> Component:
        """The guarded process that holds the node."""
        if self._process is None:
            raise PlaneError(f"{self.name} has not been started")
        return self._process

    def tail(self, name: str, lines: int = 20) -> str:
        """The end of the log of one of its programs."""
        log = self.folder / "logs" / f"{name}.log"
        text = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join([f"--- end of {log}", *text[-lines:]])

    def _missing(self, host: ControlPlane) -> str:
        if failure := self.process.failure():
            raise PlaneError("\n".join([failure, *map(self.tail, ("containerd", "kubelet", "kube-proxy"))]))
        if not host.api.exists(f"/api/v1/nodes/{self.name}"):
            return "not registered yet"
        found = host.api.get(f"/api/v1/nodes/{self.name}")
        ready = {one["type"]: one for one in found["status"].get("conditions", [])}.get("Ready", {})
        if ready.get("status") != "True":
            return str(ready.get("message", "no condition yet"))
        if taints := [taint["key"] for taint in found["spec"].get("taints", [])]:
            return f"tainted: {', '.join(taints)}"
        return "" if (self.folder / "imported").exists() else "importing images"

    # --- what its programs are told

    def _kubelet(self, host: ControlPlane) -> dict[str, Any]:
        serving = host.identities.authority.issue(f"kubelet-{self.name}", f"system:node:{self.name}", hosts=(self.addresses.node, self.name))
        resolver = self.folder / "resolv.conf"
        resolver.write_text("")  # nothing outside can be reached, so no name server either
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(host.ca)},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(serving.certificate),
            "tlsPrivateKeyFile": str(serving.key),
            "containerRuntimeEndpoint": f"unix://{runtime.SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.group}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": ["10.96.0.10"],
            "clusterDomain": "cluster.local",
            "resolvConf": str(resolver),
            # The disk is the machine's; how full it is, is not the node's business.
            "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            # Volumes are looked at again this often, so a changed ConfigMap is seen soon.
            "syncFrequency": "5s",
            "configMapAndSecretChangeDetectionStrategy": "Watch",
            "nodeStatusUpdateFrequency": "5s",
            "maxPods": 200,
            "kubeAPIQPS": 100,
            "kubeAPIBurst": 200,
            "eventRecordQPS": 100,
            "eventBurst": 200,
            "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        }

    def _proxy(self, host: ControlPlane) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "hostnameOverride": self.name,
            "clientConnection": {"kubeconfig": str(self._kubeconfig(host, "kube-proxy", "system:kube-proxy", ("system:node-proxier",)))},
            "detectLocalMode": "ClusterCIDR",
            "clusterCIDR": POD_NETWORK,
            "nftables": {"minSyncPeriod": "100ms"},
            # The table of connections is shared with the machine, and its size is not for a namespace to set.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        }

    def _kubeconfig(self, host: ControlPlane, file: str, user: str, groups: tuple[str, ...]) -> Path:
        credentials = client_certificate(host.identities.client(user, groups))
        path = self.folder / f"{file}.kubeconfig"
        return write(path, cluster=host.name, server=host.inner_server, ca=host.ca, user=user, credentials=credentials)

    def _settings(self) -> dict[str, str]:
        folder = self.folder / "settings"
        folder.mkdir(exist_ok=True)
        found = {}
        for setting in SETTINGS:
            source, copy = Path("/proc/sys") / setting, folder / setting.replace("/", ".")
            if source.exists():
                copy.write_text(source.read_text())
                found[str(source)] = str(copy)
        return found

    def _write(self, file: str, content: dict[str, Any]) -> Path:
        path = self.folder / file
        path.write_text(json.dumps(content, indent=1))
        return path
