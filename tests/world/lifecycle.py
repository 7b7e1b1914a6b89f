"""What node-lifecycle does in a cluster: a node that says it is ready loses the taint it was born with."""

from __future__ import annotations

from syncer.core.objects import NODES
from syncer.testing import SimulatedCluster

NOT_READY = "node.kubernetes.io/not-ready"


class NodeLifecycle:
    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def step(self) -> int:
        return sum(self._look(node["metadata"]["name"]) for node in self._cluster.all(NODES))

    def _look(self, name: str) -> bool:
        node = self._cluster.find(NODES, "", name)
        assert node is not None
        taints = (node.get("spec") or {}).get("taints") or []
        kept = [taint for taint in taints if taint["key"] != NOT_READY]
        ready = any(item["type"] == "Ready" and item["status"] == "True" for item in (node.get("status") or {}).get("conditions") or ())
        if not ready or kept == taints:
            return False
        self._cluster.edit(NODES, "", name, {"spec": {"taints": kept or None}}, user="system:node-lifecycle")
        return True
