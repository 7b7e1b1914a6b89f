"""PersistentVolumes: those that the host bound to a claim of this tenant are shown, and no others.

What a tenant sees of a volume is what its scheduler and its people need: size, modes, where it can be reached from, what happens to it in the end.
Where the data really is stays on the host: every volume is shown as one of a CSI driver with a handle that means nothing outside of this tenant;
attributes, secrets, servers, paths and mount options are not shown. Nothing that a tenant does to a shown volume reaches the host's, which the
syncer holds no right to change: a deleted one is shown again, an edited one is put right, and what its reclaim policy says is the host's to do.

The volume names the tenant's claim with the uid of the claim that it was made for, so that the tenant's controller binds the two and a later
claim of the same name gets nothing of it. When the host's claim is gone and the volume is kept (`Retain`), it stays to be seen as released, until
the host lets go of it or gives it to somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from syncer.core import stamp as stamps
from syncer.core.names import Names, digest
from syncer.core.objects import NAMESPACES, PERSISTENTVOLUMECLAIMS, Obj, Ref, Side
from syncer.core.objects import PERSISTENTVOLUMES as VOLUME_KIND
from syncer.core.settings import NamespaceMapping, Settings
from syncer.core.translator import Answer, Draft, Life, Need, ObjectNeed, Path, Skip, Translator, View, Wait
from translators.csi import tenant_class
from translators.metadata import shown_metadata

PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
NO_DRIVER = "volumes.kled.io"
"""What volumes of other kinds than CSI are shown under: no driver of that name runs anywhere."""

_SHOWN = ("accessModes", "capacity", "nodeAffinity", "persistentVolumeReclaimPolicy", "volumeAttributesClassName", "volumeMode")
_CLAIM_FIELDS = ("namespace", "name", "uid")
_ZONES = ("topology.kubernetes.io/", "failure-domain.beta.kubernetes.io/")
_OWNED: tuple[Path, ...] = (
    *(("spec", key) for key in ("accessModes", "capacity", "persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName")),
    *(("spec", "claimRef", key) for key in _CLAIM_FIELDS),
)
"""The rest is fixed for the life of a volume, by the API server itself."""


def claim_ref(volume: Obj) -> Mapping[str, Any]:
    found = (volume.get("spec") or {}).get("claimRef")
    return found if isinstance(found, Mapping) and found.get("namespace") and found.get("name") else {}


def needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
    if claim := claim_ref(obj):
        yield _claim_need(claim)
        yield _namespace_need(claim)


def _claim_need(claim: Mapping[str, Any]) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(PERSISTENTVOLUMECLAIMS.plural, claim["namespace"], claim["name"]), wake=True)


def _namespace_need(claim: Mapping[str, Any]) -> ObjectNeed:
    return ObjectNeed(Side.HOST, Ref(NAMESPACES.plural, "", claim["namespace"]), wake=True)


def up(host: Obj, view: View) -> Answer:
    if stamps.TENANT in (host["metadata"].get("labels") or {}):
        return Skip("made for a volume of a tenant")
    claim = _tenant_claim(host, view)
    if isinstance(claim, (Skip, Wait)):
        return claim
    labels, annotations = shown_metadata(host, view)
    own = host["metadata"].get("annotations") or {}
    zones = {key: value for key, value in (host["metadata"].get("labels") or {}).items() if key.startswith(_ZONES)}
    # By this the tenant's controller knows that somebody else deletes the volume in the end.
    annotations = {**annotations, PROVISIONED_BY: own.get(PROVISIONED_BY, NO_DRIVER)}
    return Draft({"metadata": {"labels": {**zones, **labels}, "annotations": annotations}, "spec": _spec(host, claim, view)})


def _tenant_claim(host: Obj, view: View) -> dict[str, Any] | Skip | Wait:
    """The claim as the tenant knows it."""
    found = claim_ref(host)
    if not found:
        return Skip("bound to no claim")
    need = _claim_need(found)
    there, ref = view.get(need), view.tenant_ref(need.ref.plural, need.ref.namespace, need.ref.name)
    if there is None or there["metadata"]["uid"] != found.get("uid"):
        return _released(host, found, view)
    uid = (there["metadata"].get("annotations") or {}).get(stamps.SOURCE_UID)
    if ref is None or not uid:
        return Skip("bound to a claim that is not this tenant's")
    bound_to = (there.get("spec") or {}).get("volumeName")
    if not bound_to:
        return Wait("the host is about to bind the claim", (need,), quiet=True)
    if bound_to != host["metadata"]["name"]:
        return Skip("its claim has another volume")
    return {"apiVersion": "v1", "kind": PERSISTENTVOLUMECLAIMS.kind, "namespace": ref.namespace, "name": ref.name, "uid": uid}


def _released(host: Obj, found: Mapping[str, Any], view: View) -> dict[str, Any] | Skip:
    """A volume that is kept after its claim: whoever saw it goes on seeing it, while it lies in one of this tenant's namespaces."""
    shown = view.counterpart
    meta = (shown or {}).get("metadata") or {}
    known = (meta.get("annotations") or {}).get(stamps.SOURCE_UID) == host["metadata"]["uid"]
    if shown is None or not known or view.get(_namespace_need(found)) is None:
        return Skip("bound to no claim of this tenant")
    was = (shown.get("spec") or {}).get("claimRef") or {}
    return {key: was[key] for key in ("apiVersion", "kind", *_CLAIM_FIELDS) if key in was}


def _spec(host: Obj, claim: Mapping[str, Any], view: View) -> dict[str, Any]:
    spec, tenant = host.get("spec") or {}, view.names.tenant
    made: dict[str, Any] = {key: spec[key] for key in _SHOWN if spec.get(key) is not None}
    if spec.get("storageClassName"):
        made["storageClassName"] = tenant_class(spec["storageClassName"], view.settings)
    made["claimRef"] = claim
    csi = spec.get("csi") or {}
    made["csi"] = {"driver": csi.get("driver", NO_DRIVER), "volumeHandle": digest("volume", tenant, host["metadata"]["uid"])}
    if csi.get("fsType"):
        made["csi"]["fsType"] = csi["fsType"]
    return made


# --- what is worth remembering


class _ClaimRef(msgspec.Struct):
    namespace: str = ""


class _Spec(msgspec.Struct, rename="camel"):
    claim_ref: _ClaimRef | None = None


_READ = msgspec.json.Decoder(_Spec).decode


def keep_for(settings: Settings) -> Callable[[Any], bool]:
    """The host's volumes are everybody's. Only those can be of use whose claim lies where this tenant's claims may lie."""
    may_be_ours = may_be_ours_by(settings.mapping)

    def keep(entry: Any) -> bool:
        claim = _READ(entry.raw_spec or b"{}").claim_ref
        return claim is not None and may_be_ours(claim.namespace)

    return keep


def may_be_ours_by(mapping: NamespaceMapping) -> Callable[[str], bool]:
    """Whether a host namespace may be one that tenant namespaces land in. Cheap, and right when it says no."""
    exact = frozenset((*mapping.table.values(), *((mapping.shared,) if mapping.shared else ())))
    # A name that was shortened begins as the pattern does, apart from its end and from what stands for our own joints.
    prefix = mapping.pattern.partition("{namespace}")[0][:24].partition("-x")[0] if mapping.pattern is not None else None

    def may_be_ours(namespace: str) -> bool:
        return namespace in exact or (prefix is not None and namespace.startswith(prefix))

    return may_be_ours


PERSISTENTVOLUMES = Translator(
    name="persistentvolumes",
    source=VOLUME_KIND,
    life=Life.HOST_LEADS,
    tenant_owns=(),
    host_owns=_OWNED,
    needs=needs,
    up=up,
    keep_for=keep_for,
)
