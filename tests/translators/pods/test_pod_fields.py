"""The table of fields is complete, and the page about it current."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from extract_openapi import EXTRACT, LEAVES, document, extracted

from translators.pods.document import page
from translators.pods.fields import TABLE, Verdict
from translators.pods.shapes import SHAPES

DEFINITIONS = json.loads(EXTRACT.read_text())["definitions"]
# Definitions below a field that is replaced or refused as a whole: nothing of them ever crosses.
BELOW = {
    "NodeAffinity",
    "NodeSelector",
    "NodeSelectorTerm",
    "NodeSelectorRequirement",
    "PreferredSchedulingTerm",
    "PodSchedulingGate",
    "PodSchedulingGroup",
    "EphemeralVolumeSource",
    "GlusterfsVolumeSource",
    "ClusterTrustBundleProjection",
    "PodCertificateProjection",
}


@pytest.mark.parametrize("name", sorted(set(DEFINITIONS) - BELOW))
def test_every_field_of_the_api_has_a_rule_and_no_rule_is_about_a_field_that_is_not_there(name: str) -> None:
    assert set(TABLE[name]) == set(DEFINITIONS[name])


def test_every_definition_in_the_table_is_one_of_the_api() -> None:
    assert set(TABLE) == set(DEFINITIONS) - BELOW


@pytest.mark.parametrize("name", sorted(TABLE))
def test_a_field_with_content_names_the_definition_of_that_content(name: str) -> None:
    for field, rule in TABLE[name].items():
        below = DEFINITIONS[name][field].strip("[]{}")
        if below in DEFINITIONS and below not in LEAVES and below not in BELOW and rule.verdict in (Verdict.PASS, Verdict.REWRITE):
            assert rule.shape == below, f"{name}.{field}"


@pytest.mark.parametrize("name", sorted(TABLE))
def test_what_does_not_simply_pass_says_why(name: str) -> None:
    assert all(rule.reason for rule in TABLE[name].values() if rule.verdict is not Verdict.PASS)


def test_nothing_below_a_field_that_stays_behind_is_ever_reached() -> None:
    reached = {rule.shape for rules in TABLE.values() for rule in rules.values()}
    assert not reached & BELOW
    assert set(SHAPES) == set(TABLE)


def test_the_extract_of_the_openapi_document_is_current() -> None:
    path = document()
    if path is None:
        pytest.skip("the OpenAPI document is not in the Go module cache")
    assert json.loads(EXTRACT.read_text()) == extracted(path)


def test_the_page_about_pods_is_current() -> None:
    written = Path(__file__).parents[3] / "docs" / "pods.md"
    assert written.read_text() == page(), "run: python -m translators.pods.document > docs/pods.md"
