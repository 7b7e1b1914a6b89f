"""One key: from the caches to a plan, from the plan to writes.

Steps:
1. Look both objects up; if the caches are older than our own last write, wait for the watch. What is held in outline only is fetched.
2. Fetch what a pure function cannot: tokens, and whether a foreign object holds a name that an optional reference means.
3. `decide`.
4. The guard holds deletions that rest on absence; a live look at the source confirms the others.
5. Execute action by action. One that fails does not stop the next: status must flow even where a spec cannot.

The answer is what to do with the key next: nothing, later, or retry with back-off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec
import structlog

from syncer.cluster.wire import Entry
from syncer.core import actions
from syncer.core import stamp as stamps
from syncer.core.actions import Action, Delete, Patch, Recreate, Write
from syncer.core.decide import TAKEN, Case, decide, made_for
from syncer.core.errors import ApiError, Conflict, Forbidden, Invalid, LeadershipLost, NotFound, SyncerError, Throttled, Unreachable
from syncer.core.names import Names
from syncer.core.objects import Key, Obj, Ref, Resource, Side
from syncer.core.selectors import meets
from syncer.core.settings import KindSettings, Settings
from syncer.core.translator import Life, ListNeed, Need, ObjectNeed, Purpose, Skip, TokenNeed, Translator, Wait
from syncer.engine.cache import Cache
from syncer.engine.definitions import Definitions
from syncer.engine.execute import Execute, Outcome
from syncer.engine.fights import Fights
from syncer.engine.guard import Guard
from syncer.engine.index import Demand, Subject
from syncer.engine.refusals import Refused, refused
from syncer.engine.tokens import Tokens
from syncer.engine.unkept import Unkept, fields
from syncer.engine.view import EngineView

log = structlog.get_logger()
_SLOW = 60.0
_VERY_SLOW = 300.0
_WAITING_TOO_LONG = 5.0
_BEHIND = 2.0
_STALE = 5.0


@dataclass(slots=True)
class Result:
    """What comes next for a key. `retry`: back off (at least `least` seconds). `again`: look once more after so many seconds.
    `waits_on`: subjects whose change wakes the key."""

    retry: bool = False
    least: float = 0.0
    again: float | None = None
    waits_on: tuple[Subject, ...] = ()
    label: str = "success"
    wrote: int = 0


@dataclass(slots=True)
class Reconcile:
    """Bound to one engine: the caches, and the ways to act."""

    settings: Settings
    names: Names
    cache: Cache
    demand: Demand
    guard: Guard
    execute: Execute
    tokens: Tokens
    tell: Callable[[Ref, Obj | None, str, str, str], None]
    """(ref of the tenant object, the object, reason, message, type) → an Event."""
    ready: Callable[[str, str], bool]
    """Whether a kind is current in a host namespace and may be written there."""
    want: Callable[[str, str], None]
    """Something of a kind is to be written in a host namespace: have it watched."""
    resources: Mapping[str, Resource]
    """Kinds by plural name, for probes."""
    now: Callable[[], float]
    fights: Fights
    unkept: Unkept
    definitions: Definitions
    stale: Callable[[Translator, Key], bool] = lambda translator, key: False
    """Whether the watch of the leading side has been silent for so long that what it showed last may be wrong by now, or has shown nothing yet."""
    refused: Callable[[str, str], None] = lambda kind, reason: None
    suppressed: Callable[[str], None] = lambda kind: None
    skipped: Callable[[str, str], None] = lambda kind, reason: None
    proven: set[tuple[Side, Key]] = field(default_factory=set)
    """Keys whose object on that side was seen being deleted."""
    deferred: set[Key] = field(default_factory=set)
    """Keys that were looked at before the watch had shown our own last write; its echo, otherwise of no interest, wakes them."""
    waiting_since: dict[Key, float] = field(default_factory=dict)
    denied_since: dict[Key, float] = field(default_factory=dict)
    """Keys whose writes fail in a way that mostly passes within seconds, see `_passes`."""
    denials: dict[Key, int] = field(default_factory=dict)
    """How often in a row a rule of the host stood against a key."""
    no_room: Callable[[Key, str, str, Mapping[str, Decimal]], None] = lambda key, namespace, quota, requested: None
    """(key, host namespace, quota, what it takes): have it looked at again when there is room."""
    room_found: Callable[[Key], None] = lambda key: None
    agreed: dict[Key, int] = field(default_factory=dict)
    """Marks of pods whose way down had nothing to do, see `_mark`."""

    async def __call__(self, translator: Translator, key: Key, *, status_only: bool = False) -> Result:
        """`status_only`: nothing but a status is known to have changed. The way down is then skipped if both objects are otherwise as they
        were when it last had nothing to do."""
        source_ref = Ref(translator.source.plural, key.namespace, key.name)
        found = self._target(translator, key)
        if isinstance(found, Wait):
            return Result(waits_on=_subjects(found.on), label="waiting")
        if isinstance(found, Skip):
            return Result(label="skipped")
        target_ref = found
        if target_ref is None:
            return await self._unmapped(translator, key, source_ref)
        if self.stale(translator, key):
            return Result(again=_STALE, label="requeue_after")
        if self._behind(translator, source_ref, target_ref):
            self.deferred.add(key)
            return Result(again=_BEHIND, label="requeue_after")
        closed = translator.leading is Side.TENANT and target_ref.namespace and not self.ready(target_ref.namespace, target_ref.plural)
        if closed and not self._is_left_over(translator, source_ref, target_ref):
            return self._namespace_missing(translator, key, source_ref, target_ref)
        case = self._case(translator, key, source_ref, target_ref)
        needs = self._lasting_needs(translator, case.source)
        if outlined := self._outlined(case, needs):
            if (failed := await self._fill_in(outlined)) is not None:
                return failed
            case = self._case(translator, key, source_ref, target_ref)
        if (pending := self._pending_recreate(case)) is not None:
            return await self._resume(pending)
        mark = self._mark(translator, source_ref, target_ref)
        if mark is not None and status_only and self.agreed.get(key) == mark:
            case = replace(case, flows_down=False)
        result = Result(waits_on=_subjects(need for need in needs if isinstance(need, (ObjectNeed, ListNeed)) and need.wake))
        probes_only = translator.life is Life.SHARED_FATE
        if case.source is not None and translator.prefetch and case.wanted and not (probes_only and case.target is not None):
            failed = await self._prefetch(case, result)
            if failed is not None:
                return failed
        plan = decide(case)
        if mark is not None:
            self._remember(case, key, mark, plan)
        if not plan:
            self._at_rest(key)
            if case.source is not None and not case.wanted:
                self.skipped(translator.name, "unused")
            return result
        await self._carry_out(case, key, plan, result)
        return result

    async def _resume(self, pending: Recreate) -> Result:
        """The second half of a re-creation. The object matters more than the field it was re-created for: if the tenant's server will not have
        it, the object comes back without."""
        try:
            await self.execute.resume(pending)
        except Invalid:
            spec = {name: value for name, value in pending.body.get("spec", {}).items() if name not in ("clusterIP", "clusterIPs")}
            await self.execute.resume(replace(pending, body={**pending.body, "spec": spec}))
        return Result(wrote=2)

    def _lasting_needs(self, translator: Translator, source: Obj | None) -> tuple[Need, ...]:
        """What may change the answer whenever it changes, and not only while it is missing. Pods only ever wait for what is missing."""
        if source is None or translator.life is Life.SHARED_FATE:
            return ()
        return tuple(translator.needs(source, self.names, self.settings))

    def _outlined(self, case: Case, needs: Iterable[Need]) -> list[tuple[Side, Ref]]:
        """What is needed whole and held in outline only."""
        wanted = [(case.source_side, case.source_ref)] if case.wanted else []
        wanted += [(need.side, need.ref) for need in needs if isinstance(need, ObjectNeed) and need.purpose is Purpose.READ]
        return [(side, ref) for side, ref in wanted if (entry := self.cache.get(side, ref)) is not None and entry.outlined]

    async def _fill_in(self, outlined: Iterable[tuple[Side, Ref]]) -> Result | None:
        """Fetches these objects. A Result when one could not be had: it went away meanwhile, or the server does not answer."""
        for side, ref in outlined:
            entry = self.cache.get(side, ref)
            try:
                whole = await self.execute.get(side, self.resources[ref.plural], ref)
            except LeadershipLost:
                raise
            except SyncerError:
                return Result(retry=True, label="error")
            if whole is None or entry is None or whole.meta.uid != entry.meta.uid:
                return Result(again=_BEHIND, label="requeue_after")
            self.cache.table(side, ref.plural).put(whole)
        return None

    def _mark(self, translator: Translator, source_ref: Ref, target_ref: Ref) -> int | None:
        """A digest of all that the way down of a pod depends on, its status excepted; None where a status flows down too."""
        if translator.life is not Life.SHARED_FATE:
            return None
        source, target = self.cache.get(Side.TENANT, source_ref), self.cache.get(Side.HOST, target_ref)
        if source is None or target is None or source.spec is None or b'"readinessGates"' in source.raw_spec:
            return None
        parts: list[Any] = []
        for entry in (source, target):
            meta = entry.meta
            parts += (meta.uid, entry.spec, meta.deletionTimestamp, *(meta.labels or {}).items(), 0, *(meta.annotations or {}).items())
        return hash(tuple(parts))

    def _remember(self, case: Case, key: Key, mark: int, plan: tuple[Action, ...]) -> None:
        """Keeps the mark when the way down had nothing to say."""
        if not case.flows_down:
            return
        if any(not isinstance(action, Patch) or action.side is Side.HOST for action in plan):
            self.agreed.pop(key, None)
        else:
            self.agreed[key] = mark

    async def probed(self, translator: Translator, key: Key) -> frozenset[Ref]:
        """The names on the host that an object asks about and a foreign object holds (for `plan`)."""
        source = self.cache.obj(translator.leading, Ref(translator.source.plural, key.namespace, key.name))
        target = self.target_ref(translator, key)
        settled = translator.life is Life.SHARED_FATE and target is not None and self.cache.get(translator.leading.other, target) is not None
        if source is None or settled or not translator.prefetch:
            return frozenset()
        return await self._foreign(translator.needs(source, self.names, self.settings))

    def plan(self, translator: Translator, key: Key, foreign: frozenset[Ref] = frozenset()) -> tuple[Action, ...] | None:
        """What would be done, without doing it; None when the key's namespace is not mapped. Tokens count as present. `foreign`: see `probed`."""
        target_ref = self.target_ref(translator, key)
        if target_ref is None:
            return None
        case = self._case(translator, key, Ref(translator.source.plural, key.namespace, key.name), target_ref)
        if case.source is not None and translator.prefetch:
            needs = translator.needs(case.source, self.names, self.settings)
            view = case.view
            assert isinstance(view, EngineView)
            view.foreign = foreign
            view.tokens = {need: "" for need in needs if isinstance(need, TokenNeed)} | self.tokens.kept(_tokens(needs), case.target)
        return decide(case)

    def target_ref(self, translator: Translator, key: Key) -> Ref | None:
        """Where the copy of a key's object lives, or None when it has no place on the other side."""
        found = self._target(translator, key)
        return found if isinstance(found, Ref) else None

    def _target(self, translator: Translator, key: Key) -> Ref | Skip | Wait | None:
        """None: its namespace is not mapped."""
        plural = translator.destination.plural
        if translator.target_from is not None:
            source = self.cache.obj(translator.leading, Ref(translator.source.plural, key.namespace, key.name))
            if source is None and translator.source_from is not None:
                source = {"metadata": {"namespace": key.namespace, "name": key.name}}  # its place follows from its name alone
            if source is None:
                return Skip("its source is gone")
            place = translator.target_from(source, EngineView(self.cache, self.settings, self.names))
            return place if isinstance(place, (Skip, Wait)) else Ref(plural, *place)
        if translator.target_name is not None:
            found = translator.target_name(self.names, key.namespace, key.name)
            return None if found is None else Ref(plural, *found)
        if not key.namespace:
            return Ref(plural, "", self.names.name(translator.destination, "", key.name) if translator.leading is Side.TENANT else key.name)
        namespace = self.names.namespace(key.namespace)
        if namespace is None:
            return None
        return Ref(plural, namespace, self.names.name(translator.destination, key.namespace, key.name))

    def case(self, translator: Translator, key: Key) -> Case | None:
        """The facts about a key, for `explain`."""
        target_ref = self.target_ref(translator, key)
        if target_ref is None:
            return None
        return self._case(translator, key, Ref(translator.source.plural, key.namespace, key.name), target_ref)

    def _case(self, translator: Translator, key: Key, source_ref: Ref, target_ref: Ref) -> Case:
        side = translator.leading
        source = self.cache.obj(side, source_ref)
        target = self.cache.obj(side.other, target_ref)
        kind = translator.settings_in(self.settings)
        return Case(
            translator=translator,
            source_ref=source_ref,
            target_ref=target_ref,
            source=source,
            target=target,
            view=EngineView(self.cache, self.settings, self.names, target),
            wanted=source is not None and self._wanted(translator, kind, source_ref, source),
            proven=(side, key) in self.proven,
            target_proven=(side.other, key) in self.proven,
            flows_down=kind.mode != "fromHost",
            flows_up=kind.mode != "toHost",
        )

    def _wanted(self, translator: Translator, kind: KindSettings, ref: Ref, source: Obj) -> bool:
        if kind.selector is not None and not meets(kind.selector, source["metadata"].get("labels") or {}):
            return False
        if not translator.only_if_needed or (kind.select == "all" and not _is_shown_by_host(source)):
            return True
        return self.demand.used(ref)

    def _behind(self, translator: Translator, source_ref: Ref, target_ref: Ref) -> bool:
        expectations, now = self.cache.expectations, self.now()
        side = translator.leading
        return expectations.behind(side, source_ref, self.cache.get(side, source_ref), now) or expectations.behind(
            side.other, target_ref, self.cache.get(side.other, target_ref), now
        )

    async def _unmapped(self, translator: Translator, key: Key, ref: Ref) -> Result:
        """Nothing of it is on the host. A pod that a scheduler gave a node all the same has nobody else to end it."""
        source, result = self.cache.obj(translator.leading, ref), Result(label="skipped")
        if source is not None and translator.life is Life.SHARED_FATE:
            if source["metadata"].get("deletionTimestamp"):
                case = replace(self._case(translator, key, ref, Ref(translator.destination.plural, "", "")), target_proven=True)
                await self._carry_out(case, key, decide(case), result)
                return result
            text = f"namespace {ref.namespace!r} is not covered by sync.namespaceMapping, so nothing in it runs on the host; map it or move the pod"
            self.tell(ref, source, actions.UNMAPPED, text, "Warning")
        self.skipped(translator.name, "unmapped")
        return result

    def _is_left_over(self, translator: Translator, source_ref: Ref, target_ref: Ref) -> bool:
        """Whether a pod is being deleted whose host namespace is gone already, and with it whoever would end the pod."""
        if translator.life is not Life.SHARED_FATE or self.cache.get(Side.HOST, Ref("namespaces", "", target_ref.namespace)) is not None:
            return False
        source = self.cache.get(Side.TENANT, source_ref)
        return source is not None and source.meta.deletionTimestamp is not None

    def _namespace_missing(self, translator: Translator, key: Key, source_ref: Ref, target_ref: Ref) -> Result:
        source = self.cache.obj(Side.TENANT, source_ref)
        if source is None:
            self.guard.settled(key)
            return Result(waits_on=((Side.HOST, "namespaces", "", target_ref.namespace),))
        result = Result(waits_on=((Side.HOST, "namespaces", "", target_ref.namespace),))
        kind = translator.settings_in(self.settings)
        if self._wanted(translator, kind, source_ref, source):
            self.want(target_ref.namespace, target_ref.plural)
        if translator.life is Life.SHARED_FATE:
            self._still_waiting(key, source_ref, source, "the host namespace of this namespace is not ready yet", result)
        return result

    def _at_rest(self, key: Key) -> None:
        self.guard.settled(key)
        self.waiting_since.pop(key, None)
        self.denied_since.pop(key, None)
        self._allowed(key)
        if self.cache.get(Side.TENANT, Ref(key.translator, key.namespace, key.name)) is None:
            self.agreed.pop(key, None)
        self.proven.discard((Side.TENANT, key))
        self.proven.discard((Side.HOST, key))

    async def _prefetch(self, case: Case, result: Result) -> Result | None:
        """Tokens and probes. Returns a Result when the key cannot go on without one of them."""
        assert case.source is not None
        view = case.view
        assert isinstance(view, EngineView)
        needs = tuple(case.translator.needs(case.source, self.names, self.settings))
        wanted = _tokens(needs)
        if wanted and not case.source["metadata"].get("deletionTimestamp"):
            held = self.tokens.kept(wanted, case.target)
            for need in wanted:
                if need not in held:
                    try:
                        held[need] = await self.tokens.request(need)
                    except LeadershipLost:
                        raise
                    except SyncerError as error:
                        text = f"no token for service account {need.service_account!r} from the tenant's API server: {_brief(error)}"
                        self._still_waiting(_key(case), case.source_ref, case.source, text, result)
                        result.retry, result.label = True, "error"
                        return result
            view.tokens = held
            result.again = self.tokens.next_renewal(held.values())
        if case.target is None or case.translator.life is not Life.SHARED_FATE:
            view.foreign = await self._foreign(needs)
        return None

    async def _foreign(self, needs: Iterable[Need]) -> frozenset[Ref]:
        found = set()
        for need in needs:
            if isinstance(need, ObjectNeed) and need.purpose is Purpose.PROBE and self.cache.get(need.side, need.ref) is None:
                resource = self.resources[need.ref.plural]
                if await self.execute.get(need.side, resource, need.ref) is not None:
                    found.add(need.ref)
        return frozenset(found)

    async def _carry_out(self, case: Case, key: Key, plan: tuple[Action, ...], result: Result) -> None:
        written = [action for action in plan if isinstance(action, Write)]
        if not any(isinstance(action, Delete) and action.inferred for action in written):
            self.guard.settled(key)
        if not any(isinstance(action, actions.Waiting) for action in plan):
            self.waiting_since.pop(key, None)
        for action in plan:
            if isinstance(action, Write):
                await self._write(case, key, action, result)
            elif isinstance(action, actions.Waiting):
                result.waits_on = (*result.waits_on, *_subjects(action.on))
                result.label = "waiting"
                if action.reason:
                    self._still_waiting(key, case.source_ref, case.source, action.reason, result)
                if isinstance(case.view, EngineView) and case.view.foreign:  # no watch tells when it goes
                    result.again = min(result.again or _SLOW, _SLOW)
            elif isinstance(action, actions.Refuse):
                reason = actions.CONFLICT if action.conflict else actions.REFUSED
                if case.source_side is Side.HOST:  # the host's admin does not read the tenant's events
                    log.warning("not_shown", key=str(key), field=action.field, reason=action.message)
                about = case.source if case.source_side is Side.TENANT else case.target
                self.tell(action.ref, about, reason, _with_field(action), "Warning")
                self.refused(case.translator.name, reason)
                result.label = "refused"
                result.waits_on = (*result.waits_on, *self._could_allow(case))
                if action.retry:
                    result.again = _SLOW
            else:
                self.tell(action.ref, case.source, action.reason, action.message, action.type)

    def _could_allow(self, case: Case) -> tuple[Subject, ...]:
        """What a pod that is refused may become legal by: a class that the host begins to offer. (Others look at such things at any time.)"""
        if case.source is None or case.translator.life is not Life.SHARED_FATE:
            return ()
        needs = case.translator.needs(case.source, self.names, self.settings)
        return _subjects(need for need in needs if isinstance(need, ObjectNeed) and need.wake)

    def _still_waiting(self, key: Key, ref: Ref, source: Obj | None, reason: str, result: Result) -> None:
        """A need that is missing for longer than a few seconds is told."""
        since = self.waiting_since.setdefault(key, self.now())
        left = since + _WAITING_TOO_LONG - self.now()
        if left <= 0:
            self.tell(ref, source, actions.WAITING, reason, "Warning")
        else:
            result.again = min(result.again or left, left)

    async def _write(self, case: Case, key: Key, action: Write, result: Result) -> None:
        if isinstance(action, Delete) and action.inferred and self._is_held(case, key, result):
            return
        if isinstance(action, Delete) and self._rests_on_absence(case, action) and await self._is_there(case, key, action, result):
            return
        if (
            isinstance(action, Delete)
            and case.source is None
            and case.translator.definition
            and await self._went_with_its_kind(case, key, action, result)
        ):
            return
        if isinstance(action, Patch) and (pause := self.fights.pause(action)) > 0:
            log.warning(
                "left_alone", ref=str(action.ref), side=action.side.value, reason="something there keeps undoing this write", seconds=round(pause)
            )
            self.suppressed(case.translator.name)
            result.again = pause
            return
        if isinstance(action, Patch) and self.unkept.covers(action):
            return
        unknown: list[str] = []
        try:
            outcome = await self.execute(action, unknown)
        except LeadershipLost:
            raise
        except SyncerError as error:
            self._failed(case, action, error, result)
            return
        if outcome is Outcome.NOOP and isinstance(action, Patch):
            self.unkept.note(action)
            unknown += fields(action.patch)
        self._tell_unknown(case, action, unknown)
        result.wrote += 1
        self.denied_since.pop(key, None)
        if action.side is Side.HOST:
            self._allowed(key)
        if outcome is Outcome.LATE:
            result.again = min(result.again or _BEHIND, _BEHIND)
        elif outcome is Outcome.FOREIGN:
            if action.side is Side.HOST:  # in the tenant, the next look shows whose it is, and tells there
                self.tell(case.source_ref, case.source, actions.CONFLICT, TAKEN, "Warning")
            self.refused(case.translator.name, actions.CONFLICT)
            result.again, result.label = _SLOW, "refused"
        elif isinstance(action, Delete) and action.inferred:
            self.guard.settled(key)

    def _tell_unknown(self, case: Case, action: Write, unknown: Iterable[str]) -> None:
        """Fields that went down and are not there: the host is of another version, or a feature of it is off."""
        if action.side is Side.HOST and case.source_side is Side.TENANT:
            for path in dict.fromkeys(unknown):
                self.tell(case.source_ref, case.source, actions.FIELD_DROPPED, f"{path}: the host's API server does not keep this field", "Warning")

    def _is_held(self, case: Case, key: Key, result: Result) -> bool:
        """The brake on deletions that are inferred from absence."""
        delay = self.guard.delay(key)
        if delay <= 0:
            return False
        result.again, result.label = delay, "held"
        namespace = Ref("namespaces", "", case.source_ref.namespace or "kube-system")
        text = f"{self.guard.held} deletions on the host are held because many objects are missing in this cluster at once"
        if case.source_side is Side.TENANT:
            self.tell(namespace, self.cache.obj(Side.TENANT, namespace), actions.HELD, text, "Warning")
        return True

    def _rests_on_absence(self, case: Case, action: Delete) -> bool:
        """Also a pod whose copy was seen going: to us an object that lost our label looks the same as one that was deleted."""
        if action.inferred:
            return True
        alive = case.source is not None and not case.source["metadata"].get("deletionTimestamp")
        return action.side is case.source_side and case.target is None and (alive or not case.target_proven)

    async def _is_there(self, case: Case, key: Key, action: Delete, result: Result) -> bool:
        """A live look at the object whose absence is the reason: whether it is there after all, as the same one."""
        of_target = action.side is case.source_side
        ref, side = (case.target_ref if of_target else case.source_ref), action.side.other
        try:
            there = await self.execute.get(side, case.translator.resource_on(side), ref)
        except SyncerError as error:
            self._failed(case, action, error, result)
            return True
        if there is None or not _is_the_one(case, there, of_target=of_target):
            return False
        self.guard.settled(key)
        result.again = _BEHIND
        if (there.meta.labels or {}).get(stamps.TENANT) != case.view.names.tenant and side is Side.HOST and of_target:
            self.tell(case.source_ref, case.source, actions.CONFLICT, "its copy on the host lost our label and is left alone", "Warning")
            result.again = _SLOW
        return True

    async def _went_with_its_kind(self, case: Case, key: Key, action: Delete, result: Result) -> bool:
        """Whether the source went together with its whole kind (see `definitions`). Then the copy stays until the object comes back, or a human
        releases the deletions."""
        kind = case.translator.definition
        if not kind or case.target is None:
            return False
        try:
            stood = await self.definitions.stood(case.source_side, kind, case.target["metadata"].get("creationTimestamp") or "")
        except SyncerError as error:
            self._failed(case, action, error, result)
            return True
        if stood:
            return False
        if not self.guard.lose(key):
            return False
        result.again, result.label = _SLOW, "held"
        log.warning("held_with_its_kind", key=str(key), definition=kind, next_step="kled-syncer release, if the copies shall go")
        if case.source_side is Side.TENANT:
            place = Ref("namespaces", "", case.source_ref.namespace or "kube-system")
            text = f"the definition {kind} was deleted, and all its objects with it; their copies are kept until the host's admin lets them go"
            self.tell(place, self.cache.obj(Side.TENANT, place), actions.HELD, text, "Warning")
        return True

    def _failed(self, case: Case, action: Write, error: SyncerError, result: Result) -> None:
        """Which errors are told to whom, and how soon the key is tried again."""
        result.label = "error"
        result.retry = True
        if isinstance(error, (Throttled, Unreachable)):
            result.least = max(result.least, getattr(error, "retry_after", None) or 0.0)
            return
        if isinstance(error, (Conflict, NotFound)):
            return
        if isinstance(error, Forbidden) and any(cause.startswith("NamespaceTerminating") for cause in error.causes):
            result.least = 5.0
            return
        if _passes(error) and self.now() - self.denied_since.setdefault(_key(case), self.now()) < _WAITING_TOO_LONG:
            return
        log.warning("write_refused", side=action.side.value, ref=str(action.ref), translator=case.translator.name, error=str(error)[:500])
        if action.side is Side.HOST and case.source_side is Side.TENANT and isinstance(error, ApiError):
            found = refused(error, case.target_ref, case.source_ref)
            self.tell(case.source_ref, case.source, actions.REFUSED, found.text, "Warning")
            self.refused(case.translator.name, actions.REFUSED)
            if found.by_rule:
                result.retry, result.again = False, self._denied_again(_key(case), case, found)
                return
        result.retry = False
        result.again = _VERY_SLOW if isinstance(error, Invalid) else _SLOW / 2

    def _denied_again(self, key: Key, case: Case, found: Refused) -> float:
        """Seconds until the next try against a rule of the host: longer each time. Room in a quota is noticed earlier."""
        times = self.denials.get(key, 0)
        self.denials[key] = times + 1
        if found.quota:
            self.no_room(key, case.target_ref.namespace, found.quota, found.requested)
        return min(_SLOW / 2 * 2.0 ** min(times, 8), _VERY_SLOW)

    def _allowed(self, key: Key) -> None:
        """Nothing of the host stands against the key (any more)."""
        if self.denials.pop(key, None) is not None:
            self.room_found(key)

    def _pending_recreate(self, case: Case) -> Recreate | None:
        """A crash came between the two halves of a re-creation in the tenant: the host copy holds the body."""
        target = case.target
        if target is None or case.source_side is not Side.TENANT:
            return None
        text = (target["metadata"].get("annotations") or {}).get(stamps.PENDING)
        if text is None:
            return None
        if case.source is not None and case.source["metadata"]["uid"] == (target["metadata"]["annotations"]).get(stamps.SOURCE_UID):
            return None  # the first half has not happened: decide says it again
        body = msgspec.json.decode(text)
        keeper = (case.translator.destination, case.target_ref, target["metadata"]["uid"])
        return Recreate(side=Side.TENANT, resource=case.translator.source, ref=case.source_ref, uid="", body=body, keeper=keeper)


def _is_the_one(case: Case, there: Entry, *, of_target: bool) -> bool:
    """Whether an object found under the name is the missing one, and not another of the same name."""
    marked = (there.meta.annotations or {}).get(stamps.SOURCE_UID)
    if of_target:
        return case.source is not None and marked == case.source["metadata"]["uid"]
    return case.target is None or there.meta.uid == made_for(case)


def _with_field(action: actions.Refuse) -> str:
    """What is refused begins with the field, unless the message names it."""
    return action.message if action.field in action.message else f"{action.field}: {action.message}"


def _is_shown_by_host(source: Obj) -> bool:
    """An object that came from the host has no business there a second time, unless a pod uses it."""
    return stamps.is_from_host(source["metadata"].get("labels"))


def _passes(error: SyncerError) -> bool:
    """What a server says for a moment and then no more: it has just started and not read its roles yet; or the address of a Service is
    being set free, which comes a little after the end of the Service that had it."""
    if isinstance(error, Forbidden):
        return " cannot " in error.message and " resource " in error.message
    return isinstance(error, Invalid) and "already allocated" in error.message


def _key(case: Case) -> Key:
    return Key(case.translator.name, case.source_ref.namespace, case.source_ref.name)


def _tokens(needs: Iterable[Need]) -> tuple[TokenNeed, ...]:
    return tuple(need for need in needs if isinstance(need, TokenNeed))


def _subjects(needs: Iterable[Any]) -> tuple[Subject, ...]:
    found: list[Subject] = []
    for need in needs:
        if isinstance(need, ObjectNeed):
            found.append((need.side, need.ref.plural, need.ref.namespace, need.ref.name))
        elif not isinstance(need, TokenNeed):
            found.append((need.side, need.plural, need.namespace, ""))
    return tuple(found)


def _brief(error: SyncerError) -> str:
    return f"{error.code} {error.reason}" if isinstance(error, ApiError) else type(error).__name__
