"""Where a pod goes: the node that the tenant's scheduler chose, if it is one of ours.

A Node in the tenant proves nothing, the tenant makes Nodes as it likes. A node counts when the host has it, the configuration does not exclude it,
and the tenant's Node carries our stamp with the uid of that host node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import Obj, Ref, Side
from syncer.core.selectors import matches
from syncer.core.settings import Settings
from syncer.core.translator import ListNeed, Need, ObjectNeed, View
from translators.pods.work import Work

_ALL_NODES = ListNeed(Side.HOST, "nodes", "")


def tenant_node(name: str) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, Ref("nodes", "", name))


def host_node(name: str) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref("nodes", "", name))


def node_needs(name: str, settings: Settings) -> Iterator[Need]:
    yield tenant_node(name)
    yield host_node(name) if settings.nodes.naming == "same" else _ALL_NODES


def chosen(work: Work) -> Obj | None:
    """The host node of this pod, or None after saying what is waited for."""
    name = work.spec["nodeName"]
    node = promoted(name, work.view)
    if node is None:
        work.wait(f"node {name!r} is not one of the nodes promoted to this cluster", tenant_node(name))
    return node


def promoted(name: str, view: View) -> Obj | None:
    """The host node behind this node of the tenant, or None if it is not one of ours (`node_needs` says what is looked at)."""
    uid, settings = _stamped_uid(view.get(tenant_node(name))), view.settings
    if uid is None:
        return None
    node = view.get(host_node(name)) if settings.nodes.naming == "same" else _by_uid(view, uid)
    return node if node is not None and node["metadata"]["uid"] == uid and _selected(node, settings) else None


def _by_uid(view: View, uid: str) -> Obj | None:
    return next((node for node in view.list(_ALL_NODES) if node["metadata"]["uid"] == uid), None)


def _stamped_uid(node: Obj | None) -> str | None:
    if node is None:
        return None
    meta = node["metadata"]
    if not stamps.is_from_host(meta.get("labels")):
        return None
    uid = (meta.get("annotations") or {}).get(stamps.SOURCE_UID)
    return str(uid) if uid else None


def _selected(node: Obj, settings: Settings) -> bool:
    """Whether the configuration lets this host node be promoted at all. How many of them are is the nodes translator's to say, by its stamp."""
    nodes = settings.nodes
    if nodes.names is not None and node["metadata"]["name"] not in nodes.names:
        return False
    if nodes.selector is None:
        return True
    expressions = [{"key": key, "operator": operator, "values": list(values)} for key, operator, values in nodes.selector.match_expressions]
    return matches({"matchLabels": nodes.selector.match_labels, "matchExpressions": expressions}, node["metadata"].get("labels") or {})


def pinned(node: Obj) -> dict[str, Any]:
    """Required node affinity on the node's name: the host's scheduler binds the pod there or says why it cannot."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [node["metadata"]["name"]]}]
    return {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}


def known_topologies(node: Obj) -> Mapping[str, str]:
    """Labels that a topology term may go by on the host."""
    labels: Mapping[str, str] = node["metadata"].get("labels") or {}
    return labels
