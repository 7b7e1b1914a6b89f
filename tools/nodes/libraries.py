"""Which shared libraries a program needs, so that it runs where there is nothing else."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tools.planes.errors import PlaneError


def libraries_of(programs: Iterable[Path]) -> dict[str, Path]:
    """Path in an image → library on this machine, for all programs and shared objects together."""
    found: dict[str, Path] = {}
    paths = [str(path) for path in programs]
    for begin in range(0, len(paths), 200):
        answer = subprocess.run(["ldd", *paths[begin : begin + 200]], capture_output=True, text=True, check=False).stdout
        if missing := re.search(r"^\s*(\S+) => not found", answer, re.MULTILINE):
            raise PlaneError(f"a library is missing on this machine: {missing.group(1)}")
        for match in re.finditer(r"^\s*(?:\S+ => )?(/\S+) \(0x", answer, re.MULTILINE):
            found[match.group(1).lstrip("/")] = Path(match.group(1))
    return found
