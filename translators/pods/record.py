"""The record of the kind: who owns what, and the two functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import PODS as PODS_KIND
from syncer.core.objects import SERVICEACCOUNTS, SERVICES, Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import AllBut, Answer, Draft, Each, Life, Need, ObjectNeed, Path, Refusal, Subresource, Translator, View, Wait
from translators.metadata import down_metadata
from translators.pods import affinity, dns, lent, links, placement, tokens
from translators.pods.life import finished, placed
from translators.pods.refs import demand, host_need, references
from translators.pods.spec import host_spec
from translators.pods.status import GENERATION, up
from translators.pods.update import host_pod
from translators.pods.volumes import refreshed
from translators.pods.wellformed import wrong_field
from translators.pods.work import Refused, Work
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

# Both lists are merged by us from what was seen on both sides. `AllBut` without fields says so: the whole list, and never over a newer object.
_TOLERATIONS: Path = ("spec", "tolerations", AllBut("key", ()))
_STATUS: tuple[Path, ...] = (("status",), ("status", "conditions", AllBut("type", ())))

_CONDITION_FIELDS = ("status", "reason", "message", "lastTransitionTime")
_EPHEMERAL: tuple[Path, ...] = (("spec", "ephemeralContainers", Each("name")),)
_RESIZE: tuple[Path, ...] = (
    ("spec", "containers", Each("name"), "resources"),
    ("spec", "initContainers", Each("name"), "resources"),
    ("spec", "resources"),
)
_GATES: tuple[Path, ...] = (
    ("status", "conditions", Each("type")),
    *(("status", "conditions", Each("type"), field) for field in _CONDITION_FIELDS),
)


@lru_cache(maxsize=1024)
def _account(host_namespace: str) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(SERVICEACCOUNTS.plural, host_namespace, WORKLOAD_SERVICE_ACCOUNT))


def needs(pod: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    """What the pod uses from the start; what its translation looks at once it has a node; nothing when it has ended."""
    return () if finished(pod) else _needs(pod, names, settings)


def _needs(pod: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    meta, spec = pod["metadata"], pod["spec"]
    namespace = meta["namespace"]
    host_namespace = names.namespace(namespace)
    node = spec.get("nodeName")
    for resource, name, optional in references(pod):
        yield demand(Ref(resource.plural, namespace, name))
        if node and host_namespace is not None:
            yield host_need(resource, host_namespace, names.name(resource, namespace, name), optional=optional)
    if not node or host_namespace is None:
        return
    yield from placement.node_needs(node, settings)
    yield _account(host_namespace)
    yield from lent.needs(spec, namespace, host_namespace, names, settings)
    if links.needs_master(settings):
        yield links.MASTER
    if spec.get("enableServiceLinks") is not False:
        yield links.services_need(namespace)
    if dns.uses_cluster_dns(spec):
        yield dns.service_need(settings)
    if affinity.needs_namespaces(spec):
        yield affinity.NAMESPACES_NEED
    if any(True for _ in tokens.token_sources(pod)):
        yield tokens.secret_need(names, namespace, host_namespace, meta["name"])


def down(pod: Obj, view: View) -> Answer:
    """The host pod: built once, then only what may change."""
    try:
        return _down(pod, view)
    except (KeyError, TypeError, AttributeError, ValueError):
        field = wrong_field(pod)
        if field is None:
            raise
        return Refusal(field, "not what a pod has there")


def _down(pod: Obj, view: View) -> Answer:
    if not pod["spec"].get("nodeName"):
        return Wait("the tenant's scheduler has not chosen a node yet", quiet=True)
    try:
        work = Work(pod, view)
        host = view.counterpart
        body = _built(work, pod) if host is None else host_pod(work, host, pod)
        if host is not None:
            refreshed(work)
    except Refused as refused:
        return Refusal(refused.field, refused.message)
    if work.waits:
        return Wait("; ".join(dict.fromkeys(reason for reason, _ in work.waits)), tuple(need for _, need in work.waits))
    metadata = down_metadata(pod, view)
    annotations = {**metadata.annotations, **work.annotations}
    generation = pod["metadata"].get("generation")
    if generation:
        annotations[GENERATION] = str(generation)
    body["metadata"] = {"labels": metadata.labels, "annotations": annotations}
    return Draft(body, (*metadata.dropped, *work.dropped), tuple(work.notes))


def _built(work: Work, pod: Obj) -> dict[str, Any]:
    node = placement.chosen(work)
    _account_is_there(work)
    _tokens_are_there(work, pod)
    if node is None or work.waits:
        return {}
    return {"spec": host_spec(work, node, pod)}


def _account_is_there(work: Work) -> None:
    need = _account(work.host_namespace)
    if work.view.get(need) is None:
        work.wait("the host namespace is being prepared: its workload account is not there yet", need)


def _tokens_are_there(work: Work, pod: Obj) -> None:
    """The kubelet would wait too, but with seconds of back-off; and an earlier pod of this name may have left its Secret behind."""
    if any(True for _ in tokens.token_sources(pod)):
        need = tokens.secret_need(work.names, work.namespace, work.host_namespace, work.name)
        if not tokens.is_for(work.view.get(need), work.meta["uid"]):
            work.wait("the service-account tokens of the pod are not on the host yet", need)


def settle(status: bytes) -> float:
    """A pod that comes up changes its status several times within a moment; what a user waits for (running, ready, ended) goes at once."""
    if b'"phase":"Pending"' not in status:
        return 0.0
    return 0.05 if b'"startTime"' in status else 0.2


PODS = Translator(
    name="pods",
    source=PODS_KIND,
    life=Life.SHARED_FATE,
    tenant_owns=(
        ("spec", "containers", Each("name"), "image"),
        ("spec", "initContainers", Each("name"), "image"),
        ("spec", "activeDeadlineSeconds"),
        _TOLERATIONS,
        *_EPHEMERAL,
        *_RESIZE,
        *_GATES,
    ),
    host_owns=_STATUS,
    host_subresources=(Subresource("ephemeralcontainers", _EPHEMERAL), Subresource("resize", _RESIZE), Subresource("status", _GATES)),
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    down=down,
    up=up,
    placed=placed,
    finished=finished,
    grace_period=True,
    prefetch=True,
    reads=((Side.TENANT, SERVICES),),
    settle=settle,
)
