"""Which watches are open: none where there is nothing to watch, and none of a kind that is not served."""

from __future__ import annotations

from syncer.core.objects import SERVICES, Resource, Side
from syncer.core.settings import KindSettings
from syncer.core.stamp import TENANT
from syncer.core.translator import Translator, as_is
from tests.world import universe
from tests.world.world import TRANSLATORS, World

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")
WIDGET_TRANSLATOR = Translator(name="widgets", source=WIDGETS, tenant_owns=(("spec",),), host_owns=(("status",),), down=as_is, optional=True)


def watched(world: World, namespace: str) -> set[str]:
    """Host kinds with an open watch in that namespace."""
    return {plural for (side, plural, where) in world.engine.reflectors if side is Side.HOST and where == namespace}


def with_widgets() -> World:
    """A world in which nobody has installed widgets yet."""
    world = World(translators=(*TRANSLATORS, WIDGET_TRANSLATOR))
    world.settings.kinds["widgets"] = KindSettings(name="widgets")  # type: ignore[index]
    for cluster in (world.host, world.tenant):
        world.do(lambda cluster=cluster: cluster.unserve(WIDGETS))
    world.start()
    return world


def widget(name: str = "a", size: int = 1) -> dict[str, object]:
    return {"metadata": {"namespace": "a", "name": name}, "spec": {"size": size}}


def on_host(world: World, name: str = "a") -> dict[str, object] | None:
    return world.host.find(WIDGETS, "t-a", name)


def test_an_empty_namespace_costs_no_watch() -> None:
    world = World()
    world.start()
    world.settle(5)
    assert watched(world, "t-a") == set()
    world.close()


def test_the_first_object_of_a_kind_has_it_watched_with_what_tells_of_it() -> None:
    world = World()
    world.start()
    world.settle(5)
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    assert world.host.find(SERVICES, "t-a", "a")
    assert watched(world, "t-a") == {"services", "events", "serviceaccounts"}
    world.close()


def test_after_a_restart_only_what_is_there_is_watched() -> None:
    world = World()
    world.start()
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    world.restart()
    world.rest()
    assert watched(world, "t-a") == {"services", "events", "serviceaccounts"}
    assert watched(world, "t-b-x-c") == set()
    world.close()


def test_a_copy_that_was_left_behind_is_found_in_a_namespace_where_the_tenant_has_nothing() -> None:
    world = World()
    world.start()
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    world.crash()
    world.do(lambda: world.tenant.remove(SERVICES, "a", "a"))
    world.start()
    world.rest()
    assert world.host.find(SERVICES, "t-a", "a") is None
    world.close()


def test_a_kind_that_nobody_serves_sleeps_without_a_complaint() -> None:
    world = with_widgets()
    world.settle(5)
    assert world.engine.presence.asleep == {"widgets"}
    assert world.engine.missing() == []
    assert len(world.engine.presence.missing()) == 2
    world.close()


def test_a_kind_awakes_when_both_sides_serve_it() -> None:
    world = with_widgets()
    world.settle(5)
    world.do(lambda: world.tenant.serve(WIDGETS))
    world.tenant_put(WIDGETS, widget())
    world.wait(60)
    assert world.engine.presence.asleep == {"widgets"}
    world.do(lambda: world.host.serve(WIDGETS))
    world.wait(60)
    assert on_host(world)["spec"] == {"size": 1}  # type: ignore[index]
    assert world.engine.presence.asleep == set()
    world.close()


def test_a_kind_that_is_taken_away_takes_nothing_with_it_and_goes_on_when_it_is_back() -> None:
    world = with_widgets()
    for cluster in (world.host, world.tenant):
        world.do(lambda cluster=cluster: cluster.serve(WIDGETS))
    world.tenant_put(WIDGETS, widget())
    world.wait(120)
    before = on_host(world)
    assert before is not None
    assert before["metadata"]["labels"][TENANT] == "t"  # type: ignore[index]
    world.do(lambda: world.tenant.unserve(WIDGETS))
    world.do(lambda: world.tenant.cut_watches(plural="widgets"))
    world.wait(120)
    assert world.engine.presence.asleep == {"widgets"}
    assert on_host(world) == before
    world.do(lambda: world.tenant.serve(WIDGETS))
    world.do(lambda: world.tenant.edit(WIDGETS, "a", "a", {"spec": {"size": 2}}))
    world.wait(120)
    assert on_host(world)["spec"] == {"size": 2}  # type: ignore[index]
    world.close()


def test_a_copy_whose_source_went_while_the_kind_was_asleep_is_removed_when_it_awakes() -> None:
    world = with_widgets()
    for cluster in (world.host, world.tenant):
        world.do(lambda cluster=cluster: cluster.serve(WIDGETS))
    world.tenant_put(WIDGETS, widget())
    world.wait(120)
    assert on_host(world)
    world.do(lambda: world.tenant.unserve(WIDGETS))
    world.restart()
    world.wait(60)
    assert on_host(world)
    world.do(lambda: world.tenant.serve(WIDGETS))
    world.do(lambda: world.tenant.remove(WIDGETS, "a", "a"))
    world.wait(200)
    assert on_host(world) is None
    world.close()
