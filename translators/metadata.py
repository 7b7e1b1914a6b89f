"""Labels and annotations, one translation for all kinds.

A tenant's keys and values are kept on the host, so that selectors, the downward API and people find what they know. What does not cross:

* our own prefix `kled.io/`: nothing that a tenant writes there is believed;
* keys that somebody on the host acts on (admission webhooks, meshes, cloud identity, the container runtime, CNI, autoscalers, backup and
  replication controllers): a tenant would steer host infrastructure through them. They are dropped with an event, and configuration
  extends the list;
* keys that tools and controllers keep for themselves: of no use on the host, dropped in silence.

From host to tenant the rule is the other way round: nothing is shown but what configuration lists.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

from syncer.core.objects import Obj
from syncer.core.settings import HostSettings
from syncer.core.stamp import PREFIX
from syncer.core.translator import View

Dropped = tuple[tuple[str, str], ...]
Verdict = str | None
"""Why a key does not cross; None when it does, an empty text when nobody needs to hear of it."""

EMPTY: Mapping[str, str] = {}
RESERVED = "the prefix kled.io/ is reserved"
ACTED_ON = "host infrastructure acts on this key"
BY_CONFIGURATION = "the host's administrator does not let this key cross"

# Domains with all their subdomains: `istio.io` stands for `istio.io/rev`, `sidecar.istio.io/inject`, … Sources: the annotation references of the
# projects named: identity, mesh injection, runtime and network options, autoscaling, scraping, backup, replication.
DENIED_DOMAINS = frozenset(
    {
        # meshes and sidecar injectors
        "istio.io",
        "linkerd.io",
        "kuma.io",
        "consul.hashicorp.com",
        "openservicemesh.io",
        "vault.hashicorp.com",
        "dapr.io",
        "instrumentation.opentelemetry.io",
        "sidecar.opentelemetry.io",
        "datadoghq.com",
        "newrelic.com",
        "dynatrace.com",
        "injector.tumblr.com",
        # cloud identity and cloud controllers
        "iam.amazonaws.com",
        "eks.amazonaws.com",
        "vpc.amazonaws.com",
        "elbv2.k8s.aws",
        "k8s.aws",
        "alb.ingress.kubernetes.io",
        "service.beta.kubernetes.io",
        "iam.gke.io",
        "cloud.google.com",
        "networking.gke.io",
        "autopilot.gke.io",
        "azure.workload.identity",
        "kubernetes.azure.com",
        "aadpodidentity.k8s.io",
        "gke-gcsfuse",
        "external-dns.alpha.kubernetes.io",
        "metallb.universe.tf",
        "metallb.io",
        "cert-manager.io",
        # networks
        "k8s.v1.cni.cncf.io",
        "v1.multus-cni.io",
        "projectcalico.org",
        "cilium.io",
        "ovn.org",
        "ovn.kubernetes.io",
        "antrea.io",
        "kube-router.io",
        "sriovnetwork.openshift.io",
        # container runtimes and what plugs into them
        "crio.io",
        "nri.io",
        "cdi.k8s.io",
        "container.apparmor.security.beta.kubernetes.io",
        "apparmor.security.beta.kubernetes.io",
        "seccomp.security.alpha.kubernetes.io",
        "container.seccomp.security.alpha.kubernetes.io",
        "security.alpha.kubernetes.io",
        "kata-containers.io",
        # scheduling, autoscaling, nodes, admission
        "scheduler.alpha.kubernetes.io",
        "scheduling.volcano.sh",
        "descheduler.alpha.kubernetes.io",
        "cluster-autoscaler.kubernetes.io",
        "karpenter.sh",
        "karpenter.k8s.aws",
        "node-role.kubernetes.io",
        "node.kubernetes.io",
        "node.alpha.kubernetes.io",
        "pod-security.kubernetes.io",
        "pod.alpha.kubernetes.io",
        "pod.beta.kubernetes.io",
        "openshift.io",
        "kyverno.io",
        "gatekeeper.sh",
        "cattle.io",
        # scrapers, log shippers, backup, replication
        "prometheus.io",
        "fluentbit.io",
        "co.elastic.logs",
        "co.elastic.metrics",
        "velero.io",
        "replicator.v1.mittwald.de",
        "reflector.v1.k8s.emberstack.com",
        "kubed.appscode.com",
    }
)

# Plain prefixes: reversed names without a slash (runtime annotations), and single keys of a domain that is otherwise harmless.
DENIED_PREFIXES = (
    "io.katacontainers.",
    "io.kubernetes.cri-o.",
    "io.kubernetes.cri.",
    "io.kubernetes.container.",
    "io.kubernetes.pod.",
    "io.containerd.",
    "run.oci.",
    "org.systemd.property.",
    "module.wasm.image/",
    "dev.gvisor.",
    "kubernetes.io/config.",  # the marks of static and mirror pods, which the kubelet believes
    "kubernetes.io/service-account.",
    "kubernetes.io/enforce-mountable-secrets",
    "kubernetes.io/psp",
    "nginx.ingress.kubernetes.io/auth-snippet",
    "nginx.ingress.kubernetes.io/configuration-snippet",
    "nginx.ingress.kubernetes.io/modsecurity-snippet",
    "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.ingress.kubernetes.io/stream-snippet",
)

# What tools and control planes note down for themselves. `topology.kubernetes.io/` is written on pods by the host at binding.
KEPT_DOMAINS = frozenset(
    {
        "meta.helm.sh",
        "deployment.kubernetes.io",
        "deprecated.daemonset.template.generation",
        "control-plane.alpha.kubernetes.io",
        "endpoints.kubernetes.io",
        "autoscaling.alpha.kubernetes.io",
        "pv.kubernetes.io",
        "volume.kubernetes.io",
        "volume.beta.kubernetes.io",
        "topology.kubernetes.io",
        "failure-domain.beta.kubernetes.io",
        "argocd.argoproj.io",
        "fluxcd.io",
        "objectset.rio.cattle.io",
        "config.kubernetes.io",
        "config.k8s.io",
        "internal.config.kubernetes.io",
        "kapp.k14s.io",
        "pulumi.com",
    }
)
KEPT_PREFIXES = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubernetes.io/limit-ranger",
    "kubernetes.io/created-by",
    "kubernetes.io/change-cause",
    "deprecated.daemonset.template.generation",
)


def _in_domains(key: str, domains: frozenset[str]) -> bool:
    domain = key.partition("/")[0]
    while True:
        if domain in domains:
            return True
        _, dot, domain = domain.partition(".")
        if not dot:
            return False


@lru_cache(maxsize=16)
def _verdicts(configured: tuple[str, ...]) -> Callable[[str], Verdict]:
    """The rule under one configuration, remembering its answers: the same few keys come again and again."""

    @lru_cache(maxsize=8192)
    def verdict(key: str) -> Verdict:
        if key.startswith(PREFIX):
            return RESERVED
        if configured and key.startswith(configured):
            return BY_CONFIGURATION
        if key.startswith(KEPT_PREFIXES) or _in_domains(key, KEPT_DOMAINS):
            return ""
        if key.startswith(DENIED_PREFIXES) or _in_domains(key, DENIED_DOMAINS):
            return ACTED_ON
        return None

    return verdict


def label_verdict(key: str, host: HostSettings) -> Verdict:
    return _verdicts(host.deny_label_prefixes)(key)


def annotation_verdict(key: str, host: HostSettings) -> Verdict:
    return _verdicts(host.deny_annotation_prefixes)(key)


class Metadata(NamedTuple):
    """What crosses, and what does not for a reason worth telling."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    dropped: Dropped


def _sorted_out(found: Mapping[str, str], verdict: Callable[[str], Verdict], field: str, dropped: list[tuple[str, str]]) -> Mapping[str, str]:
    """The entries that cross; the very same map when all do."""
    for key in found:
        if verdict(key) is not None:
            break
    else:
        return found
    kept: dict[str, str] = {}
    for key, value in found.items():
        reason = verdict(key)
        if reason is None:
            kept[key] = value
        elif reason:
            dropped.append((f"metadata.{field}[{key}]", reason))
    return kept


def down_metadata(obj: Obj, view: View) -> Metadata:
    """Labels and annotations of a tenant object as the host gets them (without the stamp, which the engine adds)."""
    meta, host = obj["metadata"], view.settings.host
    labels, annotations = meta.get("labels"), meta.get("annotations")
    dropped: list[tuple[str, str]] = []
    if labels:
        labels = _sorted_out(labels, _verdicts(host.deny_label_prefixes), "labels", dropped)
    if annotations:
        annotations = _sorted_out(annotations, _verdicts(host.deny_annotation_prefixes), "annotations", dropped)
    return Metadata(labels or EMPTY, annotations or EMPTY, tuple(dropped))


@lru_cache(maxsize=16)
def _shown_rule(shown: tuple[str, ...]) -> Callable[[str], bool]:
    exact = frozenset(entry for entry in shown if not entry.endswith(("/", "*")))
    prefixes = tuple(entry.removesuffix("*") for entry in shown if entry.endswith(("/", "*")))

    def is_shown(key: str) -> bool:
        return not key.startswith(PREFIX) and (key in exact or (bool(prefixes) and key.startswith(prefixes)))

    return is_shown


def is_shown_key(key: str, host: HostSettings) -> bool:
    """Whether the tenant may see this key of a host object."""
    return _shown_rule(host.show_labels)(key)


def allowed(found: Mapping[str, str], keys: tuple[str, ...], reason: str) -> tuple[Mapping[str, str], Dropped]:
    """Only the entries whose key is listed (or begins with a listed prefix), and the others with this reason."""
    is_allowed = _shown_rule(keys)
    kept = {key: value for key, value in found.items() if is_allowed(key)}
    return kept, tuple((f"metadata.annotations[{key}]", reason) for key in found if key not in kept)


def shown_metadata(host_obj: Obj, view: View) -> tuple[dict[str, str], dict[str, str]]:
    """Labels and annotations of a host object that the tenant may see, by `host.showLabels`; never our own stamp."""
    shown = view.settings.host.show_labels
    if not shown:
        return {}, {}
    is_shown, meta = _shown_rule(shown), host_obj["metadata"]
    labels, annotations = meta.get("labels") or EMPTY, meta.get("annotations") or EMPTY
    return {k: v for k, v in labels.items() if is_shown(k)}, {k: v for k, v in annotations.items() if is_shown(k)}
