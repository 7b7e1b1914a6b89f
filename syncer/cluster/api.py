"""What the engine may ask of one API server.

`Transport` does it over HTTPS; `syncer.testing.apiserver` does it in memory. Both keep the same contract suite (`tests/cluster/contract.py`).
Every failure is one of `syncer.core.errors`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from syncer.cluster.wire import BadObject, Entry
from syncer.core.objects import Resource, Side

TOO_LARGE = "AnswerTooLarge"
"""Reason of the Invalid that says: the answer is larger than what is taken. A smaller page may do."""

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "BAD"]


class Change(NamedTuple):
    """One watch event. BOOKMARK carries no entry but `resource_version`, and `initial_end` when the initial events are complete.
    BAD is an object that could not be read; `bad` says why and, if known, whose it was."""

    type: EventType
    entry: Entry | None
    resource_version: str
    initial_end: bool = False
    bad: BadObject | None = None


class Page(NamedTuple):
    """One page of a list. `bad` are items that could not be read."""

    entries: Sequence[Entry]
    resource_version: str
    continue_token: str
    bad: Sequence[BadObject] = ()


class Api(Protocol):
    """One API server."""

    side: Side

    async def serves(self, resource: Resource) -> bool:
        """Whether discovery names this kind, in this version."""

    async def get(self, resource: Resource, namespace: str, name: str) -> Entry:
        """A quorum read of one object. Raises NotFound."""

    async def list(
        self, resource: Resource, namespace: str = "", *, label_selector: str = "", name: str = "", limit: int = 500, continue_token: str = ""
    ) -> Page:
        """One page, from a consistent read (never `resourceVersion=0`); with `name` of that one object, which rights by `resourceNames` allow.
        Raises Gone when a continue token has expired, Invalid with the reason TOO_LARGE when the page does not fit."""

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        name: str = "",
        resource_version: str = "",
        initial: bool = False,
    ) -> AsyncIterator[Sequence[Change]]:
        """Batches of changes, ending when the server closes the stream; an empty batch comes first, when the server has accepted.

        With `initial`, the present state comes first as ADDED, closed by a BOOKMARK with `initial_end` (streamed list). Raises Gone (410), Invalid
        (no streamed lists here), Throttled, Unreachable (silent or cut).
        """

    async def create(self, resource: Resource, namespace: str, body: Mapping[str, Any], *, name: str = "", subresource: str = "") -> Entry:
        """POST; `name` and `subresource` for bindings, evictions and tokens. The answer may hold metadata only (not for subresources).
        Raises AlreadyExists, Forbidden, Invalid."""

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Mapping[str, Any], *, subresource: str = "") -> Entry:
        """A JSON merge patch; preconditions are `metadata.uid` and `metadata.resourceVersion` inside it. The answer holds metadata only.
        Raises NotFound, Conflict, Invalid."""

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, grace: int | None = None) -> None:
        """With the uid as precondition. Raises NotFound, Conflict (another uid)."""
