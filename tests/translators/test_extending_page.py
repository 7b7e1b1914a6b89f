"""The page about extending shows the example package as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text()
EXAMPLE = ROOT / "examples" / "kled-podtemplates"


@pytest.mark.parametrize("file", ["kled_podtemplates.py", "tests/test_podtemplates.py", "pyproject.toml"])
def test_every_file_of_the_example_stands_in_the_page(file: str) -> None:
    assert (EXAMPLE / file).read_text().strip() in PAGE


def test_the_example_and_its_test_are_short() -> None:
    lines = [line for file in ("kled_podtemplates.py", "tests/test_podtemplates.py") for line in (EXAMPLE / file).read_text().splitlines()]
    assert sum(bool(line.strip()) for line in lines) <= 50
