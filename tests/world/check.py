"""All invariants of one world."""

from __future__ import annotations

from collections import Counter

from syncer.testing import Request
from tests.world.liveness import Liveness
from tests.world.safety import Safety
from tests.world.world import QUIET, World, by_syncer

RETRIES = 40
"""How often one object may be tried in vain while nothing else happens: with back-off to a minute, and at most that."""


class Checks:
    def __init__(self, world: World) -> None:
        self._world = world
        self.safety = Safety(world)

    def at_rest(self) -> None:
        self.safety.check()
        self._no_hot_retries()
        Liveness(self._world).check()

    def restart_writes_nothing(self) -> None:
        """A process that starts at rest finds nothing to do."""
        before = len(self._world.writes())
        self._world.restart()
        self._world.rest()
        done = self._world.writes(before)
        assert not done, "a restart at rest wrote:\n" + "\n".join(_told(request) for request in done)
        self.at_rest()

    def tenant_restored(self) -> None:
        """A pod of the backup may have been placed since, and nothing that was restored says so."""
        self.safety.forget_pods()

    def _no_hot_retries(self) -> None:
        since = self._world.loop.time() - QUIET
        counted: Counter[tuple[str, str, str, str]] = Counter()
        for cluster in (self._world.tenant, self._world.host):
            for request in cluster.log:
                if request.time > since and by_syncer(request) and request.is_write and request.resource != "events":
                    name = request.name or str(((request.body or {}).get("metadata") or {}).get("name"))
                    counted[cluster.side.value, request.verb, request.resource, f"{request.namespace}/{name}"] += 1
        hot = {what: times for what, times in counted.items() if times > RETRIES}
        assert not hot, f"tried again and again while nothing changed: {hot}"


def _told(request: Request) -> str:
    return f"{request} {request.body or ''}"
