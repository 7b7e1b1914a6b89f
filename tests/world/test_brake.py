"""An emptied, restored or swapped tenant must not empty the host."""

from __future__ import annotations

from syncer.core.objects import EVENTS, NAMESPACES, PODS, SERVICES
from tests.world import universe
from tests.world.world import World


def with_services(count: int = 50) -> World:
    world = World()
    world.start()
    world.settle(3)
    world.backup = world.tenant.snapshot()
    for number in range(count):
        world.tenant_put(SERVICES, universe.service("a", f"s{number}"))
    world.settle(20)
    assert len(world.host.all(SERVICES, "t-a")) == count
    return world


def restore(world: World, bump: int = 0) -> None:
    world.do(lambda: world.tenant.restore(world.backup, bump=bump))


def held(world: World) -> int:
    return world.do(lambda: world.engine.guard.held)


def left(world: World) -> int:
    return len(world.host.all(SERVICES, "t-a"))


def test_a_tenant_that_was_emptied_while_nobody_looked_keeps_its_copies_until_a_human_releases_them():
    world = with_services()
    world.crash()
    restore(world)
    world.start()
    world.settle(900)
    assert left(world) == 50
    assert held(world) == 50
    told = [event for event in world.tenant.all(EVENTS) if event["reason"] == "SyncHeld"]
    assert told
    assert all(event["involvedObject"]["kind"] == "Namespace" for event in told)
    world.do(world.engine.guard.release)
    world.settle(200)
    assert left(world) == 0
    assert held(world) == 0
    world.close()


def test_a_tenant_that_was_restored_while_the_syncer_runs_keeps_its_copies_until_a_human_releases_them():
    world = with_services()
    restore(world)
    world.settle(900)
    assert left(world) == 50
    world.do(world.engine.guard.release)
    world.settle(200)
    assert left(world) == 0
    world.close()


def test_a_mass_disappearance_in_the_same_cluster_is_held_a_minute_and_then_goes_slowly():
    world = with_services()
    restore(world, bump=1000)
    world.settle(55)
    assert left(world) == 50
    world.settle(9)
    assert 10 < left(world) <= 50
    world.settle(200)
    assert left(world) == 0
    world.close()


def test_after_a_mass_disappearance_the_brake_is_armed_again():
    world = with_services()
    restore(world, bump=1000)
    world.settle(300)
    for number in range(50):
        world.tenant_put(SERVICES, universe.service("a", f"s{number}"))
    world.settle(20)
    restore(world, bump=5000)
    world.settle(50)
    assert left(world) == 50
    world.close()


def test_a_few_that_are_missing_go_at_once():
    world = with_services(10)
    restore(world, bump=1000)
    world.settle(40)
    assert left(world) == 0
    world.close()


def test_deletions_that_were_seen_are_not_held_however_many():
    world = with_services()
    for number in range(50):
        world.do(lambda number=number: world.tenant.remove(SERVICES, "a", f"s{number}"))
    world.settle(10)
    assert left(world) == 0
    world.close()


def test_what_is_missing_from_a_list_but_there_when_looked_at_stays():
    """A server with an old cache shows an old list; reads of single objects are true."""
    world = with_services(5)
    world.crash()
    world.do(world.tenant.freeze)
    for number in range(5, 10):
        world.tenant_put(SERVICES, universe.service("a", f"s{number}"))
    world.do(world.tenant.thaw)
    world.start()
    world.settle(20)
    assert left(world) == 10
    world.crash()
    world.do(lambda: setattr(world.tenant, "_frozen", world.backup.revision))
    world.known_version = 0
    world.start()
    world.settle(200)
    assert left(world) == 10
    world.close()


def test_a_namespace_that_vanishes_with_many_objects_leaves_nothing_pending():
    world = with_services(30)
    world.crash()
    world.do(lambda: [world.tenant.remove(SERVICES, "a", f"s{number}") for number in range(30)])
    world.do(lambda: world.tenant.remove(NAMESPACES, "", "a"))
    world.everybody()
    world.start()
    world.settle(400)
    assert left(world) == 0
    assert held(world) == 0
    assert world.engine.guard.pending == frozenset()
    world.close()


def with_pods(count: int = 30) -> World:
    world = World()
    world.start()
    world.settle(3)
    world.backup = world.host.snapshot()
    for number in range(count):
        world.tenant_put(PODS, universe.pod("a", f"p{number}"))
    world.settle(20)
    assert sum(pod["status"]["phase"] == "Running" for pod in world.tenant.all(PODS)) == count
    return world


def alive(world: World) -> int:
    return sum(not pod["metadata"].get("deletionTimestamp") for pod in world.tenant.all(PODS))


def test_a_host_that_was_emptied_does_not_take_all_tenant_pods_with_it_at_once():
    world = with_pods()
    world.do(lambda: world.host.restore(world.backup, bump=1000))
    world.settle(50)
    assert alive(world) == 30
    world.settle(200)
    assert alive(world) == 0
    world.close()


def test_a_host_that_was_emptied_while_nobody_looked_does_not_take_all_tenant_pods_with_it_at_once():
    world = with_pods()
    world.crash()
    world.do(lambda: world.host.restore(world.backup, bump=1000))
    world.start()
    world.settle(50)
    assert alive(world) == 30
    world.settle(200)
    assert alive(world) == 0
    world.close()


def test_pods_that_the_tenant_deletes_anyway_are_not_held_when_their_host_pods_ended_while_nobody_looked():
    world = with_pods()
    for number in range(30):
        world.do(lambda number=number: world.tenant.remove(PODS, "a", f"p{number}"))
    world.wait(0.5)
    world.crash()
    for pod in list(world.host.all(PODS)):
        meta = pod["metadata"]
        world.do(lambda meta=meta: world.host.remove(PODS, meta["namespace"], meta["name"], grace=0))
    world.start()
    world.settle(20)
    assert list(world.tenant.all(PODS)) == []
    world.close()
