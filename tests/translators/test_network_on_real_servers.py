"""Network kinds between two real API servers: everything comes to rest, and what is there then is what was meant."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from kind_cases import BY_NAME
from server_pair import SETTINGS, Pair

from syncer.core import stamp as stamps
from syncer.core.actions import Refuse
from syncer.core.objects import (
    BACKENDTLSPOLICIES,
    ENDPOINTSLICES,
    GATEWAYCLASSES,
    GATEWAYS,
    HTTPROUTES,
    INGRESSCLASSES,
    INGRESSES,
    NAMESPACES,
    NETWORKPOLICIES,
    NODES,
    PODS,
    REFERENCEGRANTS,
    SECRETS,
    SERVICECIDRS,
    SERVICES,
    Resource,
    Side,
)
from syncer.core.settings import KindSettings, PolicySettings
from tests.gateway_crds import install
from tools.planes import ControlPlane

pytestmark = pytest.mark.planes
NAMESPACE = "default"
CLASSES = {name: KindSettings(name=name, names=("public",)) for name in ("ingressclasses", "gatewayclasses")}
CONDITION = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": "2030-01-01T00:00:00Z"}


@pytest.fixture(scope="session")
def gateways(tenant_plane: ControlPlane, host_plane: ControlPlane) -> None:
    for plane in (tenant_plane, host_plane):
        install(plane)


def around(pair: Pair, tenant: tuple[Resource, ...], host: tuple[Resource, ...], **policy: Any) -> Pair:
    settings = replace(SETTINGS, kinds=CLASSES, policy=PolicySettings(**policy))
    return Pair(pair.tenant, pair.host, settings, {Side.TENANT: tenant, Side.HOST: host})


async def made(pair: Pair, kind: Resource, name: str, body: dict[str, Any], **meta: Any) -> list[Any]:
    """A tenant object, with all that was done until there was nothing left to do."""
    await pair.make(Side.TENANT, kind, {"metadata": {"name": name, "namespace": NAMESPACE, **meta}, **body})
    return await pair.settle(BY_NAME[kind.plural], NAMESPACE, name)


async def on_host(pair: Pair, kind: Resource, name: str) -> dict[str, Any]:
    found = await pair.get(Side.HOST, kind, f"acme-{NAMESPACE}", name)
    assert found is not None
    return found


async def in_tenant(pair: Pair, kind: Resource, name: str) -> dict[str, Any]:
    found = await pair.get(Side.TENANT, kind, NAMESPACE, name)
    assert found is not None
    return found


def status(plane: ControlPlane, kind: Resource, name: str, said: dict[str, Any]) -> None:
    where = f"{kind.path(f'acme-{NAMESPACE}', name)}/status"
    plane.api.request("PATCH", where, {"status": said}, kind="application/merge-patch+json")


async def test_an_ingress_is_served_by_a_class_of_the_host_and_shows_its_address(pair: Pair, host_plane: ControlPlane) -> None:
    pair = around(pair, (SERVICES, SECRETS, INGRESSCLASSES), (SERVICES, SECRETS, INGRESSCLASSES))
    await pair.make(Side.HOST, INGRESSCLASSES, {"metadata": {"name": "public"}, "spec": {"controller": "example.com/ingress"}})
    await pair.settle(BY_NAME["ingressclasses"], "", "public")
    assert await pair.get(Side.TENANT, INGRESSCLASSES, "", "public")
    await made(pair, SERVICES, "front", {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}, "clusterIP": "10.98.0.70"}})
    await made(pair, SECRETS, "cert", {"type": "kubernetes.io/tls", "data": {"tls.crt": "YQ==", "tls.key": "YQ=="}})
    backend = {"service": {"name": "front", "port": {"number": 80}}}
    rule = {"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    spec = {"ingressClassName": "public", "rules": [rule], "tls": [{"hosts": ["a.example.com"], "secretName": "cert"}], "defaultBackend": backend}
    await made(pair, INGRESSES, "shop", {"spec": spec})
    assert (await on_host(pair, INGRESSES, "shop"))["spec"] == (await in_tenant(pair, INGRESSES, "shop"))["spec"]
    status(host_plane, INGRESSES, "shop", {"loadBalancer": {"ingress": [{"ip": "192.0.2.7", "ports": [{"port": 80, "protocol": "TCP"}]}]}})
    await pair.settle(BY_NAME["ingresses"], NAMESPACE, "shop")
    assert (await in_tenant(pair, INGRESSES, "shop"))["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7"
    host_plane.kubectl("annotate", "ingress", "shop", "-n", f"acme-{NAMESPACE}", "of.the.host/x=y")
    host_plane.kubectl("patch", "ingress", "shop", "-n", f"acme-{NAMESPACE}", "--type=merge", "-p", '{"spec":{"tls":null,"rules":null}}')
    await pair.settle(BY_NAME["ingresses"], NAMESPACE, "shop")
    found = await on_host(pair, INGRESSES, "shop")
    assert found["spec"] == (await in_tenant(pair, INGRESSES, "shop"))["spec"]
    assert found["metadata"]["annotations"]["of.the.host/x"] == "y"


async def test_an_ingress_class_by_annotation_comes_to_rest(pair: Pair) -> None:
    pair = around(pair, (SERVICES, INGRESSCLASSES), (SERVICES, INGRESSCLASSES), ingress_classes={"mine": "theirs"})
    spec = {"defaultBackend": {"service": {"name": "missing", "port": {"name": "http"}}}}
    await made(pair, INGRESSES, "old", {"spec": spec}, annotations={"kubernetes.io/ingress.class": "mine"})
    found = await on_host(pair, INGRESSES, "old")
    assert found["metadata"]["annotations"]["kubernetes.io/ingress.class"] == "theirs"
    assert found["spec"]["defaultBackend"]["service"]["name"] == "missing-x-default-x-acme"


POLICIES: dict[str, dict[str, Any]] = {
    "deny": {"podSelector": {}},
    "deny-both": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    "allow-all": {"podSelector": {"matchLabels": {"a": "b"}}, "ingress": [{}], "egress": [{}]},
    "ports": {"podSelector": {}, "ingress": [{"ports": [{"port": 80}, {"protocol": "UDP", "port": 1000, "endPort": 2000}, {"port": "web"}]}]},
    "peers": {
        "podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]},
        "ingress": [
            {"from": [{"podSelector": {}}, {"namespaceSelector": {}}, {"ipBlock": {"cidr": "192.0.2.0/24", "except": ["192.0.2.1/32"]}}]},
            {
                "from": [
                    {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels": {"x": "y"}}}
                ]
            },
            {"from": [{"namespaceSelector": {"matchLabels": {"no": "where"}}}]},
        ],
    },
}


@pytest.mark.parametrize("name", POLICIES)
async def test_every_form_of_policy_comes_to_rest_confined(pair: Pair, name: str) -> None:
    pair = around(pair, (NAMESPACES, SERVICES, ENDPOINTSLICES), ())
    await made(pair, NETWORKPOLICIES, name, {"spec": POLICIES[name]})
    spec = (await on_host(pair, NETWORKPOLICIES, name))["spec"]
    assert spec["podSelector"]["matchLabels"].items() >= {stamps.TENANT: "acme", stamps.NAMESPACE: NAMESPACE}.items()
    assert spec["policyTypes"] == (await in_tenant(pair, NETWORKPOLICIES, name))["spec"]["policyTypes"]
    for rule in spec.get("ingress", ()):
        assert all(peer.get("ipBlock") or peer["podSelector"]["matchLabels"][stamps.TENANT] == "acme" for peer in rule.get("from", ()))


async def test_a_policy_follows_the_labels_of_namespaces(pair: Pair, tenant_plane: ControlPlane) -> None:
    pair = around(pair, (NAMESPACES, SERVICES, ENDPOINTSLICES), ())
    peers = [{"namespaceSelector": {"matchLabels": {"team": "late"}}}]
    await made(pair, NETWORKPOLICIES, "late", {"spec": {"podSelector": {}, "ingress": [{"from": peers}]}})
    assert not (await on_host(pair, NETWORKPOLICIES, "late"))["spec"].get("ingress")
    tenant_plane.kubectl("label", "namespace", "kube-public", "team=late")
    await pair.settle(BY_NAME["networkpolicies"], NAMESPACE, "late")
    (rule,) = (await on_host(pair, NETWORKPOLICIES, "late"))["spec"]["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"] == {stamps.TENANT: "acme", stamps.NAMESPACE: "kube-public"}


def sliced(*addresses: str, **more: Any) -> dict[str, Any]:
    endpoints = [{"addresses": [address]} for address in addresses]
    return {"addressType": "IPv4", "endpoints": endpoints, "ports": [{"port": 5432}], **more}


async def test_a_slice_serves_our_copy_of_its_service_and_no_controller_of_the_host_touches_it(pair: Pair) -> None:
    pair = around(pair, (SERVICES,), (SERVICES, SERVICECIDRS, NODES, PODS))
    await made(pair, SERVICES, "db", {"spec": {"ports": [{"port": 5432}], "clusterIP": "10.98.0.71"}})
    labels = {"kubernetes.io/service-name": "db"}
    await made(pair, ENDPOINTSLICES, "db-1", sliced("192.168.7.7"), labels=labels)
    await asyncio.sleep(3)
    found = await on_host(pair, ENDPOINTSLICES, "db-1")
    assert found["endpoints"][0]["addresses"] == ["192.168.7.7"]
    assert found["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == stamps.MANAGER
    assert not await pair.settle(BY_NAME["endpointslices"], NAMESPACE, "db-1")
    slices = [one for one in await pair.all(Side.HOST, ENDPOINTSLICES) if one["metadata"]["labels"].get("kubernetes.io/service-name") == "db"]
    assert [one["metadata"]["name"] for one in slices] == ["db-1"]


@pytest.mark.parametrize("address", ["10.98.128.1", "10.98.0.71"])
async def test_a_slice_at_the_hosts_services_is_refused(pair: Pair, address: str) -> None:
    pair = around(pair, (SERVICES,), (SERVICES, SERVICECIDRS, NODES, PODS))
    name = f"thief-{address.replace('.', '-')}"
    await made(pair, SERVICES, name, {"spec": {"ports": [{"port": 443}], "clusterIP": "None"}})
    done = await made(pair, ENDPOINTSLICES, name, sliced(address), labels={"kubernetes.io/service-name": name})
    assert [action.field for action in done if isinstance(action, Refuse)] == ["endpoints[0].addresses[0]"]
    assert await pair.get(Side.HOST, ENDPOINTSLICES, f"acme-{NAMESPACE}", name) is None


async def test_what_the_tenants_mirroring_controller_makes_of_endpoints_reaches_the_host(pair: Pair, tenant_plane: ControlPlane) -> None:
    pair = around(pair, (SERVICES,), (SERVICES, SERVICECIDRS, NODES, PODS))
    await made(pair, SERVICES, "legacy", {"spec": {"ports": [{"port": 5432}], "clusterIP": "10.98.0.72"}})
    body = {"metadata": {"name": "legacy"}, "subsets": [{"addresses": [{"ip": "192.168.9.9"}], "ports": [{"port": 5432}]}]}
    tenant_plane.api.create(f"/api/v1/namespaces/{NAMESPACE}/endpoints", body)
    mirrored: list[dict[str, Any]] = []
    for _ in range(100):
        mirrored = [
            one
            for one in await pair.all(Side.TENANT, ENDPOINTSLICES)
            if one["metadata"].get("labels", {}).get("kubernetes.io/service-name") == "legacy"
        ]
        if mirrored:
            break
        await asyncio.sleep(0.2)
    (one,) = mirrored
    assert one["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslicemirroring-controller.k8s.io"
    await pair.settle(BY_NAME["endpointslices"], NAMESPACE, one["metadata"]["name"])
    assert (await on_host(pair, ENDPOINTSLICES, one["metadata"]["name"]))["endpoints"][0]["addresses"] == ["192.168.9.9"]


async def test_gateways_and_routes_cross_and_show_what_the_host_says(pair: Pair, host_plane: ControlPlane, gateways: None) -> None:
    tenant = (SERVICES, SECRETS, GATEWAYCLASSES, GATEWAYS, REFERENCEGRANTS, NAMESPACES)
    pair = around(pair, tenant, (SERVICES, SECRETS, GATEWAYCLASSES, GATEWAYS))
    await pair.make(Side.HOST, GATEWAYCLASSES, {"metadata": {"name": "public"}, "spec": {"controllerName": "example.com/gateways"}})
    await pair.settle(BY_NAME["gatewayclasses"], "", "public")
    await made(pair, SERVICES, "behind", {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}, "clusterIP": "10.98.0.73"}})
    listener = {"name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    await made(pair, GATEWAYS, "front", {"spec": {"gatewayClassName": "public", "listeners": [listener]}})
    route = {"parentRefs": [{"name": "front"}], "rules": [{"backendRefs": [{"name": "behind", "port": 80}]}]}
    await made(pair, HTTPROUTES, "shop", {"spec": route})
    validation = {"hostname": "behind.example.com", "wellKnownCACertificates": "System"}
    await made(
        pair, BACKENDTLSPOLICIES, "tls", {"spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "behind"}], "validation": validation}}
    )
    assert (await on_host(pair, HTTPROUTES, "shop"))["spec"]["parentRefs"] == [{"name": "front", "namespace": f"acme-{NAMESPACE}"}]
    generation = (await on_host(pair, GATEWAYS, "front"))["metadata"]["generation"]
    status(host_plane, GATEWAYS, "front", {"conditions": [{**CONDITION, "observedGeneration": generation}], "addresses": [{"value": "192.0.2.8"}]})
    parent = {"parentRef": {"name": "front", "namespace": f"acme-{NAMESPACE}"}, "controllerName": "example.com/gateways", "conditions": [CONDITION]}
    status(host_plane, HTTPROUTES, "shop", {"parents": [parent]})
    for kind, name in ((GATEWAYS, "front"), (HTTPROUTES, "shop")):
        await pair.settle(BY_NAME[kind.plural], NAMESPACE, name)
    gateway = await in_tenant(pair, GATEWAYS, "front")
    assert gateway["status"]["addresses"] == [{"value": "192.0.2.8"}]
    assert gateway["status"]["conditions"][0]["observedGeneration"] == gateway["metadata"]["generation"]
    assert (await in_tenant(pair, HTTPROUTES, "shop"))["status"]["parents"][0]["parentRef"] == {"name": "front"}
