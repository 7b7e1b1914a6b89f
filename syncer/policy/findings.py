"""What a policy has to say: violations, and how values of a hostile pod are shown in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

MALFORMED = "malformed"
"""The check of values whose type is not the one the API has there. Nothing switches it off."""

_MOST_VIOLATIONS = 20
_MOST_SHOWN = 100


class Violation(NamedTuple):
    """One thing a host pod may not ask for.

    `field` is where (`spec.containers[0].securityContext.privileged`), `reason` a sentence with the forbidden value and the way out, `check` the
    name of the rule: the upstream one for rules of the Pod Security Standards.
    """

    field: str
    reason: str
    check: str

    def __str__(self) -> str:
        return f"{self.field}: {self.reason} (check {self.check})"


class Findings:
    """Collects violations, the first 20 of them: a pod with a thousand forbidden volumes is not worth a thousand sentences."""

    __slots__ = ("_violations",)

    def __init__(self) -> None:
        self._violations: list[Violation] = []

    def refuse(self, field: str, value: object, remedy: str, check: str) -> None:
        """`value` stands at `field` and may not."""
        if len(self._violations) < _MOST_VIOLATIONS:
            self._violations.append(Violation(field, f"{shown(value)} is not allowed: {remedy}", check))

    def require(self, field: str, remedy: str, check: str) -> None:
        """Nothing stands at `field` and something must."""
        if len(self._violations) < _MOST_VIOLATIONS:
            self._violations.append(Violation(field, f"it is not set: {remedy}", check))

    def malformed(self, field: str, value: object, wanted: str) -> None:
        """The value at `field` has a type that the API does not know there."""
        if len(self._violations) < _MOST_VIOLATIONS:
            self._violations.append(Violation(field, f"{shown(value)} is not {wanted}: write the field as the Pod API has it", MALFORMED))

    def result(self) -> tuple[Violation, ...]:
        return tuple(self._violations)


def shown(value: object) -> str:
    """A value as it may stand in an event or on a terminal: short, on one line, without control characters."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _capped(repr(value[:_MOST_SHOWN]), cut=len(value) > _MOST_SHOWN)
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 64 else "a very large number"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, (list, tuple)) else "a value of an unknown type"


def below(where: str, key: Any) -> str:
    """The path of a key that the tenant chose below `where`."""
    if isinstance(key, str) and key.isascii() and key.isidentifier() and len(key) <= 64:
        return f"{where}.{key}"
    return f"{where}[{shown(key)}]"


def _capped(text: str, *, cut: bool) -> str:
    if len(text) <= _MOST_SHOWN and not cut:
        return text
    return text[: _MOST_SHOWN - 1] + "…"
