"""Gateways: listeners down with their certificates, addresses and conditions up. Asleep where the Gateway API is not installed on both sides.

* The class must be a GatewayClass that is shown, or one that `policy.gatewayClasses` puts in its place. A Gateway of a class that only the tenant has
  stays in the tenant.
* Certificates come along; one of another namespace needs the tenant's ReferenceGrant there (see `translators.gateway_refs`).
* Routes are let in from namespaces of this tenant only: `All` becomes all of those, a selector the list of those that it matches.
* `addresses` are the host's to give (`policy.allowGatewayAddresses`); parameters would name an object of the host. Host names are held against
  `policy.ingressHosts`.
* A part of TLS that this version does not know refuses the Gateway: left out, it might ask clients for less than was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, GATEWAYCLASSES, Obj, Ref, Side
from syncer.core.objects import GATEWAYS as GATEWAY_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, Path, Refusal, Skip, Subresource, Translator, View
from translators.chosen_class import chosen_class, class_needs
from translators.gateway_refs import CERTIFICATES, NAMESPACES_NEED, Kinds, reference_needs, selected_namespaces, target, written
from translators.gateway_status import conditions
from translators.hostnames import refused_host
from translators.metadata import annotation_verdict, down_metadata, label_verdict
from translators.references import Links
from translators.selectors import NEVER

_SPEC = ("gatewayClassName", "listeners", "addresses", "infrastructure")
_LISTENER = ("name", "hostname", "port", "protocol", "tls", "allowedRoutes")
_STATUS: tuple[Path, ...] = tuple(("status", key) for key in ("addresses", "conditions", "listeners"))
_CLIENTS: Kinds = {("", "ConfigMap"): CONFIGMAPS}
_WITH_NAMES = ("HTTP", "HTTPS", "TLS")
_HOST_LABEL = "kubernetes.io/metadata.name"


def down(obj: Obj, view: View) -> Answer:
    links, spec = Links(view), obj.get("spec") or {}
    name = str(spec.get("gatewayClassName") or "")
    chosen = chosen_class(GATEWAYCLASSES, name, view.settings.policy.gateway_classes, view, "spec.gatewayClassName")
    if isinstance(chosen, (Skip, Refusal)):
        return chosen
    labels, annotations, dropped = down_metadata(obj, view)
    if "tls" in spec:
        links.refuse(Refusal("spec.tls", "this version does not know the field, and without it clients might be asked for less"))
    links.known({key: value for key, value in spec.items() if key != "tls"}, _SPEC, "spec")
    listeners = spec.get("listeners") or ()
    made: dict[str, Any] = {
        "gatewayClassName": chosen,
        "listeners": [_listener(one, f"spec.listeners[{index}]", obj, links) for index, one in enumerate(listeners)],
    }
    if spec.get("addresses"):
        if not view.settings.policy.allow_gateway_addresses:
            links.refuse(Refusal("spec.addresses", "addresses are the host administrator's to give"))
        made["addresses"] = [links.known(one, ("type", "value"), "spec.addresses") for one in spec["addresses"]]
    if infrastructure := _infrastructure(spec.get("infrastructure") or {}, links):
        made["infrastructure"] = infrastructure
    return links.answer({"metadata": {"labels": labels, "annotations": annotations}, "spec": made}, dropped)


def _listener(listener: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    made = links.known(listener, _LISTENER, at)
    if listener.get("protocol") in _WITH_NAMES or listener.get("hostname"):
        links.refuse(refused_host(f"{at}.hostname", listener.get("hostname"), links.view.settings))
    if listener.get("tls") is not None:
        made["tls"] = _tls(listener["tls"], f"{at}.tls", obj, links)
    allowed = listener.get("allowedRoutes") or {}
    made["allowedRoutes"] = {**links.known(allowed, ("kinds", "namespaces"), f"{at}.allowedRoutes"), "namespaces": _namespaces(allowed, links.view)}
    return made


def _tls(tls: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    made: dict[str, Any] = {"mode": tls["mode"]} if tls.get("mode") else {}
    for key in sorted(tls.keys() - {"mode", "certificateRefs", "options", "frontendValidation"}):
        links.refuse(Refusal(f"{at}.{key}", "this version does not know the field, and without it clients might be asked for less"))
    if tls.get("certificateRefs"):
        made["certificateRefs"] = _refs(tls["certificateRefs"], f"{at}.certificateRefs", CERTIFICATES, obj, links)
    if tls.get("frontendValidation") is not None:
        authorities = tls["frontendValidation"].get("caCertificateRefs") or ()
        place = f"{at}.frontendValidation.caCertificateRefs"
        made["frontendValidation"] = {"caCertificateRefs": _refs(authorities, place, _CLIENTS, obj, links)}
    if options := _passing(tls.get("options") or {}, f"{at}.options", annotation_verdict, links):
        made["options"] = options
    return made


def _refs(refs: Iterable[Mapping[str, Any]], at: str, kinds: Kinds, obj: Obj, links: Links) -> list[dict[str, Any]]:
    made = []
    for index, ref in enumerate(refs):
        place = f"{at}[{index}]"
        plain = links.known(ref, ("group", "kind", "name", "namespace"), place)
        plain.pop("namespace", None)
        made.append({**plain, **written(ref, place, obj, GATEWAY_KIND, kinds, links)})
    return made


def _namespaces(allowed: Mapping[str, Any], view: View) -> dict[str, Any]:
    """Which host namespaces routes may come from. Those of this tenant carry its label."""
    told = allowed.get("namespaces") or {}
    match told.get("from") or "Same":
        case "Same":
            return {"from": "Same"}
        case "All":
            return {"from": "Selector", "selector": {"matchLabels": {stamps.TENANT: view.names.tenant}}}
        case "Selector":
            found = {view.names.namespace(name) for name in selected_namespaces(told.get("selector") or {}, view)} - {None}
            if found:
                among = {"key": _HOST_LABEL, "operator": "In", "values": sorted(str(name) for name in found)}
                return {"from": "Selector", "selector": {"matchLabels": {stamps.TENANT: view.names.tenant}, "matchExpressions": [among]}}
    return {"from": "Selector", "selector": {"matchLabels": {NEVER: "true"}}}


def _infrastructure(found: Mapping[str, Any], links: Links) -> dict[str, Any]:
    at = "spec.infrastructure"
    if found.get("parametersRef"):
        links.refuse(Refusal(f"{at}.parametersRef", "it would name an object of the host"))
    links.known(found, ("labels", "annotations", "parametersRef"), at)
    made = {
        "labels": _passing(found.get("labels") or {}, f"{at}.labels", label_verdict, links),
        "annotations": _passing(found.get("annotations") or {}, f"{at}.annotations", annotation_verdict, links),
    }
    return {key: value for key, value in made.items() if value}


def _passing(found: Mapping[str, str], at: str, verdict: Callable[[str, Any], str | None], links: Links) -> dict[str, str]:
    """The keys that cross by the ordinary rule."""
    made = {}
    for key, value in found.items():
        reason = verdict(key, links.view.settings.host)
        if reason is None:
            made[key] = value
        elif reason:
            links.drop(f"{at}[{key}]", reason)
    return made


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    spec, namespace = obj.get("spec") or {}, obj["metadata"]["namespace"]
    yield from class_needs(GATEWAYCLASSES, str(spec.get("gatewayClassName") or ""))
    yield from reference_needs(_named(spec, namespace), namespace, names)
    if any(((one.get("allowedRoutes") or {}).get("namespaces") or {}).get("from") == "Selector" for one in spec.get("listeners") or ()):
        yield NAMESPACES_NEED


def _named(spec: Mapping[str, Any], namespace: str) -> Iterator[Ref]:
    for listener in spec.get("listeners") or ():
        tls = listener.get("tls") or {}
        groups = ((tls.get("certificateRefs"), CERTIFICATES), ((tls.get("frontendValidation") or {}).get("caCertificateRefs"), _CLIENTS))
        for refs, kinds in groups:
            for ref in refs or ():
                if (meant := target(ref, namespace, kinds)) is not None:
                    yield meant


def up(host: Obj, view: View) -> Answer:
    status = host.get("status") or {}
    shown: dict[str, Any] = {"conditions": conditions(status.get("conditions"), host, view)}
    if status.get("addresses"):
        shown["addresses"] = [{key: one[key] for key in ("type", "value") if key in one} for one in status["addresses"]]
    listeners = []
    for one in status.get("listeners") or ():
        kept = {key: one[key] for key in ("name", "supportedKinds", "attachedRoutes") if key in one}
        listeners.append({**kept, "conditions": conditions(one.get("conditions"), host, view)})
    return Draft({"status": {**shown, "listeners": listeners}})


GATEWAYS = Translator(
    name="gateways",
    source=GATEWAY_KIND,
    tenant_owns=tuple(("spec", key) for key in _SPEC),
    host_owns=_STATUS,
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    reads=((Side.HOST, GATEWAYCLASSES), (Side.TENANT, GATEWAYCLASSES)),
    down=down,
    up=up,
    optional=True,
)
