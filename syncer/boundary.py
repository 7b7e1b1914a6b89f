"""Where translators meet the policy: the pods translator gets the check that looks at every host pod before it is written.

Translators know nothing of policy and policy nothing of translators; this joins them where a process is put together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from syncer.core.objects import NODES, PODS, PRIORITYCLASSES, RESOURCECLAIMS, RUNTIMECLASSES, SERVICEACCOUNTS, Ref, Side
from syncer.core.translator import ObjectNeed, Translator, View
from syncer.engine.selection import selected
from syncer.policy.evaluate import violations
from syncer.policy.lent import Lent
from translators import priorityclasses, runtimeclasses
from translators.classes import class_need


def armed(translators: Iterable[Translator], account: str) -> tuple[Translator, ...]:
    """The same translators, those that make pods with the policy on their final form. `account` is the host ServiceAccount pods run under."""

    def check(body: Mapping[str, Any], view: View) -> tuple[tuple[str, str], ...]:
        found = violations(
            body,
            view.settings.policy,
            service_account=account,
            nodes=frozenset(_promoted(body, view)),
            existing=view.counterpart is not None,
            lent=_lent(body, view),
        )
        return tuple((violation.field, violation.reason) for violation in found)

    return tuple(replace(translator, check=check) if translator.destination is PODS else translator for translator in translators)


def _lent(body: Mapping[str, Any], view: View) -> Lent:
    """Of what the pod names on the host, the part that is the tenant's to use: judged by the host's objects alone."""
    spec, settings = body["spec"], view.settings
    namespace = body["metadata"].get("namespace", "")
    account, priority, runtime = (spec.get(key) for key in ("serviceAccountName", "priorityClassName", "runtimeClassName"))
    claims = [entry.get("resourceClaimName") or "" for entry in spec.get("resourceClaims") or ()]
    present = (view.counterpart or {}).get("spec") or {}
    accounts = (
        {account} if account and (view.tenant_ref(SERVICEACCOUNTS.plural, namespace, account) or present.get("serviceAccountName") == account) else ()
    )
    offers_priority = priority and priorityclasses.is_offered(view.get(class_need(PRIORITYCLASSES, priority)), settings)
    offers_runtime = runtime and runtimeclasses.is_offered(view.get(class_need(RUNTIMECLASSES, runtime)), settings)
    return Lent(
        accounts=frozenset(accounts),
        priority_classes=frozenset({priority} if offers_priority else ()),
        runtime_classes=frozenset({runtime} if offers_runtime else ()),
        claims=frozenset(name for name in claims if view.tenant_ref(RESOURCECLAIMS.plural, namespace, name)),
    )


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
        if chosen.selector is None or selected(chosen.selector, node["metadata"].get("labels") or {}):
            yield name
