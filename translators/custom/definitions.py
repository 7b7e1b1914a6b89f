"""The definitions behind declared kinds: copied from the host into the tenant, so that users there can create objects of the kind.

Copied is the one version that the file names, served and stored, without conversion: a webhook of the host answers nobody in the tenant. Older
versions that the tenant's store still holds stay listed, unserved, as its API server demands. A definition of that name that the tenant has of its
own is left alone. One that does not fit the declaration is not copied, and says why.

The copy is never deleted, whatever happens on the host: with a definition go all objects of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import CUSTOMRESOURCEDEFINITIONS, Obj
from syncer.core.settings import CustomKind
from syncer.core.translator import Answer, Draft, Life, Refusal, Translator, View, Wait

APPROVED = "api-approved.kubernetes.io"
"""Annotation without which no API server takes a definition in one of the project's own groups."""

_NAMES = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
_ANYTHING = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
_VERSION = ("name", "schema", "subresources", "additionalPrinterColumns", "selectableFields", "deprecated", "deprecationWarning")


def definitions(kinds: Iterable[CustomKind]) -> Translator:
    """One translator for the definitions of all declared kinds. No other definition is even remembered."""
    declared = {kind.name: kind for kind in kinds}

    def keep(entry: Any) -> bool:
        return str(entry.meta.name) in declared

    return Translator(
        name=CUSTOMRESOURCEDEFINITIONS.plural,
        source=CUSTOMRESOURCEDEFINITIONS,
        life=Life.HOST_LEADS,
        tenant_owns=(),
        host_owns=(("spec", "names"), ("spec", "versions"), ("spec", "conversion"), ("spec", "group"), ("spec", "scope")),
        up=_up(declared),
        keep=keep,
        keep_copies=True,
        keep_when_source_gone=True,
        same_by_name=True,
    )


def _up(declared: Mapping[str, CustomKind]) -> Callable[[Obj, View], Answer]:
    def up(host: Obj, view: View) -> Answer:
        kind = declared.get(host["metadata"]["name"])
        if kind is None or host["metadata"].get("deletionTimestamp"):
            return Wait("it is not declared, or it is going", quiet=True)
        if view.counterpart is not None and not _is_copy(view.counterpart, host):
            return Wait("the tenant has a definition of its own, which is left alone", quiet=True)
        if wrong := misfits(host, kind):
            return Refusal("spec", f"{kind.name} in sync.customResources does not fit the definition on the host: {'; '.join(wrong)}")
        annotations = host["metadata"].get("annotations") or {}
        approved = {APPROVED: annotations[APPROVED]} if APPROVED in annotations else {}
        return Draft({"metadata": {"annotations": approved}, "spec": _spec(host["spec"], kind, view.counterpart)})

    return up


def _is_copy(tenant: Obj, host: Obj) -> bool:
    """Also one that was copied from an earlier definition of the name."""
    meta = tenant["metadata"]
    of_this = (meta.get("annotations") or {}).get(stamps.SOURCE_UID) == host["metadata"]["uid"]
    return of_this or stamps.is_from_host(meta.get("labels"))


def misfits(definition: Obj, kind: CustomKind) -> tuple[str, ...]:
    """Where a definition says otherwise than the declaration, in words; empty when they fit."""
    spec = definition.get("spec") or {}
    found: list[str] = []
    if (spec.get("names") or {}).get("kind") != kind.kind:
        found.append(f"its kind is {(spec.get('names') or {}).get('kind')}, not {kind.kind}")
    if spec.get("scope") != ("Namespaced" if kind.namespaced else "Cluster"):
        found.append(f"its scope is {spec.get('scope')}")
    served = [version["name"] for version in spec.get("versions") or () if version.get("served")]
    if kind.version not in served:
        return (*found, f"it serves {', '.join(served) or 'nothing'} and not {kind.version}")
    version = _version(spec, kind.version)
    has_status = "status" in (version.get("subresources") or {})
    if has_status is not kind.status_subresource and any(path[0] == "status" for path in kind.host_owns):
        found.append(f"statusSubresource must be {str(has_status).lower()}")
    return tuple(found)


def _version(spec: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((version for version in spec.get("versions") or () if version.get("name") == name), {})


def _spec(host: Mapping[str, Any], kind: CustomKind, copy: Obj | None) -> dict[str, Any]:
    names = {key: host["names"][key] for key in _NAMES if host["names"].get(key)}
    versions = [{**_copied(_version(host, kind.version), host), "served": True, "storage": True}]
    for stored in ((copy or {}).get("status") or {}).get("storedVersions") or ():
        if stored != kind.version:
            former = _version(host, stored) or _version((copy or {}).get("spec") or {}, stored)
            versions.append({**_copied({**former, "name": stored}, host), "served": False, "storage": False})
    return {"group": host["group"], "scope": host["scope"], "names": names, "versions": versions, "conversion": {"strategy": "None"}}


def _copied(version: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """`preserveUnknownFields` of old definitions no server takes any more on creation; in the schema it says the same."""
    made = {key: version[key] for key in _VERSION if version.get(key) is not None}
    schema = (made.get("schema") or {}).get("openAPIV3Schema")
    if not schema:
        made["schema"] = _ANYTHING
    elif host.get("preserveUnknownFields"):
        made["schema"] = {"openAPIV3Schema": {**schema, "x-kubernetes-preserve-unknown-fields": True}}
    return made
