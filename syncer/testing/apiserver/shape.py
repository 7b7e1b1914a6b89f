"""What decoding and encoding by the server does to an object, and what metadata has to look like."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from syncer.core.objects import Resource
from syncer.testing.apiserver import answers

_META_FIELDS = (
    "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers",
)  # fmt: skip
_MAPS = frozenset(
    {
        "labels", "annotations", "data", "binaryData", "stringData", "nodeSelector", "matchLabels", "limits", "requests", "capacity", "allocatable",
        "overhead", "selector",
    }
)  # fmt: skip
"""Fields that are maps in Go and left out when empty. A struct (`emptyDir: {}`) says something by being there."""

_ZEROS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(
        ("hostNetwork", "hostPID", "hostIPC", "publishNotReadyAddresses", "stdin", "stdinOnce", "tty", "readOnly", "unschedulable"), (False,)
    ),
    **dict.fromkeys(
        ("nodeName", "hostname", "subdomain", "clusterIP", "externalName", "subPath", "subPathExpr", "message", "reason", "nominatedNodeName",
         "hostIP", "podIP", "loadBalancerIP", "serviceAccountName", "priorityClassName", "volumeName", "workingDir", "containerID"), ("",)
    ),
    **dict.fromkeys(("nodePort", "hostPort", "healthCheckNodePort"), (0,)),
}  # fmt: skip
"""Fields that are no pointers in Go: their zero value is left out. (False is 0 to Python, hence the check of the type.)"""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENT = re.compile(r"(?!\.\.?$)[^/%]+")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_DATA_KEY = re.compile(r"(?!\.\.)[-._a-zA-Z0-9]{1,253}")
_ANNOTATIONS_LIMIT = 256 * 1024


def is_typed(resource: Resource) -> bool:
    """Whether the server knows the kind's schema (built in), so that nulls and empty values are lost on the way through Go."""
    return not resource.group or resource.group.endswith(".k8s.io") or resource.group in ("apps", "batch", "policy", "autoscaling")


def prune(value: Any, name: str = "") -> Any:
    """A built-in object after decoding and encoding: null is absent, and so are empty lists and maps."""
    if isinstance(value, Mapping):
        made = {}
        for key, item in value.items():
            kept = prune(item, key)
            if kept is None or kept == [] or (kept == {} and key in _MAPS) or _is_zero(key, kept):
                continue
            made[key] = kept
        return made
    if isinstance(value, list):
        return [prune(item) for item in value]
    return value


def _is_zero(key: str, value: Any) -> bool:
    return any(value == zero and type(value) is type(zero) for zero in _ZEROS.get(key, ()))


def clean_meta(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Known fields only, the empty ones left out."""
    return {key: meta[key] for key in _META_FIELDS if meta.get(key) not in (None, {}, [], "")}


def check_name(resource: Resource, name: str) -> None:
    """The form of a name depends on the kind."""
    if resource.group == "rbac.authorization.k8s.io":
        form: re.Pattern[str] = _PATH_SEGMENT
    elif resource.name_limit == 63:
        form = _LABEL
    else:
        form = _SUBDOMAIN
    if not name or len(name) > resource.name_limit or not form.fullmatch(name):
        raise answers.invalid(resource, name, "metadata.name", f"Invalid value: {name!r}: not a legal name")


def check_meta(resource: Resource, meta: Mapping[str, Any]) -> None:
    name = meta["name"]
    for key, value in (meta.get("labels") or {}).items():
        _check_key(resource, name, "metadata.labels", key)
        if not isinstance(value, str):
            raise answers.bad_request(f"{resource.kind} in version {resource.version!r} cannot be handled: metadata.labels must hold strings")
        if not _VALUE.fullmatch(value):
            raise answers.invalid(resource, name, "metadata.labels", f"Invalid value: {value!r}")
    annotations = meta.get("annotations") or {}
    for key, value in annotations.items():
        _check_key(resource, name, "metadata.annotations", key.lower())
        if not isinstance(value, str):
            raise answers.bad_request(f"{resource.kind} in version {resource.version!r} cannot be handled: metadata.annotations must hold strings")
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        raise answers.invalid(resource, name, "metadata.annotations", f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes")


def _check_key(resource: Resource, name: str, field: str, key: str) -> None:
    prefix, slash, last = key.rpartition("/")
    legal = _QUALIFIED.fullmatch(last) and (not slash or (len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix)))
    if not legal:
        raise answers.invalid(resource, name, field, f"Invalid value: {key!r}")


def check_data(resource: Resource, obj: Mapping[str, Any]) -> None:
    for field in ("data", "binaryData"):
        for key, value in (obj.get(field) or {}).items():
            if not isinstance(value, str):
                raise answers.bad_request(f"{resource.kind} in version {resource.version!r} cannot be handled: {field} must hold strings")
            if not _DATA_KEY.fullmatch(key):
                raise answers.invalid(resource, obj["metadata"]["name"], f"{field}[{key}]", f"Invalid value: {key!r}")
            if (field == "binaryData" or resource.plural == "secrets") and not _is_base64(value):
                raise answers.bad_request(f"{resource.kind} in version {resource.version!r} cannot be handled: illegal base64 data in {field}[{key}]")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
