"""The server's own part of every object: names, places, uids, versions, generations."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from syncer.cluster.wire import decode_any, encode
from syncer.core.objects import Resource
from syncer.testing.apiserver import answers, deletion, shape
from syncer.testing.apiserver.store import Version

Obj = Mapping[str, Any]
Made = dict[str, Any]

WITHOUT_GENERATION: frozenset[str] = frozenset(
    {
        "services", "configmaps", "secrets", "serviceaccounts", "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "events",
        "leases", "servicecidrs", "rolebindings", "roles", "clusterroles", "clusterrolebindings",
    }
)  # fmt: skip
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


def decoded(resource: Resource, body: Obj) -> Made:
    """A copy of what a client sent, as the server has it once it has read it."""
    obj: Made = decode_any(encode(body))
    if not isinstance(obj.get("metadata"), dict):
        obj["metadata"] = {}
    obj["metadata"] = shape.clean_meta(obj["metadata"])
    if shape.is_typed(resource):
        obj = shape.prune(obj)
        obj.setdefault("metadata", {})
    obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
    return obj


def place(resource: Resource, meta: Made, namespace: str) -> None:
    """The namespace of the URL is the object's; one in the body must not say otherwise."""
    if meta.get("namespace", namespace) != namespace:
        raise answers.bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if not resource.namespaced:
        meta.pop("namespace", None)
    elif not namespace:
        raise answers.bad_request("an empty namespace may not be set during creation")
    else:
        meta["namespace"] = namespace


def begun(resource: Resource, meta: Obj, server: str, serial: int, now: float) -> Made:
    """Metadata of a new object: whatever the client says about uid, times and deletion is lost. `serial` was never used before."""
    made = {key: value for key, value in meta.items() if key not in ("deletionTimestamp", "deletionGracePeriodSeconds")}
    if not made.get("name") and made.get("generateName"):
        made["name"] = made["generateName"][:58] + _suffix(serial)
    made["name"] = made.get("name", "")
    made["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{server}/{serial}"))
    made["creationTimestamp"] = deletion.timestamp(now)
    if resource.plural not in WITHOUT_GENERATION:
        made["generation"] = 1
    return made


def check_preconditions(resource: Resource, version: Version, meta: Obj) -> None:
    """What an update says of the object it means must be so."""
    old = version.metadata
    if meta.get("uid", old["uid"]) != old["uid"]:
        raise answers.invalid(resource, old["name"], "metadata.uid", f'Invalid value: "{meta["uid"]}": field is immutable')
    if meta.get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
        raise answers.modified(resource, old["name"])
    if meta.get("name") != old["name"]:
        raise answers.bad_request(f"the name of the object ({meta.get('name')}) does not match the name on the URL ({old['name']})")
    if meta.get("namespace", "") != old.get("namespace", ""):
        raise answers.bad_request("the namespace of the object does not match the namespace on the URL")


def keep(old: Obj, new: Made) -> None:
    """Fields that no update changes, whatever it says. A grace period may be repeated, and is refused later if it is another one."""
    new.pop("generation", None)
    for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp"):
        if field in old:
            new[field] = old[field]
    if "deletionGracePeriodSeconds" in old:
        new.setdefault("deletionGracePeriodSeconds", old["deletionGracePeriodSeconds"])


def counted(old: Obj, new: Made) -> Made:
    """`new` with the next generation if more than metadata and status differ."""
    meta = new["metadata"]
    if "generation" in meta and _content(old) != _content(new):
        return {**new, "metadata": {**meta, "generation": meta["generation"] + 1}}
    return new


def same(one: Obj, other: Obj) -> bool:
    """Equal but for the resourceVersion."""
    return _without_version(one) == _without_version(other)


def _content(obj: Obj) -> Made:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _without_version(obj: Obj) -> Made:
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}}


def _suffix(number: int) -> str:
    digits = ""
    for _ in range(5):
        number, digit = divmod(number, len(_SUFFIX))
        digits = _SUFFIX[digit] + digits
    return digits
