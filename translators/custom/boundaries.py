"""What a custom object may not carry across although nobody declared it: the names of namespaces.

A field like `spec.backend.namespace` that nobody declared would cross as it is, and a controller of the host would follow it into a namespace of the
host. So a field whose name says namespace, and that is no declared reference, is refused until it is declared or passed on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from syncer.core.fieldpaths import ITEMS, FieldPath, Place
from syncer.core.objects import Obj
from syncer.core.settings import CustomKind
from translators.custom.refusing import Refused

DEEPEST = 100
"""Levels of nesting. Decoders and controllers break on more, and no schema of a kind needs them."""

_WORD = re.compile(r"[A-Za-z]{0,60}[Nn]amespace(s|Selector)?")


def check(body: Obj, kind: CustomKind, settled: Collection[Place]) -> None:
    """Raises Refused for a namespace that is named where nobody said so, and for bottomless nesting. `settled` are the places translated."""
    for place, value in _leaves(body):
        if not value or place in settled or not isinstance(place[-1], str) or not _WORD.fullmatch(place[-1]):
            continue
        if any(_leads_to(path, place) for path in kind.pass_namespaces):
            continue
        raise Refused(
            place,
            f"it names a namespace; declare it under `references` of {kind.name} in the sync file, or list it in `passNamespaces` if it means none",
        )


def _leaves(body: Obj) -> Iterator[tuple[Place, Any]]:
    """Every field, maps and lists too. Without recursion: the depth is the tenant's choice."""
    open_nodes: list[tuple[Place, Any]] = [((), body)]
    while open_nodes:
        place, value = open_nodes.pop()
        if len(place) > DEEPEST:
            raise Refused(place[:3], f"it is nested deeper than {DEEPEST} levels")
        if place:
            yield place, value
        if isinstance(value, Mapping):
            open_nodes += [((*place, key), item) for key, item in value.items()]
        elif isinstance(value, list):
            open_nodes += [((*place, index), item) for index, item in enumerate(value)]


def _leads_to(path: FieldPath, place: Place) -> bool:
    if len(path) > len(place):
        return False
    return all(isinstance(found, int) if step is ITEMS else step == found for step, found in zip(path, place, strict=False))
