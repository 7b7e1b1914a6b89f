"""The effective configuration as a sync file: reading it again gives the same settings."""

from __future__ import annotations

import yaml

from config import rules
from config.kinds import Kind, enabled
from config.models import ClusterTreeSection, NodeChoiceSection, ResourceSection, SyncFile


def show(file: SyncFile) -> str:
    """YAML of everything that holds, defaults included, each thing said in one place. Paths are absolute: the text may be kept anywhere."""
    values = canonical(file).model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120)


def canonical(file: SyncFile) -> SyncFile:
    """The same configuration with one mapping under `sync`, every enabled kind listed, and the nodes under `clusterTree.nodes`."""
    sync = file.sync.model_copy(update={"namespace_mapping": rules.the_table(file), "resources": _resources(file.sync.resources)})
    customs = tuple(resource.model_copy(update={"namespace_mapping": None}) for resource in sync.custom_resources)
    sync = sync.model_copy(update={"custom_resources": customs})
    return file.model_copy(update={"sync": sync, "cluster_tree": _cluster_tree(file.cluster_tree)})


def _resources(resources: tuple[ResourceSection, ...] | None) -> tuple[ResourceSection, ...]:
    listed = {resource.name: resource for resource in resources or ()}
    return tuple(_resource(kind, listed.get(kind.plural)) for kind in enabled(None if resources is None else listed))


def _resource(kind: Kind, written: ResourceSection | None) -> ResourceSection:
    resource = written or ResourceSection(name=kind.plural)
    by_use = "select" not in dict(kind.refused)
    return resource.model_copy(update={"namespace_mapping": None, "select": (resource.select or "used") if by_use else None})


def _cluster_tree(tree: ClusterTreeSection) -> ClusterTreeSection:
    nodes = rules.the_nodes(tree)
    if tree.count is not None and not isinstance(nodes, tuple):
        nodes = (nodes or NodeChoiceSection()).model_copy(update={"count": tree.count})
    return tree.model_copy(update={"nodes": nodes, "count": None, "promote_resources": None})
