"""The one place where existence is discussed: what to do about one object, given what is on the two sides.

*Source* is the leading side's object, *target* its copy. The table says which rule applies:

    source      target      rule
    gone        none        nothing
    gone        ours        remove_target        (also: other uid, leaving → nothing; nothing at all if the kind outlives its source: events)
    gone        foreign     nothing
    alive       none        create               SHARED_FATE and already placed: remove_source
    alive       ours        agree                fields are compared, both ways
    alive       other uid   remove_target        and create when it is gone; the end of a former object's copy says nothing about this one
    alive       foreign     refuse
    alive       leaving     follow               SHARED_FATE: the source goes too; else wait
    leaving     none        release              SHARED_FATE: let the source go at once; else nothing
    leaving     ours        depart               SHARED_FATE: the target goes with the same grace; else as long as the source is there, it stays
    leaving     other uid   remove_target
    leaving     foreign     nothing
    leaving     leaving     hurry                status goes on; SHARED_FATE: a shorter grace is passed on
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from syncer.core import actions
from syncer.core import stamp as stamps
from syncer.core.actions import Action
from syncer.core.objects import Obj, Ref, Side
from syncer.core.project import Patch, by_subresource, project, project_metadata, replaces_list
from syncer.core.translator import Answer, Draft, Life, Refusal, Skip, Subresource, Translator, View, Wait

SourceState = Literal["gone", "alive", "leaving"]
TAKEN = "another object holds the name this one would get on the host, and is left alone; ask the host's admin to rename or remove that"
TAKEN_IN_TENANT = "the host offers an object under this name, which is not shown because yours holds it; rename or remove yours to see it"
TargetState = Literal["none", "ours", "other uid", "foreign", "leaving"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything about one key. `source_ref` and `target_ref` hold also when nothing is there.

    `wanted`: the object is selected and in use. `proven`, `target_proven`: that source or target are gone rests on a DELETE event.
    `flows_down` and `flows_up` follow from the mode.
    """

    translator: Translator
    source_ref: Ref
    target_ref: Ref
    source: Obj | None
    target: Obj | None
    view: View
    wanted: bool = True
    proven: bool = False
    target_proven: bool = False
    flows_down: bool = True
    flows_up: bool = True

    @property
    def source_side(self) -> Side:
        return self.translator.leading

    @property
    def target_side(self) -> Side:
        return self.translator.leading.other


def source_state(case: Case) -> SourceState:
    if case.source is None:
        return "gone"
    return "leaving" if case.source["metadata"].get("deletionTimestamp") else "alive"


def target_state(case: Case) -> TargetState:
    if case.target is None:
        return "none"
    meta = case.target["metadata"]
    uid = made_for(case)
    if uid is None:
        return "foreign"
    if case.source is not None and case.source["metadata"]["uid"] != uid and not case.translator.same_by_name:
        return "other uid"
    return "leaving" if meta.get("deletionTimestamp") else "ours"


def made_for(case: Case) -> str | None:
    """The uid of the source that the target was made for, or None when the target is not ours."""
    assert case.target is not None
    meta = case.target["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    if case.target_side is Side.TENANT:
        # A tenant may take our label off; the uid of the host object, which it did not choose, still tells.
        uid = annotations.get(stamps.SOURCE_UID, "")
        known = case.source is not None and uid == case.source["metadata"]["uid"]
        return uid if known or stamps.is_from_host(labels) else None
    stamp = stamps.read(labels, annotations)
    if stamp is None or stamp.tenant != case.view.names.tenant or stamp.translator != case.translator.name:
        return None
    if (stamp.namespace, stamp.name) != (case.source_ref.namespace, case.source_ref.name):
        return None
    return stamp.uid


def decide(case: Case) -> tuple[Action, ...]:
    """The plan for one key. Pure: the same case gives the same plan, and nothing in it is changed."""
    return _TABLE[source_state(case), target_state(case)](case)


def nothing(case: Case) -> tuple[Action, ...]:
    return ()


def remove_target(case: Case) -> tuple[Action, ...]:
    """Only what we made: the state says that the target carries our stamp."""
    assert case.target is not None
    if case.source is None and case.translator.keep_when_source_gone:
        return ()
    if case.target["metadata"].get("deletionTimestamp"):
        return ()
    inferred = case.source is None and not case.proven
    return (
        _delete(
            case, case.target_side, case.target, case.target_ref, reason="source is gone" if case.source is None else "replaced", inferred=inferred
        ),
    )


def remove_source(case: Case, grace: int | None, reason: str) -> tuple[Action, ...]:
    """SHARED_FATE: an object does not outlive its copy. One that its own side is deleting already loses nothing by it."""
    assert case.source is not None
    leaving = source_state(case) == "leaving"
    inferred = case.target is None and not case.target_proven and not leaving
    return (_delete(case, case.source_side, case.source, case.source_ref, grace=grace, reason=reason, inferred=inferred),)


def create(case: Case) -> tuple[Action, ...]:
    translator, source = case.translator, case.source
    assert source is not None
    if not case.wanted or not _flows_forward(case):
        return ()
    if translator.life is Life.SHARED_FATE:
        if translator.placed is not None and translator.placed(source):
            return remove_source(case, 0, "its host object is gone")
        if translator.finished is not None and translator.finished(source):
            return ()
    answer = _answer(case)
    if not isinstance(answer, Draft):
        return _without_draft(case, answer)
    body = complete(case, answer)
    if violations := _violations(case, body):
        return violations
    made = actions.Create(side=case.target_side, resource=translator.resource_on(case.target_side), ref=case.target_ref, body=body)
    return (*_told(case, answer), made)


def agree(case: Case) -> tuple[Action, ...]:
    """Source and target are there and belong together: compare fields, in both directions."""
    source, target, translator = case.source, case.target, case.translator
    assert source is not None
    assert target is not None
    if not case.wanted:
        return () if translator.lasting else (_delete(case, case.target_side, target, case.target_ref, reason="not needed any more"),)
    plan: list[Action] = []
    if _flows_forward(case):
        answer = _answer(case)
        if isinstance(answer, Skip):
            return (_delete(case, case.target_side, target, case.target_ref, reason=answer.reason),)
        if isinstance(answer, Draft):
            plan += _forward(case, answer)
        else:
            plan += _without_draft(case, answer)
    if translator.recreate_tenant is not None and translator.leading is Side.TENANT and case.flows_up:
        body = translator.recreate_tenant(source, target, case.view)
        if body is not None:
            remade = actions.Recreate(
                side=Side.TENANT,
                resource=translator.source,
                ref=case.source_ref,
                uid=source["metadata"]["uid"],
                body=body,
                keeper=(translator.destination, case.target_ref, target["metadata"]["uid"]),
                reason="fixed by the host",
            )
            return (*plan, remade)
    return (*plan, *reflect(case))


def _forward(case: Case, answer: Draft) -> tuple[Action, ...]:
    """Patches (or one Recreate) that bring the target to the draft."""
    target, translator = case.target, case.translator
    assert target is not None
    paths = translator.tenant_owns if case.target_side is Side.HOST else translator.host_owns
    subresources = translator.host_subresources if case.target_side is Side.HOST else translator.tenant_subresources
    body = complete(case, answer)
    metadata = project_metadata(body["metadata"], target["metadata"])
    patches = _patches(body, target, paths, subresources)
    if not patches and not metadata:
        return ()
    if violations := _violations(case, body):
        return violations
    resource = translator.resource_on(case.target_side)
    if _cannot_change_in_place(translator, body, target):
        remade = actions.Recreate(
            side=case.target_side,
            resource=resource,
            ref=case.target_ref,
            uid=target["metadata"]["uid"],
            body=body,
            reason="a field that cannot change in place",
        )
        return (*_told(case, answer), remade)
    if metadata:
        patches.setdefault("", ({}, False))[0].setdefault("metadata", {}).update(metadata)
    return (*_told(case, answer), *_as_actions(case.target_side, case.target_ref, resource, target, patches))


def _cannot_change_in_place(translator: Translator, body: Mapping[str, Any], target: Obj) -> bool:
    if translator.must_recreate is not None and translator.must_recreate(body, target):
        return True
    return bool(translator.recreate_on and project(body, target, translator.recreate_on))


def reflect(case: Case) -> tuple[Action, ...]:
    """What the host owns, shown on the tenant object (only where the tenant leads; a host-led target is written by `agree`)."""
    source, target, translator = case.source, case.target, case.translator
    if translator.up is None or translator.leading is Side.HOST or not case.flows_up or source is None or target is None:
        return ()
    answer = translator.up(target, _Turned(case.view, source))
    if not isinstance(answer, Draft):
        return _without_draft(case, answer)
    patches = _patches(answer.body, source, translator.host_owns, translator.tenant_subresources)
    return _as_actions(Side.TENANT, case.source_ref, translator.source, source, patches)


class _Turned:
    """The same view from the target's side: its counterpart is the source."""

    __slots__ = ("counterpart", "get", "is_ours", "list", "names", "settings", "tenant_ref", "token")

    def __init__(self, view: View, counterpart: Obj) -> None:
        self.counterpart: Obj | None = counterpart
        self.settings, self.names = view.settings, view.names
        self.get, self.list, self.token = view.get, view.list, view.token
        self.is_ours, self.tenant_ref = view.is_ours, view.tenant_ref


def refuse(case: Case) -> tuple[Action, ...]:
    """A foreign object holds the name: it is never written and never adopted. Told on the tenant's object, whichever of the two that is."""
    if not case.wanted or isinstance(_answer(case), (Skip, Wait)):
        return ()
    if case.target_side is Side.TENANT:
        return (actions.Refuse(ref=case.target_ref, message=TAKEN_IN_TENANT, conflict=True, retry=True),)
    return (actions.Refuse(ref=case.source_ref, message=TAKEN, conflict=True, retry=True),)


def follow(case: Case) -> tuple[Action, ...]:
    """The target is being deleted while the source is alive."""
    assert case.source is not None
    assert case.target is not None
    if case.translator.life is not Life.SHARED_FATE:
        return reflect(case)
    grace = case.target["metadata"].get("deletionGracePeriodSeconds")
    return (*reflect(case), *remove_source(case, max(grace, 1) if grace else None, "its host object is being deleted"))


def release(case: Case) -> tuple[Action, ...]:
    """The source is being deleted and has no copy (any more): a pod may go at once, nobody else will end it.

    An API server deletes at once in two steps: it notes a grace of 0, then removes the object. A request that is cut off between the two (we are
    killed while we wait) leaves a pod that nobody removes until it is asked for again. Only a finalizer is somebody else's to wait for.
    """
    assert case.source is not None
    meta = case.source["metadata"]
    if case.translator.life is Life.SHARED_FATE and (meta.get("deletionGracePeriodSeconds") != 0 or not meta.get("finalizers")):
        return remove_source(case, 0, "its host object has ended")
    return ()


def depart(case: Case) -> tuple[Action, ...]:
    """The source is being deleted, its copy is still there."""
    assert case.source is not None
    assert case.target is not None
    if case.translator.life is not Life.SHARED_FATE:
        return agree(case)
    grace = case.source["metadata"].get("deletionGracePeriodSeconds")
    gone = _delete(case, case.target_side, case.target, case.target_ref, grace=grace, reason="its tenant object is being deleted")
    return (*reflect(case), gone)


def hurry(case: Case) -> tuple[Action, ...]:
    """Both are being deleted. A second deletion of the source may have shortened its grace."""
    assert case.source is not None
    assert case.target is not None
    wanted, granted = (obj["metadata"].get("deletionGracePeriodSeconds") for obj in (case.source, case.target))
    if case.translator.life is not Life.SHARED_FATE or wanted is None or granted is None or wanted >= granted:
        return reflect(case)
    return (*reflect(case), _delete(case, case.target_side, case.target, case.target_ref, grace=wanted, reason="its grace was shortened"))


_TABLE: Mapping[tuple[SourceState, TargetState], Callable[[Case], tuple[Action, ...]]] = {
    ("gone", "none"): nothing,
    ("gone", "ours"): remove_target,
    ("gone", "other uid"): remove_target,
    ("gone", "foreign"): nothing,
    ("gone", "leaving"): nothing,
    ("alive", "none"): create,
    ("alive", "ours"): agree,
    ("alive", "other uid"): remove_target,
    ("alive", "foreign"): refuse,
    ("alive", "leaving"): follow,
    ("leaving", "none"): release,
    ("leaving", "ours"): depart,
    ("leaving", "other uid"): remove_target,
    ("leaving", "foreign"): nothing,
    ("leaving", "leaving"): hurry,
}


def complete(case: Case, answer: Draft) -> dict[str, Any]:
    """The draft with name, stamp and kind: what is sent on create and compared later."""
    assert case.source is not None
    resource = case.translator.resource_on(case.target_side)
    meta = answer.body.get("metadata") or {}
    labels, annotations = dict(meta.get("labels") or {}), dict(meta.get("annotations") or {})
    keys = stamps.written_keys(labels, annotations)
    uid = case.source["metadata"]["uid"]
    if case.target_side is Side.HOST:
        stamp = stamps.Stamp(case.view.names.tenant, case.translator.name, case.source_ref.namespace, case.source_ref.name, uid)
        labels.update(stamps.labels(stamp))
        annotations.update(stamps.annotations(stamp))
    else:
        labels[stamps.MANAGED_BY] = stamps.MANAGER
        annotations[stamps.SOURCE_UID] = uid
    if keys:
        annotations[stamps.KEYS] = keys
    metadata: dict[str, Any] = {"name": case.target_ref.name, "labels": labels, "annotations": annotations}
    if case.target_ref.namespace:
        metadata["namespace"] = case.target_ref.namespace
    for extra in ("ownerReferences", "finalizers"):
        if extra in meta:
            metadata[extra] = meta[extra]
    return {**answer.body, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}


def _answer(case: Case) -> Answer:
    assert case.source is not None
    function = case.translator.down if case.translator.leading is Side.TENANT else case.translator.up
    return function(case.source, case.view) if function is not None else Skip("nothing to do in this direction")


def _flows_forward(case: Case) -> bool:
    return case.flows_down if case.translator.leading is Side.TENANT else case.flows_up


def _without_draft(case: Case, answer: Answer) -> tuple[Action, ...]:
    if isinstance(answer, Refusal):
        return (actions.Refuse(ref=case.source_ref, message=answer.message, field=answer.field),)
    if isinstance(answer, Wait):
        return (actions.Waiting(ref=case.source_ref, reason="" if answer.quiet else answer.reason, on=answer.on),)
    return ()


def _told(case: Case, answer: Draft) -> tuple[Action, ...]:
    """Events about what does not cross, and what else the translator has to say."""
    if case.source_side is not Side.TENANT:
        return ()
    dropped = (actions.Event(ref=case.source_ref, reason=actions.FIELD_DROPPED, message=f"{path}: {why}") for path, why in answer.dropped)
    notes = (actions.Event(ref=case.source_ref, reason=reason, message=message) for reason, message in answer.notes)
    return (*dropped, *notes)


def _violations(case: Case, body: Mapping[str, Any]) -> tuple[Action, ...]:
    """Policy, on the final object, on every path that writes it."""
    check = case.translator.check
    found = check(body, case.view) if check is not None and case.target_side is Side.HOST else ()
    if not found:
        return ()
    fields = ", ".join(path for path, _ in found)
    return (actions.Refuse(ref=case.source_ref, message="; ".join(f"{path}: {why}" for path, why in found), field=fields),)


def _patches(body: Mapping[str, Any], actual: Obj, paths: tuple[Any, ...], subresources: tuple[Subresource, ...]) -> dict[str, tuple[Patch, bool]]:
    """By subresource: the patch, and whether it must meet exactly the resourceVersion it was computed from."""
    made: dict[str, tuple[Patch, bool]] = {}
    for name, group in by_subresource(paths, subresources):
        patch = project(body, actual, group)
        if patch:
            made[name] = (patch, replaces_list(group))
    return made


def _as_actions(side: Side, ref: Ref, resource: Any, actual: Obj, patches: Mapping[str, tuple[Patch, bool]]) -> tuple[Action, ...]:
    meta = actual["metadata"]
    return tuple(
        actions.Patch(
            side=side,
            resource=resource,
            ref=ref,
            patch=patch,
            uid=meta["uid"],
            subresource=name,
            resource_version=meta.get("resourceVersion") if exact else None,
            seen_version=meta.get("resourceVersion", ""),
        )
        for name, (patch, exact) in patches.items()
    )


def _delete(case: Case, side: Side, obj: Obj, ref: Ref, *, grace: int | None = None, reason: str, inferred: bool = False) -> actions.Delete:
    resource = case.translator.resource_on(side)
    return actions.Delete(
        side=side,
        resource=resource,
        ref=ref,
        uid=obj["metadata"]["uid"],
        grace=grace if case.translator.grace_period else None,
        inferred=inferred,
        reason=reason,
    )
