"""The JSON schema of the sync file, for editors, and the generated reference. `python -m config.schema` writes both.

The schema says the same as the models as far as a schema can: it knows keys, types and words, but not the rules between parts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from config.models import SyncFile

SCHEMA_FILE = Path(__file__).parent / "schema.json"
REFERENCE_FILE = Path(__file__).parent.parent / "docs" / "configuration.md"


def schema() -> dict[str, Any]:
    """The schema without what pydantic adds for itself: titles made of names, and `null` where a key may be absent."""
    made: dict[str, Any] = _cleaned(SyncFile.model_json_schema())
    made.pop("description", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Kled sync file", **made}


def _cleaned(node: Any, is_schema: bool = True) -> Any:
    """`is_schema` is false for the mappings from names to schemas, where `title` would be a key of the sync file."""
    if isinstance(node, list):
        return [_cleaned(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if not (is_schema and (key == "title" or (key == "default" and value is None)))}
    made = {key: _cleaned(value, is_schema=key not in ("properties", "$defs")) for key, value in kept.items()}
    return _without_null(made)


def _without_null(node: dict[str, Any]) -> dict[str, Any]:
    alternatives = [item for item in node.get("anyOf", ()) if item != {"type": "null"}]
    if len(alternatives) == len(node.get("anyOf", ())):
        return node
    rest = {key: value for key, value in node.items() if key != "anyOf"}
    return {**alternatives[0], **rest} if len(alternatives) == 1 else {**rest, "anyOf": alternatives}


def schema_text() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    from config.reference import reference

    SCHEMA_FILE.write_text(schema_text(), "utf-8")
    REFERENCE_FILE.parent.mkdir(exist_ok=True)
    REFERENCE_FILE.write_text(reference(), "utf-8")


if __name__ == "__main__":
    main()
