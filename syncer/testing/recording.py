"""A `View` that remembers what was asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import ListNeed, Need, ObjectNeed, TokenNeed
from syncer.testing.view import FakeView


class RecordingView:
    """Answers as the view it is put around.

    `tenant_ref` is not counted as reading: it translates a name, and what it says of a copy does not change while the copy is there.
    """

    def __init__(self, view: FakeView) -> None:
        self._view = view
        self.settings: Settings = view.settings
        self.names: Names = view.names
        self.counterpart: Obj | None = view.counterpart
        self.asked: list[Need] = []

    def get(self, need: ObjectNeed) -> Obj | None:
        self.asked.append(need)
        return self._view.get(need)

    def list(self, need: ListNeed) -> Sequence[Obj]:
        self.asked.append(need)
        return self._view.list(need)

    def token(self, need: TokenNeed) -> str | None:
        self.asked.append(need)
        return self._view.token(need)

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        self.asked.append(ObjectNeed(Side.HOST, ref))
        return self._view.is_ours(ref, source)

    def tenant_ref(self, plural: str, host_namespace: str, host_name: str) -> Ref | None:
        return self._view.tenant_ref(plural, host_namespace, host_name)

    def seen(self) -> Any:
        """Everything there is to see, for a comparison of before and after."""
        return self._view.everything()

    def undeclared(self, needs: Iterable[Need]) -> tuple[Need, ...]:
        """What was asked and is not covered by `needs`: an object by its side and ref, a list by its kind and namespace (or by all of them)."""
        declared = {_what(need) for need in needs}
        return tuple(need for need in dict.fromkeys(self.asked) if not any(what in declared for what in _covers(need)))


def _what(need: Need) -> tuple[Any, ...]:
    if isinstance(need, ObjectNeed):
        return need.side, need.ref
    return (need.side, need.plural, need.namespace) if isinstance(need, ListNeed) else (need,)


def _covers(need: Need) -> tuple[tuple[Any, ...], ...]:
    """What may be declared to be allowed to ask this."""
    if isinstance(need, ObjectNeed):
        return _what(need), (need.side, need.ref.plural, need.ref.namespace), (need.side, need.ref.plural, "")
    if isinstance(need, ListNeed):
        return _what(need), (need.side, need.plural, "")
    return (_what(need),)
