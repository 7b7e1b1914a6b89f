"""What still changes on a host pod that exists: few fields of a pod are mutable, and only those follow the tenant.

The draft is the host pod as it is, less what the host injected, with the tenant's mutable fields laid over it. So nothing is translated twice, a
reference that has gone missing since does not hold up the rest, and policy judges what would really run. Where the host adds something of its own
(a default limit, a toleration, a shorter deadline), the draft takes it in, so that both sides come to rest:

* images follow the tenant;
* resources: each quantity the tenant names follows it, others stay (a LimitRange adds some; a resize may not remove any);
* tolerations can only be added, and their seconds changed;
* activeDeadlineSeconds can only get shorter;
* ephemeral containers can only be added; new ones are translated and wait for what they refer to;
* conditions named by a readiness gate are the tenant's, in the host's status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.objects import Obj
from translators.pods.conditions import gated
from translators.pods.containers import ephemeral
from translators.pods.life import finished
from translators.pods.links import Variables, links
from translators.pods.shapes import SHAPES
from translators.pods.work import Work

_TOLERATION = ("key", "operator", "value", "effect")
_MESSAGE_LIMIT = 1024
_GATE_FIELDS = ("type", "status", "reason", "message", "lastTransitionTime")


def host_pod(work: Work, host: Obj, tenant: Obj) -> dict[str, Any]:
    """`spec` and, with readiness gates, `status` of the draft."""
    spec, theirs = work.spec, host["spec"]
    over = finished(host)
    made: dict[str, Any] = dict(theirs)
    for kind in ("containers", "initContainers"):
        if theirs.get(kind):
            made[kind] = _containers(work, spec.get(kind) or (), theirs[kind], f"spec.{kind}", over)
    if spec.get("resources") and not over:
        made["resources"] = _resources(SHAPES["ResourceRequirements"].clean(work, spec["resources"], "spec.resources"), theirs.get("resources"))
    if theirs.get("volumes"):
        own = {volume["name"] for volume in spec.get("volumes") or ()}
        made["volumes"] = [volume for volume in theirs["volumes"] if volume["name"] in own]
    if spec.get("tolerations"):
        made["tolerations"] = tolerations(
            SHAPES["Toleration"].clean_all(work, spec["tolerations"], "spec.tolerations"), theirs.get("tolerations") or ()
        )
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        made["activeDeadlineSeconds"] = min(deadline, theirs.get("activeDeadlineSeconds", deadline))
    if spec.get("ephemeralContainers") or theirs.get("ephemeralContainers"):
        made["ephemeralContainers"] = _ephemeral(work, theirs.get("ephemeralContainers") or ())
    conditions = gate_conditions(work, tenant)
    return {"spec": made, "status": {"conditions": conditions}} if conditions else {"spec": made}


def _containers(work: Work, wanted: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]], path: str, over: bool) -> list[dict[str, Any]]:
    """The host's containers that are the tenant's, with image and resources laid over."""
    by_name = {item["name"]: item for item in found}
    made = []
    for index, item in enumerate(wanted):
        theirs = by_name.get(item["name"])
        if theirs is None:
            continue
        entry = {**theirs, "image": item.get("image")}
        resources = item.get("resources")
        if resources and not over:
            clean = SHAPES["ResourceRequirements"].clean(work, resources, f"{path}[{index}].resources")
            entry["resources"] = _resources(clean, theirs.get("resources"))
        made.append(entry)
    return made


def _resources(wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if wanted == found:
        return wanted
    found = found or {}
    made = dict(found)
    for part in ("requests", "limits"):
        if wanted.get(part):
            made[part] = {**(found.get(part) or {}), **wanted[part]}
    return made


def tolerations(wanted: Iterable[Mapping[str, Any]], found: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The host's in their order, with the tenant's seconds, and the tenant's new ones behind them."""
    own: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for item in wanted:
        own.setdefault(_identity(item), []).append(item)
    made = [same.pop(0) if (same := own.get(_identity(item))) else item for item in found]
    return [*made, *(item for left in own.values() for item in left)]


def _identity(toleration: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(toleration.get(field) or "" for field in _TOLERATION)


def _ephemeral(work: Work, found: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    present = {item["name"]: item for item in found}
    wanted = work.spec.get("ephemeralContainers") or ()
    services: Variables = () if all(item["name"] in present for item in wanted) else links(work, len(wanted))
    return [present.get(item["name"]) or ephemeral(work, item, services, index) for index, item in enumerate(wanted)]


def gate_conditions(work: Work, tenant: Obj) -> list[dict[str, Any]]:
    """The tenant's conditions that its readiness gates ask for: the one piece of status that flows down."""
    types = gated(tenant)
    if not types:
        return []
    made = []
    for condition in (tenant.get("status") or {}).get("conditions") or ():
        if condition.get("type") in types:
            entry = {field: condition[field] for field in _GATE_FIELDS if condition.get(field) is not None}
            if "message" in entry:
                entry["message"] = str(entry["message"])[:_MESSAGE_LIMIT]
            made.append(entry)
    return made
