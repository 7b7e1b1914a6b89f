"""Where a process gets its configuration from, and the one function that brings it all together.

For every value: flag, else environment variable `KLED_…`, else sync file, else default. `load` gives everything a syncer needs or raises one
`ConfigError` with all problems; `validate` stops before the values that need a tenant's name, so that a file can be checked alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TypedDict, Unpack

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from config import complaints, grammar, lower, mapping, readers, rules
from config import types as t
from config.document import Document
from config.errors import Complaint, ConfigError, Problem
from config.models import SyncFile
from config.section import Section
from config.yaml_source import read_file
from syncer.core.settings import Settings

POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

EnvFlag = Annotated[bool, t.Reads(readers.env_flag, {"type": "boolean"})]


class ProcessSettings(BaseSettings):
    """The flags of `kled-syncer run`, each also an environment variable with the prefix `KLED_`."""

    model_config = SettingsConfigDict(env_prefix="KLED_", env_ignore_empty=True, extra="forbid", frozen=True)

    sync_file: Path | None = Field(default=None, description="The sync file. Without one every value has its default.")
    tenant: t.TenantName | None = Field(default=None, description="Name of the tenant.")
    tenant_kubeconfig: Path | None = Field(default=None, description="Kubeconfig file of the tenant.")
    host_kubeconfig: Path | None = Field(default=None, description="Kubeconfig file of the host.")
    metrics_address: t.ListenAddress | None = Field(default=None, description="Where metrics and health are served.")
    log_format: t.LogFormatWord | None = Field(default=None, description="Log lines for machines or for people.")
    log_level: t.LogLevelWord | None = Field(default=None, description="The least severe log lines that are written.")
    leader_elect: EnvFlag | None = Field(default=None, description="Whether the syncer waits for its Lease before it writes.")


class Flags(TypedDict, total=False):
    """What the command line was given; `None` is the same as absent."""

    sync_file: Path | str | None
    tenant: str | None
    tenant_kubeconfig: Path | str | None
    host_kubeconfig: Path | str | None
    metrics_address: str | None
    log_format: str | None
    log_level: str | None
    leader_elect: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the process itself needs to know, beside `Settings`. A kubeconfig of None means the pod's service account;
    a `metrics_address` of None means that nothing is served."""

    tenant_kubeconfig: Path | None
    host_kubeconfig: Path | None
    metrics_address: tuple[str, int] | None
    log_format: t.LogFormat
    log_level: t.LogLevel
    leader_elect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The whole configuration. `file` is the effective sync file, from which `show` writes YAML."""

    settings: Settings
    process: Process
    file: SyncFile


PLACES = {
    "tenant": ("tenant", "name"),
    "tenant_kubeconfig": ("tenant", "kubeconfig"),
    "host_kubeconfig": ("host", "kubeconfig"),
    "metrics_address": ("metrics_address",),
    "log_format": ("log_format",),
    "log_level": ("log_level",),
    "leader_elect": ("leader_elect",),
}
"""Where the sync file says what a flag says, as fields of the models."""


def load(*, pod_namespace: Path = POD_NAMESPACE, **flags: Unpack[Flags]) -> Loaded:
    """The configuration of a syncer, or a `ConfigError` with everything that is wrong."""
    given = _given(flags)
    file = _effective(given, pod_namespace)
    if file.tenant.name is None:
        raise ConfigError([_nameless(given.sync_file)])
    return Loaded(settings=lower.settings(file), process=_process(file), file=file)


def validate(*, pod_namespace: Path = POD_NAMESPACE, **flags: Unpack[Flags]) -> SyncFile:
    """The effective sync file. Without a tenant's name, what derives from it stays open."""
    return _effective(_given(flags), pod_namespace)


def _given(flags: Flags) -> ProcessSettings:
    """Flags over environment; `model_fields_set` tells what either of them said."""
    said = {name: value for name, value in flags.items() if value is not None}
    try:
        return ProcessSettings(**said)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(_unfit_flags(error, said)) from None


def _unfit_flags(error: ValidationError, said: dict[str, object]) -> Iterator[Problem]:
    for complaint in complaints.complaints(error):
        name = str(complaint.path[0])
        source = f"flag --{name.replace('_', '-')}" if name in said else f"environment variable KLED_{name.upper()}"
        yield Problem(source=source, reason=complaint.reason, next_step=complaint.next_step)


def _effective(given: ProcessSettings, pod_namespace: Path) -> SyncFile:
    document = read_file(given.sync_file.expanduser()) if given.sync_file else Document("configuration")
    try:
        written = SyncFile.model_validate(document.value())
    except ValidationError as error:
        raise ConfigError(map(document.problem, complaints.complaints(error))) from None
    file = _overlaid(written, given)
    file = _with(file, ("host", "namespace"), file.host.namespace or _own_namespace(file.tenant.name, pod_namespace))
    found = rules.complaints(file)
    if rules.the_table(file) is None and file.tenant.name is not None:
        table = mapping.default_table(file.tenant.name)
        found += _default_mapping(table, file)
        file = _with(file, ("sync", "namespace_mapping"), table)
    if found:
        raise ConfigError(map(document.problem, found))
    return file


def _overlaid(file: SyncFile, given: ProcessSettings) -> SyncFile:
    """The file with what flags and environment say in its place. Paths in the file are relative to the file, others to the working directory."""
    base = given.sync_file.parent if given.sync_file else Path()
    for place in (PLACES["tenant_kubeconfig"], PLACES["host_kubeconfig"]):
        path = getattr(getattr(file, place[0]), place[1])
        if path is not None:
            file = _with(file, place, str((base / Path(path).expanduser()).absolute()))
    for name, place in PLACES.items():
        if name in given.model_fields_set:
            value = getattr(given, name)
            file = _with(file, place, str(value.expanduser().absolute()) if isinstance(value, Path) else value)
    return file


def _with(file: SyncFile, place: tuple[str, ...], value: object) -> SyncFile:
    """A copy of the file with one value, which is checked already, set."""
    if len(place) == 1:
        return file.model_copy(update={place[0]: value})
    section: Section = getattr(file, place[0])
    return file.model_copy(update={place[0]: section.model_copy(update={place[1]: value})})


def _own_namespace(tenant: str | None, pod_namespace: Path) -> str | None:
    try:
        return grammar.dns_label(pod_namespace.read_text("utf-8").strip())
    except (OSError, ValueError):
        return None if tenant is None else f"kled-{tenant}"


def _default_mapping(table: dict[str, str], file: SyncFile) -> Iterator[Complaint]:
    """What is wrong with the mapping nobody wrote: it may lead to where the host or the syncer lives."""
    ground = mapping.Ground(own=file.host.namespace, allowed=file.host.allow_namespaces)
    for complaint in mapping.complaints(table, ground, ("sync", "namespaceMapping")):
        yield replace(
            complaint,
            path=("sync", "namespaceMapping"),
            reason=f"no mapping is written, and the default {complaint.reason}",
            next_step="Write a `namespaceMapping` under `sync` that begins differently",
        )


def _nameless(sync_file: Path | None) -> Problem:
    return Problem(
        source=str(sync_file or "configuration"),
        path="tenant.name",
        reason="the tenant has no name",
        next_step="Pass `--tenant NAME`, set KLED_TENANT, or write `tenant.name` in the sync file",
    )


def _process(file: SyncFile) -> Process:
    return Process(
        tenant_kubeconfig=Path(file.tenant.kubeconfig) if file.tenant.kubeconfig else None,
        host_kubeconfig=Path(file.host.kubeconfig) if file.host.kubeconfig else None,
        metrics_address=grammar.listen_address(file.metrics_address) if file.metrics_address else None,
        log_format=file.log_format,
        log_level=file.log_level,
        leader_elect=file.leader_elect,
    )
