from __future__ import annotations

from syncer.core.objects import Key
from syncer.core.settings import BrakeSettings
from syncer.engine.guard import Guard


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def keys(count: int) -> list[Key]:
    return [Key("services", "a", str(number)) for number in range(count)]


def guard_of(in_place: int = 100, **settings: float) -> tuple[Guard, Clock]:
    clock = Clock()
    return Guard(BrakeSettings(**settings), clock, lambda: in_place), clock  # type: ignore[arg-type]


def test_up_to_the_minimum_nothing_is_held():
    guard, _ = guard_of()
    assert [guard.delay(key) for key in keys(20)] == [0.0] * 20
    assert guard.held == 0


def test_one_beyond_the_limit_holds_all_of_them_for_the_time_set():
    guard, clock = guard_of()
    for key in keys(21):
        guard.missing(key)
    assert guard.delay(keys(1)[0]) == 60
    clock.now += 59
    assert guard.delay(keys(1)[0]) == 1
    assert guard.held == 21


def test_the_share_counts_where_it_is_more_than_the_minimum():
    guard, _ = guard_of(in_place=1000)
    for key in keys(100):
        guard.missing(key)
    assert guard.delay(keys(1)[0]) == 0.0


def test_after_the_hold_deletions_go_at_the_rate_set():
    guard, clock = guard_of(rate=5.0)
    for key in keys(30):
        guard.missing(key)
    guard.delay(keys(1)[0])
    clock.now += 60
    gone = 0
    for _ in range(10):
        for key in sorted(guard.pending):
            if guard.delay(key) == 0:
                guard.settled(key)
                gone += 1
        clock.now += 0.21
    assert gone == 10


def test_a_suspicious_tenant_waits_for_a_human_however_few_are_missing():
    guard, clock = guard_of()
    guard.suspicious = "restored"
    (key,) = keys(1)
    for _ in range(5):
        assert guard.delay(key) > 0
        clock.now += 1000
    guard.release()
    assert guard.delay(key) == 0
    assert guard.held == 0


def test_a_release_ends():
    guard, clock = guard_of()
    guard.release(seconds=10)
    clock.now += 11
    for key in keys(21):
        guard.missing(key)
    assert guard.delay(keys(1)[0]) == 60


def test_what_turned_up_again_is_not_counted():
    guard, _ = guard_of()
    for key in keys(21):
        guard.missing(key)
    guard.delay(keys(1)[0])
    for key in keys(21):
        guard.settled(key)
    assert guard.held == 0
    assert guard.delay(keys(1)[0]) == 0
