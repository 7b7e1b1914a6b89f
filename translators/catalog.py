"""Which translators there are, and which of them a sync file switches on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from syncer.core.errors import StartupError
from syncer.core.objects import Resource
from syncer.core.settings import Settings
from syncer.core.translator import Translator
from translators.backendtlspolicies import BACKENDTLSPOLICIES
from translators.brought import BROUGHT_SNAPSHOTS, BROUGHT_VOLUMES
from translators.configmaps import CONFIGMAPS
from translators.csi import CSIDRIVERS, CSINODES, CSISTORAGECAPACITIES
from translators.devices import DEVICECLASSES, RESOURCESLICES
from translators.endpointslices import ENDPOINTSLICES
from translators.events import EVENTS
from translators.exports import exports
from translators.gatewayclasses import GATEWAYCLASSES
from translators.gateways import GATEWAYS
from translators.ingressclasses import INGRESSCLASSES
from translators.ingresses import INGRESSES
from translators.namespaces import NAMESPACES
from translators.networkpolicies import NETWORKPOLICIES
from translators.nodes import NODES
from translators.persistentvolumeclaims import PERSISTENTVOLUMECLAIMS
from translators.persistentvolumes import PERSISTENTVOLUMES
from translators.poddisruptionbudgets import PODDISRUPTIONBUDGETS
from translators.pods import POD_TOKENS, PODS
from translators.priorityclasses import PRIORITYCLASSES
from translators.referencegrants import REFERENCEGRANTS
from translators.resourceclaims import RESOURCECLAIMS
from translators.routes import ROUTES
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
    ENDPOINTSLICES,
    INGRESSCLASSES,
    INGRESSES,
    NETWORKPOLICIES,
    GATEWAYCLASSES,
    GATEWAYS,
    *ROUTES,
    REFERENCEGRANTS,
    BACKENDTLSPOLICIES,
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
    return (resource.plural, resource.singular, *resource.short_names)


def together(translators: Iterable[Translator]) -> Catalog:
    """A catalog of exactly these. Two under one name would write over each other, so that is refused."""
    found: dict[str, Translator] = {}
    for translator in translators:
        if translator.name in found:
            raise StartupError(f"two translators are called {translator.name!r}; give one of them another name or leave it out")
        found[translator.name] = translator
    return Catalog(found)


def catalog(settings: Settings, more: Iterable[Translator] = ()) -> Catalog:
    """The built-in translators of the kinds that are switched on, and `more` (custom kinds) in the same way."""
    known = together((*BUILTIN, *more))
    enabled = (translator for translator in known if translator.kind_setting in settings.kinds and translator.asked_for(settings))
    return together((*enabled, *exports(settings)))
