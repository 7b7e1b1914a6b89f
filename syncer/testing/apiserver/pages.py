"""Lists, page by page: all pages of one list show the same moment."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

from syncer.testing.apiserver import answers, selectors
from syncer.testing.apiserver.store import Store, TableKey, Version


class Listing(NamedTuple):
    versions: Sequence[Version]
    revision: int
    continue_token: str


def listing(store: Store, key: TableKey, namespace: str, selector: str, name: str, limit: int, token: str, revision: int | None) -> Listing:
    """One page, in the order of names. `revision` reads the past, as a server with an old cache would."""
    after = ""
    if token:
        revision, after = _read(token)
        if revision < store.compacted or revision > store.revision:
            raise answers.expired("The provided continue parameter is too old to display a consistent list result.")
    revision = store.revision if revision is None else revision
    matches = selectors.parse(selector)
    found = [
        (f"{place[0]}/{place[1]}", version)
        for place, version in store.at(key, revision).items()
        if namespace in ("", place[0]) and name in ("", place[1]) and matches(version.labels)
    ]
    found = sorted((item for item in found if item[0] > after), key=lambda item: item[0])
    page = found[:limit] if limit else found
    more = _made(revision, page[-1][0]) if len(page) < len(found) else ""
    return Listing([version for _, version in page], revision, more)


def _made(revision: int, last: str) -> str:
    return base64.urlsafe_b64encode(f"{revision} {last}".encode()).decode()


def _read(token: str) -> tuple[int, str]:
    try:
        revision, last = base64.urlsafe_b64decode(token).decode().split(" ", 1)
        return int(revision), last
    except (ValueError, binascii.Error):
        raise answers.bad_request("continue key is not valid") from None
