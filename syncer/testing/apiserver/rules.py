"""What the server refuses about the content of an object, on creation and on update, by kind. Pods have a module of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncer.core.objects import Resource
from syncer.testing.apiserver import answers, pods, services, shape

Obj = Mapping[str, Any]


def check_create(resource: Resource, obj: Obj) -> None:
    meta = obj["metadata"]
    shape.check_name(resource, meta["name"])
    shape.check_meta(resource, meta)
    if resource.plural in ("configmaps", "secrets") and not resource.group:
        shape.check_data(resource, obj)
    rule = _CREATE.get((resource.group, resource.plural))
    if rule is not None:
        rule(resource, obj)


def check_update(resource: Resource, old: Obj, new: Obj) -> None:
    shape.check_meta(resource, new["metadata"])
    _check_fixed_meta(resource, old["metadata"], new["metadata"])
    if resource.plural in ("configmaps", "secrets") and not resource.group:
        shape.check_data(resource, new)
    rule = _UPDATE.get((resource.group, resource.plural))
    if rule is not None:
        rule(resource, old, new)


def _check_fixed_meta(resource: Resource, old: Obj, new: Obj) -> None:
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds"):
        if old.get(field) != new.get(field):
            raise answers.invalid(resource, old["name"], f"metadata.{field}", f"Invalid value: {new.get(field)}: field is immutable")
    added = [item for item in new.get("finalizers") or () if item not in (old.get("finalizers") or ())]
    if old.get("deletionTimestamp") and added:
        why = f"Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {added}"
        raise answers.invalid(resource, old["name"], "metadata.finalizers", why)


def _stays(*path: str) -> Callable[[Resource, Obj, Obj], None]:
    """A field that may not change once set."""

    def rule(resource: Resource, old: Obj, new: Obj) -> None:
        before, after = old, new
        for step in path:
            before, after = (before or {}).get(step) or {}, (after or {}).get(step) or {}
        if before != after:
            raise answers.invalid(resource, old["metadata"]["name"], ".".join(path), f"Invalid value: {after!r}: field is immutable")

    return rule


def _immutable_data(resource: Resource, old: Obj, new: Obj) -> None:
    if not old.get("immutable"):
        return
    name = old["metadata"]["name"]
    if not new.get("immutable"):
        raise answers.invalid(resource, name, "immutable", "Forbidden: field is immutable when `immutable` is set")
    for field in ("data", "binaryData"):
        if (old.get(field) or {}) != (new.get(field) or {}):
            raise answers.invalid(resource, name, field, "Forbidden: field is immutable when `immutable` is set")


def _secret(resource: Resource, old: Obj, new: Obj) -> None:
    _stays("type")(resource, old, new)
    _immutable_data(resource, old, new)


def _claim(resource: Resource, old: Obj, new: Obj) -> None:
    """A claim may be given a volume and a class it did not have, and grow once it is bound; the rest of its spec stays."""
    bound = (old.get("status") or {}).get("phase") == "Bound"
    free = ("resources", "volumeAttributesClassName") if bound else ()

    def fixed(obj: Obj) -> dict[str, Any]:
        return {key: value for key, value in obj["spec"].items() if key not in free}

    before, after = fixed(old), fixed(new)
    for late in ("volumeName", "storageClassName"):
        if late not in before:
            after.pop(late, None)
    if before != after:
        why = "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        raise answers.invalid(resource, old["metadata"]["name"], "spec", why)


def _service(resource: Resource, obj: Obj) -> None:
    spec, name = obj["spec"], obj["metadata"]["name"]
    if spec["type"] != "LoadBalancer" and ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
        raise answers.invalid(resource, name, "status.loadBalancer.ingress", "Forbidden: may only be used when `spec.type` is 'LoadBalancer'")
    if spec.get("externalTrafficPolicy") and not services.is_external(spec):
        why = "may only be set for externally-accessible services"
        raise answers.invalid(resource, name, "spec.externalTrafficPolicy", f"Invalid value: {spec['externalTrafficPolicy']!r}: {why}")
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            raise answers.invalid(resource, name, "spec.externalName", "Required value")
        return
    if not spec.get("ports") and spec.get("clusterIP") != "None":
        raise answers.invalid(resource, name, "spec.ports", "Required value")
    names = [port.get("name", "") for port in spec.get("ports") or ()]
    if len(names) > 1 and "" in names:
        raise answers.invalid(resource, name, "spec.ports[0].name", "Required value")


def _event(resource: Resource, obj: Obj) -> None:
    """An Event lives in the namespace of what it is about (`default` for cluster-scoped objects)."""
    about = (obj.get("involvedObject") or {}).get("namespace", "")
    where = obj["metadata"].get("namespace", "")
    if where != (about or "default"):
        raise answers.invalid(
            resource, obj["metadata"]["name"], "involvedObject.namespace", f"Invalid value: {about!r}: does not match event.namespace"
        )


def _updated_service(resource: Resource, old: Obj, new: Obj) -> None:
    _service(resource, new)


_CREATE: dict[tuple[str, str], Callable[[Resource, Obj], None]] = {
    ("", "pods"): pods.check_create,
    ("", "services"): _service,
    ("", "events"): _event,
}
_UPDATE: dict[tuple[str, str], Callable[[Resource, Obj, Obj], None]] = {
    ("", "pods"): pods.check_update,
    ("", "services"): _updated_service,
    ("", "configmaps"): _immutable_data,
    ("", "secrets"): _secret,
    ("", "persistentvolumeclaims"): _claim,
    ("discovery.k8s.io", "endpointslices"): _stays("addressType"),
    ("rbac.authorization.k8s.io", "rolebindings"): _stays("roleRef"),
    ("storage.k8s.io", "storageclasses"): _stays("provisioner"),
}
