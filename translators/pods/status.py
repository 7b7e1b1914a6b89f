"""The status of a tenant pod, from its host pod: truthful, complete, also while the pod is going away.

The whole of `status` is owned by the host, so the draft says all of it: what is missing in it is removed. Kept from the tenant is what only the
tenant's own components write (nominatedNodeName, resource claims, qosClass, which cannot change).

A fresh host pod has no news: nothing is written until the host's scheduler has spoken or a node has. That first write carries the mark that the pod
has been placed, before its containers can have started.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.objects import PODS, Obj, Ref
from syncer.core.translator import Answer, Draft, Skip, View
from translators.event_text import Subject, in_tenant_words
from translators.pods.conditions import Condition, merged
from translators.pods.life import finished

GENERATION = "kled.io/source-generation"
"""Annotation of the host pod: the tenant pod's generation that its spec was made from."""

_KEPT = ("qosClass", "nominatedNodeName", "resourceClaimStatuses", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses")
_LEFT = frozenset({"conditions", "observedGeneration", *_KEPT})
# The message of a container that ended by itself is what it wrote to its termination log: not the host's words.
_OWN_WORDS = frozenset({"Completed", "Error", "OOMKilled"})
_CONTAINERS = {
    "containerStatuses": "containers",
    "initContainerStatuses": "initContainers",
    "ephemeralContainerStatuses": "ephemeralContainers",
}


def up(host: Obj, view: View) -> Answer:
    tenant, status = view.counterpart, host.get("status") or {}
    if tenant is None:
        return Skip("the pod is gone in the tenant")
    if not _is_news(status):
        return Skip("the host has nothing to tell yet")
    if finished(tenant) and not finished(host):
        return Skip("the pod has ended in the tenant; an end is never taken back")
    words = _Words(host, tenant, view)
    made: dict[str, Any] = {key: value for key, value in status.items() if key not in _LEFT and value not in (None, "", [])}
    for statuses, containers in _CONTAINERS.items():
        if statuses in made:
            made[statuses] = words.containers(made[statuses], tenant["spec"].get(containers) or ())
    if "message" in made:
        made["message"] = words.say(made["message"])
    own = tenant.get("status") or {}
    for key in _KEPT:
        if own.get(key) is not None:
            made[key] = own[key]
    made.setdefault("qosClass", status.get("qosClass") or "BestEffort")
    observed = words.generation(status.get("observedGeneration"))
    if observed is not None:
        made["observedGeneration"] = observed
    made["conditions"] = merged(host, tenant, words.condition)
    return Draft({"status": made})


def _is_news(status: Mapping[str, Any]) -> bool:
    return bool(status.get("conditions") or status.get("startTime") or status.get("containerStatuses")) or status.get("phase") not in (
        None,
        "",
        "Pending",
    )


class _Words:
    """The host's words in the tenant's. Texts are rare in a healthy pod, so everything is shared until there is one."""

    __slots__ = ("_host", "_recorded", "_tenant", "_theirs", "_view")

    def __init__(self, host: Obj, tenant: Obj, view: View) -> None:
        self._host, self._tenant, self._view = host, tenant, view
        meta = tenant["metadata"]
        recorded = (host["metadata"].get("annotations") or {}).get(GENERATION, "")
        # A tenant that does not count generations of pods does not store this field either.
        self._recorded = int(recorded) if recorded.isdigit() and meta.get("generation") else None
        self._theirs = host["metadata"].get("generation")

    def generation(self, observed: Any) -> int | None:
        """The host speaks of its own generations; only the newest one can be told in the tenant's."""
        return self._recorded if observed and observed == self._theirs else None

    def say(self, text: str) -> str:
        host, tenant = self._host["metadata"], self._tenant["metadata"]
        subject = Subject(
            Ref(PODS.plural, host["namespace"], host["name"]),
            Ref(PODS.plural, tenant["namespace"], tenant["name"]),
            tenant["uid"],
        )
        return in_tenant_words(text.replace(host["uid"], tenant["uid"]), subject, None, self._view)

    def condition(self, condition: Condition) -> Condition:
        observed, message = condition.get("observedGeneration"), condition.get("message")
        told = self.generation(observed)
        if told == observed and not message:
            return condition
        made = {key: value for key, value in condition.items() if key != "observedGeneration"}
        if told is not None:
            made["observedGeneration"] = told
        if message:
            made["message"] = self.say(message)
        return made

    def containers(self, statuses: Iterable[Mapping[str, Any]], own: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Of the tenant's containers only: what the host injects is not the tenant's."""
        hidden = self._view.settings.host.hide_containers
        names = {item["name"] for item in own}
        return [self._container(item) for item in statuses if not hidden or item.get("name") in names]

    def _container(self, status: Mapping[str, Any]) -> Mapping[str, Any]:
        made: dict[str, Any] = {}
        for field in ("state", "lastState"):
            for kind, value in (status.get(field) or {}).items():
                if kind != "running" and value and value.get("message") and value.get("reason") not in _OWN_WORDS:
                    made[field] = {kind: {**value, "message": self.say(value["message"])}}
        return {**status, **made} if made else status
