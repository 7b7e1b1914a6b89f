"""Patches of fields in the sync file (`patches` of a kind)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from config import grammar
from config import types as t
from config.errors import Complaint, Path, Unfit
from config.section import Section
from syncer.core.settings import FieldPatch
from syncer.core.translator import Translator
from translators.patches import objections

_VERBS = ("set", "remove", "rename")


class PatchSection(Section):
    """One change of a field, made on the finished object before it is checked and written. Exactly one of `set`, `remove` and `rename`."""

    path: t.FieldPathText = Field(description='Which field: `spec.size`, `spec.items[*].name`, `metadata.labels["a.b/c"]`.')
    set: t.AnyValue | None = Field(default=None, description="The value it gets.")
    remove: t.TrueFlag | None = Field(default=None, description="`true`: the field does not cross. A copy that has it keeps it.")
    rename: t.FieldPathText | None = Field(default=None, description="The field that its value is written to instead.")
    direction: t.DirectionWord = Field(default="down", description="`down`: what the host gets. `up`: what the tenant is shown.")
    when: t.Condition | None = Field(
        default=None, description="Only for objects of which this CEL expression is true; `object` is the object as its side wrote it."
    )

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        written = [verb for verb in _VERBS if verb in self.model_fields_set]
        if len(written) != 1:
            found = " and ".join(f"`{verb}`" for verb in written) or "none of `set`, `remove` and `rename`"
            raise t.unfit(Unfit(f"a patch does one thing, and {found} is written", "Write exactly one of `set`, `remove` and `rename`"))
        return self


def lowered(patches: tuple[PatchSection, ...]) -> tuple[FieldPatch, ...]:
    """The frozen values."""
    return tuple(map(_lowered, patches))


def _lowered(patch: PatchSection) -> FieldPatch:
    path, when = grammar.field_path(patch.path), patch.when or ""
    if patch.rename is not None:
        return FieldPatch(path=path, verb="rename", to=grammar.field_path(patch.rename), direction=patch.direction, when=when)
    if patch.remove:
        return FieldPatch(path=path, verb="remove", direction=patch.direction, when=when)
    return FieldPatch(path=path, verb="set", value=patch.set, direction=patch.direction, when=when)


def complaints(patches: tuple[PatchSection, ...], translator: Translator, at: Path) -> Iterator[Complaint]:
    """What cannot be done on this kind."""
    objected = objections(translator, lowered(patches))
    for index, (patch, objection) in enumerate(zip(patches, objected, strict=True)):
        reason = objection or _unfit_value(patch)
        if reason is not None:
            yield Complaint((*at, "patches", index), reason, "Patch another field, or remove the patch")


def _unfit_value(patch: PatchSection) -> str | None:
    """Labels and annotations are text."""
    path = grammar.field_path(patch.path)
    if path[0] != "metadata" or "set" not in patch.model_fields_set:
        return None
    if not isinstance(patch.set, str):
        return f"the value of `{patch.path}` must be text"
    if path[1] == "labels":
        try:
            grammar.label_value(patch.set)
        except Unfit as unfit:
            return unfit.reason
    return None
