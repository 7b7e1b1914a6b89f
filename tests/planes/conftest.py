"""One host with fake nodes for all tests here, and a namespace of its own for each."""

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.planes.pods import Namespace
from tools.planes import ControlPlane


@pytest.fixture(scope="session")
def host() -> Iterator[ControlPlane]:
    with ControlPlane("host", nodes=2) as plane:
        yield plane


@pytest.fixture
def namespace(host: ControlPlane) -> Iterator[Namespace]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    host.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    fresh = Namespace(host, name)
    while not host.api.exists(f"/api/v1/namespaces/{name}/serviceaccounts/default"):
        time.sleep(0.05)
    yield fresh
    host.api.delete(f"/api/v1/namespaces/{name}")
