"""What a definition's schema says about references, against what was declared: fields that look like one and were forgotten.

A guess by names, for people: nothing is translated because of it. `plan` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from syncer.core.fieldpaths import ITEMS, FieldPath, begins_with, parse, path_text
from syncer.core.objects import Obj
from syncer.core.settings import CustomKind

DEEPEST = 20
MOST = 50

_KINDS = (
    (re.compile(r"(image)?pull_?secrets?|.*secret(ref|refs|name|names|keyref)?", re.I), "secrets"),
    (re.compile(r".*configmap(ref|refs|name|names|keyref)?", re.I), "configmaps"),
    (re.compile(r".*serviceaccount(ref|name)?", re.I), "serviceaccounts"),
    (re.compile(r".*(persistentvolumeclaim|pvc|claim)(ref|name)", re.I), "persistentvolumeclaims"),
    (re.compile(r".*storageclass(name|ref)?", re.I), "storageclasses"),
    (re.compile(r".*service(ref|name)", re.I), "services"),
)
_REFERENCE = re.compile(r".*[a-z](Ref|Refs|Reference|References)")
_NAMESPACE = re.compile(r"[A-Za-z]*[Nn]amespaces?")
_SELECTOR = re.compile(r".*[sS]elector")


class Suggestion(NamedTuple):
    """A field of a declared kind that nobody said anything about."""

    kind: str
    path: str
    looks_like: str
    write: Mapping[str, str]
    """What to write, if the guess is right."""


def suggestions(definition: Obj, kind: CustomKind) -> tuple[Suggestion, ...]:
    """What was probably forgotten, at most `MOST`."""
    version: Mapping[str, Any] = next((one for one in (definition.get("spec") or {}).get("versions") or () if one.get("name") == kind.version), {})
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
    found: list[Suggestion] = []
    for path, name, node in _fields(schema, (), 0):
        if len(found) >= MOST or not any(begins_with(path, owned) for owned in kind.tenant_owns) or _is_said(path, kind):
            continue
        if any(begins_with(path, parse(before)) for before in (one.path for one in found)):
            continue
        if (suggestion := _suggestion(path, name, node, kind)) is not None:
            found.append(suggestion)
    return tuple(found)


def _fields(node: Mapping[str, Any], path: FieldPath, depth: int) -> Iterator[tuple[FieldPath, str, Mapping[str, Any]]]:
    """Every field of a schema, outer ones first."""
    if depth > DEEPEST:
        return
    for name, child in (node.get("properties") or {}).items():
        if not isinstance(child, Mapping):
            continue
        below: FieldPath = (*path, name)
        yield below, name, child
        while child.get("type") == "array" and isinstance(child.get("items"), Mapping):
            child, below = child["items"], (*below, ITEMS)
        yield from _fields(child, below, depth + 1)


def _is_said(path: FieldPath, kind: CustomKind) -> bool:
    declared: Iterable[FieldPath] = (
        *(reference.path for reference in kind.references),
        *(reference.namespace_path for reference in kind.references),
        *(reference.kind_path for reference in kind.references),
        *(selector.path for selector in kind.selectors),
        *kind.pass_namespaces,
    )
    return any(other and (begins_with(path, other) or begins_with(other, path)) for other in declared)


def _suggestion(path: FieldPath, name: str, node: Mapping[str, Any], kind: CustomKind) -> Suggestion | None:
    item = node.get("items") if node.get("type") == "array" else node
    if not isinstance(item, Mapping):
        return None
    properties = item.get("properties") or {}
    names_something = item.get("type") == "string" or "name" in properties
    text = path_text(path)
    if "matchLabels" in properties and _SELECTOR.fullmatch(name):
        return Suggestion(kind.name, text, "a label selector", {"selectors": f"- {{path: {text}, kind: pods}}"})
    if names_something:
        for pattern, guess in _KINDS:
            if pattern.fullmatch(name):
                return Suggestion(kind.name, text, f"the name of one of {guess}", {"references": f"- {{path: {text}, kind: {guess}}}"})
    if _REFERENCE.fullmatch(name) and "name" in properties:
        return Suggestion(kind.name, text, "a reference", {"references": f"- {{path: {text}, kind: …}}"})
    if item.get("type") == "string" and _NAMESPACE.fullmatch(name):
        return Suggestion(kind.name, text, "the name of a namespace, which is refused undeclared", {"passNamespaces": f"- {text}"})
    return None
