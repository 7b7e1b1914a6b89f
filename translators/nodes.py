"""Nodes: host nodes that are promoted appear in the tenant, rebuilt field by field. The host leads; tenant edits are taken back.

Shown: what schedulers, DaemonSets and people need (labels by an allow-list, taints, cordon, capacity, conditions, versions). Not shown: what tells
of the machine or of other tenants (addresses, images, volumes, pod ranges, provider and machine ids; the ids are replaced by stable hashes).

Two controllers in the tenant write to its Node as well, and nobody may fight:

* node-lifecycle derives taints `node.kubernetes.io/…` from the conditions it sees. The host's own taints of that sort stay behind (they come
  from the same conditions), those found on the tenant Node stay where they are;
* it judges health by the node's Lease (`syncer.clustertree.leases`), so conditions carry no heartbeat: a change every few seconds would be a
  write every few seconds. `lastHeartbeatTime` is the time of the last transition instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncer.core.names import Names, digest
from syncer.core.objects import CSINODES, Obj, Ref, Side
from syncer.core.objects import NODES as NODE_KIND
from syncer.core.selectors import meets
from syncer.core.settings import NodeSettings, Settings
from syncer.core.stamp import is_from_host
from syncer.core.translator import AllBut, Answer, Draft, Life, ListNeed, Need, ObjectNeed, Path, Skip, Subresource, Translator, View
from translators.csi import topology_keys
from translators.metadata import shown_metadata
from translators.node_labels import SHOWN_LABELS, SHOWN_PREFIX

DERIVED_TAINTS = frozenset(
    f"node.kubernetes.io/{name}"
    for name in ("disk-pressure", "memory-pressure", "network-unavailable", "not-ready", "pid-pressure", "unreachable", "unschedulable")
)
"""Taints that a cluster's own node-lifecycle controller makes of conditions and of `spec.unschedulable` (`pkg/controller/nodelifecycle`)."""

_NODE_INFO = ("architecture", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion", "operatingSystem", "osImage")
_STATUS: tuple[Path, ...] = tuple(("status", key) for key in ("addresses", "allocatable", "capacity", "conditions", "nodeInfo"))
# `AllBut` nothing: the tenant's controller writes the same list, so it is never written over a newer object.
_TAINTS: Path = ("spec", "taints", AllBut("key", ()))
_HOST_NODES = ListNeed(Side.HOST, NODE_KIND.plural, "", wake=True)
_TENANT_NODES = ListNeed(Side.TENANT, NODE_KIND.plural, "")


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    """Only a number of nodes makes one depend on the others."""
    itself = _csi_node(obj["metadata"]["name"])
    return (itself, _HOST_NODES, _TENANT_NODES) if settings.nodes.count is not None else (itself,)


def _csi_node(name: str) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(CSINODES.plural, "", name), wake=True)


def up(host: Obj, view: View) -> Answer:
    if (reason := _kept_back(host, view)) is not None:
        return Skip(reason)
    name, spec, status = host["metadata"]["name"], host.get("spec") or {}, host.get("status") or {}
    labels, annotations = shown_metadata(host, view)
    made_status = {key: status[key] for key in ("allocatable", "capacity") if key in status}
    made_status["addresses"] = [{"type": "Hostname", "address": name}]
    made_status["conditions"] = [_condition(condition) for condition in status.get("conditions") or ()]
    made_status["nodeInfo"] = _node_info(host, view.names.tenant)
    made_spec: dict[str, Any] = {}
    if taints := _taints(spec, view.counterpart):
        made_spec["taints"] = taints
    if spec.get("unschedulable"):
        made_spec["unschedulable"] = True
    return Draft(
        {
            "metadata": {"labels": {**_labels(host, topology_keys(view.get(_csi_node(name)))), **labels}, "annotations": annotations},
            "spec": made_spec,
            "status": made_status,
        }
    )


def _kept_back(host: Obj, view: View) -> str | None:
    """Why this node is not promoted, or None. A node that is shown already stays when it is cordoned: its pods go on."""
    chosen, name = view.settings.nodes, host["metadata"]["name"]
    if chosen.names is not None:
        return None if name in chosen.names else "not among clusterTree.nodes"
    if not _is_candidate(host, chosen, is_shown=view.counterpart is not None):
        return "does not match clusterTree.nodes" if chosen.selector is not None else "cordoned before it was ever shown"
    if chosen.count is None:
        return None
    shown = {node["metadata"]["name"] for node in view.list(_TENANT_NODES) if is_from_host(node["metadata"].get("labels"))}
    candidates = (node["metadata"]["name"] for node in view.list(_HOST_NODES) if _is_candidate(node, chosen, node["metadata"]["name"] in shown))
    return None if name in _first(candidates, shown, chosen.count) else f"clusterTree.nodes.count is {chosen.count}"


def _is_candidate(host: Obj, chosen: NodeSettings, is_shown: bool) -> bool:
    if chosen.selector is not None and not meets(chosen.selector, host["metadata"].get("labels") or {}):
        return False
    return is_shown or not (host.get("spec") or {}).get("unschedulable")


def _first(candidates: Iterable[str], shown: set[str], count: int) -> Sequence[str]:
    """Those that are shown come first, so that a new node never drives out one with pods on it; then by name."""
    return sorted(candidates, key=lambda name: (name not in shown, name))[:count]


def _labels(host: Obj, by_storage: frozenset[str]) -> dict[str, str]:
    labels = host["metadata"].get("labels") or {}
    return {key: value for key, value in labels.items() if key in SHOWN_LABELS or key in by_storage or key.startswith(SHOWN_PREFIX)}


def _taints(spec: Mapping[str, Any], tenant: Obj | None) -> list[Mapping[str, Any]]:
    """The host's, and behind them what the tenant's own controller derived."""
    own = ((tenant or {}).get("spec") or {}).get("taints") or ()
    kept = [taint for taint in spec.get("taints") or () if taint.get("key") not in DERIVED_TAINTS]
    return kept + [taint for taint in own if taint.get("key") in DERIVED_TAINTS]


def _condition(condition: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(condition)
    if "lastTransitionTime" in made:
        made["lastHeartbeatTime"] = made["lastTransitionTime"]
    return made


def _node_info(host: Obj, tenant: str) -> dict[str, str]:
    """Versions as they are; ids as hashes that are stable for this tenant and useless to compare with another's. A reboot shows."""
    info, uid = (host.get("status") or {}).get("nodeInfo") or {}, host["metadata"]["uid"]
    made = {key: info.get(key, "") for key in _NODE_INFO}
    made |= {key: digest("node", tenant, uid, key) for key in ("machineID", "systemUUID")}
    return {**made, "bootID": digest("node", tenant, uid, "bootID", str(info.get("bootID", "")))}


NODES = Translator(
    name="nodes",
    source=NODE_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=(_TAINTS, ("spec", "unschedulable"), *_STATUS),
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    up=up,
    reads=((Side.HOST, CSINODES),),
)
