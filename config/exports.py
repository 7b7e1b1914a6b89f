"""What `sync.fromHost` may say, and the values it becomes.

The guarantee: under rules that pass here every object of the tenant has at most one original on the host, and nothing is shown out of namespaces
that hold this tenant's own workload or the syncer's credentials.
"""

from __future__ import annotations

from collections.abc import Iterator

from config import mapping
from config.errors import Complaint, Path
from config.models import ExportSection, FromHostSection
from syncer.core.settings import Export, NamespaceMapping

ALL = "*"


def lowered(section: FromHostSection) -> dict[str, tuple[Export, ...]]:
    """By plural name; a kind that is not written is not in it."""
    listed = {"configmaps": section.configmaps, "secrets": section.secrets}
    return {plural: tuple(map(_export, rules)) for plural, rules in listed.items() if rules is not None}


def _export(rule: ExportSection) -> Export:
    (namespace, name), (to_namespace, to_name) = (_split(place) for place in (rule.source, rule.target))
    return Export(namespace=namespace, name=name, to_namespace=to_namespace, to_name=to_name)


def _split(place: str) -> tuple[str, str]:
    namespace, _, name = place.partition("/")
    return namespace, "" if name == ALL else name


def complaints(section: FromHostSection, own: str | None, workload: NamespaceMapping) -> Iterator[Complaint]:
    """Everything that is wrong. `own` is the syncer's namespace, `workload` where the tenant's namespaces land."""
    for plural, rules in (("configmaps", section.configmaps), ("secrets", section.secrets)):
        at: Path = ("sync", "fromHost", plural)
        made = [_export(rule) for rule in rules or ()]
        for index, rule in enumerate(made):
            yield from _alone(rule, plural, (*at, index), own, workload)
            before = next((number for number, other in enumerate(made[:index]) if _meet(rule, other)), None)
            if before is not None:
                yield Complaint(
                    (*at, index, "to"),
                    "an object could be shown here by <there> as well",
                    "Give each its own namespace in the tenant, or list single objects under names of their own",
                    there=(*at, before, "to"),
                )


def _alone(rule: Export, plural: str, at: Path, own: str | None, workload: NamespaceMapping) -> Iterator[Complaint]:
    source = (*at, "from")
    if bool(rule.name) != bool(rule.to_name):
        yield Complaint((*at, "to"), f"one side names an object, the other all of a namespace (`{ALL}`)", f"Write a name, or `{ALL}`, on both sides")
    if rule.namespace == own:
        yield Complaint(source, f"`{own}` is the syncer's own namespace, with credentials in it", "Keep what is to be shown in another namespace")
    elif _is_workload(rule.namespace, workload):
        yield Complaint(source, f"`{rule.namespace}` holds the tenant's own workload", "Keep what is to be shown in another namespace")
    if plural == "secrets" and not rule.name and (rule.namespace == "default" or rule.namespace.startswith("kube-")):
        yield Complaint(source, f"this would show every Secret of the host's own namespace `{rule.namespace}`", "Name the Secrets that are meant")


def _is_workload(namespace: str, workload: NamespaceMapping) -> bool:
    if namespace in workload.table.values() or namespace == workload.shared:
        return True
    return workload.pattern is not None and mapping.inner(workload.pattern, namespace) is not None


def _meet(one: Export, other: Export) -> bool:
    """Whether both may give one object of the tenant."""
    return one.to_namespace == other.to_namespace and (not one.to_name or not other.to_name or one.to_name == other.to_name)
