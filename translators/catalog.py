"""Which translators there are, and which of them a sync file switches on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from syncer.core.errors import StartupError
from syncer.core.objects import Resource
from syncer.core.settings import Settings
from syncer.core.translator import Translator
from translators.brought import BROUGHT_SNAPSHOTS, BROUGHT_VOLUMES
from translators.configmaps import CONFIGMAPS
from translators.csi import CSIDRIVERS, CSINODES, CSISTORAGECAPACITIES
from translators.custom import custom_kinds, definitions
from translators.devices import DEVICECLASSES, RESOURCESLICES
from translators.events import EVENTS
from translators.exports import exports
from translators.namespaces import NAMESPACES
from translators.nodes import NODES
from translators.patches import patched
from translators.persistentvolumeclaims import PERSISTENTVOLUMECLAIMS
from translators.persistentvolumes import PERSISTENTVOLUMES
from translators.plugins import Plugins, installed
from translators.poddisruptionbudgets import PODDISRUPTIONBUDGETS
from translators.pods import POD_TOKENS, PODS
from translators.priorityclasses import PRIORITYCLASSES
from translators.resourceclaims import RESOURCECLAIMS
from translators.runtimeclasses import RUNTIMECLASSES
from translators.secrets import SECRETS
from translators.serviceaccounts import SERVICEACCOUNTS
from translators.services import SERVICES
from translators.storageclasses import STORAGECLASSES
from translators.volumeattributesclasses import VOLUMEATTRIBUTESCLASSES
from translators.volumesnapshotclasses import VOLUMESNAPSHOTCLASSES
from translators.volumesnapshotcontents import VOLUMESNAPSHOTCONTENTS
from translators.volumesnapshots import VOLUMESNAPSHOTS

BUILTIN: tuple[Translator, ...] = (
    NAMESPACES,
    NODES,
    SERVICES,
    CONFIGMAPS,
    SECRETS,
    SERVICEACCOUNTS,
    STORAGECLASSES,
    PRIORITYCLASSES,
    RUNTIMECLASSES,
    DEVICECLASSES,
    RESOURCESLICES,
    RESOURCECLAIMS,
    VOLUMEATTRIBUTESCLASSES,
    PERSISTENTVOLUMECLAIMS,
    PERSISTENTVOLUMES,
    CSIDRIVERS,
    CSINODES,
    CSISTORAGECAPACITIES,
    BROUGHT_VOLUMES,
    VOLUMESNAPSHOTCLASSES,
    VOLUMESNAPSHOTS,
    VOLUMESNAPSHOTCONTENTS,
    BROUGHT_SNAPSHOTS,
    PODS,
    POD_TOKENS,
    PODDISRUPTIONBUDGETS,
    EVENTS,
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The translators of one syncer, by name."""

    by_name: Mapping[str, Translator]

    def __iter__(self) -> Iterator[Translator]:
        return iter(self.by_name.values())

    @property
    def by_plural(self) -> Mapping[str, Translator]:
        """The translator of each kind (those with a name of their own are none of a kind)."""
        return {translator.source.plural: translator for translator in self if translator.name == translator.source.plural}

    def find(self, kind: str) -> Translator | None:
        """By plural, singular or short name, in any case, with or without the group (`svc`, `Service`, `services`, `services.core`)."""
        wanted, _, group = kind.lower().partition(".")
        for translator in self.by_plural.values():
            if wanted in _words(translator.source) and group in ("", translator.source.group, translator.source.group or "core"):
                return translator
        return None


def _words(resource: Resource) -> tuple[str, ...]:
    return (resource.in_urls, resource.singular, *resource.short_names)


def together(translators: Iterable[Translator]) -> Catalog:
    """A catalog of exactly these. Two under one name would write over each other, so that is refused."""
    found: dict[str, Translator] = {}
    for translator in translators:
        if translator.name in found:
            raise StartupError(f"two translators are called {translator.name!r}; give one of them another name or leave it out")
        found[translator.name] = translator
    return Catalog(found)


def catalog(settings: Settings, more: Iterable[Translator] = ()) -> Catalog:
    """The translators of the kinds that are switched on: built in, from other packages (and `more`), declared, shown; all with their patches."""
    known = together((*BUILTIN, *_from_packages(settings), *more))
    on = [translator for translator in known if translator.kind_setting in settings.kinds and translator.asked_for(settings)]
    declared = custom_kinds(settings, on)
    made = together((*on, *((definitions(settings.custom),) if declared else ()), *declared, *exports(settings)))
    return Catalog({name: _patched(translator, settings) for name, translator in made.by_name.items()})


def _patched(translator: Translator, settings: Settings) -> Translator:
    """Patches of a kind are for its own objects, not for what else its setting switches on."""
    kind = settings.kinds.get(translator.kind_setting)
    main = translator.name == translator.source.plural
    return patched(translator, kind.patches) if kind is not None and kind.patches and main else translator


def _from_packages(settings: Settings) -> tuple[Translator, ...]:
    """Asked only when the settings name a kind that is neither built in nor declared."""
    ours = {translator.kind_setting for translator in BUILTIN} | {kind.name for kind in settings.custom}
    return from_packages().translators if settings.kinds.keys() - ours else ()


def translator_of(kind: str) -> Translator | None:
    """The translator of a kind that is built in or comes with a package."""
    found = next((each for each in BUILTIN if each.name == kind), None)
    return found or next((each for each in from_packages().translators if each.name == kind), None)


def from_packages() -> Plugins:
    """What other packages bring. Raises StartupError for a name that is taken already."""
    found, names = installed(), {translator.name for translator in BUILTIN}
    for translator, origin in zip(found.translators, found.origins, strict=True):
        if translator.name in names:
            raise StartupError(f"{origin}: a translator called {translator.name!r} is built in; the package must call its own otherwise")
    return found
