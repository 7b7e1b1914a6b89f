"""The `resize` subresource of pods: cpu and memory of running containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core import quantity
from syncer.core.objects import NODES, PODS
from syncer.testing.apiserver import answers
from syncer.testing.apiserver.admission import Find
from syncer.testing.apiserver.pods import quality

Obj = Mapping[str, Any]
Made = dict[str, Any]

_CHANGEABLE = ("cpu", "memory")


def resized(old: Obj, new: Obj, find: Find) -> Made:
    """The pod with the resources of `new`; whatever else `new` changes is left aside, as the server does it."""
    name = old["metadata"]["name"]
    spec = {**old["spec"], "containers": _with_resources(old["spec"]["containers"], new["spec"].get("containers") or [])}
    if spec == old["spec"]:
        return dict(old)
    for before, after in zip(old["spec"]["containers"], spec["containers"], strict=True):
        _check_container(name, before.get("resources") or {}, after.get("resources") or {})
    if quality(spec) != quality(old["spec"]):
        raise answers.invalid(PODS, name, "spec", f"Invalid value: {quality(spec)!r}: Pod QOS Class may not change as a result of resizing")
    if not _node_can(old):
        raise answers.invalid(PODS, name, "spec", "Forbidden: Pod running on node without support for resize")
    _check_node(name, spec, find)
    return {**old, "spec": spec}


def _with_resources(before: list[Made], after: list[Made]) -> list[Made]:
    wanted = {container["name"]: container for container in after}
    made = []
    for container in before:
        other = wanted.get(container["name"], container)
        fields: Made = {field: other[field] for field in ("resources", "resizePolicy") if field in other}
        made.append({**container, **fields})
    return made


def _check_container(name: str, before: Obj, after: Obj) -> None:
    for field in ("requests", "limits"):
        old, new = before.get(field) or {}, after.get(field) or {}
        if old and not new:
            raise answers.invalid(PODS, name, f"spec.containers[0].resources.{field}", f"Forbidden: resource {field} cannot be removed")
        if any(old.get(key) != new.get(key) for key in {*old, *new} if key not in _CHANGEABLE):
            raise answers.invalid(PODS, name, "spec", "Forbidden: only cpu and memory resources are mutable")


def _node_can(pod: Obj) -> bool:
    """A kubelet that supports it says what running containers have; no running container speaks neither for nor against it."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if "running" in (status.get("state") or {}):
            return "resources" in status
    return True


def _check_node(name: str, spec: Obj, find: Find) -> None:
    node_name = spec.get("nodeName")
    if not node_name:
        return
    node = find(NODES, "", node_name)
    if node is None:
        raise answers.forbidden(PODS, name, f'node "{node_name}" not found')
    room = (node.get("status") or {}).get("allocatable") or {}
    for resource in _CHANGEABLE:
        wanted = sum(quantity.parse(str(((c.get("resources") or {}).get("requests") or {}).get(resource, "0"))) for c in spec["containers"])
        if wanted > quantity.parse(str(room.get(resource, "0"))):
            raise answers.forbidden(PODS, name, f"node didn't have enough allocatable resources: {resource}", "NodeCapacity")
