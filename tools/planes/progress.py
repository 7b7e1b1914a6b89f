"""Saying what is happening, and waiting for things out loud.

Control planes take seconds on an idle machine and minutes on a busy one. A wait that says nothing looks like a hang, so every wait in this
package goes through `wait_for`, which names what it waits for and how long it is prepared to.
"""

import sys
import time
from collections.abc import Callable

from tools.planes.errors import PlaneError

QUIET_SECONDS = 3.0
REMINDER_SECONDS = 10.0


def say(message: str) -> None:
    """Print one line of progress; stderr, so that standard output stays usable for paths and data."""
    print(message, file=sys.stderr, flush=True)


def wait_for(what: str, probe: Callable[[], str], *, limit: float, pause: float = 0.1) -> float:
    """Call `probe` until it returns an empty string (a non-empty one says what is still missing); return the seconds it took."""
    began = time.monotonic()
    next_word = began + QUIET_SECONDS
    while missing := probe():
        now = time.monotonic()
        if now - began > limit:
            raise PlaneError(f"{what}: not there after {limit:.0f} s; last answer: {missing}")
        if now >= next_word:
            say(f"{what}: waiting for {now - began:.0f} s (limit {limit:.0f} s); {missing}")
            next_word = now + REMINDER_SECONDS
        time.sleep(pause)
    return time.monotonic() - began
