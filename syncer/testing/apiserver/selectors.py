"""Label selectors as they stand in a query string: `a=b,c!=d,e in (f,g),h notin (i),j,!k`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from syncer.testing.apiserver import answers

Labels = Mapping[str, str]
Matches = Callable[[Labels], bool]

_SET = re.compile(r"(\S+)\s+(in|notin)\s*\(([^)]*)\)")
_EQUAL = re.compile(r"([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)")
_PRESENT = re.compile(r"(!?)\s*([^\s=!()]+)")
_COMMA = re.compile(r",(?![^(]*\))")


@lru_cache(maxsize=256)
def parse(text: str) -> Matches:
    """A test of labels. An empty selector matches everything."""
    terms = [_term(part.strip()) for part in _COMMA.split(text)] if text.strip() else []
    return lambda labels: all(term(labels) for term in terms)


def _term(text: str) -> Matches:
    if found := _SET.fullmatch(text):
        key, operator, values = found.group(1), found.group(2), {value.strip() for value in found.group(3).split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUAL.fullmatch(text):
        key, operator, value = found.groups()
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _PRESENT.fullmatch(text):
        absent, key = bool(found.group(1)), found.group(2)
        return lambda labels: (key in labels) is not absent
    raise answers.bad_request(f"unable to parse requirement: {text!r}")


def of_spec(selector: Mapping[str, object] | None) -> Matches:
    """A test of labels from a LabelSelector inside an object (`matchLabels`, `matchExpressions`). None matches nothing."""
    if selector is None:
        return lambda labels: False
    parts: list[str] = []
    match_labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or ()
    if isinstance(match_labels, Mapping):
        parts += [f"{key}={value}" for key, value in match_labels.items()]
    if isinstance(expressions, list):
        for item in expressions:
            values = ",".join(item.get("values") or ())
            form = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}[item["operator"]]
            parts.append(form.format(key=item["key"], values=values))
    return parse(",".join(parts))
