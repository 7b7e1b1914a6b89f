"""The scheduler: binds what fits, says of the rest why it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from syncer.core import quantity
from syncer.core.objects import NODES, PODS
from syncer.testing.apiserver import SimulatedCluster, pods
from syncer.testing.apiserver.deletion import ENDED

Obj = Mapping[str, Any]

USER = "system:kube-scheduler"
_HARD = ("NoSchedule", "NoExecute")


class Scheduler:
    """Deterministic: of the nodes that fit, the one with the fewest pods, then by name. Looks at node selector, required node affinity, taints,
    cordons, requests (cpu, memory) and the number of pods."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def step(self) -> int:
        """One look at every waiting pod; how many were bound or told why not."""
        return sum(self._schedule(pod) for pod in self._cluster.all(PODS) if _waits(pod))

    def _schedule(self, pod: Obj) -> bool:
        meta = pod["metadata"]
        running = [other for other in self._cluster.all(PODS) if other["spec"].get("nodeName") and other["status"].get("phase") not in ENDED]
        fits: list[tuple[int, str]] = []
        reasons: list[str] = []
        for node in self._cluster.all(NODES):
            name = node["metadata"]["name"]
            there = [other for other in running if other["spec"]["nodeName"] == name]
            why = reason_against(pod, node, there)
            if why:
                reasons.append(why)
            else:
                fits.append((len(there), name))
        if not fits:
            return self._say_unschedulable(pod, reasons)
        target = {"kind": "Node", "name": min(fits)[1]}
        self._cluster.post(PODS, meta["namespace"], meta["name"], "binding", {"metadata": {"name": meta["name"]}, "target": target}, user=USER)
        return True

    def _say_unschedulable(self, pod: Obj, reasons: Sequence[str]) -> bool:
        counted = ", ".join(f"{reasons.count(why)} {why}" for why in sorted(set(reasons)))
        message = f"0/{len(reasons)} nodes are available: {counted}." if reasons else "no nodes available to schedule pods"
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        meta, conditions = pod["metadata"], pod["status"].get("conditions") or []
        if any(condition.items() <= item.items() for item in conditions):
            return False
        status = {"conditions": pods.with_condition(conditions, condition)}
        self._cluster.edit(PODS, meta["namespace"], meta["name"], {"status": status}, subresource="status", user=USER)
        return True


def _waits(pod: Obj) -> bool:
    spec = pod["spec"]
    ours = spec.get("schedulerName") == "default-scheduler"
    return ours and not spec.get("nodeName") and not spec.get("schedulingGates") and not pod["metadata"].get("deletionTimestamp")


def reason_against(pod: Obj, node: Obj, there: Sequence[Obj]) -> str:
    """Why this pod cannot run on this node beside the pods that are there; empty when it can."""
    spec, labels = pod["spec"], node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()) or not _affine(spec, node):
        return "node(s) didn't match Pod's node affinity/selector"
    tolerations = spec.get("tolerations") or []
    if node.get("spec", {}).get("unschedulable") and not _tolerated({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}, tolerations):
        return "node(s) were unschedulable"
    for taint in node.get("spec", {}).get("taints") or ():
        if taint["effect"] in _HARD and not _tolerated(taint, tolerations):
            return f"node(s) had untolerated taint(s) {taint['key']}"
    return _short_of(pod, node, there)


def _affine(spec: Obj, node: Obj) -> bool:
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    labels, fields = node["metadata"].get("labels") or {}, {"metadata.name": node["metadata"]["name"]}
    return any(
        all(_meets(item, labels) for item in term.get("matchExpressions") or ())
        and all(_meets(item, fields) for item in term.get("matchFields") or ())
        for term in required["nodeSelectorTerms"]
        if term.get("matchExpressions") or term.get("matchFields")
    )


def _meets(item: Obj, values: Mapping[str, str]) -> bool:
    found, wanted = values.get(item["key"]), item.get("values") or []
    match item["operator"]:
        case "In":
            return found in wanted
        case "NotIn":
            return found not in wanted
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt":
            return found is not None and int(found) > int(wanted[0])
        case _:
            return found is not None and int(found) < int(wanted[0])


def _tolerated(taint: Obj, tolerations: Sequence[Obj]) -> bool:
    for item in tolerations:
        same_key = not item.get("key") or item["key"] == taint["key"]
        same_effect = item.get("effect") in (None, "", taint["effect"])
        same_value = item.get("operator") == "Exists" or item.get("value", "") == taint.get("value", "")
        if same_key and same_effect and same_value:
            return True
    return False


def _short_of(pod: Obj, node: Obj, there: Sequence[Obj]) -> str:
    room = node.get("status", {}).get("allocatable") or {}
    if "pods" in room and len(there) + 1 > quantity.parse(str(room["pods"])):
        return "Too many pods"
    for name in ("cpu", "memory"):
        if name in room and requested(pod, name) + sum(requested(other, name) for other in there) > quantity.parse(str(room[name])):
            return f"Insufficient {name}"
    return ""


def requested(pod: Obj, name: str) -> Decimal:
    """How much of a resource the pod's containers ask for."""
    found = ((item.get("resources") or {}).get("requests", {}).get(name) for item in pod["spec"]["containers"])
    return sum((quantity.parse(str(amount)) for amount in found if amount), Decimal(0))
