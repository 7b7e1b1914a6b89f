"""The two facts we need from a client certificate: who it names, and until when it is good.

The standard library verifies certificates but does not show them, and `cryptography` is a large dependency for two fields. So the few bytes of DER
on the way to them are read here. A certificate that is not understood yields no facts and is never an error: the server judges it anyway.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

_COMMON_NAME = bytes.fromhex("550403")
_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_END = "-----END CERTIFICATE-----"


class Facts(NamedTuple):
    """`user` is the subject's common name, which Kubernetes takes as the user name; empty when unknown."""

    user: str = ""
    expires: datetime | None = None


def facts(pem: bytes) -> Facts:
    """Of the first certificate in a PEM file."""
    try:
        text = pem.decode("ascii")
        start = text.index("-----BEGIN CERTIFICATE-----")
        der = ssl.PEM_cert_to_DER_cert(text[start : text.index(_END, start) + len(_END)] + "\n")
        return _read(der)
    except (ValueError, IndexError, StopIteration):
        return Facts()


def _read(der: bytes) -> Facts:
    outer = next(_items(der))[1]
    fields = [(tag, value) for tag, value in _items(next(_items(outer))[1]) if tag != _VERSION]
    # serial number, signature algorithm, issuer, validity, subject, ...
    validity, subject = fields[3][1], fields[4][1]
    _, end = list(_items(validity))
    return Facts(_common_name(subject), _time(*end))


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The (tag, content) pairs of a DER sequence."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size], "big"), at + size
        if at + length > len(data):
            raise ValueError("truncated")
        yield tag, data[at : at + length]
        at += length


def _common_name(subject: bytes) -> str:
    for _, names in _items(subject):
        for _, attribute in _items(names):
            (_, oid), (_, value) = _items(attribute)
            if oid == _COMMON_NAME:
                return value.decode("utf-8", "replace")
    return ""


def _time(tag: int, value: bytes) -> datetime | None:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        # Two-digit years: 50 and above lie in the last century (RFC 5280).
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        return None
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
