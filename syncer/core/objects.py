"""Kinds, references and objects, as plain as they come.

An object is the decoded JSON of the API and is never mutated: a translator builds new dictionaries and may share what it does not change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

Obj = Mapping[str, Any]


class Side(StrEnum):
    """One of the two API servers."""

    TENANT = "tenant"
    HOST = "host"

    @property
    def other(self) -> Side:
        return Side.HOST if self is Side.TENANT else Side.TENANT


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as the API serves it: `plural` is its name in URLs, `kind` in objects; `name_limit` the longest legal object name."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    name_limit: int = 253
    short_names: tuple[str, ...] = ()

    def __hash__(self) -> int:
        """Part of many keys, so cheap: the two names are enough to tell kinds apart."""
        return hash((self.group, self.plural))

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        return self.kind.lower()

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, of one object, or of one of its subresources."""
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{namespace}")
        parts.append(self.plural)
        if name:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False, name_limit=63, short_names=("ns",))
PODS = Resource("", "v1", "pods", "Pod", short_names=("po",))
SERVICES = Resource("", "v1", "services", "Service", name_limit=63, short_names=("svc",))
CONFIGMAPS = Resource("", "v1", "configmaps", "ConfigMap", short_names=("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICEACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", short_names=("sa",))
PERSISTENTVOLUMECLAIMS = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short_names=("pvc",))
NODES = Resource("", "v1", "nodes", "Node", namespaced=False, short_names=("no",))
EVENTS = Resource("", "v1", "events", "Event", short_names=("ev",))
ENDPOINTSLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", "Ingress", short_names=("ing",))
INGRESSCLASSES = Resource("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
NETWORKPOLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", short_names=("netpol",))
GATEWAYCLASSES = Resource("gateway.networking.k8s.io", "v1", "gatewayclasses", "GatewayClass", namespaced=False, short_names=("gc",))
GATEWAYS = Resource("gateway.networking.k8s.io", "v1", "gateways", "Gateway", short_names=("gtw",))
HTTPROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
GRPCROUTES = Resource("gateway.networking.k8s.io", "v1", "grpcroutes", "GRPCRoute")
TLSROUTES = Resource("gateway.networking.k8s.io", "v1alpha2", "tlsroutes", "TLSRoute")
TCPROUTES = Resource("gateway.networking.k8s.io", "v1alpha2", "tcproutes", "TCPRoute")
REFERENCEGRANTS = Resource("gateway.networking.k8s.io", "v1beta1", "referencegrants", "ReferenceGrant", short_names=("refgrant",))
BACKENDTLSPOLICIES = Resource("gateway.networking.k8s.io", "v1", "backendtlspolicies", "BackendTLSPolicy", short_names=("btlspolicy",))
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
RESOURCECLAIMS = Resource("resource.k8s.io", "v1", "resourceclaims", "ResourceClaim")
DEVICECLASSES = Resource("resource.k8s.io", "v1", "deviceclasses", "DeviceClass", namespaced=False)
RESOURCESLICES = Resource("resource.k8s.io", "v1", "resourceslices", "ResourceSlice", namespaced=False)
RESOURCEQUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", short_names=("quota",))
PRIORITYCLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", namespaced=False, short_names=("pc",))
RUNTIMECLASSES = Resource("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False)
PODDISRUPTIONBUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", short_names=("pdb",))
STORAGECLASSES = Resource("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False, short_names=("sc",))
PERSISTENTVOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False, short_names=("pv",))
VOLUMEATTRIBUTESCLASSES = Resource("storage.k8s.io", "v1", "volumeattributesclasses", "VolumeAttributesClass", namespaced=False, short_names=("vac",))
CSIDRIVERS = Resource("storage.k8s.io", "v1", "csidrivers", "CSIDriver", namespaced=False)
CSINODES = Resource("storage.k8s.io", "v1", "csinodes", "CSINode", namespaced=False)
CSISTORAGECAPACITIES = Resource("storage.k8s.io", "v1", "csistoragecapacities", "CSIStorageCapacity")
VOLUMESNAPSHOTS = Resource("snapshot.storage.k8s.io", "v1", "volumesnapshots", "VolumeSnapshot", short_names=("vs",))
VOLUMESNAPSHOTCONTENTS = Resource(
    "snapshot.storage.k8s.io", "v1", "volumesnapshotcontents", "VolumeSnapshotContent", namespaced=False, short_names=("vsc", "vscs")
)
VOLUMESNAPSHOTCLASSES = Resource(
    "snapshot.storage.k8s.io", "v1", "volumesnapshotclasses", "VolumeSnapshotClass", namespaced=False, short_names=("vsclass", "vsclasses")
)
SERVICECIDRS = Resource("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", namespaced=False)
ROLEBINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")


class Ref(NamedTuple):
    """One object on one side, by plural name of its kind. `namespace` is empty for cluster-scoped kinds."""

    plural: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.plural} {where}"


class Key(NamedTuple):
    """What the queue holds: a translator's name and the Ref of the leading side's object."""

    translator: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.translator} {where}"


def ref_of(resource: Resource, obj: Obj) -> Ref:
    meta = obj["metadata"]
    return Ref(resource.plural, meta.get("namespace", ""), meta["name"])


def meta_of(obj: Obj) -> Mapping[str, Any]:
    meta: Mapping[str, Any] = obj["metadata"]
    return meta
