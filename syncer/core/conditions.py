"""Conditions in CEL on objects that a tenant wrote.

The expression is the administrator's, the object is not. So what is evaluated is a plain copy within limits (depth, values, text), and the evaluator
has a budget of iterations over the whole expression, nested loops included (cel-cpp's, 10 000). What does not fit is an error of the object, never
a condition that happens to be false. The library is loaded by the first condition: most syncers have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from syncer.core.objects import Obj

LONGEST = 1000
"""Characters of an expression."""

DEEPEST = 32
MOST_VALUES = 2000
MOST_TEXT = 64 * 1024
TOO_LARGE = f"the object is too large for conditions ({MOST_VALUES} values, {MOST_TEXT} characters, {DEEPEST} levels)"
_INT = range(-(2**63), 2**63)


class BadCondition(ValueError):
    """The expression itself cannot be used."""


class Undecided(Exception):
    """The condition could not be evaluated on this object."""


@lru_cache(maxsize=256)
def condition(text: str) -> Callable[[Obj], bool]:
    """The condition as a function of the object. Raises BadCondition; the function raises Undecided."""
    from cel_expr_python import cel

    if len(text) > LONGEST:
        raise BadCondition(f"it is longer than {LONGEST} characters")
    try:
        compiled = cel.NewEnv(variables={"object": cel.Type.DYN}).compile(text)
    except Exception as error:  # the library raises plain RuntimeErrors
        raise BadCondition(_first_line(error)) from None
    if compiled.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise BadCondition("it is not true or false, but something else")

    def holds(obj: Obj) -> bool:
        try:
            answer = compiled.eval(data={"object": _bounded(obj)}).value()
        except RuntimeError as error:
            raise Undecided(_first_line(error)) from None
        if not isinstance(answer, bool):
            raise Undecided(str(answer)[:200] or "it is neither true nor false")
        return answer

    return holds


def _first_line(error: Exception) -> str:
    return str(error).removeprefix("INVALID_ARGUMENT: ").splitlines()[0][:300]


def _bounded(obj: Obj) -> dict[str, Any]:
    """A copy that the evaluator can take. Raises Undecided for what is too large, and for text and numbers that CEL does not have."""
    left = [MOST_VALUES, MOST_TEXT]
    made = _copied(obj, left, 0)
    assert isinstance(made, dict)
    return made


def _copied(value: Any, left: list[int], depth: int) -> Any:
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise Undecided(TOO_LARGE)
    if isinstance(value, Mapping):
        return {_text(key, left): _copied(item, left, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item, left, depth + 1) for item in value]
    if isinstance(value, str):
        return _text(value, left)
    if isinstance(value, int) and value not in _INT:
        raise Undecided("a number in the object does not fit into 64 bits")
    return value


def _text(text: str, left: list[int]) -> str:
    left[1] -= len(text)
    if left[1] < 0:
        raise Undecided(TOO_LARGE)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Undecided("a text in the object is not Unicode") from None
    return text
