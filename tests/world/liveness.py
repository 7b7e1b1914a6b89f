"""What must hold at rest, from the two stores alone: nothing here asks the syncer what it thinks.

Expectations are worked out anew, in the plainest way, from the tenant's objects: which of them belong on the host, and how they look there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import CONFIGMAPS, NAMESPACES, NODES, PODS, SECRETS, SERVICES, Ref, Resource
from tests.world.safety import OVER, stamp_of
from tests.world.world import TENANT, World
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

Obj = Mapping[str, Any]
KINDS: Mapping[str, Resource] = {kind.plural: kind for kind in (NAMESPACES, PODS, SERVICES, CONFIGMAPS, SECRETS)}


class Liveness:
    def __init__(self, world: World) -> None:
        self._world = world
        self._tenant, self._host = world.tenant, world.host
        self.broken: list[str] = []

    def check(self) -> None:
        self._no_leaks()
        self._names_agree()
        for name in self._open_namespaces():
            self._contents(CONFIGMAPS, name)
            self._contents(SECRETS, name)
            self._services(name)
            self._pods(name)
        self._namespaces()
        self._nodes()
        for syncer in self._world.alive:
            if not any(self._world.faults.expected_poison) and syncer.measures.unreadable:
                self.broken.append(f"{syncer.user} could not translate something")
        assert not self.broken, "\n".join(self.broken)

    # --- both ways

    def _no_leaks(self) -> None:
        """L3, L4: whatever carries our stamp stands for a tenant object that is there, and is the same one."""
        for resource in KINDS.values():
            for obj in self._host.all(resource):
                stamp = stamp_of(obj)
                if stamp is None:
                    continue
                source = PODS if stamp.translator == "pod-tokens" else resource
                found = self._tenant.find(source, stamp.namespace, stamp.name)
                if found is None or found["metadata"]["uid"] != stamp.uid:
                    self.broken.append(f"L4 {_told(resource, obj)} stands for nothing ({stamp.namespace}/{stamp.name}, {stamp.uid})")
                elif resource in (CONFIGMAPS, SECRETS) and stamp.translator != "pod-tokens" and not self._is_used(resource, found):
                    self.broken.append(f"L4 {_told(resource, obj)} is used by nobody")

    def _names_agree(self) -> None:
        """S5: one source, one copy, under the name that the mapping gives it."""
        seen: dict[tuple[str, str, str, str], str] = {}
        for resource in KINDS.values():
            for obj in self._host.all(resource):
                stamp = stamp_of(obj)
                if stamp is None:
                    continue
                identity = (stamp.translator, stamp.namespace, stamp.name, resource.plural)
                if identity in seen:
                    self.broken.append(f"S5 two copies of {identity}: {seen[identity]} and {obj['metadata']['name']}")
                seen[identity] = obj["metadata"]["name"]
                if stamp.translator in KINDS and stamp.translator != "namespaces":
                    wanted = self._world.names.name(resource, stamp.namespace, stamp.name)
                    if obj["metadata"]["name"] != wanted or obj["metadata"]["namespace"] != self._world.names.namespace(stamp.namespace):
                        self.broken.append(f"S5 {_told(resource, obj)} should be called {wanted}")

    # --- namespaces and nodes

    def _open_namespaces(self) -> Iterator[str]:
        """Tenant namespaces that live and whose host namespace is ours."""
        for obj in self._tenant.all(NAMESPACES):
            name = obj["metadata"]["name"]
            target = self._world.names.namespace(name)
            if target is None or obj["metadata"].get("deletionTimestamp"):
                continue
            there = self._host.find(NAMESPACES, "", target)
            if there is not None and (there["metadata"].get("labels") or {}).get(stamps.TENANT) == TENANT:
                yield name

    def _namespaces(self) -> None:
        for obj in self._tenant.all(NAMESPACES):
            name = obj["metadata"]["name"]
            target = self._world.names.namespace(name)
            if target is None:
                continue
            there = self._host.find(NAMESPACES, "", target)
            if obj["metadata"].get("deletionTimestamp"):
                self.broken.append(f"tenant namespace {name} does not end")
            elif there is None or there["metadata"].get("deletionTimestamp"):
                self.broken.append(f"L1 namespace {name} has no host namespace {target}")
            elif there["metadata"].get("labels", {}).get(stamps.TENANT) == TENANT:
                self._prepared(target)

    def _prepared(self, namespace: str) -> None:
        """Where nothing of ours is, nobody looks; what is missing is made when it is needed."""
        if not any(obj["metadata"].get("namespace") == namespace and stamp_of(obj) for kind in KINDS.values() for obj in self._host.all(kind)):
            return
        accounts = Resource("", "v1", "serviceaccounts", "ServiceAccount")
        if self._host.find(accounts, namespace, WORKLOAD_SERVICE_ACCOUNT) is None:
            self.broken.append(f"host namespace {namespace} has no workload account")

    def _nodes(self) -> None:
        host = {node["metadata"]["name"] for node in self._host.all(NODES)}
        shown = {node["metadata"]["name"] for node in self._tenant.all(NODES) if _is_managed(node)}
        if host != shown:
            self.broken.append(f"L1 nodes {sorted(host)} are shown as {sorted(shown)}")

    # --- ConfigMaps and Secrets

    def _contents(self, resource: Resource, namespace: str) -> None:
        for obj in self._tenant.all(resource, namespace):
            if not self._is_used(resource, obj):
                continue
            copy = self._copy(resource, obj)
            if copy is None:
                if not self._is_taken(resource, obj):
                    self.broken.append(f"L1 {_told(resource, obj)} has no copy")
            elif (copy.get("data") or {}) != (obj.get("data") or {}) or not _labels_agree(obj, copy):
                self.broken.append(f"L1 {_told(resource, obj)} differs: {obj} {copy}")

    def _is_used(self, resource: Resource, obj: Obj) -> bool:
        if self._world.variant.select == "all":
            return True
        meta = obj["metadata"]
        pods = self._tenant.all(PODS, meta["namespace"])
        return any((resource.plural, meta["name"]) in references(pod) for pod in pods if not _is_over(pod))

    # --- services

    def _services(self, namespace: str) -> None:
        for obj in self._tenant.all(SERVICES, namespace):
            if (namespace, obj["metadata"]["name"]) == ("default", "kubernetes"):
                continue
            copy = self._copy(SERVICES, obj)
            if copy is None:
                if not self._is_taken(SERVICES, obj) and not self._address_is_taken(obj):
                    self.broken.append(f"L1 {_told(SERVICES, obj)} has no copy")
                continue
            mine, theirs = obj["spec"], copy["spec"]
            if [port["port"] for port in mine["ports"]] != [port["port"] for port in theirs["ports"]]:
                self.broken.append(f"L1 {_told(SERVICES, obj)} differs in its ports: {mine} {theirs}")
            selector = {**mine["selector"], stamps.TENANT: TENANT, stamps.NAMESPACE: namespace}
            if theirs.get("selector") != selector:
                self.broken.append(f"L1 {_told(SERVICES, obj)} selects {theirs.get('selector')}")
            if mine.get("clusterIP") != theirs.get("clusterIP") and "kled.io/tenant-ip" not in (copy["metadata"].get("annotations") or {}):
                self.broken.append(f"L1 {_told(SERVICES, obj)} is at {mine.get('clusterIP')}, its copy at {theirs.get('clusterIP')}")

    def _address_is_taken(self, obj: Obj) -> bool:
        return any(other["spec"].get("clusterIP") == obj["spec"].get("clusterIP") for other in self._host.all(SERVICES))

    # --- pods

    def _pods(self, namespace: str) -> None:
        for pod in self._tenant.all(PODS, namespace):
            copy = self._copy(PODS, pod)
            if pod["metadata"].get("deletionTimestamp"):
                self.broken.append(f"tenant pod {_told(PODS, pod)} does not end")
            elif copy is not None:
                self._alike(pod, copy)
            elif self._is_eligible(pod):
                self.broken.append(f"L1 {_told(PODS, pod)} has no host pod")
            elif _is_placed(pod) and not _is_over(pod):
                self.broken.append(f"L6 {_told(PODS, pod)} lost its host pod and is still there")

    def _alike(self, pod: Obj, copy: Obj) -> None:
        """L5: status up, image and labels down."""
        told = _told(PODS, pod)
        if pod["spec"]["containers"][0]["image"] != copy["spec"]["containers"][0]["image"]:
            self.broken.append(f"L1 {told} runs another image")
        if not _labels_agree(pod, copy):
            self.broken.append(f"L1 {told} has other labels: {pod['metadata'].get('labels')} {copy['metadata'].get('labels')}")
        if self._tenant_ended_it(pod):
            return
        if pod["status"].get("phase") != copy["status"].get("phase"):
            self.broken.append(f"L5 {told} shows {pod['status'].get('phase')}, its host pod is {copy['status'].get('phase')}")
        for field in ("podIP", "containerStatuses", "startTime"):
            if pod["status"].get(field) != copy["status"].get(field):
                self.broken.append(f"L5 {told} shows another {field}")

    def _tenant_ended_it(self, pod: Obj) -> bool:
        """A user who says of a pod that it has ended is believed, at their own cost."""
        ended = (
            request
            for request in self._tenant.log
            if request.user == "tenant-user" and request.subresource == "status" and request.after is not None and _is_over(request.after)
        )
        return any((request.after or {})["metadata"]["uid"] == pod["metadata"]["uid"] for request in ended)

    def _is_eligible(self, pod: Obj) -> bool:
        """Whether nothing stands in the way of a host pod."""
        namespace = pod["metadata"]["namespace"]
        if not pod["spec"].get("nodeName") or _is_over(pod) or _is_placed(pod) or self._is_taken(PODS, pod):
            return False
        for plural, name in references(pod):
            resource = KINDS[plural]
            source = self._tenant.find(resource, namespace, name)
            here = self._host.find(resource, self._world.names.namespace(namespace) or "", self._world.names.name(resource, namespace, name))
            if source is None and not ((plural, name) in optional_references(pod) and here is None):
                return False
            if source is not None and self._copy(resource, source) is None:
                return False
        return self._token_secret_is_free(pod)

    def _token_secret_is_free(self, pod: Obj) -> bool:
        meta = pod["metadata"]
        name = self._world.names.derived(SECRETS, meta["namespace"], meta["name"], "tokens")
        there = self._host.find(SECRETS, self._world.names.namespace(meta["namespace"]) or "", name)
        return there is not None and stamp_of(there) is not None

    # --- where things are

    def _copy(self, resource: Resource, obj: Obj) -> Obj | None:
        """The host object that carries this object's stamp."""
        ref = self._place(resource, obj)
        there = self._host.find(resource, ref.namespace, ref.name)
        stamp = stamp_of(there) if there is not None else None
        meta = obj["metadata"]
        return there if stamp is not None and (stamp.namespace, stamp.name, stamp.uid) == (meta["namespace"], meta["name"], meta["uid"]) else None

    def _is_taken(self, resource: Resource, obj: Obj) -> bool:
        """Whether somebody else's object is in its place."""
        ref = self._place(resource, obj)
        there = self._host.find(resource, ref.namespace, ref.name)
        return there is not None and stamp_of(there) is None

    def _place(self, resource: Resource, obj: Obj) -> Ref:
        meta = obj["metadata"]
        return Ref(
            resource.plural, self._world.names.namespace(meta["namespace"]) or "", self._world.names.name(resource, meta["namespace"], meta["name"])
        )


def references(pod: Obj) -> set[tuple[str, str]]:
    """(plural, name) of what the pod uses, read off the three ways in which the pods of the histories use something."""
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        if "secret" in volume:
            found.add(("secrets", volume["secret"]["secretName"]))
        for part in (volume.get("projected") or {}).get("sources") or ():
            if "configMap" in part:
                found.add(("configmaps", part["configMap"]["name"]))
    for source in pod["spec"]["containers"][0].get("envFrom") or ():
        found.add(("configmaps", source["configMapRef"]["name"]))
    return found


def optional_references(pod: Obj) -> set[tuple[str, str]]:
    sources = [item["configMapRef"] for item in pod["spec"]["containers"][0].get("envFrom") or ()]
    required = {item["name"] for item in sources if not item.get("optional")}
    return {("configmaps", item["name"]) for item in sources if item.get("optional") and item["name"] not in required}


def _labels_agree(source: Obj, copy: Obj) -> bool:
    """All of the source's labels, and beside ours those of third parties only."""
    mine, theirs = source["metadata"].get("labels") or {}, copy["metadata"].get("labels") or {}
    crossing = {key: value for key, value in mine.items() if not key.startswith(stamps.PREFIX)}
    lost = any(theirs.get(key) != value for key, value in crossing.items())
    return not lost and not any(key.startswith("user-") and key not in mine for key in theirs)


def _is_over(pod: Obj) -> bool:
    return pod["status"].get("phase") in OVER


def _is_placed(pod: Obj) -> bool:
    status = pod["status"]
    marks = (item for item in status.get("conditions") or () if item["type"] == "kled.io/Placed" and item["status"] == "True")
    return bool(status.get("startTime") or status.get("containerStatuses")) or any(marks)


def _is_managed(node: Obj) -> bool:
    return (node["metadata"].get("labels") or {}).get(stamps.MANAGED_BY) == stamps.MANAGER


def _told(resource: Resource, obj: Obj) -> str:
    meta = obj["metadata"]
    return f"{resource.kind} {meta.get('namespace', '')}/{meta['name']}".replace(" /", " ")
