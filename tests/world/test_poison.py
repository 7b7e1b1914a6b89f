"""One object that no translator can read stops nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncer.core.objects import CONFIGMAPS, EVENTS, PODS, SERVICES
from tests.world import universe
from tests.world.world import World
from translators.catalog import BUILTIN


def poisoned(function):
    """The same, but for objects called `poison`."""

    def raising(obj, *rest):
        if obj["metadata"]["name"] == "poison":
            raise RecursionError("this one is too deep")
        return function(obj, *rest)

    return raising


@pytest.mark.parametrize("kind", ["services", "pods", "configmaps"])
@pytest.mark.parametrize("field", ["down", "up", "needs"])
def test_an_object_that_makes_a_translator_raise_is_set_aside_and_the_others_go_on(kind, field):
    found = [
        replace(item, **{field: poisoned(getattr(item, field))}) if item.name == kind and getattr(item, field) is not None else item
        for item in BUILTIN
    ]
    world = World(translators=found)
    world.faults.expected_poison.append("poison")
    world.start()
    for name in ("poison", "a"):
        world.tenant_put(CONFIGMAPS, universe.content("a", name))
        world.tenant_put(SERVICES, universe.service("a", name))
        world.tenant_put(PODS, universe.pod("a", name, configmaps=["a"]))
    world.settle(200)
    assert world.host.find(SERVICES, "t-a", "a") is not None
    assert world.tenant.find(PODS, "a", "a")["status"]["phase"] == "Running"
    assert not [error for syncer in world.syncers for error in syncer.accidents]
    if (kind, field) == ("services", "down"):
        told = [event["involvedObject"]["name"] for event in world.tenant.all(EVENTS) if event["reason"] == "SyncRefused"]
        assert told == ["poison"]
    world.close()
