"""Whom a pod runs as on the host, how urgent it is there and in which runtime: only by the leave of the host's administrator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pod_world import KINDS, case, declared, names_for, plan, pod, settings, stamped, view_for

from syncer.boundary import armed
from syncer.core.actions import Create, Event, Refuse, Waiting
from syncer.core.decide import decide
from syncer.core.objects import Ref
from syncer.core.settings import KindSettings, PolicySettings, Settings
from translators.pods import PODS
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

ROLE = "eks.amazonaws.com/role-arn"
ALLOWED = PolicySettings(service_account_annotations=((ROLE, "arn:aws:iam::1:role/acme-*"),))
HOST_CLASSES = {
    "priorityclasses": [
        {"metadata": {"name": "low", "uid": "l"}, "value": -10},
        {"metadata": {"name": "high", "uid": "h"}, "value": 1000},
        {"metadata": {"name": "system-cluster-critical", "uid": "s"}, "value": 2_000_000_000},
    ],
    "runtimeclasses": [{"metadata": {"name": "sandbox", "uid": "r"}, "handler": "runsc"}],
}


def offering(policy: PolicySettings | None = None, **names: tuple[str, ...]) -> Settings:
    made = settings(policy=policy, kinds=(*KINDS, "serviceaccounts"))
    return replace(made, kinds={**made.kinds, **{kind: KindSettings(name=kind, names=chosen) for kind, chosen in names.items()}})


def account(name: str, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "web", "name": name, "uid": f"uid-{name}", "annotations": annotations}}


def outcome(spec: dict[str, Any], made: Settings, **around: Any) -> tuple[dict[str, Any] | None, list[str]]:
    """The host pod's spec and what is told, with the policy on the final pod."""
    source = pod(spec)
    view = view_for(source, made, **around)
    found = plan(source, view)
    assert view.asked <= declared(PODS.needs(source, names_for(made), made))
    body = next((action.body["spec"] for action in found if isinstance(action, Create)), None)
    told = [action.message for action in found if isinstance(action, (Event, Refuse))]
    told += [action.reason for action in found if isinstance(action, Waiting)]
    if body is not None:
        (translator,) = armed((PODS,), WORKLOAD_SERVICE_ACCOUNT)
        judged = decide(replace(case(source, view_for(source, made, **around)), translator=translator))
        assert not [action for action in judged if isinstance(action, Refuse)], judged
    return body, told


def test_a_class_of_the_host_that_is_offered_by_name_crosses_under_its_name() -> None:
    made = offering(priorityclasses=("low",), runtimeclasses=("sandbox",))
    body, told = outcome({"priorityClassName": "low", "priority": -10, "runtimeClassName": "sandbox"}, made, host=HOST_CLASSES)
    assert body is not None
    assert (body["priorityClassName"], body["runtimeClassName"]) == ("low", "sandbox")
    assert "priority" not in body
    assert told == []


@pytest.mark.parametrize("name", ["high", "system-cluster-critical", "of-the-tenant"])
def test_a_priority_above_the_cap_or_of_the_tenants_own_making_stays_behind(name: str) -> None:
    body, told = outcome({"priorityClassName": name, "priority": 1_000_000_000}, offering(priorityclasses=("*",)), host=HOST_CLASSES)
    assert body is not None
    assert "priorityClassName" not in body
    assert "priority" not in body
    assert any("spec.priorityClassName" in message and name in message for message in told)


def test_the_table_goes_before_the_names_and_is_not_capped() -> None:
    policy = PolicySettings(priority_classes={"mine": "high"})
    body, _ = outcome({"priorityClassName": "mine"}, offering(policy, priorityclasses=()), host=HOST_CLASSES)
    assert body is not None
    assert body["priorityClassName"] == "high"


def test_a_runtime_that_is_not_offered_keeps_the_pod_off_the_host() -> None:
    body, told = outcome({"runtimeClassName": "sandbox"}, offering(runtimeclasses=()), host=HOST_CLASSES)
    assert body is None
    assert "RuntimeClass 'sandbox'" in told[0]


def test_a_pod_runs_under_the_shadow_of_an_account_with_an_allowed_identity() -> None:
    made = offering(ALLOWED)
    shadow = stamped(names_for(made), "serviceaccounts", "builder", Ref("serviceaccounts", "web", "builder"), "uid-builder")
    around = {"tenant": {"serviceaccounts": [account("builder", **{ROLE: "arn:aws:iam::1:role/acme-b"})]}, "host": {"serviceaccounts": [shadow]}}
    body, _ = outcome({"serviceAccountName": "builder"}, made, **around)
    assert body is not None
    assert body["serviceAccountName"] == "builder"
    assert body["automountServiceAccountToken"] is False


def test_it_waits_for_the_shadow() -> None:
    tenant = {"serviceaccounts": [account("builder", **{ROLE: "arn:aws:iam::1:role/acme-b"})]}
    body, told = outcome({"serviceAccountName": "builder"}, offering(ALLOWED), tenant=tenant)
    assert body is None
    assert told == ["ServiceAccount 'builder' is not on the host yet"]


def test_an_account_that_is_not_ours_is_never_run_under() -> None:
    tenant = {"serviceaccounts": [account("builder", **{ROLE: "arn:aws:iam::1:role/acme-b"})]}
    host = {"serviceaccounts": [{"metadata": {"namespace": "acme-web", "name": "builder", "uid": "of-the-host"}}]}
    body, told = outcome({"serviceAccountName": "builder"}, offering(ALLOWED), tenant=tenant, host=host)
    assert body is None
    assert "not this tenant's" in told[0]


@pytest.mark.parametrize("annotations", [{}, {ROLE: "arn:aws:iam::1:role/admin"}, {"a.io/b": "c"}])
def test_all_others_run_under_the_account_without_rights(annotations: dict[str, str]) -> None:
    tenant = {"serviceaccounts": [account("builder", **annotations)]}
    body, told = outcome({"serviceAccountName": "builder"}, offering(ALLOWED), tenant=tenant)
    assert body is not None
    assert body["serviceAccountName"] == WORKLOAD_SERVICE_ACCOUNT
    assert any("policy.serviceAccountAnnotations" in message for message in told) is (ROLE in annotations)


def test_without_allowed_annotations_nobody_looks_at_accounts() -> None:
    source, made = pod({"serviceAccountName": "builder"}), offering()
    needed = {need.ref for need in PODS.needs(source, names_for(made), made) if hasattr(need, "ref")}
    assert Ref("serviceaccounts", "web", "builder") not in needed
