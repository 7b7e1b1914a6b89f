"""From what YAML gives (text, with or without quotes) to what a field means, or an `Unfit` that says in words what was found.

Pydantic's own lenient conversions are not used: they would read `yes` and `on` as true and `"3"` as a number. Values that are not text
come from callers in Python and pass if their type is the right one.
"""

from __future__ import annotations

from collections.abc import Callable

from config import grammar
from config.document import Empty, Plain
from config.errors import Unfit


def described(value: object) -> str:
    """What was found: a structure by its kind, a value as it was written."""
    match value:
        case Empty() | None:
            return "nothing"
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case bool():
            return f"`{str(value).lower()}`"
        case str() if not isinstance(value, Plain):
            return f'the quoted text `"{value}"`'
    return f"`{value}`"


def wrong_type(wanted: str, value: object) -> Unfit:
    """`wanted` carries its article. A mapping in the place of a text is most often a `{namespace}` without quotes."""
    if isinstance(value, Empty) or value is None:
        return Unfit(f"{wanted} is expected here, and the value is empty", "Write a value, or remove the key")
    if isinstance(value, dict) and wanted == "text":
        return Unfit("text is expected here, found a mapping", "Write text; if it begins with `{` put it in quotes")
    if isinstance(value, str) and not isinstance(value, Plain) and wanted in ("a number", "true or false"):
        return Unfit(f"{wanted} is expected here, found {described(value)}", "Remove the quotes" if value else f"Write {wanted}")
    return Unfit(f"{wanted} is expected here, found {described(value)}", f"Write {wanted}")


def text(value: object) -> str:
    if not isinstance(value, str):
        raise wrong_type("text", value)
    return str(value)


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, Plain) and value in ("true", "false"):
        return value == "true"
    raise wrong_type("true or false", value)


def number(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = Plain(value)
    if not isinstance(value, Plain):
        raise wrong_type("a number", value)
    return grammar.number(value)


def count(value: object) -> int:
    found = number(value)
    if not found.is_integer():
        raise wrong_type("a whole number", value)
    return int(found)


def one_or_more(value: object) -> int:
    found = count(value)
    if found < 1:
        raise Unfit(f"{found} is too small", "Write at least 1, or remove the key for no limit")
    return found


def share(value: object) -> float:
    found = number(value)
    if found > 1:
        raise Unfit(f"{found:g} is not a share", "Write a number from 0 to 1, such as 0.1 for a tenth")
    return found


def priority(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        value = Plain(value)
    if not isinstance(value, Plain):
        raise wrong_type("a whole number", value)
    return grammar.priority(value)


def rate(value: object) -> float:
    found = number(value)
    if found <= 0:
        raise Unfit("at a rate of 0 nothing would ever go on", "Write a number above 0")
    return found


def seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value)
    if not isinstance(value, str):
        raise wrong_type("a duration", value)
    return grammar.seconds(value)


def port_range(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise wrong_type("a port or a range of ports", value)
    grammar.port_range(value)
    return str(value)


def checked(check: Callable[[str], object]) -> Callable[[object], str]:
    """A reader of text that `check` accepts; the text is kept as it was written."""

    def read(value: object) -> str:
        found = text(value)
        check(found)
        return found

    return read


def choice(what: str, options: tuple[str, ...]) -> Callable[[object], str]:
    """A reader of one of a few words; `what` names them with an article."""

    def read(value: object) -> str:
        found = text(value)
        if found not in options:
            near = grammar.nearest(found, options)
            listed = ", ".join(f"`{option}`" for option in options)
            raise Unfit(f"`{found}` is not {what}", f"Did you mean `{near}`? Possible are {listed}" if near else f"Write one of {listed}")
        return found

    return read


def env_flag(value: object) -> bool:
    """A truth value from a flag or the environment, where there are no quotes to tell text from words."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    raise Unfit(f"true or false is expected here, found `{value}`", "Write `true` or `false`")
