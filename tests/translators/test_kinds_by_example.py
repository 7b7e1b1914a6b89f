"""Every case under `cases/`: the plan is the one written there, and nothing that went in was changed."""

from __future__ import annotations

import copy

import pytest
from kind_cases import case_of, documents, planned, shown

from syncer.core.decide import decide

CASES = dict(documents())


@pytest.mark.parametrize("title", CASES)
def test_the_plan_is_the_one_written_down(title: str) -> None:
    assert planned(CASES[title]) == CASES[title]["plan"]


@pytest.mark.parametrize("title", CASES)
def test_a_second_look_says_the_same_and_changes_nothing(title: str) -> None:
    case = case_of(CASES[title])
    before = copy.deepcopy((case.source, case.target))
    assert shown(decide(case)) == shown(decide(case))
    assert (case.source, case.target) == before


def test_titles_are_not_used_twice() -> None:
    assert len(CASES) == sum(1 for _ in documents())
