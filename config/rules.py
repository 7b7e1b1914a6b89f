"""What needs more than one part of the file to judge: kinds and their modes, the one mapping, the nodes. Each rule yields complaints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from config import custom_rules, exports, mapping, patch
from config.custom import NamespaceTable
from config.errors import Complaint, Path
from config.grammar import nearest
from config.kinds import BY_PLURAL, Kind, enabled, from_packages, known
from config.models import ClusterTreeSection, Nodes, ResourceSection, SyncFile
from config.section import key_of
from translators import catalog

_NO_SHARES = "Remove `resources` to promote whole nodes, chosen by `nodes`"


def complaints(file: SyncFile) -> list[Complaint]:
    """Everything that is wrong with a file whose parts are sound. Empty sections are as good as absent ones."""
    return [*_kinds(file), *_custom(file), *_mapping(file), *_exports(file), *_cluster_tree(file.cluster_tree)]


def _kinds(file: SyncFile) -> Iterator[Complaint]:
    at: Path = ("sync", "resources")
    resources = file.sync.resources
    if resources == ():
        yield Complaint(at, "the list is empty, so that no workload would be synced", "List kinds, or remove the key to sync every known kind")
    seen = Counter[str]()
    for index, resource in enumerate(resources or ()):
        place = (*at, index)
        kind = known(resource.name)
        if kind is None:
            yield _unknown_kind((*place, "name"), resource.name)
            continue
        if seen[resource.name]:
            yield Complaint((*place, "name"), f"`{resource.name}` is listed twice", "Merge the two entries")
        seen[resource.name] += 1
        yield from _options(resource, kind, place)


def _unknown_kind(place: Path, name: str) -> Complaint:
    plurals = [*BY_PLURAL, *(kind.plural for kind in from_packages())]
    near = nearest(name, plurals)
    listed = ", ".join(f"`{plural}`" for plural in plurals)
    guess = f"Did you mean `{near}`? " if near else ""
    broken = "".join(f"; {words}" for words in catalog.from_packages().broken)
    declare = "; a custom kind is declared under `sync.customResources`" if "." in name else ""
    return Complaint(place, f"`{name}` is not a kind that can be synced{broken}", f"{guess}Known are {listed}{declare}")


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

    translator = catalog.translator_of(kind.plural)
    if resource.patches and translator is not None:
        yield from patch.complaints(resource.patches, translator, place)


def _custom(file: SyncFile) -> Iterator[Complaint]:
    if not file.sync.custom_resources:
        return
    listed = None if file.sync.resources is None else {resource.name for resource in file.sync.resources}
    fixed = (the_table(file) or {}).get("*", "{")
    yield from custom_rules.complaints(file.sync.custom_resources, [kind.plural for kind in enabled(listed)], "{" not in fixed)


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
    for index, declared in enumerate(file.sync.custom_resources):
        if declared.namespace_mapping is not None:
            yield ("sync", "customResources", index, "namespaceMapping"), declared.namespace_mapping


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
