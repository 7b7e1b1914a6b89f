"""What is wrong with a configuration, as values: where it is, why it is wrong, what to do next.

A reader of YAML finds a `Problem` directly, because it knows the line. A rule or a model only knows the path in the document; it makes a
`Complaint`, and the document turns that into a `Problem` with a line. Whoever loads a configuration meets one exception, `ConfigError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Path: TypeAlias = tuple[str | int, ...]

_BARE_STEP = re.compile(r"[A-Za-z0-9_-]+")


def path_text(path: Path) -> str:
    """`sync.resources[2].mode`; a step that is not a plain word is quoted, so that `"*"` and dotted keys stay readable."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE_STEP.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def _legible(text: str) -> str:
    """One short line, whatever the file holds: quoted values may be endless, or hold line ends and terminal codes."""
    short = text if len(text) <= 1000 else f"{text[:500]} … {text[-100:]}"
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in short)


class Unfit(ValueError):
    """A text does not say what its place needs. `reason` and `next_step` are clauses without a final stop."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(f"{reason}. {next_step}.")
        self.reason = reason
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class Complaint:
    """A problem whose place is known as a path only.

    `on_key`: the key is at fault and not its value. `there` is another place that the reason speaks of, as `<there>`; it gets a line too.
    """

    path: Path
    reason: str
    next_step: str
    on_key: bool = False
    there: Path = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend. `source` is the file, or in words the flag or variable, that the value came from."""

    source: str
    reason: str
    next_step: str
    line: int | None = None
    column: int | None = None
    path: str = ""

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}:{self.column}"
        stop = "" if self.next_step.endswith("?") else "."
        path = f"{_legible(self.path)}: " if self.path else ""
        return f"{place}: {path}{_legible(self.reason)}. {_legible(self.next_step)}{stop}"


class ConfigError(Exception):
    """The configuration cannot be used.

    `str()` is the whole text for people, one problem per line from top to bottom; the attributes are those of the first.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
        super().__init__("\n".join(map(str, self.problems)))

    @property
    def first(self) -> Problem:
        return self.problems[0]

    @property
    def file(self) -> str:
        return self.first.source

    @property
    def line(self) -> int | None:
        return self.first.line

    @property
    def column(self) -> int | None:
        return self.first.column

    @property
    def path(self) -> str:
        return self.first.path

    @property
    def reason(self) -> str:
        return self.first.reason

    @property
    def next_step(self) -> str:
        return self.first.next_step
