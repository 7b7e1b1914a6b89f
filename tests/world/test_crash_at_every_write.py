"""One ordinary history; the process dies at each of its writes, before it takes effect or before the answer comes, and another one takes over."""

from __future__ import annotations

import pytest
from hypothesis import settings

from syncer.core.objects import CONFIGMAPS, NAMESPACES, PODS, SECRETS, SERVICES
from tests.world import universe
from tests.world.check import Checks
from tests.world.world import VARIANTS, Variant, World


def life(world: World) -> None:
    """Something of everything: made, edited, replaced, edited on the host, ended and deleted."""
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(SECRETS, universe.secret("a", "a"))
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"], secrets=["a"]))
    world.tenant_put(PODS, universe.pod("a-x-b", "a"))
    work(world)
    world.do(lambda: world.tenant.edit(CONFIGMAPS, "a", "a", {"data": {"key": "2"}}))
    world.do(lambda: world.tenant.edit(PODS, "a", "a", universe.other_image(world.tenant.find(PODS, "a", "a") or {}, "image:2")))
    world.do(lambda: world.tenant.remove(SECRETS, "a", "a"))
    world.tenant_put(SECRETS, universe.secret("a", "a", type_="kubernetes.io/tls"))
    work(world)
    world.do(lambda: world.tenant.remove(PODS, "a", "a", grace=0))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    for copy in world.host.all(SERVICES, selector="kled.io/tenant=t"):
        world.do(lambda meta=copy["metadata"]: world.host.remove(SERVICES, meta["namespace"], meta["name"]))
    work(world)
    world.do(lambda: world.tenant.remove(PODS, "a-x-b", "a"))
    world.attempt(lambda: world.tenant.remove(NAMESPACES, "", "a"))
    work(world)


def work(world: World) -> None:
    for _ in range(8):
        if not world.alive:
            world.start()
        world.settle(1)


def run(variant: Variant, write: int = 0, moment: str = "before") -> World:
    world = World(variant)
    checks = Checks(world)
    if write:
        world.faults.crash_at(write, moment)  # type: ignore[arg-type]
    life(world)
    world.rest()
    checks.at_rest()
    return world


STRIDES = {"separate": 2, "shared": 3, "adopting": 1}
"""Every how-manieth write in a short run: all of them where objects are made anew in the tenant."""


def is_long() -> bool:
    return settings.get_current_profile_name() == "long"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_crash_at_any_write_ends_in_the_same_state(name, moment):
    variant = VARIANTS[name]
    reference = run(variant)
    wanted, total = state(reference), reference.faults.written
    reference.close()
    assert total > 30
    for write in range(1, total + 1, 1 if is_long() else STRIDES[name]):
        world = run(variant, write, moment)
        assert len(world.syncers) == 2, f"nobody died at write {write}"
        found = state(world)
        world.close()
        assert found == wanted, f"write {write}"


def state(world: World) -> list[tuple[str, ...]]:
    """What is on both sides, without what differs from run to run anyway."""
    found = []
    for cluster in (world.tenant, world.host):
        for kind in (NAMESPACES, CONFIGMAPS, SECRETS, SERVICES, PODS):
            for obj in cluster.all(kind):
                meta = obj["metadata"]
                phase = (obj.get("status") or {}).get("phase", "")
                data = "" if meta["name"].find("-tokens-") > 0 else str(obj.get("data"))
                found.append((cluster.side.value, kind.plural, meta.get("namespace", ""), meta["name"], phase, data))
    return sorted(found)
