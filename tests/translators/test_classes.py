"""Which classes of the host a tenant sees: those that configuration names, or those that the host marks as its default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from server_pair import SETTINGS

from syncer.core.settings import KindSettings, Selector, Settings
from translators.classes import is_shown
from translators.storageclasses import DEFAULT_MARK


def a_class(name: str, *, default: bool = False, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels, "annotations": {DEFAULT_MARK: "true"} if default else {}}}


def told(**options: Any) -> Settings:
    return replace(SETTINGS, kinds={"storageclasses": KindSettings(name="storageclasses", **options)})


def shown(settings: Settings, host_class: dict[str, Any] | None, mark: str = DEFAULT_MARK) -> bool:
    return is_shown(host_class, settings, "storageclasses", mark)


def test_without_names_only_the_hosts_default_is_shown() -> None:
    assert shown(told(), a_class("standard", default=True))
    assert not shown(told(), a_class("fast"))


def test_without_names_a_kind_that_knows_no_default_shows_nothing() -> None:
    assert not shown(told(), a_class("standard", default=True), mark="")


@pytest.mark.parametrize(("name", "expected"), [("fast", True), ("slow-1", True), ("slow", False), ("Fast", False)])
def test_names_are_patterns(name: str, expected: bool) -> None:
    assert shown(told(names=("fast", "slow-*")), a_class(name)) is expected


def test_an_empty_list_of_names_shows_nothing_not_even_the_default() -> None:
    assert not shown(told(names=()), a_class("standard", default=True))


def test_a_selector_narrows_what_the_names_say() -> None:
    chosen = told(names=("*",), selector=Selector(match_labels={"tier": "tenants"}))
    assert shown(chosen, a_class("fast", tier="tenants"))
    assert not shown(chosen, a_class("fast"))


def test_a_class_that_does_not_exist_or_whose_kind_is_off_is_not_shown() -> None:
    assert not shown(told(names=("*",)), None)
    assert not shown(replace(SETTINGS, kinds={}), a_class("standard", default=True))
