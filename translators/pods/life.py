"""How far a pod is in its life, told from its own status."""

from __future__ import annotations

from syncer.core.objects import Obj

PLACED = "kled.io/Placed"
"""Condition on the tenant pod: its host pod has existed. A pod with it is never put on the host a second time."""


def finished(pod: Obj) -> bool:
    """Whether the pod has ended; it does not run again."""
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def placed(pod: Obj) -> bool:
    """Whether the pod shows that its host pod has existed: our mark, or news that only a node can have written."""
    status = pod.get("status") or {}
    if status.get("startTime") or status.get("containerStatuses"):
        return True
    return any(item.get("type") == PLACED and item.get("status") == "True" for item in status.get("conditions") or ())
