"""Updates: what each endpoint of an object lets through of what a client wants it to become."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncer.core.objects import NAMESPACES, PODS, SERVICES, Resource
from syncer.testing.apiserver import admission, answers, defaults, metadata, pods, resize, rules, services

if TYPE_CHECKING:
    from syncer.testing.apiserver.server import Server

Obj = Mapping[str, Any]
Made = dict[str, Any]


def through(server: Server, resource: Resource, old: Obj, new: Made, subresource: str) -> Made:
    """The object as it will be stored. `new` is the server's own copy and may be changed."""
    has_status = (resource.group, resource.plural) in server.with_status
    if subresource == "" and has_status:
        new = _with_status_of(old, new)
    if subresource == "":
        return _of_object(server, resource, old, new)
    if subresource == "status" and has_status:
        return _of_status(resource, old, new)
    if subresource == "resize" and resource == PODS:
        defaults.apply(resource, new)
        return metadata.counted(old, resize.resized(old, new, server.find))
    if subresource == "ephemeralcontainers" and resource == PODS:
        defaults.apply(resource, new)
        return metadata.counted(old, pods.with_ephemeral(old, new))
    raise answers.unknown_kind(resource)


def _of_object(server: Server, resource: Resource, old: Obj, new: Made) -> Made:
    defaults.apply(resource, new)
    admission.admit_update(resource, old, new, server.find)
    if resource == SERVICES:
        services.inherit(new, old)
    if resource == NAMESPACES:
        new["spec"] = old["spec"]
    rules.check_update(resource, old, new)
    server.allocate(resource, new, old)
    return metadata.counted(old, new)


def _of_status(resource: Resource, old: Obj, new: Made) -> Made:
    """Status, and metadata with it (as built-in kinds have it)."""
    made = _with_status_of(new, {**old, "metadata": new["metadata"]})
    if resource == PODS:
        _keep_quality(resource, old, made)
    defaults.apply_status(resource, made)
    rules.check_update(resource, old, made)
    return made


def _keep_quality(resource: Resource, old: Obj, made: Made) -> None:
    before = (old.get("status") or {}).get("qosClass")
    status = made.get("status") or {}
    if before and status.get("qosClass", before) != before:
        raise answers.invalid(resource, old["metadata"]["name"], "status.qosClass", f'Invalid value: "{status["qosClass"]}": field is immutable')
    if before:
        made["status"] = {**status, "qosClass": before}


def _with_status_of(whose: Obj, obj: Obj) -> Made:
    made = {key: value for key, value in obj.items() if key != "status"}
    if "status" in whose:
        made["status"] = whose["status"]
    return made
