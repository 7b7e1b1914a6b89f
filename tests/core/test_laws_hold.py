"""The built-in translators keep the published laws."""

from collections.abc import Mapping
from typing import Any

import pytest

from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, SECRETS, Ref, Resource
from syncer.core.settings import KindSettings, PolicySettings, TenantSettings
from syncer.core.stamp import MANAGED_BY, MANAGER, SOURCE_UID
from syncer.testing import Sample, check_laws, settings_for, stamped
from translators.catalog import BUILTIN

KINDS = {name: KindSettings(name=name) for name in ("pods", "services", "configmaps", "secrets", "namespaces", "nodes", "events")}
SETTINGS = settings_for("acme", kinds=KINDS, tenant=TenantSettings(name="acme", service_cidr=("10.96.0.0/16",)))
DEVICES = settings_for(
    kinds={"deviceclasses": KindSettings(name="deviceclasses", names=("gpu",))}, policy=PolicySettings(device_drivers=("gpu.example.com",))
)
SEEN = "2030-01-01T00:00:00Z"


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"namespace": "web", "name": name, **more}


def service(name: str, **spec: Any) -> Sample:
    plain = {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.9",
        "clusterIPs": ["10.96.0.9"],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "selector": {"app": "x"},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}],
    }
    body = {key: value for key, value in {**plain, **spec}.items() if value is not None}
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.9"}]}} if body["type"] == "LoadBalancer" else None
    return Sample(source={"metadata": meta(name), "spec": body, "status": {"loadBalancer": {}}}, settings=SETTINGS, host_status=status)


def with_node_port(number: int) -> list[dict[str, Any]]:
    return [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": number}]


HEADLESS = {"clusterIP": "None", "clusterIPs": ["None"]}
NAMELESS = dict.fromkeys(("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "selector", "ports"))
SERVICES = [
    service("front-svc"),
    service("node-svc", type="NodePort", externalTrafficPolicy="Cluster", ports=with_node_port(30001)),
    service("balanced-svc", type="LoadBalancer", externalTrafficPolicy="Cluster", allocateLoadBalancerNodePorts=True, ports=with_node_port(30002)),
    service("headless-svc", **HEADLESS),
    service("bare-svc", **HEADLESS, selector=None, ports=None),
    service("named-svc", type="ExternalName", externalName="example.com", **NAMELESS),
    service("elsewhere-svc", clusterIP="10.99.0.9", clusterIPs=["10.99.0.9"]),
]

NODE: Mapping[str, Any] = {
    "metadata": {"name": "n1", "labels": {"kubernetes.io/hostname": "n1"}},
    "spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]},
    "status": {
        "capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "addresses": [{"type": "InternalIP", "address": "192.0.2.3"}],
        "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": SEEN, "lastTransitionTime": SEEN}],
        "nodeInfo": {"kubeletVersion": "v1.36.0"},
    },
}


def pod_sample() -> Sample:
    """A pod with every common way to name a ConfigMap or a Secret."""
    container = {
        "name": "main",
        "image": "app:1",
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "resources": {},
        "envFrom": [{"configMapRef": {"name": "canary-cm"}}, {"secretRef": {"name": "canary-s"}}],
        "env": [
            {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "canary-cm", "key": "k"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "canary-s", "key": "k"}}},
        ],
    }
    volumes = [
        {"name": "c", "configMap": {"name": "canary-cm", "defaultMode": 420}},
        {"name": "s", "secret": {"secretName": "canary-s", "defaultMode": 420}},
        {"name": "p", "projected": {"defaultMode": 420, "sources": [{"configMap": {"name": "canary-cm"}}, {"secret": {"name": "canary-s"}}]}},
    ]
    sick = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    spec = {
        "nodeName": "n1",
        "containers": [container],
        "volumes": volumes,
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
        "securityContext": {},
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "automountServiceAccountToken": False,
        "priority": 0,
        "preemptionPolicy": "PreemptLowerPriority",
        "tolerations": [{"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300} for key in sick],
        "imagePullSecrets": [{"name": "canary-s"}],
    }
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": SEEN}
    ready = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": SEEN}
    running = {"name": "main", "image": "app:1", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {"startedAt": SEEN}}}
    return Sample(
        source={
            "metadata": meta("canary-pod", generation=1, labels={"app": "x"}),
            "spec": spec,
            "status": {"phase": "Pending", "qosClass": "BestEffort", "conditions": [scheduled]},
        },
        settings=SETTINGS,
        tenant={
            "configmaps": [{"metadata": meta("canary-cm"), "data": {"k": "v"}}],
            "secrets": [{"metadata": meta("canary-s"), "data": {"k": "dg=="}}],
            "services": [
                {"metadata": {"namespace": "kube-system", "name": "kube-dns"}, "spec": {"clusterIP": "10.96.0.10", "ports": [{"port": 53}]}},
                {"metadata": {"namespace": "default", "name": "kubernetes"}, "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443}]}},
            ],
            "nodes": [{**NODE, "metadata": {"name": "n1", "labels": {MANAGED_BY: MANAGER}, "annotations": {SOURCE_UID: "uid-of--n1"}}}],
        },
        host=around_pod,
        host_status={"phase": "Running", "podIP": "198.51.100.7", "hostIP": "192.0.2.3", "conditions": [ready], "containerStatuses": [running]},
        keeps_names_in=("spec.hostname",),
        divided=("status.conditions",),
    )


def around_pod(names: Names) -> dict[str, list[Mapping[str, Any]]]:
    host = names.namespace("web")

    def our_copy(kind: Resource, name: str) -> dict[str, Any]:
        obj = {"metadata": {"namespace": host, "name": names.name(kind, "web", name)}}
        return stamped(obj, tenant="acme", translator=kind.plural, source=Ref(kind.plural, "web", name))

    return {
        "configmaps": [our_copy(CONFIGMAPS, "canary-cm")],
        "secrets": [our_copy(SECRETS, "canary-s")],
        "nodes": [NODE],
        "serviceaccounts": [{"metadata": {"namespace": host, "name": "kled-workload"}}],
    }


EVENT = {
    "metadata": {"namespace": "acme-web", "name": "e.1"},
    "involvedObject": {"kind": "Pod", "apiVersion": "v1", "namespace": "acme-web", "name": "p", "uid": "uid-of-acme-web-p"},
    "reason": "Pulled",
    "message": "pulled the image of p",
    "type": "Normal",
    "source": {"component": "kubelet", "host": "n1"},
    "reportingComponent": "kubelet",
    "reportingInstance": "n1",
}
ABOUT = stamped({"metadata": {"namespace": "acme-web", "name": "p"}, "spec": {}}, tenant="acme", translator="pods", source=Ref("pods", "web", "p"))

SAMPLES: dict[str, list[Sample]] = {
    "configmaps": [
        Sample(source={"metadata": meta("canary-cm", labels={"a": "b"}, annotations={"n": "1"}), "data": {"k": "v"}}),
        Sample(source={"metadata": meta("sealed-cm"), "data": {"k": "v"}, "immutable": True}),
    ],
    "secrets": [
        Sample(source={"metadata": meta("canary-s"), "data": {"k": "dg=="}, "type": "Opaque"}),
        Sample(source={"metadata": meta("tls-s"), "data": {"tls.crt": "", "tls.key": ""}, "type": "kubernetes.io/tls"}),
    ],
    "services": SERVICES,
    "namespaces": [Sample(source={"metadata": {"name": "web", "labels": {"kubernetes.io/metadata.name": "web", "a": "b"}}})],
    "nodes": [Sample(source=NODE)],
    "pods": [pod_sample()],
    "serviceaccounts": [
        Sample(
            source={"metadata": {**meta("sa"), "annotations": {"a.io/role": "acme"}}},
            settings=settings_for(policy=PolicySettings(service_account_annotations=(("a.io/role", "acme"),))),
        )
    ],
    "priorityclasses": [
        Sample(
            source={"metadata": {"name": "low"}, "value": -1, "preemptionPolicy": "Never", "globalDefault": True},
            settings=settings_for(kinds={"priorityclasses": KindSettings(name="priorityclasses", names=("*",))}),
        )
    ],
    "runtimeclasses": [
        Sample(
            source={
                "metadata": {"name": "sandbox"},
                "handler": "runsc",
                "overhead": {"podFixed": {"cpu": "250m"}},
                "scheduling": {"nodeSelector": {"topology.kubernetes.io/zone": "z1", "x": "y"}, "tolerations": [{"key": "x", "operator": "Exists"}]},
            },
            settings=settings_for(kinds={"runtimeclasses": KindSettings(name="runtimeclasses", names=("*",))}),
        )
    ],
    "resourceclaims": [
        Sample(
            source={
                "metadata": meta("trainer"),
                "spec": {"devices": {"requests": [{"name": "one", "exactly": {"deviceClassName": "gpu", "count": 1}}]}},
            },
            settings=DEVICES,
            host={"deviceclasses": [{"metadata": {"name": "gpu"}}]},
        )
    ],
    "deviceclasses": [
        Sample(
            source={"metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": "true"}}], "config": [{"opaque": {}}]}},
            settings=DEVICES,
        )
    ],
    "resourceslices": [
        Sample(
            source={"metadata": {"name": "gpus"}, "spec": {"driver": "gpu.example.com", "nodeName": "node-0", "pool": {"name": "p"}, "devices": []}},
            settings=DEVICES,
            host={"nodes": [{"metadata": {"name": "node-0", "uid": "h"}}]},
            tenant={
                "nodes": [{"metadata": {"name": "node-0", "uid": "t", "labels": {MANAGED_BY: MANAGER}, "annotations": {SOURCE_UID: "h"}}}],
            },
        )
    ],
    "poddisruptionbudgets": [
        Sample(source={"metadata": meta("pdb"), "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "a"}}}}),
        Sample(
            source={
                "metadata": {**meta("share"), "generation": 1},
                "spec": {"maxUnavailable": "20%", "selector": {}, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
                "status": {"observedGeneration": 1, "desiredHealthy": 4},
            }
        ),
    ],
    "events": [Sample(source=EVENT, host={"pods": [ABOUT], "nodes": [NODE]}, tenant={"pods": [{"metadata": meta("p")}]})],
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_laws_hold(name: str) -> None:
    translator = next(translator for translator in BUILTIN if translator.name == name)
    check_laws(translator, SAMPLES[name])
