"""Pydantic's errors in our words: which part of the document, why, and what to do next.

Most reasons come from our own readers and are passed on. What remains are pydantic's structural errors: an unknown key, a missing one, a
list or mapping that is something else. For an unknown key the nearest known one is named, or the section that the key belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.errors import Complaint, Path, path_text
from config.grammar import fold, nearest
from config.models import SyncFile
from config.readers import wrong_type

_STRUCTURES = {"model_type": "a mapping", "dict_type": "a mapping", "tuple_type": "a list", "list_type": "a list"}


def complaints(error: ValidationError) -> list[Complaint]:
    """All errors, in the order of the document's sections."""
    return [_complaint(details) for details in error.errors(include_url=False)]


def _complaint(details: ErrorDetails) -> Complaint:
    loc = details["loc"]
    path = tuple(step for step in loc if not _is_made_up(step))
    on_key = loc[-1:] == ("[key]",)
    context = details.get("ctx", {})
    if "next_step" in context:
        return Complaint(path, context["reason"], context["next_step"], on_key=on_key)
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(path)
        case "missing":
            return Complaint(path, "this key is missing", f"Write `{path[-1]}`")
        case kind if kind in _STRUCTURES:
            unfit = wrong_type(_STRUCTURES[kind], details["input"])
            return Complaint(path, unfit.reason, unfit.next_step)
    return Complaint(path, details["msg"], "See docs/configuration.md")


def _is_made_up(step: str | int) -> bool:
    """Whether pydantic (or a tag of ours) added the step, so that the document does not have it."""
    return isinstance(step, str) and (step == "[key]" or (step.startswith("(") and step.endswith(")")))


def _unknown_key(path: Path) -> Complaint:
    key = str(path[-1])
    known = _keys_at(path[:-1])
    near = nearest(key, known)
    home = next((place for place, keys in _sections() if key in keys), None)
    if near and (home is None or fold(near) == fold(key)):
        next_step = f"Did you mean `{near}`?"
    elif home is not None:
        next_step = f"Write it under `{home}`" if home else "Write it at the top level"
    else:
        next_step = "Known here are " + ", ".join(f"`{name}`" for name in known)
    return Complaint(path, "unknown key", next_step, on_key=True)


def _keys_at(path: Path) -> list[str]:
    """The keys that the models know at a path, whichever variant the document meant."""
    schema = SyncFile.model_json_schema()
    variants = list(_variants(schema, schema))
    for step in path:
        found = [child for node in variants for child in _below(node, step)]
        variants = [variant for node in found for variant in _variants(node, schema)]
    return list(dict.fromkeys(key for node in variants for key in node.get("properties", {})))


def _below(node: Mapping[str, Any], step: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(step, int) and "items" in node:
        yield node["items"]
    if isinstance(step, str) and step in node.get("properties", {}):
        yield node["properties"][step]


def _variants(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The alternatives of a schema node, references followed."""
    if "$ref" in node:
        yield from _variants(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], schema)
    for alternative in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
        yield from _variants(alternative, schema)
    yield node


def _sections() -> Iterator[tuple[str, list[str]]]:
    """The keys of the top level and of the sections right below it, by path."""
    top = _keys_at(())
    yield "", top
    for key in top:
        yield path_text((key,)), _keys_at((key,))
