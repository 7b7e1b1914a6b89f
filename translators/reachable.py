"""What pods under a NetworkPolicy for egress still reach: the tenant's DNS and its API server (`policy.keepReachable`, on by default).

In a cluster of one's own DNS is found by its labels, and the API server by an address that its owner knows. Here the DNS pods are ordinary host
pods of the tenant (port 53 is rarely the port they listen on), and the API server lies at an address that only the host's administrator knows. A
policy written for an ordinary cluster would cut its pods off from both without anybody having meant it. So the rules that lead there are added:

* to the pods that the DNS Service (`tenant.dns`) selects, at the ports it sends to. Without such a Service pods use the resolver of their node,
  and nothing is added: a rule for it would open port 53 to the whole world;
* to the addresses of the tenant's API server, as `tenant.apiServer` says or as it advertises them, and to the ClusterIP that stands for them (some
  networks judge before, some after the translation of addresses). A network that does not match pods by address (Cilium) needs a policy of the
  host's administrator when the API server is itself a host pod.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import ENDPOINTSLICES, SERVICES, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Need, ObjectNeed, View
from translators import open_ranges
from translators.selectors import confined

_API = ObjectNeed(Side.TENANT, Ref(SERVICES.plural, "default", "kubernetes"), wake=True)
_ADVERTISED = ObjectNeed(Side.TENANT, Ref(ENDPOINTSLICES.plural, "default", "kubernetes"), wake=True)


def reachable_needs(settings: Settings) -> Iterable[Need]:
    return (_dns_need(settings), _API, _ADVERTISED)


def _dns_need(settings: Settings) -> ObjectNeed:
    namespace, _, name = settings.tenant.dns.partition("/")
    return ObjectNeed(Side.TENANT, Ref(SERVICES.plural, namespace, name), wake=True)


def always_reachable(view: View) -> list[dict[str, Any]]:
    """Egress rules to be added."""
    return [*_to_dns(view), *_to_api_server(view)]


def _to_dns(view: View) -> Iterator[dict[str, Any]]:
    need = _dns_need(view.settings)
    spec = (view.get(need) or {}).get("spec") or {}
    selected = confined(spec.get("selector"), view.names.tenant, need.ref.namespace)
    if not selected or not spec.get("ports"):
        return
    ports = [{"protocol": port.get("protocol") or "TCP", "port": port.get("targetPort") or port["port"]} for port in spec["ports"]]
    peer = {"namespaceSelector": {"matchLabels": {stamps.TENANT: view.names.tenant}}, "podSelector": {"matchLabels": selected}}
    yield {"ports": ports, "to": [peer]}


def _to_api_server(view: View) -> Iterator[dict[str, Any]]:
    by_port: dict[int, list[str]] = {}
    for address, port in (*_advertised(view), *_cluster_addresses(view)):
        if _is_usable(address):
            by_port.setdefault(port, []).append(address)
    for port, addresses in sorted(by_port.items()):
        yield {"ports": [{"protocol": "TCP", "port": port}], "to": [{"ipBlock": {"cidr": _single(one)}} for one in dict.fromkeys(addresses)]}


def _advertised(view: View) -> Iterator[tuple[str, int]]:
    told = view.settings.tenant.api_server
    if told:
        yield from told
        return
    found: Mapping[str, Any] = view.get(_ADVERTISED) or {}
    port = next((port["port"] for port in found.get("ports") or () if port.get("port")), 443)
    for endpoint in found.get("endpoints") or ():
        for address in endpoint.get("addresses") or ():
            # What the tenant's objects say opens nothing that is to stay closed.
            if _is_usable(address) and open_ranges.without({"cidr": _single(address)}, view.settings.policy.closed_ranges) is not None:
                yield address, port


def _cluster_addresses(view: View) -> Iterator[tuple[str, int]]:
    """The Service that pods are told, unless they are told another name. The tenant writes this Service as it likes: only an address of its own
    range counts."""
    spec = (view.get(_API) or {}).get("spec") or {}
    address = str(spec.get("clusterIP") or "")
    ranges = view.settings.tenant.service_cidr
    if view.settings.tenant.api_server_host is not None or not _is_usable(address):
        return
    if any(ipaddress.ip_address(address) in ipaddress.ip_network(text, strict=False) for text in ranges):
        yield address, 443


def _is_usable(address: object) -> bool:
    try:
        found = ipaddress.ip_address(address if isinstance(address, str) else "")
    except ValueError:
        return False
    return not (found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast)


def _single(address: str) -> str:
    return f"{address}/{ipaddress.ip_address(address).max_prefixlen}"
