"""The Gateway API, installed while the syncer is running: its kinds wake up, and Gateways and routes cross."""

from __future__ import annotations

import pytest

from tests.e2e.stage import TENANT_RANGE, Place, World, eventually
from tests.gateway_crds import install

TENANT = "gated"
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
tenant:
  serviceCIDR: {TENANT_RANGE}
policy:
  gatewayClasses: {{public: shared}}
  gateways: {{infra/edge: gateways/edge}}
"""
WOKEN = 90.0
CONDITION = {"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": "2030-01-01T00:00:00Z"}


@pytest.fixture(scope="module", autouse=True)
def gateways(world: World) -> None:
    """The syncer was ready without them."""
    assert "gateways.gateway.networking.k8s.io" in world.syncer.fetch("/readyz?verbose")[1]
    for plane in (world.planes.host, world.planes.tenant):
        install(plane)


def test_a_gateway_and_its_route_cross_and_show_what_the_host_says(place: Place, world: World) -> None:
    place.service("shop")
    place.create("secrets", {"metadata": {"name": "cert"}, "type": "kubernetes.io/tls", "data": {"tls.crt": "YQ==", "tls.key": "YQ=="}})
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "cert"}]}
    listener = {"name": "a", "port": 443, "protocol": "HTTPS", "tls": tls, "allowedRoutes": {"namespaces": {"from": "All"}}}
    about = {"apiVersion": "gateway.networking.k8s.io/v1"}
    place.create(
        "gateways", {**about, "kind": "Gateway", "metadata": {"name": "front"}, "spec": {"gatewayClassName": "public", "listeners": [listener]}}
    )
    parents = [{"name": "front"}, {"name": "edge", "namespace": "infra"}]
    rules = [{"backendRefs": [{"name": "shop", "port": 80}]}]
    place.create("httproutes", {**about, "kind": "HTTPRoute", "metadata": {"name": "shop"}, "spec": {"parentRefs": parents, "rules": rules}})
    gateway = eventually("the gateway is on the host", lambda: place.host("gateways", "front"), within=WOKEN)
    assert gateway["spec"]["gatewayClassName"] == "shared"
    assert gateway["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["selector"] == {"matchLabels": {"kled.io/tenant": "gated"}}
    assert place.host("secrets", "cert")
    wanted = [{"name": "front", "namespace": place.on_host}, {"name": "edge", "namespace": "gateways"}]
    eventually("the route has both parents", lambda: place.host("httproutes", "shop").get("spec", {}).get("parentRefs") == wanted, within=WOKEN)
    said = {"parentRef": {"name": "front", "namespace": place.on_host}, "controllerName": "example.com/c", "conditions": [CONDITION]}
    world.host.patch("httproutes", place.on_host, "shop", {"status": {"parents": [said]}}, sub="status")
    shown = eventually("the tenant sees it", lambda: place.get("httproutes", "shop").get("status"))
    assert shown["parents"][0]["parentRef"] == {"name": "front"}
    world.await_rest()


def test_a_gateway_with_an_address_is_refused(place: Place) -> None:
    spec = {"gatewayClassName": "public", "listeners": [], "addresses": [{"value": "192.0.2.1"}]}
    place.create("gateways", {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "own"}, "spec": spec})
    place.await_told("own", "SyncRefused", "spec.addresses")
    assert not place.host("gateways", "own")
