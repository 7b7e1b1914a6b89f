"""BackendTLSPolicies: how Gateways speak to a Service over TLS. Services and authorities are translated and come along.

Only Services can be targets. What this version does not know about validation refuses the policy: left out, a backend might be believed that should
not be. What Gateways of the tenant say of it (`status.ancestors`) is shown, what others say is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import BACKENDTLSPOLICIES as POLICY_KIND
from syncer.core.objects import GATEWAYS, Obj, Ref
from syncer.core.settings import Settings
from syncer.core.translator import Answer, Draft, Need, Path, Refusal, Subresource, Translator, View
from translators.gateway_refs import AUTHORITIES, BACKENDS, Kinds, reference_needs, target, written
from translators.gateway_status import conditions
from translators.metadata import annotation_verdict, down_metadata
from translators.references import Links

_SPEC = ("targetRefs", "validation", "options")
_VALIDATION = ("caCertificateRefs", "hostname", "subjectAltNames", "wellKnownCACertificates")
_STATUS: tuple[Path, ...] = (("status", "ancestors"),)
_UNKNOWN = "this version does not know it, and without it a backend might be believed that should not be"


def down(obj: Obj, view: View) -> Answer:
    links, spec = Links(view), obj.get("spec") or {}
    _only(spec, _SPEC, "spec", links)
    found = spec.get("validation") or {}
    validation = _only(found, _VALIDATION, "spec.validation", links)
    if found.get("caCertificateRefs"):
        validation["caCertificateRefs"] = _refs(found["caCertificateRefs"], "spec.validation.caCertificateRefs", AUTHORITIES, obj, links)
    made: dict[str, Any] = {"targetRefs": _refs(spec.get("targetRefs") or (), "spec.targetRefs", BACKENDS, obj, links), "validation": validation}
    options = {}
    for key, value in (spec.get("options") or {}).items():
        if (reason := annotation_verdict(key, view.settings.host)) is None:
            options[key] = value
        elif reason:
            links.drop(f"spec.options[{key}]", reason)
    if options:
        made["options"] = options
    labels, annotations, dropped = down_metadata(obj, view)
    return links.answer({"metadata": {"labels": labels, "annotations": annotations}, "spec": made}, dropped)


def _refs(refs: Iterable[Mapping[str, Any]], at: str, kinds: Kinds, obj: Obj, links: Links) -> list[dict[str, Any]]:
    made = []
    for index, ref in enumerate(refs):
        place = f"{at}[{index}]"
        made.append({**_only(ref, ("group", "kind", "name", "sectionName"), place, links), **written(ref, place, obj, POLICY_KIND, kinds, links)})
    return made


def _only(found: Mapping[str, Any], known: Iterable[str], at: str, links: Links) -> dict[str, Any]:
    for key in sorted(found.keys() - set(known)):
        links.refuse(Refusal(f"{at}.{key}", _UNKNOWN))
    return {key: found[key] for key in known if found.get(key) is not None}


def needs(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    return reference_needs(_named(obj), obj["metadata"]["namespace"], names)


def _named(obj: Obj) -> Iterator[Ref]:
    spec, namespace = obj.get("spec") or {}, obj["metadata"]["namespace"]
    for refs, kinds in ((spec.get("targetRefs"), BACKENDS), ((spec.get("validation") or {}).get("caCertificateRefs"), AUTHORITIES)):
        for ref in refs or ():
            if (meant := target(ref, namespace, kinds)) is not None:
                yield meant


def up(host: Obj, view: View) -> Answer:
    made, shared = [], {there: here for here, there in view.settings.policy.gateways.items()}
    for said in (host.get("status") or {}).get("ancestors") or ():
        ref = said.get("ancestorRef") or {}
        namespace = ref.get("namespace") or host["metadata"]["namespace"]
        gateway = view.tenant_ref(GATEWAYS.plural, namespace, str(ref.get("name")))
        by_table = shared.get(f"{namespace}/{ref.get('name')}")
        if gateway is None and by_table is not None:
            gateway = Ref(GATEWAYS.plural, *by_table.split("/", 1))
        if gateway is not None:
            about = {**ref, "namespace": gateway.namespace, "name": gateway.name}
            made.append(
                {
                    "ancestorRef": about,
                    "controllerName": said.get("controllerName", ""),
                    "conditions": conditions(said.get("conditions"), host, view),
                }
            )
    return Draft({"status": {"ancestors": made}})


BACKENDTLSPOLICIES = Translator(
    name="backendtlspolicies",
    source=POLICY_KIND,
    tenant_owns=tuple(("spec", key) for key in _SPEC),
    host_owns=_STATUS,
    tenant_subresources=(Subresource("status", _STATUS),),
    needs=needs,
    down=down,
    up=up,
    optional=True,
)
