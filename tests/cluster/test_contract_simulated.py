"""The simulation keeps the contract."""

import itertools

import pytest

pytest.register_assert_rewrite("contract")

from contract import *  # noqa: E402, F403
from contract import Cluster  # noqa: E402

from syncer.core.objects import NAMESPACES, Resource, Side  # noqa: E402
from syncer.testing import SimulatedCluster  # noqa: E402

_numbers = itertools.count()


@pytest.fixture
def cluster() -> Cluster:
    simulated = SimulatedCluster(Side.HOST)
    simulated.put(NAMESPACES, {"metadata": {"name": "test"}})
    simulated.unserve(Resource("none.example.com", "v1", "things", "Thing"))

    async def forget() -> None:
        simulated.compact()

    return Cluster(simulated, "test", f"unique-{next(_numbers)}", forget)
