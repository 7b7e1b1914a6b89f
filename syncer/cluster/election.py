"""Who of several replicas may write: a Lease, a clock that only goes forward, and a deadline that is asked before every write.

The holder renews every few seconds and may write until `_DEADLINE` after the *start* of its last successful renewal. Others take over only when they
have seen the record unchanged for `_DURATION` by their own clock, which is longer; so two clocks never have to agree, and a process that was stopped
for a while finds its time over before it writes anything. Times inside the Lease are for people to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import anyio
import structlog

from syncer.cluster.api import Api
from syncer.cluster.wire import Entry, decode_any
from syncer.core.errors import AlreadyExists, Conflict, Forbidden, NotFound, StartupError, SyncerError
from syncer.core.objects import LEASES

log = structlog.get_logger()

_DURATION = 15.0
_DEADLINE = 10.0
_RENEW_EVERY = 5.0
_RETRY_EVERY = 1.0
_LOOK_EVERY = 2.0
_REQUEST = 4.0
_LONGEST_DURATION = 60.0


def steady() -> float:
    """Seconds that also pass while the machine sleeps, where the system counts them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class _Record(NamedTuple):
    """What changes when a holder renews."""

    holder: str
    renewed: str
    transitions: int
    duration: float


class Election:
    """One candidate for one Lease. `identity` must belong to this process alone, or to a place (a pod's container) that never runs two.

    async with election.campaign():
        await election.acquired()
        ...                          # `may_write` before each write; `lost` ends the term
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        *,
        clock: Callable[[], float] = steady,
        wall_clock: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._api, self._namespace, self._name, self._identity = api, namespace, name, identity
        self._lease = f"{namespace}/{name}"
        self._clock, self._wall_clock, self._rng = clock, wall_clock, rng or random.Random()
        self._known: Entry | None = None
        self._record: _Record | None = None
        self._record_since = 0.0
        self._wishes: dict[str, str] = {}
        self._renewed = float("-inf")
        self._failing = False
        self._failure: StartupError | None = None
        self._turn = asyncio.Event()
        """Set at every change of `leading`, and replaced."""
        self.leading = False
        self.leader = ""
        """Who holds the Lease, as last seen; empty for nobody."""
        self.annotations: Mapping[str, str] = {}
        """The Lease's annotations as last seen (with every renewal)."""

    def may_write(self) -> bool:
        """Whether a write that starts now is certainly ours to do."""
        return self.leading and self._clock() < self._renewed + _DEADLINE

    def annotate(self, key: str, value: str) -> None:
        """Puts an annotation on the Lease, with the next renewal."""
        self._wishes[key] = value

    async def acquired(self) -> None:
        """Returns when this process leads. Raises StartupError if the Lease cannot be used at all."""
        while not self.leading:
            if self._failure is not None:
                raise self._failure
            await self._turn.wait()

    async def lost(self, scope: anyio.CancelScope) -> None:
        """Cancels the scope when this process does not lead any more."""
        while self.leading:
            await self._turn.wait()
        scope.cancel()

    @asynccontextmanager
    async def campaign(self) -> AsyncIterator[None]:
        """Takes part for as long as the block lasts. On the way out the Lease is given back, so that another replica need not wait."""
        task = asyncio.get_running_loop().create_task(self._run(), name="election")
        try:
            yield
        finally:
            with anyio.move_on_after(_REQUEST, shield=True):
                task.cancel()
                await asyncio.wait([task])
                await self._release()

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._time_left()):
                    await self._attempt()
                self._failing = False
                pause = _RENEW_EVERY if self.leading else _LOOK_EVERY * self._rng.uniform(0.8, 1.2)
            except (SyncerError, TimeoutError) as error:
                pause = self._failed(error)
            except Exception as error:
                log.error("election_failed", error=f"{type(error).__name__}: {error}"[:300])
                pause = _RETRY_EVERY
            if self.leading:
                pause = min(pause, max(self._renewed + _DEADLINE - self._clock(), 0.0))
            await asyncio.sleep(pause)
            if self.leading and not self.may_write():
                self._change(leading=False, reason="not renewed in time")

    def _time_left(self) -> float:
        """A request must not last longer than it can be of use."""
        return min(_REQUEST, max(self._renewed + _DEADLINE - self._clock(), 0.05)) if self.leading else _REQUEST

    def _failed(self, error: Exception) -> float:
        if not self._failing:
            self._failing = True
            log.warning("lease_request_failed", lease=self._lease, leading=self.leading, error=f"{type(error).__name__}: {error}"[:500])
        if self._known is None and self._record is None and isinstance(error, Forbidden | NotFound):
            then = "kled-syncer rbac --side host ... -o yaml | kubectl apply -f -"
            self._failure = StartupError(f"cannot use the Lease {self._lease} on the host: {error}. Grant what is needed with: {then}")
            self._announce()
        return _RETRY_EVERY * self._rng.uniform(0.8, 1.2)

    # --- one round

    async def _attempt(self) -> None:
        """Renews, or looks whether the Lease can be had."""
        if self.leading and self._known is not None:
            try:
                await self._take(self._known)
                return
            except (Conflict, NotFound):
                # Somebody annotated it, deleted it or took it: look.
                self._known = None
        try:
            self._see(await self._api.get(LEASES, self._namespace, self._name))
        except NotFound:
            await self._create()
            return
        assert self._known is not None
        if self._is_free():
            with contextlib.suppress(Conflict, NotFound):
                await self._take(self._known)
        elif self.leading:
            self._change(leading=False, reason=f"taken by {self.leader}")

    def _see(self, lease: Entry) -> None:
        spec = decode_any(lease.spec) if lease.spec is not None else {}
        duration = min(max(float(spec.get("leaseDurationSeconds") or 0), _DURATION), _LONGEST_DURATION)
        record = _Record(str(spec.get("holderIdentity") or ""), str(spec.get("renewTime") or ""), int(spec.get("leaseTransitions") or 0), duration)
        if record != self._record:
            self._record, self._record_since = record, self._clock()
        self._known, self.leader, self.annotations = lease, record.holder, dict(lease.meta.annotations or {})

    def _is_free(self) -> bool:
        record = self._record
        assert record is not None
        if record.holder in ("", self._identity):
            return True
        return not self.leading and self._clock() >= self._record_since + record.duration

    async def _create(self) -> None:
        begun = self._clock()
        body = {"metadata": {"name": self._name, "namespace": self._namespace, "annotations": dict(self._wishes)}, "spec": self._spec(first=True)}
        with contextlib.suppress(AlreadyExists):
            self._holds(await self._api.create(LEASES, self._namespace, body), begun)

    async def _take(self, lease: Entry) -> None:
        """Renews or takes over, if nobody has touched the Lease since."""
        begun = self._clock()
        metadata: dict[str, Any] = {"uid": lease.meta.uid, "resourceVersion": lease.meta.resourceVersion}
        wishes = {key: value for key, value in self._wishes.items() if self.annotations.get(key) != value}
        if wishes:
            metadata["annotations"] = wishes
        first = not (self.leading and self.leader == self._identity)
        patch = {"metadata": metadata, "spec": self._spec(first=first)}
        self._holds(await self._api.patch(LEASES, self._namespace, self._name, patch), begun)

    def _spec(self, *, first: bool) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: dict[str, Any] = {"holderIdentity": self._identity, "leaseDurationSeconds": int(_DURATION), "renewTime": now}
        if first:
            transitions = self._record.transitions if self._record is not None else -1
            changed = self._record is None or self._record.holder != self._identity
            spec |= {"acquireTime": now, "leaseTransitions": transitions + changed}
        return spec

    def _holds(self, lease: Entry, begun: float) -> None:
        """The server has it that we hold the Lease."""
        self._known, self._renewed, self.leader = lease, begun, self._identity
        self.annotations = dict(lease.meta.annotations or {})
        if not self.leading:
            self._change(leading=True, reason="")

    def _change(self, *, leading: bool, reason: str) -> None:
        self.leading = leading
        if leading:
            log.info("leadership_acquired", lease=self._lease, identity=self._identity)
        else:
            # What is known of the record is old; the wait for it to expire starts over.
            self._known = self._record = None
            log.info("leadership_ended", lease=self._lease, reason=reason)
        self._announce()

    def _announce(self) -> None:
        turn, self._turn = self._turn, asyncio.Event()
        turn.set()

    async def _release(self) -> None:
        if not self.leading or self._known is None:
            return
        lease = self._known
        self._change(leading=False, reason="stopped")
        precondition = {"uid": lease.meta.uid, "resourceVersion": lease.meta.resourceVersion}
        with contextlib.suppress(SyncerError):
            await self._api.patch(LEASES, self._namespace, self._name, {"metadata": precondition, "spec": {"holderIdentity": ""}})
