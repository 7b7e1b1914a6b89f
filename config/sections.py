"""The sections on the two clusters, on policy and on the brake. See `models` for the rest."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config import types as t
from config.section import Section

CHECKS = ", ".join(f"`{check}`" for check in t.EXCEPTIONS)


class HostSection(Section):
    """The host cluster, and what the syncer may do there."""

    kubeconfig: t.FileName | None = Field(
        default=None, description="Kubeconfig file of the host, relative to the sync file. Default: the service account of the pod."
    )
    namespace: t.DnsLabel | None = Field(
        default=None,
        description="Where the syncer keeps its own Lease; never a namespace of workloads. Default: the pod's own namespace, else `kled-<tenant>`.",
    )
    create_namespaces: t.Flag = Field(
        default=True,
        description="Whether the syncer makes the host namespaces, and deletes them with their tenant namespace. If not, the host's admin makes "
        "them with the label `kled.io/tenant=<tenant>`.",
    )
    allow_namespaces: Annotated[tuple[t.NamespaceGlob, ...], t.Unique] = Field(
        default=(),
        description="The host's own namespaces (`default`, `kube-*`) that may be mapped onto nevertheless; `*` stands for any part of a name.",
    )
    manage_service_cidr: t.Flag = Field(default=False, description="Whether the syncer makes the host's ServiceCIDR object for `tenant.serviceCIDR`.")
    reserved_names: Annotated[tuple[t.ReservedName, ...], t.Unique] = Field(
        default=(),
        description="Further objects that the host itself makes in every namespace; the tenant's objects of that name get a suffix. Always reserved: "
        "`configmaps/kube-root-ca.crt`, `serviceaccounts/default`, `serviceaccounts/kled-workload`.",
    )
    deny_labels: Annotated[tuple[t.KeyOrPrefix, ...], t.Unique] = Field(
        default=(), description="Further label keys of the tenant that do not cross, beside the built-in ones. A prefix ends in `/` or `*`."
    )
    deny_annotations: Annotated[tuple[t.KeyOrPrefix, ...], t.Unique] = Field(
        default=(), description="Further annotation keys of the tenant that do not cross, beside the built-in ones. A prefix ends in `/` or `*`."
    )
    image_pull_secrets: Annotated[tuple[t.DnsName, ...], t.Unique] = Field(
        default=(), description="Secrets of the host, in every namespace of workloads, that pods pull images with beside the tenant's own."
    )
    show_labels: Annotated[tuple[t.KeyOrPrefix, ...], t.Unique] = Field(
        default=(), description="Keys of host-side labels and annotations that the tenant may see. A prefix ends in `/` or `*`."
    )
    hide_containers: t.Flag = Field(
        default=True, description="Whether containers that the host added to a pod stay out of the status the tenant sees."
    )


class TenantSection(Section):
    """The tenant cluster, and how its pods reach it."""

    name: t.TenantName | None = Field(default=None, description="Name of the tenant. Must be given here, by `--tenant` or by `KLED_TENANT`.")
    kubeconfig: t.FileName | None = Field(
        default=None,
        description="Kubeconfig file of the tenant, relative to the sync file. Needed, unless the syncer runs in a pod of the tenant itself.",
    )
    api_server: t.ApiServer | None = Field(
        default=None,
        description="Under which address pods reach the tenant's API server: a name or IP address, with a port if it is not 443. Default: the "
        "address of the tenant's `kubernetes` Service, which the syncer keeps reachable.",
    )
    dns: t.NamespacedName = Field(
        default="kube-system/kube-dns", description="The tenant's DNS Service. If it does not exist, pods use the node's DNS."
    )
    service_cidr: t.CidrList = Field(
        default=(), description="The tenant's range of service addresses, or several. No address outside of it is ever asked for on the host."
    )
    cluster_domain: t.DnsName = Field(default="cluster.local", description="The tenant's DNS domain.")


class PolicySection(Section):
    """What host pods and services may ask for. Everything is refused unless it is allowed here."""

    pod_security: t.LevelWord = Field(default="baseline", description="The Pod Security level that every host pod must meet.")
    exceptions: Annotated[tuple[t.SecurityCheck, ...], t.Unique] = Field(default=(), description=f"Checks that do not apply. Possible are {CHECKS}.")
    allow_host_ports: tuple[t.PortRange, ...] = Field(default=(), description="Host ports that pods may bind: `8080` or `8000-8100`.")
    allow_host_paths: tuple[t.HostPath, ...] = Field(
        default=(), description="Directories of the node that pods may mount, with everything below them."
    )
    allow_csi_drivers: Annotated[tuple[t.DnsName, ...], t.Unique] = Field(default=(), description="CSI drivers that inline volumes may use.")
    allow_volume_types: Annotated[tuple[t.VolumeType, ...], t.Unique] = Field(
        default=(), description="Further kinds of volumes by their key in a pod: `nfs`, `iscsi`, `image` and others."
    )
    priority_classes: dict[t.DnsName, t.DnsName] = Field(
        default_factory=dict, description="PriorityClasses of the tenant with the host's that stand for them. Others do not cross."
    )
    runtime_classes: dict[t.DnsName, t.DnsName] = Field(
        default_factory=dict, description="RuntimeClasses of the tenant with the host's that stand for them. Others do not cross."
    )
    force_runtime_class: t.DnsName | None = Field(default=None, description="RuntimeClass of the host for every pod. Default: none.")
    allow_external_ips: t.Flag = Field(default=False, description="Whether `externalIPs` of services cross.")
    allow_load_balancer_ip: t.Flag = Field(default=False, description="Whether `loadBalancerIP` of services crosses.")
    honour_node_ports: t.Flag = Field(default=False, description="Whether the node ports that the tenant asks for are asked for on the host.")
    deny_external_names: tuple[t.ExternalName, ...] = Field(
        default=(), description="Names (`*` for any part) and IP ranges that services of type ExternalName may not point to."
    )
    storage_classes: dict[t.DnsName, t.DnsName] = Field(
        default_factory=dict,
        description="StorageClasses of the tenant with the host's that stand for them, beside the host's own that the tenant sees by name.",
    )
    allow_volumes: Annotated[tuple[t.VolumeRule, ...], t.Unique] = Field(
        default=(),
        description="CSI volumes and snapshots that exist on the storage backend and that the tenant may bring in: the driver with all it has "
        "(`disks.example.com`), or those whose handle matches (`disks.example.com/vol-12*`).",
    )
    claim_annotations: Annotated[tuple[t.KeyOrPrefix, ...], t.Unique] = Field(
        default=(),
        description="Annotations of claims that reach the host's storage provisioner. A prefix ends in `/` or `*`. Default: none.",
    )
    memory_volume_cap: t.Quantity | None = Field(default=None, description="The largest memory-backed `emptyDir`. Default: no cap.")
    max_priority: t.Priority | None = Field(
        default=None,
        description="The highest value of the host's PriorityClasses that are offered by name (`names` of `priorityclasses`). "
        "Default: 0, the priority of pods without a class, so that nobody is preempted by this tenant.",
    )
    device_drivers: Annotated[tuple[t.DnsName, ...], t.Unique] | None = Field(
        default=None,
        description="Drivers whose devices on promoted nodes pods may claim (dynamic resource allocation), by classes that `deviceclasses` names. "
        "Default: none, and pods with claims are refused.",
    )
    service_account_annotations: Annotated[tuple[t.AnnotationPattern, ...], t.Unique] | None = Field(
        default=None,
        description="Annotations by which a ServiceAccount of the tenant gets an identity outside the cluster, as `key=value` "
        "with `*` for any part of the value. Such an account gets a host account of its own, without rights, that its pods run under. Default: none. "
        "When the last one is taken out, leave an empty list for one start, so that the accounts go.",
    )
    ingress_classes: dict[t.DnsName, t.DnsName] = Field(
        default_factory=dict,
        description="Ingress classes of the tenant with the host's that stand for them, beside the IngressClasses that are shown.",
    )
    ingress_hosts: Annotated[tuple[t.HostGlob, ...], t.Unique] = Field(
        default=(),
        description="Host names that Ingresses, Gateways and routes may claim: `*` for any part, `{tenant}` for the tenant's name. Then every rule "
        "must name a host. Default: any name.",
    )
    ingress_to_external_names: t.Flag = Field(
        default=False,
        description="Whether an Ingress or a route may lead to a service of type ExternalName, which the host's controller would resolve.",
    )
    allow_ingress_annotations: Annotated[tuple[t.KeyOrPrefix, ...], t.Unique] = Field(
        default=(),
        description="Annotations of Ingresses that pass although they are refused or dropped otherwise: keys, or prefixes that end in `/` or `*`. A "
        "prefix does not open what is refused by name.",
    )
    gateway_classes: dict[t.DnsName, t.DnsName] = Field(
        default_factory=dict,
        description="Gateway classes of the tenant with the host's that stand for them, beside those that are shown.",
    )
    gateways: dict[t.NamespacedName, t.NamespacedName] = Field(
        default_factory=dict,
        description="Gateways that routes may name as their parent, as `namespace/name` in the tenant, with the host's Gateways that stand for them.",
    )
    allow_gateway_addresses: t.Flag = Field(default=False, description="Whether `spec.addresses` of Gateways crosses.")
    deny_endpoints: t.CidrList = Field(
        default=(),
        description="Address ranges that EndpointSlices may not point to, unless it is the tenant's own pod there: the host's pod network and "
        "machines, where they are not in its Node and ServiceCIDR objects. Those are denied anyway.",
    )
    keep_reachable: t.Flag = Field(
        default=True, description="Whether pods under a NetworkPolicy for egress still reach the tenant's DNS and API server."
    )
    closed_ranges: t.CidrList = Field(
        default=(), description="Address ranges that NetworkPolicies never open, as an `except` in every address block and in rules without peers."
    )


class ReplicaSection(Section):
    """One Service that is shown on the other side."""

    from_: t.ServiceName = Field(alias="from", description="The Service, as `namespace/name` on its own side.")
    to: t.ServiceName = Field(description="What it is called on the other side, as `namespace/name` there.")


class ReplicateServicesSection(Section):
    """Services shown on the other side under a name of their own."""

    from_host: tuple[ReplicaSection, ...] = Field(default=(), description="Services of the host that the tenant finds by name.")
    to_host: tuple[ReplicaSection, ...] = Field(
        default=(),
        description="Services of the tenant that the host finds by name, in namespaces that its admin labelled `replicate.kled.io/<tenant>=true`.",
    )


class NetworkSection(Section):
    """What connects the two clusters beside the kinds that are synced."""

    replicate_services: ReplicateServicesSection = Field(
        default_factory=ReplicateServicesSection, description="Single Services shown on the other side."
    )


class BrakeSection(Section):
    """When deletions are held that follow only from objects missing in a list.

    More than `max(minimum, share × objects in place)` of them at once are held, and go on after `hold` at `rate`."""

    minimum: t.Count = Field(default=20, description="So many at once are never held.")
    share: t.Share = Field(default=0.1, description="So large a part of the objects in place is never held.")
    hold: t.Seconds = Field(default=60.0, description="How long they are held: seconds, or a number with units (`60s`, `5m`).")
    rate: t.Rate = Field(default=5.0, description="Deletions per second afterwards.")
