"""Host namespaces that third parties delete, lend, take back or relabel."""

from __future__ import annotations

from syncer.core import stamp as stamps
from syncer.core.objects import CONFIGMAPS, EVENTS, NAMESPACES, PODS, SERVICES
from tests.world import universe
from tests.world.check import Checks
from tests.world.machine import ACCOUNTS
from tests.world.world import SEPARATE, SHARED, World

LENT = {"metadata": {"name": "t-a", "labels": {stamps.TENANT: "t"}}}


def filled(world: World) -> Checks:
    checks = Checks(world)
    world.start()
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    checks.at_rest()
    return checks


def test_a_host_namespace_that_was_deleted_comes_back_with_everything_but_the_pods():
    world = World(SEPARATE)
    checks = filled(world)
    world.do(lambda: world.host.remove(NAMESPACES, "", "t-a"))
    world.rest()
    checks.at_rest()
    assert world.host.find(SERVICES, "t-a", "a") is not None
    assert world.tenant.find(PODS, "a", "a") is None
    world.close()


def test_a_shared_host_namespace_that_was_deleted_comes_back():
    world = World(SHARED)
    checks = filled(world)
    world.do(lambda: world.host.remove(NAMESPACES, "", "all"))
    world.rest()
    checks.at_rest()
    assert len(world.host.all(SERVICES, "all")) == 1
    world.close()


def test_a_shared_host_namespace_outlives_every_tenant_namespace():
    world = World(SHARED)
    filled(world)
    for name in universe.NAMESPACES_OF_TENANT:
        world.do(lambda name=name: world.tenant.remove(NAMESPACES, "", name))
    world.rest()
    assert world.host.find(NAMESPACES, "", "all") is not None
    assert world.host.all(SERVICES, "all") == []
    world.close()


def test_a_lent_namespace_is_used_emptied_and_never_deleted():
    world = World(SEPARATE)
    world.do(lambda: world.host.put(NAMESPACES, LENT))
    checks = filled(world)
    assert world.host.find(SERVICES, "t-a", "a") is not None
    world.do(lambda: world.tenant.remove(NAMESPACES, "", "a"))
    world.rest()
    checks.at_rest()
    assert world.host.find(NAMESPACES, "", "t-a") is not None
    assert world.host.all(SERVICES, "t-a") == world.host.all(PODS, "t-a") == []
    world.close()


def test_a_namespace_of_somebody_else_is_not_entered_until_it_is_lent():
    world = World(SEPARATE)
    world.do(lambda: world.host.put(NAMESPACES, {"metadata": {"name": "t-a"}}))
    world.start()
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.settle(30)
    assert world.host.all(SERVICES, "t-a") == []
    told = [event["reason"] for event in world.tenant.all(EVENTS) if event["involvedObject"]["kind"] == "Namespace"]
    assert "SyncConflict" in told
    world.do(lambda: world.host.edit(NAMESPACES, "", "t-a", {"metadata": {"labels": {stamps.TENANT: "t"}}}))
    world.settle(30)
    assert world.host.find(SERVICES, "t-a", "a") is not None
    world.close()


def test_a_host_namespace_that_loses_our_label_costs_no_tenant_pod():
    world = World(SEPARATE)
    filled(world)
    world.do(lambda: world.host.edit(NAMESPACES, "", "t-a", {"metadata": {"labels": {stamps.TENANT: None}}}))
    world.settle(300)
    assert world.tenant.find(PODS, "a", "a")["status"]["phase"] == "Running"
    world.do(lambda: world.host.edit(NAMESPACES, "", "t-a", {"metadata": {"labels": {stamps.TENANT: "t"}}}))
    world.settle(60)
    assert world.tenant.find(PODS, "a", "a")["status"]["phase"] == "Running"
    world.close()


def test_a_workload_account_that_was_deleted_is_made_anew():
    world = World(SEPARATE)
    checks = filled(world)
    world.do(lambda: world.host.remove(ACCOUNTS, "t-a", "kled-workload"))
    world.rest()
    assert world.host.find(ACCOUNTS, "t-a", "kled-workload") is not None
    checks.at_rest()
    world.close()


def test_what_is_deleted_while_a_namespace_is_opened_again_comes_back_too():
    """The account goes and its namespace is watched anew; a copy that goes at the same moment is in no list before or after."""
    world = World(SEPARATE)
    checks = filled(world)

    def both() -> None:
        world.host.remove(ACCOUNTS, "t-a", "kled-workload")
        world.host.hold_watches(plural="services")
        world.host.remove(SERVICES, "t-a", "a")

    world.do(both)
    world.rest()
    assert world.host.find(SERVICES, "t-a", "a") is not None
    checks.at_rest()
    world.close()


def test_a_tenant_namespace_ends_although_its_host_namespace_went_first():
    world = World(SEPARATE)
    checks = filled(world)
    world.do(lambda: world.host.remove(NAMESPACES, "", "t-a"))
    world.tenant_put(PODS, universe.pod("a", "b-x-c"))
    world.do(lambda: world.tenant_scheduler.step())
    world.do(lambda: world.tenant.remove(NAMESPACES, "", "a"))
    world.rest()
    assert world.tenant.find(NAMESPACES, "", "a") is None
    checks.at_rest()
    world.close()
