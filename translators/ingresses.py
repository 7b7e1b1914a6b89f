"""Ingresses: rules down with the names of Services and TLS Secrets translated, the load balancer's address up.

* The class must be one that the tenant sees (an IngressClass that is shown) or that `policy.ingressClasses` puts in its place, by field or by the
  old annotation `kubernetes.io/ingress.class`. An Ingress without a class gets the host's default class by name if that is shown, and is refused
  otherwise: on the host it would fall to whichever controller takes what has none. A class that only the tenant has is served by a controller in
  the tenant, and the Ingress stays there.
* TLS Secrets and what annotations name come along (`select: used`). A Service or Secret that does not exist yet blocks nothing: see
  `translators.references`.
* Backends that are no Services are refused: whatever kind they name, it would be one of the host's.
* Host names are held against `policy.ingressHosts`, if configured: of rules, of TLS, and of a rule without one.
* Paths must be free of what ends a statement in the configuration of a controller that pastes them (CVE-2021-25745, CVE-2021-25748).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import INGRESSCLASSES, SECRETS, SERVICES, Obj, Ref, Side
from syncer.core.objects import INGRESSES as INGRESS_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, ListNeed, Need, Path, Refusal, Skip, Subresource, Translator, View
from translators.chosen_class import chosen_class, class_needs
from translators.classes import is_shown
from translators.hostnames import refused_host
from translators.ingress_annotations import ALB_ACTION, CLASS, crossing, is_allowed, references
from translators.ingressclasses import DEFAULT_MARK
from translators.metadata import down_metadata
from translators.references import Links, needs_of

_SPEC = ("ingressClassName", "defaultBackend", "rules", "tls")
_STATUS: tuple[Path, ...] = (("status", "loadBalancer"),)
_CLASSES = ListNeed(Side.HOST, INGRESSCLASSES.plural, "", wake=True)
_BREAKS_OUT = re.compile(r"[\s;{}\"'`#\x00-\x1f\x7f]|\\$")
_NO_SERVICE = "only Services can be backends: another kind would be one of the host's"


def down(obj: Obj, view: View) -> Answer:
    chosen = _class_of(obj, view)
    if isinstance(chosen, (Skip, Refusal)):
        return chosen
    links, meta, spec = Links(view), obj["metadata"], obj.get("spec") or {}
    labels, _, dropped = down_metadata({"metadata": {key: value for key, value in meta.items() if key != "annotations"}}, view)
    annotations = crossing(obj, links)
    made: dict[str, Any] = {}
    if CLASS in (meta.get("annotations") or {}):
        annotations[CLASS] = chosen
    else:
        made["ingressClassName"] = chosen
    links.known(spec, _SPEC, "spec")
    if spec.get("defaultBackend"):
        made["defaultBackend"] = _backend(spec["defaultBackend"], "spec.defaultBackend", obj, links)
        links.refuse(refused_host("spec.defaultBackend", None, view.settings))
    if spec.get("rules"):
        made["rules"] = [_rule(rule, f"spec.rules[{index}]", obj, links) for index, rule in enumerate(spec["rules"])]
    if spec.get("tls"):
        made["tls"] = [_tls(entry, f"spec.tls[{index}]", obj, links) for index, entry in enumerate(spec["tls"])]
    return links.answer({"metadata": {"labels": labels, "annotations": annotations}, "spec": made}, dropped)


def _rule(rule: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    links.known(rule, ("host", "http"), at)
    links.refuse(refused_host(f"{at}.host", rule.get("host"), links.view.settings))
    made: dict[str, Any] = {"host": rule["host"]} if rule.get("host") else {}
    if rule.get("http") is not None:
        paths = rule["http"].get("paths") or ()
        made["http"] = {"paths": [_path(path, f"{at}.http.paths[{index}]", obj, links) for index, path in enumerate(paths)]}
        links.known(rule["http"], ("paths",), f"{at}.http")
    return made


def _path(path: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    made = links.known(path, ("path", "pathType", "backend"), at)
    if _BREAKS_OUT.search(str(path.get("path") or "")):
        links.refuse(Refusal(f"{at}.path", "the path holds characters that end a statement in the controller's configuration"))
    return {**made, "backend": _backend(path.get("backend") or {}, f"{at}.backend", obj, links)}


def _backend(backend: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    service = backend.get("service")
    if backend.get("resource") or not service:
        links.refuse(Refusal(f"{at}.resource", _NO_SERVICE))
        return {}
    links.known(backend, ("service",), at)
    made = links.known(service, ("name", "port"), f"{at}.service")
    if not _is_action(service, obj, links.view.settings):
        made["name"] = links.name(Ref(SERVICES.plural, obj["metadata"]["namespace"], service["name"]), f"{at}.service.name")
    return {"service": made}


def _is_action(service: Mapping[str, Any], obj: Obj, settings: Settings) -> bool:
    """Whether this is no Service but the name of an action in an annotation, for the one controller that knows such (which must be let in)."""
    key = f"{ALB_ACTION}{service.get('name')}"
    said = (service.get("port") or {}).get("name") == "use-annotation" and key in (obj["metadata"].get("annotations") or {})
    return said and is_allowed(key, settings)


def _tls(entry: Mapping[str, Any], at: str, obj: Obj, links: Links) -> dict[str, Any]:
    made = links.known(entry, ("hosts", "secretName"), at)
    for index, host in enumerate(entry.get("hosts") or (None,)):
        links.refuse(refused_host(f"{at}.hosts[{index}]", host, links.view.settings))
    if entry.get("secretName"):
        made["secretName"] = links.name(Ref(SECRETS.plural, obj["metadata"]["namespace"], entry["secretName"]), f"{at}.secretName")
    return made


def _class_of(obj: Obj, view: View) -> str | Skip | Refusal:
    """The host's class, by whichever way it was said."""
    by_annotation, by_field = _said(obj)
    table = view.settings.policy.ingress_classes
    if by_annotation and by_field and by_annotation != by_field:
        return Refusal("spec.ingressClassName", f"it names another class than the annotation {CLASS}")
    if by_field:
        return chosen_class(INGRESSCLASSES, by_field, table, view, "spec.ingressClassName", DEFAULT_MARK)
    if by_annotation:
        return chosen_class(INGRESSCLASSES, by_annotation, table, view, f"metadata.annotations[{CLASS}]", DEFAULT_MARK)
    kept = ((view.counterpart or {}).get("spec") or {}).get("ingressClassName")
    shown = [one["metadata"]["name"] for one in view.list(_CLASSES) if is_shown(one, view.settings, INGRESSCLASSES.plural, DEFAULT_MARK)]
    if kept in shown:
        return str(kept)
    defaults = sorted(one["metadata"]["name"] for one in view.list(_CLASSES) if one["metadata"]["name"] in shown and _is_default(one))
    why = "it must name a class, because the host offers no default one to this cluster"
    return defaults[0] if defaults else Refusal("spec.ingressClassName", why)


def _said(obj: Obj) -> tuple[str, str]:
    return (obj["metadata"].get("annotations") or {}).get(CLASS) or "", (obj.get("spec") or {}).get("ingressClassName") or ""


def _is_default(host_class: Obj) -> bool:
    return (host_class["metadata"].get("annotations") or {}).get(DEFAULT_MARK) == "true"


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    said = [name for name in _said(obj) if name]
    found = [need for name in said for need in class_needs(INGRESSCLASSES, name)] or [_CLASSES]
    return (*found, *needs_of((*_in_spec(obj), *references(obj)), names))


def _in_spec(obj: Obj) -> Iterator[Ref]:
    """The Services and Secrets that the spec names."""
    spec, namespace = obj.get("spec") or {}, obj["metadata"]["namespace"]
    backends = [spec.get("defaultBackend") or {}]
    for rule in spec.get("rules") or ():
        backends += [path.get("backend") or {} for path in (rule.get("http") or {}).get("paths") or ()]
    for backend in backends:
        if (backend.get("service") or {}).get("name"):
            yield Ref(SERVICES.plural, namespace, backend["service"]["name"])
    for entry in spec.get("tls") or ():
        if entry.get("secretName"):
            yield Ref(SECRETS.plural, namespace, entry["secretName"])


def up(host: Obj, view: View) -> Answer:
    status = host.get("status") or {}
    return Draft({"status": {"loadBalancer": status.get("loadBalancer") or {}}})


INGRESSES = Translator(
    name="ingresses",
    source=INGRESS_KIND,
    tenant_owns=tuple(("spec", key) for key in _SPEC),
    host_owns=_STATUS,
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    reads=((Side.HOST, INGRESSCLASSES), (Side.TENANT, INGRESSCLASSES)),
    down=down,
    up=up,
)
