"""Optional kinds: those that a cluster serves only when somebody has installed them (a CRD).

A translator of such a kind sleeps until both sides serve what it reads and writes. That is asked of discovery, at the start and again every half
minute; a kind that is taken away sends its translator back to sleep. An absent kind proves nothing about its objects: while a translator sleeps,
none of its keys is looked at, and nothing is deleted because it is not there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from syncer.cluster.api import Api
from syncer.core.errors import LeadershipLost, SyncerError
from syncer.core.objects import Resource, Side
from syncer.core.translator import Translator

log = structlog.get_logger()
_EVERY = 30.0


class Presence:
    """What is served, as last heard."""

    def __init__(self, apis: Mapping[Side, Api], translators: Iterable[Translator], rng: random.Random) -> None:
        self._apis, self._rng = apis, rng
        self._needs = {translator.name: _needs(translator) for translator in translators if translator.optional}
        self._resources = {(side, resource.plural): resource for needs in self._needs.values() for side, resource in needs}
        self._served: set[tuple[Side, str]] = set()
        self.asleep: set[str] = set(self._needs)
        """Names of translators whose kind is missing somewhere, or not listed yet."""

    def __bool__(self) -> bool:
        """Whether there are optional kinds at all."""
        return bool(self._needs)

    def served(self, side: Side, plural: str) -> bool:
        """Whether this kind may be listed: it is none of the optional ones, or is served."""
        return (side, plural) not in self._resources or (side, plural) in self._served

    def kinds(self, name: str) -> set[tuple[Side, str]]:
        """Side and plural of what that translator reads and writes."""
        return {(side, resource.plural) for side, resource in self._needs[name]}

    def missing(self) -> list[str]:
        """What keeps translators asleep, in words."""
        lacking = sorted(set(self._resources) - self._served)
        return [f"{_full(self._resources[key])} is not served by the {key[0].value}" for key in lacking]

    async def look(self) -> None:
        """Asks both sides about every optional kind."""
        for (side, plural), resource in self._resources.items():
            try:
                there = await self._apis[side].serves(resource)
            except LeadershipLost:
                raise
            except SyncerError as error:
                log.warning("discovery_failed", side=side.value, kind=_full(resource), error=str(error)[:300])
                continue
            if there and (side, plural) not in self._served:
                log.info("kind_is_served", side=side.value, kind=_full(resource))
                self._served.add((side, plural))
            elif not there and (side, plural) in self._served:
                log.warning("kind_is_gone", side=side.value, kind=_full(resource), next_step="it is left alone until it is served again")
                self._served.discard((side, plural))

    async def run(self, wake: Callable[[str], Awaitable[bool]]) -> None:
        """For ever. `wake(translator name)` opens what that one needs, and says whether it can be awake now."""
        while True:
            for name in self._needs:
                if not all(self.served(*kind) for kind in self.kinds(name)):
                    self.asleep.add(name)
                elif name in self.asleep and await wake(name):
                    log.info("kind_awakes", kind=name)
            await asyncio.sleep(_EVERY * self._rng.uniform(0.9, 1.1))
            await self.look()


def _needs(translator: Translator) -> tuple[tuple[Side, Resource], ...]:
    return ((translator.leading, translator.source), (translator.leading.other, translator.destination))


def _full(resource: Resource) -> str:
    return f"{resource.plural}.{resource.group}/{resource.version}" if resource.group else resource.plural
