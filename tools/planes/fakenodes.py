"""Fake nodes: the Node objects, and the configuration that tells kwok how a kubelet behaves."""

import datetime
import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tools.planes.api import Api
from tools.planes.errors import PlaneError

STAGES = Path(__file__).with_name("stages")
MANAGED = {"kwok.x-k8s.io/node": "fake"}
NOT_READY_TAINT = "node.kubernetes.io/not-ready"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
NOBODY = "nobody"
# Ranges of pod addresses, one for each time kwok is started.
ADDRESSES = [f"10.{second}.0.0/16" for second in range(128, 256)]
# How long kwok may take to see the leases it has just written.
LEASE_SEEN_SECONDS = 0.3


def node(index: int, version: str) -> dict[str, Any]:
    """One fake node; big enough that only a test which says so runs out of room."""
    name = f"node-{index}"
    resources = {"cpu": "64", "memory": "256Gi", "pods": "2000", "ephemeral-storage": "1Ti"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": dict(MANAGED),
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "node.kubernetes.io/instance-type": "fake",
                "topology.kubernetes.io/region": "region-1",
                "topology.kubernetes.io/zone": f"zone-{'abc'[index % 3]}",
            },
        },
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [
                {"type": "InternalIP", "address": f"10.64.{index // 250}.{index % 250 + 1}"},
                {"type": "Hostname", "address": name},
                {"type": "ExternalIP", "address": "127.0.0.1"},
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": f"boot-{name}",
                "containerRuntimeVersion": "fake://1.0.0",
                "kernelVersion": "6.1.0-fake",
                "kubeProxyVersion": "",
                "kubeletVersion": f"v{version}",
                "machineID": f"machine-{name}",
                "operatingSystem": "linux",
                "osImage": "Fake Linux",
                "systemUUID": f"system-{name}",
            },
        },
    }


class FakeNodes:
    """The fake nodes of one control plane, seen through its API; the process that plays them may come and go."""

    def __init__(self, api: Api, count: int, *, untainted: bool) -> None:
        """`untainted`: somebody removes the taint a node is born with, so wait for that."""
        self._api, self._count, self._untainted = api, count, untainted

    def create(self, version: str) -> None:
        """Register the nodes."""
        for index in range(self._count):
            self._api.create("/api/v1/nodes", node(index, version))

    def silence(self, name: str) -> None:
        """Give the node's lease to nobody, for long: kwok then leaves the node and its pods alone, as if the machine were off."""
        self._api.patch(f"{LEASES}/{name}", {"spec": {"holderIdentity": NOBODY, "leaseDurationSeconds": 86400}})

    def release(self, *names: str) -> None:
        """Delete leases (without names, all): to a new kwok those of a former one are somebody else's until they have run out."""
        for name in names or self._names():
            self._api.delete(f"{LEASES}/{name}")

    def fresh_addresses(self) -> str:
        """A range of pod addresses none of which is in use: kwok does not learn of the addresses given out before it started."""
        used = [ipaddress.ip_address(pod["status"]["podIP"]) for pod in self._pods() if pod["status"].get("podIP")]
        for cidr in ADDRESSES:
            if not any(address in ipaddress.ip_network(cidr) for address in used):
                return cidr
        raise PlaneError(f"all of {ADDRESSES[0]} to {ADDRESSES[-1]} hold pods")

    def announce_pods(self) -> None:
        """Make kwok look at the pods that were there before it.

        It lists them once, before its own view of the leases has caught up, and then ignores those on nodes it believes to be somebody
        else's. So each gets a sign of life, as from a kubelet that has started anew.
        """
        time.sleep(LEASE_SEEN_SECONDS)
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        seen = {"status": {"conditions": [{"type": "PodScheduled", "status": "True", "lastProbeTime": now}]}}
        for pod in self._pods():
            self._api.patch(f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status", seen)

    def unready(self) -> str:
        """Which nodes cannot run pods yet, or an empty string."""
        leases = self._api.get(LEASES)["items"]
        held = {lease["metadata"]["name"] for lease in leases if lease["spec"].get("holderIdentity") != NOBODY}
        missing = [node["metadata"]["name"] for node in self._nodes() if not self._is_ready(node, held)]
        return f"not ready: {', '.join(missing[:5])}" if missing else ""

    def _is_ready(self, node: dict[str, Any], held: set[str]) -> bool:
        conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", [])}
        taints = {taint["key"] for taint in node["spec"].get("taints", [])}
        born_with = self._untainted and NOT_READY_TAINT in taints
        return node["metadata"]["name"] in held and conditions.get("Ready") == "True" and not born_with

    def _nodes(self) -> list[dict[str, Any]]:
        nodes = self._api.get("/api/v1/nodes")["items"]
        return [node for node in nodes if MANAGED.items() <= node["metadata"].get("annotations", {}).items()]

    def _names(self) -> list[str]:
        return [node["metadata"]["name"] for node in self._nodes()]

    def _pods(self) -> list[dict[str, Any]]:
        names = set(self._names())
        return [pod for pod in self._api.get("/api/v1/pods")["items"] if pod["spec"].get("nodeName") in names]


def write_config(path: Path, streaming: list[dict[str, Any]]) -> Path:
    """Gather the stage files, and what answers logs and commands if wanted, into the one file kwok reads.

    kwok renders every template on its own, so what the templates of one file share (the `.gotpl` beside it) is put in front of each.
    """
    documents: list[dict[str, Any]] = [_engine(streaming=bool(streaming)), *streaming]
    for file in sorted(STAGES.glob("*.yaml")):
        shared = file.with_suffix(".gotpl").read_text()
        for document in yaml.safe_load_all(file.read_text()):
            for patch in _patches(document):
                patch["template"] = shared + patch["template"]
            documents.append(document)
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return path


def _engine(*, streaming: bool) -> dict[str, Any]:
    parallel = {"podPlayStageParallelism": 16, "nodePlayStageParallelism": 4, "nodeLeaseParallelism": 4}
    return {
        "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
        "kind": "KwokConfiguration",
        "options": {**parallel, "enableDebuggingHandlers": streaming},
    }


def _patches(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for step in document["spec"].get("steps", []):
        if "template" in step.get("patch", {}):
            yield step["patch"]
