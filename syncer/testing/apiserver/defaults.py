"""Fields a server fills in when they are left out, by kind. Only what the syncer meets again is here.

Each function fills in an object in place; the server calls it with a copy of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from syncer.core.objects import Resource

Made = dict[str, Any]

_PROBE: Made = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_UNREACHABLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_FILE_MODE = 420
_NODE_INFO = (
    "machineID", "systemUUID", "bootID", "kernelVersion", "osImage", "containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion",
    "operatingSystem", "architecture",
)  # fmt: skip


def apply(resource: Resource, obj: Made) -> None:
    """Fill in what this kind's server would."""
    fill = _BY_KIND.get((resource.group, resource.plural))
    if fill is not None:
        fill(obj)
    apply_status(resource, obj)


def apply_status(resource: Resource, obj: Made) -> None:
    """The same for the part that the `status` subresource writes."""
    fill = _STATUS_BY_KIND.get((resource.group, resource.plural))
    if fill is not None:
        fill(obj)


def _set(obj: Made, **values: Any) -> None:
    for key, value in values.items():
        obj.setdefault(key, value)


def containers(spec: Made) -> Iterator[Made]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _pod(obj: Made) -> None:
    spec: Made = obj.setdefault("spec", {})
    _set(
        spec,
        restartPolicy="Always",
        dnsPolicy="ClusterFirst",
        terminationGracePeriodSeconds=30,
        schedulerName="default-scheduler",
        enableServiceLinks=True,
        securityContext={},
    )
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for container in containers(spec):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _container(container: Made) -> None:
    image = container.get("image", "")
    latest = ":" not in image.rsplit("/", 1)[-1] or image.endswith(":latest")
    _set(
        container,
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy="Always" if latest and "@" not in image else "IfNotPresent",
        resources={},
    )
    for port in container.get("ports") or ():
        _set(port, protocol="TCP")
    for item in container.get("env") or ():
        if "fieldRef" in (item.get("valueFrom") or {}):
            _set(item["valueFrom"]["fieldRef"], apiVersion="v1")
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if probe := container.get(field):
            _set(probe, **_PROBE)
            if "httpGet" in probe:
                _set(probe["httpGet"], path="/", scheme="HTTP")
    limits, requests = container["resources"].get("limits") or {}, container["resources"].get("requests") or {}
    if limits:
        container["resources"]["requests"] = {**limits, **requests}


def _volume(volume: Made) -> None:
    if volume.keys() == {"name"}:
        volume["emptyDir"] = {}
    for field in ("configMap", "secret", "downwardAPI", "projected"):
        if field in volume:
            _set(volume[field], defaultMode=_FILE_MODE)
    for source in (volume.get("projected") or {}).get("sources") or ():
        if "serviceAccountToken" in source:
            _set(source["serviceAccountToken"], expirationSeconds=3600)
    for items in [volume.get("downwardAPI") or {}, *(s.get("downwardAPI") or {} for s in (volume.get("projected") or {}).get("sources") or ())]:
        for item in items.get("items") or ():
            if "fieldRef" in item:
                _set(item["fieldRef"], apiVersion="v1")
    if "hostPath" in volume:
        _set(volume["hostPath"], type="")


def pod_status(obj: Made) -> None:
    """Times that a struct shows as null, and the two spellings of the pod's address."""
    status = obj.get("status") or {}
    for condition in status.get("conditions") or ():
        _set(condition, lastProbeTime=None, lastTransitionTime=None)
    for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(field) or ():
            for state in (container.get("state") or {}, container.get("lastState") or {}):
                if "running" in state:
                    _set(state["running"], startedAt=None)
                if "terminated" in state:
                    _set(state["terminated"], startedAt=None, finishedAt=None)
    first = (status.get("podIPs") or [{}])[0].get("ip")
    if status.get("podIP") and status["podIP"] != first:
        status["podIPs"] = [{"ip": status["podIP"]}]
    elif first:
        status["podIP"] = first


def _node(obj: Made) -> None:
    obj.setdefault("spec", {})


def node_status(obj: Made) -> None:
    status = obj.setdefault("status", {})
    if "capacity" in status:
        _set(status, allocatable=status["capacity"])
    for condition in status.get("conditions") or ():
        _set(condition, lastHeartbeatTime=None, lastTransitionTime=None)
    _set(status.setdefault("daemonEndpoints", {}).setdefault("kubeletEndpoint", {}), Port=0)
    _set(status.setdefault("nodeInfo", {}), **dict.fromkeys(_NODE_INFO, ""))


def service_status(obj: Made) -> None:
    balancer = obj.setdefault("status", {}).setdefault("loadBalancer", {})
    for item in balancer.get("ingress") or ():
        if "ip" in item:
            _set(item, ipMode="VIP")


def pod_admission(obj: Made) -> None:
    """What the admission plugins add to a new pod: tolerations for sick nodes, and the priority nobody asked for."""
    spec = obj["spec"]
    tolerations = spec.get("tolerations") or []
    for key in _UNREACHABLE:
        if not any(_tolerates(item, key) for item in tolerations):
            tolerations = [*tolerations, {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]
    spec["tolerations"] = tolerations
    _set(spec, priority=0, preemptionPolicy="PreemptLowerPriority")


def _tolerates(toleration: Made, key: str) -> bool:
    return toleration.get("key", key) in (key, "") and toleration.get("effect", "NoExecute") in ("NoExecute", "")


def _service(obj: Made) -> None:
    spec: Made = obj.setdefault("spec", {})
    _set(spec, type="ClusterIP", sessionAffinity="None")
    for port in spec.get("ports") or ():
        _set(port, protocol="TCP")
        _set(port, targetPort=port.get("port"))
    if spec["sessionAffinity"] == "ClientIP":
        _set(spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}), timeoutSeconds=10800)
    outside = spec["type"] in ("NodePort", "LoadBalancer")
    if outside or (spec["type"] == "ClusterIP" and spec.get("externalIPs")):
        _set(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _set(spec, allocateLoadBalancerNodePorts=True)
    if spec["type"] != "ExternalName":
        _set(spec, internalTrafficPolicy="Cluster")


def _secret(obj: Made) -> None:
    _set(obj, type="Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in plain.items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _claim(obj: Made) -> None:
    _set(obj.setdefault("spec", {}), volumeMode="Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def _namespace(obj: Made) -> None:
    labels = obj["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = obj["metadata"]["name"]
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _slice(obj: Made) -> None:
    for port in obj.get("ports") or ():
        _set(port, name="", protocol="TCP")
    for endpoint in obj.get("endpoints") or ():
        _set(endpoint, conditions={})
    _set(obj, endpoints=None)


_BY_KIND: dict[tuple[str, str], Callable[[Made], None]] = {
    ("", "pods"): _pod,
    ("", "services"): _service,
    ("", "secrets"): _secret,
    ("", "persistentvolumeclaims"): _claim,
    ("", "namespaces"): _namespace,
    ("", "nodes"): _node,
    ("discovery.k8s.io", "endpointslices"): _slice,
}
_STATUS_BY_KIND: dict[tuple[str, str], Callable[[Made], None]] = {
    ("", "pods"): pod_status,
    ("", "services"): service_status,
    ("", "nodes"): node_status,
}
