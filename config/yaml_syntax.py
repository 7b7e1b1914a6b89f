"""Words for what PyYAML's scanner and parser find wrong, with the next step for the mistakes that sync files invite."""

from __future__ import annotations

import yaml
from yaml.reader import ReaderError

from config.errors import Problem

_HINTS = (
    ("while scanning an alias", 'Put text that begins with `*` in quotes: `"*": "team-a-{namespace}"`'),
    ("cannot start any token", "Indent with spaces, and put text that begins with a special character in quotes"),
    ("mapping values are not allowed", "Check the indentation, and put text that holds `: ` in quotes"),
    ("found undefined tag handle", "Remove the tag"),
    ("while scanning a quoted scalar", "Close the quotes"),
    ("while parsing a flow", "Close the bracket; text that begins with `{` or `[` goes in quotes"),
    ("while parsing a block", 'Check the indentation; text that begins with `{` or `[` goes in quotes: `"*": "{namespace}-team-a"`'),
)


def syntax_problem(error: yaml.YAMLError, text: str, source: str) -> Problem:
    """The problem behind an error of PyYAML, whose own words come first."""
    if isinstance(error, ReaderError):
        return _unreadable(error, text, source)
    if not isinstance(error, yaml.MarkedYAMLError):
        return Problem(source=source, reason=f"the file is not YAML: {error}", next_step="Check the syntax")
    mark = error.problem_mark or error.context_mark
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return Problem(
        source=source,
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
        reason=f"the file is not YAML: {said}",
        next_step=next((hint for words, hint in _HINTS if words in said), "Check the indentation and the quotes here and in the line before"),
    )


def _unreadable(error: ReaderError, text: str, source: str) -> Problem:
    start: int = error.position
    return Problem(
        source=source,
        line=text.count("\n", 0, start) + 1,
        column=start - text.rfind("\n", 0, start),
        reason="the file holds a control character, which YAML does not allow",
        next_step="Remove it",
    )
