"""Growing pauses between attempts."""

from __future__ import annotations

import random


class Backoff:
    """`first`, then twice that and so on up to `most`, each scattered so that many clients do not come back at the same moment."""

    def __init__(self, rng: random.Random, first: float, most: float) -> None:
        self._rng, self._first, self._most = rng, first, most
        self._next = first

    def next(self) -> float:
        pause = self._next * self._rng.uniform(0.8, 1.2)
        self._next = min(self._next * 2, self._most)
        return pause

    def reset(self) -> None:
        self._next = self._first
