"""Services: a host Service with the tenant's address, that selects the tenant's pods of that namespace and nobody else's.

* the selector is confined to tenant and namespace; none stays none (an empty one must not become "all pods", the endpoints are the tenant's);
* node ports and the health-check port are the host's to give: not sent (unless `policy.honourNodePorts`), and what the host gave is written up.
  `healthCheckNodePort` stays as it is in the tenant: its API server lets nobody change it (`validateServiceExternalTrafficFieldsUpdate`);
* `externalIPs` catch other people's traffic (CVE-2020-8554) and `loadBalancerIP` claims a host address: dropped unless policy lets them pass.
  Without externalIPs the `externalTrafficPolicy` that was defaulted for them is illegal on a ClusterIP service, so it goes with them;
* `default/kubernetes` belongs to the tenant's own API server.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import SERVICECIDRS, Obj, Ref, Side
from syncer.core.objects import SERVICES as SERVICE_KIND
from syncer.core.settings import Settings
from syncer.core.translator import AllBut, Answer, Draft, Each, Need, ObjectNeed, Path, Refusal, Skip, Subresource, Translator, View, Wait
from translators.content import unknown_in
from translators.metadata import down_metadata
from translators.selectors import confined, denied_in_map
from translators.service_addresses import address_needs, adopt, cannot_keep_address, host_addresses, standing, unmarked

_PASSED = (
    "type",
    "externalName",
    "sessionAffinity",
    "sessionAffinityConfig",
    "internalTrafficPolicy",
    "externalTrafficPolicy",
    "publishNotReadyAddresses",
    "loadBalancerClass",
    "loadBalancerSourceRanges",
    "allocateLoadBalancerNodePorts",
    "trafficDistribution",
)
_ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")
_BY_POLICY = ("externalIPs", "loadBalancerIP")
_ELSEWHERE = ("selector", "ports", "healthCheckNodePort")
_KNOWN = frozenset((*_PASSED, *_ADDRESSES, *_BY_POLICY, *_ELSEWHERE))
_PORT = ("name", "protocol", "port", "targetPort", "appProtocol")
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")

_NODE_PORTS: Path = ("spec", "ports", AllBut("name", ("nodePort",)))
_STATUS: tuple[Path, ...] = (("status", "loadBalancer"), ("status", "conditions"))
_KUBERNETES = ("default", "kubernetes")


def down(obj: Obj, view: View) -> Answer:
    meta, spec = obj["metadata"], obj.get("spec") or {}
    if (meta.get("namespace"), meta["name"]) == _KUBERNETES:
        return Skip("the tenant's API server keeps this service itself")
    if f"{meta.get('namespace')}/{meta['name']}" in {to for _, to in view.settings.network.from_host}:
        return Skip("it is one of the host's, shown here by configuration")
    if (refusal := _refused_name(spec, view.settings)) is not None:
        return refusal
    found = standing(obj, view.counterpart, view)
    if isinstance(found, Wait):
        return found
    labels, annotations, dropped = down_metadata(unmarked(obj), view)
    made, more = _spec(obj, view)
    body = {"metadata": {"labels": labels, "annotations": {**annotations, **found.marks}}, "spec": made}
    return Draft(body, (*dropped, *more), found.notes)


def _spec(obj: Obj, view: View) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The host's spec, and what does not cross."""
    spec, settings = obj.get("spec") or {}, view.settings
    made: dict[str, Any] = {key: spec[key] for key in _PASSED if key in spec}
    made |= host_addresses(obj, view.counterpart, settings)
    selector = confined(spec.get("selector"), settings.tenant.name, obj["metadata"]["namespace"])
    if selector is not None:
        made["selector"] = selector
    dropped = [(f"spec.selector[{key}]", "no host pod can carry this label") for key in denied_in_map(spec.get("selector"), settings.host)]
    if spec.get("ports"):
        made["ports"], more = _ports(spec["ports"], settings)
        dropped += more
    for key, allowed in (("externalIPs", settings.policy.allow_external_ips), ("loadBalancerIP", settings.policy.allow_load_balancer_ip)):
        if spec.get(key) and allowed:
            made[key] = spec[key]
        elif spec.get(key):
            dropped.append((f"spec.{key}", "addresses outside the cluster are the host administrator's to give"))
    if made.get("type") == "ClusterIP" and not made.get("externalIPs"):
        made.pop("externalTrafficPolicy", None)
    if settings.policy.honour_node_ports and spec.get("healthCheckNodePort") and view.counterpart is None:
        made["healthCheckNodePort"] = spec["healthCheckNodePort"]
    dropped += unknown_in(spec, _KNOWN, "spec")
    return made, dropped


def _ports(ports: Iterable[Mapping[str, Any]], settings: Settings) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    made: list[dict[str, Any]] = []
    dropped: list[tuple[str, str]] = []
    honoured = (*_PORT, "nodePort") if settings.policy.honour_node_ports else _PORT
    for index, port in enumerate(ports):
        made.append({key: port[key] for key in honoured if key in port})
        dropped += unknown_in(port, (*_PORT, "nodePort"), f"spec.ports[{index}]")
    return made, dropped


def _refused_name(spec: Mapping[str, Any], settings: Settings) -> Refusal | None:
    """An ExternalName that configuration denies (a CNAME reaches whatever it names, with the credentials of who follows it)."""
    name = spec.get("externalName")
    if spec.get("type") != "ExternalName" or not name or not settings.policy.deny_external_names:
        return None
    plain = str(name).rstrip(".").lower()
    if any(_denies(rule, plain) for rule in settings.policy.deny_external_names):
        return Refusal("spec.externalName", "the host's administrator does not let this name be used")
    return None


def _denies(rule: str, name: str) -> bool:
    """`rule` is a glob over names, or a network that a name written as an address must not lie in."""
    try:
        network = ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return fnmatch.fnmatchcase(name, rule.rstrip(".").lower())
    try:
        return ipaddress.ip_address(name) in network
    except ValueError:
        return False


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    """`up` looks at the tenant's own object: what may be written there depends on its type."""
    meta = obj["metadata"]
    return (_itself(meta["namespace"], meta["name"]), *address_needs(obj, settings))


def _itself(namespace: str, name: str) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, Ref(SERVICE_KIND.plural, namespace, name))


def up(host: Obj, view: View) -> Answer:
    """Node ports and load-balancer status. Both only while the two types agree: a ClusterIP service may have neither, and the host follows soon."""
    meta, spec, status = host["metadata"], host.get("spec") or {}, host.get("status") or {}
    ref = view.tenant_ref(SERVICE_KIND.plural, meta["namespace"], meta["name"])
    tenant = view.get(_itself(ref.namespace, ref.name)) if ref is not None else None
    kind = spec.get("type")
    if tenant is None or (tenant.get("spec") or {}).get("type") != kind:
        return Wait("the host has not followed a change of type yet", quiet=True)
    shown: dict[str, Any] = {key: status[key] for key in ("conditions",) if status.get(key)}
    if kind == "LoadBalancer":
        shown["loadBalancer"] = status.get("loadBalancer") or {}
    body: dict[str, Any] = {"status": shown}
    if kind in _WITH_NODE_PORTS:
        body["spec"] = {"ports": [_number(port) for port in spec.get("ports") or () if port.get("nodePort")]}
    return Draft(body)


def _number(port: Mapping[str, Any]) -> dict[str, Any]:
    return {key: port[key] for key in ("name", "nodePort") if key in port}


def must_recreate(body: Mapping[str, Any], target: Obj) -> bool:
    """What the API server keeps for the life of a Service: its first address, and the class of its load balancer."""
    wanted, found = body["spec"], target.get("spec") or {}
    classes = wanted.get("loadBalancerClass"), found.get("loadBalancerClass")
    other_class = wanted.get("type") == found.get("type") == "LoadBalancer" and classes[0] != classes[1]
    return other_class or cannot_keep_address(wanted, found)


SERVICES = Translator(
    name="services",
    source=SERVICE_KIND,
    tenant_owns=(*(("spec", key) for key in (*_PASSED, *_ADDRESSES, *_BY_POLICY, "selector")), _NODE_PORTS),
    host_owns=(("spec", "ports", Each("name"), "nodePort"), *_STATUS),
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    reads=((Side.TENANT, SERVICECIDRS),),
    down=down,
    up=up,
    must_recreate=must_recreate,
    recreate_tenant=adopt,
)
