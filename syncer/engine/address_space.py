"""The tenant's addresses on the host: its range of Service addresses, and its API server as pods reach it.

Pods are told the tenant's API server as `KUBERNETES_SERVICE_HOST`, by default the ClusterIP of the tenant's own `default/kubernetes`. That Service is
never synced, so nothing on the host would answer there: a host Service of exactly that address, with the endpoints of the tenant's API
server, is kept in the syncer's own namespace. It needs an address that the host serves, see `tenant.serviceCIDR`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from syncer.cluster.api import Api
from syncer.core import stamp as stamps
from syncer.core.errors import AlreadyExists, LeadershipLost, NotFound, SyncerError
from syncer.core.objects import ENDPOINTSLICES, SERVICECIDRS, SERVICES, Obj, Resource
from syncer.core.project import project
from syncer.core.settings import Settings

log = structlog.get_logger()
_EVERY = 300.0
_RETRY = 10.0
Endpoint = tuple[str, int]


class AddressSpace:
    """One named task per engine."""

    def __init__(self, tenant: Api, host: Api, settings: Settings) -> None:
        self._tenant, self._host, self._settings = tenant, host, settings
        self._said = ""

    async def run(self) -> None:
        """Looks every few minutes, and soon again when something failed; for ever."""
        while True:
            pause = _EVERY
            try:
                await self._once()
            except LeadershipLost:
                raise
            except SyncerError as error:
                self._say(f"{error}"[:300])
                pause = _RETRY
            await asyncio.sleep(pause)

    async def _once(self) -> None:
        if self._settings.host.manage_service_cidr and self._settings.tenant.service_cidr:
            await self._range()
        told = self._settings.tenant
        if told.api_server_host is not None and not told.api_server:
            return  # pods are told a name that exists without us
        address = str((await self._tenant.get(SERVICES, "default", "kubernetes")).obj()["spec"]["clusterIP"])
        if not _within(address, told.service_cidr):
            self._say("tenant.serviceCIDR does not contain the address of default/kubernetes: pods cannot reach the tenant's API server there")
            return
        endpoints = told.api_server or await self._advertised()
        usable = [endpoint for endpoint in endpoints if not ipaddress.ip_address(endpoint[0]).is_loopback]
        if not usable:
            self._say("the tenant's API server advertises no address that pods could reach; set tenant.apiServer")
            return
        await self._serve(address, usable)

    async def _range(self) -> None:
        """The host's ServiceCIDR object for the tenant's range."""
        name = f"kled-{self._settings.tenant.name}"
        try:
            await self._host.get(SERVICECIDRS, "", name)
        except NotFound:
            cidrs = list(self._settings.tenant.service_cidr)
            body = {"metadata": {"name": name, "labels": self._labels()}, "spec": {"cidrs": cidrs}}
            with suppress(AlreadyExists):
                await self._host.create(SERVICECIDRS, "", _typed(SERVICECIDRS, body))
                log.info("service_cidr_created", name=name, cidrs=cidrs)

    async def _advertised(self) -> list[Endpoint]:
        """Where the tenant's API server itself says that it is."""
        with suppress(NotFound):
            piece = (await self._tenant.get(ENDPOINTSLICES, "default", "kubernetes")).obj()
            port = next((port["port"] for port in piece.get("ports") or () if port.get("port")), 443)
            return [(address, port) for endpoint in piece.get("endpoints") or () for address in endpoint.get("addresses") or ()]
        return []

    async def _serve(self, address: str, endpoints: Sequence[Endpoint]) -> None:
        namespace, name = self._settings.host.namespace, f"kled-{self._settings.tenant.name}-api"
        port = {"name": "https", "port": 443, "protocol": "TCP"}
        meta = {"name": name, "namespace": namespace, "labels": self._labels()}
        service = {"metadata": meta, "spec": {"type": "ClusterIP", "clusterIP": address, "ports": [{**port, "targetPort": endpoints[0][1]}]}}
        await self._keep(SERVICES, service, (("spec", "ports"),))
        version = ipaddress.ip_address(endpoints[0][0]).version
        mark = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": stamps.MANAGER}
        piece = {
            "metadata": {**meta, "labels": {**meta["labels"], **mark}},  # type: ignore[dict-item]
            "addressType": f"IPv{version}",
            "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip, _ in endpoints],
            "ports": [{"name": "https", "port": endpoints[0][1], "protocol": "TCP"}],
        }
        await self._keep(ENDPOINTSLICES, piece, (("endpoints",), ("ports",)))

    async def _keep(self, resource: Resource, wanted: dict[str, Any], paths: tuple[tuple[str, ...], ...]) -> None:
        """Created, or brought up to date in what is ours; somebody else's object is left alone."""
        meta = wanted["metadata"]
        try:
            there: Obj = (await self._host.get(resource, meta["namespace"], meta["name"])).obj()
        except NotFound:
            with suppress(AlreadyExists):
                await self._host.create(resource, meta["namespace"], _typed(resource, wanted))
            return
        if (there["metadata"].get("labels") or {}).get(stamps.TENANT) != self._settings.tenant.name:
            self._say(f"{resource.kind} {meta['namespace']}/{meta['name']} on the host is not ours and is left alone")
            return
        patch = project(wanted, there, paths)
        if patch:
            precondition = {"uid": there["metadata"]["uid"]}
            await self._host.patch(resource, meta["namespace"], meta["name"], {**patch, "metadata": precondition})

    def _labels(self) -> dict[str, str]:
        return {stamps.TENANT: self._settings.tenant.name}

    def _say(self, text: str) -> None:
        """Once, until it is something else."""
        if text != self._said:
            self._said = text
            log.warning("tenant_api_not_served", reason=text)


def _typed(resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": resource.api_version, "kind": resource.kind, **body}


def _within(address: str, ranges: Sequence[str]) -> bool:
    return any(ipaddress.ip_address(address) in ipaddress.ip_network(text, strict=False) for text in ranges)
