"""Looking without touching: `plan` and `explain` list both sides once and ask the same `decide` as the running engine.

What would be created is put into the picture and the rest is asked again, so that a plan for an empty host shows the pods too, which would
otherwise only wait for what comes before them.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import anyio

from syncer.app import Process, clusters
from syncer.cluster.wire import from_obj
from syncer.core import actions
from syncer.core.actions import Action, Create, Delete, Patch, Recreate, Write
from syncer.core.decide import TAKEN
from syncer.core.errors import StartupError
from syncer.core.names import digest
from syncer.core.objects import CUSTOMRESOURCEDEFINITIONS, Key, Ref, Side
from syncer.core.translator import Translator
from syncer.engine.host_api import host_api
from syncer.engine.run import Engine, Surroundings
from syncer.engine.strays import strays
from syncer.observe.metrics import Metrics
from translators.custom.definitions import misfits
from translators.custom.suggestions import Suggestion, suggestions

_LIST_WITHIN = 60.0
T = TypeVar("T")


async def plan_of(process: Process) -> dict[str, list[dict[str, Any]]]:
    """Every write that `run` would make now, as plain dictionaries under `actions`; under `suggestions`, if there are any, what seems to be
    forgotten in the declarations of custom kinds."""

    async def question(engine: Engine) -> dict[str, list[dict[str, Any]]]:
        suggested = [dict(_suggested(suggestion)) for suggestion in _suggestions(engine)]
        return {"actions": await _plan(engine), **({"suggestions": suggested} if suggested else {})}

    return await _looking(process, question)


def _suggestions(engine: Engine) -> Iterator[Suggestion]:
    for kind in engine.settings.custom:
        definition = engine.cache.obj(Side.HOST, Ref(CUSTOMRESOURCEDEFINITIONS.plural, "", kind.name))
        if definition is None:
            yield Suggestion(kind.name, "", "a kind that the host does not have", {})
            continue
        for words in misfits(definition, kind):
            yield Suggestion(kind.name, "", f"another kind than declared: {words}", {})
        yield from suggestions(definition, kind)


def _suggested(suggestion: Suggestion) -> Iterator[tuple[str, Any]]:
    yield from (("kind", suggestion.kind), ("path", suggestion.path), ("looksLike", suggestion.looks_like), ("write", dict(suggestion.write)))


async def explanation_of(process: Process, translator: Translator, namespace: str, name: str) -> dict[str, Any] | None:
    """State of one tenant object, or None when there is no such object."""
    return await _looking(process, lambda engine: _explain(engine, engine.translators[translator.name], namespace, name))


async def _looking(process: Process, question: Callable[[Engine], Awaitable[T]]) -> T:
    async with clusters(process) as (tenant, host):
        engine = Engine(
            Surroundings(
                tenant=tenant,
                host=host,
                settings=replace(process.settings, host_api=await host_api(host, process.settings)),
                translators=process.translators,
                measures=Metrics(kinds=[]),
                supervise=_once,
                account=process.account,
                looking=True,
                rng=random.Random(),
            )
        )
        async with anyio.create_task_group() as group:
            group.start_soon(engine.run)
            with anyio.move_on_after(_LIST_WITHIN) as late:
                await engine.listed.wait()
            if late.cancelled_caught:
                group.cancel_scope.cancel()
                raise StartupError(f"not everything could be listed within {_LIST_WITHIN:.0f} s: {', '.join(engine.missing()[:10])}")
            answer = await question(engine)
            group.cancel_scope.cancel()
    return answer


async def _once(name: str, function: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await function()


async def _plan(engine: Engine) -> list[dict[str, Any]]:
    found = [_described(gone, key) for key, gone in strays(engine.translators.values(), engine.cache, engine.routing)]
    open_keys = list(engine.keys())
    while open_keys:
        again: list[Key] = []
        progress = False
        for key in open_keys:
            translator = engine.translators[key.translator]
            plan = engine.reconcile.plan(translator, key, await engine.reconcile.probed(translator, key)) or ()
            writes = [action for action in plan if isinstance(action, Write)]
            if any(isinstance(action, actions.Waiting) for action in plan):
                again.append(key)
            for action in writes:
                found.append(_described(action, key))
                if isinstance(action, Create):
                    _pretend(engine, action)
                    progress = True
        open_keys = again if progress else []
    return found


def _pretend(engine: Engine, action: Create) -> None:
    """Puts an object that would be created into the picture."""
    uid = digest(*action.ref)
    metadata = {**action.body["metadata"], "uid": uid, "resourceVersion": "0"}
    engine.cache.table(action.side, action.ref.plural).put(from_obj({**action.body, "metadata": metadata}))


def _described(action: Write, key: Key) -> dict[str, Any]:
    diff: Any = None
    if isinstance(action, Patch):
        diff = action.patch
    elif isinstance(action, (Create, Recreate)):
        diff = {name: value for name, value in action.body.items() if name not in ("apiVersion", "kind")}
    if action.ref.plural == "secrets" and diff is not None:
        diff = _without_values(diff)
    verb = type(action).__name__.lower()
    return {
        "verb": verb,
        "side": action.side.value,
        "kind": action.resource.kind,
        "namespace": action.ref.namespace,
        "name": action.ref.name,
        "source": str(key),
        "reason": action.reason or ("proven by its absence; subject to the brake" if isinstance(action, Delete) and action.inferred else ""),
        "diff": diff,
    }


def _without_values(diff: dict[str, Any]) -> dict[str, Any]:
    """A Secret's values are nobody's business in a plan."""
    return {
        name: dict.fromkeys(value, "(hidden)") if name in ("data", "stringData") and isinstance(value, dict) else value
        for name, value in diff.items()
    }


async def _explain(engine: Engine, translator: Translator, namespace: str, name: str) -> dict[str, Any] | None:
    ref = Ref(translator.source.plural, namespace, name)
    place = translator.source_from(engine.names, namespace, name) if translator.source_from is not None else None
    key = Key(translator.name, *(place or (namespace, name)))
    if translator.name in engine.presence.asleep:
        return _asleep(engine, translator, namespace, name)
    if engine.cache.get(Side.TENANT, ref) is None:
        return None
    target = engine.reconcile.target_ref(translator, key)
    exists = target is not None and engine.cache.get(translator.leading.other if translator.leading is Side.TENANT else Side.HOST, target) is not None
    plan = engine.reconcile.plan(translator, key, await engine.reconcile.probed(translator, key))
    case = engine.reconcile.case(translator, key)
    if plan and await _taken(engine, plan):
        plan = (actions.Refuse(ref=ref, message=TAKEN, conflict=True, retry=True),)
    state, reason, message = _state(plan, exists, wanted=case is None or case.wanted)
    return {
        "source": {"kind": translator.source.kind, "namespace": namespace, "name": name},
        "host": {"namespace": target.namespace if target else "", "name": target.name if target else "", "exists": exists},
        "state": state,
        "reason": reason,
        "message": message,
        "translator": translator.name,
        "pending": [f"{type(action).__name__.lower()} {action.side.value} {action.ref}" for action in plan or () if isinstance(action, Write)],
    }


def _asleep(engine: Engine, translator: Translator, namespace: str, name: str) -> dict[str, Any]:
    """Of a kind that is not served on both sides nothing is known."""
    return {
        "source": {"kind": translator.source.kind, "namespace": namespace, "name": name},
        "host": {"namespace": "", "name": "", "exists": False},
        "state": "Waiting",
        "reason": "KindNotServed",
        "message": "; ".join(engine.presence.missing()),
        "translator": translator.name,
        "pending": [],
    }


async def _taken(engine: Engine, plan: Iterable[Action]) -> bool:
    """Whether something foreign, which no watch of ours shows, holds the name of what would be created."""
    for action in plan:
        if isinstance(action, Create) and await engine.reconcile.execute.get(action.side, action.resource, action.ref) is not None:
            return True
    return False


def _state(plan: Iterable[Action] | None, exists: bool, *, wanted: bool) -> tuple[str, str, str]:
    if plan is None:
        return "Unmapped", actions.UNMAPPED, "its namespace is not covered by sync.namespaceMapping"
    plan = tuple(plan)
    for action in plan:
        if isinstance(action, actions.Refuse):
            reason = actions.CONFLICT if action.conflict else actions.REFUSED
            return ("Conflict" if action.conflict else "Refused"), reason, action.message
    for action in plan:
        if isinstance(action, actions.Waiting):
            return "Waiting", actions.WAITING, action.reason or "the tenant's scheduler has not placed it on a promoted node yet"
    if any(isinstance(action, Delete) and action.inferred for action in plan):
        return "Held", actions.HELD, "a deletion that rests on absence is subject to the brake"
    if not wanted and not exists:
        return "Waiting", "NotNeeded", "nothing that is synced uses it (select: used), or the selector of its kind does not match"
    if any(isinstance(action, Write) for action in plan):
        return "Waiting", "Pending", "it differs from the host; the running syncer writes it next"
    return ("Synced", "", "") if exists else ("Waiting", "NotNeeded", "there is nothing to do for it on the host")
