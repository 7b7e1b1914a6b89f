"""References between objects of the Gateway API, with the permissions that the tenant gave for them.

On the host several tenant namespaces may be one, and then no controller there would ask for a permission. So the tenant's own rules are judged here,
before anything crosses: a reference into another namespace needs a ReferenceGrant of the tenant there, a route needs a listener that lets its
namespace in. Without it the reference is written as one to an object that does not exist, so that a permission that is taken away takes effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, GATEWAYS, NAMESPACES, REFERENCEGRANTS, SECRETS, SERVICES, Obj, Ref, Resource, Side
from syncer.core.settings import Settings
from syncer.core.translator import ListNeed, Need, ObjectNeed, Refusal, View
from translators.references import Links, copy_of, needs_of, no_name
from translators.selectors import matches

GROUP = GATEWAYS.group
NAMESPACES_NEED = ListNeed(Side.TENANT, NAMESPACES.plural, "", wake=True)
Kinds = Mapping[tuple[str, str], Resource]
BACKENDS: Kinds = {("", "Service"): SERVICES}
CERTIFICATES: Kinds = {("", "Secret"): SECRETS}
AUTHORITIES: Kinds = {("", "ConfigMap"): CONFIGMAPS, ("", "Secret"): SECRETS}


def target(ref: Mapping[str, Any], namespace: str, kinds: Kinds) -> Ref | None:
    """The tenant object that a reference means; None for a kind that does not cross. The first of `kinds` is meant where none is said."""
    default = next(iter(kinds))
    resource = kinds.get((ref.get("group") or default[0], ref.get("kind") or default[1]))
    return Ref(resource.plural, ref.get("namespace") or namespace, str(ref.get("name"))) if resource is not None else None


def reference_needs(refs: Iterable[Ref], namespace: str, names: Names) -> Iterable[Need]:
    found = tuple(refs)
    yield from needs_of(found, names)
    for other in sorted({ref.namespace for ref in found} - {namespace}):
        yield grants_need(other)


def grants_need(namespace: str) -> ListNeed:
    return ListNeed(Side.TENANT, REFERENCEGRANTS.plural, namespace, wake=True)


def written(ref: Mapping[str, Any], at: str, source: Obj, kind: Resource, kinds: Kinds, links: Links) -> dict[str, Any]:
    """The name (and namespace) of a reference as the host reads it; `kind` is what refers."""
    namespace = source["metadata"]["namespace"]
    meant = target(ref, namespace, kinds)
    if meant is None:
        known = " and ".join(f"{name}s" for _, name in kinds)
        links.refuse(Refusal(f"{at}.kind", f"only {known} can be referred to: another kind would be one of the host's"))
        return {}
    resource = next(one for one in kinds.values() if one.plural == meant.plural)
    if meant.namespace != namespace and not _granted(kind, namespace, resource, meant, links.view):
        links.note(at, f"no ReferenceGrant in namespace {meant.namespace} lets {kind.kind}s of {namespace} refer to it")
        return {"name": no_name(meant, resource, links.view.names)}
    copy = copy_of(meant, resource, links.view.names)
    made = {"name": links.name(meant, f"{at}.name")}
    return {**made, "namespace": copy.namespace} if copy is not None and ref.get("namespace") else made


def _granted(kind: Resource, namespace: str, resource: Resource, meant: Ref, view: View) -> bool:
    for grant in view.list(grants_need(meant.namespace)):
        spec = grant.get("spec") or {}
        lets = any((one.get("group"), one.get("kind"), one.get("namespace")) == (GROUP, kind.kind, namespace) for one in spec.get("from") or ())
        to = (one for one in spec.get("to") or () if (one.get("group") or "", one.get("kind")) == (resource.group, resource.kind))
        if lets and any(one.get("name") in (None, "", meant.name) for one in to):
            return True
    return False


# --- Gateways as parents of routes


def parent(ref: Mapping[str, Any], namespace: str) -> Ref | None:
    """The Gateway that a parentRef names, or None for a kind that is none."""
    if (ref.get("group", GROUP) or "", ref.get("kind") or GATEWAYS.kind) != (GROUP, GATEWAYS.kind):
        return None
    return Ref(GATEWAYS.plural, ref.get("namespace") or namespace, str(ref.get("name")))


def parent_on_host(gateway: Ref, names: Names, settings: Settings) -> Ref | None:
    """Where it is on the host: by the table of shared Gateways, or as a copy."""
    shared = settings.policy.gateways.get(f"{gateway.namespace}/{gateway.name}")
    if shared is not None:
        return Ref(GATEWAYS.plural, *shared.split("/", 1))
    return copy_of(gateway, GATEWAYS, names)


def parent_needs(refs: Iterable[Mapping[str, Any]], namespace: str, names: Names, settings: Settings) -> Iterable[Need]:
    for ref in refs:
        gateway = parent(ref, namespace)
        if gateway is None or is_shared(gateway, settings):
            continue
        yield ObjectNeed(Side.TENANT, gateway, wake=True)
        if gateway.namespace != namespace:
            yield NAMESPACES_NEED
        if (copy := copy_of(gateway, GATEWAYS, names)) is not None:
            yield ObjectNeed(Side.HOST, copy, wake=True)


def is_shared(gateway: Ref, settings: Settings) -> bool:
    return f"{gateway.namespace}/{gateway.name}" in settings.policy.gateways


def lets_in(gateway: Obj, ref: Mapping[str, Any], namespace: str, view: View) -> bool:
    """Whether a listener that the parentRef means lets routes of this namespace in."""
    home = gateway["metadata"]["namespace"]
    for listener in (gateway.get("spec") or {}).get("listeners") or ():
        if ref.get("sectionName") not in (None, listener.get("name")) or ref.get("port") not in (None, listener.get("port")):
            continue
        allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
        match allowed.get("from") or "Same":
            case "All":
                return True
            case "Same" if namespace == home:
                return True
            case "Selector" if namespace in selected_namespaces(allowed.get("selector") or {}, view):
                return True
    return False


def selected_namespaces(selector: Mapping[str, Any], view: View) -> list[str]:
    """The tenant's namespaces with these labels."""
    return sorted(one["metadata"]["name"] for one in view.list(NAMESPACES_NEED) if matches(selector, one["metadata"].get("labels") or {}))
