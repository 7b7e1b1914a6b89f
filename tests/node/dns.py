"""The tenant's DNS: CoreDNS as an ordinary workload of the tenant, talking to the tenant's API server with its own service account."""

from __future__ import annotations

from tests.e2e.stage import Obj, Place, World, eventually, is_ready
from tests.node.inside import DNS_ADDRESS
from tools.nodes.images import reference

SPACE = "kube-system"
COREFILE = """\
.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa {
        pods verified
        ttl 1
    }
    cache 1
}
"""
RULES = [
    {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]


def install(world: World) -> None:
    """Everything it needs, made in the tenant; returns when it answers."""
    tenant, place = world.tenant, Place(world, SPACE, world.host_name(SPACE))
    tenant.create("serviceaccounts", SPACE, {"metadata": {"name": "coredns"}})
    tenant.create("clusterroles", "", {"metadata": {"name": "coredns"}, "rules": RULES})
    tenant.create(
        "clusterrolebindings",
        "",
        {
            "metadata": {"name": "coredns"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "coredns"},
            "subjects": [{"kind": "ServiceAccount", "name": "coredns", "namespace": SPACE}],
        },
    )
    tenant.create("configmaps", SPACE, {"metadata": {"name": "coredns"}, "data": {"Corefile": COREFILE}})
    tenant.create("services", SPACE, service())
    tenant.create("deployments", SPACE, deployment())

    def answering() -> Obj | None:
        return next((pod for pod in place.pods(**{"k8s-app": "kube-dns"}) if is_ready(pod)), None)

    eventually("the tenant's DNS is ready", answering)


def service() -> Obj:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    return {"metadata": {"name": "kube-dns"}, "spec": {"clusterIP": DNS_ADDRESS, "selector": {"k8s-app": "kube-dns"}, "ports": ports}}


def deployment() -> Obj:
    labels = {"k8s-app": "kube-dns"}
    server = {
        "name": "coredns",
        "image": reference("coredns"),
        "args": ["-conf", "/etc/coredns/Corefile"],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
        "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "initialDelaySeconds": 10},
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}],
    }
    spec = {
        "serviceAccountName": "coredns",
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 1,
        "containers": [server],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    return {
        "metadata": {"name": "coredns"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }
