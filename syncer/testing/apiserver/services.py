"""Cluster addresses and node ports of Services: asked for, found, kept and refused as the server does it."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from syncer.core.objects import SERVICES
from syncer.testing.apiserver import answers

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Made = dict[str, Any]

_NODE_PORT_TYPES = ("NodePort", "LoadBalancer")


@dataclass(frozen=True)
class Taken:
    """What other Services hold."""

    addresses: frozenset[str]
    ports: frozenset[int]

    @classmethod
    def by(cls, services: Iterable[Mapping[str, Any]]) -> Taken:
        addresses: set[str] = set()
        ports: set[int] = set()
        for service in services:
            spec = service["spec"]
            addresses.update(address for address in spec.get("clusterIPs") or () if address != "None")
            ports.update(_ports(spec))
        return cls(frozenset(addresses), frozenset(ports))


def _ports(spec: Mapping[str, Any]) -> Iterator[int]:
    for port in spec.get("ports") or ():
        if port.get("nodePort"):
            yield port["nodePort"]
    if spec.get("healthCheckNodePort"):
        yield spec["healthCheckNodePort"]


@dataclass(frozen=True)
class Ranges:
    """Where addresses and node ports come from. `networks[0]` is the one addresses are given out of; `seed` says where the search begins, so
    that two clusters do not happen to agree."""

    networks: tuple[Network, ...]
    seed: str
    first_port: int = 30000
    last_port: int = 32767

    def free_address(self, taken: frozenset[str]) -> str:
        network = self.networks[0]
        size = network.num_addresses - 2
        low = min(max(16, size // 16), 256) if size > 16 else 0
        span = max(size - low, 1)
        start = self._start(span)
        for step in range(span):
            address = str(network[1 + low + (start + step) % span])
            if address not in taken:
                return address
        raise answers.invalid(SERVICES, "", "spec.clusterIPs", "range is full")

    def free_port(self, taken: Iterable[int]) -> int:
        span, held = self.last_port - self.first_port + 1, set(taken)
        start = self._start(span)
        return next(port for step in range(span) if (port := self.first_port + (start + step) % span) not in held)

    def _start(self, span: int) -> int:
        return int.from_bytes(hashlib.sha256(self.seed.encode()).digest()[:4], "big") % span

    def holds(self, address: str) -> bool:
        found = ipaddress.ip_address(address)
        return any(found in network and found not in (network[0], network[-1]) for network in self.networks)


def inherit(service: Made, old: Mapping[str, Any]) -> None:
    """What an update that leaves allocated values out means: keep them (node ports by the port's name), unless another type has none."""
    spec, before = service["spec"], old["spec"]
    _drop_what_it_no_longer_has(spec, before)
    if before["type"] == "LoadBalancer" != spec["type"]:
        service["status"] = {**service.get("status", {}), "loadBalancer": {}}
    if spec["type"] == "ExternalName" or before["type"] == "ExternalName":
        return
    if not spec.get("clusterIP"):
        _copy(spec, before, "clusterIP", "clusterIPs")
    _copy(spec, before, "ipFamilies", "ipFamilyPolicy")
    if spec["type"] in _NODE_PORT_TYPES and before["type"] in _NODE_PORT_TYPES:
        held = {port.get("name", ""): port.get("nodePort") for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            if not port.get("nodePort") and held.get(port.get("name", "")):
                port["nodePort"] = held[port.get("name", "")]
        if not spec.get("healthCheckNodePort") and before.get("healthCheckNodePort"):
            _copy(spec, before, "healthCheckNodePort")


def _copy(spec: Made, before: Mapping[str, Any], *fields: str) -> None:
    for field in fields:
        if not spec.get(field) and before.get(field):
            spec[field] = before[field]


def settle(service: Made, old: Mapping[str, Any] | None, taken: Taken, ranges: Ranges) -> None:
    """Give a Service that is about to be written its addresses and ports, or refuse it. `taken` leaves this Service out."""
    spec = service["spec"]
    name = service["metadata"]["name"]
    if spec["type"] == "ExternalName":
        if spec.get("clusterIP"):
            raise answers.invalid(SERVICES, name, "spec.clusterIPs", "Forbidden: may not be set for ExternalName services")
        return
    if spec.get("clusterIP") == "None" and spec["type"] in _NODE_PORT_TYPES:
        why = f"Invalid value: \"None\": may not be set to 'None' for {spec['type']} services"
        raise answers.invalid(SERVICES, name, "spec.clusterIPs[0]", why)
    held = ((old or {}).get("spec") or {}).get("clusterIPs")
    if held and spec.get("clusterIPs", [spec.get("clusterIP")]) != held:
        raise answers.invalid(SERVICES, name, "spec.clusterIPs[0]", f"Invalid value: {spec.get('clusterIPs')}: may not change once set")
    if held and spec.get("clusterIP") != held[0]:
        raise answers.invalid(SERVICES, name, "spec.clusterIP", "Invalid value: may not change once set")
    _settle_address(spec, name, bool(held), taken, ranges)
    _settle_ports(spec, name, taken, ranges)


def _drop_what_it_no_longer_has(spec: Made, before: Mapping[str, Any]) -> None:
    """An update lets go of what no longer applies, unless it says something about that itself (which is then refused)."""
    for applies, fields in _CONDITIONAL:
        if applies(before) and not applies(spec):
            for field in fields:
                if spec.get(field) == before.get(field):
                    spec.pop(field, None)
    if _has_node_ports(before) and not _has_node_ports(spec) and _numbers(spec) == _numbers(before):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)


def _has_address(spec: Mapping[str, Any]) -> bool:
    return bool(spec["type"] != "ExternalName")


def _has_node_ports(spec: Mapping[str, Any]) -> bool:
    return spec["type"] in _NODE_PORT_TYPES


def _is_balanced(spec: Mapping[str, Any]) -> bool:
    return bool(spec["type"] == "LoadBalancer")


def is_external(spec: Mapping[str, Any]) -> bool:
    return _has_node_ports(spec) or (spec["type"] == "ClusterIP" and bool(spec.get("externalIPs")))


def _is_checked(spec: Mapping[str, Any]) -> bool:
    return _is_balanced(spec) and spec.get("externalTrafficPolicy") == "Local"


def _has_affinity(spec: Mapping[str, Any]) -> bool:
    return bool(spec["sessionAffinity"] != "None")


_CONDITIONAL: tuple[tuple[Callable[[Mapping[str, Any]], bool], tuple[str, ...]], ...] = (
    (_has_address, ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")),
    (_is_balanced, ("allocateLoadBalancerNodePorts", "loadBalancerClass")),
    (_is_checked, ("healthCheckNodePort",)),
    (is_external, ("externalTrafficPolicy",)),
    (_has_affinity, ("sessionAffinityConfig",)),
)


def _numbers(spec: Mapping[str, Any]) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def _settle_address(spec: Made, name: str, keeps: bool, taken: Taken, ranges: Ranges) -> None:
    given = spec.get("clusterIP")
    if given and spec.get("clusterIPs") and spec["clusterIPs"][0] != given:
        raise answers.invalid(SERVICES, name, "spec.clusterIPs", f"Invalid value: {spec['clusterIPs']}: first value must match `clusterIP`")
    if not given:
        given = (spec.get("clusterIPs") or [None])[0] or ranges.free_address(taken.addresses)
    elif given != "None" and not keeps:
        _check_address(name, given, taken, ranges)
    spec["clusterIP"] = given
    spec["clusterIPs"] = spec.get("clusterIPs") or [given]
    if given == "None" and not spec.get("selector"):
        spec.setdefault("ipFamilies", ["IPv4", "IPv6"])
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
        return
    spec.setdefault("ipFamilies", ["IPv6" if ":" in given else "IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")


def _check_address(name: str, address: str, taken: Taken, ranges: Ranges) -> None:
    try:
        inside = ranges.holds(address)
    except ValueError:
        raise answers.invalid(SERVICES, name, "spec.clusterIPs[0]", f"Invalid value: {address!r}: must be a valid IP address") from None
    why = "" if inside else "the provided network does not match the current range"
    if address in taken.addresses:
        why = "provided IP is already allocated"
    if why:
        raise answers.invalid(SERVICES, name, "spec.clusterIPs", f'Invalid value: ["{address}"]: failed to allocate IP {address}: {why}')


def _settle_ports(spec: Made, name: str, taken: Taken, ranges: Ranges) -> None:
    wanted = spec["type"] == "NodePort" or (spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))
    ports = spec.get("ports") or ()
    for index, port in enumerate(ports):
        if port.get("nodePort"):
            _check_port(spec, name, index, port["nodePort"], taken, ranges)
    held = {*taken.ports, *(port["nodePort"] for port in ports if port.get("nodePort"))}
    for port in ports:
        if wanted and not port.get("nodePort"):
            port["nodePort"] = ranges.free_port(held)
            held.add(port["nodePort"])
    if spec["type"] == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local" and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = ranges.free_port(held)


def _check_port(spec: Made, name: str, index: int, port: int, taken: Taken, ranges: Ranges) -> None:
    field = f"spec.ports[{index}].nodePort"
    if spec["type"] not in _NODE_PORT_TYPES:
        raise answers.invalid(SERVICES, name, field, "Forbidden: may not be used when `type` is 'ClusterIP'")
    if port in taken.ports:
        raise answers.invalid(SERVICES, name, field, f"Invalid value: {port}: provided port is already allocated")
    if not ranges.first_port <= port <= ranges.last_port:
        raise answers.invalid(SERVICES, name, field, f"Invalid value: {port}: provided port is not in the valid range")
