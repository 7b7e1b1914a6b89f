"""What an API server says beside its answer: the `Warning` headers of a write (KEP-1693), above all about fields that it does not know.

A server of another minor version drops fields it has never heard of, and says so in a warning for each (`fieldValidation=Warn`, the default).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_heard: ContextVar[list[str] | None] = ContextVar("heard", default=None)
_UNKNOWN = re.compile(r'unknown field \\?"([A-Za-z0-9_.\[\]/-]{1,200})\\?"')
_MOST = 20


@contextmanager
def listening() -> Iterator[list[str]]:
    """Warnings of the requests that are sent meanwhile, by this task."""
    warnings: list[str] = []
    token = _heard.set(warnings)
    try:
        yield warnings
    finally:
        _heard.reset(token)


def hear(values: Iterable[str]) -> None:
    """The `Warning` headers of one answer."""
    warnings = _heard.get()
    if warnings is not None:
        warnings.extend(value for value in list(values)[:_MOST])


def unknown_fields(warnings: Iterable[str]) -> tuple[str, ...]:
    """The fields that a server said it does not know, in its own words for them (`spec.containers[0].color`)."""
    found = dict.fromkeys(path for warning in warnings for path in _UNKNOWN.findall(warning))
    return tuple(found)[:_MOST]
