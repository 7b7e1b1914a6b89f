"""What a pod is on the host by the leave of its administrator: whom it runs as, how urgent it is, and in which runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.names import Names
from syncer.core.objects import PRIORITYCLASSES, RESOURCECLAIMS, RUNTIMECLASSES, SERVICEACCOUNTS, Obj
from syncer.core.settings import Settings
from syncer.core.translator import Need
from translators import priorityclasses, runtimeclasses, serviceaccounts
from translators.classes import class_need
from translators.pods.refs import claims as claims_of
from translators.pods.refs import host_need
from translators.pods.work import Work
from translators.workload import WORKLOAD_SERVICE_ACCOUNT


def needs(spec: Mapping[str, Any], namespace: str, host_namespace: str, names: Names, settings: Settings) -> Iterator[Need]:
    policy = settings.policy
    priority, runtime = spec.get("priorityClassName"), spec.get("runtimeClassName")
    if priority and priority not in policy.priority_classes:
        yield class_need(PRIORITYCLASSES, priority)
    if runtime and runtime not in policy.runtime_classes and not policy.force_runtime_class:
        yield class_need(RUNTIMECLASSES, runtime)
    if serviceaccounts.may_have_shadow(settings):
        name = spec.get("serviceAccountName") or "default"
        yield serviceaccounts.account_need(namespace, name)
        yield host_need(SERVICEACCOUNTS, host_namespace, names.name(SERVICEACCOUNTS, namespace, name), optional=False)


def account(work: Work) -> str:
    """The host account: ours without rights, or the shadow of an account that has an identity outside the cluster."""
    if not serviceaccounts.may_have_shadow(work.settings):
        return WORKLOAD_SERVICE_ACCOUNT
    name = work.spec.get("serviceAccountName") or "default"
    found = work.view.get(serviceaccounts.account_need(work.namespace, name))
    allowed, denied = serviceaccounts.identities(found, work.settings) if found is not None else ({}, ())
    if allowed:
        return work.reference(SERVICEACCOUNTS, name)
    if denied:
        work.drop("spec.serviceAccountName", f"policy.serviceAccountAnnotations does not allow what {name!r} asks for: {', '.join(denied)}")
    return WORKLOAD_SERVICE_ACCOUNT


def claims(work: Work, pod: Obj) -> list[dict[str, str]]:
    """Our copies of the devices that the pod claims."""
    asked = work.spec.get("resourceClaims") or ()
    if asked and not (work.settings.policy.device_drivers and RESOURCECLAIMS.plural in work.settings.kinds):
        work.refuse("spec.resourceClaims", "devices may not be claimed on the host: policy.deviceDrivers names no driver")
    known = claims_of(pod)
    for entry in asked:
        if entry["name"] not in known:
            work.refuse("spec.resourceClaims", f"the tenant has made no claim for {entry['name']!r}")
    return [{"name": entry["name"], "resourceClaimName": work.reference(RESOURCECLAIMS, known[entry["name"]])} for entry in asked]


def classes(work: Work) -> dict[str, str]:
    """Priority and runtime class: what the administrator's table says, else the class of the same name that is offered to this tenant."""
    made: dict[str, str] = {}
    priority = work.spec.get("priorityClassName")
    if priority:
        mapped = work.settings.policy.priority_classes.get(priority)
        if mapped or priorityclasses.is_offered(work.view.get(class_need(PRIORITYCLASSES, priority)), work.settings):
            made["priorityClassName"] = mapped or priority
        else:
            reason = f"the host offers no PriorityClass {priority!r} to this tenant, and policy.priorityClasses does not map it"
            work.drop("spec.priorityClassName", reason)
    runtime = _runtime(work)
    return {**made, "runtimeClassName": runtime} if runtime else made


def _runtime(work: Work) -> str | None:
    policy, runtime = work.settings.policy, work.spec.get("runtimeClassName")
    if policy.force_runtime_class or not runtime:
        return policy.force_runtime_class
    mapped = policy.runtime_classes.get(runtime)
    if not mapped and not runtimeclasses.is_offered(work.view.get(class_need(RUNTIMECLASSES, runtime)), work.settings):
        work.refuse("spec.runtimeClassName", f"the host offers no RuntimeClass {runtime!r} to this tenant, and policy.runtimeClasses does not map it")
    return mapped or str(runtime)
