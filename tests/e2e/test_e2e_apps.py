"""Whole applications on control planes with fake nodes: what the API servers can tell. What is inside of the pods is seen in tests/node."""

from __future__ import annotations

import contextlib
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.apps import lives
from tests.apps.application import Application, offered, opening
from tests.e2e.provisioner import Provisioner
from tests.e2e.stage import World, eventually
from tools.demo.stage import free_port

TENANT = "apps"

Open = Callable[[str], Application]


@pytest.fixture(scope="module", autouse=True)
def of_the_host(world: World) -> Iterator[None]:
    """The host's classes and volumes; and the tenant has a DNS, as far as a Service is one."""
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}]
    world.tenant.create("services", "kube-system", {"metadata": {"name": "kube-dns"}, "spec": {"ports": ports}})
    with offered(world, Provisioner(world.host)):
        yield
    world.tenant.delete("services", "kube-system", "kube-dns")
    eventually("the host has no such service", lambda: not world.host.get("services", world.host_name("kube-system"), "kube-dns"))


@pytest.fixture(scope="module", autouse=True)
def reports(of_the_host: None, world: World, tmp_path_factory: pytest.TempPathFactory) -> lives.Life:
    """Begun before the others, because its clock takes up to a minute."""
    life = lives.reports(Application.open(world, "reports", tmp_path_factory.mktemp("reports")))
    assert next(life) == "scheduled"
    return life


@pytest.fixture
def opened(world: World, tmp_path: Path) -> Iterator[Open]:
    with opening(world, tmp_path) as open_one:
        yield open_one


def test_a_shop_is_served_changed_and_removed_without_a_trace(opened: Open) -> None:
    assert list(lives.shop(opened("shop"))) == ["first", "changed"]


def test_a_database_is_scaled_down_and_up_and_finds_its_claims_again(opened: Open) -> None:
    assert list(lives.database(opened("database"))) == ["three", "one", "three again"]


def test_an_operator_makes_workloads_of_its_own_kind_and_its_webhooks_are_asked(opened: Open) -> None:
    app, port = opened("operator"), free_port()
    outside = app.folder / "outside/kustomization.yaml"
    outside.write_text(outside.read_text().replace("9443", str(port)))
    life = lives.operator(app, "outside")
    assert next(life) == "installed"
    with running_outside(app, port):
        assert next(life) == "first"
        assert list(life) == ["changed", "without a site"]


@contextlib.contextmanager
def running_outside(app: Application, port: int) -> Iterator[None]:
    """The operator's program as a process beside the tenant, with the rights of its ServiceAccount and no others; ready when entered."""
    kubeconfig = app.world.planes.tenant.service_account_kubeconfig(app.name, "controller")
    base = app.folder / "base"
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "CERTIFICATES": str(base), "PORT": str(port)}
    log = app.folder / "controller.log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, str(base / "controller.py")], env=environment, stdout=out, stderr=out)
    tls = ssl.create_default_context(cafile=str(base / "ca.crt"))

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return bool(urllib.request.urlopen(f"https://127.0.0.1:{port}/ready", context=tls, timeout=5).status == 200)
        except OSError as error:
            raise LookupError(f"{error}; {log.read_text()[-500:]}") from error

    try:
        eventually("the operator is ready", ready)
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_a_guarded_application_is_scaled_by_its_autoscaler_and_drained_within_its_budget(opened: Open) -> None:
    assert list(lives.guarded(opened("guarded"))) == ["two", "three"]


def test_reports_are_made_by_the_clock_and_out_of_turn_and_only_the_last_are_kept(reports: lives.Life) -> None:
    assert len(list(reports)) == 4
