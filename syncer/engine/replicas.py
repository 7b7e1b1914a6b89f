"""A Service shown on the other side: what its replica there looks like.

The other side's DNS answers with it, and nobody but the host's nodes carries the packets. So a replica has no address of its own, which would have to
be served somewhere, but is headless: DNS answers with the addresses in its slices. Those are

* the ClusterIP of the host's Service (the tenant's is the same on both sides), which every pod on the host's nodes reaches, at the Service's ports;
* for a headless Service the addresses of its own slices, one slice for each, with the names of their endpoints.

An ExternalName of the host is shown as that. One of the tenant is not: in a namespace of the host it would be a name that a tenant chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from syncer.core import stamp as stamps
from syncer.core.names import digest
from syncer.core.objects import ENDPOINTSLICES, SERVICES, Obj, Ref, Resource, Side

TRANSLATOR = "replicated-services"
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_PORT = ("name", "protocol", "port", "appProtocol")
_MOST = 1000


class Replica(NamedTuple):
    """`of` is the host's Service, `source` what it is called where it comes from, `to` its place on the other side (`side`)."""

    side: Side
    of: Ref
    source: Ref
    to: Ref


class Piece(NamedTuple):
    """One object of a replica."""

    resource: Resource
    body: Mapping[str, Any]


def pieces(replica: Replica, service: Obj, slices: Iterable[Obj], tenant: str) -> list[Piece]:
    """The Service first, then its slices."""
    spec = service.get("spec") or {}
    if spec.get("type") == "ExternalName":
        if replica.side is Side.HOST:
            return []
        return [_service(replica, service, tenant, {"type": "ExternalName", "externalName": spec.get("externalName")})]
    ports = [{**_taken(port), "targetPort": port["port"]} for port in spec.get("ports") or ()]
    made = [_service(replica, service, tenant, {"type": "ClusterIP", "clusterIP": "None", **({"ports": ports} if ports else {})})]
    addresses = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    if "None" not in addresses:
        for address in addresses:
            family = "IPv6" if ":" in address else "IPv4"
            content = {
                "addressType": family,
                "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
                "ports": [_taken(port) for port in spec.get("ports") or ()],
            }
            made.append(_slice(replica, service, tenant, family.lower(), content))
        return made
    for one in sorted(slices, key=lambda found: str(found["metadata"]["name"])):
        if one.get("addressType") in ("IPv4", "IPv6") and (one["metadata"].get("labels") or {}).get(SERVICE_NAME) == replica.of.name:
            endpoints = [_endpoint(endpoint) for endpoint in (one.get("endpoints") or ())[:_MOST]]
            content = {"addressType": one["addressType"], "endpoints": endpoints, "ports": [_taken(port) for port in one.get("ports") or ()]}
            made.append(_slice(replica, service, tenant, digest(one["metadata"]["uid"], length=10), content))
    return made


def _service(replica: Replica, service: Obj, tenant: str, spec: Mapping[str, Any]) -> Piece:
    return Piece(SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": _meta(replica, service, tenant, replica.to.name, ""), "spec": spec})


def _slice(replica: Replica, service: Obj, tenant: str, tail: str, content: Mapping[str, Any]) -> Piece:
    meta = _meta(replica, service, tenant, f"{replica.to.name}-{tail}", f"-{tail}")
    meta["labels"] |= {SERVICE_NAME: replica.to.name, MANAGED_BY: stamps.MANAGER}
    return Piece(ENDPOINTSLICES, {"apiVersion": ENDPOINTSLICES.api_version, "kind": ENDPOINTSLICES.kind, "metadata": meta, **content})


def _meta(replica: Replica, service: Obj, tenant: str, name: str, tail: str) -> dict[str, Any]:
    """On the host with a whole stamp; in the tenant without a word of where it comes from."""
    uid = service["metadata"]["uid"]
    if replica.side is Side.HOST:
        stamp = stamps.Stamp(tenant, f"{TRANSLATOR}{tail}", replica.source.namespace, replica.source.name, _source_uid(service))
        return {"name": name, "namespace": replica.to.namespace, "labels": stamps.labels(stamp), "annotations": stamps.annotations(stamp)}
    labels = {stamps.MANAGED_BY: stamps.MANAGER, stamps.TRANSLATOR: TRANSLATOR}
    return {"name": name, "namespace": replica.to.namespace, "labels": labels, "annotations": {stamps.SOURCE_UID: uid}}


def _source_uid(service: Obj) -> str:
    return str((service["metadata"].get("annotations") or {}).get(stamps.SOURCE_UID) or service["metadata"]["uid"])


def _taken(port: Mapping[str, Any]) -> dict[str, Any]:
    return {key: port[key] for key in _PORT if port.get(key) is not None}


def _endpoint(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    return {key: endpoint[key] for key in ("addresses", "conditions", "hostname") if endpoint.get(key) is not None}
