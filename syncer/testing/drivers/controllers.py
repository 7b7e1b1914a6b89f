"""The parts of kube-controller-manager that the syncer's world depends on, each a step that a test takes when it likes, or late, or never."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core.objects import CONFIGMAPS, NAMESPACES, PERSISTENTVOLUMECLAIMS, PODS, SERVICEACCOUNTS, Resource
from syncer.testing.apiserver import SimulatedCluster
from syncer.testing.apiserver.admission import IN_USE
from syncer.testing.apiserver.store import TableKey

Obj = Mapping[str, Any]

USER = "system:kube-controller-manager"
ROOT_CA = "kube-root-ca.crt"


class NamespaceController:
    """Empties namespaces that are being deleted, then lets them go. Pods get their grace period, so that may take several steps."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def step(self) -> int:
        leaving = [obj["metadata"]["name"] for obj in self._cluster.all(NAMESPACES) if obj["metadata"].get("deletionTimestamp")]
        return sum(self._empty(name) for name in leaving)

    def _empty(self, namespace: str) -> int:
        done = 0
        contents = [(resource, obj) for resource, obj in objects(self._cluster) if obj["metadata"].get("namespace") == namespace]
        for resource, obj in contents:
            meta = obj["metadata"]
            if not meta.get("deletionTimestamp"):
                self._cluster.remove(resource, namespace, meta["name"], user=USER)
                done += 1
        if not any(obj["metadata"].get("namespace") == namespace for _, obj in objects(self._cluster)):
            self._finalize(namespace)
            done += 1
        return done

    def _finalize(self, namespace: str) -> None:
        version = self._cluster.server.get(NAMESPACES, "", namespace)
        emptied = {**version.obj, "spec": {key: value for key, value in version.obj["spec"].items() if key != "finalizers"}}
        self._cluster.server.replace(NAMESPACES, version, emptied)


class GarbageCollector:
    """Deletes what all owners of are gone. Owners are told by uid, so that one made anew under the same name does not count."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def step(self) -> int:
        found = list(objects(self._cluster))
        uids = {obj["metadata"]["uid"] for _, obj in found}
        orphans = [(resource, obj["metadata"]) for resource, obj in found if _orphaned(obj, uids)]
        for resource, meta in orphans:
            self._cluster.remove(resource, meta.get("namespace", ""), meta["name"], uid=meta["uid"], user=USER)
        return len(orphans)


def _orphaned(obj: Obj, uids: set[str]) -> bool:
    owners = obj["metadata"].get("ownerReferences") or []
    return bool(owners) and not obj["metadata"].get("deletionTimestamp") and not any(owner["uid"] in uids for owner in owners)


class NamespaceContents:
    """What controllers put into every namespace: the `default` service account and the root certificate."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def step(self) -> int:
        names = [obj["metadata"]["name"] for obj in self._cluster.all(NAMESPACES) if not obj["metadata"].get("deletionTimestamp")]
        return sum(self._fill(name) for name in names)

    def _fill(self, namespace: str) -> int:
        wanted: list[tuple[Resource, Obj]] = [
            (SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": namespace}}),
            (CONFIGMAPS, {"metadata": {"name": ROOT_CA, "namespace": namespace}, "data": {"ca.crt": f"certificate of {self._cluster.server.name}"}}),
        ]
        missing = [(resource, obj) for resource, obj in wanted if self._cluster.find(resource, namespace, obj["metadata"]["name"]) is None]
        for resource, obj in missing:
            self._cluster.put(resource, obj, user=USER)
        return len(missing)


class ClaimProtection:
    """Lets a deleted claim go once no pod uses it."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self._cluster = cluster

    def step(self) -> int:
        used = {(pod["metadata"]["namespace"], claim) for pod in self._cluster.all(PODS) for claim in _claims(pod)}
        free = [
            claim["metadata"]
            for claim in self._cluster.all(PERSISTENTVOLUMECLAIMS)
            if claim["metadata"].get("deletionTimestamp") and (claim["metadata"]["namespace"], claim["metadata"]["name"]) not in used
        ]
        protected = [meta for meta in free if IN_USE in (meta.get("finalizers") or ())]
        for meta in protected:
            left = [item for item in meta["finalizers"] if item != IN_USE]
            self._cluster.edit(PERSISTENTVOLUMECLAIMS, meta["namespace"], meta["name"], {"metadata": {"finalizers": left or None}}, user=USER)
        return len(protected)


def _claims(pod: Obj) -> Iterator[str]:
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"]


class Controllers:
    """All of them. `settle` goes on until none finds anything to do."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.namespaces = NamespaceController(cluster)
        self.garbage = GarbageCollector(cluster)
        self.contents = NamespaceContents(cluster)
        self.claims = ClaimProtection(cluster)

    def step(self) -> int:
        return self.contents.step() + self.garbage.step() + self.claims.step() + self.namespaces.step()


def objects(cluster: SimulatedCluster) -> Iterator[tuple[Resource, Obj]]:
    """Everything there is, in a fixed order."""
    for key in sorted(cluster.server.store.tables):
        for _, version in sorted(cluster.server.store.table(key).items()):
            yield _resource(key, version.obj), version.obj


def _resource(key: TableKey, obj: Obj) -> Resource:
    group, plural = key
    version = obj["apiVersion"].rsplit("/", 1)[-1]
    return Resource(group, version, plural, obj["kind"], namespaced="namespace" in obj["metadata"])
