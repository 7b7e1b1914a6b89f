"""A host of real nodes and a tenant beside it, for all tests here; its syncer, its DNS, and a namespace of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.oracle import Oracle
from tests.e2e.stage import TENANT_RANGE, Place, Planes, World, started
from tests.node import dns
from tools.demo.stage import service_cidr
from tools.nodes import RealNodes
from tools.planes import ControlPlane

TENANT = "acme"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.node)


@pytest.fixture(scope="session")
def nodes() -> Iterator[RealNodes]:
    with RealNodes(2) as real:
        yield real


@pytest.fixture(scope="session")
def planes(nodes: RealNodes) -> Iterator[Planes]:
    host = ControlPlane("node-host", network=nodes.network, workdir=nodes.folder / "host")
    tenant = ControlPlane("node-tenant", service_cidr=TENANT_RANGE, network=nodes.network, workdir=nodes.folder / "tenant")
    with started(host, tenant):
        nodes.join(host)
        service_cidr(host, "node-tenant", TENANT_RANGE)
        yield Planes(host, tenant)


@pytest.fixture(scope="session")
def oracle(planes: Planes) -> Oracle:
    return Oracle(planes)


@pytest.fixture(scope="session")
def everything(planes: Planes, oracle: Oracle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One tenant for the whole session; at its end the host must be clean of it, and the record of everything without fault."""
    folder = tmp_path_factory.mktemp(TENANT)
    sync_file = folder / "sync.yaml"
    sync_file.write_text(sync(planes))
    world = World(planes, TENANT, sync_file, folder, lambda name: f"{TENANT}-{name}")
    try:
        world.grant()
        world.start().ready()
        dns.install(world)
        yield world
        world.syncer.ready()
        world.clear()
        metrics = world.syncer.metrics()
        assert world.syncer.stop() == 0
        faults = oracle.faults(world, metrics)
        assert not faults, "\n".join([f"{len(faults)} faults", *faults[:30]])
    finally:
        for run in world.runs:
            run.kill()


def sync(planes: Planes) -> str:
    """The sync file: as in the other end-to-end tests, with the address under which pods reach the tenant's API server."""
    return f"""
sync:
  namespaceMapping:
    "*": "{TENANT}-{{namespace}}"
tenant:
  serviceCIDR: {TENANT_RANGE}
  apiServer: {planes.tenant.inner_server.removeprefix("https://")}
"""


@pytest.fixture
def world(everything: World) -> World:
    """The tenant, with its syncer running as a process."""
    assert everything.syncer.process.poll() is None, everything.log.read_text()[-3000:]
    return everything


@pytest.fixture
def place(world: World) -> Place:
    """A tenant namespace."""
    return world.place()
