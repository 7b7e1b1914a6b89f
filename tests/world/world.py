"""Two simulated clusters, everybody who works in them, and real engines between: on one loop of virtual time.

world = World(SEPARATE)
world.start()
world.tenant_put(PODS, universe.pod("a", "a"))
world.rest()                    # faults end, everybody works until nothing changes any more
world.check()                   # every invariant
world.close()
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from syncer.boundary import armed
from syncer.core.errors import ApiError, LeadershipLost
from syncer.core.names import Names
from syncer.core.objects import NAMESPACES, Resource, Side
from syncer.core.settings import BrakeSettings, HostSettings, KindSettings, NamespaceMapping, Settings, TenantSettings
from syncer.core.translator import Translator
from syncer.engine.run import Engine, Surroundings
from syncer.testing import Controllers, Kubelet, Request, Scheduler, SimulatedCluster, VirtualTimeLoop, make_node, settle, wall_time
from tests.world import universe
from tests.world.faults import Faults
from tests.world.lifecycle import NodeLifecycle
from translators.catalog import BUILTIN
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

T = TypeVar("T")
TENANT = "t"
KINDS = ("namespaces", "nodes", "services", "configmaps", "secrets", "pods", "events")
TRANSLATORS = tuple(translator for translator in BUILTIN if translator.kind_setting in KINDS)
UNMAPPED = frozenset({"t-default", "t-kube-system", "t-kube-public", "t-kube-node-lease"})
QUIET = 330.0
"""The longest pause after which the engine tries something again by itself, and a little."""


@dataclass(frozen=True)
class Variant:
    """How a world is configured. `adopting`: the host gives the service addresses and the tenant takes them over."""

    mapping: NamespaceMapping
    adopting: bool = False
    select: str = "used"

    def host_namespace(self, namespace: str) -> str | None:
        return Names(TENANT, self.mapping).namespace(namespace)


SEPARATE = Variant(NamespaceMapping(pattern="t-{namespace}", closed=UNMAPPED))
SHARED = Variant(NamespaceMapping(shared="all"))
ADOPTING = Variant(NamespaceMapping(pattern="t-{namespace}", closed=UNMAPPED), adopting=True, select="all")
VARIANTS = {"separate": SEPARATE, "shared": SHARED, "adopting": ADOPTING}


def settings_of(variant: Variant, brake: BrakeSettings) -> Settings:
    return Settings(
        tenant=TenantSettings(name=TENANT, service_cidr=() if variant.adopting else ("10.97.0.0/16",)),
        host=HostSettings(namespace=f"kled-{TENANT}"),
        mapping=variant.mapping,
        kinds={name: KindSettings(name=name, select=variant.select) for name in KINDS},  # type: ignore[arg-type]
        brake=brake,
    )


class Measures:
    """Counts what a healthy engine never reports."""

    def __init__(self) -> None:
        self.unreadable = 0

    def translation_error(self, kind: str) -> None:
        self.unreadable += 1

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args, **kwargs: None


@dataclass(eq=False)
class Syncer:
    """One process. Its requests carry its name; once dead it asks for nothing any more."""

    user: str
    engine: Engine
    measures: Measures
    task: asyncio.Task[None]
    dead: bool = False
    accidents: list[BaseException] = field(default_factory=list)
    """What tasks of the engine died of."""


class World:
    def __init__(
        self,
        variant: Variant = SEPARATE,
        *,
        seed: int = 0,
        brake: BrakeSettings | None = None,
        translators: Iterable[Translator] = TRANSLATORS,
        namespaces: Iterable[str] = universe.NAMESPACES_OF_TENANT,
        latency: float = 0.02,
    ) -> None:
        self.variant = variant
        self.settings = settings_of(variant, brake or BrakeSettings())
        self.names = Names(TENANT, variant.mapping, frozenset(self.settings.host.reserved_names))
        self.rng = random.Random(seed)
        self.loop = VirtualTimeLoop(limit=math.inf)
        tenant_ranges = ("10.97.0.0/16", "10.96.0.0/16") if variant.adopting else ("10.97.0.0/16",)
        self.tenant = SimulatedCluster(Side.TENANT, service_cidrs=tenant_ranges, service_accounts=True)
        self.host = SimulatedCluster(Side.HOST, service_cidrs=("10.96.0.0/16", "10.97.0.0/16"), service_accounts=True)
        self.tenant_scheduler, self.host_scheduler = Scheduler(self.tenant), Scheduler(self.host)
        self.kubelet = Kubelet(self.host)
        self.controllers = Controllers(self.tenant), Controllers(self.host), NodeLifecycle(self.tenant), NodeLifecycle(self.host)
        self.translators = armed(tuple(translators), WORKLOAD_SERVICE_ACCOUNT)
        self.faults = Faults(self)
        for cluster in (self.tenant, self.host):
            cluster.latency = lambda request: self.rng.uniform(0, latency)
            cluster.before, cluster.after = self.faults.before, self.faults.after
            cluster.on_batch = partial(self.faults.on_batch, cluster.side)
        self._counted = {Side.TENANT: (0, 0), Side.HOST: (0, 0)}
        self.syncers: list[Syncer] = []
        self.known_version = 0
        """What the Lease would remember of the tenant."""
        self.do(lambda: self._furnish(namespaces))

    def _furnish(self, namespaces: Iterable[str]) -> None:
        make_node(self.host, "n1")
        make_node(self.host, "n2")
        if self.variant.adopting:
            ranges = Resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", namespaced=False)
            self.tenant.put(ranges, {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/16"]}})
        for name in namespaces:
            self.tenant.put(NAMESPACES, universe.namespace(name))
        settle(*self.controllers)

    # --- time

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def do(self, act: Callable[[], T]) -> T:
        """Call something that needs the loop's clock."""

        async def now() -> T:
            return act()

        return self.run(now())

    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.run(asyncio.sleep(1))
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()

    # --- processes

    def start(self) -> Syncer:
        """One more syncer process. Nothing elects: two at once are two at once."""
        return self.do(self._start)

    def _start(self) -> Syncer:
        user = f"syncer-{len(self.syncers)}"
        measures = Measures()
        engine = Engine(
            Surroundings(
                tenant=self.tenant.as_user(user),
                host=self.host.as_user(user),
                settings=self.settings,
                translators=self.translators,
                measures=measures,
                supervise=lambda name, function: self._supervise(syncer, name, function),
                account=WORKLOAD_SERVICE_ACCOUNT,
                tasks=(("memory", self._remember),),
                rng=random.Random(self.rng.random()),
                wall_clock=wall_time,
            )
        )
        engine.known_version = self.known_version
        syncer = Syncer(user, engine, measures, self.loop.create_task(self._life(engine), name=user))
        self.syncers.append(syncer)
        return syncer

    async def _life(self, engine: Engine) -> None:
        await engine.run()

    async def _supervise(self, syncer: Syncer, name: str, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while True:
            try:
                await function()
                return
            except (LeadershipLost, asyncio.CancelledError):
                raise
            except Exception as error:
                syncer.accidents.append(error)
                await asyncio.sleep(1)

    async def _remember(self, engine: Engine) -> None:
        while True:
            self.known_version = max(self.known_version, engine.tenant_version())
            await asyncio.sleep(5)

    @property
    def alive(self) -> list[Syncer]:
        return [syncer for syncer in self.syncers if not syncer.dead]

    @property
    def engine(self) -> Engine:
        return self.alive[-1].engine

    def kill(self, syncer: Syncer) -> None:
        """At once: what it has not sent by now it never sends."""
        syncer.dead = True
        syncer.task.cancel()

    def crash(self) -> None:
        """All processes die."""
        for syncer in self.alive:
            self.kill(syncer)
        self.wait(0.1)

    def restart(self) -> Syncer:
        self.crash()
        return self.start()

    def is_dead(self, user: str) -> bool:
        return any(syncer.dead for syncer in self.syncers if syncer.user == user)

    # --- the others

    def everybody(self) -> None:
        """Schedulers, kubelets and controllers do what is due."""
        self.do(lambda: settle(self.tenant_scheduler, self.host_scheduler, self.kubelet, *self.controllers))

    def settle(self, seconds: float = 30.0) -> None:
        """Time passes, and everybody works meanwhile."""
        for _ in range(int(seconds)):
            self.everybody()
            self.wait(1.0)

    def tenant_put(self, resource: Resource, obj: dict[str, Any]) -> None:
        """As the tenant's user; what the server refuses is not done."""
        self.attempt(lambda: self.tenant.put(resource, obj, user="tenant-user"))

    def attempt(self, act: Callable[[], Any]) -> bool:
        """Whether the server let it be done."""
        try:
            self.do(act)
        except ApiError:
            return False
        return True

    # --- rest

    def heal(self) -> None:
        """Faults end; there is one process, at least."""
        self.do(self.faults.heal)
        for syncer in self.alive[:-1]:
            self.kill(syncer)
        if not self.alive:
            self.start()

    def rest(self, limit: float = 6000.0) -> None:
        """Heals, and lets time pass until nobody has written anything for `QUIET` seconds."""
        self.heal()
        begun = self.loop.time()
        quiet_since, seen = begun, self.count()
        step = 1.0
        while self.loop.time() - quiet_since < QUIET:
            self.everybody()
            self.wait(step)
            self._release()
            now = self.count()
            if now != seen:
                quiet_since, seen, step = self.loop.time(), now, 1.0
            else:
                step = min(step * 1.5, 20.0)
            if self.loop.time() - begun > limit:
                last = "\n".join(str(request) for request in self.writes()[-20:])
                raise AssertionError(f"no rest within {limit:g} s; the last writes:\n{last}")

    def _release(self) -> None:
        """The human who is asked when the tenant does not look like the cluster it was."""
        if self.engine.guard.suspicious:
            self.do(self.engine.guard.release)

    def count(self) -> int:
        """How many changes were asked for, by anybody."""
        return sum(map(self._count, (self.tenant, self.host)))

    def _count(self, cluster: SimulatedCluster) -> int:
        """Requests that are over are looked at once."""
        start, total = self._counted[cluster.side]
        while start < len(cluster.log) and (cluster.log[start].outcome or self.loop.time() - cluster.log[start].time > 120):
            total += is_change(cluster.log[start])
            start += 1
        self._counted[cluster.side] = start, total
        return total + sum(map(is_change, cluster.log[start:]))

    def writes(self, since: int = 0) -> list[Request]:
        """What syncers asked to be changed, on both sides, in order. Events and refreshed tokens are left out: both may come at any time."""
        found = [request for cluster in (self.tenant, self.host) for request in cluster.log if by_syncer(request) and is_change(request)]
        return sorted(found, key=lambda request: (request.time, request.number))[since:]


def by_syncer(request: Request) -> bool:
    return request.user.startswith("syncer")


def is_change(request: Request) -> bool:
    """A write that matters for rest. What is refused changes nothing; how often that happens is looked at separately."""
    if not request.is_write or request.outcome != "ok" or request.resource == "events" or request.subresource == "token":
        return False
    labels = ((request.before or {}).get("metadata") or {}).get("labels") or {}
    return not (request.verb == "patch" and labels.get("kled.io/translator") == "pod-tokens")
