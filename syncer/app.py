"""The one place that knows everybody: settings → clusters → engine → one task group. The command line calls it."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
import structlog

from syncer.cluster.api import Api
from syncer.cluster.connect import connect
from syncer.cluster.election import Election
from syncer.cluster.transport import Transport
from syncer.clustertree.leases import NodeLeases
from syncer.core import stamp as stamps
from syncer.core.errors import AlreadyExists, LeadershipLost, NotFound, StartupError, SyncerError
from syncer.core.objects import NAMESPACES, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Translator
from syncer.engine.address_space import AddressSpace
from syncer.engine.host_api import host_api
from syncer.engine.replication import Replication
from syncer.engine.run import Engine, Surroundings
from syncer.observe.health import Health
from syncer.observe.http import serve
from syncer.observe.metrics import Metrics
from syncer.observe.supervise import supervise

log = structlog.get_logger()
_SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the command line and the sync file say about this process (the rest is `Settings`)."""

    settings: Settings
    translators: tuple[Translator, ...]
    account: str
    tenant_kubeconfig: Path | None
    host_kubeconfig: Path | None
    metrics_address: tuple[str, int] | None
    leader_election: bool = True
    identity: str


async def run(process: Process, *, ready: Callable[[str], None] = lambda address: None) -> None:
    """Runs until SIGTERM or SIGINT. Raises StartupError when it cannot start."""
    metrics = Metrics(kinds=[translator.name for translator in process.translators])
    health = Health(metrics)
    async with anyio.create_task_group() as group:
        async with clusters(process, metrics) as (tenant, host):
            group.start_soon(_stop_on_signal, group.cancel_scope)
            group.start_soon(health.run)
            address = await group.start(serve, process.metrics_address, metrics, health)
            ready(address)
            await _lead(process, tenant, host, metrics, health)
        group.cancel_scope.cancel()


@asynccontextmanager
async def clusters(process: Process, metrics: Metrics | None = None) -> AsyncIterator[tuple[Transport, Transport]]:
    """Connections to both sides, checked: an unreachable server or a bad credential is said here, once and clearly."""
    tenant = Transport(connect(Side.TENANT, process.tenant_kubeconfig), observe=_observer(metrics, Side.TENANT))
    host = Transport(connect(Side.HOST, process.host_kubeconfig), observe=_observer(metrics, Side.HOST))
    async with tenant, host:
        await host.check()
        await tenant.check()
        if metrics is not None:
            metrics.write_limit("tenant", lambda: tenant.limiter.limit)
            metrics.write_limit("host", lambda: host.limiter.limit)
        yield tenant, host


def _observer(metrics: Metrics | None, side: Side) -> Callable[[str, int, float], None]:
    if metrics is None:
        return lambda method, code, seconds: None
    return lambda method, code, seconds: metrics.request(method, code, seconds, side.value)


async def _stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("stopping", signal=number.name)
            scope.cancel()
            return


async def _lead(process: Process, tenant: Transport, host: Transport, metrics: Metrics, health: Health) -> None:
    """Campaigns, works while leading, and campaigns again; for ever. The Lease is given back on the way out."""
    settings = process.settings
    await _own_namespace(host, settings)
    election = (
        Election(host, settings.host.namespace, f"kled-syncer-{settings.tenant.name}", process.identity) if process.leader_election else Alone()
    )
    metrics.leading(lambda: election.leading)
    identity = await tenant.get(NAMESPACES, "", "kube-system")
    state = _State(lambda: election.leading)
    health.ready("leader", lambda: None if election.leader else "no leader is known yet")
    health.ready("lists", state.lists)
    host.may_write = tenant.may_write = election.may_write
    async with election.campaign():
        while True:
            await election.acquired()
            try:
                await _work(process, tenant, host, metrics, health, election, identity.meta.uid, state)
            except* LeadershipLost:
                log.warning("leadership_lost")
            state.engine = None


class Alone:
    """Stands where an Election stands when there is to be none: always leading, and remembering nothing across a restart."""

    leading = True
    leader = "this process, without election"

    def __init__(self) -> None:
        self.annotations: dict[str, str] = {}

    def may_write(self) -> bool:
        return True

    def annotate(self, key: str, value: str) -> None:
        self.annotations[key] = value

    async def acquired(self) -> None:
        return

    async def lost(self, scope: anyio.CancelScope) -> None:
        await anyio.sleep_forever()

    @asynccontextmanager
    async def campaign(self) -> AsyncIterator[None]:
        yield


@dataclass(slots=True)
class _State:
    """The engine of the present term, for the checks that outlive it."""

    leads: Callable[[], bool]
    engine: Engine | None = None

    def lists(self) -> str | None:
        if self.engine is None:
            return "starting" if self.leads() else None
        missing = self.engine.missing()
        return f"not listed yet: {', '.join(missing[:10])}" if missing or not self.engine.started else None


async def _work(
    process: Process,
    tenant: Transport,
    host: Transport,
    metrics: Metrics,
    health: Health,
    election: Election | Alone,
    tenant_uid: str,
    state: _State,
) -> None:
    """One term of leadership."""
    settings = replace(process.settings, host_api=await host_api(host, process.settings))
    known = election.annotations.get(stamps.TENANT_UID, "")
    if known and known != tenant_uid:
        raise StartupError(
            f"tenant {settings.tenant.name!r} is another cluster than before: its kube-system has UID {tenant_uid}, the Lease "
            f"{settings.host.namespace}/kled-syncer-{settings.tenant.name} remembers {known}. If this is meant, delete that Lease and what "
            f"carries the label {stamps.TENANT}={settings.tenant.name} on the host; if not, check --tenant and --tenant-kubeconfig."
        )
    election.annotate(stamps.TENANT_UID, tenant_uid)
    binding = await role_binding(host, settings)

    async def supervised(name: str, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await supervise(name, function, metrics=metrics, health=health)

    async def address_space(engine: Engine) -> None:
        await AddressSpace(tenant, host, settings).run()

    async def replication(engine: Engine) -> None:
        def tell(ref: Ref, reason: str, message: str) -> None:
            engine.tell(ref, engine.cache.obj(Side.TENANT, ref), reason, message, "Warning")

        await Replication(tenant, host, settings, engine.names, supervise=supervised, tell=tell, rng=engine.around.rng).run()

    async def node_leases(engine: Engine) -> None:
        await NodeLeases(tenant, engine.cache, fresh=engine.host_nodes_fresh).run()

    engine = Engine(
        Surroundings(
            tenant=tenant,
            host=host,
            settings=settings,
            translators=process.translators,
            measures=metrics,
            supervise=supervised,
            account=process.account,
            binding=binding,
            tasks=(
                ("node-leases", node_leases),
                ("address-space", address_space),
                ("replication", replication),
                ("tenant-memory", lambda engine: _remember(engine, election)),
            ),
        )
    )
    state.engine = engine
    metrics.watch_engine(engine)
    health.detail("held deletions", lambda: f"{engine.guard.held} deletions are held" if engine.guard.held else None)
    health.detail("places", lambda: _unread(engine))
    health.detail("kinds asleep", lambda: "; ".join(engine.presence.missing()) or None)
    _compare_versions(engine, election)
    async with anyio.create_task_group() as group:
        group.start_soon(election.lost, group.cancel_scope)
        await engine.run()


def _unread(engine: Engine) -> str | None:
    unread = engine.unread_places()
    return f"not readable yet: {', '.join(unread[:10])}" if unread else None


def _compare_versions(engine: Engine, election: Election | Alone) -> None:
    """A tenant whose resourceVersion has gone back was restored: what is missing in it may be missing by accident."""
    engine.known_version = int(election.annotations.get(stamps.TENANT_VERSION, "0") or 0)


async def _remember(engine: Engine, election: Election | Alone) -> None:
    """Keeps the newest resourceVersion of the tenant on the Lease (written with its renewals), and looks for a release by a human."""
    while True:
        version = engine.tenant_version()
        if version:
            election.annotate(stamps.TENANT_VERSION, str(version))
        released = election.annotations.get(stamps.RELEASE)
        if released and released != engine.released:
            engine.released = released
            engine.guard.release()
            log.warning("held_deletions_released", by=released)
        await asyncio.sleep(5)


async def _own_namespace(host: Api, settings: Settings) -> None:
    """The namespace of the Lease must be there; it is made if we may."""
    name = settings.host.namespace
    try:
        await host.get(NAMESPACES, "", name)
    except NotFound:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        try:
            await host.create(NAMESPACES, "", body)
        except AlreadyExists:
            pass
        except SyncerError as error:
            raise StartupError(
                f"the syncer's own namespace {name!r} (host.namespace) does not exist on the host and cannot be created: {error}. "
                f"Create it, or apply `kled-syncer rbac --side host`, which contains it."
            ) from error
    except SyncerError as error:
        then = "Grant what is needed with: kled-syncer rbac --side host ... | kubectl apply -f -"
        raise StartupError(f"cannot read namespace {name!r} on the host: {error}. {then}") from error


async def role_binding(host: Transport, settings: Settings) -> dict[str, Any] | None:
    """The RoleBinding that gives us our rights in a workload namespace; None when we hold them everywhere already (a cluster admin)."""
    attributes = {"resource": "secrets", "verb": "create", "namespace": ""}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": attributes}}
    answer = await host.call("POST", _ACCESS, review)
    if answer["status"].get("allowed"):
        return None
    me = await host.call("POST", _SELF, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
    user = str(me["status"]["userInfo"]["username"])
    tenant = settings.tenant.name
    if user.startswith("system:serviceaccount:"):
        _, _, namespace, name = user.split(":", 3)
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    else:
        subject = {"kind": "User", "name": user, "apiGroup": "rbac.authorization.k8s.io"}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": f"kled-{tenant}-syncer", "labels": {stamps.TENANT: tenant}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"kled-{tenant}-workload"},
        "subjects": [subject],
    }


def own_identity(hostname: str) -> str:
    """Who we are in the Lease: the pod's name and something that no second process has."""
    return f"{hostname}_{random.SystemRandom().getrandbits(64):016x}"
