"""`kled-syncer run`: the daemon."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from syncer import app
from syncer.cli.memory import settle_down
from syncer.cli.sources import Sources, prepared, run_async


def run(
    *,
    sources: Sources | None = None,
    metrics_address: Annotated[str | None, Parameter(help="HOST:PORT of /metrics, /livez and /readyz.")] = None,
    leader_elect: Annotated[bool | None, Parameter(help="Wait for the Lease before anything is written (two replicas can run).")] = None,
) -> int:
    """Run the syncer until SIGTERM.

    Reads the tenant's API server and the host's, and keeps the host objects (and the tenant's status) as they should be.
    """
    process, _ = prepared(sources or Sources(), quiet=False, metrics_address=metrics_address, leader_elect=leader_elect)
    settle_down()
    run_async(app.run, process)
    return 0
