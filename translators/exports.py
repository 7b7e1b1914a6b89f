"""Exports: ConfigMaps and Secrets of the host that its administrator shows in the tenant, by `sync.fromHost`.

The sync file alone says which (`from: certs/wildcard`, `to: web/tls`, or all of a namespace by `certs/*`); nothing that the tenant writes has a say.
The copy follows the original in data, immutability and type; a tenant's edit is taken back, and with the original, or its line in the sync file, the
copy goes. Labels and annotations are shown by `host.showLabels` only. A namespace that the tenant does not have is waited for. An object of the
tenant that holds the name already stays as it is, and says so (`SyncConflict`).

In the tenant a copy is an object like others: a pod that uses it gets it on the host, in its own namespace. Unused ones do not go back.

Never shown, whatever the file says: credentials of the host (tokens of its ServiceAccounts, bootstrap tokens), copies of tenants' objects, and what
every namespace has of itself (`kube-root-ca.crt`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, NAMESPACES, SECRETS, Obj, Ref, Resource, Side
from syncer.core.settings import Export, Settings
from syncer.core.stamp import TENANT
from syncer.core.translator import Answer, Draft, Life, Need, ObjectNeed, Skip, Translator, View, Wait
from translators import configmaps, secrets
from translators.content import sealed, taken
from translators.metadata import shown_metadata

KINDS = {CONFIGMAPS: configmaps.CONTENT, SECRETS: (*secrets.CONTENT, "type")}
CREDENTIALS = frozenset({"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"})


def exports(settings: Settings) -> tuple[Translator, ...]:
    """The translators of all exports: for each kind that is exported one, and further ones where an object is shown in several places."""
    found: list[Translator] = []
    for resource in KINDS:
        if (listed := settings.exports.get(resource.plural)) is not None:
            found += [export(resource, rules, number) for number, rules in enumerate(layers(listed) or [()])]
    return tuple(found)


def layers(rules: Iterable[Export]) -> list[tuple[Export, ...]]:
    """The rules in as few groups as it takes so that no object has two places in one group."""
    made: list[list[Export]] = []
    for rule in rules:
        free = next((layer for layer in made if not any(_meet(rule, other) for other in layer)), None)
        if free is None:
            made.append([rule])
        else:
            free.append(rule)
    return [tuple(layer) for layer in made]


def _meet(one: Export, other: Export) -> bool:
    """Whether both may mean the same object of the host."""
    return one.namespace == other.namespace and (not one.name or not other.name or one.name == other.name)


def export(resource: Resource, rules: Sequence[Export], number: int = 0) -> Translator:
    """One translator. Of `rules`, no two mean the same object."""
    content = KINDS[resource]

    def target_name(names: Names, namespace: str, name: str) -> tuple[str, str] | None:
        rule = _first(rules, lambda rule: rule.namespace == namespace and rule.name in ("", name))
        return None if rule is None else (rule.to_namespace, rule.to_name or name)

    def source_of(namespace: str, name: str) -> tuple[str, str] | None:
        rule = _first(rules, lambda rule: rule.to_namespace == namespace and rule.to_name in ("", name))
        return None if rule is None else (rule.namespace, rule.name or name)

    def room(host: Obj, names: Names) -> ObjectNeed | None:
        meta = host["metadata"]
        target = target_name(names, meta["namespace"], meta["name"])
        return None if target is None else ObjectNeed(Side.TENANT, Ref(NAMESPACES.plural, "", target[0]), wake=True)

    def needs(host: Obj, names: Names, settings: Settings) -> Iterable[Need]:
        need = room(host, names)
        return () if need is None else (need,)

    def up(host: Obj, view: View) -> Answer:
        if (reason := kept_back(resource, host, view.settings)) is not None:
            return Skip(reason)
        need = room(host, view.names)
        namespace = None if need is None else view.get(need)
        if need is None or namespace is None or namespace["metadata"].get("deletionTimestamp"):
            return Wait("the tenant has no such namespace", () if need is None else (need,), quiet=True)
        labels, annotations = shown_metadata(host, view)
        return Draft({"metadata": {"labels": labels, "annotations": annotations}, **taken(host, content)})

    return Translator(
        name=f"exported-{resource.plural}" + (f"-{number + 1}" if number else ""),
        source=resource,
        life=Life.HOST_LEADS,
        tenant_owns=(),
        host_owns=tuple((field,) for field in content),
        recreate_on=(("type",),) if "type" in content else (),
        must_recreate=sealed(content),
        needs=needs,
        up=up,
        target_name=target_name,
        source_of=source_of,
        places=tuple(dict.fromkeys((rule.namespace, rule.name) for rule in rules)),
        concerns=lambda entry: any(entry.meta.namespace == rule.namespace for rule in rules),
    )


def _first(rules: Iterable[Export], holds: Callable[[Export], bool]) -> Export | None:
    return next((rule for rule in rules if holds(rule)), None)


def kept_back(resource: Resource, host: Obj, settings: Settings) -> str | None:
    """Why this object of the host is not shown although the file names it, or None."""
    meta = host["metadata"]
    if host.get("type") in CREDENTIALS:
        return "credentials of the host are never shown"
    if (meta.get("labels") or {}).get(TENANT):
        return "copies of a tenant's objects are never shown"
    if f"{resource.plural}/{meta['name']}" in settings.host.reserved_names:
        return "every namespace has one of its own"
    return None
