"""ConfigMaps and Secrets that nobody uses are held in outline, and whole as soon as somebody does."""

from __future__ import annotations

from syncer.core.objects import CONFIGMAPS, PODS, SECRETS, Ref, Side
from tests.world import universe
from tests.world.world import ADOPTING, World


def held(world: World, plural: str, name: str, namespace: str = "a") -> bool:
    """Whether the tenant's object is held whole."""
    entry = world.engine.cache.get(Side.TENANT, Ref(plural, namespace, name))
    assert entry is not None
    return not entry.outlined


def test_what_nobody_uses_is_held_without_its_content() -> None:
    world = World()
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a", value="x" * 4000))
    world.tenant_put(SECRETS, universe.secret("a", "a"))
    world.rest()
    assert not held(world, "configmaps", "a")
    assert not held(world, "secrets", "a")
    entry = world.engine.cache.get(Side.TENANT, Ref("configmaps", "a", "a"))
    assert entry is not None
    assert entry.size < 500
    world.close()


def test_what_comes_into_use_is_fetched_and_followed_from_then_on() -> None:
    world = World()
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a", value="1"))
    world.rest()
    world.tenant_put(PODS, universe.pod("a", "p", configmaps=["a"]))
    world.rest()
    assert world.host.find(CONFIGMAPS, "t-a", "a")["data"] == {"key": "1"}
    world.do(lambda: world.tenant.edit(CONFIGMAPS, "a", "a", {"data": {"key": "2"}}))
    world.rest()
    assert held(world, "configmaps", "a")
    assert world.host.find(CONFIGMAPS, "t-a", "a")["data"] == {"key": "2"}
    world.close()


def test_after_a_restart_what_is_used_is_held_whole_without_another_read() -> None:
    world = World()
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(CONFIGMAPS, universe.content("a", "b"))
    world.tenant_put(PODS, universe.pod("a", "p", configmaps=["a"]))
    world.rest()
    world.restart()
    seen = len(world.tenant.log)
    world.rest()
    assert held(world, "configmaps", "a")
    assert not held(world, "configmaps", "b")
    assert [request for request in world.tenant.log[seen:] if request.verb == "get" and request.resource == "configmaps"] == []
    world.close()


def test_what_falls_out_of_use_is_removed_from_the_host_and_cut_down_with_its_next_change() -> None:
    world = World()
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "p", configmaps=["a"], grace=0))
    world.rest()
    world.do(lambda: world.tenant.remove(PODS, "a", "p"))
    world.rest()
    assert world.host.find(CONFIGMAPS, "t-a", "a") is None
    world.do(lambda: world.tenant.edit(CONFIGMAPS, "a", "a", {"data": {"key": "2"}}))
    world.rest()
    assert not held(world, "configmaps", "a")
    world.close()


def test_where_all_are_synced_all_are_held_whole() -> None:
    world = World(ADOPTING)
    world.start()
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.rest()
    assert held(world, "configmaps", "a")
    world.close()
