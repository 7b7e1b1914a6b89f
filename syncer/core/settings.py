"""What a running syncer has been told, as plain frozen values.

The `config` package parses and checks text (YAML, flags, environment) and produces these; everybody else only reads them. Keeping them
here, free of pydantic, lets translators and the engine be tested without a configuration file and keeps the import of pydantic out of `core`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Mode = Literal["bidirectional", "toHost", "fromHost"]
PodSecurityLevel = Literal["privileged", "baseline", "restricted"]

POD_SECURITY_CHECKS = (
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "hostNamespaces",
    "hostPathVolumes",
    "hostPorts",
    "hostProbesAndHooks",
    "privileged",
    "procMount",
    "restrictedVolumes",
    "runAsNonRoot",
    "runAsUser",
    "seLinuxOptions",
    "seccompProfile",
    "sysctls",
    "windowsHostProcess",
)
"""Names of the single checks of the Pod Security Standards, as `policy.exceptions` may list them; a check that both levels have goes by one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceMapping:
    """Where tenant namespaces land on the host.

    `table` maps tenant namespace to host namespace, one to one. `pattern` (`"team-a-{namespace}"`) covers the namespaces that are not in the
    table. `shared` is one host namespace for every namespace that is not in the table; `pattern` and `shared` exclude each other.
    A namespace covered by none of the three is unmapped: nothing in it is synced. So is one that the pattern would put into a namespace of
    `closed` (where the syncer's own Lease is): a name that tenants can choose must not lead there.
    """

    table: Mapping[str, str] = field(default_factory=dict)
    pattern: str | None = None
    shared: str | None = None
    closed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A Kubernetes label selector: `matchLabels`, and `matchExpressions` as (key, operator, values)."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSettings:
    """One entry of `sync.resources`. `select` matters for ConfigMaps and Secrets only; `names` (globs) for classes that the host offers."""

    name: str
    mode: Mode = "bidirectional"
    selector: Selector | None = None
    select: Literal["used", "all"] = "used"
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Objects of a host namespace that one tenant namespace shows: one object, perhaps under another name, or (with empty names) all of them."""

    namespace: str
    name: str = ""
    to_namespace: str
    to_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The `host` section.

    `namespace` holds the syncer's own Lease (never a workload namespace). `reserved_names` are names that the host itself makes in every
    namespace, as `plural/name`. `image_pull_secrets` are host Secrets in every workload namespace, named by the host's admin.
    """

    namespace: str
    create_namespaces: bool = True
    allow_namespaces: tuple[str, ...] = ()
    manage_service_cidr: bool = False
    reserved_names: tuple[str, ...] = ("configmaps/kube-root-ca.crt", "serviceaccounts/default", "serviceaccounts/kled-workload")
    deny_label_prefixes: tuple[str, ...] = ()
    deny_annotation_prefixes: tuple[str, ...] = ()
    image_pull_secrets: tuple[str, ...] = ()
    show_labels: tuple[str, ...] = ()
    """Keys (or prefixes ending in `/` or `*`) of host-side labels and annotations that the tenant may see."""
    hide_containers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantSettings:
    """The `tenant` section. `api_server` lists `(ip, port)` under which host pods reach the tenant's API server (empty: the endpoints of the
    tenant's own `default/kubernetes`). `dns` is `namespace/name` of the DNS Service; `service_cidr` bounds the addresses ever asked for on
    the host."""

    name: str
    api_server: tuple[tuple[str, int], ...] = ()
    api_server_host: str | None = None
    """A name or address given as `tenant.apiServer` that pods should use instead of the tenant's `kubernetes` ClusterIP."""
    api_server_port: int = 443
    dns: str = "kube-system/kube-dns"
    cluster_domain: str = "cluster.local"
    service_cidr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """The `policy` section: what a host pod may ask for beyond the Pod Security level. Everything is refused unless allowed here.

    `pod_security_exceptions` are names of single checks of the level that do not apply (`hostPorts`, `privileged`, `hostPathVolumes`, …).
    `allow_host_ports` are inclusive ranges; `allow_host_paths` path prefixes; `allow_csi_drivers` driver names for inline volumes;
    `allow_volume_types` further PodSpec volume keys (`nfs`, `iscsi`, `image`, …); `priority_classes` and `runtime_classes` map tenant names
    to host names. `deny_external_names` are globs or CIDRs. `memory_volume_cap` is a quantity. `storage_classes` maps tenant names to host names,
    beside the classes that are shown. `allow_volumes` are `driver` or `driver/handle-glob`: CSI volumes and snapshots of the storage backend that a
    tenant may bring in by handle. `claim_annotations` are keys (or prefixes ending in `/` or `*`) of claims that reach the host's provisioner.

    Network: `ingress_classes` and `gateway_classes` map tenant names to host names beside the classes that are shown; `ingress_hosts` are globs
    over host names, with `{tenant}` filled in (empty: any name); `allow_ingress_annotations` are keys or prefixes that pass although the host's
    infrastructure acts on them; `gateways` maps `namespace/name` of the tenant to a Gateway that the host shares; `deny_endpoints` are ranges
    that EndpointSlices may not point to, `closed_ranges` those that network policies never open.
    """

    pod_security: PodSecurityLevel = "baseline"
    pod_security_exceptions: frozenset[str] = frozenset()
    allow_host_ports: tuple[tuple[int, int], ...] = ()
    allow_host_paths: tuple[str, ...] = ()
    allow_csi_drivers: frozenset[str] = frozenset()
    allow_volume_types: frozenset[str] = frozenset()
    priority_classes: Mapping[str, str] = field(default_factory=dict)
    runtime_classes: Mapping[str, str] = field(default_factory=dict)
    force_runtime_class: str | None = None
    allow_external_ips: bool = False
    allow_load_balancer_ip: bool = False
    honour_node_ports: bool = False
    deny_external_names: tuple[str, ...] = ()
    memory_volume_cap: str | None = None
    max_priority: int | None = None
    """The highest value of a PriorityClass that is offered by name; None: 0, what a pod without a class has."""
    device_drivers: tuple[str, ...] | None = None
    """Drivers whose devices (dynamic resource allocation) are shown and may be claimed. None: nobody looks at devices."""
    service_account_annotations: tuple[tuple[str, str], ...] | None = None
    """(annotation key, glob over its value) that may stand on a host ServiceAccount made for one of the tenant's. None: nobody looks at accounts;
    an empty list takes back those that were made."""
    storage_classes: Mapping[str, str] = field(default_factory=dict)
    allow_volumes: tuple[str, ...] = ()
    claim_annotations: tuple[str, ...] = ()
    ingress_classes: Mapping[str, str] = field(default_factory=dict)
    ingress_hosts: tuple[str, ...] = ()
    ingress_to_external_names: bool = False
    allow_ingress_annotations: tuple[str, ...] = ()
    gateway_classes: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[str, str] = field(default_factory=dict)
    allow_gateway_addresses: bool = False
    deny_endpoints: tuple[str, ...] = ()
    keep_reachable: bool = True
    closed_ranges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """The `clusterTree` section. Neither `names` nor `selector`: every schedulable host node is promoted."""

    names: tuple[str, ...] | None = None
    selector: Selector | None = None
    count: int | None = None
    naming: Literal["same", "opaque"] = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeSettings:
    """Deletions inferred from absence beyond `max(minimum, share * objects in place)` are held for `hold` seconds, then go at `rate` per second."""

    minimum: int = 20
    share: float = 0.1
    hold: float = 60.0
    rate: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSettings:
    """The `network` section: Services shown on the other side, as (`namespace/name` there, `namespace/name` here)."""

    from_host: tuple[tuple[str, str], ...] = ()
    to_host: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything the engine and the translators are told."""

    tenant: TenantSettings
    host: HostSettings
    mapping: NamespaceMapping
    kinds: Mapping[str, KindSettings]
    """Enabled kinds by plural name; `namespaces`, `nodes` and `events` are always in it."""
    policy: PolicySettings = field(default_factory=PolicySettings)
    nodes: NodeSettings = field(default_factory=NodeSettings)
    brake: BrakeSettings = field(default_factory=BrakeSettings)
    exports: Mapping[str, tuple[Export, ...]] = field(default_factory=dict)
    """What the host shows of its own, by plural name (`configmaps`, `secrets`). A kind with an empty list takes back what it showed before."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    host_api: tuple[str, ...] = ()
    """Addresses of the host's API server, found at the start and never configured: nothing of a tenant may be pointed there."""
