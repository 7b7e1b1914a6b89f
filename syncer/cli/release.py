"""`kled-syncer release`: a human has looked at the held deletions and lets them go."""

from __future__ import annotations

from datetime import UTC, datetime

from syncer.app import Process, clusters
from syncer.cli.sources import Sources, prepared, run_async
from syncer.core import stamp as stamps
from syncer.core.errors import NotFound, StartupError
from syncer.core.objects import LEASES


def release(*, sources: Sources | None = None) -> int:
    """Let the deletions go that the brake holds (see SyncHeld events and /readyz?verbose)."""
    process, _ = prepared(sources or Sources())
    run_async(_release, process)
    print("Released: the running syncer deletes what it held within a few seconds.")
    return 0


async def _release(process: Process) -> None:
    settings = process.settings
    name = f"kled-syncer-{settings.tenant.name}"
    mark = {"metadata": {"annotations": {stamps.RELEASE: datetime.now(UTC).isoformat(timespec="seconds")}}}
    async with clusters(process) as (_, host):
        try:
            await host.patch(LEASES, settings.host.namespace, name, mark)
        except NotFound:
            raise StartupError(f"there is no Lease {settings.host.namespace}/{name} on the host: no syncer of this tenant has run yet") from None
