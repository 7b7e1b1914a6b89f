"""Whose ClusterIP a Service gets. It has to be the same on both sides: the tenant's DNS answers with one, the host's nodes serve the other.

1. The tenant's address lies in `tenant.serviceCIDR`, a range that the host serves too: the host Service is created with exactly that address.
   Nothing outside that range is ever asked for, so that a tenant cannot claim another's address.
2. Otherwise the host gives an address, and the tenant's Service is re-created once with it (an address cannot change in place). The mark
   `kled.io/adopted-ip` on the new object ends the line: a second disagreement is a conflict, told and left alone. Whether the tenant's API server
   will take the address is looked up beforehand in its ServiceCIDRs and Services, because a refusal after the deletion would lose the object.

Headless and ExternalName services have no address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from syncer.core.actions import CONFLICT
from syncer.core.objects import SERVICECIDRS, SERVICES, Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import ListNeed, Need, ObjectNeed, View, Wait

ADOPTED = "kled.io/adopted-ip"
DISAGREES = "kled.io/tenant-ip"
"""On a host Service whose address the tenant's does not and cannot have: the tenant's. Writing it is the moment the conflict is told."""

HEADLESS = "None"
_CIDRS = ListNeed(Side.TENANT, SERVICECIDRS.plural, "")
_ALL = ListNeed(Side.TENANT, SERVICES.plural, "")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pair of Services stands. `wanted`: the addresses that the tenant's should be re-created with."""

    wanted: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[tuple[str, str], ...] = ()


AGREED = Standing()


def addresses(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The cluster addresses, none for headless and ExternalName services."""
    found = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    return () if HEADLESS in found else tuple(found)


@lru_cache(maxsize=64)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def within(found: Sequence[str], ranges: Sequence[str]) -> bool:
    """Whether every address lies in one of the ranges."""
    return all(any(ipaddress.ip_address(address) in _network(text) for text in ranges) for address in found)


def is_shared_range(spec: Mapping[str, Any], settings: Settings) -> bool:
    """Whether the tenant's addresses may be asked for on the host."""
    found = addresses(spec)
    return bool(found) and within(found, settings.tenant.service_cidr)


def host_addresses(obj: Obj, host: Obj | None, settings: Settings) -> dict[str, Any]:
    """The address part of the host's spec. Where the host decides, its own values are the draft, so that nobody fights them."""
    spec = obj.get("spec") or {}
    if spec.get("type") == "ExternalName":
        return {}
    made: dict[str, Any] = {key: spec[key] for key in ("ipFamilies", "ipFamilyPolicy") if key in spec}
    if len(spec.get("ipFamilies") or ()) == 1 and "ipFamilyPolicy" in spec:
        made["ipFamilyPolicy"] = "SingleStack"  # what PreferDualStack has come to in the tenant; else the host would give a second address
    given = (host or {}).get("spec") or {}
    if spec.get("clusterIP") == HEADLESS:
        made |= {"clusterIP": HEADLESS, "clusterIPs": [HEADLESS]}
    elif is_shared_range(spec, settings):
        made |= {"clusterIP": addresses(spec)[0], "clusterIPs": list(addresses(spec))}
    elif addresses(given):
        made |= {"clusterIP": given["clusterIP"], "clusterIPs": given["clusterIPs"][: max(1, len(spec.get("ipFamilies") or ()))]}
    return made


def cannot_keep_address(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether the host's first address would have to change, come or go. No Service can do that in place, except that one without an address
    may be given any."""
    first, there = wanted.get("clusterIP"), found.get("clusterIP")
    return first != there and bool(there or found.get("type") == "ExternalName")


def standing(obj: Obj, host: Obj | None, view: View) -> Standing | Wait:
    """Whether the two agree, and if not, what can be done."""
    spec = obj.get("spec") or {}
    mine, theirs = addresses(spec), addresses((host or {}).get("spec") or {})
    if not mine or len(mine) != len(theirs) or mine == theirs or is_shared_range(spec, view.settings):
        return AGREED
    if (reason := _obstacle(obj, theirs, view)) is not None:
        text = f"the host serves this service at {', '.join(theirs)}, and its address here cannot become that one: {reason}"
        return Standing(marks={DISAGREES: ",".join(mine)}, notes=((CONFLICT, text),))
    holder = next((other for other in view.list(_ALL) if _holds(other, theirs) and other["metadata"]["uid"] != obj["metadata"]["uid"]), None)
    if holder is not None:
        ref = Ref(SERVICES.plural, holder["metadata"]["namespace"], holder["metadata"]["name"])
        return Wait(f"the address that the host gave ({theirs[0]}) is taken by service {ref.namespace}/{ref.name}", (ObjectNeed(Side.TENANT, ref),))
    return Standing(wanted=theirs)


def _obstacle(obj: Obj, theirs: Sequence[str], view: View) -> str | None:
    meta = obj["metadata"]
    if (meta.get("annotations") or {}).get(ADOPTED):
        return "it was re-created for that purpose once"
    if meta.get("finalizers"):
        return "it has finalizers, so it cannot be re-created at once"
    ranges = [text for cidr in view.list(_CIDRS) for text in (cidr.get("spec") or {}).get("cidrs") or ()]
    if not within(theirs, ranges):
        return "the service ranges of this cluster do not contain it; set tenant.serviceCIDR to a range that both clusters serve"
    return None


def unmarked(obj: Obj) -> Obj:
    """The tenant's object as the tenant wrote it: our own mark is no news to it."""
    meta = obj["metadata"]
    if ADOPTED not in (meta.get("annotations") or {}):
        return obj
    return {**obj, "metadata": {**meta, "annotations": {key: value for key, value in meta["annotations"].items() if key != ADOPTED}}}


def _holds(service: Obj, wanted: Sequence[str]) -> bool:
    return not set(addresses(service.get("spec") or {})).isdisjoint(wanted)


def address_needs(obj: Obj, settings: Settings) -> Iterable[Need]:
    spec = obj.get("spec") or {}
    return (_CIDRS, _ALL) if addresses(spec) and not is_shared_range(spec, settings) else ()


def adopt(tenant: Obj, host: Obj, view: View) -> Mapping[str, Any] | None:
    """The tenant's Service with the host's address. Node ports are left to the tenant's server: the old ones may be taken by then, and the
    host's are written up afterwards."""
    found = standing(tenant, host, view)
    if isinstance(found, Wait) or not found.wanted:
        return None
    meta, spec = tenant["metadata"], dict(tenant["spec"])
    spec.pop("healthCheckNodePort", None)
    spec |= {"clusterIP": found.wanted[0], "clusterIPs": list(found.wanted)}
    spec["ports"] = [{key: value for key, value in port.items() if key != "nodePort"} for port in spec.get("ports") or ()]
    kept = {key: meta[key] for key in ("name", "namespace", "labels", "ownerReferences") if meta.get(key)}
    annotations = {**(meta.get("annotations") or {}), ADOPTED: found.wanted[0]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {**kept, "annotations": annotations}, "spec": spec}
