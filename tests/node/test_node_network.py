"""Tenant pods among themselves: Services of every kind and the names that the tenant's own DNS has for them."""

from __future__ import annotations

import pytest

from tests.e2e.stage import Obj, Place, World, eventually
from tests.node.inside import become, sh, shell, start, webserver
from translators.catalog import BUILTIN

NODES = ("node-1", "node-2")


def fetch(address: str) -> str:
    return f"wget -q -O - http://{address}/hostname"


def look_up(name: str) -> str:
    """The addresses of a name, sorted; `-type=a`, since nothing here has an IPv6 address."""
    return f"nslookup -type=a {name} | sed -n '/^Name/,$p' | sed -n 's/^Address: *//p' | sort | xargs"


def on_both_nodes(place: Place) -> None:
    """A web server on each node."""
    for node in NODES:
        start(place, f"web-{node}", webserver(), nodeName=node, labels={"app": "web"})


def test_a_service_has_one_address_everywhere_and_reaches_its_pods_on_every_node(place: Place) -> None:
    on_both_nodes(place)
    place.service("web", ports=[{"name": "http", "port": 8000, "targetPort": 80}])
    address = place.get("services", "web")["spec"]["clusterIP"]
    for node in NODES:
        start(place, f"client-{node}", nodeName=node)
        become(place, f"client-{node}", f"for i in $(seq 30); do {fetch('web:8000')}; echo; done | sort -u | xargs", "web-node-1 web-node-2")
        assert sh(place, f"client-{node}", fetch(f"{address}:8000")) in ("web-node-1", "web-node-2")
    assert place.host("services", "web")["spec"]["clusterIP"] == address


def test_a_pod_reaches_itself_through_its_service(place: Place) -> None:
    start(place, "web", webserver(), shell(name="looker"))
    place.service("web")
    become(place, "web", fetch("web"), "web", "looker")


def test_names_are_found_by_every_length_and_from_other_namespaces(place: Place, world: World) -> None:
    start(place, "web", webserver())
    place.service("web")
    other = world.place()
    start(other, "client")
    for name in (f"web.{place.name}", f"web.{place.name}.svc", f"web.{place.name}.svc.cluster.local"):
        become(other, "client", fetch(name), "web")
    address = place.get("services", "web")["spec"]["clusterIP"]
    assert sh(other, "client", look_up(f"web.{place.name}.svc.cluster.local")) == address
    assert (
        sh(other, "client", look_up("kubernetes.default.svc.cluster.local"))
        == world.tenant.get("services", "default", "kubernetes")["spec"]["clusterIP"]
    )


def test_no_name_of_the_host_is_known_in_the_tenant(place: Place) -> None:
    start(place, "web", webserver())
    place.service("web")
    start(place, "client")
    become(place, "client", fetch("web"), "web")
    assert sh(place, "client", f"nslookup -type=a web.{place.on_host}.svc.cluster.local 2>&1 || true").endswith("NXDOMAIN")


def test_a_headless_service_names_every_ready_pod_and_forgets_those_that_go(place: Place) -> None:
    place.service("web", clusterIP="None")
    on_both_nodes(place)
    start(place, "client")
    pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in place.pods(app="web")}
    become(place, "client", look_up(f"web.{place.name}.svc.cluster.local"), " ".join(sorted(pods.values())))
    place.delete("pods", "web-node-1")
    become(place, "client", look_up(f"web.{place.name}.svc.cluster.local"), pods["web-node-2"])


def test_the_pods_of_a_stateful_set_find_each_other_by_name(place: Place) -> None:
    place.service("db", clusterIP="None")
    template = {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [webserver()], "terminationGracePeriodSeconds": 1}}
    place.create(
        "statefulsets",
        {
            "metadata": {"name": "db"},
            "spec": {
                "serviceName": "db",
                "replicas": 2,
                "podManagementPolicy": "Parallel",
                "selector": {"matchLabels": {"app": "db"}},
                "template": template,
            },
        },
    )
    place.await_ready(2, app="db")
    start(place, "client")
    for name in ("db-0", "db-1"):
        become(place, "client", fetch(f"{name}.db"), name)
    assert sh(place, "db-0", "hostname") == "db-0"


def test_an_external_name_is_an_alias(place: Place) -> None:
    start(place, "web", webserver())
    place.service("web")
    place.create("services", {"metadata": {"name": "alias"}, "spec": {"type": "ExternalName", "externalName": f"web.{place.name}.svc.cluster.local"}})
    start(place, "client")
    become(place, "client", fetch("alias"), "web")
    said = sh(place, "client", f"nslookup -type=cname alias.{place.name}.svc.cluster.local")
    assert f"canonical name = web.{place.name}.svc.cluster.local" in said


@pytest.mark.skipif("endpointslices" not in {one.source.plural for one in BUILTIN}, reason="slices are not synced")
def test_a_service_without_selector_goes_where_its_slice_says(place: Place) -> None:
    pod = start(place, "web", webserver())
    place.create("services", {"metadata": {"name": "manual"}, "spec": {"ports": [{"name": "http", "port": 80}]}})
    start(place, "client")
    place.create("endpointslices", slice_of("manual", pod["status"]["podIP"]))
    become(place, "client", fetch("manual"), "web")


def slice_of(service: str, address: str) -> Obj:
    return {
        "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 80, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }


def test_a_pod_that_is_not_ready_gets_no_traffic_until_it_is(place: Place) -> None:
    gate = {"exec": {"command": ["test", "-e", "/tmp/open"]}}
    server = {**webserver(), "readinessProbe": {**gate, "periodSeconds": 1}}
    start(place, "web", server, wait=False)
    place.service("web")
    start(place, "client")
    place.await_pod("web", lambda pod: pod["status"].get("phase") == "Running", "running")
    assert sh(place, "client", f"timeout 3 {fetch('web')} 2>&1; echo $?").splitlines()[-1] != "0"
    sh(place, "web", "touch /tmp/open")
    become(place, "client", fetch("web"), "web")
    sh(place, "web", "rm /tmp/open")
    become(place, "client", f"timeout 3 {fetch('web')} >/dev/null 2>&1 || echo closed", "closed")


def test_a_node_port_is_the_same_number_on_both_sides_and_answers_on_every_node(place: Place, world: World) -> None:
    start(place, "web", webserver())
    place.service("web", type="NodePort")
    start(place, "client")

    def agreed() -> int:
        here, there = (one["spec"]["ports"][0].get("nodePort", 0) for one in (place.get("services", "web"), place.host("services", "web")))
        return int(here) if here == there else 0

    port = eventually("both sides say the same port", agreed)
    for node in world.host.list("nodes"):
        address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        become(place, "client", fetch(f"{address}:{port}"), "web")


def test_traffic_keeps_its_source_address_between_pods(place: Place) -> None:
    start(place, "web", webserver(), nodeName="node-1")
    place.service("web")
    client = start(place, "client", nodeName="node-2")
    become(place, "client", "wget -q -O - http://web/clientip | cut -d : -f 1", client["status"]["podIP"])
