"""PersistentVolumeClaims: the host's provisioner makes the volume, the tenant's own controller binds the claim to it.

Binding is left to the tenant's controller on purpose. The host's volume is shown in the tenant, already bound to the tenant's claim
(`persistentvolumes`); that controller then sets `spec.volumeName`, its annotations, phase and access modes itself, as it would for any provisioner.
Two writers of one phase would fight. What only the host knows goes up: capacity, conditions, the state of an expansion or a modification.

* A claim names a class that the host offers, or one that `policy.storageClasses` maps. An empty class, a selector, or the name of a volume that is
  not this claim's would take a free volume of somebody else, so they are refused.
* Access and volume mode, class, volume and source of data cross when the claim is made, and cannot change later on either side.
* `requests` follow the tenant, but never below what the volume has on the host: a volume does not shrink.
* The tenant's scheduler chooses the node of a volume that waits for its first consumer. `volume.kubernetes.io/selected-node` crosses when that is a
  promoted node, and is taken off the tenant's claim when the host's provisioner gives up on it, so that the scheduler looks for another one.
* Other annotations reach the provisioner, which may act on them (paths, images to import), so only those of `policy.claimAnnotations` cross.
* The copy holds data: it goes with its claim, and never because a selector does not choose it any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core import quantity
from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import PERSISTENTVOLUMECLAIMS as CLAIM_KIND
from syncer.core.objects import PERSISTENTVOLUMES, Obj, Ref
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, Path, Refusal, Subresource, Translator, View, Wait
from translators.claim_parts import SELECTED_NODE, attributes, attributes_needs, class_needs, new_spec, source_needs, volume_needs
from translators.content import unknown_in
from translators.event_text import Subject, in_tenant_words
from translators.metadata import allowed, down_metadata
from translators.pods.placement import node_needs, promoted

_OF_NEW = ("accessModes", "dataSource", "dataSourceRef", "selector", "storageClassName", "volumeMode", "volumeName")
_KNOWN = frozenset({*_OF_NEW, "volumeAttributesClassName", "resources"})
_FROM_HOST = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses", "currentVolumeAttributesClassName", "modifyVolumeStatus")
_STATUS: tuple[Path, ...] = tuple(("status", key) for key in _FROM_HOST)
_BY_PROVISIONER = "annotations of claims reach the storage provisioner; policy.claimAnnotations lists those that may cross"


def needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    yield from class_needs(obj, settings)
    yield from attributes_needs(obj)
    yield from volume_needs(obj, names)
    yield from source_needs(obj, names)
    if node := _selected_node(obj):
        yield from node_needs(node, settings)


def down(obj: Obj, view: View) -> Answer:
    host = view.counterpart
    spec = _changed_spec(obj, host, view) if host is not None else new_spec(obj, view)
    if isinstance(spec, (Refusal, Wait)):
        return spec
    found = down_metadata(obj, view)
    annotations, dropped = allowed(found.annotations, view.settings.policy.claim_annotations, _BY_PROVISIONER)
    marks, more = _node_mark(obj, view)
    unknown = unknown_in(obj.get("spec"), _KNOWN, "spec")
    body = {"metadata": {"labels": found.labels, "annotations": {**annotations, **marks}}, "spec": spec}
    return Draft(body, (*found.dropped, *dropped, *more, *unknown))


def _changed_spec(obj: Obj, host: Obj, view: View) -> dict[str, Any] | Refusal:
    """Of a claim that is there: the two things that may change."""
    here, there = ((side.get("spec") or {}).get("volumeName") for side in (obj, host))
    if here and there and there not in (here, view.names.name(PERSISTENTVOLUMES, "", here)):
        return Refusal("spec.volumeName", f"the claim is bound to volume {here!r} of this cluster alone; pods use {there!r}, which the host bound")
    wanted = (obj.get("spec") or {}).get("resources") or {}
    made: dict[str, Any] = {"resources": {"requests": _requests(wanted.get("requests") or {}, host)}}
    chosen = (obj.get("spec") or {}).get("volumeAttributesClassName")
    there = (host.get("spec") or {}).get("volumeAttributesClassName")
    if not chosen or chosen == there:
        return {**made, "volumeAttributesClassName": there} if there else made
    more = attributes(obj, view)
    return more if isinstance(more, Refusal) else {**made, **more}


def _requests(wanted: Mapping[str, Any], host: Obj) -> dict[str, Any]:
    """The tenant's, unless the volume is larger already and was asked to be: then the host's stand."""
    there = ((host.get("spec") or {}).get("resources") or {}).get("requests") or {}
    capacity = ((host.get("status") or {}).get("capacity") or {}).get("storage")
    asked, before = wanted.get("storage"), there.get("storage")
    if asked and before and capacity and _less(asked, before) and _less(asked, capacity):
        asked = before
    return {"storage": asked} if asked is not None else {}


def _less(one: str, other: str) -> bool:
    try:
        return quantity.parse(str(one)) < quantity.parse(str(other))
    except ValueError:
        return False


# --- the node of a volume that waits for its first consumer


def _selected_node(claim: Obj) -> str:
    return str((claim["metadata"].get("annotations") or {}).get(SELECTED_NODE) or "")


def _node_mark(obj: Obj, view: View) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """The annotation with the node's name on the host, and why it does not cross."""
    name, host = _selected_node(obj), view.counterpart
    if host is not None and _is_bound(host):
        there = _selected_node(host)
        return ({SELECTED_NODE: there} if there and _was_written(host) else {}), ()
    if not name or (host is not None and _given_up(host)):
        return {}, ()
    node = promoted(name, view)
    if node is None:
        return {}, ((f"metadata.annotations[{SELECTED_NODE}]", "the node is not one of the nodes promoted to this cluster"),)
    return {SELECTED_NODE: node["metadata"]["name"]}, ()


def _given_up(host: Obj) -> bool:
    """Whether the host's provisioner took our annotation off: it cannot make the volume for that node."""
    return _was_written(host) and not _selected_node(host) and not _is_bound(host)


def _was_written(host: Obj) -> bool:
    recorded = (host["metadata"].get("annotations") or {}).get(stamps.KEYS, "")
    return SELECTED_NODE in stamps.read_keys(recorded)[1]


def _is_bound(claim: Obj) -> bool:
    return (claim.get("status") or {}).get("phase") == "Bound"


# --- up


def up(host: Obj, view: View) -> Answer:
    tenant = view.counterpart
    if tenant is None:
        return Wait("the claim is not known", quiet=True)
    node = _selected_node(tenant)
    body: dict[str, Any] = {"status": _status(host, tenant, view)}
    if node and not _given_up(host):
        body["metadata"] = {"annotations": {SELECTED_NODE: node}}
    return Draft(body)


def _status(host: Obj, tenant: Obj, view: View) -> dict[str, Any]:
    """The host's, once the tenant's controller has bound the claim; until then these fields are that controller's."""
    if not (_is_bound(host) and _is_bound(tenant)):
        there = tenant.get("status") or {}
        return {key: there[key] for key in _FROM_HOST if key in there}
    status = host.get("status") or {}
    made = {key: status[key] for key in _FROM_HOST if status.get(key) is not None}
    if made.get("conditions"):
        subject = _subject(host, tenant)
        made["conditions"] = [_in_tenant_words(condition, subject, view) for condition in made["conditions"]]
    return made


def _subject(host: Obj, tenant: Obj) -> Subject:
    refs = [Ref(CLAIM_KIND.plural, obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in (host, tenant)]
    return Subject(refs[0], refs[1], tenant["metadata"]["uid"], host["metadata"]["uid"])


def _in_tenant_words(condition: Mapping[str, Any], subject: Subject, view: View) -> Mapping[str, Any]:
    if not condition.get("message"):
        return condition
    return {**condition, "message": in_tenant_words(str(condition["message"]), subject, None, view)}


PERSISTENTVOLUMECLAIMS = Translator(
    name="persistentvolumeclaims",
    source=CLAIM_KIND,
    tenant_owns=(("spec", "resources", "requests"), ("spec", "volumeAttributesClassName")),
    host_owns=(("metadata", "annotations", SELECTED_NODE), *_STATUS),
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    down=down,
    up=up,
    lasting=True,
)
