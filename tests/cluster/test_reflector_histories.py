"""After any history of changes and faults the store is what the server has, and what was told adds up to it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.cluster.reflector import Reflector
from syncer.cluster.wire import Entry
from syncer.core.errors import Forbidden, Gone, Throttled, Unreachable, api_error
from syncer.core.objects import CONFIGMAPS, NAMESPACES
from syncer.testing import virtualtime
from syncer.testing.apiserver.cluster import SimulatedCluster
from syncer.testing.apiserver.requests import Request

ERRORS = (
    Unreachable("cut"),
    Gone(410, "Expired", "old"),
    Throttled(429, "TooManyRequests", "no", retry_after=2.0),
    api_error(500, "InternalError", "no"),
    Forbidden(403, "Forbidden", "no"),
)
Act = tuple[str, int, float]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "remove", "remove", "cut", "down", "compact", "freeze", "hold", "fail", "restore"]),
        st.integers(0, 5),
        st.floats(0.01, 30.0),
    ),
    min_size=1,
    max_size=40,
)


class Told:
    """The listener's own picture, made of nothing but what it was told."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}

    def __call__(self, old: Entry | None, new: Entry | None, proven: bool) -> None:
        meta = (new or old).meta  # type: ignore[union-attr]
        assert self.names.get(meta.name) == (old and old.meta.resourceVersion), "what it was is what was told last"
        if new is None:
            del self.names[meta.name]
        else:
            self.names[meta.name] = new.meta.resourceVersion


async def play(acts: Sequence[Act], streamed: bool) -> None:
    cluster = SimulatedCluster(latency=0.003, streamed_lists=streamed, watch_lifetime=200.0)
    cluster.put(NAMESPACES, {"metadata": {"name": "apps"}})
    told, failing = Told(), [0, 0]

    def fail(request: Request) -> None:
        if failing[0] > 0 and not request.is_write:
            failing[0] -= 1
            raise ERRORS[failing[1] % len(ERRORS)]

    cluster.before = fail
    reflector = Reflector(cluster, CONFIGMAPS, "apps", listener=told, rng=random.Random(3))
    task = asyncio.get_running_loop().create_task(reflector.run())
    snapshot = cluster.snapshot()
    for what, number, pause in acts:
        name = f"n{number}"
        if what == "put":
            if cluster.find(CONFIGMAPS, "apps", name) is None:
                cluster.put(CONFIGMAPS, {"metadata": {"name": name, "namespace": "apps"}})
            else:
                cluster.edit(CONFIGMAPS, "apps", name, {"data": {"at": str(asyncio.get_running_loop().time())}})
            if number == 0:
                snapshot = cluster.snapshot()
        elif what == "remove":
            if cluster.find(CONFIGMAPS, "apps", name) is not None:
                cluster.remove(CONFIGMAPS, "apps", name)
        elif what == "cut":
            cluster.cut_watches(ERRORS[number % 3])
        elif what == "down":
            cluster.down = not cluster.down
        elif what == "compact":
            cluster.compact()
        elif what == "freeze":
            cluster.freeze() if number % 2 else cluster.thaw()
        elif what == "hold":
            cluster.hold_watches() if number % 2 else cluster.release_watches()
        elif what == "fail":
            failing[:] = [3, number]
        elif what == "restore":
            # Numbers that are given out a second time cannot be told from the first: a backup is restored with a bump, or with nobody writing
            # until the clients have come back.
            cluster.restore(snapshot, bump=1000 if number % 2 else 0)
            if number % 3 == 0:
                cluster.cut_watches()
            if number % 2 == 0:
                failing[0], cluster.down, pause = 0, False, 40.0
                cluster.release_watches()
        await asyncio.sleep(pause)
    failing[0] = 0
    cluster.thaw()
    cluster.release_watches()
    cluster.down = False
    await asyncio.sleep(400)
    real = {str(item["metadata"]["name"]): str(item["metadata"]["resourceVersion"]) for item in cluster.all(CONFIGMAPS, "apps")}
    assert told.names == real
    assert {item.meta.name: item.meta.resourceVersion for item in reflector.store} == real
    assert reflector.store.bytes == sum(item.size for item in reflector.store)
    assert reflector.state == "live"
    assert not task.done()
    task.cancel()


@pytest.mark.parametrize("streamed", [True, False])
@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_the_store_becomes_what_the_server_has(streamed: bool, acts: list[Act]) -> None:
    virtualtime.run(play(acts, streamed))
