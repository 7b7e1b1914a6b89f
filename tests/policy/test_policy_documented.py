"""docs/policy.md names everything the policy may say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_policy_volumes import PROJECTIONS, VOLUME_SOURCES

from syncer.core.settings import POD_SECURITY_CHECKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "policy.md").read_text()
CODE = "".join(file.read_text() for file in sorted((ROOT / "syncer" / "policy").glob("*.py")))
# The last argument of Findings.refuse and Findings.require, where it is spelt out.
NAMED = sorted(set(re.findall(r'found\.(?:refuse|require)\([^\n]*"(\w+)"\)\n', CODE)))


@pytest.mark.parametrize("name", sorted({*POD_SECURITY_CHECKS, *NAMED, "malformed", "resourceClaims", "nodeSelector", "schedulingGates"}))
def test_every_check_is_in_the_documentation(name):
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("kind", VOLUME_SOURCES + PROJECTIONS)
def test_every_kind_of_volume_is_in_the_documentation(kind):
    assert f"`{kind}`" in PAGE
