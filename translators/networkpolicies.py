"""NetworkPolicies: the same rules on the host, with every selector confined to this tenant.

* `podSelector` selects pods of this namespace of this tenant, in a shared host namespace too; an empty one all of those and nobody else's.
* A peer's `namespaceSelector` is resolved here, against the labels of the tenant's namespaces (which do not cross), into the list of those that it
  matches, and written as a condition on the labels that our pods carry. An empty one means all namespaces of this tenant. When namespaces or their
  labels change, the policy is looked at again.
* A rule whose peers match no namespace goes as a whole: an empty list of peers would open it to everybody.
* What this version does not know refuses the policy, because a rule with a condition left out is wider than was meant. For the same reason a peer
  is refused that asks for the absence of a label which never crosses.
* `ipBlock` passes, and a rule without peers still means everybody, the world outside included; by address a policy may thus allow what the host
  does not want its tenants to reach. Policies only allow, and only for the tenant's own pods, so this opens nobody else. It does lift a host
  policy by which a namespace is closed by default: hosts keep tenants apart by policies that cannot be lifted (ClusterNetworkPolicy, or the
  CNI's own), or list in `policy.closedRanges` what is never opened by address (pod and node ranges).
* DNS and the tenant's API server stay reachable under any policy for egress, see below (`policy.keepReachable`).

On the way out pods go before policies, because a host pod ends before its tenant pod is gone (the order that CVE-2024-7598 was about).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import ENDPOINTSLICES, NAMESPACES, SERVICES, Obj, Side
from syncer.core.objects import NETWORKPOLICIES as NETWORKPOLICY_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, ListNeed, Need, Refusal, Translator, View
from translators import open_ranges
from translators.metadata import down_metadata, label_verdict
from translators.reachable import always_reachable, reachable_needs
from translators.references import Links
from translators.selectors import LabelSelector, confined_labels, denied_keys, matches

_SPEC = ("podSelector", "policyTypes", "ingress", "egress")
_ABSENT = ("NotIn", "DoesNotExist")
_NAMESPACES = ListNeed(Side.TENANT, NAMESPACES.plural, "", wake=True)
_UNKNOWN = "this version does not know the field, and without it the policy would allow more"


def down(obj: Obj, view: View) -> Answer:
    links, spec, namespace = Links(view), obj.get("spec") or {}, obj["metadata"]["namespace"]
    labels, annotations, dropped = down_metadata(obj, view)
    _only(spec, _SPEC, "spec", links)
    selector = spec.get("podSelector") or {}
    _refuse_absence(selector, "spec.podSelector", links)
    for key in denied_keys(selector, view.settings.host):
        links.drop(f"spec.podSelector[{key}]", "no host pod can carry this label")
    made: dict[str, Any] = {"podSelector": confined_labels(selector, view.names.tenant, [namespace]), "policyTypes": _types(spec)}
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        rules = [_rule(rule, peers, f"spec.{direction}[{index}]", namespace, links) for index, rule in enumerate(spec.get(direction) or ())]
        made[direction] = [rule for rule in rules if rule is not None]
    if "Egress" in made["policyTypes"] and view.settings.policy.keep_reachable:
        made["egress"] += [rule for rule in always_reachable(view) if rule not in made["egress"]]
    return links.answer({"metadata": {"labels": labels, "annotations": annotations}, "spec": made}, dropped)


def _types(spec: Mapping[str, Any]) -> list[str]:
    """What the API server would make of it: it has mostly done so already."""
    return list(spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]))


def _rule(rule: Mapping[str, Any], peers: str, at: str, namespace: str, links: Links) -> dict[str, Any] | None:
    """One rule, or None when nothing is left that it could allow."""
    _only(rule, ("ports", peers), at, links)
    made: dict[str, Any] = {}
    for index, port in enumerate(rule.get("ports") or ()):
        _only(port, ("protocol", "port", "endPort"), f"{at}.ports[{index}]", links)
        made.setdefault("ports", []).append(dict(port))
    closed = links.view.settings.policy.closed_ranges
    if rule.get(peers):
        found = [_peer(peer, f"{at}.{peers}[{index}]", namespace, links) for index, peer in enumerate(rule[peers])]
        made[peers] = [peer for peer in found if peer is not None]
        return made if made[peers] else None
    if closed:
        made[peers] = [_pods({}, None, links.view.names.tenant), *open_ranges.everywhere(closed)]
    return made


def _peer(peer: Mapping[str, Any], at: str, namespace: str, links: Links) -> dict[str, Any] | None:
    _only(peer, ("podSelector", "namespaceSelector", "ipBlock"), at, links)
    view = links.view
    if peer.get("ipBlock") is not None:
        _only(peer["ipBlock"], ("cidr", "except"), f"{at}.ipBlock", links)
        block = open_ranges.without(peer["ipBlock"], view.settings.policy.closed_ranges)
        if block is None:
            links.note(f"{at}.ipBlock", "the host's administrator keeps this range closed")
        return None if block is None else {"ipBlock": block}
    selector = peer.get("podSelector") or {}
    _refuse_absence(selector, f"{at}.podSelector", links)
    if peer.get("namespaceSelector") is None:
        return {"podSelector": confined_labels(selector, view.names.tenant, [namespace])}
    wanted = peer["namespaceSelector"]
    if not _asks(wanted):
        return _pods(selector, None, view.names.tenant)
    found = [one["metadata"]["name"] for one in view.list(_NAMESPACES) if matches(wanted, one["metadata"].get("labels") or {})]
    return _pods(selector, sorted(found), view.names.tenant) if found else None


def _pods(selector: LabelSelector, namespaces: Sequence[str] | None, tenant: str) -> dict[str, Any]:
    """Pods of these tenant namespaces (None: of all). The host's namespaces of this tenant carry its label; the rest is said of the pods."""
    return {"namespaceSelector": {"matchLabels": {stamps.TENANT: tenant}}, "podSelector": confined_labels(selector, tenant, namespaces)}


def _refuse_absence(selector: LabelSelector, at: str, links: Links) -> None:
    for item in selector.get("matchExpressions") or ():
        if item.get("operator") in _ABSENT and label_verdict(str(item.get("key")), links.view.settings.host) is not None:
            links.refuse(Refusal(at, f"no host pod carries the label {item.get('key')}, so that asking for its absence would match them all"))


def _only(found: Mapping[str, Any], known: Iterable[str], at: str, links: Links) -> None:
    for key in sorted(found.keys() - set(known)):
        links.refuse(Refusal(f"{at}.{key}", _UNKNOWN))


def _asks(selector: Mapping[str, Any]) -> bool:
    return bool(selector.get("matchLabels") or selector.get("matchExpressions"))


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    """Namespaces only where a peer chooses among them: most policies do not."""
    spec = obj.get("spec") or {}
    peers = [peer for way, who in (("ingress", "from"), ("egress", "to")) for rule in spec.get(way) or () for peer in rule.get(who) or ()]
    chooses = any(_asks(peer.get("namespaceSelector") or {}) for peer in peers)
    reached = reachable_needs(settings) if settings.policy.keep_reachable and "Egress" in _types(spec) else ()
    return (*((_NAMESPACES,) if chooses else ()), *reached)


NETWORKPOLICIES = Translator(
    name="networkpolicies",
    source=NETWORKPOLICY_KIND,
    tenant_owns=tuple(("spec", key) for key in _SPEC),
    host_owns=(),
    needs=needs,
    reads=((Side.TENANT, SERVICES), (Side.TENANT, ENDPOINTSLICES)),
    down=down,
)
