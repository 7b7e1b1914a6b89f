"""Pod affinity, anti-affinity and topology spreading, confined to the pods they mean.

The tenant's scheduler has honoured these terms; on the host they are verified once more, against host pods. A term may never meet a pod of
another tenant, nor one of a tenant namespace it does not name: anti-affinity works both ways, so an unconfined term would keep others off a node.
Every term therefore requires `kled.io/tenant` and, unless all namespaces are meant, `kled.io/namespace`. Where the namespaces meant lie in other
host namespaces, the term selects host namespaces by the tenant label they carry.

A term that the host cannot judge is left out and told: one on a label that does not cross, or on a topology that the chosen host node does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncer.core.objects import Obj, Side
from syncer.core.selectors import matches
from syncer.core.stamp import TENANT
from syncer.core.translator import ListNeed
from translators.pods.placement import known_topologies, pinned
from translators.pods.shapes import SHAPES
from translators.pods.work import Work
from translators.selectors import LabelSelector, confined_labels, denied_keys, with_label_keys

NAMESPACES_NEED = ListNeed(Side.TENANT, "namespaces", "")
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_KINDS = ("podAffinity", "podAntiAffinity")


def needs_namespaces(spec: Mapping[str, Any]) -> bool:
    """Whether a term selects namespaces by their labels."""
    affinity = spec.get("affinity") or {}
    for kind in _KINDS:
        terms = affinity.get(kind) or {}
        if any(term.get("namespaceSelector") for term in terms.get(REQUIRED) or ()):
            return True
        if any((item.get("podAffinityTerm") or {}).get("namespaceSelector") for item in terms.get(PREFERRED) or ()):
            return True
    return False


def affinity(work: Work, node: Obj) -> dict[str, Any]:
    """The affinity of the host pod: pinned to the node, pod terms confined."""
    made: dict[str, Any] = {"nodeAffinity": pinned(node)}
    found = work.spec.get("affinity")
    if not found:
        return made
    SHAPES["Affinity"].clean(work, found, "spec.affinity")
    for kind in _KINDS:
        terms = found.get(kind)
        if terms:
            SHAPES["PodAffinity"].clean(work, terms, f"spec.affinity.{kind}")
            kept = _terms(work, terms, node, f"spec.affinity.{kind}")
            if kept:
                made[kind] = kept
    return made


def _terms(work: Work, terms: Mapping[str, Any], node: Obj, path: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    required = [_term(work, term, node, f"{path}.{REQUIRED}[{index}]") for index, term in enumerate(terms.get(REQUIRED) or ())]
    preferred = []
    for index, item in enumerate(terms.get(PREFERRED) or ()):
        where = f"{path}.{PREFERRED}[{index}]"
        weighted = SHAPES["WeightedPodAffinityTerm"].clean(work, item, where)
        term = _term(work, item.get("podAffinityTerm") or {}, node, f"{where}.podAffinityTerm")
        if term is not None:
            preferred.append({**weighted, "podAffinityTerm": term})
    kept = [term for term in required if term is not None]
    if kept:
        made[REQUIRED] = kept
    if preferred:
        made[PREFERRED] = preferred
    return made


def _term(work: Work, term: Mapping[str, Any], node: Obj, path: str) -> dict[str, Any] | None:
    passed = SHAPES["PodAffinityTerm"].clean(work, term, path)
    selector = term.get("labelSelector")
    if selector is not None:
        selector = SHAPES["LabelSelector"].clean(work, selector, f"{path}.labelSelector")
    selector = with_label_keys(selector, term.get("matchLabelKeys") or (), term.get("mismatchLabelKeys") or (), work.meta.get("labels") or {})
    if not _judgeable(work, selector, term.get("topologyKey", ""), node, path):
        return None
    namespaces = _meant(work, term)
    made: dict[str, Any] = dict(passed)
    confined = confined_labels(selector, work.names.tenant, namespaces)
    if confined is not None:
        made["labelSelector"] = confined
    if _elsewhere(work, namespaces):
        made["namespaceSelector"] = {"matchLabels": {TENANT: work.names.tenant}}
    return made


def spreading(work: Work, node: Obj) -> list[dict[str, Any]]:
    """Topology spread constraints. A pinned pod has one eligible domain, so what counts domains or looks past the node stays behind."""
    made = []
    for index, constraint in enumerate(work.spec.get("topologySpreadConstraints") or ()):
        path = f"spec.topologySpreadConstraints[{index}]"
        passed = SHAPES["TopologySpreadConstraint"].clean(work, constraint, path)
        selector = constraint.get("labelSelector")
        if selector is not None:
            selector = SHAPES["LabelSelector"].clean(work, selector, f"{path}.labelSelector")
        selector = with_label_keys(selector, constraint.get("matchLabelKeys") or (), (), work.meta.get("labels") or {})
        if _judgeable(work, selector, constraint.get("topologyKey", ""), node, path):
            confined = confined_labels(selector, work.names.tenant, (work.namespace,))
            made.append({**passed, **({"labelSelector": confined} if confined is not None else {})})
    return made


def _judgeable(work: Work, selector: LabelSelector | None, topology: str, node: Obj, path: str) -> bool:
    denied = denied_keys(selector, work.settings.host)
    if denied:
        work.drop(path, f"it goes by labels that do not cross: {', '.join(denied)}")
        return False
    if topology not in known_topologies(node):
        work.drop(path, f"the host node has no label {topology!r}; the tenant's scheduler has honoured the term")
        return False
    return True


def _meant(work: Work, term: Mapping[str, Any]) -> Sequence[str] | None:
    """The tenant namespaces a term speaks of: the listed and the selected ones; all (None) for an empty selector; its own if it says nothing."""
    listed, selector = term.get("namespaces") or (), term.get("namespaceSelector")
    if selector is None:
        return tuple(listed) or (work.namespace,)
    selector = SHAPES["LabelSelector"].clean(work, selector, "spec.affinity.namespaceSelector")
    if not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return None
    selected = (
        namespace["metadata"]["name"] for namespace in work.view.list(NAMESPACES_NEED) if matches(selector, namespace["metadata"].get("labels") or {})
    )
    return sorted({*listed, *selected})


def _elsewhere(work: Work, namespaces: Sequence[str] | None) -> bool:
    """Whether pods of these namespaces may lie in another host namespace than this pod."""
    if namespaces is None:
        mapping = work.names.mapping
        return bool(mapping.table) or mapping.shared is None
    return any(work.names.namespace(namespace) != work.host_namespace for namespace in namespaces)
