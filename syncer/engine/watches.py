"""Which lists are kept current: every kind that a translator reads or writes, on the side where it does.

Tenant kinds and cluster-scoped host kinds are watched as a whole. Namespaced host kinds are watched namespace by namespace, because that is all
the syncer may read: a ServiceAccount that could list the Secrets of every host namespace would be worth stealing. Host objects are selected by our
own label on the server, so that a foreign object in a shared namespace costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncer.core import stamp as stamps
from syncer.core.objects import EVENTS, NAMESPACES, NODES, SERVICEACCOUNTS, Resource, Side
from syncer.core.translator import Translator

_NOT_OURS = frozenset({NODES, EVENTS})
"""Host kinds that we read without having made the objects."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One kind on one side; `selector` is a label selector. `whole`: not by namespace."""

    side: Side
    resource: Resource
    selector: str = ""
    whole: bool = True


def watches(translators: Iterable[Translator], tenant: str) -> tuple[Watch, ...]:
    """What has to be watched for these translators."""
    found: dict[tuple[Side, str], Watch] = {}

    def add(side: Side, resource: Resource) -> None:
        selector, whole = "", True
        if side is Side.HOST:
            whole = not resource.namespaced
            selector = "" if resource in _NOT_OURS else f"{stamps.TENANT}={tenant}"
        elif resource is EVENTS:
            selector = f"{stamps.MANAGED_BY}={stamps.MANAGER}"
        found.setdefault((side, resource.plural), Watch(side, resource, selector, whole))

    for translator in translators:
        add(translator.leading, translator.source)
        add(translator.leading.other, translator.destination)
        for side, resource in translator.reads:
            add(side, resource)
    add(Side.TENANT, NAMESPACES)
    add(Side.HOST, NAMESPACES)
    add(Side.HOST, SERVICEACCOUNTS)
    return tuple(found.values())
