from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncer.core.objects import Key, Ref, Side
from syncer.engine.index import Demand, Waiters

A, B = Key("pods", "a", "a"), Key("pods", "a", "b")
CM, SECRET = Ref("configmaps", "a", "x"), Ref("secrets", "a", "x")


def test_only_the_first_and_the_last_user_change_whether_something_is_used():
    demand = Demand()
    assert demand.update(A, [CM]) == [CM]
    assert demand.update(B, [CM]) == []
    assert demand.update(A, []) == []
    assert demand.used(CM)
    assert demand.users(CM) == {B}
    assert demand.update(B, []) == [CM]
    assert not demand.used(CM)


def test_a_change_of_what_is_used_tells_both_what_came_and_what_went():
    demand = Demand()
    demand.update(A, [CM])
    assert sorted(demand.update(A, [SECRET])) == [CM, SECRET]


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.lists(st.sampled_from([CM, SECRET]), max_size=2))))
def test_the_demand_is_always_what_the_users_last_said(updates):
    demand, said = Demand(), {}
    for key, refs in updates:
        before = {ref for wanted in said.values() for ref in wanted}
        said[key] = set(refs)
        after = {ref for wanted in said.values() for ref in wanted}
        assert set(demand.update(key, refs)) == before ^ after
    for ref in (CM, SECRET):
        assert demand.used(ref) == any(ref in wanted for wanted in said.values())


def test_waiters_are_woken_by_the_object_or_by_any_of_its_namespace():
    waiters = Waiters()
    waiters.set(A, [(Side.HOST, "secrets", "a", "x")])
    waiters.set(B, [(Side.HOST, "secrets", "a", "")])
    assert set(waiters.woken_by(Side.HOST, "secrets", "a", "x")) == {A, B}
    assert waiters.woken_by(Side.HOST, "secrets", "a", "y") == (B,)
    assert waiters.woken_by(Side.TENANT, "secrets", "a", "x") == ()


def test_who_waits_no_longer_is_not_woken_and_not_remembered():
    waiters = Waiters()
    waiters.set(A, [(Side.HOST, "secrets", "a", "x")])
    waiters.set(A, [(Side.HOST, "secrets", "a", "y")])
    assert waiters.woken_by(Side.HOST, "secrets", "a", "x") == ()
    waiters.set(A, [])
    assert waiters.woken_by(Side.HOST, "secrets", "a", "y") == ()
    assert waiters.waiting() == 0
