"""Events: what the host has to say about our host objects, said about the tenant's.

Only events about objects that carry our stamp cross; the tenant's name, namespace and uid take the place of the host's, in the text too. The
host's scheduler saying `Scheduled` is left out: the tenant's own scheduler has said it. Node addresses are taken out of the text.

A host event that ends does not end the tenant's: each API server forgets events in its own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.names import Names, digest
from syncer.core.objects import (
    CONFIGMAPS,
    GATEWAYS,
    GRPCROUTES,
    HTTPROUTES,
    INGRESSES,
    NODES,
    PERSISTENTVOLUMECLAIMS,
    PODS,
    SECRETS,
    SERVICES,
    TCPROUTES,
    TLSROUTES,
    VOLUMESNAPSHOTS,
    Obj,
    Ref,
    Resource,
    Side,
)
from syncer.core.objects import EVENTS as EVENT_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Life, Need, ObjectNeed, Skip, Translator, View, Wait
from translators.event_text import Subject, in_tenant_words, peek

_NETWORK = (INGRESSES, GATEWAYS, HTTPROUTES, GRPCROUTES, TLSROUTES, TCPROUTES)
ABOUT: dict[str, Resource] = {kind.kind: kind for kind in (PODS, SERVICES, CONFIGMAPS, SECRETS, PERSISTENTVOLUMECLAIMS, VOLUMESNAPSHOTS, *_NETWORK)}
"""Kinds of host objects that events may be about. All are namespaced: an event lies in the namespace of its object."""

REASON_LIMIT = 128
MESSAGE_LIMIT = 1024
"""Limits of the API for events of the newer form (`legacyValidateEvent`); longer texts of older clients are cut."""

_TAKEN = ("type", "count", "firstTimestamp", "lastTimestamp", "eventTime", "series", "action", "reportingComponent")
_OWNED = (*_TAKEN, "reason", "message", "reportingInstance", "source", "involvedObject")
_NAME_LIMIT = 253 - 17


def subject_need(event: Obj) -> ObjectNeed | None:
    """The host object that an event is about, if it is of a kind that may be ours."""
    about = event.get("involvedObject") or {}
    kind = ABOUT.get(str(about.get("kind")))
    if kind is None or not about.get("name") or about.get("namespace") != event["metadata"].get("namespace"):
        return None
    return ObjectNeed(Side.HOST, Ref(kind.plural, about["namespace"], about["name"]), wake=True)


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    subject, node = subject_need(obj), _node_need(obj)
    return tuple(need for need in (subject, node) if need is not None)


def _node_need(event: Obj) -> ObjectNeed | None:
    node = (event.get("source") or {}).get("host")
    return ObjectNeed(Side.HOST, Ref(NODES.plural, "", node)) if node else None


def subject(event: Obj, view: View) -> Subject | Skip | Wait:
    """Whose event this is in the tenant."""
    need = subject_need(event)
    if need is None or is_known_already(event):
        return Skip("not about an object of this tenant")
    there, ref = view.get(need), view.tenant_ref(need.ref.plural, need.ref.namespace, need.ref.name)
    if there is None:
        return Wait("the object of this event is not known yet", (need,), quiet=True)
    uid = (there["metadata"].get("annotations") or {}).get(stamps.SOURCE_UID)
    if ref is None or not uid:
        return Skip("not about an object of this tenant")
    about = event.get("involvedObject") or {}
    if about.get("uid") and about["uid"] != there["metadata"]["uid"]:
        return Skip("about an earlier object of that name")
    return Subject(need.ref, ref, uid, there["metadata"]["uid"], tuple(_machine(there)))


def _machine(there: Obj) -> Iterator[str]:
    """Addresses of the node a host pod is on, which need not be the node that the event comes from."""
    status = there.get("status") or {}
    for address in (status.get("hostIP"), *(entry.get("ip") for entry in status.get("hostIPs") or ())):
        if address:
            yield address


def is_known_already(event: Obj) -> bool:
    """`Scheduled` has been said by the tenant's scheduler."""
    return event.get("reason") == "Scheduled" and (event.get("involvedObject") or {}).get("kind") == PODS.kind


def target_from(event: Obj, view: View) -> tuple[str, str] | Skip | Wait:
    """The tenant object's name and a digest: unlike the host's name for it, this says nothing about the host."""
    found = subject(event, view)
    if not isinstance(found, Subject):
        return found
    return found.tenant.namespace, f"{found.tenant.name[:_NAME_LIMIT]}.{digest(event['metadata']['uid'], length=16)}"


def up(event: Obj, view: View) -> Answer:
    found = subject(event, view)
    if not isinstance(found, Subject):
        return found
    about, source = event["involvedObject"], event.get("source") or {}
    made: dict[str, Any] = {key: event[key] for key in _TAKEN if event.get(key) is not None}
    made["reason"] = str(event.get("reason") or "")[:REASON_LIMIT]
    made["message"] = in_tenant_words(str(event.get("message") or ""), found, _node(event, view), view)[:MESSAGE_LIMIT]
    made["source"] = {key: source[key] for key in ("component", "host") if source.get(key)}
    if "reportingInstance" in event:  # empty in the old form, and always there
        made["reportingInstance"] = event["reportingInstance"] and _instance(event)
    made["involvedObject"] = {
        **{key: about[key] for key in ("kind", "apiVersion", "fieldPath") if about.get(key)},
        "namespace": found.tenant.namespace,
        "name": found.tenant.name,
        "uid": found.uid,
    }
    return Draft(made)


def _node(event: Obj, view: View) -> Obj | None:
    need = _node_need(event)
    return view.get(need) if need is not None else None


def _instance(event: Obj) -> str:
    """A kubelet's instance is its node, which the tenant knows. Others name machines of the host's control plane."""
    instance, node = event["reportingInstance"], (event.get("source") or {}).get("host")
    if event.get("reportingComponent") == "kubelet" or instance == node:
        return str(instance)
    return str(event.get("reportingComponent") or "host")


def keep(entry: Any) -> bool:
    """Asked of every host event before it is stored: of no use are those about kinds that are never ours, and the one that every pod gets."""
    about = peek(entry, "involvedObject")
    if not isinstance(about, dict) or about.get("kind") not in ABOUT:
        return False
    return not (about["kind"] == PODS.kind and peek(entry, "reason") == "Scheduled")


EVENTS = Translator(
    name="events",
    source=EVENT_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=tuple((key,) for key in _OWNED),
    needs=needs,
    up=up,
    target_from=target_from,
    keep_when_source_gone=True,
    keep=keep,
    pace=5.0,
)
