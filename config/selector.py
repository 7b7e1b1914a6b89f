"""Label selectors in the sync file."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from config import types as t
from config.errors import Unfit
from config.section import Section
from syncer.core.settings import Selector


class RequirementSection(Section):
    """One line of `matchExpressions`."""

    key: t.LabelKey = Field(description="Label key.")
    operator: t.OperatorWord = Field(description="How the label is compared.")
    values: tuple[t.LabelValue, ...] = Field(default=(), description="Values for `In` and `NotIn`; empty for the other two.")

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        needed = self.operator in ("In", "NotIn")
        if needed and not self.values:
            raise t.unfit(Unfit(f"the operator {self.operator} compares with values, and none are given", "List them under `values`"))
        if not needed and self.values:
            raise t.unfit(Unfit(f"the operator {self.operator} takes no values", "Remove `values`, or use `In` or `NotIn`"))
        return self


class SelectorSection(Section):
    """A Kubernetes label selector. All conditions must hold; an empty selector selects everything."""

    match_labels: dict[t.LabelKey, t.LabelValue] = Field(default_factory=dict, description="Labels that must have exactly these values.")
    match_expressions: tuple[RequirementSection, ...] = Field(default=(), description="Further conditions on labels.")


def lowered(selector: SelectorSection | None) -> Selector | None:
    """The frozen value."""
    if selector is None:
        return None
    expressions = tuple((line.key, line.operator, line.values) for line in selector.match_expressions)
    return Selector(match_labels=selector.match_labels, match_expressions=expressions)
