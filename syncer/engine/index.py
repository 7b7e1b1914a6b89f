"""Who needs what.

`Demand` answers "is this ConfigMap used?" and is kept by the event handlers, before anything is reconciled: after a restart no copy may look
unused only because the pod that uses it was not looked at yet. `Waiters` remembers who waits for what, and is asked on every change.
"""

from __future__ import annotations

from collections.abc import Iterable

from syncer.core.objects import Key, Ref, Side


class Demand:
    """Tenant objects in use, by the keys that use them."""

    def __init__(self) -> None:
        self._users: dict[Ref, set[Key]] = {}
        self._uses: dict[Key, frozenset[Ref]] = {}

    def update(self, key: Key, refs: Iterable[Ref]) -> list[Ref]:
        """Replace what `key` uses; returns the refs that came into use or went out of it."""
        new = frozenset(refs)
        old = self._uses.get(key, frozenset())
        if new == old:
            return []
        if new:
            self._uses[key] = new
        else:
            self._uses.pop(key, None)
        changed = []
        for ref in new - old:
            users = self._users.setdefault(ref, set())
            if not users:
                changed.append(ref)
            users.add(key)
        for ref in old - new:
            users = self._users[ref]
            users.discard(key)
            if not users:
                del self._users[ref]
                changed.append(ref)
        return changed

    def used(self, ref: Ref) -> bool:
        return ref in self._users

    def users(self, ref: Ref) -> frozenset[Key]:
        return frozenset(self._users.get(ref, ()))


Subject = tuple[Side, str, str, str]
"""(side, plural, namespace, name); an empty name stands for every object of the namespace."""


class Waiters:
    """Keys that wait for a change of something."""

    def __init__(self) -> None:
        self._by_subject: dict[Subject, set[Key]] = {}
        self._by_key: dict[Key, frozenset[Subject]] = {}

    def set(self, key: Key, subjects: Iterable[Subject]) -> None:
        """What `key` waits for from now on (nothing, with an empty list)."""
        new = frozenset(subjects)
        old = self._by_key.get(key)
        if old is None and not new:
            return
        for subject in (old or frozenset()) - new:
            keys = self._by_subject.get(subject)
            if keys is not None:
                keys.discard(key)
                if not keys:
                    del self._by_subject[subject]
        for subject in new - (old or frozenset()):
            self._by_subject.setdefault(subject, set()).add(key)
        if new:
            self._by_key[key] = new
        else:
            self._by_key.pop(key, None)

    def woken_by(self, side: Side, plural: str, namespace: str, name: str) -> tuple[Key, ...]:
        """The keys that a change of this object concerns."""
        if not self._by_subject:
            return ()
        exact = self._by_subject.get((side, plural, namespace, name), ())
        whole = self._by_subject.get((side, plural, namespace, ""), ())
        return (*exact, *whole) if exact or whole else ()

    def waiting(self) -> int:
        return len(self._by_key)

    def subjects(self, key: Key) -> frozenset[Subject]:
        return self._by_key.get(key, frozenset())
