"""EndpointSlices of Services without a selector: what the tenant wrote itself, or what its mirroring controller made of Endpoints.

* Slices of a Service with a selector never cross: the host makes its own from the host pods. Those that the tenant's controller makes for such
  Services are not even remembered. (Topology hints are not copied back: docs/decisions.)
* Only slices, no Endpoints: the host would mirror those a second time.
* The label that names the Service is translated and holds only while our copy of that Service is there; who manages the slice is us, so that
  neither of the host's two controllers for slices touches it.
* Addresses are held against `translators.endpoint_addresses`, one by one: an endpoint that may not be is left out, and told; when all are, the slice
  is refused. A pod that ends takes its address out of the slice, before another tenant's pod may get it.
* `targetRef` leads to the host pod, or nowhere. `hostname` is what DNS in the tenant answers with, and means nothing on the host; it passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.actions import REFUSED
from syncer.core.names import Names
from syncer.core.objects import ENDPOINTSLICES as ENDPOINTSLICE_KIND
from syncer.core.objects import NODES, PODS, SERVICECIDRS, SERVICES, Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, ListNeed, Need, ObjectNeed, Refusal, Skip, Translator, View, Wait
from translators.content import unknown, unknown_in
from translators.endpoint_addresses import CIDRS, HOST_NODES, Limits, pod_addresses
from translators.metadata import down_metadata
from translators.references import copy_of

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
BY_CONTROLLER = "endpointslice-controller.k8s.io"
_CONTENT = ("addressType", "endpoints", "ports")
_ENDPOINT = ("addresses", "conditions", "hostname", "nodeName", "zone", "hints")
_PORT = ("name", "protocol", "port", "appProtocol")
_KUBERNETES = ("default", "kubernetes")


def down(obj: Obj, view: View) -> Answer:
    service = _service(obj)
    if service is None:
        return Skip("it names no Service")
    if (skip := _not_ours_to_send(service, view)) is not None:
        return skip
    copy = copy_of(service, SERVICES, view.names)
    if copy is None or view.is_ours(copy, service) is not True:
        return Wait(f"Service {service.namespace}/{service.name} is not on the host yet", (ObjectNeed(Side.HOST, copy),) if copy else ())
    if obj.get("addressType") not in ("IPv4", "IPv6"):
        return Refusal("addressType", "only addresses can be endpoints: a name would be looked up on the host")
    endpoints, refused, dropped = _endpoints(obj, view)
    if refused and not endpoints and view.counterpart is None:
        return Refusal(*refused[0])
    labels, annotations, more = down_metadata(obj, view)
    labels = {**labels, SERVICE_NAME: copy.name, MANAGED_BY: stamps.MANAGER}
    ports = [{key: port[key] for key in _PORT if port.get(key) is not None} for port in obj.get("ports") or ()]
    body = {"metadata": {"labels": labels, "annotations": annotations}, "addressType": obj["addressType"], "endpoints": endpoints, "ports": ports}
    return Draft(body, (*more, *unknown(obj, _CONTENT), *dropped), tuple((REFUSED, f"{field}: {why}") for field, why in refused[:10]))


def _service(obj: Obj) -> Ref | None:
    """The Service that a slice is of."""
    name = (obj["metadata"].get("labels") or {}).get(SERVICE_NAME)
    return Ref(SERVICES.plural, obj["metadata"]["namespace"], name) if name else None


def _not_ours_to_send(ref: Ref, view: View) -> Skip | None:
    if (ref.namespace, ref.name) == _KUBERNETES:
        return Skip("the tenant's API server keeps this service itself")
    if f"{ref.namespace}/{ref.name}" in {to for _, to in view.settings.network.from_host}:
        return Skip("the Service is one of the host's, shown here by configuration")
    service = view.get(ObjectNeed(Side.TENANT, ref))
    if service is None:
        return Skip("its Service is not there")
    spec = service.get("spec") or {}
    if spec.get("selector"):
        return Skip("the host makes the slices of Services with a selector")
    return Skip("its Service is a name") if spec.get("type") == "ExternalName" else None


def _endpoints(obj: Obj, view: View) -> tuple[list[dict[str, Any]], list[tuple[str, str]], list[tuple[str, str]]]:
    """Those that pass, those that may not be, and fields that do not cross."""
    made, refused = [], []
    dropped: list[tuple[str, str]] = []
    limits = Limits(view)
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        target = _host_pod(endpoint, obj, view)

        def is_own_pod(address: str, target: Obj | None = target) -> bool:
            return address in pod_addresses(target) or (target is None and address in _namespace_addresses(obj, view))

        bad = [
            (f"endpoints[{index}].addresses[{number}]", reason)
            for number, address in enumerate(endpoint.get("addresses") or ())
            if (reason := limits.reason(address, is_own_pod)) is not None
        ]
        if bad:
            refused += bad
            continue
        one = {key: endpoint[key] for key in _ENDPOINT if endpoint.get(key) is not None}
        if target is not None:
            meta = target["metadata"]
            one["targetRef"] = {"kind": PODS.kind, "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
        made.append(one)
        dropped += unknown_in(endpoint, (*_ENDPOINT, "targetRef", "deprecatedTopology"), f"endpoints[{index}]")
    return made, refused, dropped


def _target(endpoint: Mapping[str, Any], namespace: str) -> Ref | None:
    """The tenant pod that an endpoint says it is."""
    about = endpoint.get("targetRef") or {}
    if about.get("kind") != PODS.kind or not about.get("name"):
        return None
    return Ref(PODS.plural, about.get("namespace") or namespace, about["name"])


def _host_pod(endpoint: Mapping[str, Any], obj: Obj, view: View) -> Obj | None:
    """The host pod behind it, if it is ours."""
    ref = _target(endpoint, obj["metadata"]["namespace"])
    copy = copy_of(ref, PODS, view.names) if ref is not None else None
    if ref is None or copy is None or view.is_ours(copy, ref) is not True:
        return None
    return view.get(ObjectNeed(Side.HOST, copy))


def _namespace_addresses(obj: Obj, view: View) -> frozenset[str]:
    """The addresses of this tenant's host pods of the same namespace, for endpoints that do not say which pod they are."""
    need = _pods_need(obj, view.names)
    mine = (pod for pod in (view.list(need) if need is not None else ()) if _is_of(pod, view.names.tenant))
    return frozenset(address for pod in mine for address in pod_addresses(pod))


def _is_of(pod: Obj, tenant: str) -> bool:
    meta = pod["metadata"]
    stamp = stamps.read(meta.get("labels") or {}, meta.get("annotations") or {})
    return stamp is not None and stamp.tenant == tenant


def _pods_need(obj: Obj, names: Names) -> ListNeed | None:
    namespace = names.namespace(obj["metadata"]["namespace"])
    return None if namespace is None else ListNeed(Side.HOST, PODS.plural, namespace, wake=True)


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    service = _service(obj)
    if service is None:
        return
    yield from (CIDRS, HOST_NODES, ObjectNeed(Side.TENANT, service, wake=True))
    copy = copy_of(service, SERVICES, names)
    if copy is not None:
        yield ObjectNeed(Side.HOST, copy, wake=True)
    namespace, unnamed = obj["metadata"]["namespace"], False
    for endpoint in obj.get("endpoints") or ():
        ref = _target(endpoint, namespace)
        pod = copy_of(ref, PODS, names) if ref is not None else None
        if pod is not None:
            yield ObjectNeed(Side.HOST, pod, wake=True)
        else:
            unnamed = True
    pods = _pods_need(obj, names)
    if pods is not None:
        yield pods if unnamed else pods._replace(wake=False)


def keep(entry: Any) -> bool:
    """Asked of every slice of the tenant before it is stored: those of its own controller are for Services with a selector."""
    return (entry.meta.labels or {}).get(MANAGED_BY) != BY_CONTROLLER


ENDPOINTSLICES = Translator(
    name="endpointslices",
    source=ENDPOINTSLICE_KIND,
    tenant_owns=tuple((key,) for key in _CONTENT),
    host_owns=(),
    recreate_on=(("addressType",),),
    needs=needs,
    reads=((Side.HOST, SERVICECIDRS), (Side.HOST, NODES)),
    down=down,
    keep=keep,
)
