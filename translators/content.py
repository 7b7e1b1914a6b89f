"""What ConfigMaps and Secrets have in common: named content, and the seal on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from syncer.core.objects import Obj
from syncer.core.project import project
from syncer.core.stamp import KEYS, MANAGED_BY, SOURCE_UID, is_from_host
from syncer.core.translator import Path
from translators.metadata import Dropped

UNKNOWN = "this version does not know the field"
_EVERYWHERE = frozenset({"apiVersion", "kind", "metadata"})


def taken(obj: Obj, fields: Iterable[str]) -> dict[str, Any]:
    """These top-level fields, as far as they are there."""
    return {field: obj[field] for field in fields if obj.get(field) is not None}


def without_our_marks(obj: Obj) -> Obj:
    """An object that is shown by the host carries marks of ours, which are no news to the tenant and stay behind without an event."""
    meta = obj["metadata"]
    if not is_from_host(meta.get("labels")):
        return obj
    labels = {key: value for key, value in meta["labels"].items() if key != MANAGED_BY}
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in (SOURCE_UID, KEYS)}
    return {**obj, "metadata": {**meta, "labels": labels, "annotations": annotations}}


def unknown(obj: Obj, known: Iterable[str]) -> Dropped:
    """Top-level fields of a newer API than ours."""
    return tuple((field, UNKNOWN) for field in sorted(obj.keys() - _EVERYWHERE - set(known)))


def unknown_in(found: Mapping[str, Any] | None, known: Iterable[str], at: str) -> Dropped:
    """The same inside an object: fields of `found`, which stands at the path `at`."""
    return tuple((f"{at}.{field}", UNKNOWN) for field in sorted((found or {}).keys() - set(known)))


def sealed(fields: Iterable[str]) -> Callable[[Mapping[str, Any], Obj], bool]:
    """Whether the copy is immutable and would have to change: it can only be made anew. (The tenant cannot change its own either; it has deleted
    it and made another one. `ValidateConfigMapUpdate` and `ValidateSecretUpdate` have the rule.)"""
    paths: tuple[Path, ...] = tuple((field,) for field in fields)

    def is_sealed(body: Mapping[str, Any], target: Obj) -> bool:
        return bool(target.get("immutable")) and bool(project(body, target, paths))

    return is_sealed
