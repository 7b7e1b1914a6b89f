"""The translator of one declared kind that the tenant leads: what the tenant owns goes down, what the host owns comes up.

Built from an allow-list like every other kind: the paths that the declaration gives the tenant cross, with declared references and selectors
translated in them; all other fields stay behind and are named. Which version, kind and scope it has is declared and not looked up, so that the
same file means the same thing before and after the definition is installed; where the definition says otherwise, the kind stays asleep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from syncer.core.fieldpaths import Place, edited, picked
from syncer.core.names import Names, digest, shortened
from syncer.core.objects import Obj, Resource
from syncer.core.settings import CustomKind, Mode, Settings
from syncer.core.translator import Answer, Draft, Need, Path, Skip, Subresource, Translator, View, Wait
from translators.custom import boundaries, owners, references, selectors
from translators.custom.references import Targets
from translators.custom.refusing import refusing
from translators.custom.shown import shown_kind
from translators.custom.words import in_the_tenants_words
from translators.metadata import Dropped, down_metadata

GENERATION = "kled.io/source-generation"
"""Annotation of the host object: the tenant object's generation that its spec was made from."""

_LABEL_LIMIT = 63
_EVERYWHERE = frozenset({"apiVersion", "kind", "metadata"})


def custom_kinds(settings: Settings, others: Iterable[Translator]) -> tuple[Translator, ...]:
    """The translators of all declared kinds. `others` are what their references may name beside each other."""
    by_kind = {translator.kind_setting: translator for translator in others if translator.name == translator.source.plural}
    for kind in settings.custom:
        by_kind[kind.name] = custom_kind(kind, settings.kinds[kind.name].mode, by_kind)
    return tuple(by_kind[kind.name] for kind in settings.custom)


def custom_kind(kind: CustomKind, mode: Mode, by_kind: Mapping[str, Translator]) -> Translator:
    """The translator of one kind. `by_kind` is asked when objects are translated: until then kinds may be added that it refers to."""
    return shown_kind(kind, resource_of(kind), by_kind.get) if mode == "fromHost" else _record(kind, by_kind)


def resource_of(kind: CustomKind) -> Resource:
    """Called by plural and group, which is also the value of a label on every host object of the kind, so it is shortened like other names."""
    called = kind.name if len(kind.name) <= _LABEL_LIMIT else shortened(kind.plural, digest(kind.name), _LABEL_LIMIT)
    return Resource(kind.group, kind.version, called, kind.kind, namespaced=kind.namespaced, served_as=kind.plural)


def _record(kind: CustomKind, by_kind: Mapping[str, Translator]) -> Translator:
    resource, targets = resource_of(kind), by_kind.get

    def needs(obj: Obj, names: Names, settings: Settings) -> Iterator[Need]:
        yield from references.needs_of(obj, kind, names, targets)
        if kind.owner_references:
            yield from owners.owner_needs(obj, names, by_kind.values())

    status: tuple[Path, ...] = tuple(path for path in kind.host_owns if path[0] == "status")
    return Translator(
        name=resource.plural,
        kind=kind.name,
        source=resource,
        tenant_owns=(*kind.tenant_owns, *((owners.OWNERS,) if kind.owner_references else ())),
        host_owns=kind.host_owns,
        tenant_subresources=(Subresource("status", status),) if status and kind.status_subresource else (),
        needs=needs,
        down=refusing(_down(kind, targets, by_kind)),
        up=_up(kind) if kind.host_owns else None,
        optional=True,
        prefetch=any(reference.optional for reference in kind.references),
        definition=kind.name,
    )


def _down(kind: CustomKind, targets: Targets, by_kind: Mapping[str, Translator]) -> Callable[[Obj, View], Answer]:
    def down(obj: Obj, view: View) -> Answer:
        meta, body = obj["metadata"], picked(obj, kind.tenant_owns)
        own = meta.get("namespace", "")
        found = references.translated(body, own, kind, view, targets)
        confining, unmatched = selectors.confining(body, own, kind, view)
        boundaries.check(body, kind, found.edits.keys() | confining.keys())
        if found.waits:
            return Wait("; ".join(dict.fromkeys(reason for reason, _ in found.waits)), tuple(need for _, need in found.waits))
        labels, annotations, dropped = down_metadata(obj, view)
        metadata: dict[str, Any] = {"labels": labels, "annotations": annotations}
        if meta.get("generation") and kind.status_subresource:  # without it every status would be a generation
            metadata["annotations"] = {**annotations, GENERATION: str(meta["generation"])}
        if kind.owner_references:
            metadata["ownerReferences"] = owners.host_owners(obj, view, by_kind.values())
        edits: dict[Place, Any] = {**found.edits, **confining}
        made = edited(body, edits) if edits else body
        return Draft({**made, "metadata": metadata}, (*dropped, *unmatched, *_left_behind(obj, kind)))

    return down


def _left_behind(obj: Obj, kind: CustomKind) -> Dropped:
    """Top-level fields that nobody was given."""
    known = {path[0] for path in (*kind.tenant_owns, *kind.host_owns)} | _EVERYWHERE | {"status"}
    return tuple((field, f"it is not among the paths of {kind.name} in the sync file") for field in sorted(obj.keys() - known))


def _up(kind: CustomKind) -> Callable[[Obj, View], Answer]:
    def up(host: Obj, view: View) -> Answer:
        tenant = view.counterpart
        if tenant is None:
            return Skip("the object is gone in the tenant")
        body = picked(host, kind.host_owns)
        edits = references.shown(body, host["metadata"].get("namespace", ""), kind, view)
        made = edited(body, edits) if edits else body
        return Draft(in_the_tenants_words(made, host, tenant, _generation(host), view))

    return up


def _generation(host: Obj) -> int | None:
    """The tenant's generation that the host's present one stands for."""
    recorded = str((host["metadata"].get("annotations") or {}).get(GENERATION, ""))
    return int(recorded[:18]) if recorded.isdecimal() else None


__all__ = ["GENERATION", "custom_kind", "custom_kinds", "resource_of"]
