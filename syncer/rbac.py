"""Least rights, computed from the translators: which side each reads, which it writes, through which subresources.

Host rights come in three parts. What is cluster-scoped is bound cluster-wide. What lies in workload namespaces is a ClusterRole that is *not* bound
cluster-wide: the syncer binds itself to it in each namespace that it makes or is lent (it may `bind` that one role and create RoleBindings). Its
own Lease is a Role in its own namespace. A ValidatingAdmissionPolicy (`syncer.fence`) holds the syncer to that, because RBAC knows no labels.

No verb and no resource is a wildcard, and nothing namespaced is readable cluster-wide on the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncer.core.objects import (
    ENDPOINTSLICES,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    RESOURCEQUOTAS,
    ROLEBINDINGS,
    SERVICEACCOUNTS,
    SERVICECIDRS,
    SERVICES,
    Resource,
    Side,
)
from syncer.core.settings import Settings
from syncer.core.translator import Path, Subresource, Translator
from syncer.fence import fence

Manifest = dict[str, Any]
Subject = Mapping[str, str]
"""An entry of `subjects`: kind, name and, for a ServiceAccount, namespace; for a User, apiGroup."""

GROUP = "rbac.authorization.k8s.io"
READ = ("get", "list", "watch")
NODE_LEASES = "kube-node-lease"
TENANT_ROLE = "kled-syncer"
_KUBERNETES = {"apiGroups": [ENDPOINTSLICES.group], "resources": [ENDPOINTSLICES.plural], "resourceNames": ["kubernetes"], "verbs": ["get"]}
"""The addresses of a cluster's own API server."""


class Rules:
    """Verbs by (group, resource), gathered and written out in a stable order."""

    def __init__(self) -> None:
        self._verbs: dict[tuple[str, str], set[str]] = {}

    def add(self, resource: Resource, *verbs: str, subresource: str = "") -> None:
        self.add_plain(resource.group, f"{resource.in_urls}/{subresource}" if subresource else resource.in_urls, verbs)

    def add_plain(self, group: str, plural: str, verbs: Iterable[str]) -> None:
        if found := set(verbs):
            self._verbs.setdefault((group, plural), set()).update(found)

    def rules(self) -> list[Manifest]:
        """One rule for all resources of a group that have the same verbs."""
        alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (group, plural), verbs in sorted(self._verbs.items()):
            alike.setdefault((group, tuple(sorted(verbs))), []).append(plural)
        return [{"apiGroups": [group], "resources": plurals, "verbs": list(verbs)} for (group, verbs), plurals in alike.items()]


def manifests(side: Side, settings: Settings, translators: Iterable[Translator], subject: Subject) -> list[Manifest]:
    """What an administrator of that cluster applies, in this order."""
    known = tuple(translators)
    return _host(settings, known, subject) if side is Side.HOST else _tenant(settings, known, subject)


def workload_role(settings: Settings) -> str:
    """The ClusterRole that the syncer binds itself to, namespace by namespace."""
    return f"kled-{settings.tenant.name}-workload"


def syncer_name(settings: Settings) -> str:
    """What everything else for the syncer is called on the host, its RoleBindings in workload namespaces included."""
    return f"kled-{settings.tenant.name}-syncer"


# --- host


def _host(settings: Settings, translators: tuple[Translator, ...], subject: Subject) -> list[Manifest]:
    name, own = syncer_name(settings), settings.host.namespace
    in_own = Rules()
    for kind in (LEASES, SERVICES, ENDPOINTSLICES):  # its Lease, and the Service under whose address pods find the tenant's API server
        in_own.add(kind, "create", "get", "patch")
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own}},
        role(name, host_cluster_rules(settings, translators)),
        role(workload_role(settings), workload_rules(settings, translators)),
        binding(name, subject),
        role(name, in_own.rules(), own),
        binding(name, subject, own),
        *_place_roles(settings, translators, subject),
        *_own_api_role(settings, name, subject),
        *_replica_roles(settings, subject),
        *fence(name, settings, workload_role(settings), subject),
    ]


def _place_roles(settings: Settings, translators: Iterable[Translator], subject: Subject) -> list[Manifest]:
    """What the host shows of its own: a Role in each namespace it comes from, by name where the file names single objects."""
    name, found = f"kled-{settings.tenant.name}-exports", dict[str, dict[Resource, set[str]]]()
    for translator in translators:
        for namespace, one in translator.places or ():
            found.setdefault(namespace, {}).setdefault(translator.source, set()).add(one)
    made: list[Manifest] = []
    for namespace, kinds in sorted(found.items()):
        rules = [_reading(resource, names) for resource, names in sorted(kinds.items(), key=lambda kind: kind[0].plural)]
        made += [role(name, rules, namespace), binding(name, subject, namespace)]
    return made


def _reading(resource: Resource, names: set[str]) -> Manifest:
    rule: Manifest = {"apiGroups": [resource.group], "resources": [resource.plural], "verbs": list(READ)}
    return rule if "" in names else {**rule, "resourceNames": sorted(names)}


def _own_api_role(settings: Settings, name: str, subject: Subject) -> list[Manifest]:
    """Where the host's API server is: no EndpointSlice of the tenant may lead there."""
    if ENDPOINTSLICES.plural not in settings.kinds:
        return []
    return [role(name, [_KUBERNETES], "default"), binding(name, subject, "default")]


def _replica_roles(settings: Settings, subject: Subject) -> list[Manifest]:
    """In exactly the namespaces that Services are shown from or in."""
    name, made = f"{syncer_name(settings)}-replicas", []
    verbs: dict[str, set[str]] = {}
    for of, _ in settings.network.from_host:
        verbs.setdefault(of.partition("/")[0], set()).update(READ)
    for _, to in settings.network.to_host:
        verbs.setdefault(to.partition("/")[0], set()).update((*READ, "create", "patch", "delete"))
    for namespace, found in sorted(verbs.items()):
        rules = Rules()
        for kind in (SERVICES, ENDPOINTSLICES):
            rules.add(kind, *found)
        made += [role(name, rules.rules(), namespace), binding(name, subject, namespace)]
    return made


def host_cluster_rules(settings: Settings, translators: Iterable[Translator]) -> list[Manifest]:
    rules = Rules()
    rules.add(NAMESPACES, *READ)
    if settings.host.create_namespaces:
        rules.add(NAMESPACES, "create", "patch", "delete")
    rules.add(SERVICECIDRS, *READ)
    if settings.host.manage_service_cidr:
        rules.add(SERVICECIDRS, "create")
    rules.add(ROLEBINDINGS, "create", "get")
    for translator in translators:
        if translator.name != NAMESPACES.plural:
            _host_side(rules, settings, translator, namespaced=False)
    # Its own binding of a former life may name an identity that it had then.
    take_over = {"apiGroups": [GROUP], "resources": [ROLEBINDINGS.plural], "resourceNames": [syncer_name(settings)], "verbs": ["patch"]}
    bind = {"apiGroups": [GROUP], "resources": ["clusterroles"], "resourceNames": [workload_role(settings)], "verbs": ["bind"]}
    return [*rules.rules(), take_over, bind]


def workload_rules(settings: Settings, translators: Iterable[Translator]) -> list[Manifest]:
    rules = Rules()
    rules.add(SERVICEACCOUNTS, *READ, "create", "patch")
    rules.add(RESOURCEQUOTAS, *READ)
    if settings.network.to_host:
        rules.add(SERVICES, *READ)
        rules.add(ENDPOINTSLICES, *READ)
    for translator in translators:
        _host_side(rules, settings, translator, namespaced=True)
    return rules.rules()


def _host_side(rules: Rules, settings: Settings, translator: Translator, *, namespaced: bool) -> None:
    resource, kind = translator.resource_on(Side.HOST), translator.settings_in(settings)
    if (resource.namespaced and not translator.everywhere) is namespaced and translator.places is None:
        rules.add(resource, *READ)
        may_write = translator.may_write is None or translator.may_write(settings)
        if translator.leading is Side.TENANT and kind.mode != "fromHost" and may_write:
            rules.add(resource, "create", "patch", "delete")
            for subresource in translator.host_subresources:
                rules.add(resource, "patch", subresource=subresource.name)
    for side, other in translator.reads:
        if side is Side.HOST and other.namespaced is namespaced:
            rules.add(other, *READ)
    if namespaced:  # what a record asks for beyond itself is never granted in the whole cluster
        for group, plural, verbs in translator.rights.host:
            rules.add_plain(group, plural, verbs)


# --- tenant


def _tenant(settings: Settings, translators: tuple[Translator, ...], subject: Subject) -> list[Manifest]:
    kubernetes = [
        {"apiGroups": [kind.group], "resources": [kind.plural], "resourceNames": ["kubernetes"], "verbs": ["get"]}
        for kind in (SERVICES, ENDPOINTSLICES)
    ]
    made = [
        role(TENANT_ROLE, tenant_rules(settings, translators)),
        binding(TENANT_ROLE, subject),
        role(TENANT_ROLE, kubernetes, "default"),
        binding(TENANT_ROLE, subject, "default"),
    ]
    if any(translator.source == NODES for translator in translators):
        leases = {"apiGroups": [LEASES.group], "resources": [LEASES.plural], "verbs": ["create", "delete", "get", "list", "patch"]}
        made += [role(TENANT_ROLE, [leases], NODE_LEASES), binding(TENANT_ROLE, subject, NODE_LEASES)]
    return made


def tenant_rules(settings: Settings, translators: Iterable[Translator]) -> list[Manifest]:
    rules = Rules()
    rules.add(NAMESPACES, *READ)
    rules.add(EVENTS, "create", "patch")
    if settings.network.from_host:
        for kind in (SERVICES, ENDPOINTSLICES):
            rules.add(kind, *READ, "create", "patch", "delete")
    for translator in translators:
        _tenant_side(rules, settings, translator)
    return rules.rules()


def _tenant_side(rules: Rules, settings: Settings, translator: Translator) -> None:
    resource, kind = translator.resource_on(Side.TENANT), translator.settings_in(settings)
    rules.add(resource, *READ)
    for side, other in translator.reads:
        if side is Side.TENANT:
            rules.add(other, *READ)
    for group, plural, verbs in translator.rights.tenant:
        rules.add_plain(group, plural, verbs)
    if kind.mode == "toHost":
        return
    if translator.leading is Side.HOST:
        rules.add(resource, "create", "patch", *(() if translator.keep_when_source_gone else ("delete",)))
    elif translator.recreate_tenant is not None:
        rules.add(resource, "create", "delete")
    elif translator.grace_period:
        rules.add(resource, "delete")
    if translator.up is not None and _outside(translator.host_owns, translator.tenant_subresources):
        rules.add(resource, "patch")
    for subresource in translator.tenant_subresources:
        rules.add(resource, "patch", subresource=subresource.name)


def _outside(paths: Iterable[Path], subresources: Iterable[Subresource]) -> bool:
    """Whether some of the paths are written with the object itself."""
    return bool(set(paths) - {path for subresource in subresources for path in subresource.paths})


# --- shapes


def role(name: str, rules: list[Manifest], namespace: str = "") -> Manifest:
    """A Role, or a ClusterRole without a namespace."""
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": f"{GROUP}/v1", "kind": "Role" if namespace else "ClusterRole", "metadata": metadata, "rules": rules}


def binding(name: str, subject: Subject, namespace: str = "") -> Manifest:
    """The binding to the role of the same name."""
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    reference = {"apiGroup": GROUP, "kind": "Role" if namespace else "ClusterRole", "name": name}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, "roleRef": reference, "subjects": [dict(subject)]}


__all__ = ["Manifest", "Rules", "Subject", "binding", "manifests", "role", "syncer_name", "workload_role"]
