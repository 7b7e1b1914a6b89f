"""Which labels and annotations cross, in both directions; and selectors over them."""

from __future__ import annotations

from typing import Any

import pytest

from syncer.core.selectors import matches
from syncer.core.settings import HostSettings
from syncer.testing.view import FakeView, settings_for
from translators.metadata import annotation_verdict, down_metadata, label_verdict, shown_metadata
from translators.selectors import NEVER, confined, confined_labels, denied_in_map, denied_keys, with_label_keys

HOST = HostSettings(namespace="x")


def view(**host: Any) -> FakeView:
    return FakeView(settings_for(host=HostSettings(namespace="kled-acme", **host)))


CROSSING = [
    "app",
    "app.kubernetes.io/name",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
    "pod-template-hash",
    "batch.kubernetes.io/job-completion-index",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "kubectl.kubernetes.io/restartedAt",
    "kubectl.kubernetes.io/default-container",
    "checksum/config",
    "kubernetes.io/ingress.class",
    "example.org/istio.io",
    "notistio.io/x",
    "service.kubernetes.io/topology-mode",
]
ACTED_ON = [
    "kled.io/tenant",
    "sidecar.istio.io/inject",
    "istio.io/rev",
    "linkerd.io/inject",
    "config.linkerd.io/proxy-cpu-limit",
    "vault.hashicorp.com/agent-inject",
    "iam.amazonaws.com/role",
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/use",
    "k8s.v1.cni.cncf.io/networks",
    "cni.projectcalico.org/ipAddrs",
    "ovn.kubernetes.io/ip_address",
    "k8s.ovn.org/pod-networks",
    "io.katacontainers.config.hypervisor.path",
    "io.kubernetes.cri-o.userns-mode",
    "cdi.k8s.io/vendor",
    "container.apparmor.security.beta.kubernetes.io/main",
    "seccomp.security.alpha.kubernetes.io/pod",
    "scheduler.alpha.kubernetes.io/node-selector",
    "cluster-autoscaler.kubernetes.io/safe-to-evict",
    "karpenter.sh/do-not-disrupt",
    "service.beta.kubernetes.io/aws-load-balancer-internal",
    "pod-security.kubernetes.io/enforce",
    "node-role.kubernetes.io/control-plane",
    "prometheus.io/scrape",
    "ad.datadoghq.com/main.checks",
    "pre.hook.backup.velero.io/command",
    "replicator.v1.mittwald.de/replicate-from",
    "reflector.v1.k8s.emberstack.com/reflects",
    "kubernetes.io/config.mirror",
    "kubernetes.io/config.source",
    "nginx.ingress.kubernetes.io/server-snippet",
    "external-dns.alpha.kubernetes.io/hostname",
    "metallb.universe.tf/loadBalancerIPs",
]
KEPT = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "meta.helm.sh/release-name",
    "kubernetes.io/limit-ranger",
    "argocd.argoproj.io/tracking-id",
    "kustomize.toolkit.fluxcd.io/name",
    "topology.kubernetes.io/zone",
    "volume.kubernetes.io/selected-node",
    "pv.kubernetes.io/bind-completed",
]


@pytest.mark.parametrize("key", CROSSING)
def test_ordinary_keys_cross(key: str) -> None:
    assert label_verdict(key, HOST) is None
    assert annotation_verdict(key, HOST) is None


@pytest.mark.parametrize("key", ACTED_ON)
def test_keys_that_somebody_on_the_host_acts_on_do_not_cross_and_are_told(key: str) -> None:
    assert label_verdict(key, HOST)
    assert annotation_verdict(key, HOST)


@pytest.mark.parametrize("key", KEPT)
def test_keys_that_tools_keep_for_themselves_do_not_cross_in_silence(key: str) -> None:
    assert annotation_verdict(key, HOST) == ""


def test_two_hundred_keys_leave_exactly_the_ordinary_ones() -> None:
    keys = dict.fromkeys((*CROSSING, *ACTED_ON, *KEPT), "v")
    found = down_metadata({"metadata": {"labels": keys, "annotations": keys}}, view())
    assert set(found.labels) == set(found.annotations) == set(CROSSING)
    assert {field for field, _ in found.dropped} == {f"metadata.{part}[{key}]" for part in ("labels", "annotations") for key in ACTED_ON}


def test_maps_in_which_everything_crosses_are_shared() -> None:
    labels = {"app": "x"}
    assert down_metadata({"metadata": {"labels": labels}}, view()).labels is labels


def test_configuration_adds_to_both_lists_separately() -> None:
    where = view(deny_label_prefixes=("internal.example.org/",), deny_annotation_prefixes=("note",))
    keys = {"internal.example.org/a": "1", "note": "2", "notes": "3"}
    found = down_metadata({"metadata": {"labels": keys, "annotations": keys}}, where)
    assert set(found.labels) == {"note", "notes"}
    assert set(found.annotations) == {"internal.example.org/a"}
    assert len(found.dropped) == 3


def test_nothing_of_the_host_shows_unless_it_is_listed() -> None:
    host = {"metadata": {"labels": {"kled.io/tenant": "a", "zone": "z", "x.org/a": "1", "pool-a": "2"}, "annotations": {"x.org/b": "3", "y": "4"}}}
    assert shown_metadata(host, view()) == ({}, {})
    shown = view(show_labels=("zone", "x.org/", "pool*", "kled.io/"))
    assert shown_metadata(host, shown) == ({"zone": "z", "x.org/a": "1", "pool-a": "2"}, {"x.org/b": "3"})


def test_a_plain_selector_is_confined_and_none_stays_none() -> None:
    assert confined({"app": "x"}, "acme", "web") == {"app": "x", "kled.io/tenant": "acme", "kled.io/namespace": "web"}
    assert confined({}, "acme", "web") == {}
    assert confined(None, "acme", "web") is None


def test_a_selector_on_a_label_of_ours_meets_nothing_instead_of_more() -> None:
    assert confined({"kled.io/namespace": "other"}, "acme", "web") == {NEVER: "true", "kled.io/tenant": "acme", "kled.io/namespace": "web"}
    assert denied_in_map({"kled.io/namespace": "other", "app": "x"}, HOST) == ("kled.io/namespace",)


def test_a_label_selector_over_several_namespaces() -> None:
    assert confined_labels({"matchLabels": {"a": "b"}}, "acme", ["web", "db"]) == {
        "matchLabels": {"a": "b", "kled.io/tenant": "acme"},
        "matchExpressions": [{"key": "kled.io/namespace", "operator": "In", "values": ["db", "web"]}],
    }
    assert confined_labels({}, "acme", None) == {"matchLabels": {"kled.io/tenant": "acme"}}
    assert confined_labels({}, "acme", []) is None
    assert confined_labels(None, "acme", None) is None


def test_denied_keys_are_found_in_both_parts_of_a_label_selector() -> None:
    selector = {"matchLabels": {"app": "x", "istio.io/rev": "1"}, "matchExpressions": [{"key": "linkerd.io/inject", "operator": "Exists"}]}
    assert denied_keys(selector, HOST) == ("istio.io/rev", "linkerd.io/inject")


def test_label_keys_of_a_null_selector_change_nothing() -> None:
    assert with_label_keys(None, ["a"], [], {"a": "1"}) is None


@pytest.mark.parametrize(
    ("operator", "values", "labels", "met"),
    [
        ("In", ["1"], {"a": "1"}, True),
        ("In", ["1"], {}, False),
        ("NotIn", ["1"], {}, True),
        ("NotIn", ["1"], {"a": "1"}, False),
        ("Exists", None, {"a": ""}, True),
        ("DoesNotExist", None, {"a": ""}, False),
        ("Nonsense", None, {}, False),
    ],
)
def test_expressions_are_read_as_kubernetes_reads_them(operator: str, values: list[str] | None, labels: dict[str, str], met: bool) -> None:
    assert matches({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}, labels) is met
    assert not matches(None, labels)
    assert matches({}, labels)
