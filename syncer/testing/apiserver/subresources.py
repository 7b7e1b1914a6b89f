"""Subresources that are written by POST: a pod's binding and eviction, a service account's token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from syncer.core.objects import PODS, SERVICEACCOUNTS, Resource
from syncer.testing.apiserver import answers, deletion, pods, selectors, tokens

if TYPE_CHECKING:
    from syncer.testing.apiserver.server import Server

Obj = Mapping[str, Any]

BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
_CREATED: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def post(server: Server, resource: Resource, namespace: str, name: str, subresource: str, body: Obj) -> Obj:
    """The answer's body."""
    if resource == PODS and subresource == "binding":
        return _bind(server, namespace, name, body)
    if resource == PODS and subresource == "eviction":
        return _evict(server, namespace, name, body)
    if resource == SERVICEACCOUNTS and subresource == "token":
        return _token(server, namespace, name, body)
    raise answers.unknown_kind(resource)


def _bind(server: Server, namespace: str, name: str, body: Obj) -> Obj:
    version = server.get(PODS, namespace, name)
    server.replace(PODS, version, pods.bound(version.obj, body, deletion.timestamp(server.now())))
    return _CREATED


def _evict(server: Server, namespace: str, name: str, body: Obj) -> Obj:
    """A deletion that asks the PodDisruptionBudgets first, and leaves its reason on the pod."""
    version = server.get(PODS, namespace, name)
    if (body.get("metadata") or {}).get("name") != name:
        raise answers.bad_request("name in URL does not match name in Eviction object")
    options = body.get("deleteOptions") or {}
    wanted = (options.get("preconditions") or {}).get("uid", "")
    if wanted and wanted != version.metadata["uid"]:
        raise answers.other_uid(PODS, name, wanted, version.metadata["uid"])
    phase = version.obj["status"].get("phase")
    leaving = bool(version.metadata.get("deletionTimestamp"))
    if phase == "Running" and not leaving:
        _ask_budgets(server, version.obj)
    if phase not in ("Succeeded", "Failed"):
        _say_evicted(server, version.obj)
    server.delete(PODS, namespace, name, uid=wanted, grace=options.get("gracePeriodSeconds"))
    return _CREATED


def _ask_budgets(server: Server, pod: Obj) -> None:
    """A budget that allows the disruption counts it at once; its controller will count anew."""
    meta = pod["metadata"]
    key = (BUDGETS.group, BUDGETS.plural)
    for place, version in list(server.store.table(key).items()):
        budget = version.obj
        if place[0] != meta["namespace"] or not selectors.of_spec(budget["spec"].get("selector"))(meta.get("labels") or {}):
            continue
        status = budget.get("status") or {}
        _check_budget(budget, status, ready=_is_ready(pod))
        if _is_ready(pod):
            left = {"disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": {meta["name"]: deletion.timestamp(server.now())}}
            server.patch(BUDGETS, *place, {"status": left}, "status")


def _check_budget(budget: Obj, status: Obj, *, ready: bool) -> None:
    message, name = "Cannot evict pod as it would violate the pod's disruption budget.", budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise answers.too_many(message, f"DisruptionBudget: The disruption budget {name} is still being processed by the server.", retry_after=10.0)
    healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if not ready and 0 < needed <= healthy:
        return
    if status.get("disruptionsAllowed", 0) <= 0:
        raise answers.too_many(message, f"DisruptionBudget: The disruption budget {name} needs {needed} healthy pods and has {healthy} currently")


def _is_ready(pod: Obj) -> bool:
    return any(item["type"] == "Ready" and item["status"] == "True" for item in pod["status"].get("conditions") or ())


def _say_evicted(server: Server, pod: Obj) -> None:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastTransitionTime": deletion.timestamp(server.now()),
    }
    meta = pod["metadata"]
    conditions = pods.with_condition(pod["status"].get("conditions") or [], condition)
    server.patch(PODS, meta["namespace"], meta["name"], {"status": {"conditions": conditions}}, "status")


def _token(server: Server, namespace: str, name: str, body: Obj) -> Obj:
    account = server.get(SERVICEACCOUNTS, namespace, name).obj
    reference = (body.get("spec") or {}).get("boundObjectRef") or {}
    pod = server.find(PODS, namespace, reference.get("name", ""))
    return tokens.issue(account, body, pod, server.now(), server.next_serial())
