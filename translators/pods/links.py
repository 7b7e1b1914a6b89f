"""Variables that tell a container where the services of its namespace are.

The kubelet makes them from the services it sees, which are the host's. So they are written out from the tenant's, in the kubelet's format
(pkg/kubelet/envvars), and the host's are switched off. The tenant's API server is always among them (the kubelet would else name the host's, which
no switch turns off); other services are when `enableServiceLinks` says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from syncer.core.objects import Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import ListNeed, ObjectNeed
from translators.pods.work import Work

Port = tuple[str, int, str]
Variables = tuple[Mapping[str, str], ...]
MASTER = ObjectNeed(Side.TENANT, Ref("services", "default", "kubernetes"))
_MOST = 256 * 1024
"""Bytes of links over all containers. An object may have 1.5 MiB; the kubelet itself fails at the limit of a process's environment."""


def services_need(namespace: str) -> ListNeed:
    return ListNeed(Side.TENANT, "services", namespace)


def _variable_name(text: str) -> str:
    return text.replace("-", "_").upper()


@lru_cache(maxsize=4096)
def variables(name: str, address: str, ports: tuple[Port, ...]) -> Variables:
    """The variables of one service; `ports` are (name, port, protocol)."""
    prefix = _variable_name(name)
    made = {f"{prefix}_SERVICE_HOST": address}
    host = f"[{address}]" if ":" in address else address
    for index, (port_name, port, protocol) in enumerate(ports):
        lower, upper = protocol.lower(), protocol.upper()
        url = f"{lower}://{host}:{port}"
        if index == 0:
            made[f"{prefix}_SERVICE_PORT"] = str(port)
            made[f"{prefix}_PORT"] = url
        if port_name:
            made[f"{prefix}_SERVICE_PORT_{_variable_name(port_name)}"] = str(port)
        each = f"{prefix}_PORT_{port}_{upper}"
        made.update({each: url, f"{each}_PROTO": lower, f"{each}_PORT": str(port), f"{each}_ADDR": address})
    return tuple({"name": key, "value": value} for key, value in made.items())


def _of_service(service: Mapping[str, Any]) -> Variables:
    spec = service.get("spec") or {}
    address = spec.get("clusterIP")
    if not address or address == "None":
        return ()
    ports = tuple((port.get("name", ""), port["port"], port.get("protocol") or "TCP") for port in spec.get("ports") or ())
    return variables(service["metadata"]["name"], address, ports)


@lru_cache(maxsize=16)
def _server(address: str, port: int) -> Variables:
    """Those of the API server also by the port that Kubernetes itself gives it: the kubelet would name the host's by that."""
    made = variables("kubernetes", address, (("https", port, "TCP"),))
    own, usual = f"KUBERNETES_PORT_{port}_TCP", "KUBERNETES_PORT_443_TCP"
    again = [{"name": item["name"].replace(own, usual), "value": item["value"]} for item in made if item["name"].startswith(own)]
    return made if own == usual else (*made, *again)


def needs_master(settings: Settings) -> bool:
    return not settings.tenant.api_server_host


def master(work: Work) -> Variables:
    """How to reach the tenant's API server."""
    tenant = work.settings.tenant
    if tenant.api_server_host:
        return _server(tenant.api_server_host, tenant.api_server_port)
    service = work.view.get(MASTER)
    made = _of_service(service) if service is not None else ()
    if not made:
        work.wait("the address of the tenant's API server is not known: Service default/kubernetes has no address", MASTER)
    return made


def links(work: Work, containers: int) -> Variables:
    """All service variables for this pod's containers."""
    made = master(work)
    if work.spec.get("enableServiceLinks") is False:
        return made
    found: list[Mapping[str, str]] = list(made)
    services = work.view.list(services_need(work.namespace))
    for service in sorted(services, key=_name) if len(services) > 1 else services:
        if work.namespace != "default" or service["metadata"]["name"] != "kubernetes":
            found.extend(_of_service(service))
    if len(found) > 1000 and containers * sum(len(item["name"]) + len(item["value"]) + 24 for item in found) > _MOST:
        work.drop("spec.enableServiceLinks", "the namespace has too many services for variables in every container")
        return made
    return tuple(found)


def _name(service: Mapping[str, Any]) -> str:
    return str(service["metadata"]["name"])
