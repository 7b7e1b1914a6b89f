"""The brake on deletions that rest on absence.

A DELETE event is proof. An object that is merely missing from a full list may be missing because the tenant's store was emptied, restored or
swapped: when more than `max(minimum, share of what is in place)` deletions of that sort come together, they are held. After `hold` seconds they
go on, at a limited rate, provided that the tenant is the same cluster and its resourceVersion has not gone back; else a human has to release them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from syncer.core.objects import Key
from syncer.core.settings import BrakeSettings


@dataclass(slots=True)
class Guard:
    """One per engine. `now` is a monotonic clock in seconds; `in_place` counts the host objects that carry our stamp."""

    settings: BrakeSettings
    now: Callable[[], float]
    in_place: Callable[[], int]
    suspicious: str = ""
    """Why the tenant does not look like the cluster we knew; empty when it does."""
    _pending: set[Key] = field(default_factory=set)
    lost: set[Key] = field(default_factory=set)
    """Keys whose source went together with its whole kind: nobody gave them up one by one, so only a human lets their copies go."""
    _held_since: float | None = None
    _next: float = 0.0
    _released_until: float = 0.0

    def missing(self, key: Key) -> None:
        """The source of a copy of ours is not in a full list."""
        self._pending.add(key)

    def settled(self, key: Key) -> None:
        """The key's deletion was done, or turned out to be none."""
        self._pending.discard(key)
        self.lost.discard(key)
        if not self._pending:
            self._held_since = None

    def limit(self) -> int:
        return max(self.settings.minimum, int(self.settings.share * (self.in_place() + len(self._pending))))

    def delay(self, key: Key) -> float:
        """Seconds to wait before an inferred deletion may be looked at again; 0 means go (after a live look at the source)."""
        self._pending.add(key)
        now = self.now()
        if self._held_since is None:
            if len(self._pending) <= self.limit() and not self.suspicious:
                return 0.0
            self._held_since = now
        if now < self._released_until:
            return 0.0
        if self.suspicious:
            return self.settings.hold
        waited = now - self._held_since
        if waited < self.settings.hold:
            return self.settings.hold - waited
        if now < self._next:
            return self._next - now
        self._next = now + 1.0 / self.settings.rate
        return 0.0

    def lose(self, key: Key) -> bool:
        """The key's source went with its kind. Whether its copy stays for that."""
        if self.now() < self._released_until:
            return False
        self.lost.add(key)
        return True

    def release(self, seconds: float = 600.0) -> None:
        """A human has looked: what is held may go, for a while."""
        self._released_until = self.now() + seconds
        self.suspicious = ""

    @property
    def held(self) -> int:
        """How many deletions are held right now."""
        if self.now() < self._released_until:
            return 0
        return len(self._pending | self.lost) if self._held_since is not None else len(self.lost)

    @property
    def pending(self) -> frozenset[Key]:
        return frozenset(self._pending)
