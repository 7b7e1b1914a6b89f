"""Label selectors evaluated by ourselves, for kinds that are synced by selector."""

from __future__ import annotations

from collections.abc import Mapping

from syncer.core.settings import Selector


def selected(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Whether `labels` match, by the rules of Kubernetes: all requirements hold; NotIn and DoesNotExist hold for absent keys."""
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    return all(_holds(operator, labels.get(key), values) for key, operator, values in selector.match_expressions)


def _holds(operator: str, value: str | None, values: tuple[str, ...]) -> bool:
    match operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(f"unknown selector operator {operator!r}")
