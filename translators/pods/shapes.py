"""The table of fields made fast: values are held against it, shared when they are clean and rebuilt when they are not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from translators.pods.fields import TABLE, Rule, Verdict

UNKNOWN = "this version does not know the field, so it does not cross"


# Without the only field that gives them a meaning these would mean something else (a volume without a source is an empty directory).
_UNIONS = frozenset({"Volume", "VolumeProjection"})


class Report(Protocol):
    """Where the fate of a field is told to."""

    def drop(self, field: str, reason: str) -> None: ...

    def refuse(self, field: str, reason: str) -> NoReturn: ...


class Shape:
    """One definition of the table. `passed` are fields that cross as they are, `nested` those whose content has a shape of its own."""

    __slots__ = ("name", "nested", "passed", "rules")

    def __init__(self, name: str, rules: Mapping[str, Rule]) -> None:
        self.name = name
        self.rules = rules
        self.passed = frozenset(field for field, rule in rules.items() if rule.verdict is Verdict.PASS and not rule.shape)
        self.nested: dict[str, Shape] = {}

    def clean(self, report: Report, value: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        """`value` with passing fields only; the same object when that is all it has. Rewritten fields are left out: who rewrites them, adds them."""
        if value.keys() <= self.passed:
            return value
        made: dict[str, Any] | None = None
        for field, item in value.items():
            if field in self.passed:
                continue
            nested = self.nested.get(field)
            if nested is not None:
                kept = (
                    nested.clean_all(report, item, f"{path}.{field}") if isinstance(item, list) else nested.clean_one(report, item, f"{path}.{field}")
                )
                if kept is not item:
                    made = dict(value) if made is None else made
                    made[field] = kept
                continue
            made = dict(value) if made is None else made
            del made[field]
            self._tell(report, field, item, path)
        return value if made is None else made

    def clean_one(self, report: Report, value: Any, path: str) -> Any:
        if isinstance(value, Mapping):
            return self.clean(report, value, path)
        if value is not None:
            report.refuse(path, "not an object")
        return value

    def clean_all(self, report: Report, items: list[Any], path: str) -> list[Any]:
        """A list of which every item has this shape."""
        passed = self.passed
        for item in items:
            if not (isinstance(item, Mapping) and item.keys() <= passed):
                break
        else:
            return items
        made = [self.clean_one(report, item, f"{path}[{index}]") for index, item in enumerate(items)]
        return items if all(new is old for new, old in zip(made, items, strict=True)) else made

    def _tell(self, report: Report, field: str, item: Any, path: str) -> None:
        rule = self.rules.get(field)
        if rule is None and self.name in _UNIONS:
            report.refuse(f"{path}.{field}", UNKNOWN)
        elif rule is None:
            report.drop(f"{path}.{field}", UNKNOWN)
        elif rule.verdict is Verdict.REFUSE and item:
            report.refuse(f"{path}.{field}", rule.reason)
        elif rule.verdict is Verdict.DROP and rule.tell:
            report.drop(f"{path}.{field}", rule.reason)


def _compiled() -> dict[str, Shape]:
    shapes = {name: Shape(name, rules) for name, rules in TABLE.items()}
    for shape in shapes.values():
        for field, rule in shape.rules.items():
            if rule.verdict is Verdict.PASS and rule.shape:
                shape.nested[field] = shapes[rule.shape]
    return shapes


SHAPES = _compiled()
