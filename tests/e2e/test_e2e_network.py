"""Ways in and out: Ingresses, network policies, endpoints of the tenant's own, and Services shown on the other side. Hostile tenants included."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.e2e.stage import TENANT_RANGE, Cluster, Obj, Place, Planes, World, eventually, for_a_while
from tools.planes.api import ApiStatusError

TENANT = "netted"
FORBIDDEN_EXPECTED = True  # by the fence, until the administrator has labelled the namespace
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
tenant:
  serviceCIDR: {TENANT_RANGE}
policy:
  ingressHosts: ["*.{{tenant}}.example.com"]
  denyEndpoints: [203.0.113.0/24, 10.128.0.0/9]
network:
  replicateServices:
    fromHost: [{{from: infra-netted/main, to: default/main-db}}]
    toHost: [{{from: default/shown, to: exchange-netted/of-netted}}]
"""
NGINX = "nginx.ingress.kubernetes.io/"
API_SERVER = "198.51.100.6"
CRT = {"tls.crt": "YQ==", "tls.key": "YQ=="}


@pytest.fixture(scope="module", autouse=True)
def of_the_host(planes: Planes) -> Iterator[None]:
    """The host offers a class by default, and has a namespace to show Services from and one to show them in, before rights are granted there."""
    host = Cluster(planes.host)
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    parameters = {"apiGroup": "example.com", "kind": "Config", "name": "of-the-host"}
    public = {"metadata": {"name": "public", "annotations": default}, "spec": {"controller": "example.com/i", "parameters": parameters}}
    host.create("ingressclasses", "", public)
    host.create("ingressclasses", "", {"metadata": {"name": "internal"}, "spec": {"controller": "example.com/i"}})
    for name in ("infra-netted", "exchange-netted"):
        host.create("namespaces", "", {"metadata": {"name": name}})
    # These planes advertise no address of their API server.
    meta = {"name": "kubernetes", "labels": {"kubernetes.io/service-name": "kubernetes"}}
    host.create("endpointslices", "default", {"metadata": meta, "addressType": "IPv4", "endpoints": [{"addresses": [API_SERVER]}], "ports": []})
    yield
    host.delete("endpointslices", "default", "kubernetes")
    for name in ("public", "internal"):
        host.delete("ingressclasses", "", name)


def rule(host: str, service: str = "shop") -> Obj:
    return {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}


def ingress(place: Place, name: str, host: str = "a.netted.example.com", annotations: dict[str, str] | None = None, **spec: object) -> Obj:
    return place.create("ingresses", {"metadata": {"name": name, "annotations": annotations or {}}, "spec": {"rules": [rule(host)], **spec}})


def on_host(place: Place, plural: str, name: str) -> Obj:
    return eventually(f"{plural} {name} is on the host", lambda: place.host(plural, name))


def test_the_hosts_default_class_is_shown_without_its_parameters_and_others_are_not(world: World) -> None:
    found = eventually("the class is shown", lambda: world.tenant.get("ingressclasses", "", "public"))
    assert found["spec"] == {"controller": "example.com/i"}
    assert not world.tenant.get("ingressclasses", "", "internal")


def test_an_ingress_brings_its_certificate_along_and_takes_it_away_again(place: Place, world: World) -> None:
    place.service("shop")
    place.create("secrets", {"metadata": {"name": "cert"}, "type": "kubernetes.io/tls", "data": CRT})
    ingress(place, "web", tls=[{"hosts": ["a.netted.example.com"], "secretName": "cert"}])
    spec = on_host(place, "ingresses", "web")["spec"]
    assert spec == place.get("ingresses", "web")["spec"]
    assert spec["ingressClassName"] == "public", "the tenant's own API server has given it the default class"
    assert place.host("secrets", "cert")["type"] == "kubernetes.io/tls"
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}
    world.host.patch("ingresses", place.on_host, "web", status, sub="status")
    eventually("the tenant sees the address", lambda: place.get("ingresses", "web")["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7")
    place.delete("ingresses", "web")
    eventually("nothing is left of it", lambda: not place.host("ingresses", "web") and not place.host("secrets", "cert"))


def test_an_ingress_works_on_when_one_of_its_services_is_missing_and_heals_when_it_comes(place: Place) -> None:
    place.service("shop")
    place.create("ingresses", {"metadata": {"name": "half"}, "spec": {"rules": [rule("a.netted.example.com"), rule("b.netted.example.com", "late")]}})

    def backends() -> list[str]:
        rules = place.host("ingresses", "half")["spec"]["rules"]
        return [one["http"]["paths"][0]["backend"]["service"]["name"] for one in rules]

    eventually("one is served", lambda: backends() == ["shop", f"late-x-{place.name}-x-netted"])
    place.service("late")
    eventually("both are served", lambda: backends() == ["shop", "late"])


@pytest.mark.parametrize(
    ("name", "host", "annotations"),
    [
        ("foreign", "shop.other.example.com", {}),
        ("wide", "*.example.com", {}),
        ("snippet", "a.netted.example.com", {f"{NGINX}configuration-snippet": "return 200;"}),
        ("redirect", "a.netted.example.com", {f"{NGINX}permanent-redirect": 'https://a;}location ~* "^/x" {'}),
        ("fetch", "a.netted.example.com", {f"{NGINX}auth-url": "http://169.254.169.254/latest"}),
        ("alias", "a.netted.example.com", {f"{NGINX}server-alias": "shop.other.example.com"}),
    ],
)
def test_an_ingress_that_reaches_beyond_the_tenant_is_refused(place: Place, name: str, host: str, annotations: dict[str, str]) -> None:
    ingress(place, name, host, annotations)
    place.await_told(name, "SyncRefused")
    assert not place.host("ingresses", name)


def test_an_ingress_that_names_a_class_of_somebody_else_is_refused(place: Place) -> None:
    ingress(place, "inside", ingressClassName="internal")
    place.await_told("inside", "SyncRefused", "internal")
    assert not place.host("ingresses", "inside")


def test_a_secret_of_somebody_else_is_never_reached(place: Place, world: World) -> None:
    place.service("shop")
    on_host(place, "services", "shop")
    world.host.create("secrets", place.on_host, {"metadata": {"name": "private"}, "data": CRT})
    ingress(
        place,
        "thief",
        annotations={f"{NGINX}auth-tls-secret": "kube-system/private"},
        tls=[{"hosts": ["a.netted.example.com"], "secretName": "private"}],
    )
    found = on_host(place, "ingresses", "thief")
    assert found["spec"]["tls"][0]["secretName"] == f"private-x-{place.name}-x-netted"
    assert found["metadata"]["annotations"][f"{NGINX}auth-tls-secret"] == "netted-kube-system/private-x-kube-system-x-netted"
    place.create("secrets", {"metadata": {"name": "private"}, "data": CRT})
    place.await_told("private", "SyncConflict")
    for_a_while("the name is not used", lambda: place.host("ingresses", "thief")["spec"]["tls"][0]["secretName"] != "private")


def test_a_policy_is_confined_and_follows_namespaces(place: Place, world: World) -> None:
    other = world.place(team="later")
    peers = [{"namespaceSelector": {"matchLabels": {"team": "a"}}}, {"podSelector": {}}]
    body = {"metadata": {"name": "open"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": peers}]}}
    place.create("networkpolicies", body)
    mine = {"kled.io/tenant": "netted", "kled.io/namespace": place.name}
    spec = on_host(place, "networkpolicies", "open")["spec"]
    assert spec["podSelector"] == {"matchLabels": mine}
    assert spec["ingress"] == [{"from": [{"podSelector": {"matchLabels": mine}}]}]
    world.tenant.patch("namespaces", "", other.name, {"metadata": {"labels": {"team": "a"}}})
    theirs = {"matchLabels": {**mine, "kled.io/namespace": other.name}}
    eventually(
        "it has a second peer", lambda: theirs in [one["podSelector"] for one in place.host("networkpolicies", "open")["spec"]["ingress"][0]["from"]]
    )
    world.tenant.patch("namespaces", "", other.name, {"metadata": {"labels": {"team": None}}})
    eventually("it is gone again", lambda: len(place.host("networkpolicies", "open")["spec"]["ingress"][0]["from"]) == 1)


def test_pods_under_a_policy_for_egress_still_reach_dns_and_the_api_server(place: Place, world: World) -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 1053}]
    service = {"metadata": {"name": "kube-dns"}, "spec": {"selector": {"k8s-app": "dns"}, "ports": ports}}
    place.create("networkpolicies", {"metadata": {"name": "silent"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}})
    on_host(place, "networkpolicies", "silent")
    world.tenant.create("services", "kube-system", service)
    try:
        selected = {"k8s-app": "dns", "kled.io/tenant": "netted", "kled.io/namespace": "kube-system"}

        def to_dns() -> bool:
            rules = place.host("networkpolicies", "silent")["spec"].get("egress") or []
            peer = {"namespaceSelector": {"matchLabels": {"kled.io/tenant": "netted"}}, "podSelector": {"matchLabels": selected}}
            return {"ports": [{"protocol": "UDP", "port": 1053}], "to": [peer]} in rules

        eventually("DNS is reached", to_dns)
    finally:
        world.tenant.delete("services", "kube-system", "kube-dns")
    address = world.tenant.get("services", "default", "kubernetes")["spec"]["clusterIP"]
    blocks = [one["to"] for one in place.host("networkpolicies", "silent")["spec"]["egress"]]
    assert [{"ipBlock": {"cidr": f"{address}/32"}}] in blocks


def slice_of(service: str, *addresses: str, family: str = "IPv4", **endpoint: object) -> Obj:
    return {
        "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
        "addressType": family,
        "endpoints": [{"addresses": [address], **endpoint} for address in addresses],
        "ports": [{"name": "web", "port": 80}],
    }


def bare_service(place: Place, name: str) -> None:
    place.create("services", {"metadata": {"name": name}, "spec": {"ports": [{"name": "web", "port": 80}]}})
    on_host(place, "services", name)


def test_endpoints_outside_and_pods_of_the_tenant_are_served_by_the_host(place: Place) -> None:
    bare_service(place, "db")
    place.pod("mine")
    pod = place.await_pod("mine")
    address = pod["status"]["podIP"]
    body = slice_of("db", "192.168.7.7")
    body["endpoints"].append({"addresses": [address], "targetRef": {"kind": "Pod", "namespace": place.name, "name": "mine"}})
    place.create("endpointslices", body)
    found = on_host(place, "endpointslices", "db-1")
    assert [one["addresses"] for one in found["endpoints"]] == [["192.168.7.7"], [address]]
    assert found["endpoints"][1]["targetRef"]["uid"] == place.host("pods", "mine")["metadata"]["uid"]
    assert found["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "kled-syncer"
    assert not place.world.host.get("endpoints", place.on_host, "db")
    place.patch("endpointslices", "db-1", {"endpoints": [{"addresses": ["192.168.7.8"]}], "ports": [{"name": "web", "port": 8080}]})
    eventually("the host follows", lambda: place.host("endpointslices", "db-1")["ports"][0]["port"] == 8080)
    place.delete("endpointslices", "db-1")
    eventually("it is gone", lambda: not place.host("endpointslices", "db-1"))


def test_endpoints_of_the_old_kind_arrive_as_slices(place: Place) -> None:
    bare_service(place, "old")
    place.create(
        "endpoints", {"metadata": {"name": "old"}, "subsets": [{"addresses": [{"ip": "192.168.7.9"}], "ports": [{"name": "web", "port": 80}]}]}
    )

    def served() -> list[Obj]:
        return place.world.host.list("endpointslices", place.on_host, "kubernetes.io/service-name=old")

    (one,) = eventually("a slice is on the host", served)
    assert one["endpoints"][0]["addresses"] == ["192.168.7.9"]
    for_a_while("the host makes no second one", lambda: len(served()) == 1)


@pytest.mark.parametrize("target", ["service of the host", "API server", "node", "denied", "mapped", "other service"])
def test_endpoints_at_the_host_are_refused(place: Place, world: World, target: str) -> None:
    family = "IPv4"
    match target:
        case "service of the host":
            address = world.host.get("services", "default", "kubernetes")["spec"]["clusterIP"]
        case "API server":
            address = API_SERVER
        case "node":
            addresses = world.host.list("nodes")[0]["status"]["addresses"]
            address = next(one["address"] for one in addresses if one["type"] == "InternalIP")
        case "denied":
            address = "203.0.113.7"
        case "mapped":
            address, family = "::ffff:169.254.169.254", "IPv6"
        case _:
            address = "10.97.0.99"
    bare_service(place, "thief")
    with contextlib.suppress(ApiStatusError):  # the tenant's own API server may refuse it already
        place.create("endpointslices", slice_of("thief", address, family=family))
    if not place.get("endpointslices", "thief-1"):
        return
    place.await_told("thief-1", "SyncRefused", "endpoints[0].addresses[0]")
    assert not place.host("endpointslices", "thief-1")


def test_an_address_leaves_the_host_with_the_pod_that_had_it(place: Place, world: World) -> None:
    bare_service(place, "stale")
    place.pod("soon-gone")
    pod = place.await_pod("soon-gone")
    body = slice_of("stale", pod["status"]["podIP"], targetRef={"kind": "Pod", "namespace": place.name, "name": "soon-gone"})
    place.create("endpointslices", body)
    on_host(place, "endpointslices", "stale-1")
    place.delete("pods", "soon-gone", grace=0)
    eventually("the address is gone", lambda: not place.host("endpointslices", "stale-1").get("endpoints"))


def test_slices_of_services_with_a_selector_are_made_by_the_host_alone(place: Place) -> None:
    place.service("web")
    place.pod("web", labels={"app": "web"})
    place.await_pod("web")
    eventually("the tenant has its own slice", lambda: place.world.tenant.list("endpointslices", place.name, "kubernetes.io/service-name=web"))
    (one,) = eventually("the host has one", lambda: place.world.host.list("endpointslices", place.on_host, "kubernetes.io/service-name=web"))
    assert one["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"


def answers(cluster: object, namespace: str, name: str) -> set[str]:
    """What DNS answers for a headless Service: the ready addresses in its slices."""
    found = cluster.list("endpointslices", namespace, f"kubernetes.io/service-name={name}")  # type: ignore[attr-defined]
    endpoints = [one for piece in found for one in piece.get("endpoints") or [] if one.get("conditions", {}).get("ready") is not False]
    return {address for one in endpoints for address in one["addresses"]}


def test_a_service_of_the_host_is_found_by_name_in_the_tenant(world: World) -> None:
    ports = [{"name": "sql", "port": 5432, "targetPort": 15432}]
    made = world.host.create("services", "infra-netted", {"metadata": {"name": "main"}, "spec": {"ports": ports, "selector": {"app": "db"}}})
    address = made["spec"]["clusterIP"]
    eventually("DNS answers with the host's address", lambda: answers(world.tenant, "default", "main-db") == {address})
    assert world.tenant.get("services", "default", "main-db")["spec"]["clusterIP"] == "None"
    world.await_rest(2)
    assert not world.host.get("services", "netted-default", "main-db"), "it is not sent back"
    world.tenant.delete("services", "default", "main-db")
    eventually("it is made again", lambda: answers(world.tenant, "default", "main-db") == {address})
    world.host.delete("services", "infra-netted", "main")
    eventually("it is gone", lambda: not world.tenant.get("services", "default", "main-db"))


def test_a_service_of_the_tenant_is_found_by_name_only_where_the_hosts_administrator_lets_it_in(world: World) -> None:
    spec = {"ports": [{"name": "web", "port": 80}], "selector": {"app": "shown"}}
    world.tenant.create("services", "default", {"metadata": {"name": "shown"}, "spec": spec})
    try:
        address = eventually("it is on the host", lambda: world.host.get("services", "netted-default", "shown"))["spec"]["clusterIP"]
        time.sleep(3)
        assert not world.host.get("services", "exchange-netted", "of-netted"), "the fence lets nothing in without the label"
        world.host.patch("namespaces", "", "exchange-netted", {"metadata": {"labels": {"replicate.kled.io/netted": "true"}}})
        eventually("DNS of the host answers", lambda: answers(world.host, "exchange-netted", "of-netted") == {address})
    finally:
        world.tenant.delete("services", "default", "shown")
    eventually("it is gone", lambda: not world.host.get("services", "exchange-netted", "of-netted"))


def test_at_rest_nothing_is_written_and_a_restart_writes_nothing(place: Place, world: World) -> None:
    place.service("shop")
    place.create("secrets", {"metadata": {"name": "cert"}, "data": CRT})
    ingress(place, "calm", tls=[{"hosts": ["a.netted.example.com"], "secretName": "cert"}])
    place.create("networkpolicies", {"metadata": {"name": "calm"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}})
    bare_service(place, "calm")
    place.create("endpointslices", slice_of("calm", "192.168.1.1"))
    for plural, name in (("ingresses", "calm"), ("networkpolicies", "calm"), ("endpointslices", "calm-1")):
        on_host(place, plural, name)
    world.await_rest()
    since = world.positions()
    assert world.syncer.stop() == 0
    world.start().ready()
    time.sleep(5)
    assert [entry["requestURI"] for entry in world.writes(since) if entry["responseStatus"]["code"] < 300] == []
