"""Conditions of a pod have several writers; each type belongs to one of them.

the tenant's readiness gates        the tenant; they flow down
PodScheduled                        the tenant's scheduler, unless the host could not place the pod
kled.io/Placed                      us: the host pod exists
what the kubelet writes             the host; gone there means gone here
anything else                       whoever wrote it: the host's version if it has one, else the tenant's is kept (as the kubelet keeps
                                    foreign conditions: pkg/kubelet/status, mergePodStatus)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncer.core.objects import Obj
from syncer.core.stamp import PREFIX
from translators.pods.life import PLACED
from translators.pods.messages import unschedulable

Condition = Mapping[str, Any]

# pkg/kubelet/types/pod_status.go
BY_KUBELET = frozenset(
    {
        "PodScheduled",
        "Ready",
        "Initialized",
        "ContainersReady",
        "PodResizeInProgress",
        "PodResizePending",
        "PodReadyToStartContainers",
        "AllContainersRestarting",
    }
)
_NOT_GATES = BY_KUBELET | {"DisruptionTarget"}
_NONE: frozenset[str] = frozenset()


def gated(tenant: Obj) -> frozenset[str]:
    """Condition types that the tenant owns, by its readiness gates; never one of the kubelet's or of ours."""
    gates = tenant["spec"].get("readinessGates")
    if not gates:
        return _NONE
    types = (gate.get("conditionType", "") for gate in gates)
    return frozenset(type_ for type_ in types if type_ and type_ not in _NOT_GATES and not type_.startswith(PREFIX))


def merged(host: Obj, tenant: Obj, shown: Callable[[Condition], Condition]) -> list[Condition]:
    """The complete list of the tenant pod's conditions. `shown` turns a host condition into the tenant's words."""
    gates = gated(tenant)
    own: Sequence[Condition] = (tenant.get("status") or {}).get("conditions") or ()
    mine = {item.get("type", ""): item for item in own}
    made: list[Condition] = []
    seen: set[str] = {PLACED}
    for condition in (host.get("status") or {}).get("conditions") or ():
        kind = condition.get("type", "")
        if kind in gates or kind in seen:
            continue
        seen.add(kind)
        made.append(_scheduled(condition, mine.get(kind)) or shown(condition) if kind == "PodScheduled" else shown(condition))
    for condition in own:
        kind = condition.get("type", "")
        if kind not in seen and (kind in gates or kind == "PodScheduled" or kind not in BY_KUBELET):
            seen.add(kind)
            made.append(condition)
    mark = mine.get(PLACED)
    made.append(mark if mark is not None and mark.get("status") == "True" else _placed(host))
    return made


def _scheduled(theirs: Condition, ours: Condition | None) -> Condition | None:
    if theirs.get("status") == "False":
        return {**theirs, "message": unschedulable(str(theirs.get("message", "")))}
    return ours if ours is not None and ours.get("status") == "True" else None


def _placed(host: Obj) -> Condition:
    return {
        "type": PLACED,
        "status": "True",
        "reason": "HostPodCreated",
        "lastTransitionTime": host["metadata"].get("creationTimestamp"),
        "lastProbeTime": None,
    }
