"""The flags that several commands share, and what is built from them."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import anyio
from cyclopts import Parameter

import config
from syncer.app import Process, own_identity
from syncer.boundary import armed
from syncer.observe.log import set_up
from translators.catalog import Catalog, catalog
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

T = TypeVar("T")
Output = Literal["text", "json", "yaml"]


@Parameter(name="*")
@dataclass(frozen=True)
class Sources:
    """Where the syncer reads from. Every flag is also an environment variable (`KLED_TENANT`, `KLED_SYNC_FILE`, …)."""

    sync_file: Annotated[Path | None, Parameter(help="The sync file (YAML).")] = None
    tenant: Annotated[str | None, Parameter(help="The tenant's name, a DNS label of at most 40 characters.")] = None
    tenant_kubeconfig: Annotated[
        Path | None, Parameter(help="Kubeconfig of the tenant's API server; in a pod the service account is the default.")
    ] = None
    host_kubeconfig: Annotated[Path | None, Parameter(help="Kubeconfig of the host's API server; in a pod the service account is the default.")] = (
        None
    )
    log_format: Annotated[Literal["json", "console"] | None, Parameter(help="How log lines look.")] = None
    log_level: Annotated[str | None, Parameter(help="debug, info, warning or error.")] = None

    def load(self, *, metrics_address: str | None = None, leader_elect: bool | None = None) -> config.Loaded:
        return config.load(
            sync_file=self.sync_file,
            tenant=self.tenant,
            tenant_kubeconfig=self.tenant_kubeconfig,
            host_kubeconfig=self.host_kubeconfig,
            log_format=self.log_format,
            log_level=self.log_level,
            metrics_address=metrics_address,
            leader_elect=leader_elect,
        )


def process(loaded: config.Loaded, known: Catalog) -> Process:
    """What `syncer.app` needs."""
    told = loaded.process
    return Process(
        settings=loaded.settings,
        translators=armed(known, WORKLOAD_SERVICE_ACCOUNT),
        account=WORKLOAD_SERVICE_ACCOUNT,
        tenant_kubeconfig=told.tenant_kubeconfig,
        host_kubeconfig=told.host_kubeconfig,
        metrics_address=told.metrics_address,
        leader_election=told.leader_elect,
        identity=own_identity(socket.gethostname()),
    )


def prepared(
    sources: Sources, *, quiet: bool = True, metrics_address: str | None = None, leader_elect: bool | None = None
) -> tuple[Process, Catalog]:
    """Configuration read, logging set up, kinds known. `quiet`: only warnings are logged, because the output is for people."""
    loaded = sources.load(metrics_address=metrics_address, leader_elect=leader_elect)
    level = "warning" if quiet and sources.log_level is None else loaded.process.log_level
    set_up(level=level, format=loaded.process.log_format, tenant=loaded.settings.tenant.name)
    known = catalog(loaded.settings)
    return process(loaded, known), known


def run_async(function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
    """Runs a coroutine function on uvloop."""
    return anyio.run(function, *arguments, backend_options={"use_uvloop": True})
