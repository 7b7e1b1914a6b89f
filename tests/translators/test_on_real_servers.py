"""Services, nodes and events between two real API servers: everything comes to rest, and what is there then is what was meant."""

from __future__ import annotations

from typing import Any

import pytest
from server_pair import Pair

from syncer.core import stamp as stamps
from syncer.core.actions import CONFLICT, Event, Recreate
from syncer.core.objects import EVENTS as EVENT_KIND
from syncer.core.objects import NODES as NODE_KIND
from syncer.core.objects import PODS, Side
from syncer.core.objects import SERVICES as SERVICE_KIND
from tools.planes import ControlPlane
from translators.events import EVENTS
from translators.nodes import NODES
from translators.service_addresses import ADOPTED
from translators.services import SERVICES

pytestmark = pytest.mark.planes
WEB = {"ports": [{"port": 80}], "selector": {"app": "web"}}


async def service(pair: Pair, name: str, spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    await pair.make(Side.TENANT, SERVICE_KIND, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    return await settled(pair, name)


async def settled(pair: Pair, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two specs, when there is nothing left to do."""
    await pair.settle(SERVICES, "default", name)
    tenant = await pair.get(Side.TENANT, SERVICE_KIND, "default", name)
    host = await pair.get(Side.HOST, SERVICE_KIND, "acme-default", name)
    assert tenant is not None
    assert host is not None
    return tenant["spec"], host["spec"]


async def changed(pair: Pair, name: str, spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    there = await pair.get(Side.TENANT, SERVICE_KIND, "default", name)
    assert there is not None
    await pair.tenant.patch(SERVICE_KIND, "default", name, {"metadata": {"uid": there["metadata"]["uid"]}, "spec": spec})
    return await settled(pair, name)


SPECS: dict[str, dict[str, Any]] = {
    "plain": {**WEB, "clusterIP": "10.98.0.20"},
    "headless": {**WEB, "clusterIP": "None"},
    "headless-bare": {"clusterIP": "None"},
    "no-selector": {"ports": [{"port": 80}], "clusterIP": "10.98.0.21"},
    "external": {"type": "ExternalName", "externalName": "db.example.com"},
    "ports": {
        **WEB,
        "clusterIP": "10.98.0.22",
        "ports": [{"name": "a", "port": 80, "targetPort": "http"}, {"name": "b", "port": 80, "protocol": "UDP"}],
    },
    "affinity": {**WEB, "clusterIP": "10.98.0.23", "sessionAffinity": "ClientIP", "internalTrafficPolicy": "Local"},
    "close": {**WEB, "clusterIP": "10.98.0.24", "trafficDistribution": "PreferSameZone", "publishNotReadyAddresses": True},
    "dual": {**WEB, "clusterIP": "10.98.0.25", "ipFamilyPolicy": "PreferDualStack"},
    "node-port": {**WEB, "clusterIP": "10.98.0.26", "type": "NodePort"},
    "balanced": {
        **WEB,
        "clusterIP": "10.98.0.27",
        "type": "LoadBalancer",
        "externalTrafficPolicy": "Local",
        "loadBalancerClass": "example.com/lb",
        "loadBalancerSourceRanges": ["192.0.2.0/24"],
    },
    "no-ports-allocated": {**WEB, "clusterIP": "10.98.0.28", "type": "LoadBalancer", "allocateLoadBalancerNodePorts": False},
    "caught": {**WEB, "clusterIP": "10.98.0.29", "externalIPs": ["192.0.2.1"], "loadBalancerIP": "192.0.2.2"},
}


@pytest.mark.parametrize("name", SPECS)
async def test_every_form_of_service_comes_to_rest_with_one_address(pair: Pair, name: str) -> None:
    tenant, host = await service(pair, f"form-{name}", SPECS[name])
    assert host.get("clusterIPs") == tenant.get("clusterIPs")
    assert "externalIPs" not in host
    assert "loadBalancerIP" not in host
    assert [port.get("nodePort") for port in host.get("ports", [])] == [port.get("nodePort") for port in tenant.get("ports", [])]


async def test_an_address_outside_the_shared_range_is_adopted_once(pair: Pair) -> None:
    await pair.make(Side.TENANT, SERVICE_KIND, {"metadata": {"name": "adopted", "namespace": "default"}, "spec": {**WEB, "clusterIP": "10.98.64.1"}})
    done = await pair.settle(SERVICES, "default", "adopted")
    assert [type(action) for action in done if isinstance(action, Recreate)] == [Recreate]
    there = await pair.get(Side.TENANT, SERVICE_KIND, "default", "adopted")
    host = await pair.get(Side.HOST, SERVICE_KIND, "acme-default", "adopted")
    assert there is not None
    assert host is not None
    assert there["spec"]["clusterIP"] == host["spec"]["clusterIP"] == there["metadata"]["annotations"][ADOPTED]
    assert host["metadata"]["annotations"][stamps.SOURCE_UID] == there["metadata"]["uid"]


async def test_a_second_disagreement_is_a_conflict_and_rests(pair: Pair) -> None:
    await service(pair, "twice", {**WEB, "clusterIP": "10.98.64.2"})
    host = await pair.get(Side.HOST, SERVICE_KIND, "acme-default", "twice")
    assert host is not None
    await pair.host.delete(SERVICE_KIND, "acme-default", "twice", uid=host["metadata"]["uid"])
    done = await pair.settle(SERVICES, "default", "twice")
    assert [action.reason for action in done if isinstance(action, Event)] == [CONFLICT]
    assert not [action for action in done if isinstance(action, Recreate)]


async def test_types_change_back_and_forth(pair: Pair) -> None:
    await service(pair, "turning", {**WEB, "clusterIP": "10.98.0.40"})
    _, host = await changed(pair, "turning", {"type": "ExternalName", "externalName": "a.example.com"})
    assert "clusterIP" not in host
    _, host = await changed(pair, "turning", {"type": "ClusterIP", "externalName": None, "clusterIP": "10.98.0.41"})
    assert host["clusterIP"] == "10.98.0.41"
    tenant, host = await changed(pair, "turning", {"type": "NodePort"})
    assert host["ports"][0]["nodePort"] == tenant["ports"][0]["nodePort"]
    _, host = await changed(pair, "turning", {"type": "LoadBalancer", "loadBalancerClass": "example.com/a", "externalTrafficPolicy": "Local"})
    assert host["loadBalancerClass"] == "example.com/a"
    _, host = await changed(pair, "turning", {"type": "ClusterIP", "loadBalancerClass": None, "externalTrafficPolicy": None})
    assert "nodePort" not in host["ports"][0]
    assert "loadBalancerClass" not in host


async def test_ports_come_and_go_and_keep_their_numbers(pair: Pair) -> None:
    spec = {**WEB, "clusterIP": "10.98.0.42", "type": "NodePort", "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}
    _, before = await service(pair, "moving", spec)
    tenant, host = await changed(pair, "moving", {"ports": [{"name": "c", "port": 82}, {"name": "a", "port": 8080}]})
    assert [port["name"] for port in host["ports"]] == ["c", "a"]
    assert host["ports"][1]["nodePort"] == before["ports"][0]["nodePort"]
    assert tenant["ports"] == host["ports"]


async def test_a_selector_that_goes_leaves_no_selector(pair: Pair) -> None:
    await service(pair, "loose", {**WEB, "clusterIP": "10.98.0.43"})
    _, host = await changed(pair, "loose", {"selector": None})
    assert "selector" not in host


async def test_load_balancer_status_comes_up(pair: Pair, host_plane: ControlPlane) -> None:
    await service(pair, "served", {**WEB, "clusterIP": "10.98.0.44", "type": "LoadBalancer"})
    patch = '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.7"}]}}}'
    host_plane.kubectl("patch", "service", "served", "-n", "acme-default", "--subresource=status", "--type=merge", "-p", patch)
    await settled(pair, "served")
    there = await pair.get(Side.TENANT, SERVICE_KIND, "default", "served")
    assert there is not None
    assert there["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.7"


async def test_a_node_is_shown_without_what_tells_of_the_machine_and_follows_the_host(pair: Pair, host_plane: ControlPlane) -> None:
    await pair.settle(NODES, "", "node-0")
    shown = await pair.get(Side.TENANT, NODE_KIND, "", "node-0")
    hidden = await pair.get(Side.HOST, NODE_KIND, "", "node-0")
    assert shown is not None
    assert hidden is not None
    assert shown["status"]["allocatable"] == hidden["status"]["allocatable"]
    assert shown["status"]["addresses"] == [{"type": "Hostname", "address": "node-0"}]
    for field in ("machineID", "systemUUID", "bootID"):
        assert shown["status"]["nodeInfo"][field] != hidden["status"]["nodeInfo"][field]
    host_plane.kubectl("cordon", "node-0")
    host_plane.kubectl("taint", "node", "node-0", "a=b:NoSchedule")
    await pair.settle(NODES, "", "node-0")
    shown = await pair.get(Side.TENANT, NODE_KIND, "", "node-0")
    assert shown is not None
    assert shown["spec"]["unschedulable"] is True
    assert "a" in [taint["key"] for taint in shown["spec"]["taints"]]
    host_plane.kubectl("uncordon", "node-0")
    host_plane.kubectl("taint", "node", "node-0", "a-")


async def test_what_the_tenant_does_to_a_node_is_taken_back(pair: Pair, tenant_plane: ControlPlane) -> None:
    await pair.settle(NODES, "", "node-1")
    tenant_plane.kubectl("cordon", "node-1")
    tenant_plane.kubectl("taint", "node", "node-1", "mine=x:NoSchedule")
    await pair.settle(NODES, "", "node-1")
    shown = await pair.get(Side.TENANT, NODE_KIND, "", "node-1")
    assert shown is not None
    assert not shown["spec"].get("unschedulable")
    assert "mine" not in [taint["key"] for taint in shown["spec"].get("taints", [])]


@pytest.mark.parametrize(
    "form",
    [
        {"firstTimestamp": "2030-01-01T00:00:00Z", "lastTimestamp": "2030-01-01T00:00:00Z", "count": 3, "source": {"component": "kubelet"}},
        {
            "eventTime": "2030-01-01T00:00:00.123456Z",
            "action": "Pulling",
            "reportingComponent": "kubelet",
            "reportingInstance": "node-0",
            "series": {"count": 4, "lastObservedTime": "2030-01-01T00:00:01.123456Z"},
        },
    ],
    ids=["old form", "new form"],
)
async def test_an_event_is_told_of_the_tenants_pod(pair: Pair, form: dict[str, Any]) -> None:
    name = "events-old" if "count" in form else "events-new"
    pair = Pair(pair.tenant, pair.host, pair.settings, {Side.TENANT: (), Side.HOST: (PODS,)})
    containers = {"containers": [{"name": "a", "image": "x"}]}
    await pair.make(Side.TENANT, PODS, {"metadata": {"name": name, "namespace": "default"}, "spec": containers})
    pod = await pair.get(Side.TENANT, PODS, "default", name)
    assert pod is not None
    stamp = stamps.Stamp("acme", "pods", "default", name, pod["metadata"]["uid"])
    copy = {"metadata": {"name": name, "namespace": "acme-default", "labels": stamps.labels(stamp), "annotations": stamps.annotations(stamp)}}
    await pair.make(Side.HOST, PODS, {**copy, "spec": containers})
    host = await pair.get(Side.HOST, PODS, "acme-default", name)
    assert host is not None
    about = {"kind": "Pod", "namespace": "acme-default", "name": name, "uid": host["metadata"]["uid"], "apiVersion": "v1"}
    said = {"reason": "Pulled", "type": "Normal", "message": f"pod {name}_acme-default({host['metadata']['uid']}) pulled it"}
    await pair.make(Side.HOST, EVENT_KIND, {"metadata": {"name": name, "namespace": "acme-default"}, "involvedObject": about, **said, **form})
    await pair.settle(EVENTS, "acme-default", name)
    told = [event for event in await pair.all(Side.TENANT, EVENT_KIND) if event["involvedObject"]["name"] == name and event["reason"] == "Pulled"]
    assert [event["message"] for event in told] == [f"pod {name}_default({pod['metadata']['uid']}) pulled it"]
    assert told[0]["involvedObject"]["uid"] == pod["metadata"]["uid"]
