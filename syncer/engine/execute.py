"""Sends the actions of a plan, and says of each how it ended. The only place of the engine that writes translated objects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum

from syncer.cluster.api import Api
from syncer.cluster.warnings import listening, unknown_fields
from syncer.cluster.wire import Entry, encode
from syncer.core import stamp as stamps
from syncer.core.actions import Create, Delete, Patch, Recreate, Write
from syncer.core.errors import AlreadyExists, Conflict, Invalid, NotFound
from syncer.core.objects import Ref, Resource, Side
from syncer.engine.cache import Expectations


class Outcome(Enum):
    """DONE: it took effect. NOOP: the server found nothing to change. LATE: somebody (or an earlier try of ours) was faster; the watch will
    tell. FOREIGN: an object that is not ours holds the name. ERROR: it was refused, or nobody knows."""

    DONE = "done"
    NOOP = "noop"
    ERROR = "error"
    LATE = "late"
    FOREIGN = "foreign"


class Execute:
    """Writes to both sides. `recorded` hears (side, ref, verb, outcome) of every write."""

    def __init__(self, apis: Mapping[Side, Api], expectations: Expectations, recorded: Callable[[Write, Outcome], None]) -> None:
        self._apis = apis
        self._expectations = expectations
        self._recorded = recorded

    async def __call__(self, action: Write, unknown: list[str] | None = None) -> Outcome:
        """Raises what the API raises except for lost races, which are outcomes. `unknown` gets the fields that the server does not know."""
        with listening() as warnings:
            outcome = await self._send(action)
        if unknown is not None and warnings:
            unknown += unknown_fields(warnings)
        return outcome

    async def _send(self, action: Write) -> Outcome:
        outcome = Outcome.ERROR
        try:
            match action:
                case Create():
                    outcome = await self._create(action)
                case Patch():
                    outcome = await self._patch(action)
                case Delete():
                    outcome = await self._delete(action.side, action.resource, action.ref, action.uid, action.grace)
                case Recreate():
                    outcome = await self._recreate(action)
        finally:
            self._recorded(action, outcome)
        return outcome

    async def get(self, side: Side, resource: Resource, ref: Ref) -> Entry | None:
        """A live look."""
        try:
            return await self._apis[side].get(resource, ref.namespace, ref.name)
        except NotFound:
            return None

    async def _create(self, action: Create) -> Outcome:
        api = self._apis[action.side]
        try:
            made = await api.create(action.resource, action.ref.namespace, action.body)
        except AlreadyExists:
            return await self._already_there(action)
        except Invalid:
            # A Service that an earlier, unanswered try has made: its address is found to be taken before its name is looked at.
            if await self.get(action.side, action.resource, action.ref) is None:
                raise
            return await self._already_there(action)
        self._expectations.wrote(action.side, action.ref, made, _now())
        return Outcome.DONE

    async def _already_there(self, action: Create) -> Outcome:
        """Create never overwrites. Either an earlier try of ours went through and its echo is late, or the object is foreign."""
        there = await self.get(action.side, action.resource, action.ref)
        if there is None:
            return Outcome.LATE
        labels, annotations = there.meta.labels or {}, there.meta.annotations or {}
        wanted = action.body["metadata"]
        if annotations.get(stamps.SOURCE_UID) == wanted["annotations"].get(stamps.SOURCE_UID) and _same_mark(labels, wanted["labels"]):
            self._expectations.wrote(action.side, action.ref, there, _now())
            return Outcome.LATE
        if _same_mark(labels, wanted["labels"]) and annotations.get(stamps.SOURCE_NAME) == wanted["annotations"].get(stamps.SOURCE_NAME):
            return Outcome.LATE  # ours, made for an earlier object of that name: the watch will show it, and it goes
        return Outcome.FOREIGN

    async def _patch(self, action: Patch) -> Outcome:
        metadata = {**action.patch.get("metadata", {}), "uid": action.uid}
        if action.resource_version is not None:
            metadata["resourceVersion"] = action.resource_version
        body = {**action.patch, "metadata": metadata}
        try:
            made = await self._apis[action.side].patch(action.resource, action.ref.namespace, action.ref.name, body, subresource=action.subresource)
        except (Conflict, NotFound):
            return Outcome.LATE
        self._expectations.wrote(action.side, action.ref, made, _now())
        return Outcome.NOOP if action.seen_version and made.meta.resourceVersion == action.seen_version else Outcome.DONE

    async def _delete(self, side: Side, resource: Resource, ref: Ref, uid: str, grace: int | None) -> Outcome:
        try:
            await self._apis[side].delete(resource, ref.namespace, ref.name, uid=uid, grace=grace)
        except (NotFound, Conflict):
            return Outcome.LATE
        self._expectations.deleted(side, ref, uid, _now())
        return Outcome.DONE

    async def _recreate(self, action: Recreate) -> Outcome:
        """Delete, then create. On the host a crash in between leaves the ordinary case 'source there, copy missing'. On the tenant's side
        the host copy keeps the body meanwhile, see `resume`."""
        if action.keeper is not None:
            pending = {"metadata": {"uid": action.keeper[2], "annotations": {stamps.PENDING: encode(action.body).decode()}}}
            resource, ref, _ = action.keeper
            await self._apis[Side.HOST].patch(resource, ref.namespace, ref.name, pending)
        gone = await self._delete(action.side, action.resource, action.ref, action.uid, None)
        if gone is Outcome.LATE:
            return gone
        return await self.resume(action) if action.keeper is not None else await self._anew(action)

    async def resume(self, action: Recreate) -> Outcome:
        """The second half of a Recreate on the tenant's side: create the object unless it is there, and make the host copy its copy."""
        assert action.keeper is not None
        resource, ref, uid = action.keeper
        try:
            made = await self._apis[action.side].create(action.resource, action.ref.namespace, action.body)
        except AlreadyExists:
            made = await self._apis[action.side].get(action.resource, action.ref.namespace, action.ref.name)
        self._expectations.forget(action.side, action.ref)
        self._expectations.wrote(action.side, action.ref, made, _now())
        settled = {"metadata": {"uid": uid, "annotations": {stamps.PENDING: None, stamps.SOURCE_UID: made.meta.uid}}}
        kept = await self._apis[Side.HOST].patch(resource, ref.namespace, ref.name, settled)
        self._expectations.wrote(Side.HOST, ref, kept, _now())
        return Outcome.DONE

    async def _anew(self, action: Recreate) -> Outcome:
        made = await self._apis[action.side].create(action.resource, action.ref.namespace, action.body)
        self._expectations.forget(action.side, action.ref)
        self._expectations.wrote(action.side, action.ref, made, _now())
        return Outcome.DONE


def _same_mark(labels: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    marks = (stamps.TENANT, stamps.TRANSLATOR, stamps.MANAGED_BY)
    return all(labels.get(mark) == wanted.get(mark) for mark in marks)


def _now() -> float:
    return asyncio.get_running_loop().time()
