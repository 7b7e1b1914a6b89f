"""From a checked, effective sync file to the frozen values that the syncer works with. Nothing can fail here."""

from __future__ import annotations

from typing import cast

from config import exports, grammar, mapping, rules
from config.kinds import Kind, enabled
from config.models import ClusterTreeSection, ResourceSection, SelectorSection, SyncFile
from config.sections import HostSection, NetworkSection, PolicySection, TenantSection
from syncer.core.settings import (
    BrakeSettings,
    HostSettings,
    KindSettings,
    NetworkSettings,
    NodeSettings,
    PolicySettings,
    Selector,
    Settings,
    TenantSettings,
)

RESERVED_NAMES = ("configmaps/kube-root-ca.crt", "serviceaccounts/default", "serviceaccounts/kled-workload")
"""Names that the host (or we) make in every namespace, whatever else a file reserves."""


def settings(file: SyncFile) -> Settings:
    """`file` is effective: the tenant, the host namespace and the mapping are in it."""
    return Settings(
        tenant=_tenant(file.tenant),
        host=_host(file.host),
        mapping=mapping.parsed(rules.the_table(file) or {}, own=file.host.namespace),
        kinds=_kinds(file.sync.resources),
        policy=_policy(file.policy, cast(str, file.tenant.name)),
        nodes=_nodes(file.cluster_tree),
        exports=exports.lowered(file.sync.from_host),
        brake=BrakeSettings(minimum=file.brake.minimum, share=file.brake.share, hold=file.brake.hold, rate=file.brake.rate),
        network=_network(file.network),
    )


def _kinds(resources: tuple[ResourceSection, ...] | None) -> dict[str, KindSettings]:
    """Enabled kinds in the order of `KINDS`, so that equal files give equal values."""
    listed = {resource.name: resource for resource in resources or ()}
    return {kind.plural: _kind(kind, listed.get(kind.plural)) for kind in enabled(None if resources is None else listed)}


def _kind(kind: Kind, resource: ResourceSection | None) -> KindSettings:
    if resource is None:
        return KindSettings(name=kind.plural)
    return KindSettings(
        name=kind.plural,
        mode=resource.mode,
        selector=_selector(resource.selector),
        select=resource.select or "used",
        names=resource.names,
    )


def _selector(selector: SelectorSection | None) -> Selector | None:
    if selector is None:
        return None
    expressions = tuple((line.key, line.operator, line.values) for line in selector.match_expressions)
    return Selector(match_labels=selector.match_labels, match_expressions=expressions)


def _tenant(tenant: TenantSection) -> TenantSettings:
    host, port = grammar.api_server(tenant.api_server) if tenant.api_server else (None, 443)
    return TenantSettings(
        name=cast(str, tenant.name),
        api_server=((host, port),) if host and grammar.is_address(host) else (),
        api_server_host=host,
        api_server_port=port,
        dns=tenant.dns,
        cluster_domain=tenant.cluster_domain,
        service_cidr=tenant.service_cidr,
    )


def _host(host: HostSection) -> HostSettings:
    return HostSettings(
        namespace=cast(str, host.namespace),
        create_namespaces=host.create_namespaces,
        allow_namespaces=host.allow_namespaces,
        manage_service_cidr=host.manage_service_cidr,
        reserved_names=tuple(dict.fromkeys((*RESERVED_NAMES, *host.reserved_names))),
        deny_label_prefixes=host.deny_labels,
        deny_annotation_prefixes=host.deny_annotations,
        image_pull_secrets=host.image_pull_secrets,
        show_labels=host.show_labels,
        hide_containers=host.hide_containers,
    )


def _policy(policy: PolicySection, tenant: str) -> PolicySettings:
    return PolicySettings(
        pod_security=policy.pod_security,
        pod_security_exceptions=frozenset(policy.exceptions),
        allow_host_ports=tuple(map(grammar.port_range, policy.allow_host_ports)),
        allow_host_paths=policy.allow_host_paths,
        allow_csi_drivers=frozenset(policy.allow_csi_drivers),
        allow_volume_types=frozenset(policy.allow_volume_types),
        priority_classes=policy.priority_classes,
        runtime_classes=policy.runtime_classes,
        force_runtime_class=policy.force_runtime_class,
        allow_external_ips=policy.allow_external_ips,
        allow_load_balancer_ip=policy.allow_load_balancer_ip,
        honour_node_ports=policy.honour_node_ports,
        deny_external_names=policy.deny_external_names,
        storage_classes=policy.storage_classes,
        allow_volumes=policy.allow_volumes,
        claim_annotations=policy.claim_annotations,
        memory_volume_cap=policy.memory_volume_cap,
        max_priority=policy.max_priority,
        device_drivers=policy.device_drivers,
        service_account_annotations=_patterns(policy.service_account_annotations),
        ingress_classes=policy.ingress_classes,
        ingress_hosts=tuple(glob.replace("{tenant}", tenant) for glob in policy.ingress_hosts),
        ingress_to_external_names=policy.ingress_to_external_names,
        allow_ingress_annotations=policy.allow_ingress_annotations,
        gateway_classes=policy.gateway_classes,
        gateways=policy.gateways,
        allow_gateway_addresses=policy.allow_gateway_addresses,
        deny_endpoints=policy.deny_endpoints,
        keep_reachable=policy.keep_reachable,
        closed_ranges=policy.closed_ranges,
    )


def _patterns(texts: tuple[str, ...] | None) -> tuple[tuple[str, str], ...] | None:
    return None if texts is None else tuple(map(grammar.annotation_pattern, texts))


def _network(network: NetworkSection) -> NetworkSettings:
    told = network.replicate_services
    return NetworkSettings(from_host=tuple((one.from_, one.to) for one in told.from_host), to_host=tuple((one.from_, one.to) for one in told.to_host))


def _nodes(tree: ClusterTreeSection) -> NodeSettings:
    chosen = rules.the_nodes(tree)
    if isinstance(chosen, tuple):
        return NodeSettings(names=chosen, naming=tree.names)
    if chosen is None:
        return NodeSettings(count=tree.count, naming=tree.names)
    return NodeSettings(selector=_selector(chosen.selector), count=chosen.count or tree.count, naming=tree.names)
