"""Statuses of the Gateway API in the tenant's words: generations and names are the tenant's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import Obj, Ref
from syncer.core.translator import View
from translators.event_text import Subject, in_tenant_words

_CONDITION = ("type", "status", "reason", "lastTransitionTime")
_LONGEST = 1024


def conditions(found: Any, host: Obj, view: View) -> list[dict[str, Any]]:
    """`observedGeneration` says whether the controller has seen the tenant's last change: the host's own count means nothing there."""
    meta, mine = host["metadata"], (view.counterpart or {}).get("metadata") or {}
    annotations = meta.get("annotations") or {}
    source = Ref("", annotations.get(stamps.SOURCE_NAMESPACE, ""), annotations.get(stamps.SOURCE_NAME, ""))
    subject = Subject(Ref("", meta.get("namespace", ""), meta["name"]), source, annotations.get(stamps.SOURCE_UID, ""), meta.get("uid", ""))
    made = []
    for one in found or ():
        shown = {key: one[key] for key in _CONDITION if key in one}
        if "message" in one:
            shown["message"] = in_tenant_words(str(one["message"]), subject, None, view)[:_LONGEST]
        if "observedGeneration" in one and mine.get("generation"):
            current = one["observedGeneration"] == meta.get("generation")
            shown["observedGeneration"] = mine["generation"] if current else max(int(mine["generation"]) - 1, 0)
        made.append(shown)
    return made


def same_reference(one: Mapping[str, Any], other: Mapping[str, Any], namespace: str) -> bool:
    """Whether two references of objects in `namespace` mean the same, what is left out counted as its default."""
    keys = ("name", "sectionName", "port")
    return all(one.get(key) == other.get(key) for key in keys) and (one.get("namespace") or namespace) == (other.get("namespace") or namespace)
