"""One tenant and one host for all tests here that ask real API servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from server_pair import SERVICE_RANGE, SETTINGS, Pair

from syncer.cluster.connect import connect
from syncer.cluster.transport import Transport
from syncer.core.objects import Side
from tools.planes import ControlPlane


@pytest.fixture(scope="session")
def tenant_plane() -> Iterator[ControlPlane]:
    """Its service range holds the one that both serve, and the host's own, so that host addresses are legal in it."""
    with ControlPlane("tenant", service_cidr="10.98.0.0/16") as plane:
        yield plane


@pytest.fixture(scope="session")
def host_plane() -> Iterator[ControlPlane]:
    with ControlPlane("host", service_cidr="10.98.128.0/17", nodes=2) as plane:
        plane.api.create("/apis/networking.k8s.io/v1/servicecidrs", {"metadata": {"name": "acme"}, "spec": {"cidrs": [SERVICE_RANGE]}})
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": "acme-default", "labels": {"kled.io/tenant": "acme"}}})
        plane.kubectl("wait", "--for=condition=Ready", "servicecidr/acme", "--timeout=60s")
        yield plane


@pytest.fixture
async def pair(tenant_plane: ControlPlane, host_plane: ControlPlane) -> AsyncIterator[Pair]:
    tenant = Transport(connect(Side.TENANT, str(tenant_plane.kubeconfig)))
    host = Transport(connect(Side.HOST, str(host_plane.kubeconfig)))
    async with tenant, host:
        yield Pair(tenant, host, SETTINGS)
