"""Flag before environment before sync file before default, for every value that has more than one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import config
from config import ConfigError, Loaded
from config.settings import PLACES, Flags, ProcessSettings

Load = Callable[..., Loaded]
Refusal = Callable[..., ConfigError]

FILE = """\
tenant: {name: from-file, kubeconfig: /file/tenant}
host: {kubeconfig: /file/host}
metricsAddress: file:1
logFormat: console
logLevel: error
leaderElect: false
"""
ENVIRONMENT = {
    "KLED_TENANT": "from-environment",
    "KLED_TENANT_KUBECONFIG": "/environment/tenant",
    "KLED_HOST_KUBECONFIG": "/environment/host",
    "KLED_METRICS_ADDRESS": "environment:2",
    "KLED_LOG_FORMAT": "json",
    "KLED_LOG_LEVEL": "warning",
    "KLED_LEADER_ELECT": "true",
}
FLAGS: dict[str, Any] = {
    "tenant": "from-flag",
    "tenant_kubeconfig": Path("/flag/tenant"),
    "host_kubeconfig": "/flag/host",
    "metrics_address": "flag:3",
    "log_format": "console",
    "log_level": "debug",
    "leader_elect": False,
}
DEFAULT = (None, None, None, "json", "info", True)
FROM_FILE = (Path("/file/tenant"), Path("/file/host"), ("file", 1), "console", "error", False)
FROM_ENVIRONMENT = (Path("/environment/tenant"), Path("/environment/host"), ("environment", 2), "json", "warning", True)
FROM_FLAGS = (Path("/flag/tenant"), Path("/flag/host"), ("flag", 3), "console", "debug", False)


def values(loaded: Loaded) -> tuple[object, ...]:
    process = loaded.process
    return (
        process.tenant_kubeconfig,
        process.host_kubeconfig,
        process.metrics_address,
        process.log_format,
        process.log_level,
        process.leader_elect,
    )


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def test_without_anything_said_there_are_defaults(load: Load) -> None:
    loaded = load("sync: {}")
    assert values(loaded) == DEFAULT
    assert loaded.settings.host.namespace == "kled-acme"


def test_the_sync_file_goes_before_defaults(load: Load) -> None:
    loaded = load(FILE, tenant=None)
    assert (loaded.settings.tenant.name, *values(loaded)) == ("from-file", *FROM_FILE)


@pytest.mark.usefixtures("environment")
def test_the_environment_goes_before_the_sync_file(load: Load) -> None:
    loaded = load(FILE, tenant=None)
    assert (loaded.settings.tenant.name, *values(loaded)) == ("from-environment", *FROM_ENVIRONMENT)


@pytest.mark.usefixtures("environment")
def test_flags_go_before_the_environment(load: Load) -> None:
    loaded = load(FILE, **FLAGS)
    assert (loaded.settings.tenant.name, *values(loaded)) == ("from-flag", *FROM_FLAGS)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", PLACES)
def test_each_value_is_settled_by_itself(load: Load, name: str) -> None:
    alone = load(FILE, **{**dict.fromkeys(FLAGS), name: FLAGS[name]})
    without = load(FILE, **{**FLAGS, name: None})
    for index, other in enumerate(list(PLACES)[1:]):
        assert values(alone)[index] == (FROM_FLAGS if other == name else FROM_ENVIRONMENT)[index]
        assert values(without)[index] == (FROM_ENVIRONMENT if other == name else FROM_FLAGS)[index]


def test_every_flag_has_a_variable_and_all_but_the_file_itself_a_place_in_it() -> None:
    assert set(ProcessSettings.model_fields) == set(Flags.__annotations__) == {"sync_file", *PLACES}


def test_the_sync_file_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "elsewhere.yaml"
    file.write_text("tenant: {name: acme}")
    monkeypatch.setenv("KLED_SYNC_FILE", str(file))
    assert config.load().settings.tenant.name == "acme"


def test_without_a_sync_file_everything_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLED_TENANT", "acme")
    assert config.load().settings.mapping.pattern == "acme-{namespace}"


def test_empty_variables_and_those_of_services_count_as_absent(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLED_LOG_FORMAT", "")
    monkeypatch.setenv("KLED_SYNCER_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KLED_TENANT_PORT_443_TCP", "tcp://10.0.0.1:443")
    assert values(load("sync: {}")) == DEFAULT


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("KLED_LOG_FORMAT", "xml", "environment variable KLED_LOG_FORMAT: `xml` is not a log format. Write one of `json`, `console`."),
        ("KLED_LEADER_ELECT", "yes", "environment variable KLED_LEADER_ELECT: true or false is expected here, found `yes`. Write `true` or `false`."),
        ("KLED_METRICS_ADDRESS", "8080", "environment variable KLED_METRICS_ADDRESS: `8080` has no port. Write `HOST:PORT`, such as `0.0.0.0:8080`."),
    ],
)
def test_a_bad_variable_is_named(refusal: Refusal, monkeypatch: pytest.MonkeyPatch, name: str, value: str, text: str) -> None:
    monkeypatch.setenv(name, value)
    assert str(refusal("sync: {}")) == text


def test_a_bad_flag_is_named_even_where_the_environment_is_right(refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLED_LOG_LEVEL", "info")
    error = refusal("sync: {}", log_level="loud", tenant="A")
    assert [problem.source for problem in error.problems] == ["flag --tenant", "flag --log-level"]


def test_a_tenant_without_a_name_is_told_the_three_ways_to_name_it(refusal: Refusal) -> None:
    error = refusal("sync: {}", tenant=None)
    assert str(error).endswith(
        "sync.yaml: tenant.name: the tenant has no name. Pass `--tenant NAME`, set KLED_TENANT, or write `tenant.name` in the sync file."
    )


def test_a_file_can_be_validated_without_naming_the_tenant(tmp_path: Path) -> None:
    file = tmp_path / "sync.yaml"
    file.write_text("sync: {resources: [{name: pods}]}")
    found = config.validate(sync_file=file, pod_namespace=tmp_path / "no-pod")
    assert (found.tenant.name, found.host.namespace, found.sync.namespace_mapping) == (None, None, None)
    assert "- name: pods\n" in config.show(found)


def test_paths_in_the_file_are_relative_to_the_file_and_others_to_the_working_directory(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", "/home/me")
    loaded = load("tenant: {kubeconfig: creds/tenant}\nhost: {kubeconfig: ~/host}\n")
    assert (loaded.process.tenant_kubeconfig, loaded.process.host_kubeconfig) == (tmp_path / "creds/tenant", Path("/home/me/host"))
    assert load("sync: {}", tenant_kubeconfig="tenant").process.tenant_kubeconfig == tmp_path / "work" / "tenant"


@pytest.mark.parametrize(("said", "namespace"), [("team-x\n", "team-x"), ("not a name", "kled-acme"), ("", "kled-acme")])
def test_the_syncers_namespace_is_its_pods(load: Load, tmp_path: Path, said: str, namespace: str) -> None:
    (tmp_path / "namespace").write_text(said)
    assert load("sync: {}", pod_namespace=tmp_path / "namespace").settings.host.namespace == namespace
    assert load("host: {namespace: mine}", pod_namespace=tmp_path / "namespace").settings.host.namespace == "mine"
