"""What must never be in a log line: secrets, object bodies and characters that a terminal acts upon.

Nobody should hand such a value to a logger in the first place; this is the net below. It goes by the name of a key and by the look of a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "(hidden)"
_OBJECT = "(object)"
_LONGEST = 4000
_DEEPEST = 4
_MOST_ITEMS = 50

_SECRET_KEY = re.compile(
    r"(?:^|[_.-])(?:authorization|bearer|body|cookie|credentials?|data|binary_?data|string_?data|kube_?config|passwd|password|private_?key|key_?data"
    r"|secret|token)s?$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|$)"  # PEM
    r"|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?"  # JWT
    r"|\b(?i:bearer|basic)\s+[\w.~+/=-]{8,}"  # a header
    r"|(?<![\w:/+.-])(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{32,}={0,2}(?![\w+/-])",  # base64 of some length
    re.DOTALL,
)
_QUOTED = re.compile(r"""(['"`])(?:(?!\1).){41,}\1?""", re.DOTALL)


def clean(text: str) -> str:
    """Printable characters only: line breaks, escape sequences, bidirectional overrides and the like become `\\n`, `\\x1b`, `\\u202e`."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "backslashreplace").decode("ascii")


def masked(text: str, *, quotes: bool = False) -> str:
    """Without what looks like a key, a token or a certificate. `quotes`: without long quoted pieces too, since errors quote what they choked on."""
    text = text[: 4 * _LONGEST]
    if len(text) > 16:
        text = _SECRET_TEXT.sub(HIDDEN, text)
        if quotes:
            text = _QUOTED.sub(HIDDEN, text)
    return text[:_LONGEST]


def redacted(key: str, value: Any, depth: int = 0) -> Any:
    """A value as it may be logged under that key."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_KEY.search(_snake(key)):
        return HIDDEN
    if isinstance(value, str):
        return clean(masked(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return HIDDEN
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "_fields"):
        items = list(value)
        if depth >= _DEEPEST:
            return f"({len(items)} items)"
        return [redacted("", item, depth + 1) for item in items[:_MOST_ITEMS]]
    return clean(masked(str(value)))


def _mapping(value: Mapping[Any, Any], depth: int) -> Any:
    if depth >= _DEEPEST or "metadata" in value or "spec" in value:
        return _OBJECT
    return {clean(str(key)): redacted(str(key), inner, depth + 1) for key, inner in list(value.items())[:_MOST_ITEMS]}


def _snake(key: str) -> str:
    """`stringData` and `string-data` as one form, so that the end of a word can be seen."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key)
