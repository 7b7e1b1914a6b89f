"""All tenant namespaces in one host namespace: names say where they come from, and equal names and labels do not meet."""

from __future__ import annotations

from tests.e2e.stage import TENANT_RANGE, Place, World, container, eventually

TENANT = "together"
SYNC = f"""
sync:
  namespaceMapping:
    "*": shared-by-all
tenant:
  serviceCIDR: {TENANT_RANGE}
"""


def host_name(name: str) -> str:
    return "shared-by-all"


def test_equal_names_in_two_namespaces_become_two_host_objects_that_do_not_select_each_other(world: World) -> None:
    first, second = world.place(), world.place()
    for place, colour in ((first, "green"), (second, "blue")):
        place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"colour": colour}})
        place.service("web")
        place.pod("web", labels={"app": "web"}, containers=[container(envFrom=[{"configMapRef": {"name": "settings"}}])])
    for place, colour in ((first, "green"), (second, "blue")):
        pod = place.await_pod("web")
        copy = place.host("pods", suffixed(place, "web"))
        assert copy["metadata"]["annotations"]["kled.io/source-uid"] == pod["metadata"]["uid"]
        reference = copy["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"]
        assert place.host("configmaps", reference)["data"] == {"colour": colour}
        service = eventually("the service is there", lambda place=place: place.host("services", suffixed(place, "web")))
        assert service["spec"]["clusterIP"] == place.get("services", "web")["spec"]["clusterIP"]
        slices = eventually("it has one endpoint", lambda place=place: addresses(place, "web"))
        assert slices == [copy["status"]["podIP"]]


def suffixed(place: Place, name: str) -> str:
    return f"{name}-x-{place.name}-x-together"


def addresses(place: Place, service: str) -> list[str]:
    found = place.world.host.list("endpointslices", place.on_host, f"kubernetes.io/service-name={suffixed(place, service)}")
    return [address for one in found for endpoint in one.get("endpoints") or [] for address in endpoint["addresses"]]


def test_deleting_one_namespace_takes_its_objects_and_leaves_those_of_the_other(world: World) -> None:
    first, second = world.place(), world.place()
    for place in (first, second):
        place.deployment("web", 2)
    for place in (first, second):
        place.await_ready(2, app="web")
    world.tenant.delete("namespaces", "", first.name)
    eventually("the first is gone", lambda: not world.host.list("pods", "shared-by-all", f"kled.io/namespace={first.name}"))
    assert len(world.host.list("pods", "shared-by-all", f"kled.io/namespace={second.name}")) == 2
    assert len(second.ready_pods(app="web")) == 2
    assert not world.host.get("namespaces", "", "shared-by-all")["metadata"].get("deletionTimestamp")
