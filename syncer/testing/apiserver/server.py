"""The verbs of an API server, without any waiting: each call is one atomic request.

`SimulatedCluster` puts time, faults and a record around it; the drivers and tests use it through that.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from syncer.cluster.wire import decode_any, encode
from syncer.core.objects import NAMESPACES, NODES, PODS, SERVICES, Resource
from syncer.core.project import apply_merge_patch
from syncer.testing.apiserver import admission, answers, defaults, deletion, pods, resize, rules, selectors, services, shape
from syncer.testing.apiserver.store import Place, Store, TableKey, Version
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
    }
)  # fmt: skip
WITHOUT_GENERATION: frozenset[str] = frozenset(
    {"services", "configmaps", "secrets", "serviceaccounts", "namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "events", "leases",
     "servicecidrs", "rolebindings", "roles", "clusterroles", "clusterrolebindings"}
)  # fmt: skip
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"


class Listing(NamedTuple):
    versions: Sequence[Version]
    revision: int
    continue_token: str


class Server:
    """`name` makes the uids and addresses of one server differ from those of another. `unserved` are kinds that it answers 404 for."""

    def __init__(self, name: str, clock: Callable[[], float], *, service_cidrs: Sequence[str], service_accounts: bool = False) -> None:
        self.name = name
        self.store = Store()
        self.with_status = set(WITH_STATUS)
        self.unserved: set[TableKey] = set()
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
        self, resource: Resource, namespace: str = "", *, selector: str = "", limit: int = 0, token: str = "", revision: int | None = None
    ) -> Listing:
        """One page. `revision` reads the past, as a server with an old cache would."""
        self.check_served(resource)
        after = ""
        if token:
            revision, after = _read_token(token)
            if revision < self.store.compacted or revision > self.store.revision:
                raise answers.expired("The provided continue parameter is too old to display a consistent list result.")
        revision = self.store.revision if revision is None else revision
        matches = selectors.parse(selector)
        found = [
            (f"{place[0]}/{place[1]}", version)
            for place, version in self.store.at(_key(resource), revision).items()
            if (not namespace or place[0] == namespace) and matches(version.labels)
        ]
        found = sorted((item for item in found if item[0] > after), key=lambda item: item[0])
        page = found[:limit] if limit else found
        more = _make_token(revision, page[-1][0]) if len(page) < len(found) else ""
        return Listing([version for _, version in page], revision, more)

    def check_served(self, resource: Resource) -> None:
        if _key(resource) in self.unserved:
            raise answers.unknown_kind(resource)

    # --- writing

    def create(self, resource: Resource, namespace: str, body: Obj) -> Version:
        """POST to a collection."""
        self.check_served(resource)
        obj = self._decoded(resource, body)
        meta = obj["metadata"]
        self._place(resource, meta, namespace)
        if resource.namespaced:
            admission.check_namespace(resource, meta.get("name", ""), namespace, self.find)
        if meta.get("resourceVersion"):
            raise answers.internal("resourceVersion should not be set on objects to be created")
        obj["metadata"] = meta = self._system_fields(resource, meta)
        self._reset_status(resource, obj)
        defaults.apply(resource, obj)
        admission.admit(resource, obj, self.find, service_accounts=self.service_accounts)
        if resource == PODS:
            obj["status"]["qosClass"] = pods.quality(obj["spec"])
        self._prepare(resource, obj, None)
        rules.check_create(resource, obj)
        place = (namespace, meta["name"])
        if place in self.store.table(_key(resource)):
            raise answers.exists(resource, meta["name"])
        self._allocate(resource, obj, None)
        return self.store.put(_key(resource), place, obj)

    def post(self, resource: Resource, namespace: str, name: str, subresource: str, body: Obj) -> Obj:
        """POST to a subresource: binding, eviction, token."""
        self.check_served(resource)
        return post(self, resource, namespace, name, subresource, decode_any(encode(body)))

    def patch(self, resource: Resource, namespace: str, name: str, patch: Obj, subresource: str = "") -> Version:
        """A JSON merge patch. The same Version as before means that nothing had to change."""
        version = self.get(resource, namespace, name)
        old = version.obj
        new = self._decoded(resource, apply_merge_patch(old, patch))
        self._check_preconditions(resource, version, new["metadata"])
        self._keep_system_fields(old["metadata"], new["metadata"])
        new = self._admitted(resource, old, new, subresource)
        return self.replace(resource, version, new)

    def replace(self, resource: Resource, version: Version, obj: Obj) -> Version:
        """Write an object in the place of `version`, unless they are equal; an object that thereby is over, goes."""
        key, meta = _key(resource), version.metadata
        place = (meta.get("namespace", ""), meta["name"])
        if _without_version(obj) == _without_version(version.obj):
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

    def _decoded(self, resource: Resource, body: Obj) -> Made:
        obj: Made = decode_any(encode(body))
        if not isinstance(obj.get("metadata"), dict):
            obj["metadata"] = {}
        obj["metadata"] = shape.clean_meta(obj["metadata"])
        if shape.is_typed(resource):
            obj = shape.prune(obj)
            obj.setdefault("metadata", {})
        obj["apiVersion"], obj["kind"] = resource.api_version, resource.kind
        return obj

    def _place(self, resource: Resource, meta: Made, namespace: str) -> None:
        if meta.get("namespace", namespace) != namespace:
            raise answers.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if resource.namespaced:
            if not namespace:
                raise answers.bad_request("an empty namespace may not be set during creation")
            meta["namespace"] = namespace
        else:
            meta.pop("namespace", None)

    def _system_fields(self, resource: Resource, meta: Obj) -> Made:
        """The server's own part of new metadata: whatever the client says about it is lost."""
        kept = {key: value for key, value in meta.items() if key not in ("deletionTimestamp", "deletionGracePeriodSeconds")}
        if not kept.get("name") and kept.get("generateName"):
            kept["name"] = kept["generateName"][:58] + _suffix(self.next_serial())
        kept["name"] = kept.get("name", "")
        kept["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.name}/{self.next_serial()}"))
        kept["creationTimestamp"] = deletion.timestamp(self.now())
        if resource.plural not in WITHOUT_GENERATION:
            kept["generation"] = 1
        return kept

    def _reset_status(self, resource: Resource, obj: Made) -> None:
        if _key(resource) in self.with_status and resource != NODES:
            obj.pop("status", None)
        if resource == PODS:
            obj["status"] = {"phase": "Pending"}
        if resource == NAMESPACES:
            obj.setdefault("spec", {})["finalizers"] = ["kubernetes"]

    def _check_preconditions(self, resource: Resource, version: Version, meta: Obj) -> None:
        old = version.metadata
        if meta.get("uid", old["uid"]) != old["uid"]:
            raise answers.invalid(resource, old["name"], "metadata.uid", f'Invalid value: "{meta["uid"]}": field is immutable')
        if meta.get("resourceVersion", old["resourceVersion"]) != old["resourceVersion"]:
            raise answers.modified(resource, old["name"])
        if meta.get("name") != old["name"]:
            raise answers.bad_request(f"the name of the object ({meta.get('name')}) does not match the name on the URL ({old['name']})")
        if meta.get("namespace", "") != old.get("namespace", ""):
            raise answers.bad_request("the namespace of the object does not match the namespace on the URL")

    def _keep_system_fields(self, old: Obj, new: Made) -> None:
        new.pop("generation", None)
        for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp"):
            if field in old:
                new[field] = old[field]
        if "deletionGracePeriodSeconds" in old:
            new.setdefault("deletionGracePeriodSeconds", old["deletionGracePeriodSeconds"])

    def _admitted(self, resource: Resource, old: Obj, new: Made, subresource: str) -> Made:
        """The update as its endpoint lets it through."""
        if subresource == "status":
            if _key(resource) not in self.with_status:
                raise answers.unknown_kind(resource)
            kept = {**old, "metadata": new["metadata"]}
            if "status" in new:
                kept["status"] = new["status"]
            else:
                kept.pop("status", None)
            if resource == PODS:
                kept["status"] = {**kept.get("status", {}), "qosClass": kept.get("status", {}).get("qosClass", old["status"]["qosClass"])}
            defaults.apply_status(resource, kept)
            rules.check_update(resource, old, kept)
            return kept
        if subresource == "resize" and resource == PODS:
            defaults.apply(resource, new)
            return self._generation(resource, old, resize.resized(old, new, self.find))
        if subresource == "ephemeralcontainers" and resource == PODS:
            defaults.apply(resource, new)
            return self._generation(resource, old, pods.with_ephemeral(old, new))
        if subresource:
            raise answers.unknown_kind(resource)
        if _key(resource) in self.with_status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        defaults.apply(resource, new)
        admission.admit_update(resource, old, new, self.find)
        self._prepare(resource, new, old)
        rules.check_update(resource, old, new)
        self._allocate(resource, new, old)
        return self._generation(resource, old, new)

    def _prepare(self, resource: Resource, obj: Made, old: Obj | None) -> None:
        if resource == SERVICES and old is not None:
            services.inherit(obj, old)
        if resource == NAMESPACES and old is not None:
            obj["spec"] = old["spec"]

    def _allocate(self, resource: Resource, obj: Made, old: Obj | None) -> None:
        if resource != SERVICES:
            return
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        others = (version.obj for place, version in self.store.table(("", "services")).items() if place != (namespace, name))
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

    def _generation(self, resource: Resource, old: Obj, new: Made) -> Made:
        meta = new["metadata"]
        if "generation" in meta and _content(old) != _content(new):
            return {**new, "metadata": {**meta, "generation": meta["generation"] + 1}}
        return new


def _key(resource: Resource) -> TableKey:
    return resource.group, resource.plural


def _content(obj: Obj) -> Made:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _without_version(obj: Obj) -> Made:
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}}


def _suffix(number: int) -> str:
    digits = ""
    for _ in range(5):
        number, digit = divmod(number, len(_SUFFIX))
        digits = _SUFFIX[digit] + digits
    return digits


def _make_token(revision: int, last: str) -> str:
    return base64.urlsafe_b64encode(f"{revision} {last}".encode()).decode()


def _read_token(token: str) -> tuple[int, str]:
    try:
        revision, last = base64.urlsafe_b64decode(token).decode().split(" ", 1)
        return int(revision), last
    except (ValueError, binascii.Error):
        raise answers.bad_request("continue key is not valid") from None


__all__ = ["Listing", "Place", "Server"]
