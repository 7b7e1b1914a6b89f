"""Where a host pod may run and before whom: the tenant's scheduler has chosen the node, and the host pod is pinned to it.

A pin is required node affinity on `metadata.name` in every term (terms are alternatives), so the host's scheduler still verifies the choice.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncer.core.settings import PolicySettings
from syncer.policy.findings import Findings
from syncer.policy.lent import Lent
from syncer.policy.reading import Pod, Tree, items, objects, section

_TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"


def check_placement(pod: Pod, policy: PolicySettings, nodes: frozenset[str] | None, lent: Lent, found: Findings) -> None:
    """What stands in the way of creating this pod. `nodes` are the promoted ones; None: any node, but a pin there must be."""
    spec = pod.spec
    for key, empty, remedy in _ABSENT:
        value = spec.get(key)
        if value is not None and value != empty:
            found.refuse(f"spec.{key}", value, remedy, key)
    scheduler = spec.get("schedulerName")
    if scheduler is not None and scheduler not in ("", "default-scheduler"):
        found.refuse("spec.schedulerName", scheduler, "remove it, the host's own scheduler verifies the node", "schedulerName")
    _check_priority(spec, policy, lent, found)
    _check_pin(spec, nodes, found)


_ABSENT: tuple[tuple[str, object, str], ...] = (
    ("nodeName", "", "host pods are placed by node affinity, past no scheduler"),
    ("nodeSelector", {}, "the node is chosen already, remove it"),
    ("schedulingGates", [], "a pod goes to the host when its gates are gone"),
)


def _check_priority(spec: Tree, policy: PolicySettings, lent: Lent, found: Findings) -> None:
    """The number belongs to the class; on its own it would be a priority that nobody gave."""
    name = spec.get("priorityClassName")
    if name is not None and name != "" and name not in [*policy.priority_classes.values(), *lent.priority_classes]:
        found.refuse("spec.priorityClassName", name, "remove it, or have the class offered by name or mapped by policy.priorityClasses", "priority")
    if spec.get("priority") is not None:
        found.refuse("spec.priority", spec["priority"], "remove it, the host derives it from the class", "priority")


def _check_pin(spec: Tree, nodes: frozenset[str] | None, found: Findings) -> None:
    affinity = section(spec, "affinity", "spec", found) or {}
    node_affinity = section(affinity, "nodeAffinity", "spec.affinity", found) or {}
    required = section(node_affinity, "requiredDuringSchedulingIgnoredDuringExecution", "spec.affinity.nodeAffinity", found) or {}
    if not items(required, "nodeSelectorTerms", _TERMS, found):
        found.require(f"{_TERMS}.nodeSelectorTerms", "every term must pin metadata.name to one promoted node", "nodePin")
        return
    for where, term in objects(required, "nodeSelectorTerms", _TERMS, found):
        _check_term(term, where, nodes, found)


def _check_term(term: Tree, where: str, nodes: frozenset[str] | None, found: Findings) -> None:
    """A requirement that pins makes the term harmless: requirements of one term all have to hold."""
    chosen = [name for field in items(term, "matchFields", where, found) if (name := _pinned_to(field)) is not None]
    if not chosen:
        found.require(f"{where}.matchFields", "every term must pin metadata.name to one promoted node", "nodePin")
    elif nodes is not None and not any(name in nodes for name in chosen):
        found.refuse(f"{where}.matchFields", chosen[0], "the node is not one of the promoted ones", "nodePin")


def _pinned_to(field: object) -> str | None:
    """The node that a requirement such as `metadata.name In [node-1]` names."""
    if not isinstance(field, Mapping) or field.get("key") != "metadata.name" or field.get("operator") != "In":
        return None
    values = field.get("values")
    if not isinstance(values, (list, tuple)) or len(values) != 1:
        return None
    return values[0] if isinstance(values[0], str) and values[0] else None
