"""`kled-syncer config validate|schema|show`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

import config
from config.schema import schema as json_schema

app = cyclopts.App(help="Check, describe or show the configuration.")


@app.command
def validate(*, sync_file: Annotated[Path, Parameter(help="The sync file to check.")], tenant: str | None = None) -> int:
    """Check a sync file without touching any cluster."""
    config.validate(sync_file=sync_file, tenant=tenant)
    print(f"{sync_file}: valid")
    return 0


@app.command
def schema(*, sync_file: Path | None = None) -> int:
    """Print the JSON schema of the sync file, for editors."""
    print(json.dumps(json_schema(), indent=2))
    return 0


@app.command
def show(*, sync_file: Annotated[Path | None, Parameter(help="The sync file.")] = None, tenant: str | None = None) -> int:
    """Print the configuration in effect: file, environment and defaults together."""
    print(config.show(config.validate(sync_file=sync_file, tenant=tenant)), end="")
    return 0
