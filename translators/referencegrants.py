"""ReferenceGrants: the tenant's permissions between its namespaces, for the host's controllers, which ask for them again.

Namespaces are translated, and only those that the tenant has: a grant never names a namespace of the host that is not this tenant's. What is granted
and to whom is limited to the kinds that cross. Where all of the tenant's namespaces are one on the host there is nothing to permit there, and the
grant stays in the tenant (it is judged there, see `translators.gateway_refs`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import (
    BACKENDTLSPOLICIES,
    CONFIGMAPS,
    GATEWAYS,
    GRPCROUTES,
    HTTPROUTES,
    SECRETS,
    SERVICES,
    TCPROUTES,
    TLSROUTES,
    Obj,
    Ref,
    Resource,
)
from syncer.core.objects import REFERENCEGRANTS as REFERENCEGRANT_KIND
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Need, Skip, Translator, View
from translators.gateway_refs import GROUP, NAMESPACES_NEED
from translators.metadata import down_metadata
from translators.references import Links, copy_of

_FROM = {kind.kind for kind in (GATEWAYS, HTTPROUTES, GRPCROUTES, TLSROUTES, TCPROUTES, BACKENDTLSPOLICIES)}
_TO: Mapping[str, Resource] = {kind.kind: kind for kind in (SERVICES, SECRETS, CONFIGMAPS)}
_KINDS = "only kinds that cross can be named"


def down(obj: Obj, view: View) -> Answer:
    links, spec, namespace = Links(view), obj.get("spec") or {}, obj["metadata"]["namespace"]
    links.known(spec, ("from", "to"), "spec")
    there = {one["metadata"]["name"] for one in view.list(NAMESPACES_NEED)}
    home, made_from = view.names.namespace(namespace), []
    for index, one in enumerate(spec.get("from") or ()):
        if one.get("group") != GROUP or one.get("kind") not in _FROM:
            links.drop(f"spec.from[{index}].kind", _KINDS)
            continue
        other = view.names.namespace(str(one.get("namespace"))) if one.get("namespace") in there else None
        if other is not None and other != home:
            made_from.append({"group": GROUP, "kind": one["kind"], "namespace": other})
    made_to = [made for index, one in enumerate(spec.get("to") or ()) if (made := _to(one, f"spec.to[{index}]", namespace, links)) is not None]
    if not made_from or not made_to:
        return Skip("there is nothing in it that the host would have to permit")
    labels, annotations, dropped = down_metadata(obj, view)
    return links.answer({"metadata": {"labels": labels, "annotations": annotations}, "spec": {"from": made_from, "to": made_to}}, dropped)


def _to(one: Mapping[str, Any], at: str, namespace: str, links: Links) -> dict[str, Any] | None:
    kind = _TO.get(str(one.get("kind")))
    if one.get("group") or kind is None:
        links.drop(f"{at}.kind", _KINDS)
        return None
    made: dict[str, Any] = {"group": "", "kind": kind.kind}
    if one.get("name"):
        copy = copy_of(Ref(kind.plural, namespace, one["name"]), kind, links.view.names)
        return {**made, "name": copy.name} if copy is not None else None
    return made


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    return (NAMESPACES_NEED,)


REFERENCEGRANTS = Translator(
    name="referencegrants",
    source=REFERENCEGRANT_KIND,
    tenant_owns=(("spec", "from"), ("spec", "to")),
    host_owns=(),
    needs=needs,
    down=down,
    optional=True,
)
