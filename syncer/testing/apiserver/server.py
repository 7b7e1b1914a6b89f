"""The verbs of an API server, without any waiting: each call is one atomic request.

`SimulatedCluster` puts time, faults and a record around it; the drivers and tests use it through that.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncer.cluster.wire import decode_any, encode
from syncer.core.objects import NAMESPACES, NODES, PODS, SERVICES, Resource
from syncer.core.project import apply_merge_patch
from syncer.testing.apiserver import admission, answers, defaults, deletion, metadata, pods, rules, services, updates
from syncer.testing.apiserver.pages import Listing, listing
from syncer.testing.apiserver.store import Store, TableKey, Version
from syncer.testing.apiserver.subresources import post

Obj = Mapping[str, Any]
Made = dict[str, Any]

SERVICECIDRS = ("networking.k8s.io", "servicecidrs")
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
WITH_STATUS: frozenset[TableKey] = frozenset(
    {
        ("", "pods"), ("", "services"), ("", "namespaces"), ("", "nodes"), ("", "persistentvolumeclaims"), ("", "persistentvolumes"),
        ("", "resourcequotas"), ("apps", "deployments"), ("apps", "replicasets"), ("apps", "statefulsets"), ("apps", "daemonsets"),
        ("batch", "jobs"), ("policy", "poddisruptionbudgets"), ("networking.k8s.io", "ingresses"), SERVICECIDRS,
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("snapshot.storage.k8s.io", "volumesnapshots"), ("snapshot.storage.k8s.io", "volumesnapshotcontents"),
        *(("gateway.networking.k8s.io", plural) for plural in ("gatewayclasses", "gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes")),
        ("gateway.networking.k8s.io", "backendtlspolicies"),
    }
)  # fmt: skip


class Server:
    """`name` makes the uids and addresses of one server differ from those of another. `unserved` are kinds that it answers 404 for."""

    def __init__(self, name: str, clock: Callable[[], float], *, service_cidrs: Sequence[str], service_accounts: bool = False) -> None:
        self.name = name
        self.store = Store()
        self.with_status = set(WITH_STATUS)
        self.unserved: set[TableKey] = set()
        self.unknown: set[tuple[tuple[str, str], str]] = set()
        """Kinds with a field of their spec that this server, of another version, does not know."""
        self.service_accounts = service_accounts
        self.now = clock
        self._cidrs = tuple(ipaddress.ip_network(text) for text in service_cidrs)
        self._made = 0
        self._bootstrap()

    def _bootstrap(self) -> None:
        for name in SYSTEM_NAMESPACES:
            self.create(NAMESPACES, "", {"metadata": {"name": name}})
        address = str(self._cidrs[0][1])
        labels = {"component": "apiserver", "provider": "kubernetes"}
        port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}
        self.create(SERVICES, "default", {"metadata": {"name": "kubernetes", "labels": labels}, "spec": {"clusterIP": address, "ports": [port]}})

    # --- reading

    def find(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        version = self.store.table(_key(resource)).get((namespace, name))
        return version.obj if version else None

    def get(self, resource: Resource, namespace: str, name: str) -> Version:
        self.check_served(resource)
        version = self.store.table(_key(resource)).get((namespace, name))
        if version is None:
            raise answers.not_found(resource, name)
        return version

    def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        selector: str = "",
        name: str = "",
        limit: int = 0,
        token: str = "",
        revision: int | None = None,
    ) -> Listing:
        """One page (see `pages`)."""
        self.check_served(resource)
        return listing(self.store, _key(resource), namespace, selector, name, limit, token, revision)

    def _known(self, resource: Resource, obj: Made) -> Made:
        """Without the fields of the spec that this server has never heard of."""
        unknown = {field for kind, field in self.unknown if kind == _key(resource)}
        if unknown and isinstance(obj.get("spec"), dict):
            obj["spec"] = {field: value for field, value in obj["spec"].items() if field not in unknown}
        return obj

    def check_served(self, resource: Resource) -> None:
        if _key(resource) in self.unserved:
            raise answers.unknown_kind(resource)

    # --- writing

    def create(self, resource: Resource, namespace: str, body: Obj) -> Version:
        """POST to a collection."""
        self.check_served(resource)
        obj = self._known(resource, metadata.decoded(resource, body))
        meta = obj["metadata"]
        metadata.place(resource, meta, namespace)
        if resource.namespaced:
            admission.check_namespace(resource, meta.get("name", ""), namespace, self.find)
        if meta.get("resourceVersion"):
            raise answers.internal("resourceVersion should not be set on objects to be created")
        obj["metadata"] = meta = metadata.begun(resource, meta, self.name, self.next_serial(), self.now())
        self._reset_status(resource, obj)
        defaults.apply(resource, obj)
        admission.admit(resource, obj, self.find, service_accounts=self.service_accounts)
        if resource == PODS:
            obj["status"]["qosClass"] = pods.quality(obj["spec"])
        rules.check_create(resource, obj)
        self.allocate(resource, obj, None)  # before the name is looked at: an address that is taken is invalid, whoever holds it
        place = (namespace, meta["name"])
        if place in self.store.table(_key(resource)):
            raise answers.exists(resource, meta["name"])
        return self.store.put(_key(resource), place, obj)

    def post(self, resource: Resource, namespace: str, name: str, subresource: str, body: Obj) -> Obj:
        """POST to a subresource: binding, eviction, token."""
        self.check_served(resource)
        return post(self, resource, namespace, name, subresource, decode_any(encode(body)))

    def patch(self, resource: Resource, namespace: str, name: str, patch: Obj, subresource: str = "") -> Version:
        """A JSON merge patch. The same Version as before means that nothing had to change."""
        version = self.get(resource, namespace, name)
        old = version.obj
        new = self._known(resource, metadata.decoded(resource, apply_merge_patch(old, patch)))
        metadata.check_preconditions(resource, version, new["metadata"])
        metadata.keep(old["metadata"], new["metadata"])
        return self.replace(resource, version, updates.through(self, resource, old, new, subresource))

    def replace(self, resource: Resource, version: Version, obj: Obj) -> Version:
        """Write an object in the place of `version`, unless they are equal; an object that thereby is over, goes."""
        key, place = _key(resource), (version.metadata.get("namespace", ""), version.metadata["name"])
        if metadata.same(obj, version.obj):
            return version
        if deletion.is_over(obj):
            self.store.remove(key, place)
            return Version(obj, version.revision)
        return self.store.put(key, place, obj)

    def delete(self, resource: Resource, namespace: str, name: str, *, uid: str = "", grace: int | None = None) -> None:
        version = self.get(resource, namespace, name)
        if uid and uid != version.metadata["uid"]:
            raise answers.other_uid(resource, name, uid, version.metadata["uid"])
        if resource == NAMESPACES and name in SYSTEM_NAMESPACES[:1] + SYSTEM_NAMESPACES[2:]:
            raise answers.forbidden(resource, name, "this namespace may not be deleted")
        key, place = _key(resource), (namespace, name)
        mark, remove = deletion.step(resource, version.obj, grace, self.now())
        if mark is not None:
            self.store.put(key, place, mark)
        if remove:
            self.store.remove(key, place)

    def next_serial(self) -> int:
        """A number that was not there before."""
        self._made += 1
        return self._made

    # --- the parts of a write

    def _reset_status(self, resource: Resource, obj: Made) -> None:
        if _key(resource) in self.with_status and resource != NODES:
            obj.pop("status", None)
        if resource == PODS:
            obj["status"] = {"phase": "Pending"}
        if resource == NAMESPACES:
            obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]

    def allocate(self, resource: Resource, obj: Made, old: Obj | None) -> None:
        """Addresses and node ports, if it is a Service."""
        if resource != SERVICES:
            return
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        itself = (namespace, name) if old is not None else None
        others = (version.obj for place, version in self.store.table(("", "services")).items() if place != itself)
        services.settle(obj, old, services.Taken.by(others), self._ranges())

    def _ranges(self) -> services.Ranges:
        """The configured range and those of the ServiceCIDR objects."""
        extra = [
            ipaddress.ip_network(text)
            for version in self.store.table(SERVICECIDRS).values()
            if not version.metadata.get("deletionTimestamp")
            for text in version.obj["spec"]["cidrs"]
        ]
        return services.Ranges((*self._cidrs, *extra), self.name)


def _key(resource: Resource) -> TableKey:
    return resource.group, resource.plural


__all__ = ["Listing", "Server"]
