"""Two processes at once, without any election: no second copies, and both come to rest."""

from __future__ import annotations

import pytest

from syncer.core.objects import CONFIGMAPS, PODS, SERVICES
from tests.world import universe
from tests.world.check import Checks
from tests.world.world import VARIANTS, World


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_two_syncers_at_once_make_one_copy_of_everything_and_come_to_rest(variant):
    world = World(variant, latency=0.2)
    checks = Checks(world)
    world.start()
    world.start()
    for namespace in universe.NAMESPACES_OF_TENANT:
        for name in universe.NAMES:
            world.tenant_put(CONFIGMAPS, universe.content(namespace, name))
            world.tenant_put(SERVICES, universe.service(namespace, name))
            world.tenant_put(PODS, universe.pod(namespace, name, configmaps=[name]))
    world.settle(60)
    assert len(world.host.all(PODS)) == 9
    before = len(world.writes())
    world.settle(400)
    assert world.writes(before) == []
    for namespace in universe.NAMESPACES_OF_TENANT:
        for name in universe.NAMES:
            world.do(lambda n=namespace, m=name: world.tenant.remove(PODS, n, m))
            world.do(lambda n=namespace, m=name: world.tenant.edit(SERVICES, n, m, {"spec": {"selector": {"app": "other"}}}))
    world.settle(100)
    assert world.host.all(PODS) == []
    checks.safety.check()
    world.rest()
    checks.at_rest()
    world.close()
