"""Terms on the host meet exactly the pods they mean in the tenant, judged by an evaluator of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pod_world import PATTERN, SHARED, TENANT, pod, settings, view_for

from syncer.core.settings import HostSettings, NamespaceMapping
from syncer.core.translator import Draft
from translators.metadata import label_verdict
from translators.pods import PODS
from translators.pods.affinity import PREFERRED, REQUIRED

HOST = HostSettings(namespace="x")
NAMESPACES = {item["metadata"]["name"]: item["metadata"]["labels"] for item in TENANT["namespaces"]}
TREE = NamespaceMapping(table={"web": "front"}, shared="acme-all")
MAPPINGS = [PATTERN, SHARED, TREE]


def holds(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """A label selector as the scheduler reads it: null meets nothing, empty everything."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for item in selector.get("matchExpressions") or ():
        present, values = item["key"] in labels, item.get("values") or []
        ok = {
            "In": present and labels.get(item["key"]) in values,
            "NotIn": not present or labels[item["key"]] not in values,
            "Exists": present,
            "DoesNotExist": not present,
        }[item["operator"]]
        if not ok:
            return False
    return True


def meets(term: Mapping[str, Any], own: str, namespace: str, namespace_labels: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a term of a pod in namespace `own` meets a pod with these labels in `namespace`."""
    listed, selector = term.get("namespaces") or [], term.get("namespaceSelector")
    named = namespace in (listed or ([own] if selector is None else []))
    return (named or holds(selector, namespace_labels)) and holds(term.get("labelSelector"), labels)


def terms_on_host(term: Mapping[str, Any], mapping: NamespaceMapping, labels: Mapping[str, str] | None = None) -> tuple[list[Any], Draft, Any]:
    given_pod = pod({"affinity": {"podAntiAffinity": {REQUIRED: [term]}}}, labels=dict(labels or {"app": "shop"}))
    view = view_for(given_pod, settings(mapping))
    assert PODS.down is not None
    answer = PODS.down(given_pod, view)
    assert isinstance(answer, Draft), answer
    return answer.body["spec"]["affinity"].get("podAntiAffinity", {}).get(REQUIRED, []), answer, view


KEYS = ["app", "rev"]
VALUES = ["shop", "db", "3"]
expressions = st.one_of(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(KEYS),
        st.sampled_from(["In", "NotIn"]),
        st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
    ),
    st.builds(lambda key, operator: {"key": key, "operator": operator}, st.sampled_from(KEYS), st.sampled_from(["Exists", "DoesNotExist"])),
)
selectors = st.one_of(
    st.none(),
    st.builds(
        lambda labels, items: {**({"matchLabels": labels} if labels else {}), **({"matchExpressions": items} if items else {})},
        st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2),
        st.lists(expressions, max_size=2),
    ),
)
namespace_selectors = st.sampled_from(
    [None, {}, {"matchLabels": {"team": "red"}}, {"matchLabels": {"team": "none"}}, {"matchExpressions": [{"key": "team", "operator": "Exists"}]}]
)
terms = st.builds(
    lambda selector, names, namespaces: {
        "topologyKey": "kubernetes.io/hostname",
        **({"labelSelector": selector} if selector is not None else {}),
        **({"namespaces": names} if names else {}),
        **({"namespaceSelector": namespaces} if namespaces is not None else {}),
    },
    selectors,
    st.lists(st.sampled_from(sorted(NAMESPACES)), unique=True, max_size=2),
    namespace_selectors,
)
labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2)


@hypothesis_settings(max_examples=300, deadline=None)
@given(terms, st.sampled_from(sorted(NAMESPACES)), labels, st.sampled_from(MAPPINGS))
def test_a_term_meets_the_same_pods_of_the_tenant_on_both_sides(
    term: dict[str, Any], namespace: str, other: dict[str, str], mapping: NamespaceMapping
) -> None:
    made, _, view = terms_on_host(term, mapping)
    there = view.names.namespace(namespace)
    host_labels = {**other, "kled.io/tenant": "acme", "kled.io/namespace": namespace}
    on_host = any(meets(item, view.names.namespace("web"), there, {"kled.io/tenant": "acme"}, host_labels) for item in made)
    assert on_host == meets(term, "web", namespace, NAMESPACES[namespace], other)


@hypothesis_settings(max_examples=200, deadline=None)
@given(terms, st.sampled_from(["acme-web", "acme-all", "front", "kube-system"]), labels, st.sampled_from(["other", None]), st.sampled_from(MAPPINGS))
def test_a_term_never_meets_a_pod_of_somebody_else(
    term: dict[str, Any], namespace: str, other: dict[str, str], owner: str | None, mapping: NamespaceMapping
) -> None:
    made, _, view = terms_on_host(term, mapping)
    foreign = {**other, "kled.io/namespace": "web", **({"kled.io/tenant": owner} if owner else {})}
    for namespace_labels in ({}, {"kled.io/tenant": "acme"}, {"kled.io/tenant": "other"}):
        assert not any(meets(item, view.names.namespace("web"), namespace, namespace_labels, foreign) for item in made)


def test_a_term_about_its_own_namespace_needs_no_namespace_selector() -> None:
    made, _, _ = terms_on_host({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "x"}}}, PATTERN)
    labels_wanted = {"app": "x", "kled.io/tenant": "acme", "kled.io/namespace": "web"}
    assert made == [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels_wanted}}]


def test_an_empty_selector_means_all_pods_of_the_namespaces_it_names_and_no_others() -> None:
    made, _, _ = terms_on_host({"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaces": ["db", "web"]}, PATTERN)
    assert made == [
        {
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {
                "matchLabels": {"kled.io/tenant": "acme"},
                "matchExpressions": [{"key": "kled.io/namespace", "operator": "In", "values": ["db", "web"]}],
            },
            "namespaceSelector": {"matchLabels": {"kled.io/tenant": "acme"}},
        }
    ]


def test_all_namespaces_are_all_of_this_tenant() -> None:
    made, _, _ = terms_on_host({"topologyKey": "kubernetes.io/hostname", "labelSelector": {}, "namespaceSelector": {}}, PATTERN)
    assert made[0]["labelSelector"] == {"matchLabels": {"kled.io/tenant": "acme"}}
    assert made[0]["namespaceSelector"] == {"matchLabels": {"kled.io/tenant": "acme"}}


@pytest.mark.parametrize("merged", [True, False])
def test_keys_to_match_are_written_out_once(merged: bool) -> None:
    selector: dict[str, Any] = {"matchLabels": {"app": "shop"}}
    written = [{"key": "rev", "operator": "In", "values": ["3"]}, {"key": "app", "operator": "NotIn", "values": ["shop"]}]
    if merged:
        selector["matchExpressions"] = written
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector, "matchLabelKeys": ["rev"], "mismatchLabelKeys": ["app", "none"]}
    made, _, _ = terms_on_host(term, PATTERN, {"app": "shop", "rev": "3"})
    assert made[0]["labelSelector"]["matchExpressions"] == written
    assert "matchLabelKeys" not in made[0]
    assert "mismatchLabelKeys" not in made[0]


@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"sidecar.istio.io/inject": "true"}},
        {"matchExpressions": [{"key": "kled.io/tenant", "operator": "DoesNotExist"}]},
    ],
)
def test_a_term_on_a_label_that_does_not_cross_is_left_out_and_told(selector: dict[str, Any]) -> None:
    made, answer, _ = terms_on_host({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector}, PATTERN)
    assert made == []
    assert [field for field, _ in answer.dropped] == [f"spec.affinity.podAntiAffinity.{REQUIRED}[0]"]
    assert all(label_verdict(key, HOST) is not None for key in ("sidecar.istio.io/inject", "kled.io/tenant"))


def test_a_term_on_a_topology_that_the_host_node_does_not_have_is_left_out_and_told() -> None:
    made, answer, _ = terms_on_host({"topologyKey": "example.org/rack", "labelSelector": {}}, PATTERN)
    assert made == []
    assert len(answer.dropped) == 1


def test_preferred_terms_are_confined_in_the_same_way() -> None:
    preferred = {"weight": 5, "podAffinityTerm": {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {}}}
    given_pod = pod({"affinity": {"podAffinity": {PREFERRED: [preferred]}}})
    assert PODS.down is not None
    answer = PODS.down(given_pod, view_for(given_pod))
    assert isinstance(answer, Draft)
    confined = {"matchLabels": {"kled.io/tenant": "acme", "kled.io/namespace": "web"}}
    assert answer.body["spec"]["affinity"]["podAffinity"] == {
        PREFERRED: [{"weight": 5, "podAffinityTerm": {"topologyKey": "topology.kubernetes.io/zone", "labelSelector": confined}}]
    }
