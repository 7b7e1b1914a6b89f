"""Services of every type: addresses and node ports, what the cloud says, and changes of type."""

from __future__ import annotations

from tests.e2e.stage import Obj, Place, World, eventually


def host_service(place: Place, name: str) -> Obj:
    return eventually(f"service {name} is on the host", lambda: place.host("services", name))


def test_a_headless_service_stays_headless(place: Place) -> None:
    place.service("headless", clusterIP="None")
    assert host_service(place, "headless")["spec"]["clusterIP"] == "None"


def test_an_external_name_passes(place: Place) -> None:
    place.create("services", {"metadata": {"name": "outside"}, "spec": {"type": "ExternalName", "externalName": "db.example.org"}})
    spec = host_service(place, "outside")["spec"]
    assert (spec["type"], spec["externalName"]) == ("ExternalName", "db.example.org")


def test_node_ports_are_the_hosts_and_are_shown_in_the_tenant(place: Place) -> None:
    place.service("ported", type="NodePort")
    host_service(place, "ported")
    eventually("the numbers agree", lambda: ports(place.get("services", "ported")) == ports(place.host("services", "ported")) != [None])
    assert place.get("services", "ported")["spec"]["clusterIP"] == place.host("services", "ported")["spec"]["clusterIP"]


def ports(service: Obj) -> list[int | None]:
    return [port.get("nodePort") for port in service["spec"]["ports"]]


def test_the_address_that_a_cloud_gives_on_the_host_is_shown_in_the_tenant(place: Place, world: World) -> None:
    place.service("balanced", type="LoadBalancer")
    host_service(place, "balanced")
    given = {"loadBalancer": {"ingress": [{"ip": "203.0.113.7", "ipMode": "VIP"}]}}
    world.host.patch("services", place.on_host, "balanced", {"status": given}, sub="status")
    eventually("the tenant sees it", lambda: place.get("services", "balanced")["status"]["loadBalancer"]["ingress"][0]["ip"] == "203.0.113.7")
    world.host.patch("services", place.on_host, "balanced", {"status": {"loadBalancer": None}}, sub="status")
    eventually("the tenant sees it go", lambda: not place.get("services", "balanced")["status"]["loadBalancer"].get("ingress"))


def test_a_service_keeps_its_address_through_changes_of_type(place: Place) -> None:
    place.service("changing")
    address = host_service(place, "changing")["spec"]["clusterIP"]
    for wanted in ("NodePort", "LoadBalancer", "ClusterIP"):
        place.patch("services", "changing", {"spec": {"type": wanted}})
        eventually(f"the host has type {wanted}", lambda wanted=wanted: place.host("services", "changing")["spec"]["type"] == wanted)
        assert place.host("services", "changing")["spec"]["clusterIP"] == address == place.get("services", "changing")["spec"]["clusterIP"]
    place.world.await_rest(1)
    assert ports(place.get("services", "changing")) == ports(place.host("services", "changing")) == [None]


def test_a_service_can_become_an_external_name_and_come_back(place: Place) -> None:
    place.service("turning")
    host_service(place, "turning")
    place.patch("services", "turning", {"spec": {"type": "ExternalName", "externalName": "db.example.org", "clusterIP": None, "clusterIPs": None}})
    eventually("the host follows", lambda: place.host("services", "turning")["spec"]["type"] == "ExternalName")
    place.patch("services", "turning", {"spec": {"type": "ClusterIP", "externalName": None}})
    eventually("the host follows back", lambda: place.host("services", "turning").get("spec", {}).get("type") == "ClusterIP")
    eventually(
        "with one address", lambda: place.host("services", "turning")["spec"]["clusterIP"] == place.get("services", "turning")["spec"]["clusterIP"]
    )


def test_ports_and_selectors_follow_an_edit(place: Place) -> None:
    place.service("edited")
    host_service(place, "edited")
    place.patch(
        "services",
        "edited",
        {"spec": {"ports": [{"name": "web", "port": 8080, "targetPort": 80}, {"name": "more", "port": 9090}], "selector": {"app": "new"}}},
    )

    def followed() -> bool:
        spec = place.host("services", "edited")["spec"]
        return [port["port"] for port in spec["ports"]] == [8080, 9090] and spec["selector"]["app"] == "new"

    eventually("the host follows", followed)


def test_a_service_made_again_has_its_new_address_on_the_host(place: Place) -> None:
    place.service("again")
    first = host_service(place, "again")["metadata"]["uid"]
    place.delete("services", "again")
    place.service("again")
    eventually("a new copy", lambda: place.host("services", "again")["metadata"]["uid"] != first)
    eventually(
        "the same address", lambda: place.host("services", "again")["spec"]["clusterIP"] == place.get("services", "again")["spec"]["clusterIP"]
    )


def test_external_addresses_do_not_cross_and_are_named_in_an_event(place: Place) -> None:
    place.service("greedy", externalIPs=["198.51.100.7"])
    assert "externalIPs" not in host_service(place, "greedy")["spec"]
    place.await_told("greedy", "SyncFieldDropped", "externalIPs")


def test_the_selector_sees_only_this_tenants_pods_of_that_namespace(place: Place) -> None:
    place.service("web")
    selector = host_service(place, "web")["spec"]["selector"]
    assert selector == {"app": "web", "kled.io/tenant": place.world.tenant_name, "kled.io/namespace": place.name}


def test_pods_reach_the_tenants_api_server_under_the_address_of_its_service(place: Place, world: World) -> None:
    place.pod("client")
    place.await_pod("client")
    env = {one["name"]: one.get("value") for one in place.host("pods", "client")["spec"]["containers"][0]["env"]}
    assert env["KUBERNETES_SERVICE_HOST"] == world.tenant.get("services", "default", "kubernetes")["spec"]["clusterIP"]
    assert not [
        one for one in world.stamped() if one["plural"] == "services" and one["metadata"]["annotations"].get("kled.io/source-name") == "kubernetes"
    ]


def test_a_service_whose_address_somebody_holds_on_the_host_is_told_so_and_not_made(place: Place, world: World) -> None:
    taken = "10.97.200.77"
    world.host.create("services", "default", {"metadata": {"name": "holder"}, "spec": {"clusterIP": taken, "ports": [{"port": 80}]}})
    try:
        place.service("wants", clusterIP=taken)
        said = eventually("it is told", lambda: " ".join(place.told("wants").values()))
        assert "already allocated" in said
        assert taken not in said
        assert not place.host("services", "wants")
    finally:
        world.host.delete("services", "default", "holder")
    place.delete("services", "wants")
