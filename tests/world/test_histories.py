"""Random histories in three configurations. `--hypothesis-profile=long` takes many minutes; the default a minute at most."""

from __future__ import annotations

from hypothesis import settings

from tests.world.machine import History
from tests.world.world import ADOPTING, SEPARATE, SHARED


class Separate(History):
    """Each tenant namespace has a host namespace of its own."""

    variant = SEPARATE


class Shared(History):
    """All tenant namespaces share one host namespace."""

    variant = SHARED


class Adopting(History):
    """The host gives service addresses; ConfigMaps and Secrets are synced whether used or not."""

    variant = ADOPTING


TestSeparate = Separate.TestCase
TestShared = Shared.TestCase
TestAdopting = Adopting.TestCase

if settings.get_current_profile_name() == "default":
    TestSeparate.settings = TestShared.settings = TestAdopting.settings = settings(max_examples=60, stateful_step_count=30)
