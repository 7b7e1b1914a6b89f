"""The record of what was asked of a server, and the places where a test may interfere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.cluster.api import Change
from syncer.core.objects import Ref


@dataclass(slots=True, kw_only=True)
class Request:
    """One request, filled in as it goes on. The log of them is the simulation's audit log.

    `outcome` is "ok", the reason of the error that was answered, or "" when the request never reached the server. `before` and `after` are
    the stored object around a write; `noop` is a patch that found nothing to change.
    """

    number: int
    time: float
    user: str
    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None
    outcome: str = ""
    noop: bool = False
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    @property
    def ref(self) -> Ref:
        return Ref(self.resource, self.namespace, self.name)

    @property
    def is_write(self) -> bool:
        return self.verb in ("create", "patch", "delete")

    def __str__(self) -> str:
        what = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        where = f"{self.namespace}/{self.name}".strip("/")
        return (
            f"#{self.number} t={self.time:g} {self.user}: {self.verb} {what} {where} -> {self.outcome or 'nothing'}{' (no-op)' if self.noop else ''}"
        )


Hook = Callable[[Request], Awaitable[None] | None]
"""Called with a request before it takes effect, or after it did and before the answer leaves. What it raises is what the caller gets."""

BatchHook = Callable[[Request, Sequence[Change]], Sequence[Sequence[Change]] | Awaitable[Sequence[Sequence[Change]]]]
"""(the watch, a batch) → the batches that are delivered in its place: none drops it, two copies duplicate it, an awaited sleep delays it.
What it raises breaks the stream."""
