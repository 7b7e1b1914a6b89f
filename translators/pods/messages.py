"""Texts of the host in the tenant's words."""

from __future__ import annotations

import re

_REFUSAL = re.compile(r"0/\d+ nodes are available: (?P<reasons>.*?)\.?(?: (?:preemption|no new claims).*)?", re.DOTALL)
_COUNT = re.compile(r"^\d+ ")
_PINNED = ("node affinity", "NodeAffinity")
_LIMIT = 512


def unschedulable(text: str) -> str:
    """Why the host's scheduler does not place a pod. It is pinned to one node, so what it says of the others is neither news nor the
    tenant's business."""
    match = _REFUSAL.fullmatch(text)
    if match is None:
        return "the host's scheduler has not placed the pod on its node yet" if text else ""
    reasons = [_COUNT.sub("", part.strip()) for part in match["reasons"].split(", ")]
    kept = [reason for reason in reasons if reason and not any(word in reason for word in _PINNED)]
    return f"the chosen node does not take the pod: {', '.join(kept)}"[:_LIMIT] if kept else "the chosen node is not available on the host"
