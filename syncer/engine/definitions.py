"""Whether a kind is still there, asked before copies of its objects are deleted.

Deleting a definition deletes all objects of its kind, one event each. That is no word about any of them, so the definition is looked at after the
deletion was seen and before its copy goes. Many deletions come at once: those that ask within a moment share one look, which begins after the last
of them has asked.
"""

from __future__ import annotations

import asyncio

from syncer.cluster.wire import Entry
from syncer.core.objects import CUSTOMRESOURCEDEFINITIONS, Ref, Side
from syncer.engine.execute import Execute

_GATHER = 0.5


class Definitions:
    """Live looks at definitions."""

    def __init__(self, execute: Execute) -> None:
        self._execute = execute
        self._looks: dict[tuple[Side, str], asyncio.Task[Entry | None]] = {}

    async def stood(self, side: Side, name: str, since: str) -> bool:
        """Whether the definition is there, is not going, and was there before the time `since` (as objects write times, in seconds: one made in
        the same second may be another)."""
        found = await self._look(side, name)
        return found is not None and not found.meta.deletionTimestamp and (found.meta.creationTimestamp or "") < since

    async def _look(self, side: Side, name: str) -> Entry | None:
        look = self._looks.get((side, name))
        if look is None:
            look = self._looks[side, name] = asyncio.create_task(self._after_a_moment(side, name))
        return await asyncio.shield(look)

    async def _after_a_moment(self, side: Side, name: str) -> Entry | None:
        try:
            await asyncio.sleep(_GATHER)
        finally:
            del self._looks[side, name]  # who asks from now on has seen more than this look will
        return await self._execute.get(side, CUSTOMRESOURCEDEFINITIONS, Ref(CUSTOMRESOURCEDEFINITIONS.plural, "", name))
