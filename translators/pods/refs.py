"""What a pod refers to: the ConfigMaps, Secrets and claims of its namespace, as needs.

The same walk tells the engine what is in use (and therefore synced) and which host copies are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from syncer.core.objects import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, RESOURCECLAIMS, SECRETS, Obj, Ref, Resource, Side
from syncer.core.translator import ObjectNeed, Purpose

# Volume types (by their field) with a Secret of the pod's namespace, and the field that names it.
SECRET_FIELDS: Mapping[str, str] = {
    "azureFile": "secretName",
    "cephfs": "secretRef",
    "cinder": "secretRef",
    "csi": "nodePublishSecretRef",
    "flexVolume": "secretRef",
    "iscsi": "secretRef",
    "rbd": "secretRef",
    "scaleIO": "secretRef",
    "storageos": "secretRef",
}


class Reference(NamedTuple):
    resource: Resource
    name: str
    optional: bool


def demand(ref: Ref) -> ObjectNeed:
    """A tenant object that a pod uses."""
    return ObjectNeed(Side.TENANT, ref, Purpose.DEMAND)


def host_need(resource: Resource, host_namespace: str, host_name: str, *, optional: bool) -> ObjectNeed:
    """Its copy. Where the object is optional, a foreign one under the name must be noticed."""
    return ObjectNeed(Side.HOST, Ref(resource.plural, host_namespace, host_name), Purpose.PROBE if optional else Purpose.READ)


def references(pod: Obj) -> Iterator[Reference]:
    """Every reference of a pod, in all kinds of containers and volumes; one object may come more than once."""
    spec = pod["spec"]
    for item in spec.get("imagePullSecrets") or ():
        if item.get("name"):
            yield Reference(SECRETS, item["name"], False)
    for volume in spec.get("volumes") or ():
        yield from _of_volume(volume, pod["metadata"]["name"])
    for name in claims(pod).values():
        yield Reference(RESOURCECLAIMS, name, False)
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(kind) or ():
            yield from of_container(container)


def claims(pod: Obj) -> dict[str, str]:
    """The ResourceClaims of a pod by the name the pod gives them; those that are made of a template are known by the pod's status."""
    asked = pod["spec"].get("resourceClaims")
    if not asked:
        return {}
    made = {entry.get("name"): entry.get("resourceClaimName") for entry in (pod.get("status") or {}).get("resourceClaimStatuses") or ()}
    found = {entry["name"]: entry.get("resourceClaimName") or made.get(entry["name"]) for entry in asked}
    return {name: claim for name, claim in found.items() if claim}


def of_container(container: Mapping[str, Any]) -> Iterator[Reference]:
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if source:
            yield from _named(source.get("configMapKeyRef"), CONFIGMAPS)
            yield from _named(source.get("secretKeyRef"), SECRETS)
    for source in container.get("envFrom") or ():
        yield from _named(source.get("configMapRef"), CONFIGMAPS)
        yield from _named(source.get("secretRef"), SECRETS)


def _named(reference: Mapping[str, Any] | None, resource: Resource, field: str = "name") -> Iterator[Reference]:
    if reference and reference.get(field):
        yield Reference(resource, reference[field], bool(reference.get("optional")))


def _of_volume(volume: Mapping[str, Any], pod_name: str) -> Iterator[Reference]:
    for kind, source in volume.items():
        if kind == "projected":
            for part in source.get("sources") or ():
                yield from _named(part.get("configMap"), CONFIGMAPS)
                yield from _named(part.get("secret"), SECRETS)
        elif kind == "configMap":
            yield from _named(source, CONFIGMAPS)
        elif kind == "secret":
            yield from _named(source, SECRETS, "secretName")
        elif kind == "persistentVolumeClaim":
            yield from _named(source, PERSISTENTVOLUMECLAIMS, "claimName")
        elif kind == "ephemeral":
            yield Reference(PERSISTENTVOLUMECLAIMS, f"{pod_name}-{volume.get('name', '')}", False)
        elif kind in SECRET_FIELDS:
            name = secret_name(source, SECRET_FIELDS[kind])
            if name:
                yield Reference(SECRETS, name, False)


def secret_name(source: Mapping[str, Any], field: str) -> str:
    """The Secret that a volume source names, directly or as a LocalObjectReference."""
    value = source.get(field)
    return value if isinstance(value, str) else (value or {}).get("name", "")
