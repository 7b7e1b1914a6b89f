"""The heartbeat of virtual nodes, on virtual time against a cluster in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest

from syncer.cluster.wire import from_obj
from syncer.clustertree.leases import NAMESPACE, PERIOD, NodeLeases, next_turn
from syncer.core import stamp as stamps
from syncer.core.errors import LeadershipLost, Unreachable
from syncer.core.objects import LEASES, NODES, Side
from syncer.engine.cache import Cache
from syncer.testing import Request, SimulatedCluster, run, wall_time


class Scene:
    """A tenant with nodes, and what the syncer knows of both sides."""

    def __init__(self, nodes: int = 3) -> None:
        self.tenant = SimulatedCluster(Side.TENANT)
        self.cache = Cache()
        self.is_fresh = True
        self.offset = 0.0
        for number in range(nodes):
            self.add(f"node-{number}")
        self.leases = NodeLeases(self.tenant, self.cache, fresh=lambda: self.is_fresh, wall=lambda: wall_time() + self.offset)

    def add(self, name: str, ready: str | None = "True") -> None:
        self.host(name, ready)
        mark = {"labels": {stamps.MANAGED_BY: stamps.MANAGER}, "annotations": {stamps.SOURCE_UID: f"host-{name}"}}
        self.tenant.put(NODES, {"metadata": {"name": name, **mark}})
        self.cache.table(Side.TENANT, NODES.plural).put(from_obj(self.tenant.find(NODES, "", name)))

    def host(self, name: str, ready: str | None, uid: str = "") -> None:
        conditions = [] if ready is None else [{"type": "Ready", "status": ready}]
        node = {"metadata": {"name": name, "uid": uid or f"host-{name}", "resourceVersion": "1"}, "status": {"conditions": conditions}}
        self.cache.table(Side.HOST, NODES.plural).put(from_obj(node))

    def lease(self, name: str) -> dict[str, Any]:
        found = self.tenant.find(LEASES, NAMESPACE, name)
        assert found is not None
        return dict(found)

    def renewals(self, name: str) -> list[float]:
        """When the lease of a node was written, since the beginning."""
        return [request.time for request in self.requests() if request.is_write and request.name == name]

    def requests(self) -> list[Request]:
        return [request for request in self.tenant.log if request.resource == LEASES.plural and request.user == "syncer"]


def at(seconds: float, scene: Scene, *steps: tuple[float, Callable[[], object]]) -> None:
    """Let the task run for so many seconds, doing each step at its time."""

    async def go() -> None:
        task = asyncio.ensure_future(scene.leases.run())
        for when, step in sorted(steps, key=lambda item: item[0]):
            await asyncio.sleep(when - asyncio.get_running_loop().time())
            found = step()
            if isinstance(found, Awaitable):
                await found
        await asyncio.sleep(seconds - asyncio.get_running_loop().time())
        if task.done():
            task.result()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run(go())


def test_every_lease_is_made_at_once_and_renewed_once_a_period_without_a_read() -> None:
    scene = Scene(nodes=20)
    at(100, scene)
    assert {request.verb for request in scene.requests()} == {"create", "patch"}
    for number in range(20):
        times = scene.renewals(f"node-{number}")
        assert times[0] < 1
        assert all(later - earlier == pytest.approx(PERIOD, abs=0.05) for earlier, later in pairwise(times[1:]))
        assert times[1] - times[0] < 1.5 * PERIOD


def test_the_turns_of_many_nodes_are_spread_over_the_period() -> None:
    turns = sorted(next_turn(f"uid-{number}", 0.0) % PERIOD for number in range(100))
    assert max(later - earlier for earlier, later in pairwise(turns)) < PERIOD / 4


def test_a_lease_belongs_to_its_node_and_lasts_40_seconds() -> None:
    scene = Scene(nodes=1)
    at(1, scene)
    lease, node = scene.lease("node-0"), from_obj(scene.tenant.find(NODES, "", "node-0"))
    assert lease["spec"]["leaseDurationSeconds"] == 40
    assert [owner["uid"] for owner in lease["metadata"]["ownerReferences"]] == [node.meta.uid]


@pytest.mark.parametrize("ready", ["Unknown", None])
def test_a_node_the_host_has_lost_is_not_renewed_until_it_is_back(ready: str | None) -> None:
    scene = Scene(nodes=1)
    at(120, scene, (30, lambda: scene.host("node-0", ready)), (80, lambda: scene.host("node-0", "True")))
    times = scene.renewals("node-0")
    assert not [when for when in times if 30 < when < 80]
    assert [when for when in times if 80 <= when <= 91]


def test_a_node_that_is_not_ready_is_alive() -> None:
    scene = Scene(nodes=1)
    at(60, scene, (10, lambda: scene.host("node-0", "False")))
    assert len(scene.renewals("node-0")) >= 6


def test_a_host_node_made_anew_does_not_keep_the_old_one_alive() -> None:
    scene = Scene(nodes=1)
    at(60, scene, (20, lambda: scene.host("node-0", "True", uid="another")))
    assert max(scene.renewals("node-0")) < 20


def test_nothing_is_renewed_while_the_watch_of_host_nodes_is_stale() -> None:
    scene = Scene()

    def fresh(value: bool) -> None:
        scene.is_fresh = value

    at(100, scene, (20, lambda: fresh(False)), (70, lambda: fresh(True)))
    for number in range(3):
        assert not [when for when in scene.renewals(f"node-{number}") if 20 < when < 70]
        assert scene.renewals(f"node-{number}")[-1] > 80


def test_a_renewal_that_fails_is_tried_again_soon() -> None:
    scene = Scene(nodes=1)
    failures = iter([True, True])

    def before(request: Request) -> None:
        if request.verb == "patch" and next(failures, False):
            raise Unreachable("no answer")

    scene.tenant.before = before
    at(40, scene)
    times = scene.renewals("node-0")
    assert [round(later - earlier) for earlier, later in pairwise(times[1:])][:2] == [2, 2]


def test_a_server_that_hangs_for_one_node_delays_no_other() -> None:
    scene = Scene(nodes=3)
    scene.tenant.latency = lambda request: 60.0 if request.name == "node-1" else 0.0
    at(50, scene)
    assert len(scene.renewals("node-0")) >= 5
    assert len(scene.renewals("node-2")) >= 5


def test_a_lease_the_tenant_deletes_is_made_again() -> None:
    scene = Scene(nodes=1)
    at(40, scene, (15, lambda: scene.tenant.remove(LEASES, NAMESPACE, "node-0")))
    assert scene.lease("node-0")["spec"]["renewTime"]


def test_a_lease_from_before_is_taken_over_with_its_new_owner_and_a_later_time() -> None:
    scene = Scene(nodes=1)
    spec = {"holderIdentity": "kled-syncer", "leaseDurationSeconds": 40, "renewTime": "2030-01-01T05:00:00.000000Z"}
    owner = {"apiVersion": "v1", "kind": "Node", "name": "node-0", "uid": "an-earlier-node"}
    scene.tenant.put(LEASES, {"metadata": {"namespace": NAMESPACE, "name": "node-0", "ownerReferences": [owner]}, "spec": spec})
    at(30, scene)
    lease = scene.lease("node-0")
    assert lease["spec"]["renewTime"] > "2030-01-01T05:00:00.000000Z"
    assert [found["uid"] for found in lease["metadata"]["ownerReferences"]] == [from_obj(scene.tenant.find(NODES, "", "node-0")).meta.uid]


def test_times_grow_even_when_the_wall_clock_goes_back() -> None:
    scene = Scene(nodes=1)
    seen: list[str] = []

    def back() -> None:
        scene.offset -= 3600
        seen.append(scene.lease("node-0")["spec"]["renewTime"])

    at(60, scene, (15, back), (35, back))
    assert seen[0] < seen[1] < scene.lease("node-0")["spec"]["renewTime"]


def test_a_node_that_is_not_ours_or_is_going_is_left_alone() -> None:
    scene = Scene(nodes=0)
    scene.host("theirs", "True")
    scene.cache.table(Side.TENANT, NODES.plural).put(from_obj({"metadata": {"name": "theirs", "uid": "t", "resourceVersion": "1"}}))
    at(30, scene)
    assert scene.requests() == []


def test_a_node_that_is_gone_costs_nothing_any_more() -> None:
    scene = Scene(nodes=1)
    at(60, scene, (15, lambda: scene.cache.table(Side.TENANT, NODES.plural).remove("", "node-0")))
    assert max(scene.renewals("node-0")) < 16


def test_losing_leadership_ends_the_task() -> None:
    scene = Scene(nodes=1)

    def before(request: Request) -> None:
        raise LeadershipLost("over")

    scene.tenant.before = before
    with pytest.raises(ExceptionGroup) as caught:
        at(5, scene)
    assert caught.group_contains(LeadershipLost)
