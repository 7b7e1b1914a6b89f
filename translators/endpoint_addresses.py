"""Addresses that a tenant may send a Service of its own to.

A Service is a way in for whoever may use it, and some who may (ingress controllers, other tenants' nodes) reach more than the tenant does
(CVE-2021-25740). So these never pass, however they are written (also as an IPv4 address inside an IPv6 one):

* the machine itself and its link: loopback, link-local, unspecified, multicast, and the fixed addresses of clouds' metadata services;
* the host's Services (its ServiceCIDRs) and its own API server;
* the host's nodes, and their pod ranges (`spec.podCIDRs`); further ranges by `policy.denyEndpoints`, for networks that keep their ranges elsewhere.

A live host pod of this tenant passes even in such a range, unless it uses the network of its node. Everything else is outside, and passes.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from syncer.core.objects import NODES, SERVICECIDRS, Obj, Side
from syncer.core.translator import ListNeed, View

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CIDRS = ListNeed(Side.HOST, SERVICECIDRS.plural, "", wake=True)
HOST_NODES = ListNeed(Side.HOST, NODES.plural, "")
_METADATA = ("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd20:ce::254/128")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@lru_cache(maxsize=1024)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def read(text: object) -> Address | None:
    """The address that is meant in the end; None when it is none."""
    try:
        found = ipaddress.ip_address(text if isinstance(text, str) else "")
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None)
        return inner or found
    return found


class Limits:
    """What the host says about its ranges, read once per look at a slice."""

    def __init__(self, view: View) -> None:
        settings = view.settings
        cidrs = (text for cidr in view.list(CIDRS) for text in (cidr.get("spec") or {}).get("cidrs") or ())
        self._services = tuple(_networks(cidrs))
        nodes = view.list(HOST_NODES)
        self._nodes = frozenset(read(text) for node in nodes for text in _addresses(node)) | {read(text) for text in settings.host_api}
        self._pods = tuple(_networks(text for node in nodes for text in _pod_ranges(node)))
        self._denied = tuple(_networks((*_METADATA, *settings.policy.deny_endpoints)))

    def reason(self, text: object, is_own_pod: Callable[[str], bool]) -> str | None:
        """Why this address may not be pointed to; None when it may. `is_own_pod` is asked only where it matters."""
        address = read(text)
        if address is None:
            return "it is not an address"
        if address.is_loopback or address.is_link_local or address.is_unspecified or address.is_multicast:
            return "it means the machine itself or its link"
        if _in(address, self._services):
            return "it is in the host's range of services"
        if address in self._nodes:
            return "it is a machine of the host"
        if (_in(address, self._pods) or _in(address, self._denied)) and not is_own_pod(str(text)):
            return "the host keeps this range, and no running pod of this cluster has the address"
        return None


def _networks(texts: Iterable[Any]) -> Iterator[Network]:
    for text in texts:
        network = _network(str(text))
        if network is not None:
            yield network


def _in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _addresses(node: Obj) -> Iterator[str]:
    for entry in (node.get("status") or {}).get("addresses") or ():
        if entry.get("type") in ("InternalIP", "ExternalIP"):
            yield entry["address"]


def _pod_ranges(node: Obj) -> Iterable[str]:
    spec = node.get("spec") or {}
    return spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])


def pod_addresses(pod: Mapping[str, Any] | None) -> frozenset[str]:
    """The addresses of a host pod, as long as they are its own: not after its end, and not its node's."""
    spec, status = (pod or {}).get("spec") or {}, (pod or {}).get("status") or {}
    if spec.get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
        return frozenset()
    return frozenset(str(entry["ip"]) for entry in status.get("podIPs") or ({"ip": status.get("podIP")},) if entry.get("ip"))
