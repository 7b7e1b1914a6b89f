"""How deletion goes on: at once, after a grace period, or when the last finalizer is gone.

The first DELETE of a pod that runs on a node only says when it has to be over; the kubelet (or a DELETE with grace 0) ends it. Kinds without
grace go at once unless they carry finalizers; namespaces go when their `spec.finalizers` are empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from syncer.core.objects import Resource

Obj = Mapping[str, Any]
Made = dict[str, Any]
ENDED = ("Succeeded", "Failed")


class Step(NamedTuple):
    """What a DELETE does: write this object (if any), then remove it (or not)."""

    mark: Made | None
    remove: bool


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()


def step(resource: Resource, obj: Obj, grace: int | None, now: float) -> Step:
    """The next step of deleting `obj`."""
    meta = obj["metadata"]
    if (resource.group, resource.plural) == ("", "namespaces"):
        return _namespace(obj, now)
    if meta.get("deletionTimestamp"):
        return _again(resource, obj, grace)
    finalizers = bool(meta.get("finalizers"))
    if (resource.group, resource.plural) == ("", "pods"):
        period = _period(obj, grace)
        return Step(_marked(obj, now + period, period), period == 0 and not finalizers)
    if finalizers:
        return Step(_marked(obj, now, 0), False)
    return Step(None, True)


def is_over(obj: Obj) -> bool:
    """Whether an update (the last finalizer is gone) ends an object that is being deleted."""
    meta = obj["metadata"]
    over = bool(meta.get("deletionTimestamp")) and not meta.get("finalizers") and not meta.get("deletionGracePeriodSeconds")
    return over and not (obj.get("spec") or {}).get("finalizers")


def _period(pod: Obj, grace: int | None) -> int:
    if not pod["spec"].get("nodeName") or (pod.get("status") or {}).get("phase") in ENDED:
        return 0
    period: int = pod["spec"].get("terminationGracePeriodSeconds", 0) if grace is None else grace
    return 1 if period < 0 else period


def _again(resource: Resource, obj: Obj, grace: int | None) -> Step:
    """A second DELETE: it may shorten the grace period, nothing else."""
    meta = obj["metadata"]
    left = meta.get("deletionGracePeriodSeconds")
    if not left:  # with 0: what an earlier request left behind when it was cut off after its first step
        return Step(None, not meta.get("finalizers"))
    if grace is None or grace >= left:
        return Step(None, False)
    grace = max(grace, 0)
    return Step(_marked(obj, seconds(meta["deletionTimestamp"]) - left + grace, grace, first=False), grace == 0 and not meta.get("finalizers"))


def _namespace(obj: Obj, now: float) -> Step:
    if not obj["metadata"].get("deletionTimestamp"):
        ending = {**obj, "status": {**obj.get("status", {}), "phase": "Terminating"}}
        return Step(_marked(ending, now, None), False)
    return Step(None, not obj["spec"].get("finalizers") and not obj["metadata"].get("finalizers"))


def _marked(obj: Obj, when: float, grace: int | None, *, first: bool = True) -> Made:
    meta = {**obj["metadata"], "deletionTimestamp": timestamp(when)}
    if grace is not None:
        meta["deletionGracePeriodSeconds"] = grace
    if first and meta.get("generation"):
        meta["generation"] += 1
    return {**obj, "metadata": meta}
