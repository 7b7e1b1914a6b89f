"""What the host says about a custom object, in the tenant's words: its own name and namespace, messages, and generations.

`observedGeneration` is compared with `metadata.generation` by everybody who waits for an object, so it must be the tenant's. The host object notes
which generation of the tenant's its spec was made from; while the host's controller has not seen that spec, the number before is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core.objects import Obj, Ref
from syncer.core.translator import View
from translators.event_text import Subject, in_tenant_words

_DEEPEST = 100
_MESSAGES = frozenset({"message", "reason"})


def in_the_tenants_words(body: Mapping[str, Any], host: Obj, tenant: Obj, generation: int | None, view: View) -> dict[str, Any]:
    words = _Words(host, tenant, generation, view)
    return {key: words.said(value, key, 0) for key, value in body.items()}


class _Words:
    """One pass over what one host object shows."""

    def __init__(self, host: Obj, tenant: Obj, generation: int | None, view: View) -> None:
        there, here = host["metadata"], tenant["metadata"]
        self._view, self._generation, self._host_generation = view, generation, there.get("generation") or 0
        self._subject = Subject(
            Ref("", there.get("namespace", ""), there["name"]), Ref("", here.get("namespace", ""), here["name"]), here["uid"], there["uid"]
        )
        self._plain = {there["name"]: here["name"]}
        if there.get("namespace"):
            self._plain[there["namespace"]] = here["namespace"]

    def said(self, value: Any, key: str, depth: int) -> Any:
        if depth > _DEEPEST:
            return None
        if isinstance(value, Mapping):
            return {name: self.said(item, name, depth + 1) for name, item in value.items()}
        if isinstance(value, list):
            return [self.said(item, key, depth + 1) for item in value]
        if isinstance(value, str):
            if key in _MESSAGES and self._subject.host.namespace:
                return in_tenant_words(value, self._subject, None, self._view)
            return self._plain.get(value, value)
        if key == "observedGeneration" and isinstance(value, int) and not isinstance(value, bool):
            return self._observed(value)
        return value

    def _observed(self, value: int) -> int:
        if self._generation is None:
            return value
        return self._generation if value >= self._host_generation else max(self._generation - 1, 0)
