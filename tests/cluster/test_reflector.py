"""The store follows the server, whatever the server does; all on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fakeapi import HANG, ScriptedApi, added, bad, deleted, end, entry, mark, modified, page

from syncer.cluster.reflector import Reflector
from syncer.cluster.wire import BadObject, Entry
from syncer.core.errors import Forbidden, Gone, Invalid, NotFound, SyncerError, Throttled, Unauthorized, Unreachable, api_error
from syncer.core.objects import CONFIGMAPS
from syncer.testing import virtualtime

GONE = Gone(410, "Expired", "too old")
CUT = Unreachable("cut")


class Following:
    """A reflector at work, and what it told."""

    def __init__(self, api: ScriptedApi, **more: Any) -> None:
        self.api = api
        self.told: list[tuple[str, str | None, str | None, bool]] = []
        self.bad: list[BadObject] = []
        self.reflector = Reflector(api, CONFIGMAPS, listener=self._tell, bad=self.bad.append, rng=random.Random(7), **more)

    def _tell(self, old: Entry | None, new: Entry | None, proven: bool) -> None:
        name = (new or old).meta.name  # type: ignore[union-attr]
        self.told.append((name, old and old.meta.resourceVersion, new and new.meta.resourceVersion, proven))

    @property
    def names(self) -> list[str]:
        return sorted(item.meta.name for item in self.reflector.store)


def following(api: ScriptedApi, seconds: float = 10.0, then: Callable[[Following], Awaitable[None]] | None = None, **more: Any) -> Following:
    """Follows for some seconds."""

    async def main() -> Following:
        made = Following(api, **more)
        task = asyncio.get_running_loop().create_task(made.reflector.run())
        await asyncio.sleep(seconds)
        if then is not None:
            await then(made)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert api.open == 0, "a stream was left open"
        return made

    return virtualtime.run(main())


# --- the ordinary way


def test_a_streamed_list_is_told_when_it_is_complete_and_events_follow() -> None:
    api = ScriptedApi([[added("a", 3), added("b", 2)], 5.0, [end(4)], [modified("a", 5)], [deleted("b", 6)], HANG])
    assert following(api, 4.0).told == []
    api = ScriptedApi([[added("a", 3), added("b", 2)], 5.0, [end(4)], [modified("a", 5)], [deleted("b", 6)], HANG])
    made = following(api)
    assert made.told == [("a", None, "3", True), ("b", None, "2", True), ("a", "3", "5", True), ("b", "2", None, True)]
    assert made.reflector.synced
    assert made.reflector.state == "live"
    assert made.reflector.version == 6
    assert api.calls[0][2]["initial"] is True


def test_changes_during_a_streamed_list_are_part_of_it() -> None:
    made = following(ScriptedApi([[added("a", 1), added("b", 2)], [modified("a", 3), deleted("b", 4)], [end(4)], HANG]))
    assert made.told == [("a", None, "3", True)]


def test_a_watch_is_resumed_from_the_last_event_or_bookmark() -> None:
    api = ScriptedApi([[end(4)], 70.0, [modified("a", 5)]], [70.0, [mark(9)]], [HANG])
    following(api, 200.0)
    assert api.resumed_from() == ["", "5", "9"]


def test_a_server_without_streamed_lists_is_listed_by_pages_from_then_on() -> None:
    pages = [page([entry("a", 1)], 7, "more"), page([entry("b", 2)], 7), page([entry("b", 2)], 20)]
    api = ScriptedApi([Invalid(422, "Invalid", "sendInitialEvents is forbidden")], [[modified("a", 8)], GONE], [HANG], lists=pages)
    made = following(api, 60.0)
    assert api.kinds() == ["watch", "list", "list", "watch", "list", "watch"]
    assert api.calls[2][2]["continue_token"] == "more"
    assert api.calls[3][2]["resource_version"] == "7"
    assert api.calls[3][0] == 0.0, "the fallback needs no pause"
    assert made.names == ["b"]
    assert made.told[-1] == ("a", "8", None, False)


@pytest.mark.parametrize("answer", [[HANG], [[added("a", 1)], [mark(3)], HANG]])
def test_a_server_that_ignores_the_wish_for_a_streamed_list_is_found_out(answer: list[Any]) -> None:
    made = following(ScriptedApi(answer, [HANG], lists=[page([entry("a", 1)], 7)]), 110.0)
    assert made.names == ["a"]


# --- lists that follow lists


def test_what_is_missing_in_a_new_list_is_deleted_without_proof() -> None:
    api = ScriptedApi(
        [[added("a", 1), added("b", 2), added("c", 3)], [end(3)], GONE], [[added("b", 2), modified("c", 9), added("d", 8)], [end(9)], HANG]
    )
    made = following(api)
    assert made.told[3:] == [("a", "1", None, False), ("c", "3", "9", True), ("d", None, "8", True)]


def test_a_deletion_seen_while_a_new_list_comes_in_is_proven() -> None:
    api = ScriptedApi([[added("a", 1)], [end(1)], GONE], [[added("a", 1)], [deleted("a", 5)], [end(5)], HANG])
    assert following(api).told[-1] == ("a", "1", None, True)


def test_a_list_that_breaks_off_changes_nothing() -> None:
    api = ScriptedApi([[added("a", 1)], [end(1)], GONE], [[added("b", 2)], CUT], [[added("b", 2)]], [HANG])
    made = following(api, 30.0)
    assert made.names == ["a"]
    assert len(made.told) == 1


def test_an_unreadable_object_in_a_new_list_is_not_deleted() -> None:
    api = ScriptedApi([[added("a", 1), added("b", 2)], [end(2)], GONE], [[bad("a")], [end(9)], HANG])
    made = following(api)
    assert made.names == ["a"]
    assert list(made.reflector.quarantined) == [("apps", "a")]
    assert len(made.bad) == 1


def test_an_unreadable_object_without_a_name_could_be_any_of_the_missing_ones() -> None:
    api = ScriptedApi([[added("a", 1), added("b", 2)], [end(2)], GONE], [[added("c", 3), bad()], [end(9)], HANG])
    assert following(api).names == ["a", "b", "c"]


def test_an_unreadable_page_item_is_not_deleted_either() -> None:
    lists = [page([entry("a", 1), entry("b", 1)], 3), page([], 9, bad=[BadObject("no", "apps", "a")])]
    api = ScriptedApi([Invalid(400, "BadRequest", "no")], [GONE], [HANG], lists=lists)
    assert following(api).names == ["a"]


def test_an_object_that_becomes_readable_again_leaves_quarantine() -> None:
    api = ScriptedApi([[added("a", 1)], [end(1)], [bad("a")], 1.0, [modified("a", 4)], HANG])
    made = following(api)
    assert made.told[-1] == ("a", "1", "4", True)
    assert not made.reflector.quarantined


def test_what_did_not_change_is_not_told_again_and_not_kept_twice() -> None:
    kept: list[Entry] = []

    async def look(made: Following) -> None:
        kept.extend(made.reflector.store)

    first = added("a", 1, spec=b"{}")
    api = ScriptedApi([[first], [end(1)], GONE], [[added("a", 1, spec=b"{}")], [end(9)], HANG])
    made = following(api, then=look)
    assert len(made.told) == 1
    assert kept[0] is first.entry


def test_the_same_version_with_other_content_is_told() -> None:
    api = ScriptedApi([[added("a", 5, spec=b"{}")], [end(5)], GONE], [[added("a", 5, spec=b'{"x":1}')], [end(5)], HANG])
    assert following(api).told[-1] == ("a", "5", "5", True)


def test_another_object_under_the_same_name_is_a_deletion_and_a_creation() -> None:
    api = ScriptedApi([[added("a", 1, "u1")], [end(1)], [modified("a", 3, "u2")], HANG])
    assert following(api).told[1:] == [("a", "1", None, True), ("a", None, "3", True)]


# --- servers that go back in time


def test_an_event_older_than_what_was_seen_brings_a_new_list() -> None:
    api = ScriptedApi([[added("a", 9)], [end(9)], [modified("a", 4)], HANG], [[added("a", 4)], [end(4)], HANG])
    made = following(api)
    assert made.reflector.went_back == 1
    assert made.told[-1] == ("a", "9", "4", True)
    assert made.reflector.version == 4


def test_an_older_list_is_believed_and_reported() -> None:
    api = ScriptedApi([[added("a", 9), added("b", 8)], [end(9)], GONE], [[added("a", 4)], [end(4)], HANG])
    made = following(api)
    assert made.reflector.went_back == 1
    assert made.reflector.restarts["went_back"] == 1
    assert made.names == ["a"]


def test_a_restored_server_that_stays_silent_is_found_out() -> None:
    api = ScriptedApi([[added("a", 90)], [end(90)], CUT], [[added("a", 4)], [end(40)], HANG], version=40)
    made = following(api)
    assert api.kinds() == ["watch", "probe", "watch"]
    assert made.reflector.went_back == 1


def test_a_server_that_is_not_behind_is_resumed_from() -> None:
    api = ScriptedApi([[added("a", 90)], [end(90)], CUT], [HANG], version=95)
    made = following(api)
    assert api.kinds() == ["watch", "probe", "watch"]
    assert api.resumed_from() == ["", "90"]
    assert made.names == ["a"]


# --- trouble


def test_a_silent_watch_is_looked_after_within_two_minutes_and_is_no_failure() -> None:
    api = ScriptedApi([[added("a", 90)], [end(90)], HANG], [[], HANG], version=90)
    made = following(api, 115.0)
    assert api.kinds() == ["watch", "probe", "watch"]
    assert api.calls[1][0] < 101.0
    assert made.reflector.state == "live"
    assert made.reflector.restarts == {"silent": 1}


FAILURES: list[list[Any]] = [
    [],
    [[]],
    [[bad()]],
    [[end(1)]],
    [CUT],
    [GONE],
    [[end(1)], GONE],
    [Invalid(400, "BadRequest", "no")],
    [[end(1)], Invalid(400, "BadRequest", "no")],
    [Forbidden(403, "Forbidden", "no")],
    [NotFound(404, "NotFound", "no")],
    [Unauthorized(401, "Unauthorized", "no")],
    [Throttled(429, "TooManyRequests", "no")],
    [Throttled(429, "TooManyRequests", "no", retry_after=0.0)],
    [api_error(500, "InternalError", "no")],
    [api_error(302, "Redirected", "no")],
    [ValueError("a bug of ours")],
    [[added("a", 5)], [end(5)], [modified("a", 2)]],
]


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("answer", FAILURES)
def test_no_answer_makes_it_spin(answer: list[Any], eager: bool) -> None:
    lists = [error for error in answer if isinstance(error, SyncerError)] or [page([], 1)]
    api = ScriptedApi(answer, lists=lists, version=5)
    made = following(api, 600.0, eager=eager)
    early = sum(1 for time, what, _ in api.calls if time < 60)
    assert early <= 40
    assert 15 <= len(api.calls) <= 100, "it neither spins nor gives up"
    assert sum(made.reflector.restarts.values()) <= 60


def test_a_stream_that_lives_for_minutes_is_resumed_at_once() -> None:
    api = ScriptedApi(
        [[end(1)], 59.0, [mark(2)], 59.0, [mark(3)], 59.0, [mark(4)]],
        [[], 59.0, [mark(5)], 59.0, [mark(6)], 59.0, [mark(7)]],
        [HANG],
    )
    following(api, 400.0)
    assert api.times("watch")[1:] == [pytest.approx(177.2, abs=0.3), pytest.approx(354.4, abs=0.5)]


def test_a_healthy_minute_resets_the_pauses() -> None:
    api = ScriptedApi([[end(1)]], [CUT], [CUT], [CUT], [CUT], [CUT], [[], 61.0, CUT], [HANG])
    following(api, 200.0)
    watches = [time for time, what, _ in api.calls if what == "watch"]
    assert 20 < watches[6] - watches[5] < 40
    assert watches[7] - watches[6] < 63


def test_retry_after_is_kept_and_nothing_is_listed_anew() -> None:
    api = ScriptedApi([[added("a", 3)], [end(3)]], [Throttled(429, "TooManyRequests", "no", retry_after=20.0)], [HANG])
    made = following(api, 60.0)
    assert api.times("watch")[2] - api.times("watch")[1] >= 20.0
    assert api.resumed_from() == ["", "3", "3"]
    assert made.names == ["a"]


def test_an_absurd_retry_after_is_bounded() -> None:
    api = ScriptedApi([Throttled(429, "TooManyRequests", "no", retry_after=1e9)], [[end(1)], HANG])
    assert following(api, 75.0).reflector.synced


@pytest.mark.parametrize("error", [Forbidden(403, "Forbidden", "cannot list"), NotFound(404, "NotFound", "no such kind")])
def test_a_missing_permission_or_kind_deletes_nothing_and_says_so(error: Exception) -> None:
    made = following(ScriptedApi([[added("a", 3)], [end(3)]], [error]), 300.0)
    assert made.names == ["a"]
    assert made.reflector.state == "unavailable"
    assert str(error) in made.reflector.message


def test_a_fresh_permission_is_found_quickly_when_eager() -> None:
    no = Forbidden(403, "Forbidden", "cannot list")
    slow = following(ScriptedApi([no], [no], [no], [[end(1)], HANG]), 1.0)
    assert not slow.reflector.synced
    quick = following(ScriptedApi([no], [no], [no], [[end(1)], HANG]), 1.0, eager=True)
    assert quick.reflector.synced
    assert quick.reflector.state == "live"


def test_a_stream_that_never_ends_is_left_after_ten_minutes() -> None:
    forever: list[Any] = [[end(1)], *[item for number in range(2, 100) for item in (30.0, [mark(number)])]]
    api = ScriptedApi(forever, [HANG])
    following(api, 700.0)
    assert len(api.times("watch")) == 2


def test_pages_that_are_too_large_are_asked_for_in_smaller_ones() -> None:
    large = Invalid(413, "AnswerTooLarge", "too many bytes")
    api = ScriptedApi([Invalid(400, "BadRequest", "no")], [HANG], lists=[large, page([entry("a", 1)], 7, "more"), large, page([entry("b", 2)], 7)])
    assert following(api).names == ["a", "b"]
    assert [(call["limit"], call["continue_token"]) for _, what, call in api.calls if what == "list"] == [
        (500, ""),
        (62, ""),
        (62, "more"),
        (7, "more"),
    ]


def test_a_list_without_end_is_given_up() -> None:
    api = ScriptedApi([Invalid(400, "BadRequest", "no")], lists=[page([], 3, "again")])
    made = following(api, 10.0)
    assert not made.reflector.synced
    assert made.reflector.state == "broken"
    assert len(api.calls) < 30_000


# --- choosing


def test_an_object_that_stops_mattering_is_a_proven_deletion() -> None:
    wants = {"keep": lambda item: (item.meta.labels or {}).get("mine") == "yes"}
    yes, no = {"labels": {"mine": "yes"}}, {"labels": {"mine": "no"}}
    api = ScriptedApi(
        [[added("a", 1, **yes), added("b", 2, **no), added("c", 3, **yes)], [end(3)], [modified("a", 4, **no), modified("b", 5, **no)], GONE],
        [[added("c", 6, **no)], [end(6)], HANG],
    )
    made = following(api, **wants)
    assert made.told == [("a", None, "1", True), ("c", None, "3", True), ("a", "1", None, True), ("c", "3", None, True)]


def test_a_trimmed_entry_is_what_is_kept() -> None:
    made = following(ScriptedApi([[added("a", 1, spec=b"{}")], [end(1)], HANG]), trim=lambda item: Entry(item.meta))
    assert [item.spec for item in made.reflector.store] == [None]


def test_an_object_that_our_own_functions_stumble_over_does_not_stop_the_others() -> None:
    def keep(item: Entry) -> bool:
        if item.meta.name == "poison":
            raise RecursionError
        return True

    made = following(ScriptedApi([[added("poison", 1), added("a", 2)], [end(2)], [modified("poison", 3)], [added("b", 4)], HANG]), keep=keep)
    assert made.names == ["a", "b"]
    assert made.reflector.restarts == {}
    assert ("apps", "poison") in made.reflector.quarantined


def test_a_listener_that_fails_does_not_stop_the_next_change() -> None:
    def fails(old: Entry | None, new: Entry | None, proven: bool) -> None:
        raise KeyError("a bug")

    async def main() -> Reflector:
        reflector = Reflector(ScriptedApi([[added("a", 1), added("b", 2)], [end(2)], HANG]), CONFIGMAPS, listener=fails)
        task = asyncio.get_running_loop().create_task(reflector.run())
        await asyncio.sleep(1)
        task.cancel()
        return reflector

    assert len(virtualtime.run(main()).store) == 2


# --- room


def test_beyond_its_cap_a_store_refuses_and_infers_nothing() -> None:
    big = {"spec": b"x" * 10_000}
    first = [[added("a", 1, **big), added("b", 2, **big)], [end(2)], [added("c", 3, **big)], GONE]
    second = [[added("c", 3, **big), added("d", 4, **big), added("b", 2, **big)], [end(9)], HANG]
    made = following(ScriptedApi(first, second), 5.0, cap=25_000)
    assert made.reflector.overfull
    assert made.names == ["a", "b"], "a may be gone, but the list that says so is not whole"
    assert made.reflector.store.bytes <= 25_000


def test_a_server_that_makes_up_names_for_ever_does_not_fill_the_memory() -> None:
    lists = [
        [[added(f"n{turn}-{number}", turn * 100 + number + 1, spec=b"x" * 2000) for number in range(50)], [bad(), end(turn * 100 + 99)], GONE]
        for turn in range(20)
    ]
    made = following(ScriptedApi(*lists), 900.0, cap=200_000)
    assert made.reflector.store.bytes <= 200_000
    assert made.reflector.overfull


def test_what_was_refused_is_fetched_when_there_is_room_again() -> None:
    big = {"spec": b"x" * 10_000}
    api = ScriptedApi(
        [[added("a", 1, **big), added("b", 2, **big), added("c", 3, **big)], [end(3)], 1.0, [deleted("a", 4)], HANG],
        [[added("b", 2, **big), added("c", 3, **big)], [end(4)], HANG],
    )
    made = following(api, 5.0, cap=25_000)
    assert made.names == ["b", "c"]
    assert not made.reflector.overfull


def test_bytes_are_counted_exactly() -> None:
    api = ScriptedApi([[added("a", 1, spec=b"x" * 50), added("b", 2)], [end(2)], [modified("a", 3, spec=b"x")], [deleted("b", 4)], HANG])
    store = following(api).reflector.store
    assert store.bytes == sum(item.size for item in store)
