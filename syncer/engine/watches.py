"""Which lists are kept current: every kind that a translator reads or writes, on the side where it does.

Tenant kinds and cluster-scoped host kinds are watched as a whole. Namespaced host kinds are watched namespace by namespace, because that is all
the syncer may read: a ServiceAccount that could list the Secrets of every host namespace would be worth stealing. Host objects are selected by our
own label on the server, so that a foreign object in a shared namespace costs nothing; only where the host leads, or a translator reads what is not
ours, there is no selector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from syncer.core import stamp as stamps
from syncer.core.objects import EVENTS, NAMESPACES, SERVICEACCOUNTS, Resource, Side
from syncer.core.translator import Translator


@dataclass(frozen=True, slots=True)
class Watch:
    """One kind on one side; `selector` is a label selector. `whole`: not by namespace. `follows`: watched where other kinds are. `namespace` and
    `name` narrow it to one place."""

    side: Side
    resource: Resource
    selector: str = ""
    whole: bool = True
    follows: bool = False
    namespace: str = ""
    name: str = ""


def watches(translators: Iterable[Translator], tenant: str) -> tuple[Watch, ...]:
    """What has to be watched for these translators."""
    found: dict[tuple[Side, str], Watch] = {}

    def add(side: Side, resource: Resource, *, made_by_us: bool, everywhere: bool = False) -> None:
        selector = ""
        if side is Side.HOST and made_by_us:
            selector = f"{stamps.TENANT}={tenant}"
        elif resource == EVENTS and side is Side.TENANT:
            selector = f"{stamps.MANAGED_BY}={stamps.MANAGER}"
        there = found.get((side, resource.plural))
        if there is None or not selector:
            whole = side is Side.TENANT or not resource.namespaced or everywhere
            follows = resource not in made if there is None else there.follows
            found[side, resource.plural] = Watch(side, resource, selector, whole, follows)

    translators = tuple(translators)
    made = {translator.destination for translator in translators if translator.leading is Side.TENANT}
    for translator in translators:
        if translator.places is None:
            add(translator.leading, translator.source, made_by_us=False, everywhere=translator.everywhere)
        add(translator.leading.other, translator.destination, made_by_us=True)
        for side, resource in translator.reads:
            add(side, resource, made_by_us=False)
    add(Side.TENANT, NAMESPACES, made_by_us=False)
    add(Side.HOST, NAMESPACES, made_by_us=True)
    add(Side.HOST, SERVICEACCOUNTS, made_by_us=True)
    return tuple(found.values())


def watched_places(translators: Iterable[Translator]) -> tuple[Watch, ...]:
    """What has to be watched on the host outside of workload namespaces: whole namespaces, and single objects elsewhere."""
    found: dict[tuple[Resource, str, str], None] = {}
    for translator in translators:
        found.update(dict.fromkeys((translator.source, namespace, name) for namespace, name in translator.places or ()))
    return tuple(
        Watch(Side.HOST, resource, namespace=namespace, name=name)
        for resource, namespace, name in found
        if not name or (resource, namespace, "") not in found
    )
