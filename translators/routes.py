"""Routes of the Gateway API (HTTPRoute, GRPCRoute, TLSRoute, TCPRoute): parents and backends translated, what their parents say of them shown.

* A parent is a Gateway of the tenant that is on the host, or one that the host shares (`policy.gateways`). A route goes to those of its parents that
  let its namespace in, and stays in the tenant when none does; Services as parents (meshes) are refused.
* A backend is a Service. One of another namespace needs the tenant's ReferenceGrant there (see `translators.gateway_refs`).
* Filters that name an extension of the host's are refused, and so is whatever this version does not know: a route with a filter or a condition
  left out answers for more than was meant.
* Host names are held against `policy.ingressHosts`; where that is set, every route for names must have some.
* `status.parents` holds what the host's controllers say, beside what a controller of the tenant's own says of other parents of the same route.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import GRPCROUTES, HTTPROUTES, TCPROUTES, TLSROUTES, Obj, Ref, Resource, Side
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, ObjectNeed, Path, Refusal, Skip, Subresource, Translator, View
from translators.gateway_refs import BACKENDS, is_shared, lets_in, parent, parent_needs, parent_on_host, reference_needs, target, written
from translators.gateway_status import conditions, same_reference
from translators.hostnames import refused_host
from translators.metadata import down_metadata
from translators.references import Links

_PARENT = ("group", "kind", "name", "namespace", "sectionName", "port")
_BACKEND = ("group", "kind", "name", "namespace", "port", "weight", "filters")
_STATUS: tuple[Path, ...] = (("status", "parents"),)
_BREAKS_OUT = re.compile(r"[\s;{}\"'`\x00-\x1f\x7f]")
_UNKNOWN = "this version does not know it, and without it the route would answer for more"
_PLAIN = ("requestHeaderModifier", "responseHeaderModifier", "requestRedirect", "urlRewrite", "cors")
_TO_BACKENDS = {"requestMirror": ("backendRef", "percent", "fraction"), "externalAuth": ("protocol", "backendRef", "grpc", "http", "forwardBody")}


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells the kinds of routes apart: the fields of a rule and of a match, and whether a route is for host names."""

    kind: Resource
    rule: tuple[str, ...]
    match: tuple[str, ...] = ()
    with_names: bool = True


def down(shape: Shape, obj: Obj, view: View) -> Answer:
    links, spec = Links(view), obj.get("spec") or {}
    parents = _parents(spec.get("parentRefs") or (), obj, links)
    known = ("parentRefs", "hostnames", "rules") if shape.with_names else ("parentRefs", "rules")
    for key in sorted(spec.keys() - set(known)):
        links.refuse(Refusal(f"spec.{key}", _UNKNOWN))
    made: dict[str, Any] = {"parentRefs": parents}
    if shape.with_names:
        for index, name in enumerate(spec.get("hostnames") or (None,)):
            links.refuse(refused_host(f"spec.hostnames[{index}]", name, view.settings))
        if spec.get("hostnames"):
            made["hostnames"] = list(spec["hostnames"])
    made["rules"] = [_rule(shape, rule, f"spec.rules[{index}]", obj, links) for index, rule in enumerate(spec.get("rules") or ())]
    labels, annotations, dropped = down_metadata(obj, view)
    answer = links.answer({"metadata": {"labels": labels, "annotations": annotations}, "spec": made}, dropped)
    return answer if parents or isinstance(answer, Refusal) else Skip("none of its parents is on the host and lets it in")


def _parents(refs: Iterable[Mapping[str, Any]], obj: Obj, links: Links) -> list[dict[str, Any]]:
    """The parentRefs that cross."""
    view, namespace, made = links.view, obj["metadata"]["namespace"], []
    for index, ref in enumerate(refs):
        at = f"spec.parentRefs[{index}]"
        gateway = parent(ref, namespace)
        if gateway is None:
            links.refuse(Refusal(f"{at}.kind", "only Gateways can be parents on the host"))
            continue
        on_host = parent_on_host(gateway, view.names, view.settings)
        if on_host is None or not _is_there(gateway, on_host, view):
            continue
        if not is_shared(gateway, view.settings) and not lets_in(view.get(ObjectNeed(Side.TENANT, gateway)) or {}, ref, namespace, view):
            links.note(at, f"no listener of Gateway {gateway.namespace}/{gateway.name} lets routes of namespace {namespace} in")
            continue
        kept = links.known(ref, _PARENT, at)
        made.append({**kept, "name": on_host.name, "namespace": on_host.namespace})
    return made


def _is_there(gateway: Ref, on_host: Ref, view: View) -> bool:
    return is_shared(gateway, view.settings) or (view.get(ObjectNeed(Side.TENANT, gateway)) is not None and view.is_ours(on_host, gateway) is True)


def _rule(shape: Shape, rule: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    made = _only(rule, shape.rule, at, links)
    for index, match in enumerate(rule.get("matches") or ()):
        place = f"{at}.matches[{index}]"
        _only(match, shape.match, place, links)
        path = match.get("path") or {}
        if _BREAKS_OUT.search(str(path.get("value") or "")):
            links.refuse(Refusal(f"{place}.path.value", "the path holds characters that end a statement in a controller's configuration"))
    if rule.get("filters"):
        made["filters"] = _filters(shape, rule["filters"], f"{at}.filters", obj, links)
    if rule.get("backendRefs"):
        made["backendRefs"] = [_backend(shape, ref, f"{at}.backendRefs[{index}]", obj, links) for index, ref in enumerate(rule["backendRefs"])]
    return made


def _filters(shape: Shape, filters: Iterable[Mapping[str, Any]], at: str, obj: Obj, links: Links) -> list[dict[str, Any]]:
    made = []
    for index, one in enumerate(filters):
        place = f"{at}[{index}]"
        if one.get("extensionRef") is not None:
            links.refuse(Refusal(f"{place}.extensionRef", "it would name an object of the host"))
        kept = _only({key: value for key, value in one.items() if key != "extensionRef"}, ("type", *_PLAIN, *_TO_BACKENDS), place, links)
        for key, fields in _TO_BACKENDS.items():
            if one.get(key) is not None:
                inner = _only(one[key], fields, f"{place}.{key}", links)
                ref = one[key].get("backendRef") or {}
                kept[key] = {**inner, "backendRef": _backend(shape, ref, f"{place}.{key}.backendRef", obj, links)}
        made.append(kept)
    return made


def _backend(shape: Shape, ref: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    made = _only(ref, _BACKEND, at, links)
    made.pop("namespace", None)
    made |= written(ref, at, obj, shape.kind, BACKENDS, links)
    if ref.get("filters"):
        made["filters"] = _filters(shape, ref["filters"], f"{at}.filters", obj, links)
    return made


def _only(found: Mapping[str, Any], known: Iterable[str], at: str, links: Links) -> dict[str, Any]:
    for key in sorted(found.keys() - set(known)):
        links.refuse(Refusal(f"{at}.{key}", _UNKNOWN))
    return {key: found[key] for key in known if found.get(key) is not None}


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    spec, namespace = obj.get("spec") or {}, obj["metadata"]["namespace"]
    yield from parent_needs(spec.get("parentRefs") or (), namespace, names, settings)
    refs = (target(ref, namespace, BACKENDS) for ref in _backends(spec))
    yield from reference_needs((ref for ref in refs if ref is not None), namespace, names)


def _backends(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every reference to a backend, those of filters included."""
    for rule in spec.get("rules") or ():
        for holder in (rule, *(rule.get("backendRefs") or ())):
            for one in holder.get("filters") or ():
                yield from ((one[key].get("backendRef") or {}) for key in _TO_BACKENDS if one.get(key) is not None)
        yield from rule.get("backendRefs") or ()


def up(host: Obj, view: View) -> Answer:
    """What the host's controllers say of each parent, in the tenant's words."""
    tenant = view.counterpart or {}
    namespace, home = (tenant.get("metadata") or {}).get("namespace", ""), host["metadata"]["namespace"]
    crossing = (host.get("spec") or {}).get("parentRefs") or ()
    made, translated = [], []
    for ref in (tenant.get("spec") or {}).get("parentRefs") or ():
        gateway = parent(ref, namespace)
        on_host = parent_on_host(gateway, view.names, view.settings) if gateway is not None else None
        if on_host is None:
            continue
        theirs = {**ref, "name": on_host.name, "namespace": on_host.namespace}
        if any(same_reference(theirs, one, home) for one in crossing):
            translated.append((ref, theirs))
    for said in (host.get("status") or {}).get("parents") or ():
        for ref, theirs in translated:
            if same_reference(theirs, said.get("parentRef") or {}, home):
                about = {"parentRef": ref, "controllerName": said.get("controllerName", "")}
                made.append({**about, "conditions": conditions(said.get("conditions"), host, view)})
    for own in (tenant.get("status") or {}).get("parents") or ():
        if not any(same_reference(ref, own.get("parentRef") or {}, namespace) for ref, _ in translated):
            made.append(own)
    return Draft({"status": {"parents": made}})


def _route(shape: Shape) -> Translator:
    keys = ("parentRefs", "hostnames", "rules") if shape.with_names else ("parentRefs", "rules")
    return Translator(
        name=shape.kind.plural,
        source=shape.kind,
        tenant_owns=tuple(("spec", key) for key in keys),
        host_owns=_STATUS,
        tenant_subresources=(Subresource("status", _STATUS),),
        needs=needs,
        down=partial(down, shape),
        up=up,
        optional=True,
    )


_HTTP_RULE = ("name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence")
HTTP = _route(Shape(HTTPROUTES, _HTTP_RULE, ("path", "headers", "queryParams", "method")))
GRPC = _route(Shape(GRPCROUTES, ("name", "matches", "filters", "backendRefs", "sessionPersistence"), ("method", "headers")))
TLS = _route(Shape(TLSROUTES, ("name", "backendRefs")))
TCP = _route(Shape(TCPROUTES, ("name", "backendRefs"), with_names=False))
ROUTES = (HTTP, GRPC, TLS, TCP)
