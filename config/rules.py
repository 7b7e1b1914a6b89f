"""What needs more than one part of the file to judge: kinds and their modes, the one mapping, the nodes. Each rule yields complaints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from config import exports, mapping
from config.errors import Complaint, Path
from config.grammar import nearest
from config.kinds import BY_PLURAL, Kind
from config.models import ClusterTreeSection, NamespaceTable, Nodes, ResourceSection, SyncFile
from config.section import key_of

_NO_SHARES = "Remove `resources` to promote whole nodes, chosen by `nodes`"


def complaints(file: SyncFile) -> list[Complaint]:
    """Everything that is wrong with a file whose parts are sound. Empty sections are as good as absent ones."""
    return [*_kinds(file), *_mapping(file), *_exports(file), *_cluster_tree(file.cluster_tree), *_replicas(file)]


def _kinds(file: SyncFile) -> Iterator[Complaint]:
    at: Path = ("sync", "resources")
    resources = file.sync.resources
    if resources == ():
        yield Complaint(at, "the list is empty, so that no workload would be synced", "List kinds, or remove the key to sync every known kind")
    seen = Counter[str]()
    for index, resource in enumerate(resources or ()):
        place = (*at, index)
        kind = BY_PLURAL.get(resource.name)
        if kind is None:
            yield _unknown_kind((*place, "name"), resource.name)
            continue
        if seen[resource.name]:
            yield Complaint((*place, "name"), f"`{resource.name}` is listed twice", "Merge the two entries")
        seen[resource.name] += 1
        yield from _options(resource, kind, place)


def _unknown_kind(place: Path, name: str) -> Complaint:
    near = nearest(name, BY_PLURAL)
    listed = ", ".join(f"`{plural}`" for plural in BY_PLURAL)
    guess = f"Did you mean `{near}`? " if near else ""
    return Complaint(place, f"`{name}` is not a kind that can be synced", f"{guess}Known are {listed}")


def _options(resource: ResourceSection, kind: Kind, place: Path) -> Iterator[Complaint]:
    if resource.mode not in kind.modes:
        possible = ", ".join(f"`{mode}`" for mode in kind.modes)
        yield Complaint((*place, "mode"), f"`{resource.mode}` makes no sense for {kind.plural}", f"Write one of {possible}")
    written = {key_of(field) for field in resource.model_fields_set}
    if "names" in written and not kind.named:
        yield Complaint(
            (*place, "names"), f"{kind.plural} do not take `names`", "Remove it; only classes of the host are chosen by name", on_key=True
        )
    for key, next_step in kind.refused:
        if key in written:
            yield Complaint((*place, key), f"{kind.plural} do not take `{key}`", next_step, on_key=True)


def _mapping(file: SyncFile) -> Iterator[Complaint]:
    tables = list(_tables(file))
    if not tables:
        return
    (at, table), *others = tables
    for place, other in others:
        if other != table:
            yield Complaint(
                place,
                "this mapping is not the same as <there>; kinds that refer to each other must land in the same namespaces",
                "Make the two equal, or write one `namespaceMapping` directly under `sync`",
                on_key=True,
                there=at,
            )
    ground = mapping.Ground(own=file.host.namespace, allowed=file.host.allow_namespaces)
    yield from mapping.complaints(table, ground, at)


def _exports(file: SyncFile) -> Iterator[Complaint]:
    table = the_table(file) or (mapping.default_table(file.tenant.name) if file.tenant.name else {})
    yield from exports.complaints(file.sync.from_host, file.host.namespace, mapping.parsed(table))


def _tables(file: SyncFile) -> Iterator[tuple[Path, NamespaceTable]]:
    """Every mapping that is written, with its place, in the order of the models."""
    if file.sync.namespace_mapping is not None:
        yield ("sync", "namespaceMapping"), file.sync.namespace_mapping
    for index, resource in enumerate(file.sync.resources or ()):
        if resource.namespace_mapping is not None:
            yield ("sync", "resources", index, "namespaceMapping"), resource.namespace_mapping


def the_table(file: SyncFile) -> NamespaceTable | None:
    """The one mapping of a file that passed: the first, since all are equal."""
    return next((table for _, table in _tables(file)), None)


def _cluster_tree(tree: ClusterTreeSection) -> Iterator[Complaint]:
    at: Path = ("clusterTree",)
    promote = tree.promote_resources
    if promote is not None and tree.nodes is not None:
        yield Complaint((*at, "promoteResources"), "the nodes are chosen by `clusterTree.nodes` already", "Keep one of the two", on_key=True)
    for place, resources in (
        ((*at, "resources"), tree.resources),
        ((*at, "promoteResources", "resources"), promote.resources if promote else None),
    ):
        if resources is not None:
            yield Complaint(place, "shares of nodes are not in this version", _NO_SHARES, on_key=True)
    if tree.names == "opaque":
        yield Complaint((*at, "names"), "opaque names of nodes are not in this version", "Write `same`, or remove the key")
    yield from _count(tree, the_nodes(tree))


def _replicas(file: SyncFile) -> Iterator[Complaint]:
    """Services shown on the other side: each under a name of its own, and on the host outside of what is synced."""
    told = file.network.replicate_services
    for key, entries, host_side in (("fromHost", told.from_host, "from"), ("toHost", told.to_host, "to")):
        at: Path = ("network", "replicateServices", key)
        seen: set[str] = set()
        for index, entry in enumerate(entries):
            if entry.to in seen:
                yield Complaint((*at, index, "to"), f"`{entry.to}` is the place of another Service already", "Give one of the two another name")
            seen.add(entry.to)
            on_host = (entry.from_ if host_side == "from" else entry.to).partition("/")[0]
            place = (*at, index, host_side)
            if mapping.leads_to(the_table(file) or {}, on_host):
                next_step = "Name a namespace of the host that no tenant namespace is mapped to"
                yield Complaint(place, f"`{on_host}` is a host namespace of this tenant's workloads, where Services are synced already", next_step)
            elif host_side == "to" and mapping.Ground(own=file.host.namespace, allowed=file.host.allow_namespaces).is_closed(on_host):
                next_step = f"Name another namespace, or allow it: `host.allowNamespaces: [{on_host}]`"
                yield Complaint(place, f"`{on_host}` is one of the host's own namespaces", next_step)


def _count(tree: ClusterTreeSection, nodes: Nodes | None) -> Iterator[Complaint]:
    if tree.count is None:
        return
    place: Path = ("clusterTree", "count")
    if isinstance(nodes, tuple):
        yield Complaint(place, "a count beside a list of nodes says the same thing twice", "Remove the count, or choose nodes by a selector")
    elif nodes is not None and nodes.count is not None:
        yield Complaint(place, "the count is written under `nodes` already", "Keep one of the two")


def the_nodes(tree: ClusterTreeSection) -> Nodes | None:
    """The choice of nodes, by whichever key it was written."""
    return tree.nodes if tree.promote_resources is None else tree.promote_resources.nodes
