"""Deliberate faults. Each is one plausible slip in the engine or the core; a test suite that lets one pass does not look where it should."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from syncer.core import decide
from syncer.engine.cache import Expectations
from syncer.engine.execute import Execute, Outcome
from syncer.engine.guard import Guard
from syncer.engine.index import Demand, Waiters
from syncer.engine.reconcile import Reconcile
from syncer.engine.routing import Routing

Patcher = Any
"""pytest's `monkeypatch`."""


def nobody_is_woken(patch: Patcher) -> None:
    """Who waits for something is not told when it comes."""
    patch.setattr(Waiters, "woken_by", lambda self, *subject: ())


def uids_are_ignored(patch: Patcher) -> None:
    """A copy of an earlier object of that name counts as the copy of this one."""
    genuine = decide.target_state

    def blind(case: decide.Case) -> str:
        found = genuine(case)
        return "ours" if found == "other uid" else found

    patch.setattr(decide, "target_state", blind)


def foreign_is_adopted(patch: Patcher) -> None:
    """Whatever is under the name is taken for ours."""
    genuine = decide.made_for
    patch.setattr(
        decide, "made_for", lambda case: genuine(case) if genuine(case) is not None or case.source is None else case.source["metadata"]["uid"]
    )
    patch.setattr(Execute, "_already_there", _adopt)


async def _adopt(self: Execute, action: Any) -> Outcome:
    there = await self.get(action.side, action.resource, action.ref)
    assert there is not None
    await self._apis[action.side].patch(
        action.resource,
        action.ref.namespace,
        action.ref.name,
        {
            **action.body,
            "metadata": {"labels": action.body["metadata"]["labels"], "annotations": action.body["metadata"]["annotations"], "uid": there.meta.uid},
        },
    )
    return Outcome.DONE


def own_writes_are_forgotten(patch: Patcher) -> None:
    """Decisions are made on a cache that is older than our own last write."""
    patch.setattr(Expectations, "behind", lambda self, *args: False)


def demand_is_learnt_late(patch: Patcher) -> None:
    """What is used is not known before the first look, but a moment later."""
    genuine = Routing._index
    patch.setattr(Routing, "_index", lambda self, *facts: asyncio.get_running_loop().call_later(0.5, genuine, self, *facts))


def absence_is_believed(patch: Patcher) -> None:
    """What a list does not show is deleted without a live look."""

    async def nobody(self: Reconcile, *facts: Any) -> bool:
        return False

    patch.setattr(Reconcile, "_is_there", nobody)


def the_brake_is_off(patch: Patcher) -> None:
    patch.setattr(Guard, "delay", lambda self, key: 0.0)


def pods_are_resurrected(patch: Patcher) -> None:
    """A pod whose host pod is gone gets another one."""
    genuine = decide.create
    patch.setitem(decide._TABLE, ("alive", "none"), lambda case: genuine(replace(case, translator=replace(case.translator, placed=None))))


def what_is_used_no_more_stays(patch: Patcher) -> None:
    """Nobody looks at a ConfigMap again when its last pod has gone."""
    genuine = Demand.update
    patch.setattr(Demand, "update", lambda self, key, refs: [ref for ref in genuine(self, key, refs) if self.used(ref)])


def deletions_are_not_followed(patch: Patcher) -> None:
    """A tenant pod that is being deleted leaves its host pod alone."""
    patch.setitem(decide._TABLE, ("leaving", "ours"), decide.reflect)


def late_outcomes_are_final(patch: Patcher) -> None:
    """A lost race is not looked at again."""
    genuine = Reconcile._write

    async def once(self: Reconcile, case: Any, key: Any, action: Any, result: Any) -> None:
        before = result.again, result.retry
        await genuine(self, case, key, action, result)
        result.again, result.retry = before

    patch.setattr(Reconcile, "_write", once)


MUTANTS: Mapping[str, Callable[[Patcher], None]] = {
    fault.__name__: fault
    for fault in (
        nobody_is_woken,
        uids_are_ignored,
        foreign_is_adopted,
        own_writes_are_forgotten,
        demand_is_learnt_late,
        absence_is_believed,
        the_brake_is_off,
        pods_are_resurrected,
        what_is_used_no_more_stays,
        deletions_are_not_followed,
        late_outcomes_are_final,
    )
}
