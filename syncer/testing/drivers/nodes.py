"""Nodes for a simulated cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core.objects import NODES
from syncer.testing.apiserver import SimulatedCluster

_ROOM = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "100Gi"}


def make_node(
    cluster: SimulatedCluster, name: str, *, room: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None
) -> Mapping[str, Any]:
    """A ready node. Its address follows from how many there are."""
    amount = {**_ROOM, **(room or {})}
    address = f"192.0.2.{len(cluster.all(NODES)) + 10}"
    cluster.put(NODES, {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {})}}})
    cluster.edit(NODES, "", name, {"spec": {"taints": None}}, user="system:kube-controller-manager")  # the node controller, once it is ready
    status = {
        "capacity": amount,
        "allocatable": amount,
        "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
        "nodeInfo": {"kubeletVersion": "v1.36.0", "operatingSystem": "linux", "architecture": "amd64"},
    }
    return cluster.edit(NODES, "", name, {"status": status}, subresource="status", user=f"system:node:{name}")
