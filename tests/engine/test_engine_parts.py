"""The engine as a whole, where a unit alone says nothing: echoes, the demand index, looking without touching."""

from __future__ import annotations

from syncer.core.actions import Create, Write
from syncer.core.objects import CONFIGMAPS, NAMESPACES, PODS, SECRETS, SERVICES, Key, Ref, Side
from syncer.core.settings import Export
from tests.world import universe
from tests.world.world import World
from translators.catalog import BUILTIN
from translators.exports import export


def test_the_echo_of_our_own_patch_that_comes_after_the_answer_leads_to_no_second_look():
    world = World()
    world.start()
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    world.do(lambda: world.host.hold_watches(plural="services"))
    world.do(lambda: world.tenant.edit(SERVICES, "a", "a", {"spec": {"selector": {"app": "b"}}}))
    world.wait(1)
    before = world.engine.queue.adds
    world.do(world.host.release_watches)
    world.wait(20)
    assert world.engine.queue.adds == before
    assert world.host.find(SERVICES, "t-a", "a")["spec"]["selector"]["app"] == "b"
    world.close()


def test_a_service_that_shows_another_status_is_looked_at_and_a_config_map_with_another_version_is_not():
    world = World()
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.rest()
    before = world.engine.queue.adds
    world.do(lambda: world.tenant.edit(CONFIGMAPS, "a", "a", {"metadata": {"ownerReferences": []}}))
    world.wait(5)
    assert world.engine.queue.adds == before
    world.close()


def test_what_is_used_is_known_before_anything_is_looked_at():
    world = World()
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    world.restart()
    engine = world.engine
    while not engine.started:
        world.wait(0.01)
    assert engine.demand.used(Ref("configmaps", "a", "a"))
    world.close()


def test_the_demand_follows_the_pods():
    world = World()
    world.start()
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["x"]))
    world.wait(1)
    demand = world.engine.demand
    assert demand.users(Ref("configmaps", "a", "x")) == {Key("pods", "a", "a")}
    world.do(lambda: world.tenant.remove(PODS, "a", "a"))
    world.wait(5)
    assert not demand.used(Ref("configmaps", "a", "x"))
    world.close()


def test_a_plan_names_what_would_be_written_and_writes_nothing():
    world = World()
    world.start()
    world.settle(5)
    world.tenant_put(SERVICES, universe.service("a", "a"))
    engine = world.engine
    key = Key("services", "a", "a")
    world.crash()
    world.start()
    world.rest()
    engine = world.engine
    assert world.do(lambda: engine.reconcile.plan(engine.translators["services"], key)) == ()
    world.do(lambda: world.host.hold_watches())
    world.do(lambda: engine.cache.table(Side.HOST, "services").remove("t-a", "a"))
    before = len(world.writes())
    plan = world.do(lambda: engine.reconcile.plan(engine.translators["services"], key))
    assert [type(action) for action in plan if isinstance(action, Write)] == [Create]
    assert plan[-1].ref == Ref("services", "t-a", "a")
    assert world.writes(before) == []
    assert world.do(lambda: engine.reconcile.plan(engine.translators["pods"], Key("pods", "kube-system", "a"))) is None
    world.close()


def test_copies_without_a_source_are_counted_at_the_start():
    world = World()
    world.start()
    for number in range(5):
        world.tenant_put(SERVICES, universe.service("a", f"s{number}"))
    world.settle(5)
    world.crash()
    for number in range(5):
        world.do(lambda number=number: world.tenant.remove(SERVICES, "a", f"s{number}"))
    world.start()
    seen = 0
    while not world.engine.started:
        world.wait(0.001)
        seen = max(seen, len(world.engine.guard.pending))
    assert max(seen, len(world.engine.guard.pending)) == 5
    world.rest()
    assert world.engine.guard.pending == frozenset()
    world.close()


def test_what_the_host_shows_and_a_pod_uses_follows_the_original_although_the_change_is_the_echo_of_our_own_write():
    shown = export(SECRETS, (Export(namespace="platform", name="x", to_namespace="a", to_name="x"),))
    world = World(translators=(*BUILTIN, shown))
    world.do(lambda: world.host.put(NAMESPACES, {"metadata": {"name": "platform"}}))
    world.do(lambda: world.host.put(SECRETS, {"metadata": {"name": "x", "namespace": "platform"}, "data": {"k": "YQ=="}, "type": "Opaque"}))
    world.start()
    world.tenant_put(PODS, universe.pod("a", "a", secrets=["x"]))
    world.rest()
    assert world.host.find(SECRETS, "t-a", "x")["data"] == {"k": "YQ=="}
    world.do(lambda: world.tenant.hold_watches(plural="secrets"))
    world.do(lambda: world.host.edit(SECRETS, "platform", "x", {"data": {"k": "Yg=="}}))
    world.wait(1)
    world.do(world.tenant.release_watches)
    world.wait(20)
    assert world.tenant.find(SECRETS, "a", "x")["data"] == world.host.find(SECRETS, "t-a", "x")["data"] == {"k": "Yg=="}
    world.close()
