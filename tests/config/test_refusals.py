"""Bad sync files: each is refused with the line, the place, the reason and the next step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from config import ConfigError, Loaded, kinds

Load = Callable[..., Loaded]
Refusal = Callable[..., ConfigError]

KINDS = ", ".join(f"`{kind.plural}`" for kind in kinds.KINDS)
CASES = yaml.safe_load((Path(__file__).parent / "refusals.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_a_bad_file_is_refused_with_place_reason_and_next_step(refusal: Refusal, case: dict[str, str]) -> None:
    assert str(refusal(case["file"])).partition("sync.yaml:")[2] == case["says"].replace("<kinds>", KINDS)


def test_an_unknown_check_of_pod_security_is_refused_with_the_nearest_one(refusal: Refusal) -> None:
    error = refusal("policy:\n  exceptions: [hostPort]")
    assert error.reason == "`hostPort` is not a check of pods"
    assert error.next_step.startswith("Did you mean `hostPorts`? Possible are `allowPrivilegeEscalation`, ")


def test_the_text_of_an_error_is_one_clear_line(refusal: Refusal) -> None:
    error = refusal("sync:\n  resources:\n  - name: pods\n    mode: fromHost")
    assert str(error).endswith("sync.yaml:4:11: sync.resources[0].mode: `fromHost` makes no sense for pods. Write one of `bidirectional`, `toHost`.")
    assert error.file.endswith("/sync.yaml")
    assert "\n" not in str(error)


def test_all_problems_are_told_from_top_to_bottom(refusal: Refusal) -> None:
    error = refusal("brake: {rate: 0}\nsync: {resources: [{nam: pods}]}\nhost: []\n")
    assert [problem.line for problem in error.problems] == [1, 2, 2, 3]
    assert len(str(error).splitlines()) == 4
    assert str(error).splitlines()[0].endswith("sync.yaml:1:15: brake.rate: at a rate of 0 nothing would ever go on. Write a number above 0.")


def test_rules_between_parts_are_told_together_too(refusal: Refusal) -> None:
    error = refusal("clusterTree: {names: opaque}\nsync: {resources: [{name: pods, mode: fromHost}, {name: po}]}\n")
    assert [problem.path for problem in error.problems] == ["clusterTree.names", "sync.resources[0].mode", "sync.resources[1].name"]


@pytest.mark.parametrize(
    "text",
    [
        "sync: {resources: [{name: pods, mode: toHost}, {name: services, mode: bidirectional}]}",
        "sync: {resources: [{name: nodes, mode: fromHost}, {name: events, mode: fromHost}, {name: namespaces, mode: toHost}]}",
        "sync: {resources: [{name: configmaps, select: all, selector: {matchLabels: {a: ''}}}]}",
        "clusterTree: {nodes: []}",
        "clusterTree: {nodes: {}}",
        "clusterTree: {}",
        "brake: {minimum: 0, share: 0, hold: 0}",
        "policy: {allowHostPorts: [80, '81', 90-91], memoryVolumeCap: 1.5Gi}",
        "metricsAddress: ':8080'",
        "metricsAddress: '[::1]:0'",
    ],
)
def test_what_is_unusual_but_sensible_is_taken(load: Load, text: str) -> None:
    assert load(text).settings.tenant.name == "acme"


def test_a_value_without_end_gives_a_line_that_ends(refusal: Refusal) -> None:
    assert len(str(refusal(f"logFormat: {'x' * 100_000}\n{'y' * 100_000}: 1"))) < 3000
