"""A tenant's API server that says anything at all."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pod_generator import leaves
from pod_world import pod, view_for

from syncer.core.translator import Draft, Refusal, Wait
from translators.pods import PODS
from translators.pods.wellformed import wrong_field

BASE = pod(
    {
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}]}
        },
        "dnsConfig": {"options": [{"name": "a"}], "searches": ["b"]},
        "imagePullSecrets": [{"name": "registry"}],
    },
    volumes=[{"name": "v", "configMap": {"name": "settings", "items": [{"key": "a", "path": "b"}]}}],
)
WHERE = [path for path, _ in leaves(BASE["spec"])]
PARTS = sorted({path[:length] for path in WHERE for length in range(1, len(path) + 1)}, key=str)
JUNK: st.SearchStrategy[Any] = st.sampled_from([None, "x", 7, True, [], {}, ["x"], [7], [None], {"x": "y"}, [{}], [[]], 1.5])


def replaced(spec: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = copy.copy(spec)
    made[path[0]] = replaced(spec[path[0]], path[1:], value)
    return made


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(PARTS), JUNK)
def test_a_value_of_the_wrong_type_anywhere_gets_an_answer(path: tuple[Any, ...], junk: Any) -> None:
    view = view_for(BASE)
    hostile = {**BASE, "spec": replaced(BASE["spec"], path, junk)}
    assert PODS.down is not None
    answer = PODS.down(hostile, view)
    assert isinstance(answer, (Draft, Wait, Refusal))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"spec": None}, "spec"),
        ({"spec": {"nodeName": "node-1"}}, "spec.containers"),
        ({"spec": {**BASE["spec"], "containers": [{"image": "x"}]}}, "spec.containers[0].name"),
        ({"metadata": {**BASE["metadata"], "labels": ["x"]}}, "metadata.labels"),
        ({"metadata": {"name": "x"}}, "metadata"),
    ],
)
def test_the_field_that_is_wrong_is_named(change: dict[str, Any], field: str) -> None:
    assert wrong_field({**BASE, **change}) == field


def test_a_mistake_of_ours_is_not_called_a_malformed_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(work: Any) -> Any:
        raise KeyError("ours")

    monkeypatch.setattr("translators.pods.spec.dns", mistaken)
    assert wrong_field(BASE) is None
    assert PODS.down is not None
    with pytest.raises(KeyError):
        PODS.down(BASE, view_for(BASE))
