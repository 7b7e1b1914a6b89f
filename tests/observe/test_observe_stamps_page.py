"""docs/stamps.md is written by hand; what it must not miss is checked."""

import re
from pathlib import Path

import pytest

from syncer.core import actions, stamp

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "stamps.md").read_text()
KEYS = sorted(value for name, value in vars(stamp).items() if name.isupper() and isinstance(value, str) and value.startswith(stamp.PREFIX))
REASONS = sorted(value for name, value in vars(actions).items() if name.isupper() and isinstance(value, str))


def keys_in_the_code() -> list[str]:
    files = [file for folder in ("syncer", "translators") for file in (ROOT / folder).rglob("*.py")]
    return sorted({key for file in files for key in re.findall(r'"(kled\.io/[A-Za-z-]+)"', file.read_text())})


@pytest.mark.parametrize("key", KEYS[1:])
def test_every_key_of_the_stamp_is_explained(key: str):
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("key", keys_in_the_code())
def test_every_key_written_by_some_translator_is_explained(key: str):
    assert f"`{key.rstrip('-')}" in PAGE


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_of_an_event_is_explained_with_what_to_do(reason: str):
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| `{reason}` |"))
    assert len([cell for cell in row.split("|") if cell.strip()]) == 3


def test_the_form_of_the_stamp_is_the_one_that_is_written():
    assert f"now `{stamp.SCHEMA_VERSION}`" in PAGE
    assert f"`{stamp.MANAGER}`" in PAGE
