"""`docs/configuration.md`: prose from `prose`, tables from the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from config import prose
from config.kinds import KINDS, Kind
from config.schema import schema
from config.section import key_of
from config.settings import PLACES, ProcessSettings

_SECTIONS = {
    "SyncSection": "sync",
    "ResourceSection": "sync.resources[]",
    "FromHostSection": "sync.fromHost",
    "ExportSection": "sync.fromHost.configmaps[]",
    "SelectorSection": "selector",
    "RequirementSection": "matchExpressions[]",
    "ClusterTreeSection": "clusterTree",
    "NodeChoiceSection": "clusterTree.nodes (as a mapping)",
    "PromoteSection": "clusterTree.promoteResources",
    "HostSection": "host",
    "TenantSection": "tenant",
    "PolicySection": "policy",
    "NetworkSection": "network",
    "ReplicateServicesSection": "network.replicateServices",
    "ReplicaSection": "network.replicateServices entries",
    "BrakeSection": "brake",
}
"""The models in the order of the page, with their headings."""


def reference() -> str:
    """The whole page."""
    made = schema()
    parts = [
        prose.HEAD,
        prose.FLAGS,
        _table(("flag", "variable", "key in the sync file", "default", "meaning"), _flags(made)),
        "## Top level\n",
        _fields(made),
        *_sections(made["$defs"]),
        prose.NAMESPACES,
        prose.KINDS,
        _table(("kind", "modes", "always on", "keys it does not take"), map(_kind, KINDS)),
        prose.MODES,
    ]
    return "\n".join(parts)


def _sections(models: dict[str, Any]) -> Iterator[str]:
    for name, heading in _SECTIONS.items():
        yield f"## {heading}\n\n{models[name]['description']}\n"
        yield _fields(models[name])


def _fields(model: dict[str, Any]) -> str:
    required = model.get("required", ())
    rows = (
        (f"`{key}`", _type(field), "required" if key in required else _default(field), _meaning(field)) for key, field in model["properties"].items()
    )
    return _table(("key", "type", "default", "meaning"), rows)


def _flags(made: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, field in ProcessSettings.model_fields.items():
        place = tuple(map(key_of, PLACES.get(name, ())))
        default = _default(made["properties"][place[0]]) if len(place) == 1 else "–"
        key = f"`{'.'.join(place)}`" if place else "–"
        yield f"`--{name.replace('_', '-')}`", f"`KLED_{name.upper()}`", key, default, field.description or ""


def _kind(kind: Kind) -> tuple[str, ...]:
    modes = ", ".join(f"`{mode}`" for mode in kind.modes)
    refused = ", ".join(f"`{key}`" for key, _ in kind.refused)
    return f"`{kind.plural}`", modes, "yes" if kind.always else "no", refused or "–"


def _type(node: dict[str, Any]) -> str:
    """A schema node in a few words, with links to sections."""
    if "$ref" in node:
        heading = _SECTIONS[node["$ref"].rsplit("/", 1)[1]]
        return f"[{heading}](#{_anchor(heading)})"
    if "oneOf" in node or "anyOf" in node:
        return " or ".join(map(_type, node.get("oneOf") or node["anyOf"]))
    if "enum" in node:
        return "word" if len(node["enum"]) > 5 else ", ".join(f"`{word}`" for word in node["enum"])
    if node["type"] == "array":
        return f"list of {_type(node['items'])}"
    if node["type"] == "object":
        return f"mapping to {_type(node['additionalProperties'])}"
    if "format" in node:
        return str(node["format"]).replace("-", " ")
    return {"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number"}[node["type"]]


def _anchor(heading: str) -> str:
    kept = "".join(letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def _default(node: dict[str, Any]) -> str:
    value = node.get("default")
    if value is None or isinstance(value, list | dict) or "$ref" in node:
        return "–"
    return f"`{value:g}`" if isinstance(value, float) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _meaning(node: dict[str, Any]) -> str:
    return str(node.get("description", "")).replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
