"""Running the small programs that make namespaces, links and mounts."""

import subprocess
from collections.abc import Sequence

from tools.planes.errors import PlaneError


def run(*command: str) -> str:
    """What the program printed; when it fails, an error with its own words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PlaneError(f"`{' '.join(command)}` failed with code {done.returncode}: {words(done)}")
    return done.stdout


def words(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of what a program said about its failure."""
    lines: Sequence[str] = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else "it said nothing"
