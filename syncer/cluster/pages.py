"""From the bytes of a list to a page of entries."""

from __future__ import annotations

import asyncio

import msgspec

from syncer.cluster.api import Page
from syncer.cluster.wire import BadObject, Entry, Expected, check, decode_entry, decode_list, encode

_SLICE = 128


async def read_page(raw: bytes, expected: Expected, namespace: str) -> Page:
    """Item by item, letting others run in between. Raises BadObject if it is no list at all."""
    try:
        listed = decode_list(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadObject(f"no list: {type(error).__name__}: {error}"[:300]) from error
    if listed.kind and encode(listed.kind) != bytes(expected.kind)[:-1] + b'List"':
        raise BadObject(f"a list of another kind than asked for: {listed.kind[:100]!r}")
    version = listed.metadata.resource_version
    if not (version.isascii() and version.isdigit() and len(version) <= 20):
        raise BadObject("a list without a version")
    entries: list[Entry] = []
    bad: list[BadObject] = []
    items = listed.items or []
    for start in range(0, len(items), _SLICE):
        for item in items[start : start + _SLICE]:
            try:
                entry = decode_entry(item, expected)
                check(entry, namespace)
                entries.append(entry)
            except BadObject as error:
                bad.append(error)
        await asyncio.sleep(0)
    return Page(entries, version, listed.metadata.continue_, bad)
