"""Each deliberate fault is found by a short story."""

from __future__ import annotations

import pytest

from tests.world import test_brake, test_host_namespaces, test_rest, test_scenarios
from tests.world.mutants import MUTANTS
from tests.world.world import World

FOUND_BY = {
    "the_brake_is_off": test_brake.test_a_mass_disappearance_in_the_same_cluster_is_held_a_minute_and_then_goes_slowly,
    "absence_is_believed": test_brake.test_what_is_missing_from_a_list_but_there_when_looked_at_stays,
    "pods_are_resurrected": test_host_namespaces.test_a_host_namespace_that_was_deleted_comes_back_with_everything_but_the_pods,
    "own_writes_are_forgotten": test_scenarios.test_nothing_is_written_twice_while_the_watch_lags_behind_our_own_write,
    "what_is_used_no_more_stays": test_rest.test_what_a_pod_used_leaves_the_host_when_the_pod_has_ended,
    "nobody_is_woken": test_rest.test_a_config_map_that_is_needed_and_missing_lets_the_pod_wait_and_says_which_one,
    "uids_are_ignored": test_scenarios.test_content_replaced_by_the_same_name_while_watches_lag_is_a_new_object_on_the_host,
    "foreign_is_adopted": test_scenarios.test_a_foreign_object_under_our_name_is_left_alone_and_told_until_it_goes,
    "demand_is_learnt_late": test_scenarios.test_a_restart_with_everything_in_use_deletes_nothing,
    "deletions_are_not_followed": test_scenarios.test_a_deleted_pod_ends_on_both_sides_with_its_grace_period,
    "late_outcomes_are_final": test_scenarios.test_a_lost_race_is_looked_at_again,
}


def tell(story) -> None:
    if not story.__code__.co_argcount:
        story()
        return
    world = World()
    world.start()
    story(world)
    world.close()


def test_every_fault_has_its_story():
    assert set(FOUND_BY) == set(MUTANTS)


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_deliberate_fault_is_found(name, monkeypatch):
    tell(FOUND_BY[name])
    MUTANTS[name](monkeypatch)
    with pytest.raises(Exception):  # noqa: B017, PT011
        tell(FOUND_BY[name])
