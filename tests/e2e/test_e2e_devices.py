"""Devices of the host for pods of the tenant (dynamic resource allocation)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stage import TENANT_RANGE, Obj, Place, Planes, World, container, eventually

TENANT = "gpus"
DRIVER = "gpu.example.com"
SYNC = f"""
sync:
  namespaceMapping: {{"*": "TENANT-{{namespace}}"}}
  resources:
    - name: pods
    - name: services
    - name: deviceclasses
      names: [gpus-any]
tenant:
  serviceCIDR: {TENANT_RANGE}
policy:
  deviceDrivers: [{DRIVER}]
"""
API = "/apis/resource.k8s.io/v1"


@pytest.fixture(scope="module", autouse=True)
def devices(planes: Planes) -> Iterator[None]:
    """A node of the host with two devices, and a class of them."""
    selector = {"cel": {"expression": f"device.driver == '{DRIVER}'"}}
    planes.host.api.post(f"{API}/deviceclasses", {"metadata": {"name": "gpus-any"}, "spec": {"selectors": [selector]}})
    node = sorted(item["metadata"]["name"] for item in planes.host.api.get("/api/v1/nodes")["items"])[0]
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": [{"name": "gpu-0"}, {"name": "gpu-1"}]}
    planes.host.api.post(f"{API}/resourceslices", {"metadata": {"name": f"{node}-gpus"}, "spec": spec})
    yield
    planes.host.api.request("DELETE", f"{API}/resourceslices/{node}-gpus", {})
    planes.host.api.request("DELETE", f"{API}/deviceclasses/gpus-any", {})


def wish(**more: object) -> Obj:
    return {"devices": {"requests": [{"name": "one", "exactly": {"deviceClassName": "gpus-any", **more}}]}}


def test_a_pod_with_a_claim_of_a_template_gets_a_device_of_the_host(place: Place, world: World) -> None:
    eventually("the devices are shown", lambda: world.tenant.list("resourceslices"))
    place.create("resourceclaimtemplates", {"metadata": {"name": "gpu"}, "spec": {"spec": wish()}})
    asked = [{"name": "gpu", "resourceClaimTemplateName": "gpu"}]
    place.pod("trainer", resourceClaims=asked, containers=[container(resources={"claims": [{"name": "gpu"}]})])
    place.await_pod("trainer")
    (entry,) = place.get("pods", "trainer")["status"]["resourceClaimStatuses"]
    assert place.host("pods", "trainer")["spec"]["resourceClaims"] == [{"name": "gpu", "resourceClaimName": entry["resourceClaimName"]}]
    claim = place.host("resourceclaims", entry["resourceClaimName"])
    (result,) = claim["status"]["allocation"]["devices"]["results"]
    assert (result["driver"], result["device"]) in {(DRIVER, "gpu-0"), (DRIVER, "gpu-1")}
    place.delete("pods", "trainer", grace=0)
    eventually("the claim is given back", lambda: not place.host("resourceclaims", entry["resourceClaimName"]))


def test_a_claim_for_devices_in_use_by_others_never_reaches_the_host(place: Place, world: World) -> None:
    # The tenant is its own administrator: it may label its namespace for such access.
    world.tenant.patch("namespaces", "", place.name, {"metadata": {"labels": {"resource.kubernetes.io/admin-access": "true"}}})
    place.create("resourceclaims", {"metadata": {"name": "greedy"}, "spec": wish(adminAccess=True, allocationMode="All")})
    place.pod(
        "greedy-pod", resourceClaims=[{"name": "gpu", "resourceClaimName": "greedy"}], containers=[container(resources={"claims": [{"name": "gpu"}]})]
    )
    place.await_told("greedy", "SyncRefused", "adminAccess")
    assert not place.host("resourceclaims", "greedy")
    assert not place.host("pods", "greedy-pod")
