"""Translators from other packages: how they are found, and how errors in them are told."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from custom_kinds import settings_with

import config
from config.errors import ConfigError
from syncer.core.errors import StartupError
from syncer.core.settings import KindSettings
from translators import catalog, plugins
from translators.plugins import GROUP, Plugins, load

BUILT_IN = catalog.BUILTIN


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> list[EntryPoint]:
    """Entry points that seem to be installed."""
    points: list[EntryPoint] = []
    monkeypatch.setattr(catalog, "installed", lambda: load(points))
    return points


def test_an_entry_point_gives_one_translator_or_several() -> None:
    found = load([point("one", "translators.configmaps:CONFIGMAPS"), point("two", "plugin_samples:BOTH")])
    assert [translator.name for translator in found.translators] == ["configmaps", "gears", "knobs"]
    assert found.broken == ()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module:X", "ModuleNotFoundError"),
        ("plugin_samples:NOTHING", "AttributeError"),
        ("plugin_samples:NEITHER", "it is dict, and must be"),
        ("plugin_samples:EMPTY", "it is tuple, and must be"),
        ("plugin_broken:X", "RuntimeError: broken on purpose"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_its_entry_point_and_reason(value: str, words: str) -> None:
    found = load([point("bad", value), point("good", "plugin_samples:GEARS")])
    assert [translator.name for translator in found.translators] == ["gears"]
    assert found.broken[0].startswith(f"package an unknown package, entry point bad = {value} cannot be loaded: ")
    assert words in found.broken[0]


def test_two_packages_with_one_name_are_refused() -> None:
    with pytest.raises(StartupError, match=r"two packages bring a translator called 'gears': .*; uninstall one"):
        load([point("a", "plugin_samples:GEARS"), point("b", "plugin_samples:BOTH")])


def test_a_name_that_is_built_in_is_refused(brought: list[EntryPoint]) -> None:
    brought.append(point("mine", "translators.configmaps:CONFIGMAPS"))
    with pytest.raises(StartupError, match=r"entry point mine .* is built in"):
        catalog.from_packages()


def test_only_kinds_that_are_named_are_switched_on(brought: list[EntryPoint]) -> None:
    brought.append(point("both", "plugin_samples:BOTH"))
    on = catalog.catalog(settings_with(more={"gears": KindSettings(name="gears")})).by_name
    assert "gears" in on
    assert "knobs" not in on


def test_no_package_is_loaded_for_kinds_that_are_built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def never() -> Plugins:
        raise AssertionError("loaded")

    monkeypatch.setattr(catalog, "installed", never)
    catalog.catalog(settings_with())


def checked(tmp_path_text: str, folder: object) -> object:
    file = folder / "sync.yaml"  # type: ignore[operator]
    file.write_text(tmp_path_text)
    return config.load(sync_file=file, tenant="acme")


def test_a_sync_file_may_name_the_kind_of_a_package(brought: list[EntryPoint], tmp_path: object) -> None:
    brought.append(point("both", "plugin_samples:BOTH"))
    loaded = checked("sync:\n  resources:\n    - name: gears\n      mode: toHost\n", tmp_path)
    assert loaded.settings.kinds["gears"].mode == "toHost"  # type: ignore[attr-defined]
    assert "knobs" not in loaded.settings.kinds  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- name: gears\n      mode: fromHost", "`fromHost` makes no sense for gears"),
        ("- name: gears\n      select: all", "gears do not take `select`"),
        ("- name: knobs\n      namespaceMapping: {a: b}", "knobs do not take `namespaceMapping`"),
        ("- name: knobs\n      mode: toHost", "`toHost` makes no sense for knobs"),
        ("- name: gear", "Did you mean `gears`?"),
    ],
)
def test_a_kind_of_a_package_is_judged_by_its_translator(brought: list[EntryPoint], tmp_path: object, text: str, words: str) -> None:
    brought.append(point("both", "plugin_samples:BOTH"))
    with pytest.raises(ConfigError) as refused:
        checked(f"sync:\n  resources:\n    {text}\n", tmp_path)
    assert words in str(refused.value)


def test_who_names_an_unknown_kind_hears_of_packages_that_are_broken(brought: list[EntryPoint], tmp_path: object) -> None:
    brought.append(point("gears", "plugin_broken:GEARS"))
    with pytest.raises(ConfigError, match=r"`gears` is not a kind .*entry point gears = plugin_broken:GEARS cannot be loaded: RuntimeError"):
        checked("sync:\n  resources:\n    - name: gears\n", tmp_path)


def test_entry_points_of_this_environment_can_be_read() -> None:
    plugins.installed.cache_clear()
    assert isinstance(plugins.installed(), Plugins)
