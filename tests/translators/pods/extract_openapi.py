"""Writes `openapi.json`: the fields of everything a PodSpec consists of and their types, from the OpenAPI document of Kubernetes.

    python tests/translators/pods/extract_openapi.py

The document, of the version in tools/binaries, is read from the Go module cache (`go mod download` in tools/binaries/kubernetes puts it there).
Committed is the extract, so that the test of the field table always runs; where the module is at hand, it also checks that the extract is current.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXTRACT = HERE / "openapi.json"
GO_MOD = HERE.parents[2] / "tools" / "binaries" / "kubernetes" / "go.mod"
ROOT = "io.k8s.api.core.v1.PodSpec"
# A claim template goes to the tenant's controller, never to the host.
LEAVES = ("PersistentVolumeClaimTemplate", "Quantity", "IntOrString")


def version() -> str:
    found = re.search(r"k8s\.io/kubernetes (v[\d.]+)", GO_MOD.read_text())
    assert found is not None, f"{GO_MOD} names no version of k8s.io/kubernetes"
    return found[1]


def document() -> Path | None:
    """The OpenAPI document in the Go module cache, if it is there."""
    try:
        cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True, timeout=30).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    path = Path(cache) / "k8s.io" / f"kubernetes@{version()}" / "api" / "openapi-spec" / "swagger.json"
    return path if path.is_file() else None


def short(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def reference(schema: dict[str, Any]) -> str | None:
    """The definition that a field, or the items of a list, consist of."""
    return schema.get("$ref") or (schema.get("items") or {}).get("$ref")


def type_of(schema: dict[str, Any]) -> str:
    """`string`, `Probe`, `[string]`, `[Probe]`, `{string}`: the type of a field in one word."""
    if "items" in schema:
        return f"[{type_of(schema['items'])}]"
    if "additionalProperties" in schema:
        return f"{{{type_of(schema['additionalProperties'])}}}"
    return short(schema["$ref"]) if "$ref" in schema else str(schema["type"])


def extracted(path: Path) -> dict[str, Any]:
    definitions = json.loads(path.read_text())["definitions"]
    found: dict[str, dict[str, str]] = {}
    left = [ROOT]
    while left:
        name = left.pop().removeprefix("#/definitions/")
        if short(name) in found or short(name) in LEAVES:
            continue
        fields = definitions[name].get("properties") or {}
        found[short(name)] = {field: type_of(schema) for field, schema in sorted(fields.items())}
        left.extend(target for schema in fields.values() if (target := reference(schema)))
    return {"version": version(), "definitions": dict(sorted(found.items()))}


if __name__ == "__main__":
    source = document()
    if source is None:
        raise SystemExit(f"k8s.io/kubernetes@{version()} is not in the Go module cache; run `go mod download` in {GO_MOD.parent}")
    EXTRACT.write_text(json.dumps(extracted(source), indent=1) + "\n")
    print(f"wrote {EXTRACT}")
