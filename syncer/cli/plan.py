"""`kled-syncer plan`: what would be written, without writing anything."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from syncer.cli.printing import plain, printed
from syncer.cli.sources import Output, Sources, prepared, run_async
from syncer.look import plan_of


def plan(
    *, sources: Sources | None = None, output: Annotated[Output, Parameter(name=["--output", "-o"], help="text, json or yaml.")] = "text"
) -> int:
    """Show what `run` would write now. Exit code 0: nothing, 2: something."""
    process, _ = prepared(sources or Sources())
    told: dict[str, list[dict[str, Any]]] = run_async(plan_of, process)
    found = told["actions"]
    if output != "text":
        print(printed(told, output))
    elif not found:
        print("Nothing to write: tenant and host agree.")
    else:
        for action in found:
            print(_line(action))
        print(f"{len(found)} writes. Run `kled-syncer run` with the same flags to make them.", file=sys.stderr)
    if output == "text":
        for suggestion in told.get("suggestions", ()):
            print(_advice(suggestion))
    return 2 if found else 0


def _advice(suggestion: dict[str, Any]) -> str:
    """One line on what may have been forgotten."""
    where = f"{suggestion['kind']} {suggestion['path']}".strip()
    write = "; ".join(f"write under {key}: {line}" for key, line in suggestion["write"].items())
    return plain(f"suggestion: {where} looks like {suggestion['looksLike']}" + (f"; {write}" if write else ""))


def _line(action: dict[str, Any]) -> str:
    where = f"{action['namespace']}/{action['name']}" if action["namespace"] else action["name"]
    because = f"  ({action['reason']})" if action["reason"] else ""
    return f"{action['verb']:9} {action['side']:6} {action['kind']} {where}  <- {action['source']}{because}"
