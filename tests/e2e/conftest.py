"""One pair of control planes for all tests here; a syncer of its own for each module, and a namespace of its own for each test.

KLED_HOST_RELEASE and KLED_TENANT_RELEASE choose another Kubernetes minor version for one of the two (`make test-skew`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.oracle import Oracle
from tests.e2e.stage import SYNC, TENANT_RANGE, Place, Planes, World, started
from tools.demo.stage import service_cidr
from tools.planes import ControlPlane


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.planes)


@pytest.fixture(scope="session")
def planes() -> Iterator[Planes]:
    host = ControlPlane("e2e-host", nodes=3, release=os.environ.get("KLED_HOST_RELEASE", ""))
    tenant = ControlPlane("e2e-tenant", service_cidr=TENANT_RANGE, release=os.environ.get("KLED_TENANT_RELEASE", ""))
    with started(host, tenant):
        service_cidr(host, "e2e-tenant", TENANT_RANGE)
        yield Planes(host, tenant)


@pytest.fixture(scope="session")
def oracle(planes: Planes) -> Oracle:
    return Oracle(planes)


@pytest.fixture(scope="module")
def stopped_world(planes: Planes, oracle: Oracle, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A tenant whose rights are granted and whose syncer is not running. A module chooses by TENANT, SYNC, FLAGS and host_name.

    At the end its namespaces are deleted, the host must be clean, and the record of everything must be without fault.
    """
    module = request.module
    tenant = getattr(module, "TENANT", "acme")
    folder = tmp_path_factory.mktemp(tenant)
    sync_file = folder / "sync.yaml"
    sync_file.write_text(getattr(module, "SYNC", SYNC).replace("TENANT", tenant))
    world = World(planes, tenant, sync_file, folder, getattr(module, "host_name", lambda name: f"{tenant}-{name}"), getattr(module, "FLAGS", ()))
    try:
        world.grant()
        yield world
        if not world.runs or world.syncer.process.poll() is not None:
            world.start()
        world.syncer.ready()
        world.clear()
        metrics = world.syncer.metrics()
        assert world.syncer.stop() == 0
        faults = oracle.faults(world, metrics, forbidden_expected=getattr(module, "FORBIDDEN_EXPECTED", False))
        assert not faults, "\n".join([f"{len(faults)} faults", *faults[:30]])
    finally:
        for run in world.runs:
            run.kill()


@pytest.fixture(scope="module")
def world(stopped_world: World) -> World:
    """The tenant with its syncer running."""
    if not stopped_world.runs:
        stopped_world.start()
    stopped_world.syncer.ready()
    return stopped_world


@pytest.fixture
def place(world: World) -> Place:
    """A tenant namespace."""
    return world.place()
