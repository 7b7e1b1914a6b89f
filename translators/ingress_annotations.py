"""What annotations of an Ingress mean to the host's controllers: which name objects, which reach beyond the tenant.

A list of what may pass would have to hold some six hundred keys of a dozen controllers and break with each of their releases; a tenant would lose
`proxy-read-timeout` for nothing. So a key passes by the ordinary rule unless it is known to do harm, and the tables here name what does, by the
controllers' own references:

* a key that names a Service, Secret or ConfigMap is translated, and what it names comes along;
* a key that brings configuration of its own (snippets: CVE-2021-25742), that names objects of the host (middlewares, plugins, policies, static
  addresses, certificates of the cloud) or joins the Ingress to somebody else's, refuses the Ingress. It is not just left out: an Ingress without
  its `deny` snippet or its middleware for login would be more open than was meant;
* a key that has the controller fetch a URL is refused when that URL is not a public name: it would be resolved and asked on the host;
* values for controllers that paste them into a configuration file must not hold what ends a statement there (CVE-2023-5044, CVE-2025-1097).

What a host trusts its tenants with is opened key by key in `policy.allowIngressAnnotations`.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from syncer.core.objects import CONFIGMAPS, SECRETS, SERVICES, Obj, Ref, Resource
from syncer.core.settings import Settings
from syncer.core.stamp import PREFIX
from syncer.core.translator import Refusal
from translators.hostnames import refused_host
from translators.metadata import BY_CONFIGURATION, RESERVED, annotation_verdict
from translators.references import Links

Form = Literal["one", "list", "pairs", "json"]
CLASS = "kubernetes.io/ingress.class"
_NGINX = "nginx.ingress.kubernetes.io/"
_HAPROXY = "haproxy-ingress.github.io/"


@dataclass(frozen=True, slots=True)
class Named:
    """A value that names objects: `one` (`name` or `namespace/name`), a comma-separated `list` of those, `pairs` (`serviceName=a …;…`), or
    `json` in which `serviceName` and `secretName` do."""

    resource: Resource
    form: Form = "one"


NAMED: Mapping[str, Named] = {
    **{f"{_NGINX}{key}": Named(SECRETS) for key in ("auth-secret", "auth-tls-secret", "proxy-ssl-secret")},
    **{f"{_NGINX}{key}": Named(CONFIGMAPS) for key in ("auth-proxy-set-headers", "custom-headers", "fastcgi-params-configmap")},
    f"{_NGINX}default-backend": Named(SERVICES),
    **{f"{_HAPROXY}{key}": Named(SECRETS) for key in ("auth-secret", "auth-tls-secret", "secure-crt-secret", "secure-verify-ca-secret")},
    **{f"ingress.kubernetes.io/{key}": Named(SECRETS) for key in ("auth-secret", "auth-tls-secret", "secure-verify-ca-secret")},
    **{f"haproxy.org/{key}": Named(SECRETS) for key in ("auth-secret", "server-ca", "server-crt")},
    "nginx.org/basic-auth-secret": Named(SECRETS),
    "nginx.com/jwt-key": Named(SECRETS),
    **{f"nginx.org/{key}": Named(SERVICES, "list") for key in ("websocket-services", "ssl-services", "grpc-services")},
    **{f"{key}": Named(SERVICES, "pairs") for key in ("nginx.org/rewrites", "nginx.com/sticky-cookie-services")},
    "alb.ingress.kubernetes.io/auth-idp-oidc": Named(SECRETS, "json"),
}
ALB_ACTION = "alb.ingress.kubernetes.io/actions."
_ALB = Named(SERVICES, "json")

_SNIPPET = "it brings configuration of its own into a controller that all share"
_HOSTS = "it names an object of the host"
_JOINS = "it joins this Ingress to those of others"
REFUSED: Mapping[str, str] = {
    **{f"{_NGINX}{key}-snippet": _SNIPPET for key in ("auth", "configuration", "modsecurity", "server", "stream")},
    **{f"nginx.org/{key}-snippets": _SNIPPET for key in ("server", "location")},
    **{f"{_HAPROXY}config-{key}": _SNIPPET for key in ("backend", "frontend", "global", "defaults", "tcp", "proxy", "sections", "backend-early")},
    **{f"{_HAPROXY}config-{key}": _SNIPPET for key in ("backend-late", "frontend-early", "frontend-late", "tcp-service")},
    "ingress.kubernetes.io/config-backend": _SNIPPET,
    "haproxy.org/backend-config-snippet": _SNIPPET,
    "haproxy.org/frontend-config-snippet": _SNIPPET,
    "haproxy.org/cr-backend": _HOSTS,
    "nginx.org/policies": _HOSTS,
    **{f"traefik.ingress.kubernetes.io/router.{key}": _HOSTS for key in ("middlewares", "tls.options")},
    "traefik.ingress.kubernetes.io/service.serverstransport": _HOSTS,
    **{f"konghq.com/{key}": _HOSTS for key in ("plugins", "override", "client-cert")},
    "configuration.konghq.com": _HOSTS,
    "projectcontour.io/tls-cert-namespace": _HOSTS,
    "kubernetes.io/ingress.global-static-ip-name": _HOSTS,
    "kubernetes.io/ingress.regional-static-ip-name": _HOSTS,
    "ingress.gcp.kubernetes.io/pre-shared-cert": _HOSTS,
    **{f"appgw.ingress.kubernetes.io/{key}": _HOSTS for key in ("appgw-ssl-certificate", "appgw-trusted-root-certificate", "waf-policy-for-path")},
    **{f"alb.ingress.kubernetes.io/group.{key}": _JOINS for key in ("name", "order")},
    f"{_HAPROXY}server-alias-regex": "a pattern of names cannot be held against the names that are allowed",
    f"{_HAPROXY}tcp-service-port": "it opens a port on the host's controller",
}
DROPPED: Mapping[str, str] = {
    "kubernetes.io/tls-acme": "certificates are made in this cluster (run cert-manager here), and come along as the Secrets they are in",
}
_ALIASES = frozenset({f"{_NGINX}server-alias", f"{_HAPROXY}server-alias", "konghq.com/host-aliases"})
_URLS = frozenset({f"{_NGINX}auth-url", f"{_NGINX}mirror-target", f"{_HAPROXY}auth-url", "ingress.kubernetes.io/auth-url"})
_PASTED = (_NGINX, "nginx.org/", "nginx.com/", _HAPROXY, "haproxy.org/", "ingress.kubernetes.io/")
_BREAKS_OUT = re.compile(r"[;{}\x00-\x1f\x7f`]")
_PAIR = re.compile(r"(serviceName=)([A-Za-z0-9.-]+)")
_LONGEST = 64 * 1024


def references(obj: Obj) -> Iterator[Ref]:
    """The objects that annotations name."""
    namespace = obj["metadata"]["namespace"]
    for key, value in (obj["metadata"].get("annotations") or {}).items():
        rule = _rule(key)
        if rule is not None and isinstance(value, str):
            for resource, text in _names(rule, value):
                yield _ref(resource, text, namespace)


def crossing(obj: Obj, links: Links) -> dict[str, str]:
    """The annotations as the host gets them, the class left out (it is translated with the class)."""
    made: dict[str, str] = {}
    settings = links.view.settings
    for key, value in (obj["metadata"].get("annotations") or {}).items():
        field = f"metadata.annotations[{key}]"
        if key == CLASS:
            continue
        if (refusal := _refused(key, value, field, settings)) is not None:
            links.refuse(refusal)
        elif (reason := _kept_back(key, settings)) is not None:
            if reason:
                links.drop(field, reason)
        else:
            made[key] = _translated(key, value, field, obj, links)
    return made


def _kept_back(key: str, settings: Settings) -> str | None:
    """Why it does not cross, an empty text when nobody needs to hear of it, None when it crosses."""
    verdict = annotation_verdict(key, settings.host)
    if verdict in (RESERVED, BY_CONFIGURATION):
        return verdict
    if is_allowed(key, settings):
        return None
    return verdict if verdict is not None else DROPPED.get(key)


def _refused(key: str, value: str, field: str, settings: Settings) -> Refusal | None:
    if key.startswith(PREFIX):
        return None
    if key in REFUSED and key not in settings.policy.allow_ingress_annotations:
        return Refusal(field, f"{REFUSED[key]}; the host's administrator can allow it in policy.allowIngressAnnotations")
    if key.startswith(_PASTED) and _BREAKS_OUT.search(value) and not _is_named_json(key) and not _is_pairs(key):
        return Refusal(field, "the value holds characters that end a statement in the controller's configuration")
    if key in _ALIASES:
        return next(filter(None, (_refused_alias(field, name.strip(), settings) for name in value.split(","))), None)
    if key in _URLS and key not in settings.policy.allow_ingress_annotations and (reason := _inside(value)):
        return Refusal(field, f"the host's controller would ask this URL, and {reason}; use a public name")
    return None


def _refused_alias(field: str, name: str, settings: Settings) -> Refusal | None:
    if name.startswith("~"):
        return Refusal(field, "a pattern of names cannot be held against the names that are allowed")
    return refused_host(field, name, settings) if name else None


def _inside(url: str) -> str | None:
    """Why the machine of this URL is not one of the open internet; None when it seems to be."""
    try:
        host = (urlsplit(url.strip()).hostname or "").rstrip(".")
    except ValueError:
        return "it cannot be read"
    try:
        return None if ipaddress.ip_address(host).is_global else "its address is not a public one"
    except ValueError:
        pass
    labels = host.split(".")
    if not host or "$" in host:
        return "the machine in it is not a fixed name"
    if len(labels) < 2 or "svc" in labels[1:] or labels[-1] in ("local", "internal", "localhost", "cluster", "lan"):
        return f"{host} is a name inside of a cluster or network"
    return None if not labels[-1].isdigit() else "its address is not a public one"


def is_allowed(key: str, settings: Settings) -> bool:
    """Whether the host's administrator lets this key in, by name or by prefix."""
    listed = settings.policy.allow_ingress_annotations
    return key in listed or key.startswith(tuple(one.removesuffix("*") for one in listed if one.endswith(("/", "*"))))


# --- values that name objects


def _rule(key: str) -> Named | None:
    return _ALB if key.startswith(ALB_ACTION) else NAMED.get(key)


def _is_named_json(key: str) -> bool:
    rule = _rule(key)
    return rule is not None and rule.form == "json"


def _is_pairs(key: str) -> bool:
    rule = _rule(key)
    return rule is not None and rule.form == "pairs"


def _names(rule: Named, value: str) -> Iterable[tuple[Resource, str]]:
    match rule.form:
        case "one":
            return [(rule.resource, value.strip())] if value.strip() else []
        case "list":
            return [(rule.resource, part.strip()) for part in value.split(",") if part.strip()]
        case "pairs":
            return [(rule.resource, name) for _, name in _PAIR.findall(value)]
        case _:
            found: list[tuple[Resource, str]] = []

            def noted(resource: Resource, name: str) -> str:
                found.append((resource, name))
                return name

            _walk(_json(value), noted)
            return found


def _ref(resource: Resource, text: str, namespace: str) -> Ref:
    other, slash, name = text.partition("/")
    return Ref(resource.plural, other, name) if slash else Ref(resource.plural, namespace, text)


def _translated(key: str, value: str, field: str, obj: Obj, links: Links) -> str:
    rule, namespace = _rule(key), obj["metadata"]["namespace"]
    if rule is None:
        return value

    def on_host(resource: Resource, text: str) -> str:
        ref = _ref(resource, text, namespace)
        name, home = links.name(ref, field), links.view.names.namespace(ref.namespace)
        if "/" not in text:
            return name
        return f"{home if home is not None else links.view.names.namespace(namespace)}/{name}"

    match rule.form:
        case "one":
            return on_host(rule.resource, value.strip()) if value.strip() else value
        case "list":
            return ",".join(on_host(rule.resource, part.strip()) for part in value.split(",") if part.strip())
        case "pairs":
            return _PAIR.sub(lambda match: match[1] + on_host(rule.resource, match[2]), value)
        case _:
            found = _json(value)
            if found is None:
                links.refuse(Refusal(field, "the value is not JSON that can be read"))
            return json.dumps(_walk(found, on_host), separators=(",", ":"), sort_keys=True)


def _json(value: str) -> Any:
    try:
        return json.loads(value) if len(value) <= _LONGEST else None
    except (ValueError, RecursionError):
        return None


def _walk(value: Any, on_host: Callable[[Resource, str], str], depth: int = 0) -> Any:
    """The same with the names in it translated. The controller takes keys in any case (`ServiceName`, `serviceName`)."""
    if depth > 20:
        return None
    if isinstance(value, dict):
        made = {}
        for key, item in value.items():
            resource = {"servicename": SERVICES, "secretname": SECRETS}.get(key.lower())
            if resource is not None and isinstance(item, str) and item:
                made[key] = on_host(resource, item)
            else:
                made[key] = _walk(item, on_host, depth + 1)
        return made
    return [_walk(item, on_host, depth + 1) for item in value] if isinstance(value, list) else value
