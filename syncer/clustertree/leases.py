"""Node leases: the heartbeat of the tenant's nodes.

The tenant's node-lifecycle controller calls a node Unknown when neither its status nor its Lease in `kube-node-lease` has moved for 40 seconds,
and later evicts its pods. Status moves only when something changes, so the Lease is the heartbeat: renewed every 10 seconds, as kubelets do.

It is a promise that the host node is alive, as far as we can know. So it is renewed only while the host says anything about the node (`Ready` is
not Unknown) and while our watch of host nodes is fresh. When either ends, the tenant's own controller draws the consequences.

The nodes' turns are spread over the period by a hash of their uid. One write per node and period, and no reads: the Lease's uid is remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.abc
import msgspec
import structlog

from syncer.cluster.api import Api
from syncer.cluster.wire import Entry, decode_any
from syncer.core import stamp as stamps
from syncer.core.errors import AlreadyExists, Conflict, LeadershipLost, NotFound, SyncerError
from syncer.core.names import digest
from syncer.core.objects import LEASES, NODES, Side
from syncer.engine.cache import Cache

log = structlog.get_logger()

NAMESPACE = "kube-node-lease"
DURATION = 40
PERIOD = 10.0
_RETRY = 2.0
_LOOK = 1.0
_TELL_AFTER = 3


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""


class _Status(msgspec.Struct):
    conditions: list[_Condition] | None = None


_STATUS = msgspec.json.Decoder(_Status)


class NodeLeases:
    """`fresh` says whether the watch of host nodes is current; `wall` is the clock for what is written, all waiting is by the loop's."""

    def __init__(self, tenant: Api, cache: Cache, *, fresh: Callable[[], bool], wall: Callable[[], float] = time.time) -> None:
        self._tenant, self._cache, self._fresh, self._wall = tenant, cache, fresh, wall
        self._due: dict[str, float] = {}
        self._lease_uid: dict[str, str] = {}
        """By uid of the tenant node."""
        self._failures: dict[str, int] = {}
        self._last = datetime.fromtimestamp(0, UTC)

    async def run(self) -> None:
        """For ever."""
        clock = asyncio.get_running_loop().time
        async with anyio.create_task_group() as group:
            while True:
                now = clock()
                for node in self._turn(now):
                    group.start_soon(self._renew, node, clock)
                await asyncio.sleep(max(0.01, min([_LOOK, *(due - now for due in self._due.values())])))

    def _turn(self, now: float) -> list[Entry]:
        """The nodes whose lease is due. Their next turn is set at once, so that a slow answer delays nobody else."""
        nodes = {node.meta.uid: node for node in self._nodes()}
        for known in (self._due, self._lease_uid, self._failures):
            for uid in known.keys() - nodes.keys():
                del known[uid]
        fresh = self._fresh()
        due = [node for uid, node in nodes.items() if self._due.setdefault(uid, now) <= now]
        for node in due:
            self._due[node.meta.uid] = next_turn(node.meta.uid, now)
        return [node for node in due if fresh and self._is_alive(node)]

    def _nodes(self) -> Iterator[Entry]:
        """The tenant's nodes that we made and that stay."""
        for node in self._cache.table(Side.TENANT, NODES.plural):
            if stamps.is_from_host(node.meta.labels) and not node.meta.deletionTimestamp:
                yield node

    def _is_alive(self, node: Entry) -> bool:
        host = self._cache.table(Side.HOST, NODES.plural).get("", node.meta.name)
        if host is None or host.meta.uid != (node.meta.annotations or {}).get(stamps.SOURCE_UID) or host.status is None:
            return False
        try:
            conditions = _STATUS.decode(host.status).conditions or ()
        except msgspec.MsgspecError:
            return False
        return any(condition.type == "Ready" and condition.status != "Unknown" for condition in conditions)

    async def _renew(self, node: Entry, clock: Callable[[], float]) -> None:
        uid, name = node.meta.uid, node.meta.name
        try:
            await self._write(node)
        except LeadershipLost:
            raise
        except SyncerError as error:
            failures = self._failures[uid] = self._failures.get(uid, 0) + 1
            if failures % _TELL_AFTER == 0:
                log.warning("node_lease_not_renewed", node=name, failures=failures, error=str(error)[:300])
            if uid in self._due:
                self._due[uid] = min(self._due[uid], clock() + _RETRY)
            return
        self._failures.pop(uid, None)

    async def _write(self, node: Entry) -> None:
        lease_uid = self._lease_uid.get(node.meta.uid)
        if lease_uid is not None:
            try:
                await self._patch(node, lease_uid, {"spec": {"renewTime": self._renew_time()}})
            except (NotFound, Conflict):
                del self._lease_uid[node.meta.uid]
            else:
                return
        self._lease_uid[node.meta.uid] = await self._made(node)

    async def _made(self, node: Entry) -> str:
        """The uid of the node's Lease, created or, if there is one (ours from before a restart, or an earlier node's), taken over."""
        body = self._body(node)
        try:
            return (await self._tenant.create(LEASES, NAMESPACE, body)).meta.uid
        except AlreadyExists:
            there = await self._tenant.get(LEASES, NAMESPACE, node.meta.name)
            self._floor(there)
            body["spec"]["renewTime"] = self._renew_time()
            await self._patch(node, there.meta.uid, {"spec": body["spec"], "metadata": {"ownerReferences": body["metadata"]["ownerReferences"]}})
            return there.meta.uid

    async def _patch(self, node: Entry, lease_uid: str, patch: dict[str, Any]) -> None:
        await self._tenant.patch(LEASES, NAMESPACE, node.meta.name, {**patch, "metadata": {**patch.get("metadata", {}), "uid": lease_uid}})

    def _body(self, node: Entry) -> dict[str, Any]:
        owner = {"apiVersion": NODES.api_version, "kind": NODES.kind, "name": node.meta.name, "uid": node.meta.uid}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": node.meta.name, "namespace": NAMESPACE, "ownerReferences": [owner]},
            "spec": {"holderIdentity": stamps.MANAGER, "leaseDurationSeconds": DURATION, "renewTime": self._renew_time()},
        }

    def _renew_time(self) -> str:
        """Later than every one before: the controller looks at nothing else, and wall clocks go back."""
        self._last = max(datetime.fromtimestamp(self._wall(), UTC), self._last + timedelta(microseconds=1))
        return self._last.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _floor(self, lease: Entry) -> None:
        """A Lease that was renewed by a clock ahead of ours: go on from there, or the node would look dead until our clock has caught up."""
        try:
            there = datetime.fromisoformat(decode_any(lease.spec or b"{}").get("renewTime") or "1970-01-01T00:00:00Z")
        except (ValueError, AttributeError, TypeError):
            return
        if there.tzinfo is not None and there - self._last < timedelta(days=365 * 100):
            self._last = max(self._last, there)


def next_turn(uid: str, now: float) -> float:
    """The next moment after `now` that is this node's within the period; at least half a period away, so that a first turn at once and a
    regular one do not meet."""
    phase = int(digest(uid, length=8), 16) / 16**8 * PERIOD
    turn = now - now % PERIOD + phase
    while turn < now + PERIOD / 2:
        turn += PERIOD
    return turn
