"""Profiles of the random histories (`--hypothesis-profile=long` for many more of them), and silence: the syncer logs what the tests provoke."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.world.world import World

COMMON = settings(deadline=None, database=None, print_blob=True, suppress_health_check=list(HealthCheck))

settings.register_profile("default", COMMON, derandomize=True)
settings.register_profile("long", COMMON, max_examples=4000, stateful_step_count=60)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**before)


@pytest.fixture
def world() -> Iterator[World]:
    """One-to-one namespaces, one process."""
    made = World()
    made.start()
    yield made
    made.close()
