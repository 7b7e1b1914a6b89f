"""Read your own writes."""

from __future__ import annotations

from syncer.cluster.wire import Entry, from_obj
from syncer.core.objects import Ref, Side
from syncer.engine.cache import Cache, Expectations

REF = Ref("configmaps", "a", "x")


def entry(version: int, uid: str = "u1", **meta: object) -> Entry:
    return from_obj({"metadata": {"name": "x", "namespace": "a", "uid": uid, "resourceVersion": str(version), **meta}})


def test_the_cache_is_behind_until_it_shows_our_own_write():
    found = Expectations()
    found.wrote(Side.HOST, REF, entry(7), now=0)
    assert found.behind(Side.HOST, REF, entry(6), 1)
    assert found.behind(Side.HOST, REF, None, 1)
    assert not found.behind(Side.HOST, REF, entry(7), 1)
    assert not found.behind(Side.TENANT, REF, entry(6), 1)


def test_the_echo_of_our_write_is_known_and_a_later_change_is_none():
    found = Expectations()
    found.wrote(Side.HOST, REF, entry(7), now=0)
    assert found.seen(Side.HOST, REF, entry(6)) is False
    assert found.seen(Side.HOST, REF, entry(7)) is True
    assert found.seen(Side.HOST, REF, entry(8)) is False
    found.wrote(Side.HOST, REF, entry(9), now=0)
    assert found.seen(Side.HOST, REF, entry(10)) is False
    assert not found.behind(Side.HOST, REF, entry(10), 1)


def test_what_no_watch_ever_shows_is_forgotten_after_a_while():
    found = Expectations()
    found.wrote(Side.HOST, REF, entry(7), now=0)
    found.deleted(Side.TENANT, REF, "u1", now=0)
    assert not found.behind(Side.HOST, REF, entry(6), 31)
    assert not found.behind(Side.TENANT, REF, entry(6), 31)


def test_our_own_deletion_is_expected_until_the_object_is_gone_leaving_or_another():
    for shown in (None, entry(8, uid="u2"), entry(8, deletionTimestamp="2030-01-01T00:00:00Z")):
        found = Expectations()
        found.deleted(Side.HOST, REF, "u1", now=0)
        assert found.behind(Side.HOST, REF, entry(6), 1)
        assert not found.behind(Side.HOST, REF, shown, 1)
        found.seen(Side.HOST, REF, shown)
        assert not found.behind(Side.HOST, REF, entry(6), 1)


def test_versions_of_another_object_of_that_name_are_not_compared():
    found = Expectations()
    found.wrote(Side.HOST, REF, entry(70), now=0)
    assert found.seen(Side.HOST, REF, entry(5, uid="u2")) is False
    assert not found.behind(Side.HOST, REF, entry(5, uid="u2"), 1)


def test_a_table_keeps_nothing_of_what_was_removed():
    cache = Cache()
    table = cache.table(Side.HOST, "configmaps")
    table.put(entry(1))
    assert [item.meta.name for item in table.in_namespace("a")] == ["x"]
    table.remove("a", "x")
    assert len(table) == 0
    assert list(table.in_namespace("a")) == []
    assert cache.obj(Side.HOST, REF) is None
