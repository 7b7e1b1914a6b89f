"""`kled-syncer explain`: why is this object (not) on the host."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from syncer.cli.printing import plain, printed
from syncer.cli.sources import Output, Sources, prepared, run_async
from syncer.look import explanation_of


def explain(
    kind: Annotated[str, Parameter(help="Singular, plural or short name: pod, pods, po.")],
    name: Annotated[str, Parameter(help="NAMESPACE/NAME of the tenant object; NAME alone for nodes and namespaces.")],
    *,
    sources: Sources | None = None,
    output: Annotated[Output, Parameter(name=["--output", "-o"], help="text, json or yaml.")] = "text",
) -> int:
    """Say where a tenant object is on the host, in which state, and why. Exit code 1: there is no such object."""
    process, known = prepared(sources or Sources())
    translator = known.find(kind)
    if translator is None:
        print(f"kled-syncer: unknown kind {kind!r}; kinds here: {', '.join(known.by_plural)}", file=sys.stderr)
        return 64
    namespace, _, short = name.rpartition("/")
    if translator.source.namespaced and not namespace:
        print(f"kled-syncer: {kind} needs NAMESPACE/NAME, for example {kind} default/{short}", file=sys.stderr)
        return 64
    found: dict[str, Any] | None = run_async(explanation_of, process, translator, namespace, short)
    if found is None:
        print(f"kled-syncer: there is no {kind} {name} in the tenant", file=sys.stderr)
        return 1
    print(printed(found, output) if output != "text" else _text(found))
    return 0


def _text(found: dict[str, Any]) -> str:
    host = found["host"]
    where = "/".join(part for part in (host["namespace"], host["name"]) if part)
    lines = [
        f"{found['source']['kind']} {found['source']['namespace']}/{found['source']['name']}".replace(" /", " "),
        f"  State:    {found['state']}" + (f" ({found['reason']})" if found["reason"] else ""),
        f"  On host:  {where or '-'} ({'exists' if host['exists'] else 'does not exist'})",
    ]
    if found["message"]:
        lines.append(f"  Why:      {plain(found['message'])}")
    lines += [f"  Next:     {plain(step)}" for step in found["pending"]]
    return "\n".join(lines)
