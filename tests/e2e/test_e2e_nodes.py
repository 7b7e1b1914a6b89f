"""Host nodes as the tenant sees them, and events of host pods told about the tenant's."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.stage import STRATEGIC, Cluster, Obj, Place, World, condition, eventually, for_a_while

NODE = "node-1"


@pytest.fixture(autouse=True)
def mended(world: World) -> Iterator[None]:
    """Every test leaves the node as it was."""
    yield
    world.host.patch("nodes", "", NODE, {"metadata": {"annotations": {"test.kled.dev/ready": None}}, "spec": {"unschedulable": None, "taints": None}})
    eventually("the node is well again", lambda: well(node(world.tenant)) and well(node(world.host)))


def node(cluster: Cluster) -> Obj:
    return cluster.get("nodes", "", NODE)


def well(one: Obj) -> bool:
    return condition(one, "Ready") == "True" and not one["spec"].get("taints") and not one["spec"].get("unschedulable")


def test_the_hosts_nodes_are_there_without_what_tells_of_the_machine(world: World) -> None:
    assert world.tenant.names("nodes", "") == world.host.names("nodes", "") == {"node-0", "node-1", "node-2"}
    shown, host = node(world.tenant), node(world.host)
    assert shown["metadata"]["labels"]["kled.io/managed-by"] == "kled-syncer"
    assert shown["status"]["allocatable"] == host["status"]["allocatable"]
    assert shown["status"]["nodeInfo"]["machineID"] != host["status"]["nodeInfo"]["machineID"]
    addresses = {one["address"] for one in host["status"]["addresses"]} - {NODE}
    assert not [address for address in addresses if address in json.dumps(shown)]


def test_a_cordon_is_mirrored_and_lifted(world: World) -> None:
    world.planes.host.kubectl("cordon", NODE)
    eventually("it is cordoned in the tenant", lambda: node(world.tenant)["spec"].get("unschedulable"))
    world.planes.host.kubectl("uncordon", NODE)
    eventually("it is open in the tenant", lambda: not node(world.tenant)["spec"].get("unschedulable"))


def test_taints_are_mirrored_and_lifted(world: World) -> None:
    world.planes.host.kubectl("taint", "node", NODE, "example.com/reserved=yes:NoSchedule")
    eventually("the taint is there", lambda: "example.com/reserved" in taints(node(world.tenant)))
    world.planes.host.kubectl("taint", "node", NODE, "example.com/reserved-")
    eventually("the taint is gone", lambda: "example.com/reserved" not in taints(node(world.tenant)))


def taints(one: Obj) -> set[str]:
    return {taint["key"] for taint in one["spec"].get("taints", [])}


def test_a_node_that_is_not_ready_is_so_in_the_tenant_and_recovers(world: World) -> None:
    world.host.patch("nodes", "", NODE, {"metadata": {"annotations": {"test.kled.dev/ready": "false"}}})
    eventually("it is not ready in the tenant", lambda: condition(node(world.tenant), "Ready") == "False")
    eventually("the tenant's controller has tainted it", lambda: "node.kubernetes.io/not-ready" in taints(node(world.tenant)))
    world.host.patch("nodes", "", NODE, {"metadata": {"annotations": {"test.kled.dev/ready": None}}})
    eventually("it is well in the tenant", lambda: well(node(world.tenant)))


def test_what_the_tenant_does_to_a_node_is_taken_back(world: World) -> None:
    world.tenant.patch(
        "nodes", "", NODE, {"spec": {"unschedulable": True, "taints": [{"key": "example.com/mine", "effect": "NoSchedule"}]}}, kind=STRATEGIC
    )
    eventually("it is open again", lambda: not node(world.tenant)["spec"].get("unschedulable"))
    eventually("its taint is gone", lambda: "example.com/mine" not in taints(node(world.tenant)))
    world.tenant.patch("nodes", "", NODE, {"status": {"allocatable": {"cpu": "9999"}}}, sub="status", kind=STRATEGIC)
    eventually("it is as large as it is", lambda: node(world.tenant)["status"]["allocatable"]["cpu"] == "64")


def test_a_node_deleted_in_the_tenant_comes_back(world: World) -> None:
    before = node(world.tenant)["metadata"]["uid"]
    world.tenant.delete("nodes", "", NODE)
    eventually("it is back", lambda: node(world.tenant)["metadata"]["uid"] != before)


def test_the_leases_of_nodes_are_renewed_in_the_tenant(world: World) -> None:
    def renewed() -> str:
        return str(world.tenant.get("leases", "kube-node-lease", NODE)["spec"]["renewTime"])

    before = eventually("the lease is there", renewed)
    eventually("it is renewed", lambda: renewed() != before, 25)


def test_a_new_host_node_appears_and_goes_with_the_hosts(world: World) -> None:
    made = node(world.host)
    fresh = {
        "metadata": {"name": "node-new", "labels": {**made["metadata"]["labels"], "kubernetes.io/hostname": "node-new"}},
        "status": made["status"],
    }
    world.host.create("nodes", "", fresh)
    eventually("the tenant has it", lambda: world.tenant.get("nodes", "", "node-new"))
    world.host.delete("nodes", "", "node-new")
    eventually("the tenant's is gone", lambda: not world.tenant.get("nodes", "", "node-new"))


def test_events_of_the_host_pod_are_told_about_the_tenants_without_host_names(place: Place, world: World) -> None:
    place.pod("talked-about")
    pod = place.await_pod("talked-about")
    copy = place.host("pods", "talked-about")
    said = f"Back-off pulling image for pod {place.on_host}/talked-about ({copy['metadata']['uid']}) on {copy['status']['hostIP']}"
    world.host.create("events", place.on_host, event(copy, "BackOff", said))
    told = eventually("it is told", lambda: [one for one in place.events("talked-about") if one["reason"] == "BackOff"])[0]
    assert told["involvedObject"]["uid"] == pod["metadata"]["uid"]
    assert told["metadata"]["namespace"] == place.name
    for secret in (place.on_host, copy["metadata"]["uid"], copy["status"]["hostIP"]):
        assert secret not in json.dumps(told)


def test_an_event_about_somebody_elses_pod_is_not_told(place: Place, world: World) -> None:
    place.pod("ours")
    place.await_pod("ours")
    copy = {"metadata": {"name": "theirs", "namespace": place.on_host, "uid": "none"}}
    world.host.create("events", place.on_host, event(copy, "NotForYou", "about somebody else"))
    for_a_while("nothing is told", lambda: "NotForYou" not in {one["reason"] for one in world.tenant.list("events")}, 2)


def event(about: Obj, reason: str, message: str) -> Obj:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    involved = {"apiVersion": "v1", "kind": "Pod", **{key: about["metadata"][key] for key in ("name", "namespace", "uid")}}
    return {
        "metadata": {"name": f"{about['metadata']['name']}.{reason.lower()}"},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": "kubelet", "host": NODE},
        "reportingComponent": "kubelet",
        "reportingInstance": NODE,
    }
