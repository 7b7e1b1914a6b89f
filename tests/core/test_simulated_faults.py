"""What a test can do to a simulated cluster: every fault is where it was asked for, and the log tells what happened."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import anyio
import pytest

from syncer.cluster.api import Api, Change
from syncer.core.errors import Conflict, Gone, NotFound, Throttled, Unreachable, api_error
from syncer.core.objects import CONFIGMAPS, NAMESPACES, SERVICEACCOUNTS, Side
from syncer.testing import Request, SimulatedCluster, run
from syncer.testing.virtualtime import EPOCH

Test = Callable[[], Coroutine[Any, Any, None]]


def simulated(test: Callable[[SimulatedCluster], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test in virtual time on a cluster with one namespace."""

    def runs() -> None:
        async def main() -> None:
            cluster = SimulatedCluster(Side.HOST)
            cluster.put(NAMESPACES, {"metadata": {"name": "web"}})
            cluster.log.clear()
            await test(cluster)

        run(main())

    runs.__doc__ = test.__doc__
    return runs


async def make(cluster: Api, name: str, **body: Any) -> str:
    return (await cluster.create(CONFIGMAPS, "web", {"metadata": {"name": name, **body.pop("metadata", {})}, **body})).meta.uid


class Watched:
    """Collects what a watch says, in the background."""

    def __init__(self, cluster: SimulatedCluster, **how: Any) -> None:
        self.batches: list[Sequence[Change]] = []
        self.error: Exception | None = None
        self.ended = False
        self._task = asyncio.create_task(self._follow(cluster, how))

    async def _follow(self, cluster: SimulatedCluster, how: dict[str, Any]) -> None:
        try:
            async for batch in cluster.watch(CONFIGMAPS, "web", **how):
                self.batches.append(batch)
        except Exception as error:
            self.error = error
        self.ended = True

    @property
    def told(self) -> list[str]:
        return [f"{change.type} {change.entry.meta.name if change.entry else ''}".strip() for batch in self.batches for change in batch]


def test_the_interface_is_kept() -> None:
    def needs_api(api: Api) -> None:
        """For the type checker."""

    cluster = SimulatedCluster(Side.TENANT)
    needs_api(cluster)
    needs_api(cluster.as_user("somebody"))


@simulated
async def test_an_error_before_the_effect_leaves_nothing(cluster: SimulatedCluster) -> None:
    def refuse(request: Request) -> None:
        raise api_error(429, "TooManyRequests", "slowly", retry_after=3.0)

    cluster.before = refuse
    with pytest.raises(Throttled):
        await make(cluster, "a")
    assert cluster.find(CONFIGMAPS, "web", "a") is None
    assert [request.outcome for request in cluster.log] == [""]


@simulated
async def test_an_error_after_the_effect_leaves_it_done(cluster: SimulatedCluster) -> None:
    def lose(request: Request) -> None:
        raise Unreachable("the answer was lost")

    cluster.after = lose
    with pytest.raises(Unreachable):
        await make(cluster, "a")
    assert cluster.find(CONFIGMAPS, "web", "a") is not None
    assert [request.outcome for request in cluster.log] == ["ok"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_hits_exactly_between_request_and_answer(moment: str) -> None:
    @simulated
    async def scene(cluster: SimulatedCluster) -> None:
        went_on = False
        with anyio.CancelScope() as life:
            setattr(cluster, moment, lambda request: life.cancel())
            await make(cluster, "a")
            went_on = True
        assert not went_on
        assert (cluster.find(CONFIGMAPS, "web", "a") is not None) == (moment == "after")

    scene()


@simulated
async def test_a_hook_may_wait_and_sees_who_asks_for_what(cluster: SimulatedCluster) -> None:
    seen: list[str] = []

    async def slow(request: Request) -> None:
        seen.append(f"{request.user} {request.verb} {request.ref}")
        await asyncio.sleep(5)

    cluster.before = slow
    await make(cluster.as_user("admin"), "a")
    await cluster.get(CONFIGMAPS, "web", "a")
    assert seen == ["admin create configmaps web/", "syncer get configmaps web/a"]
    assert asyncio.get_running_loop().time() == 10


@simulated
async def test_latency_lets_requests_overtake_each_other(cluster: SimulatedCluster) -> None:
    cluster.latency = lambda request: 5.0 if request.body and request.body["metadata"]["name"] == "slow" else 1.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(make, cluster, "slow")
        tasks.start_soon(make, cluster, "fast")
    versions = {name: int(cluster.find(CONFIGMAPS, "web", name)["metadata"]["resourceVersion"]) for name in ("slow", "fast")}  # type: ignore[index]
    assert versions["fast"] < versions["slow"]
    assert asyncio.get_running_loop().time() == 10


@simulated
async def test_the_log_tells_before_and_after_and_what_was_for_nothing(cluster: SimulatedCluster) -> None:
    uid = await make(cluster, "a", data={"k": "1"})
    for _ in range(2):
        await cluster.patch(CONFIGMAPS, "web", "a", {"data": {"k": "2"}})
    with pytest.raises(Conflict):
        await cluster.delete(CONFIGMAPS, "web", "a", uid="other")
    await cluster.delete(CONFIGMAPS, "web", "a", uid=uid)
    cluster.put(CONFIGMAPS, {"metadata": {"namespace": "web", "name": "b"}}, user="admin")
    told = [(request.user, request.verb, request.name, request.outcome, request.noop) for request in cluster.log]
    assert told == [
        ("syncer", "create", "a", "ok", False),
        ("syncer", "patch", "a", "ok", False),
        ("syncer", "patch", "a", "ok", True),
        ("syncer", "delete", "a", "Conflict", False),
        ("syncer", "delete", "a", "ok", False),
        ("admin", "create", "b", "ok", False),
    ]
    assert cluster.log[1].before["data"] == {"k": "1"}  # type: ignore[index]
    assert cluster.log[1].after["data"] == {"k": "2"}  # type: ignore[index]
    assert cluster.log[4].after is None


@simulated
async def test_a_server_that_is_down_answers_nobody_and_breaks_watches(cluster: SimulatedCluster) -> None:
    watched = Watched(cluster, initial=True)
    await asyncio.sleep(1)
    cluster.down = True
    with pytest.raises(Unreachable):
        await make(cluster, "a")
    await asyncio.sleep(1)
    assert isinstance(watched.error, Unreachable)
    cluster.down = False
    await make(cluster, "a")


@simulated
async def test_batches_can_be_dropped_doubled_and_delayed(cluster: SimulatedCluster) -> None:
    async def tamper(request: Request, batch: Sequence[Change]) -> Sequence[Sequence[Change]]:
        names = [change.entry.meta.name for change in batch if change.entry]
        if "dropped" in names:
            return []
        if "delayed" in names:
            await asyncio.sleep(30)
        return [batch, batch] if "doubled" in names else [batch]

    watched = Watched(cluster, initial=True)
    await asyncio.sleep(1)
    cluster.on_batch = tamper
    for name in ("dropped", "doubled", "delayed"):
        await make(cluster, name)
        await asyncio.sleep(1)
    assert watched.told == ["BOOKMARK", "ADDED doubled", "ADDED doubled"]
    await asyncio.sleep(29)
    assert watched.told[-1] == "ADDED delayed"


@simulated
async def test_a_batch_hook_can_break_the_stream(cluster: SimulatedCluster) -> None:
    def cut(request: Request, batch: Sequence[Change]) -> Sequence[Sequence[Change]]:
        raise api_error(410, "Expired", "too old resource version")

    watched = Watched(cluster, initial=True)
    await asyncio.sleep(1)
    cluster.on_batch = cut
    await make(cluster, "a")
    await asyncio.sleep(1)
    assert isinstance(watched.error, Gone)


@simulated
async def test_held_watches_catch_up_when_they_are_released(cluster: SimulatedCluster) -> None:
    watched = Watched(cluster, initial=True)
    await asyncio.sleep(1)
    cluster.hold_watches()
    await make(cluster, "a")
    await asyncio.sleep(200)
    assert watched.told == ["BOOKMARK"]
    cluster.release_watches()
    await asyncio.sleep(1)
    assert watched.told == ["BOOKMARK", "ADDED a"]


@simulated
async def test_idle_watches_get_bookmarks_and_end_after_their_life(cluster: SimulatedCluster) -> None:
    cluster.watch_lifetime = 150
    watched = Watched(cluster, initial=True)
    await asyncio.sleep(200)
    assert watched.told == ["BOOKMARK"] * 4  # the first closes the initial list, the last comes just before the end
    assert watched.ended
    assert watched.error is None


@simulated
async def test_a_watch_can_be_ended_in_good_order(cluster: SimulatedCluster) -> None:
    watched = Watched(cluster, initial=True)
    await asyncio.sleep(1)
    cluster.cut_watches(plural="secrets")
    await asyncio.sleep(1)
    assert not watched.ended
    cluster.cut_watches()
    await asyncio.sleep(1)
    assert watched.ended
    assert watched.error is None


@simulated
async def test_what_is_compacted_cannot_be_watched_from_nor_continued(cluster: SimulatedCluster) -> None:
    for name in ("a", "b"):
        await make(cluster, name)
    page = await cluster.list(CONFIGMAPS, "web", limit=1)
    await make(cluster, "c")
    cluster.compact()
    watched = Watched(cluster, resource_version=page.resource_version)
    await asyncio.sleep(1)
    assert isinstance(watched.error, Gone)
    with pytest.raises(Gone):
        await cluster.list(CONFIGMAPS, "web", limit=1, continue_token=page.continue_token)


@simulated
async def test_a_frozen_server_shows_the_past_but_reads_single_objects_fresh(cluster: SimulatedCluster) -> None:
    old = await make(cluster, "old")
    watched = Watched(cluster, initial=True)
    await asyncio.sleep(1)
    cluster.freeze()
    await make(cluster, "new")
    await cluster.delete(CONFIGMAPS, "web", "old", uid=old)
    page = await cluster.list(CONFIGMAPS, "web")
    assert [entry.meta.name for entry in page.entries] == ["old"]
    assert (await cluster.get(CONFIGMAPS, "web", "new")).meta.name == "new"
    await asyncio.sleep(100)
    assert watched.told[:2] == ["ADDED old", "BOOKMARK"]
    assert "ADDED new" not in watched.told
    cluster.thaw()
    await asyncio.sleep(1)
    assert watched.told[-2:] == ["ADDED new", "DELETED old"]


@simulated
async def test_a_restore_takes_versions_back_and_leaves_watchers_in_the_dark(cluster: SimulatedCluster) -> None:
    await make(cluster, "kept")
    backup = cluster.snapshot()
    await make(cluster, "lost")
    before = (await cluster.list(CONFIGMAPS, "web")).resource_version
    watched = Watched(cluster, resource_version=before)
    await asyncio.sleep(1)
    cluster.restore(backup)
    await asyncio.sleep(1)
    assert isinstance(watched.error, Unreachable)
    page = await cluster.list(CONFIGMAPS, "web")
    assert [entry.meta.name for entry in page.entries] == ["kept"]
    assert int(page.resource_version) < int(before)
    silent = Watched(cluster, resource_version=before)
    await make(cluster, "after")
    await asyncio.sleep(1)
    assert silent.told == []
    assert silent.error is None


@simulated
async def test_a_restore_with_a_bump_makes_them_list_again(cluster: SimulatedCluster) -> None:
    await make(cluster, "kept")
    backup = cluster.snapshot()
    await make(cluster, "lost")
    before = (await cluster.list(CONFIGMAPS, "web")).resource_version
    cluster.restore(backup, bump=1000)
    watched = Watched(cluster, resource_version=before)
    await asyncio.sleep(1)
    assert isinstance(watched.error, Gone)


@simulated
async def test_new_objects_after_a_restore_have_new_uids(cluster: SimulatedCluster) -> None:
    backup = cluster.snapshot()
    first = await make(cluster, "a")
    cluster.restore(backup)
    assert await make(cluster, "a") != first


@simulated
async def test_a_kind_can_go_and_come_back(cluster: SimulatedCluster) -> None:
    await make(cluster, "a")
    cluster.unserve(CONFIGMAPS)
    with pytest.raises(NotFound):
        await cluster.list(CONFIGMAPS, "web")
    cluster.serve(CONFIGMAPS)
    assert len((await cluster.list(CONFIGMAPS, "web")).entries) == 1


@simulated
async def test_answers_hold_metadata_only_except_for_subresources(cluster: SimulatedCluster) -> None:
    made = await cluster.create(CONFIGMAPS, "web", {"metadata": {"name": "a"}, "data": {"k": "v"}})
    patched = await cluster.patch(CONFIGMAPS, "web", "a", {"data": {"k": "w"}})
    assert made.rest is patched.rest is None
    await cluster.create(SERVICEACCOUNTS, "web", {"metadata": {"name": "s"}})
    assert (await cluster.create(SERVICEACCOUNTS, "web", {"spec": {}}, name="s", subresource="token")).status is not None


@simulated
async def test_what_is_read_is_a_copy(cluster: SimulatedCluster) -> None:
    await make(cluster, "a", data={"k": "v"})
    (await cluster.get(CONFIGMAPS, "web", "a")).obj()["data"]["k"] = "changed"
    assert cluster.find(CONFIGMAPS, "web", "a")["data"] == {"k": "v"}  # type: ignore[index]


@simulated
async def test_times_come_from_the_loop(cluster: SimulatedCluster) -> None:
    await asyncio.sleep(3600)
    await make(cluster, "a")
    created = cluster.find(CONFIGMAPS, "web", "a")["metadata"]["creationTimestamp"]  # type: ignore[index]
    assert created == "2030-01-01T01:00:00Z"
    assert cluster.server.now() == EPOCH + 3600


def test_two_runs_are_the_same_to_the_last_uid() -> None:
    def history() -> list[Any]:
        async def main() -> list[Any]:
            cluster = SimulatedCluster(Side.HOST, latency=0.01)
            cluster.put(NAMESPACES, {"metadata": {"name": "web"}})
            async with anyio.create_task_group() as tasks:
                for number in range(5):
                    tasks.start_soon(make, cluster, f"m{number}")
            return [*map(str, cluster.log), *cluster.all(CONFIGMAPS)]

        return run(main())

    assert history() == history()
