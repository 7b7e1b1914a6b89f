"""The downward API: what a pod may read about itself must be true in the tenant, not on the host.

In environment variables the tenant's values are written out as literals. Files of a `downwardAPI` volume cannot hold literals, so they point to
annotations of the host pod that hold the tenant's values: the stamp for name, namespace and uid, and annotations of ours, made only when asked
for, for the maps of labels and annotations (the host's maps hold our stamp in addition). Status fields (addresses) are the same on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncer.core.names import digest
from syncer.core.stamp import SOURCE_NAME, SOURCE_NAMESPACE, SOURCE_UID
from translators.metadata import annotation_verdict, label_verdict
from translators.pods.shapes import SHAPES
from translators.pods.work import Work

TENANT_LABELS = "kled.io/tenant-labels"
TENANT_ANNOTATIONS = "kled.io/tenant-annotations"
FIELD = "kled.io/field-"
_MOST = 128 * 1024  # of the 256 KiB that all annotations of an object may have together

_STATUS = frozenset({"status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"})
_STAMPED = {"metadata.name": SOURCE_NAME, "metadata.namespace": SOURCE_NAMESPACE, "metadata.uid": SOURCE_UID}
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]", re.DOTALL)
_UNKNOWN = "no such field in the downward API of this version"
_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\", '"': '\\"'}


def quoted(text: str) -> str:
    """A Go string literal (`strconv.Quote`), which is what the kubelet writes into the files of label and annotation maps."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    made = []
    for char in text:
        code = ord(char)
        if char in _ESCAPES:
            made.append(_ESCAPES[char])
        elif char.isprintable():
            made.append(char)
        elif code < 0x80:
            made.append(f"\\x{code:02x}")
        else:
            made.append(f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
    return '"' + "".join(made) + '"'


def rendered(entries: Mapping[str, str]) -> str:
    """A map as the kubelet writes it into a file: sorted `key="value"` lines (pkg/fieldpath, FormatMap)."""
    return "\n".join(f"{key}={quoted(entries[key])}" for key in sorted(entries))


def literal(text: str) -> str:
    """A value of an environment variable in which nothing is expanded: the kubelet reads `$$` as `$`."""
    return text.replace("$", "$$") if "$" in text else text


def value_of(work: Work, path: str) -> str | None:
    """The tenant's value of a field that an environment variable may name; None when the host's is the same, or when there is no such field."""
    if path == "metadata.name":
        return work.name
    if path == "metadata.namespace":
        return work.namespace
    if path == "metadata.uid":
        return str(work.meta["uid"])
    if path == "spec.nodeName":
        return str(work.spec.get("nodeName", ""))
    if path == "spec.serviceAccountName":
        return str(work.spec.get("serviceAccountName") or "default")
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is None:
        return None
    return str((work.meta.get(subscript[1]) or {}).get(subscript[2], ""))


def passes(path: str) -> bool:
    return path in _STATUS


def file_item(work: Work, item: Mapping[str, Any], path: str) -> dict[str, Any] | None:
    """One file of a downwardAPI volume; None when its field is unknown."""
    made = dict(SHAPES["DownwardAPIVolumeFile"].clean(work, item, path))
    reference = item.get("fieldRef")
    if reference is None:
        return made
    target = _file_field(work, str(reference.get("fieldPath", "")))
    if target is None:
        work.drop(f"{path}.fieldRef.fieldPath", _UNKNOWN)
        return None
    made["fieldRef"] = {"apiVersion": "v1", "fieldPath": target}
    return made


def _file_field(work: Work, path: str) -> str | None:
    stamped = _STAMPED.get(path)
    if stamped is not None:
        return f"metadata.annotations['{stamped}']"
    if path == "metadata.labels":
        return _kept(work, TENANT_LABELS, rendered(work.meta.get("labels") or {}))
    if path == "metadata.annotations":
        return _kept(work, TENANT_ANNOTATIONS, rendered(work.meta.get("annotations") or {}))
    subscript = _SUBSCRIPT.fullmatch(path)
    if subscript is None:
        return None
    field, key = subscript[1], subscript[2]
    verdict = label_verdict if field == "labels" else annotation_verdict
    if verdict(key, work.settings.host) is None:
        return path
    return _kept(work, FIELD + digest(field, key)[:16], str((work.meta.get(field) or {}).get(key, "")))


def _kept(work: Work, key: str, value: str) -> str:
    if len(value) > _MOST:
        work.refuse("metadata", "labels or annotations are too large to be shown in a downwardAPI volume")
    work.annotations[key] = value
    return f"metadata.annotations['{key}']"
