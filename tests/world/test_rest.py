"""Without any trouble: everything arrives, and then nobody writes any more."""

from __future__ import annotations

import pytest

from syncer.core.objects import CONFIGMAPS, EVENTS, PODS, SECRETS, SERVICES
from tests.world import universe
from tests.world.check import Checks
from tests.world.world import VARIANTS, World


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_all_combinations_of_colliding_names_arrive_and_a_restart_writes_nothing(variant):
    world = World(variant)
    checks = Checks(world)
    world.start()
    for namespace in universe.NAMESPACES_OF_TENANT:
        for name in universe.NAMES:
            world.tenant_put(CONFIGMAPS, universe.content(namespace, name))
            world.tenant_put(SECRETS, universe.secret(namespace, name))
            world.tenant_put(SERVICES, universe.service(namespace, name))
            world.tenant_put(PODS, universe.pod(namespace, name, configmaps=[name], secrets=[name]))
    world.rest()
    checks.at_rest()
    pods = [pod for pod in world.tenant.all(PODS) if pod["metadata"]["namespace"] in universe.NAMESPACES_OF_TENANT]
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert len(pods) == len(world.host.all(PODS)) == 9
    checks.restart_writes_nothing()
    world.close()


def test_nothing_is_written_in_an_hour_of_rest(world):
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    before = len(world.writes())
    world.settle(3600)
    assert world.writes(before) == []


def test_a_config_map_that_is_needed_and_missing_lets_the_pod_wait_and_says_which_one(world):
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["b-x-c"]))
    world.settle(30)
    assert world.host.all(PODS) == []
    told = [event["message"] for event in world.tenant.all(EVENTS) if event["reason"] == "SyncWaiting"]
    assert any("'b-x-c'" in message for message in told)
    world.tenant_put(CONFIGMAPS, universe.content("a", "b-x-c"))
    world.settle(10)
    assert world.tenant.find(PODS, "a", "a")["status"]["phase"] == "Running"


def test_what_a_pod_used_leaves_the_host_when_the_pod_has_ended(world):
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    world.do(lambda: world.kubelet.complete("t-a", "a"))
    world.rest()
    assert world.tenant.find(PODS, "a", "a")["status"]["phase"] == "Succeeded"
    assert world.host.find(CONFIGMAPS, "t-a", "a") is None
    assert world.host.all(SECRETS, "t-a") == []
    Checks(world).restart_writes_nothing()


def test_a_pod_in_a_namespace_without_mapping_can_be_deleted(world):
    world.tenant_put(PODS, universe.pod("kube-system", "a"))
    world.settle(10)
    assert world.tenant.find(PODS, "kube-system", "a")["spec"]["nodeName"]
    world.do(lambda: world.tenant.remove(PODS, "kube-system", "a"))
    world.settle(10)
    assert world.tenant.find(PODS, "kube-system", "a") is None
