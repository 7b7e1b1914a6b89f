"""Which translators there are, how they are found, and the page about them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from server_pair import SETTINGS

from syncer.core.errors import StartupError
from syncer.core.settings import KindSettings
from translators.catalog import BUILTIN, catalog, together
from translators.configmaps import CONFIGMAPS
from translators.page import page

PAGE = Path(__file__).parents[2] / "docs" / "kinds.md"


def test_only_kinds_that_are_on_are_in_the_catalogue_and_with_pods_go_their_tokens() -> None:
    settings = replace(SETTINGS, kinds={name: KindSettings(name=name) for name in ("namespaces", "pods")})
    assert set(catalog(settings).by_name) == {"namespaces", "pods", "pod-tokens"}


@pytest.mark.parametrize(
    ("word", "name"),
    [("svc", "services"), ("Service", "services"), ("services", "services"), ("services.core", "services"), ("po", "pods"), ("CM", "configmaps")],
)
def test_a_kind_is_found_by_the_words_kubectl_takes(word: str, name: str) -> None:
    found = together(BUILTIN).find(word)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("word", ["", "deployments", "services.apps", "pod-tokens"])
def test_other_words_find_nothing(word: str) -> None:
    assert together(BUILTIN).find(word) is None


def test_two_translators_of_one_name_are_refused() -> None:
    with pytest.raises(StartupError, match="configmaps"):
        together((CONFIGMAPS, replace(CONFIGMAPS)))


def test_a_custom_kind_is_switched_on_like_the_others() -> None:
    widgets = replace(CONFIGMAPS, name="widgets", source=replace(CONFIGMAPS.source, plural="widgets", kind="Widget", group="example.com"))
    assert "widgets" not in catalog(SETTINGS, (widgets,)).by_name
    on = replace(SETTINGS, kinds={"widgets": KindSettings(name="widgets")})
    assert catalog(on, (widgets,)).find("widget.example.com") is widgets


def test_the_page_about_the_kinds_is_current() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m translators.page > docs/kinds.md"
