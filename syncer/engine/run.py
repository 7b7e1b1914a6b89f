"""One tenant's engine: put together here, run until cancelled.

Order of a start: which kinds are served; the tenant's lists and the host's cluster-scoped lists; then the host namespaces that exist; then a look at
copies without a source (the guard counts them); only then the workers. Until the first complete picture nothing is decided, because absence would
mean nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import anyio
import anyio.abc
import structlog

from syncer.cluster.api import Api
from syncer.cluster.reflector import Reflector
from syncer.cluster.wire import Entry
from syncer.core import actions
from syncer.core import stamp as stamps
from syncer.core.actions import Write
from syncer.core.errors import LeadershipLost, StartupError, SyncerError
from syncer.core.names import Names
from syncer.core.objects import NODES, SERVICEACCOUNTS, Key, Obj, Ref, Resource, Side
from syncer.core.settings import Settings
from syncer.core.translator import Life, Translator
from syncer.engine.cache import Cache
from syncer.engine.definitions import Definitions
from syncer.engine.execute import Execute, Outcome
from syncer.engine.fights import Fights
from syncer.engine.guard import Guard
from syncer.engine.hostspaces import HostSpaces
from syncer.engine.index import Demand, Waiters
from syncer.engine.presence import Presence
from syncer.engine.queue import Lane, Queue
from syncer.engine.quotas import Quotas
from syncer.engine.reconcile import Reconcile, Result
from syncer.engine.recorder import Recorder
from syncer.engine.routing import Routing
from syncer.engine.spacewatch import SpaceWatch, Supervise
from syncer.engine.strays import strays
from syncer.engine.tokens import Tokens
from syncer.engine.unkept import Unkept
from syncer.engine.watches import Watch, shown, watched_places, watches

log = structlog.get_logger()
_WORKERS = 32
_FRESH = 120.0
_FOR_PLACES = 5.0
_PACKED = frozenset({"pods"})


class Measures(Protocol):
    """What the engine tells the metrics (`syncer.observe.metrics.Metrics`)."""

    def reconciled(self, controller: str, result: str, seconds: float) -> None: ...
    def waited(self, seconds: float) -> None: ...
    def skipped(self, kind: str, reason: str) -> None: ...
    def conflict(self, kind: str) -> None: ...
    def wrote(self, kind: str, direction: str, op: str, result: str) -> None: ...
    def lag(self, kind: str, direction: str, seconds: float) -> None: ...
    def refused(self, kind: str, reason: str) -> None: ...
    def translation_error(self, kind: str) -> None: ...
    def loop_suppressed(self, kind: str) -> None: ...
    def watch_restarted(self, kind: str, side: str, reason: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the engine gets from the process."""

    tenant: Api
    host: Api
    settings: Settings
    translators: tuple[Translator, ...]
    measures: Measures
    supervise: Supervise
    account: str
    """The host ServiceAccount that pods run under."""
    binding: dict[str, Any] | None = None
    tasks: tuple[tuple[str, Callable[[Engine], Coroutine[Any, Any, None]]], ...] = ()
    """Further named tasks that live as long as the engine (node leases)."""
    looking: bool = False
    """Only list, decide nothing and write nothing (`plan`, `explain`)."""
    rng: random.Random = field(default_factory=random.Random)
    wall_clock: Callable[[], float] = time.time


class Engine:
    """See the module docstring. `run` works until cancelled; the rest is for looking at it."""

    def __init__(self, around: Surroundings) -> None:
        settings = around.settings
        self.around = around
        self.settings = settings
        self.names = Names(settings.tenant.name, settings.mapping, frozenset(settings.host.reserved_names))
        self.translators: Mapping[str, Translator] = {translator.name: translator for translator in around.translators}
        self.cache = Cache()
        self.demand = Demand()
        self.content = Demand()
        """Tenant ConfigMaps and Secrets whose content is read by others than their own translator."""
        self.waiters = Waiters()
        self.queue = Queue(around.rng)
        self.guard = Guard(settings.brake, _monotonic, self._in_place)
        self.recorder = Recorder(around.tenant)
        apis = {Side.TENANT: around.tenant, Side.HOST: around.host}
        self.execute = Execute(apis, self.cache.expectations, self._recorded)
        self.spaces = HostSpaces(
            around.host,
            self.cache,
            settings,
            self.names,
            account=around.account,
            binding=around.binding,
            watch=self._watch_namespace,
            prepare=not around.looking,
            emptied=self._emptied,
            opened=self._opened,
            rng=around.rng,
        )
        self.watches = watches(around.translators, settings.tenant.name)
        self.places = watched_places(around.translators)
        self.presence = Presence(apis, around.translators, around.rng)
        self._open: dict[str, SpaceWatch] = {}
        self.quotas = Quotas(around.host, self.queue.add, around.rng)
        self.reconcile = Reconcile(
            settings=settings,
            names=self.names,
            cache=self.cache,
            demand=self.demand,
            guard=self.guard,
            execute=self.execute,
            tokens=Tokens(around.tenant, around.wall_clock),
            tell=self.tell,
            ready=self._ready,
            want=self._want,
            resources={watch.resource.plural: watch.resource for watch in self.watches},
            now=_monotonic,
            refused=around.measures.refused,
            fights=Fights(_monotonic),
            unkept=Unkept(_monotonic),
            definitions=Definitions(self.execute),
            stale=self._stale,
            suppressed=around.measures.loop_suppressed,
            skipped=around.measures.skipped,
            no_room=self.quotas.refused,
            room_found=self.quotas.settled,
        )
        self.routing = Routing(
            around.translators,
            settings,
            self.names,
            self.cache,
            self.demand,
            self.waiters,
            self.queue,
            self.guard,
            self.reconcile.proven,
            self.reconcile.deferred,
            self._has_copy,
            self._unreadable,
            self.presence.asleep,
            self.content,
        )
        self.routing.watchers[Side.HOST, "namespaces"] = [self.spaces.seen, self._host_namespace]
        self.routing.watchers[Side.HOST, "serviceaccounts"] = [self.spaces.account_seen]
        self.reflectors: dict[tuple[Side, str, str], Reflector] = {}
        self._placed = frozenset(_place(watch.namespace, watch.name) for watch in self.places)
        self.listed = asyncio.Event()
        self.started = False
        self.known_version = 0
        """The newest resourceVersion that an earlier process saw in the tenant."""
        self.released = ""

    async def run(self) -> None:
        """Works until cancelled. Raises LeadershipLost and StartupError; everything else is handled inside."""
        try:
            async with anyio.create_task_group() as group:
                await self.presence.look()
                await self._start_places(group)
                await self._start_whole(group, [watch for watch in self.watches if self.presence.served(watch.side, watch.resource.plural)])
                group.start_soon(self.around.supervise, "host-namespaces", self.spaces.run)
                await self._present_namespaces()
                for name in tuple(self.presence.asleep):
                    await self._wake(group, name, within=0)
                orphans = self.routing.orphans()
                log.info("listed", orphans=orphans, keys=self.queue.depth())
                self.listed.set()
                if self.around.looking:
                    return
                self._judge_tenant()
                self.started = True
                group.start_soon(self.around.supervise, "events", self.recorder.run)
                if self.presence:
                    group.start_soon(self.around.supervise, "optional-kinds", partial(self.presence.run, partial(self._wake, group)))
                for name, task in self.around.tasks:
                    group.start_soon(self.around.supervise, name, partial(task, self))
                group.start_soon(self.around.supervise, "quotas", self.quotas.run)
                group.start_soon(self._clear_strays)
                for number in range(_WORKERS):
                    group.start_soon(self.around.supervise, f"worker-{number}", self._work)
        finally:
            self.started = False
            self.queue.close()

    def tell(self, ref: Ref, obj: Obj | None, reason: str, message: str, type_: str) -> None:
        """An event on a tenant object."""
        if obj is None:
            return
        resource = self.resource(Side.TENANT, ref.plural)
        subject = (ref, resource.kind, resource.api_version, str(obj["metadata"].get("uid", "")))
        self.recorder.tell(subject, actions.Event(ref=ref, reason=reason, message=message, type=type_))

    def resource(self, side: Side, plural: str) -> Resource:
        return next(watch.resource for watch in self.watches if watch.side is side and watch.resource.plural == plural)

    def tenant_version(self) -> int:
        """The newest resourceVersion seen in the tenant."""
        return max((reflector.version for (side, _, _), reflector in self.reflectors.items() if side is Side.TENANT), default=0)

    def host_nodes_fresh(self) -> bool:
        """Whether the host has told us about its nodes lately (bookmarks come every minute)."""
        reflector = self.reflectors.get((Side.HOST, "nodes", ""))
        return reflector is not None and reflector.synced and _monotonic() - reflector.last_event < _FRESH

    def _stale(self, translator: Translator, key: Key) -> bool:
        """A node that was Ready when the host last spoke may be anything by now: the tenant's own controllers draw the consequences, and
        nothing we remember may contradict them. And of a place that was never listed nobody knows what is in it."""
        if translator.places is not None:
            return not self._is_listed(translator.source.plural, key)
        return translator.source == NODES and not self.host_nodes_fresh()

    def _is_listed(self, plural: str, key: Key) -> bool:
        places = (key.namespace, f"{key.namespace}/{key.name}")
        return any(reflector.synced for place in places if (reflector := self.reflectors.get((Side.HOST, plural, place))) is not None)

    def _judge_tenant(self) -> None:
        """A tenant whose resourceVersion has gone back was restored: what is missing there may be missing by accident."""
        version = self.tenant_version()
        if version < self.known_version:
            self._suspect(f"the tenant's resourceVersion went back from {self.known_version} to {version}: it was restored from a backup")

    def _suspect(self, why: str) -> None:
        if not self.guard.suspicious:
            log.warning("tenant_restored", reason=why)
        self.guard.suspicious = why

    def missing(self) -> list[str]:
        """What is not listed yet, for readiness."""
        late = [_name(reflector) for (_, _, place), reflector in self.reflectors.items() if not reflector.synced and place not in self._placed]
        return late + [f"host namespace {name}" for name in self.spaces.opening]

    def unread_places(self) -> list[str]:
        """What the host should show to the tenant and could not be read yet: it does not exist, or nobody gave us the rights."""
        return [_name(reflector) for (_, _, place), reflector in self.reflectors.items() if not reflector.synced and place in self._placed]

    def _reflector(self, watch: Watch, namespace: str) -> Reflector:
        side, plural = watch.side, watch.resource.plural
        api = self.around.tenant if side is Side.TENANT else self.around.host

        times_back = 0

        def changed(old: Entry | None, new: Entry | None, proven: bool) -> None:
            nonlocal times_back
            if side is Side.TENANT and made.went_back != times_back:
                times_back = made.went_back
                self._suspect("the tenant's resourceVersion went back: it was restored from a backup")
            self.routing.changed(side, plural, old, new, proven)

        led = [t for t in self.translators.values() if _keeps(t, side, plural)]
        keep = next((t.keep or t.keep_for(self.settings) for t in led if t.keep or t.keep_for), None)  # type: ignore[misc]
        made = Reflector(
            api,
            watch.resource,
            namespace,
            label_selector=watch.selector,
            only=watch.name,
            listener=changed,
            keep=keep,
            trim=self._trim(side, plural),
            eager=bool(namespace),
            restarted=lambda reason: self.around.measures.watch_restarted(plural, side.value, reason),
            rng=self.around.rng,
        )
        self.reflectors[side, plural, _place(namespace, watch.name)] = made
        return made

    async def _start_whole(self, group: anyio.abc.TaskGroup, wanted: Iterable[Watch]) -> None:
        """Watches of whole kinds that are not open yet; listed when this returns. What is held whole only when used comes last: by then it is
        known who uses it."""
        whole = [watch for watch in wanted if watch.whole]
        by_use = [watch for watch in whole if self._is_by_use(watch.side, watch.resource.plural)]
        for watches_now in ([watch for watch in whole if watch not in by_use], by_use):
            for watch in watches_now:
                if (watch.side, watch.resource.plural, "") not in self.reflectors:
                    reflector = self._reflector(watch, "")
                    group.start_soon(self.around.supervise, _name(reflector), reflector.run)
            for watch in watches_now:
                await self.reflectors[watch.side, watch.resource.plural, ""].wait_synced()

    async def _start_places(self, group: anyio.abc.TaskGroup) -> None:
        """What lies outside of workload namespaces. One that may not be read, or does not exist, holds nobody up for long."""
        placed = [self._reflector(watch, watch.namespace) for watch in self.places]
        for reflector in placed:
            group.start_soon(self.around.supervise, _name(reflector), reflector.run)
        with anyio.move_on_after(_FOR_PLACES):
            for reflector in placed:
                await reflector.wait_synced()

    def _is_by_use(self, side: Side, plural: str) -> bool:
        """Whether objects of this kind are synced only while somebody uses them."""
        translators = [one for one in self.translators.values() if one.leading is side and one.source.plural == plural]
        kinds = [self.settings.kinds.get(one.kind_setting) for one in translators]
        return bool(translators) and all(one.only_if_needed for one in translators) and all(kind is None or kind.select == "used" for kind in kinds)

    def _trim(self, side: Side, plural: str) -> Callable[[Entry], Entry] | None:
        """What is kept of an entry: pods packed, of unused ConfigMaps and Secrets the outline, unless the host shows them."""
        if plural in _PACKED:
            return Entry.pack
        if self.around.looking or not self._is_by_use(side, plural):
            return None

        def what_is_needed(entry: Entry) -> Entry:
            ref = Ref(plural, entry.meta.namespace, entry.meta.name)
            shown = stamps.is_from_host(entry.meta.labels) or self.routing.key_of_copy(side, plural, entry) is not None
            return entry if shown or self.demand.used(ref) or self.content.used(ref) else entry.outline()

        return what_is_needed

    async def _wake(self, group: anyio.abc.TaskGroup, name: str, within: float = 20.0) -> bool:
        """A kind that was missing is served: list it on both sides, then look at all of it. False if it cannot be listed (yet)."""
        kinds = self.presence.kinds(name)
        if not all(self.presence.served(*kind) for kind in kinds):
            return False
        wanted = [watch for watch in self.watches if (watch.side, watch.resource.plural) in kinds]
        if within:
            with anyio.move_on_after(within) as late:
                await self._start_whole(group, wanted)
                for watch in wanted:
                    if not watch.whole:
                        for space in tuple(self._open.values()):
                            await space.add(watch)
            if late.cancelled_caught:
                return False
        if any(reflector.state != "live" for (side, plural, _), reflector in self.reflectors.items() if (side, plural) in kinds):
            return False
        self.presence.asleep.discard(name)
        if self.listed.is_set():
            self.routing.orphans(name)
            for key in tuple(self.keys()):
                if key.translator == name:
                    self.queue.add(key)
        return True

    async def _watch_namespace(self, namespace: str, listed: Callable[[], None]) -> None:
        """The namespaced host kinds of one namespace, until cancelled."""
        space = self._open[namespace] = SpaceWatch(
            namespace,
            [watch for watch in self.watches if not watch.whole and self.presence.served(watch.side, watch.resource.plural)],
            make=self._reflector,
            drop=self._dropped,
            listed=self._listed_in,
            tended=self._tended,
            opened=self._opened,
            supervise=self.around.supervise,
        )
        try:
            await space.run(listed)
        finally:
            del self._open[namespace]

    def _ready(self, namespace: str, plural: str) -> bool:
        return self.spaces.ready(namespace) and namespace in self._open and self._open[namespace].ready(plural)

    def _want(self, namespace: str, plural: str) -> None:
        if namespace in self._open:
            self._open[namespace].want(plural)

    def _tended(self, namespace: str, watch: Watch) -> bool:
        """Whether the tenant has objects whose copies belong there, or the host may have some to show. What is only synced when used is asked
        for when it is used."""
        if watch.resource in shown(self.translators.values()):
            return True
        made_of = {
            translator.source.plural
            for translator in self.translators.values()
            if translator.leading is Side.TENANT and translator.destination == watch.resource and not translator.only_if_needed
        }
        tables = [self.cache.table(Side.TENANT, plural) for plural in made_of]
        return any(self.names.namespace(tenants) == namespace for table in tables for tenants in table.namespaces())

    def _dropped(self, reflector: Reflector) -> None:
        place = (Side.HOST, reflector.resource.plural, reflector.namespace)
        if self.reflectors.get(place) is reflector:
            del self.reflectors[place]

    async def _listed_in(self, namespace: str, reflector: Reflector) -> None:
        """A namespace that is opened again: what went while nobody watched it is in no new list, and nobody else would tell."""
        plural = reflector.resource.plural
        for entry in tuple(self.cache.table(Side.HOST, plural).in_namespace(namespace)):
            if reflector.store.get(namespace, entry.meta.name) is None:
                self.routing.changed(Side.HOST, plural, entry, None, False)
        if plural == SERVICEACCOUNTS.plural:
            await self.spaces.accounts_listed(namespace, reflector.store)

    def _emptied(self, namespace: str, proven: bool) -> None:
        """A host namespace is gone (`proven`: it was seen going), and with it what was in it."""
        for watch in self.watches:
            if not watch.whole:
                for entry in tuple(self.cache.table(Side.HOST, watch.resource.plural).in_namespace(namespace)):
                    self.routing.changed(Side.HOST, watch.resource.plural, entry, None, proven)

    async def _clear_strays(self) -> None:
        for _, gone in strays(self.translators.values(), self.cache, self.routing):
            try:
                await self.execute(gone)
            except LeadershipLost:
                raise
            except SyncerError as error:
                log.warning("stray_left", ref=str(gone.ref), error=str(error)[:300], next_step="delete it in the tenant, or restart the syncer")

    def _opened(self, namespace: str) -> None:
        for key in self.waiters.woken_by(Side.HOST, "namespaces", "", namespace):
            self.queue.add(key)

    def _host_namespace(self, old: Entry | None, new: Entry | None, proven: bool) -> None:
        """A host namespace was lent to us (labelled by the admin): its tenant namespaces may have been refused before."""
        if new is None or self.settings.mapping.shared == new.meta.name:
            return
        for entry in self.cache.table(Side.TENANT, "namespaces"):
            if self.names.namespace(entry.meta.name) == new.meta.name:
                self.queue.add(Key("namespaces", "", entry.meta.name))

    async def _present_namespaces(self) -> None:
        """Waits until the host namespaces that exist are ready, so that no copy is judged by half a picture."""
        waited = 0.0
        while any(not self.spaces.ready(namespace) for namespace in self.spaces.wanted()):
            await asyncio.sleep(0.02)
            waited += 0.02
            if waited > 60:
                log.warning("still_opening_host_namespaces", namespaces=self.spaces.opening[:10])
                waited = 0.0

    async def _work(self) -> None:
        """One worker: takes keys until cancelled. Nothing that one key does may end it."""
        measures = self.around.measures
        while True:
            key, lane, since = await self.queue.get()
            begun = time.perf_counter()
            measures.waited(_monotonic() - since)
            try:
                result = await self._look_at(key, lane)
            except (LeadershipLost, StartupError):
                raise
            except Exception as error:
                result = self._set_aside(key, error)
            finally:
                self.queue.done(key)
            self._next(key, lane, result)
            measures.reconciled(key.translator, result.label, time.perf_counter() - begun)
            if result.wrote:
                measures.lag(key.translator, "up" if lane is Lane.STATUS else "down", _monotonic() - since)

    async def _look_at(self, key: Key, lane: Lane) -> Result:
        if key.translator in self.presence.asleep:
            return Result(label="skipped")
        return await self.reconcile(self.translators[key.translator], key, status_only=lane is Lane.STATUS)

    def _next(self, key: Key, lane: Lane, result: Result) -> None:
        self.waiters.set(key, result.waits_on)
        if result.retry:
            self.queue.retry(key, lane, least=result.least)
            return
        self.queue.forget(key)
        if result.again is not None:
            self.queue.add_after(key, result.again, lane)

    def _recorded(self, action: Write, outcome: Outcome) -> None:
        direction = "down" if action.side is Side.HOST else "up"
        self.around.measures.wrote(action.resource.plural, direction, type(action).__name__.lower(), outcome.value)
        if outcome is Outcome.LATE:
            self.around.measures.conflict(action.resource.plural)

    def _set_aside(self, key: Key, error: Exception) -> Result:
        """An object that cannot be translated does not stop the others."""
        self._unreadable(key, error)
        translator = self.translators[key.translator]
        ref = Ref(translator.source.plural, key.namespace, key.name)
        if translator.leading is Side.TENANT:
            try:
                obj = self.cache.obj(Side.TENANT, ref)
            except ValueError:
                obj = None
            self.tell(
                ref, obj, actions.REFUSED, "this object could not be translated; the host's admin finds the reason in the syncer's log", "Warning"
            )
        return Result(retry=True, least=30.0, label="error")

    def _unreadable(self, key: Key, error: Exception) -> None:
        self.around.measures.translation_error(key.translator)
        log.error("translation_failed", key=str(key), error=f"{type(error).__name__}: {error}"[:500], exc_info=error)

    def _has_copy(self, translator: Translator, key: Key) -> bool:
        ref = self.reconcile.target_ref(translator, key)
        return ref is not None and self.cache.get(translator.leading.other, ref) is not None

    def _in_place(self) -> int:
        theirs = {translator.source.plural for translator in self.translators.values() if translator.leading is Side.HOST}
        return sum(len(table) for side, plural, table in self.cache.tables() if side is Side.HOST and plural not in theirs)

    def keys(self) -> Iterable[Key]:
        """Every key there is something to say about: sources on their side and copies on the other."""
        found: dict[Key, None] = {}
        for translator in self.translators.values():
            for entry in self.cache.table(translator.leading, translator.source.plural):
                if translator.concerns is None or translator.concerns(entry):
                    found[Key(translator.name, entry.meta.namespace, entry.meta.name)] = None
        for side, plural, table in self.cache.tables():
            for entry in table:
                key = self.routing.key_of_copy(side, plural, entry)
                if key is not None:
                    found[key] = None
        return found


def _monotonic() -> float:
    return asyncio.get_running_loop().time()


def _keeps(translator: Translator, side: Side, plural: str) -> bool:
    """Whether `keep` of the translator decides about this kind on this side."""
    return translator.resource_on(side).plural == plural and (translator.leading is side or translator.keep_copies)


def _name(reflector: Reflector) -> str:
    where = f" in {reflector.namespace}" if reflector.namespace else ""
    which = f" {reflector.only}" if reflector.only else ""
    return f"{reflector.api.side.value} {reflector.resource.plural}{which}{where}"


def _place(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if name else namespace


__all__ = ["Engine", "Life", "Measures", "Supervise", "Surroundings"]
