"""Policies and endpoints where all tenant namespaces are one on the host, next to pods of somebody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stage import TENANT_RANGE, Obj, World, container, eventually
from translators.selectors import matches

TENANT = "joined"
SYNC = f"""
sync:
  namespaceMapping:
    "*": all-joined
tenant:
  serviceCIDR: {TENANT_RANGE}
"""
LABELS = {"app": "victim", "kled.io/tenant": "other", "kled.io/namespace": "web"}


def host_name(name: str) -> str:
    return "all-joined"


@pytest.fixture(scope="module")
def stranger(world: World) -> Iterator[Obj]:
    """A pod of another tenant under the labels that ours would ask for."""
    pod = {"metadata": {"name": "victim", "labels": LABELS}, "spec": {"containers": [container()]}}
    yield world.host.create("pods", "all-joined", pod)
    world.host.delete("pods", "all-joined", "victim", grace=0)


@pytest.mark.parametrize(
    "selector", [{}, {"matchLabels": {"app": "victim"}}, {"matchLabels": LABELS}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}]
)
def test_no_policy_reaches_or_opens_to_a_pod_of_another_tenant(world: World, stranger: Obj, selector: Obj) -> None:
    place = world.place()
    peers = [{"podSelector": selector}, {"namespaceSelector": {}, "podSelector": selector}, {"namespaceSelector": {}}]
    spec = {"podSelector": selector, "policyTypes": ["Ingress", "Egress"], "ingress": [{"from": peers}], "egress": [{"to": peers}]}
    place.create("networkpolicies", {"metadata": {"name": "greedy"}, "spec": spec})
    name = f"greedy-x-{place.name}-x-joined"
    made = eventually("the policy is on the host", lambda: world.host.get("networkpolicies", "all-joined", name))["spec"]
    asked = [made["podSelector"], *(peer["podSelector"] for rule in made["ingress"] for peer in rule["from"])]
    asked += [peer["podSelector"] for rule in made["egress"] for peer in rule["to"] if "ipBlock" not in peer]
    assert len(asked) >= 7
    assert not any(matches(one, stranger["metadata"]["labels"]) for one in asked)


def test_slices_of_equal_services_in_two_namespaces_do_not_meet(world: World) -> None:
    places = world.place(), world.place()
    for number, place in enumerate(places):
        place.create("services", {"metadata": {"name": "db"}, "spec": {"ports": [{"name": "sql", "port": 5432}]}})
        body = {"metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}}, "addressType": "IPv4"}
        place.create("endpointslices", {**body, "endpoints": [{"addresses": [f"192.168.7.{number}"]}], "ports": [{"name": "sql", "port": 5432}]})
    for number, place in enumerate(places):
        label = f"kubernetes.io/service-name=db-x-{place.name}-x-joined"
        (one,) = eventually("its slice is there", lambda label=label: world.host.list("endpointslices", "all-joined", label))
        assert one["endpoints"][0]["addresses"] == [f"192.168.7.{number}"]
