"""Topology hints in the tenant: its own controller makes them, and takes out those of anybody else (docs/decisions, on hints)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tools.planes import ControlPlane

pytestmark = pytest.mark.planes
SLICES = "/apis/discovery.k8s.io/v1/namespaces/hints/endpointslices"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def plane(tenant_plane: ControlPlane) -> ControlPlane:
    """A namespace with one running pod on a node of zone `a`, as the syncer would show both."""
    api = tenant_plane.api
    api.create("/api/v1/namespaces", {"metadata": {"name": "hints"}})
    for name, zone in (("zone-a", "a"), ("zone-b", "b")):
        api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}}})
        condition = {"type": "Ready", "status": "True"}
        status = {"conditions": [condition], "allocatable": {"cpu": "4"}, "capacity": {"cpu": "4"}}
        api.request("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, kind=MERGE)
    spec = {"nodeName": "zone-a", "containers": [{"name": "main", "image": "registry.example/app"}]}
    api.create("/api/v1/namespaces/hints/pods", {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": spec})
    ready = [{"type": "Ready", "status": "True"}]
    status = {"phase": "Running", "podIP": "10.244.1.7", "podIPs": [{"ip": "10.244.1.7"}], "conditions": ready}
    api.request("PATCH", "/api/v1/namespaces/hints/pods/web/status", {"status": status}, kind=MERGE)
    return tenant_plane


def service(plane: ControlPlane, name: str, **spec: Any) -> None:
    body = {"metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], "clusterIP": "None", **spec}}
    plane.api.create("/api/v1/namespaces/hints/services", body)


def the_slice(plane: ControlPlane, name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = plane.api.get(f"{SLICES}?labelSelector=kubernetes.io/service-name={name}")["items"]
    return found[0] if found and found[0].get("endpoints") else {}


def hints(plane: ControlPlane, name: str) -> Any:
    found = the_slice(plane, name)
    return found["endpoints"][0].get("hints") if found else "no slice yet"


def until(probe: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not probe():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_the_tenants_controller_makes_the_hints_itself(plane: ControlPlane) -> None:
    """From the zone of the pod's node, which the tenant sees: the same that the host's controller makes of the host pod."""
    service(plane, "near", trafficDistribution="PreferSameZone")
    until(lambda: hints(plane, "near") not in (None, "no slice yet"), "no hints came")
    assert hints(plane, "near")["forZones"] == [{"name": "a"}]


def test_the_tenants_controller_takes_hints_out_that_somebody_else_wrote(plane: ControlPlane) -> None:
    service(plane, "plain")
    until(lambda: hints(plane, "plain") is None, "no slice came")
    found = the_slice(plane, "plain")
    endpoints = [{**found["endpoints"][0], "hints": {"forZones": [{"name": "b"}]}}]
    plane.api.request("PATCH", f"{SLICES}/{found['metadata']['name']}", {"endpoints": endpoints}, kind=MERGE)
    assert hints(plane, "plain") == {"forZones": [{"name": "b"}]}
    plane.kubectl("label", "service", "plain", "-n", "hints", "a=b")
    until(lambda: hints(plane, "plain") is None, "the hints stayed")
