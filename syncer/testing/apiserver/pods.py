"""Pods: what may change after creation, and the subresources through which some of the rest may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core.objects import PODS, Resource
from syncer.testing.apiserver import answers

Obj = Mapping[str, Any]
Made = dict[str, Any]

_MAY_CHANGE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_create(resource: Resource, pod: Obj) -> None:
    spec, name = pod["spec"], pod["metadata"]["name"]
    if not spec.get("containers"):
        raise answers.invalid(resource, name, "spec.containers", "Required value")
    for index, container in enumerate(spec["containers"]):
        for field in ("name", "image"):
            if not container.get(field):
                raise answers.invalid(resource, name, f"spec.containers[{index}].{field}", "Required value")
    if spec.get("ephemeralContainers"):
        raise answers.invalid(resource, name, "spec.ephemeralContainers", "Forbidden: cannot be set on create")
    for index, volume in enumerate(spec.get("volumes") or ()):
        sources = (volume.get("projected") or {}).get("sources") or ()
        if any("serviceAccountToken" in source for source in sources) and not spec.get("serviceAccountName"):
            field = f"spec.volumes[{index}].projected.sources[0].serviceAccountToken"
            raise answers.invalid(resource, name, field, "Forbidden: must not be specified when serviceAccountName is not set")
    volumes = {volume["name"] for volume in spec.get("volumes") or ()}
    for index, container in enumerate(spec["containers"]):
        for mount in container.get("volumeMounts") or ():
            if mount["name"] not in volumes:
                raise answers.invalid(resource, name, f"spec.containers[{index}].volumeMounts[0].name", f"Not found: {mount['name']!r}")


def check_update(resource: Resource, old: Obj, new: Obj) -> None:
    """The spec stays as it is but for a few fields."""
    name = old["metadata"]["name"]
    before, after = old["spec"], new["spec"]
    for field in ("containers", "initContainers"):
        if len(before.get(field) or ()) != len(after.get(field) or ()):
            raise answers.invalid(resource, name, f"spec.{field}", "Forbidden: pod updates may not add or remove containers")
    _check_deadline(resource, name, before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds"))
    gated = bool(before.get("schedulingGates"))
    if _fixed(before, gated) != _fixed(after, gated) or not _only_added(before.get("tolerations") or [], after.get("tolerations") or []):
        raise answers.invalid(resource, name, "spec", f"Forbidden: {_MAY_CHANGE}")
    gates = [gate for gate in after.get("schedulingGates") or () if gate not in (before.get("schedulingGates") or ())]
    if gates:
        raise answers.invalid(resource, name, "spec.schedulingGates", "Forbidden: only deletion is allowed")


def _check_deadline(resource: Resource, name: str, before: int | None, after: int | None) -> None:
    if before is not None and (after is None or after > before):
        why = f"Invalid value: {after}: must be less than or equal to previous value"
        raise answers.invalid(resource, name, "spec.activeDeadlineSeconds", why)


def _only_added(before: list[Any], after: list[Any]) -> bool:
    return all(item in after for item in before)


def _fixed(spec: Obj, gated: bool) -> Made:
    free = {"activeDeadlineSeconds", "tolerations", "schedulingGates", *(("nodeSelector", "affinity") if gated else ())}
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        free.add("terminationGracePeriodSeconds")
    made = {key: value for key, value in spec.items() if key not in free}
    for field in ("containers", "initContainers"):
        if field in made:
            made[field] = [{key: value for key, value in container.items() if key != "image"} for container in made[field]]
    return made


def quality(spec: Obj) -> str:
    """The QoS class."""
    resources = [container.get("resources") or {} for field in ("initContainers", "containers") for container in spec.get(field) or ()]
    if not any(item.get("requests") or item.get("limits") for item in resources):
        return "BestEffort"
    for item in resources:
        requests, limits = item.get("requests") or {}, item.get("limits") or {}
        if any(name not in limits or requests.get(name) != limits[name] for name in ("cpu", "memory")):
            return "Burstable"
    return "Guaranteed"


def bound(pod: Obj, binding: Obj, now: str) -> Made:
    """The pod after a scheduler's Binding."""
    name, meta = pod["metadata"]["name"], pod["metadata"]
    if (binding.get("metadata") or {}).get("name") != name:
        raise answers.bad_request("name in URL does not match name in Binding object")
    wanted = (binding.get("metadata") or {}).get("uid")
    if wanted and wanted != meta["uid"]:
        raise answers.other_uid(PODS, name, wanted, meta["uid"])
    if meta.get("deletionTimestamp"):
        raise _binding_conflict(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if pod["spec"].get("nodeName"):
        raise _binding_conflict(name, f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"')
    if pod["spec"].get("schedulingGates"):
        raise _binding_conflict(name, f"pod {name} has non-empty .spec.schedulingGates")
    condition = {"type": "PodScheduled", "status": "True", "lastTransitionTime": now}
    return {
        **pod,
        "spec": {**pod["spec"], "nodeName": binding["target"]["name"]},
        "status": {**pod["status"], "conditions": with_condition(pod["status"].get("conditions") or [], condition)},
    }


def _binding_conflict(name: str, why: str) -> Exception:
    return answers.conflict(Resource("", "v1", "pods/binding", "Binding"), name, why)


def with_condition(conditions: list[Made], condition: Made) -> list[Made]:
    """The list with this condition in the place of the one of its type."""
    kept = [item for item in conditions if item["type"] != condition["type"]]
    return [*kept, {"lastProbeTime": None, **condition}]


def with_ephemeral(old: Obj, new: Obj) -> Made:
    """What a patch of `ephemeralcontainers` may do: add some."""
    name = old["metadata"]["name"]
    before, after = old["spec"].get("ephemeralContainers") or [], new["spec"].get("ephemeralContainers") or []
    held = {item["name"]: item for item in after}
    if any(held.get(item["name"]) != item for item in before):
        raise answers.invalid(PODS, name, "spec.ephemeralContainers", "Forbidden: existing ephemeral containers may not be changed or removed")
    return {**old, "spec": {**old["spec"], "ephemeralContainers": after}} if after else dict(old)
