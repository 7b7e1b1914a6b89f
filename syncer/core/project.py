"""The one place where fields are discussed: what has to be written so that owned paths agree with a draft.

A path has exactly one owner, so no three-way merge is needed: owned and missing in the draft → removed; not listed → untouched. Only label and
annotation maps are shared, and there the keys written last time (kept in the stamp) say what may be removed. The result is a JSON merge
patch (RFC 7396); a list inside it is always the whole list, which is why `replaces_list` asks for a resourceVersion precondition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from syncer.core import stamp as stamps
from syncer.core.translator import AllBut, Each, Path, Subresource

Patch = dict[str, Any]
_MISSING = object()
_NOTHING = object()


def _empty(value: Any) -> bool:
    return value is _MISSING or value is None or (not value and isinstance(value, (dict, list)))


def _walk(obj: Any, path: Sequence[str]) -> Any:
    for step in path:
        # Decoded JSON is made of dict; the wider question is the slow one.
        if not isinstance(obj, dict) and not isinstance(obj, Mapping):
            return _MISSING
        obj = obj.get(step, _MISSING)
        if obj is _MISSING:
            return _MISSING
    return obj


def _set(patch: Patch, path: Sequence[str], value: Any) -> None:
    for step in path[:-1]:
        patch = patch.setdefault(step, {})
    patch[path[-1]] = value


def _change(wanted: Any, found: Any) -> Any:
    """The merge-patch value that turns `found` into `wanted`, or `_NOTHING`.

    Absent, null and empty are one: API servers drop empty values, or add them, as they like. Inside a list only null is absent; an empty map
    says something there (the network peer `{podSelector: {}}`).
    """
    if wanted == found or (_empty(wanted) and _empty(found)):
        return _NOTHING
    if wanted is _MISSING or wanted is None:
        return None
    if isinstance(wanted, Mapping):
        if _empty(found):
            return _NOTHING if _hollow(wanted) else wanted
        if isinstance(found, Mapping):
            return _changes(wanted, found) or _NOTHING
    return _NOTHING if _equal(wanted, found) else wanted


def _changes(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Patch:
    """Key by key; those that are too many become null."""
    made: Patch = {}
    for key in (*wanted, *(key for key in found if key not in wanted)):
        change = _change(wanted.get(key, _MISSING), found.get(key, _MISSING))
        if change is not _NOTHING:
            made[key] = change
    return made


def _hollow(value: Any) -> bool:
    return all(map(_hollow, value.values())) if isinstance(value, Mapping) else _empty(value)


def _equal(wanted: Any, found: Any) -> bool:
    """Equality in which a key with null is no key, at any depth."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        return all(_equal(wanted.get(key), found.get(key)) for key in {**wanted, **found})
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_equal, wanted, found))
    return bool(wanted == found)


def _merged_list(wanted: Sequence[Any], actual: Sequence[Any], key: str, rest: Sequence[Path]) -> list[Any]:
    """`actual` with the owned parts of its items taken from `wanted`; whole missing items are added when the items themselves are owned."""
    by_key = {item.get(key): item for item in wanted if isinstance(item, Mapping)}
    fields = tuple(path for path in rest if path)
    made: list[Any] = []
    for item in actual:
        other = by_key.pop(item.get(key), None) if isinstance(item, Mapping) else None
        if other is None or not fields:
            made.append(item)
            continue
        patch = project(other, item, fields)
        made.append(apply_merge_patch(item, patch) if patch else item)
    if len(fields) < len(rest):
        made.extend(item for item in wanted if item.get(key) in by_key)
    return made


def _list_but(wanted: Sequence[Any], actual: Sequence[Any], but: AllBut) -> list[Any]:
    """`wanted`, with the fields that belong to the other side taken from the item of the same key in `actual`, where that has them."""
    by_key = {item.get(but.key): item for item in actual if isinstance(item, Mapping)}
    made = []
    for item in wanted:
        there = by_key.get(item.get(but.key), {})
        made.append({**item, **{field: there[field] for field in but.fields if field in there}})
    return made


class _Plan(NamedTuple):
    """Paths sorted out once: `plain` ones, each with what in its list belongs to the other side; `keyed` lists with the owned parts of their
    items."""

    plain: tuple[tuple[tuple[str, ...], AllBut | None], ...]
    keyed: tuple[tuple[tuple[str, ...], str, tuple[Path, ...]], ...]


@lru_cache(maxsize=1024)
def _planned(paths: tuple[Path, ...]) -> _Plan:
    plain: list[tuple[tuple[str, ...], AllBut | None]] = []
    keyed: dict[tuple[tuple[str, ...], str], list[Path]] = {}
    for path in paths:
        each = next((i for i, step in enumerate(path) if isinstance(step, Each)), None)
        if each is not None:
            step = path[each]
            assert isinstance(step, Each)
            keyed.setdefault((tuple(str(part) for part in path[:each]), step.key), []).append(path[each + 1 :])
            continue
        but = path[-1] if isinstance(path[-1], AllBut) else None
        plain.append((tuple(str(part) for part in (path[:-1] if but else path)), but))
    return _Plan(tuple(plain), tuple((where, key, tuple(rest)) for (where, key), rest in keyed.items()))


def project(draft: Mapping[str, Any], actual: Mapping[str, Any], paths: Sequence[Path]) -> Patch:
    """The merge patch that makes the owned `paths` of `actual` agree with `draft`; empty when they do."""
    patch: Patch = {}
    plan = _planned(paths if isinstance(paths, tuple) else tuple(paths))
    for plain, but in plan.plain:
        wanted, found = _walk(draft, plain), _walk(actual, plain)
        if wanted is found:
            continue
        if but is not None and not _empty(wanted) and not _empty(found):
            wanted = _list_but(wanted, found, but)
        change = _change(wanted, found)
        if change is not _NOTHING:
            _set(patch, plain, change)
    for plain, key, rest in plan.keyed:
        wanted, found = _walk(draft, plain), _walk(actual, plain)
        if wanted is found:
            continue
        merged = _merged_list([] if _empty(wanted) else wanted, [] if _empty(found) else found, key, rest)
        if _change(merged, found) is not _NOTHING:
            _set(patch, plain, merged)
    return patch


@lru_cache(maxsize=1024)
def replaces_list(paths: tuple[Path, ...]) -> bool:
    """Whether a patch of these paths may carry a list that was merged from what was seen: then it must not meet a newer object."""
    return any(isinstance(step, (Each, AllBut)) for path in paths for step in path)


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, without touching `target`."""
    if not isinstance(patch, Mapping):
        return patch
    made = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = apply_merge_patch(made.get(key), value)
    return made


def project_metadata(draft: Mapping[str, Any], actual: Mapping[str, Any]) -> Patch:
    """The patch of `metadata.labels` and `metadata.annotations`: wanted keys are set, keys written last time and no longer wanted go,
    all others belong to somebody else. `draft` carries the stamp already."""
    wanted_labels, wanted_annotations = draft.get("labels") or {}, draft.get("annotations") or {}
    labels, annotations = actual.get("labels") or {}, actual.get("annotations") or {}
    old_labels, old_annotations = stamps.read_keys(annotations.get(stamps.KEYS, ""))
    patch: Patch = {}
    for field, wanted, found, old in (
        ("labels", wanted_labels, labels, old_labels),
        ("annotations", wanted_annotations, annotations, old_annotations),
    ):
        changed: Patch = {key: value for key, value in wanted.items() if found.get(key) != value}
        changed.update({key: None for key in old if key in found and key not in wanted})
        if changed:
            patch[field] = changed
    if stamps.KEYS in annotations and stamps.KEYS not in wanted_annotations:
        patch.setdefault("annotations", {})[stamps.KEYS] = None
    return patch


@lru_cache(maxsize=1024)
def by_subresource(paths: tuple[Path, ...], subresources: tuple[Subresource, ...]) -> tuple[tuple[str, tuple[Path, ...]], ...]:
    """The owned paths grouped by the subresource they are written through; `""` is the object itself."""
    taken = {path: sub.name for sub in subresources for path in sub.paths}
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(taken.get(path, ""), []).append(path)
    return tuple((name, tuple(group)) for name, group in groups.items())
