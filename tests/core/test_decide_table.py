"""Every cell of the table of existence, for every way a kind can live and every answer a translator can give."""

import copy
import itertools
from typing import Any

import pytest
from deciding import case, draft, source, target, told, translator

from syncer.core.decide import decide
from syncer.core.objects import Side
from syncer.core.translator import Answer, Life, Refusal, Skip, Wait

SOURCES = ("gone", "alive", "leaving")
TARGETS = ("none", "ours", "other uid", "foreign", "leaving", "leaving other uid")
ANSWERS: dict[str, Answer] = {
    "same": draft(),
    "different": draft({"a": "2"}),
    "skip": Skip("no business there"),
    "wait": Wait("not yet"),
    "wait quietly": Wait("not yet", quiet=True),
    "refusal": Refusal("spec.x", "because"),
}
TENANT, HOST, SHARED = Life.TENANT_LEADS, Life.HOST_LEADS, Life.SHARED_FATE
LIVES = (TENANT, HOST, SHARED)

SHOW = "patch source"  # the host's status, which the tenant object does not show yet in these tests

CREATED = {
    "same": ["create target"],
    "different": ["create target"],
    "skip": [],
    "wait": ["wait"],
    "wait quietly": ["wait quietly"],
    "refusal": ["refuse spec.x"],
}
AGREED = {
    "same": [SHOW],
    "different": ["patch target", SHOW],
    "skip": ["delete target"],
    "wait": ["wait", SHOW],
    "wait quietly": ["wait quietly", SHOW],
    "refusal": ["refuse spec.x", SHOW],
}
# Where the host leads there is nothing to show back: both directions are the one draft.
AGREED_FROM_HOST = {answer: [word for word in plan if word != SHOW] for answer, plan in AGREED.items()}
REFUSED = {
    "same": ["conflict"],
    "different": ["conflict"],
    "skip": [],
    "wait": [],
    "wait quietly": [],
    "refusal": ["conflict"],
}


def always(*plan: str) -> dict[str, list[str]]:
    """The same whatever the translator answers."""
    return {answer: list(plan) for answer in ANSWERS}


def each(plans: dict[str, list[str]]) -> dict[Life, dict[str, list[str]]]:
    return dict.fromkeys(LIVES, plans)


EXPECTED: dict[tuple[str, str], dict[Life, dict[str, list[str]]]] = {
    ("gone", "none"): each(always()),
    ("gone", "ours"): each(always("delete target (inferred)")),
    ("gone", "other uid"): each(always("delete target (inferred)")),
    ("gone", "foreign"): each(always()),
    ("gone", "leaving"): each(always()),
    ("gone", "leaving other uid"): each(always()),
    ("alive", "none"): each(CREATED),
    ("alive", "ours"): {TENANT: AGREED, SHARED: AGREED, HOST: AGREED_FROM_HOST},
    ("alive", "other uid"): each(always("delete target")),
    ("alive", "foreign"): each(REFUSED),
    ("alive", "leaving"): {TENANT: always(SHOW), HOST: always(), SHARED: always(SHOW, "delete source in 20")},
    ("alive", "leaving other uid"): each(always()),
    ("leaving", "none"): {TENANT: always(), HOST: always(), SHARED: always("delete source in 0")},
    ("leaving", "ours"): {TENANT: AGREED, HOST: AGREED_FROM_HOST, SHARED: always(SHOW, "delete target in 30")},
    ("leaving", "other uid"): each(always("delete target")),
    ("leaving", "foreign"): each(always()),
    ("leaving", "leaving"): {TENANT: always(SHOW), HOST: always(), SHARED: always(SHOW)},
    ("leaving", "leaving other uid"): each(always()),
}


def leading(life: Life) -> Side:
    return Side.HOST if life is HOST else Side.TENANT


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("there", TARGETS)
@pytest.mark.parametrize("here", SOURCES)
def test_every_cell(here: str, there: str, life: Life) -> None:
    for name, answer in ANSWERS.items():
        plan = decide(case(translator(life, answer), source(life, here), target(life, there)))
        assert told(plan, leading(life)) == EXPECTED[here, there][life][name], name


def test_every_cell_is_written_down() -> None:
    assert EXPECTED.keys() == set(itertools.product(SOURCES, TARGETS))


@pytest.mark.parametrize("life", LIVES)
def test_a_plan_is_a_function_of_its_case_and_nothing_in_the_case_changes(life: Life) -> None:
    for here, there, answer in itertools.product(SOURCES, TARGETS, ANSWERS.values()):
        made = translator(life, answer)
        first, second = source(life, here), target(life, there)
        before = copy.deepcopy((first, second, answer))
        assert decide(case(made, first, second)) == decide(case(made, first, second))
        assert (first, second, answer) == before


@pytest.mark.parametrize("life", LIVES)
def test_what_is_not_wanted_is_neither_made_nor_kept_nor_complained_about(life: Life) -> None:
    for answer in ANSWERS.values():
        made = translator(life, answer)

        def plan(here: str, there: str, made: Any = made) -> list[str]:
            return told(decide(case(made, source(life, here), target(life, there), wanted=False)), leading(life))

        assert plan("alive", "none") == []
        assert plan("alive", "ours") == ["delete target"]
        assert plan("alive", "foreign") == []
        assert plan("gone", "ours") == ["delete target (inferred)"]


@pytest.mark.parametrize("life", LIVES)
def test_a_direction_that_does_not_flow_writes_nothing_that_way(life: Life) -> None:
    forward, back = ("flows_up", "flows_down") if life is HOST else ("flows_down", "flows_up")
    made = translator(life, ANSWERS["different"])

    def plan(here: str, there: str, **flows: bool) -> list[str]:
        return told(decide(case(made, source(life, here), target(life, there), **flows)), leading(life))

    assert plan("alive", "none", **{forward: False}) == []
    assert plan("alive", "ours", **{forward: False}) == ([] if life is HOST else [SHOW])
    assert plan("alive", "ours", **{back: False}) == ["patch target"]
    assert plan("alive", "ours", **{forward: False, back: False}) == []
    assert plan("gone", "ours", **{forward: False}) == ["delete target (inferred)"]


def test_no_life_ever_touches_what_is_foreign() -> None:
    for life, here, answer in itertools.product(LIVES, SOURCES, ANSWERS.values()):
        for wanted, proven in itertools.product((True, False), repeat=2):
            plan = decide(case(translator(life, answer), source(life, here), target(life, "foreign"), wanted=wanted, proven=proven))
            assert all(word in ("conflict",) for word in told(plan, leading(life)))


def test_every_write_names_the_object_it_was_decided_on() -> None:
    for life, here, there, answer in itertools.product(LIVES, SOURCES, TARGETS, ANSWERS.values()):
        for action in decide(case(translator(life, answer), source(life, here), target(life, there))):
            if hasattr(action, "uid"):
                assert action.uid == ("source-1" if action.side is leading(life) else "target-1")
