"""Fixtures for pytest. A test module asks for them by `pytest_plugins = ("syncer.testing.fixtures",)` (in `conftest.py` if there are several).

* `bench(translator, source, **more)`: the object on a tenant and a host in memory (on the side that leads); `more` are fields of `Sample`.
  `settle()` writes until nothing is left to write and returns the copy;
* `view(**objects)`: what a translator is given, from plain dictionaries: `view(tenant={"configmaps": [...]})`;
* `tenant`, `host`: an empty API server in memory each, which speak the engine's `Api`.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncer.core.objects import Obj, Side
from syncer.core.translator import Translator
from syncer.testing.apiserver import SimulatedCluster
from syncer.testing.samples import Bench, Sample
from syncer.testing.view import FakeView


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """See the module docstring."""

    def make(translator: Translator, source: Obj, **more: object) -> Bench:
        return Bench(translator, Sample(source=source, **more))  # type: ignore[arg-type]

    return make


@pytest.fixture
def view() -> Callable[..., FakeView]:
    """See the module docstring."""
    return FakeView


@pytest.fixture
def tenant() -> SimulatedCluster:
    """An empty tenant."""
    return SimulatedCluster(Side.TENANT)


@pytest.fixture
def host() -> SimulatedCluster:
    """An empty host."""
    return SimulatedCluster(Side.HOST)
