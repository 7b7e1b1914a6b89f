"""Admission plugins that a syncer meets: namespaces that are not there or end, priorities, runtime classes, service accounts, volumes in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncer.core.objects import NAMESPACES, SERVICEACCOUNTS, Resource
from syncer.testing.apiserver import answers, defaults

Made = dict[str, Any]
Find = Callable[[Resource, str, str], Mapping[str, Any] | None]

PRIORITYCLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False)
RUNTIMECLASSES = Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
STORAGECLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
NOT_READY = "node.kubernetes.io/not-ready"
"""The taint that every new node gets; the node controller takes it away when the kubelet says that the node is ready."""
IN_USE = "kubernetes.io/pvc-protection"

_BUILT_IN_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "lastProbeTime": None,
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}
_ACCOUNT_FILES = "/var/run/secrets/kubernetes.io/serviceaccount"


def check_namespace(resource: Resource, name: str, namespace: str, find: Find) -> None:
    """Nothing is created in a namespace that is not there or is on its way out."""
    found = find(NAMESPACES, "", namespace)
    if found is None:
        raise answers.not_found(NAMESPACES, namespace)
    if found["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise answers.forbidden(resource, name, why, f"NamespaceTerminating: metadata.namespace: namespace {namespace} is being terminated")


def admit(resource: Resource, obj: Made, find: Find, *, service_accounts: bool) -> None:
    """Fill in and check a new object, in place."""
    if (resource.group, resource.plural) == ("", "pods"):
        if service_accounts:
            _service_account(resource, obj, find)
        _priority(resource, obj, find)
        _runtime_class(resource, obj, find)
        defaults.pod_admission(obj)
        if obj["spec"].get("schedulingGates"):
            obj["status"]["conditions"] = [_GATED]
    if (resource.group, resource.plural) == ("", "persistentvolumeclaims"):
        finalizers = obj["metadata"].setdefault("finalizers", [])
        if IN_USE not in finalizers:
            finalizers.append(IN_USE)
    if (resource.group, resource.plural) == ("", "nodes"):
        taints = [item for item in obj["spec"].get("taints") or () if item["key"] != NOT_READY]
        obj["spec"]["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]


def admit_update(resource: Resource, old: Mapping[str, Any], new: Made, find: Find) -> None:
    """The same for an update."""
    if (resource.group, resource.plural) == ("", "pods"):
        defaults.pod_admission(new)
    if (resource.group, resource.plural) == ("", "persistentvolumeclaims"):
        _claim_growth(resource, old, new, find)


def _claim_growth(resource: Resource, old: Mapping[str, Any], new: Made, find: Find) -> None:
    bound = (old.get("status") or {}).get("phase") == "Bound"
    if not bound or old["spec"].get("resources") == new["spec"].get("resources"):
        return
    found = find(STORAGECLASSES, "", old["spec"].get("storageClassName", ""))
    if not (found or {}).get("allowVolumeExpansion"):
        why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
        raise answers.forbidden(resource, old["metadata"]["name"], why)


def _priority(resource: Resource, pod: Made, find: Find) -> None:
    spec, name = pod["spec"], pod["metadata"].get("name", "")
    wanted, computed = spec.get("priorityClassName"), 0
    if wanted:
        found = find(PRIORITYCLASSES, "", wanted)
        if found is None and wanted not in _BUILT_IN_PRIORITIES:
            raise answers.forbidden(resource, name, f"no PriorityClass with name {wanted} was found")
        computed = int(found["value"]) if found else _BUILT_IN_PRIORITIES[wanted]
        if found and found.get("preemptionPolicy"):
            spec.setdefault("preemptionPolicy", found["preemptionPolicy"])
    if "priority" in spec and spec["priority"] != computed:
        why = (
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; priority admission controller computed {computed}"
        )
        raise answers.forbidden(resource, name, f"{why} from the given PriorityClass name")
    spec["priority"] = computed


def _runtime_class(resource: Resource, pod: Made, find: Find) -> None:
    wanted = pod["spec"].get("runtimeClassName")
    if wanted and find(RUNTIMECLASSES, "", wanted) is None:
        raise answers.forbidden(resource, pod["metadata"].get("name", ""), f'pod rejected: RuntimeClass "{wanted}" not found')


def _service_account(resource: Resource, pod: Made, find: Find) -> None:
    """The account must exist; unless told otherwise the pod gets its token as a volume."""
    spec, meta = pod["spec"], pod["metadata"]
    name = spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = name
    account = find(SERVICEACCOUNTS, meta["namespace"], name)
    if account is None:
        why = f'error looking up service account {meta["namespace"]}/{name}: serviceaccount "{name}" not found'
        raise answers.forbidden(resource, meta.get("name", ""), why)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = account["imagePullSecrets"]
    if spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)):
        _mount_token(pod)


def _mount_token(pod: Made) -> None:
    spec = pod["spec"]
    bare = [
        container
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
        if not any(mount.get("mountPath") == _ACCOUNT_FILES for mount in container.get("volumeMounts") or ())
    ]
    if not bare:
        return
    volume = "kube-api-access-" + "abcde"
    for container in bare:
        mount = {"name": volume, "readOnly": True, "mountPath": _ACCOUNT_FILES}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]
    spec["volumes"] = [*(spec.get("volumes") or ()), {"name": volume, "projected": {"sources": sources, "defaultMode": 420}}]
