"""Label selectors evaluated by ourselves, by the rules of Kubernetes: all requirements hold; NotIn and DoesNotExist hold for absent keys.

Two spellings, one evaluator: a LabelSelector as the API has it, and the frozen value that the sync file becomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.settings import Selector


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector meets these labels (null: never, empty: always). An operator that nobody knows is met by nothing."""
    if selector is None:
        return False
    expressions = selector.get("matchExpressions") or ()
    return _all_hold(
        selector.get("matchLabels") or {},
        ((item.get("key", ""), str(item.get("operator")), item.get("values") or ()) for item in expressions),
        labels,
    )


def meets(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether a selector of the sync file meets these labels."""
    return _all_hold(selector.match_labels, selector.match_expressions, labels)


def _all_hold(wanted: Mapping[str, str], expressions: Iterable[tuple[str, str, Iterable[str]]], labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(operator, labels.get(key), values) for key, operator, values in expressions)


def _holds(operator: str, value: str | None, values: Iterable[str]) -> bool:
    match operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False
