"""kube-apiserver keeps the contract: what holds the simulation to the truth."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

pytest.register_assert_rewrite("contract")

from contract import *  # noqa: E402, F403
from contract import Cluster  # noqa: E402

from syncer.cluster.connect import connect  # noqa: E402
from syncer.cluster.transport import Transport  # noqa: E402
from syncer.core.objects import NAMESPACES, Side  # noqa: E402
from tools.planes import ControlPlane  # noqa: E402

pytestmark = pytest.mark.planes


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """Nobody but us: no controllers, no scheduler, no nodes."""
    with ControlPlane("contract", scheduler=False, controller_manager=False, audit=False) as plane:
        yield plane


@pytest.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    unique = f"test-{uuid.uuid4().hex[:8]}"

    async def forget() -> None:
        """The server answers from its cache until it is started anew."""
        await asyncio.to_thread(plane.compact_etcd)
        await asyncio.to_thread(plane.restart, "kube-apiserver")

    async with Transport(connect(Side.HOST, plane.kubeconfig)) as transport:
        await transport.create(NAMESPACES, "", {"metadata": {"name": unique}})
        yield Cluster(transport, unique, f"{unique}-u", forget)
