"""A small tenant and its host, as a view; pods as their API server gives them out; and the rounds that the engine would make."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.actions import Action, Create, Patch
from syncer.core.decide import Case, decide
from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, PERSISTENTVOLUMECLAIMS, SECRETS, Obj, Ref, Side
from syncer.core.project import apply_merge_patch
from syncer.core.settings import HostSettings, KindSettings, NamespaceMapping, NodeSettings, PolicySettings, Settings, TenantSettings
from syncer.core.translator import ListNeed, Need, ObjectNeed, TokenNeed, Translator
from syncer.testing.view import FakeView, names_for
from translators.pods import PODS
from translators.pods.refs import references
from translators.pods.tokens import secret_name
from translators.workload import WORKLOAD_SERVICE_ACCOUNT

KINDS = ("pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "namespaces", "nodes", "events")
NODE = "node-1"
PATTERN = NamespaceMapping(pattern="acme-{namespace}")
SHARED = NamespaceMapping(shared="acme-all")
TOLERATIONS = [
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
]


def settings(
    mapping: NamespaceMapping = PATTERN,
    *,
    kinds: Iterable[str] = KINDS,
    policy: PolicySettings | None = None,
    nodes: NodeSettings | None = None,
    host: Mapping[str, Any] | None = None,
    tenant: Mapping[str, Any] | None = None,
) -> Settings:
    return Settings(
        tenant=TenantSettings(**{"name": "acme", **(tenant or {})}),
        host=HostSettings(**{"namespace": "kled-acme", **(host or {})}),
        mapping=mapping,
        kinds={kind: KindSettings(name=kind) for kind in kinds},
        policy=policy or PolicySettings(),
        nodes=nodes or NodeSettings(),
    )


def service(namespace: str, name: str, address: str, *ports: tuple[str, int, str]) -> dict[str, Any]:
    listed = [{"name": port_name, "port": port, "protocol": protocol} for port_name, port, protocol in ports]
    return {"metadata": {"namespace": namespace, "name": name, "uid": f"svc-{name}"}, "spec": {"clusterIP": address, "ports": listed}}


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"ns-{name}", "labels": {"kubernetes.io/metadata.name": name, **labels}}}


def obj(namespace: str, name: str, **content: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}"}, **content}


TENANT: dict[str, list[dict[str, Any]]] = {
    "services": [
        service("default", "kubernetes", "10.96.0.1", ("https", 443, "TCP")),
        service("kube-system", "kube-dns", "10.96.0.10", ("dns", 53, "UDP")),
    ],
    "namespaces": [namespace("web", team="red"), namespace("db", team="red"), namespace("ops", team="blue")],
    "nodes": [{"metadata": {"name": NODE, "uid": "t-1", "labels": {stamps.MANAGED_BY: stamps.MANAGER}, "annotations": {stamps.SOURCE_UID: "h-1"}}}],
    "configmaps": [obj("web", "kube-root-ca.crt", data={"ca.crt": "x"}), obj("web", "settings", data={"COLOR": "red", "SIZE": "9"})],
    "secrets": [obj("web", "password", data={"pw": "eA=="}), obj("web", "registry", data={})],
    "persistentvolumeclaims": [obj("web", "disk")],
}
HOST: dict[str, list[dict[str, Any]]] = {
    "nodes": [{"metadata": {"name": NODE, "uid": "h-1", "labels": {"kubernetes.io/hostname": NODE, "topology.kubernetes.io/zone": "z1"}}}],
}
_RESOURCES = {kind.plural: kind for kind in (CONFIGMAPS, SECRETS, PERSISTENTVOLUMECLAIMS)}


def pod(spec: Mapping[str, Any] | None = None, *, volumes: Sequence[Mapping[str, Any]] = (), **metadata: Any) -> dict[str, Any]:
    """A scheduled pod as an API server of 1.36 stores it, with the token volume of automounting."""
    token_volume = {
        "name": "kube-api-access-x1y2z",
        "projected": {
            "defaultMode": 420,
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
            ],
        },
    }
    base: dict[str, Any] = {
        "volumes": [token_volume, *volumes],
        "containers": [container()],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "nodeName": NODE,
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": copy.deepcopy(TOLERATIONS),
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }
    meta = {"name": "app-0", "namespace": "web", "uid": "p-1", "resourceVersion": "7", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:01Z"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**meta, "labels": {"app": "shop"}, **metadata},
        "spec": {key: value for key, value in {**base, **(spec or {})}.items() if value is not None},
        "status": {"phase": "Pending", "qosClass": "BestEffort", "conditions": [scheduled]},
    }


def container(name: str = "main", **fields: Any) -> dict[str, Any]:
    mount = {"name": "kube-api-access-x1y2z", "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    base = {
        "name": name,
        "image": "example.org/app:1",
        "resources": {},
        "volumeMounts": [mount],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    return {**base, **fields}


class PodView(FakeView):
    """The small world, with everything in place that a pod refers to; and a memory of what was asked."""

    def __init__(
        self,
        made: Settings | None = None,
        *,
        tenant: Mapping[str, Iterable[Obj]] | None = None,
        host: Mapping[str, Iterable[Obj]] | None = None,
        counterpart: Obj | None = None,
        tokens: Mapping[TokenNeed, str] | None = None,
        foreign: Iterable[Ref] = (),
    ) -> None:
        self.asked: set[tuple[Any, ...]] = set()
        made = made or settings()
        super().__init__(made, tenant=tenant, host=host, counterpart=counterpart, tokens=tokens, foreign=foreign)

    def get(self, need: ObjectNeed) -> Obj | None:
        self.asked.add((need.side, need.ref))
        return super().get(need)

    def list(self, need: ListNeed) -> Sequence[Obj]:
        self.asked.add((need.side, need.plural, need.namespace))
        return super().list(need)

    def token(self, need: TokenNeed) -> str | None:
        self.asked.add(need)
        return super().token(need)

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        self.asked.add((Side.HOST, ref))
        return super().is_ours(ref, source)


def declared(needs: Iterable[Need]) -> set[tuple[Any, ...]]:
    """Needs in the form in which `PodView` remembers what it was asked."""
    found: set[tuple[Any, ...]] = set()
    for need in needs:
        if isinstance(need, ObjectNeed):
            found.add((need.side, need.ref))
        elif isinstance(need, ListNeed):
            found.add((need.side, need.plural, need.namespace))
        else:
            found.add(need)
    return found


def stamped(names: Names, plural: str, name: str, source: Ref, uid: str, **content: Any) -> dict[str, Any]:
    """A host object of ours in the host namespace of its source."""
    stamp = stamps.Stamp(names.tenant, plural, source.namespace, source.name, uid)
    meta = {"name": name, "namespace": names.namespace(source.namespace), "uid": f"h-{name}"}
    return {"metadata": {**meta, "labels": stamps.labels(stamp), "annotations": stamps.annotations(stamp)}, **content}


def view_for(
    tenant_pod: Obj,
    made: Settings | None = None,
    *,
    tenant: Mapping[str, Iterable[Obj]] | None = None,
    host: Mapping[str, Iterable[Obj]] | None = None,
    without: Iterable[str] = (),
    counterpart: Obj | None = None,
    foreign: Iterable[Ref] = (),
) -> PodView:
    """Everything that this pod needs is on the host, except host objects of the kinds in `without` (`serviceaccounts`, `secrets`, …)."""
    made = made or settings()
    names, meta = names_for(made), tenant_pod["metadata"]
    host_namespace = names.namespace(meta["namespace"])
    there: dict[str, list[Obj]] = {kind: list(items) for kind, items in HOST.items()}
    there["serviceaccounts"] = [{"metadata": {"name": WORKLOAD_SERVICE_ACCOUNT, "namespace": host_namespace}}]
    tokens = secret_name(names, meta["namespace"], meta["name"])
    source = Ref("pods", meta["namespace"], meta["name"])
    there.setdefault("secrets", []).append(stamped(names, "pod-tokens", tokens, source, meta["uid"]))
    here: dict[str, list[Obj]] = {
        kind: [*items, *(tenant or {}).get(kind, ())] for kind, items in {**TENANT, **{k: [] for k in tenant or {} if k not in TENANT}}.items()
    }
    held = {Ref(kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]) for kind, items in here.items() for item in items}
    for reference in references(tenant_pod):
        ref = Ref(reference.resource.plural, meta["namespace"], reference.name)
        if ref in held:
            there.setdefault(ref.plural, []).append(
                stamped(names, ref.plural, names.name(reference.resource, ref.namespace, ref.name), ref, f"uid-{ref.name}")
            )
    for kind, items in (host or {}).items():
        there.setdefault(kind, []).extend(items)
    for kind in without:
        there.pop(kind, None)
    return PodView(made, tenant=here, host=there, counterpart=counterpart, foreign=foreign)


def case(tenant_pod: Obj, view: FakeView, host_pod: Obj | None = None, translator: Translator = PODS) -> Case:
    meta, names = tenant_pod["metadata"], view.names
    host_namespace = names.namespace(meta["namespace"])
    assert host_namespace is not None
    view.counterpart = host_pod
    target = Ref("pods", host_namespace, names.name(PODS.source, meta["namespace"], meta["name"]))
    source = Ref("pods", meta["namespace"], meta["name"])
    return Case(translator=translator, source_ref=source, target_ref=target, source=tenant_pod, target=host_pod, view=view)


def plan(tenant_pod: Obj, view: FakeView, host_pod: Obj | None = None) -> tuple[Action, ...]:
    return decide(case(tenant_pod, view, host_pod))


def created(tenant_pod: Obj, view: FakeView) -> dict[str, Any]:
    """The host pod as the host's API server stores it after the Create."""
    actions = plan(tenant_pod, view)
    made = next((action for action in actions if isinstance(action, Create)), None)
    assert made is not None, actions
    body = copy.deepcopy(dict(made.body))
    body["metadata"].update(uid="h-p-1", resourceVersion="11", generation=1, creationTimestamp="2026-01-01T00:00:02Z")
    body["status"] = {"phase": "Pending", "qosClass": "BestEffort"}
    return body


def patches(actions: Iterable[Action], side: Side) -> dict[str, Mapping[str, Any]]:
    """What is patched on one side, by subresource."""
    return {action.subresource: action.patch for action in actions if isinstance(action, Patch) and action.side is side}


def patched(found: Obj, actions: Iterable[Action], side: Side) -> dict[str, Any]:
    made: Any = found
    for patch in patches(actions, side).values():
        made = apply_merge_patch(made, patch)
    return dict(made)


def with_status(found: Obj, status: Mapping[str, Any]) -> dict[str, Any]:
    return {**found, "status": {**(found.get("status") or {}), **status}}


def running(host_pod: Obj, **more: Any) -> dict[str, Any]:
    """The host pod after its kubelet has started it."""
    ready = [
        {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": "2026-01-01T00:00:04Z", "observedGeneration": 1}
        for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    statuses = [
        {
            "name": item["name"],
            "ready": True,
            "started": True,
            "restartCount": 0,
            "image": item["image"],
            "imageID": "sha256:1",
            "containerID": f"containerd://{item['name']}",
            "lastState": {},
            "state": {"running": {"startedAt": "2026-01-01T00:00:04Z"}},
        }
        for item in host_pod["spec"]["containers"]
    ]
    status = {
        "phase": "Running",
        "conditions": ready,
        "containerStatuses": statuses,
        "hostIP": "192.0.2.1",
        "hostIPs": [{"ip": "192.0.2.1"}],
        "podIP": "10.1.0.7",
        "podIPs": [{"ip": "10.1.0.7"}],
        "startTime": "2026-01-01T00:00:03Z",
        "observedGeneration": 1,
        "qosClass": "BestEffort",
    }
    return with_status(host_pod, {**status, **more})


def on_nodes(made: Settings, **fields: Any) -> Settings:
    return replace(made, nodes=NodeSettings(**fields))
