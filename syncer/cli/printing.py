"""JSON and YAML for machines."""

from __future__ import annotations

import json
from typing import Any

import yaml


def printed(value: Any, output: str) -> str:
    if output == "json":
        return json.dumps(value, indent=2, ensure_ascii=False)
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).rstrip()


def plain(text: str) -> str:
    """Text from a cluster made safe for a terminal: no control characters."""
    return "".join(char if char.isprintable() else "?" for char in text)
