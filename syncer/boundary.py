"""Where translators meet the policy: the pods translator gets the check that looks at every host pod before it is written.

Translators know nothing of policy and policy nothing of translators; this joins them where a process is put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from syncer.core.objects import NODES, PODS, Ref, Side
from syncer.core.selectors import meets
from syncer.core.translator import ObjectNeed, Translator, View
from syncer.policy.evaluate import violations


def armed(translators: Iterable[Translator], account: str) -> tuple[Translator, ...]:
    """The same translators, those that make pods with the policy on their final form. `account` is the host ServiceAccount pods run under."""

    def check(body: Mapping[str, Any], view: View) -> tuple[tuple[str, str], ...]:
        found = violations(
            body, view.settings.policy, service_account=account, nodes=frozenset(_promoted(body, view)), existing=view.counterpart is not None
        )
        return tuple((violation.field, violation.reason) for violation in found)

    return tuple(replace(translator, check=check) if translator.destination is PODS else translator for translator in translators)


def _promoted(body: Mapping[str, Any], view: View) -> Iterable[str]:
    """Of the nodes that the pod names, those that the configuration lets be promoted. Judged by the host's Node alone: a tenant makes Nodes
    and labels as it likes."""
    try:
        affinity = body["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        named = {name for term in affinity["nodeSelectorTerms"] for rule in term["matchFields"] for name in rule["values"]}
    except (KeyError, TypeError):
        return
    chosen = view.settings.nodes
    for name in named:
        node = view.get(ObjectNeed(Side.HOST, Ref(NODES.plural, "", name)))
        if node is None or (chosen.names is not None and name not in chosen.names):
            continue
        if chosen.selector is None or meets(chosen.selector, node["metadata"].get("labels") or {}):
            yield name
