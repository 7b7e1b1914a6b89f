"""What a file becomes: the frozen values that everybody else reads."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import config
from config import ConfigError, Loaded
from config.kinds import KINDS
from syncer.core.settings import (
    BrakeSettings,
    Export,
    HostSettings,
    KindSettings,
    NamespaceMapping,
    NetworkSettings,
    NodeSettings,
    PolicySettings,
    Selector,
    Settings,
    TenantSettings,
)

Load = Callable[..., Loaded]
EXAMPLES = Path(config.__file__).parent / "examples"
WITH_PODS = {kind.plural for kind in KINDS if "pods" in kind.goes_with}

FULL = Settings(
    tenant=TenantSettings(
        name="globex",
        api_server=(),
        api_server_host="api.globex.example",
        api_server_port=6443,
        service_cidr=("10.112.0.0/16", "fd00:112::/112"),
    ),
    host=HostSettings(
        namespace="kled-globex",
        allow_namespaces=("kube-globex",),
        reserved_names=("configmaps/kube-root-ca.crt", "serviceaccounts/default", "serviceaccounts/kled-workload", "configmaps/istio-ca-root-cert"),
        deny_label_prefixes=("sidecar.istio.io/",),
        deny_annotation_prefixes=("example.com/cost-center", "ci-*"),
        image_pull_secrets=("registry",),
        show_labels=("topology.kubernetes.io/", "node.kubernetes.io/instance-type"),
    ),
    mapping=NamespaceMapping(table={"default": "main-globex", "kube-system": "system-globex"}, pattern="globex-{namespace}"),
    kinds={
        "pods": KindSettings(
            name="pods",
            selector=Selector(match_labels={"sync": "enabled"}, match_expressions=(("tier", "In", ("web", "worker")), ("draft", "DoesNotExist", ()))),
        ),
        "services": KindSettings(name="services"),
        "configmaps": KindSettings(name="configmaps"),
        "secrets": KindSettings(name="secrets", mode="toHost", select="all"),
        "namespaces": KindSettings(name="namespaces"),
        "nodes": KindSettings(name="nodes", mode="fromHost"),
        "serviceaccounts": KindSettings(name="serviceaccounts"),
        "storageclasses": KindSettings(name="storageclasses", names=("standard", "fast-*")),
        "priorityclasses": KindSettings(name="priorityclasses", names=("globex-*",)),
        "runtimeclasses": KindSettings(name="runtimeclasses"),
        **{kind: KindSettings(name=kind) for kind in ("resourceclaims", "deviceclasses", "resourceslices")},
        "events": KindSettings(name="events"),
    },
    policy=PolicySettings(
        pod_security_exceptions=frozenset({"hostPorts"}),
        allow_host_ports=((8080, 8080), (30000, 30100)),
        allow_host_paths=("/var/log/shared",),
        allow_csi_drivers=frozenset({"secrets-store.csi.k8s.io"}),
        allow_volume_types=frozenset({"nfs"}),
        priority_classes={"important": "tenant-high"},
        runtime_classes={"sandbox": "gvisor"},
        force_runtime_class="gvisor",
        deny_external_names=("*.internal", "169.254.0.0/16"),
        memory_volume_cap="1Gi",
        max_priority=1000,
        device_drivers=("gpu.example.com",),
        service_account_annotations=(("eks.amazonaws.com/role-arn", "arn:aws:iam::123456789012:role/globex-*"),),
        storage_classes={"gold": "ceph-replicated"},
        allow_volumes=("efs.csi.aws.com/fs-0123*",),
        claim_annotations=("storage.example.com/",),
        ingress_classes={"web": "public"},
        ingress_hosts=("*.globex.example.com",),
        allow_ingress_annotations=("cert-manager.io/cluster-issuer",),
        gateway_classes={"web": "public"},
        gateways={"infra/public": "gateways/shared"},
        deny_endpoints=("10.244.0.0/16",),
        closed_ranges=("10.244.0.0/16",),
    ),
    nodes=NodeSettings(selector=Selector(match_labels={"pool": "tenants"}), count=3),
    brake=BrakeSettings(),
    exports={
        "configmaps": (Export(namespace="platform", name="settings", to_namespace="default", to_name="platform"),),
        "secrets": (Export(namespace="wildcard-certs", to_namespace="certs"),),
    },
    network=NetworkSettings(from_host=(("databases/main", "default/db"),), to_host=(("default/shop", "exchange/globex-shop"),)),
)


def test_the_full_example_becomes_exactly_these_values() -> None:
    loaded = config.load(sync_file=EXAMPLES / "full.yaml")
    assert loaded.settings == FULL
    assert loaded.process == config.Process(
        tenant_kubeconfig=EXAMPLES / "tenant.kubeconfig",
        host_kubeconfig=EXAMPLES / "host.kubeconfig",
        metrics_address=("0.0.0.0", 8080),
        log_format="json",
        log_level="info",
        leader_elect=True,
    )


def test_an_almost_empty_file_gives_the_defaults_of_the_frozen_values(load: Load) -> None:
    expected = Settings(
        tenant=TenantSettings(name="acme"),
        host=HostSettings(namespace="kled-acme"),
        mapping=NamespaceMapping(pattern="acme-{namespace}"),
        kinds={kind.plural: KindSettings(name=kind.plural) for kind in KINDS},
    )
    assert load("sync: {}").settings == expected


def test_the_seeds_example_is_valid_as_it_stands(load: Load) -> None:
    settings = load((EXAMPLES / "seed.yaml").read_text()).settings
    assert settings.mapping == NamespaceMapping(table={"default": "kled-cluster-1-default", "kube-system": "kled-cluster-1-kube-system"})
    assert set(settings.kinds) == {"pods", "services", "configmaps", "secrets", "namespaces", "nodes", "events", *WITH_PODS}


def test_every_example_loads() -> None:
    found = {file.name: config.load(sync_file=file, tenant="acme").settings.mapping for file in EXAMPLES.glob("*.yaml")}
    assert set(found) == {"seed.yaml", "pattern.yaml", "shared-namespace.yaml", "full.yaml"}
    assert found["shared-namespace.yaml"].shared == "team-blue"
    assert found["pattern.yaml"].pattern == "acme-{namespace}"


def test_the_examples_in_the_documentation_load(load: Load) -> None:
    page = (Path(config.__file__).parent.parent / "docs" / "configuration.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 1
    assert load(blocks[0]).settings.mapping.pattern == "team-a-{namespace}"


def test_listed_kinds_are_on_with_those_that_always_are(load: Load) -> None:
    always = ["namespaces", "nodes", "events"]
    assert list(load("sync: {resources: [{name: services}]}").settings.kinds) == ["services", *always]


def test_what_pods_use_comes_with_them(load: Load) -> None:
    kinds = load("sync: {resources: [{name: secrets, select: all}, {name: pods}]}").settings.kinds
    assert set(kinds) == {"pods", "configmaps", "secrets", "namespaces", "nodes", "events", *WITH_PODS}
    assert (kinds["configmaps"].select, kinds["secrets"].select) == ("used", "all")


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("{}", NodeSettings()),
        ("{nodes: [b, a]}", NodeSettings(names=("b", "a"))),
        ("{nodes: []}", NodeSettings(names=())),
        ("{nodes: {}}", NodeSettings()),
        ("{nodes: {count: 2}}", NodeSettings(count=2)),
        ("{count: 2}", NodeSettings(count=2)),
        ("{nodes: {selector: {}}}", NodeSettings(selector=Selector())),
        ("{nodes: {selector: {matchLabels: {a: b}}}, count: 2}", NodeSettings(selector=Selector(match_labels={"a": "b"}), count=2)),
        ("{nodes: {selector: {matchLabels: {a: b}}, count: 2}}", NodeSettings(selector=Selector(match_labels={"a": "b"}), count=2)),
        ("{promoteResources: {nodes: [node1, node2]}}", NodeSettings(names=("node1", "node2"))),
        ("{promoteResources: {nodes: {count: 2}}}", NodeSettings(count=2)),
        ("{names: same}", NodeSettings()),
    ],
)
def test_nodes_are_chosen_by_name_by_label_or_not_at_all(load: Load, text: str, nodes: NodeSettings) -> None:
    assert load(f"clusterTree: {text}").settings.nodes == nodes


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.5", ((("10.0.0.5", 443),), "10.0.0.5", 443)),
        ("10.0.0.5:6443", ((("10.0.0.5", 6443),), "10.0.0.5", 6443)),
        ("fd00::5", ((("fd00::5", 443),), "fd00::5", 443)),
        ("'[fd00::5]:6443'", ((("fd00::5", 6443),), "fd00::5", 6443)),
        ("api.acme.example", ((), "api.acme.example", 443)),
        ("api.acme.example:6443", ((), "api.acme.example", 6443)),
    ],
)
def test_the_tenants_api_server_is_a_name_or_an_address(load: Load, text: str, server: tuple[object, ...]) -> None:
    tenant = load(f"tenant: {{apiServer: {text}}}").settings.tenant
    assert (tenant.api_server, tenant.api_server_host, tenant.api_server_port) == server


@pytest.mark.parametrize(
    ("text", "cidrs"),
    [("10.96.0.0/16", ("10.96.0.0/16",)), ("[10.96.0.0/16, 'fd00::/112']", ("10.96.0.0/16", "fd00::/112")), ("[]", ())],
)
def test_service_ranges_are_one_or_several(load: Load, text: str, cidrs: tuple[str, ...]) -> None:
    assert load(f"tenant: {{serviceCIDR: {text}}}").settings.tenant.service_cidr == cidrs


@pytest.mark.parametrize(
    ("text", "hold"), [("60", 60), ("60s", 60), ("1.5s", 1.5), ("1m30s", 90), ("2h", 7200), ("1h1m1s", 3661), ("'30'", 30), ("0", 0)]
)
def test_the_hold_of_the_brake_is_seconds_or_has_units(load: Load, text: str, hold: float) -> None:
    assert load(f"brake: {{hold: {text}}}").settings.brake == BrakeSettings(hold=hold)


def test_values_that_look_like_numbers_or_words_stay_text_where_text_belongs(load: Load) -> None:
    text = "sync: {resources: [{name: pods, selector: {matchLabels: {enabled: true, version: 1.10, off: no}}}]}"
    selector = load(text).settings.kinds["pods"].selector
    assert selector == Selector(match_labels={"enabled": "true", "version": "1.10", "off": "no"})


def test_settings_are_frozen(load: Load) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load("sync: {}").settings.tenant = TenantSettings(name="other")  # type: ignore[misc]


def test_config_error_carries_the_parts_of_its_first_problem(tmp_path: Path) -> None:
    file = tmp_path / "sync.yaml"
    file.write_text("sync: {}\nlogFormat: xml\n")
    with pytest.raises(ConfigError) as caught:
        config.load(sync_file=file, tenant="acme")
    error = caught.value
    assert (error.file, error.line, error.column, error.path) == (str(file), 2, 12, "logFormat")
    assert (error.reason, error.next_step) == ("`xml` is not a log format", "Write one of `json`, `console`")


EVERYTHING = """\
tenant: {name: other, apiServer: '1.2.3.4:5', dns: a/b, clusterDomain: c.d, serviceCIDR: 10.0.0.0/8}
host:
  namespace: own
  createNamespaces: false
  allowNamespaces: [default]
  manageServiceCIDR: true
  reservedNames: [secrets/a]
  denyLabels: [a]
  denyAnnotations: [a]
  imagePullSecrets: [a]
  showLabels: [a]
  hideContainers: false
policy:
  podSecurity: restricted
  exceptions: [sysctls]
  allowHostPorts: [1]
  allowHostPaths: [/a]
  allowCSIDrivers: [a]
  allowVolumeTypes: [nfs]
  priorityClasses: {a: b}
  runtimeClasses: {a: b}
  forceRuntimeClass: a
  allowExternalIPs: true
  allowLoadBalancerIP: true
  honourNodePorts: true
  denyExternalNames: [a]
  memoryVolumeCap: 1Gi
  maxPriority: -5
  serviceAccountAnnotations: [a=b]
  deviceDrivers: [a]
  storageClasses: {a: b}
  allowVolumes: [a/b*]
  claimAnnotations: [a/]
  ingressClasses: {a: b}
  ingressHosts: ['*.{tenant}.a']
  ingressToExternalNames: true
  allowIngressAnnotations: [a]
  gatewayClasses: {a: b}
  gateways: {a/b: c/d}
  allowGatewayAddresses: true
  denyEndpoints: 10.0.0.0/8
  keepReachable: false
  closedRanges: [10.0.0.0/8]
network: {replicateServices: {fromHost: [{from: a/b, to: c/d}], toHost: [{from: a/b, to: c/d}]}}
brake: {minimum: 1, share: 0.5, hold: 1, rate: 1}
"""


def test_no_field_of_the_settings_is_out_of_the_files_reach(load: Load) -> None:
    settings = load(EVERYTHING).settings
    for section, default in (
        (settings.tenant, TenantSettings(name="acme")),
        (settings.host, HostSettings(namespace="kled-acme")),
        (settings.policy, PolicySettings()),
        (settings.network, NetworkSettings()),
        (settings.brake, BrakeSettings()),
    ):
        for field in dataclasses.fields(default):
            said = getattr(section, field.name)
            assert said != getattr(default, field.name) or field.name == "name", (
                f"{type(default).__name__}.{field.name} cannot be said in a sync file"
            )


def test_one_object_may_be_shown_in_two_places_and_a_kind_that_is_listed_without_any_is_on(load: Load) -> None:
    rules = "configmaps: [{from: a/x, to: web/x}, {from: a/x, to: db/y}, {from: a/*, to: all/*}]"
    exports = load(f"sync: {{fromHost: {{{rules}, secrets: []}}}}").settings.exports
    assert [(rule.name, rule.to_namespace, rule.to_name) for rule in exports["configmaps"]] == [("x", "web", "x"), ("x", "db", "y"), ("", "all", "")]
    assert exports["secrets"] == ()


def test_nothing_is_shown_of_the_host_unless_the_file_says_so(load: Load) -> None:
    assert load("sync: {}").settings.exports == {}
