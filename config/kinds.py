"""The kinds a sync file may list, and what may be said of each. The one place to extend when a kind is added.

Modes: `bidirectional` sends what the tenant owns down and what the host owns (status) up. `toHost` only sends down: nothing the host writes
reaches the tenant. `fromHost` only brings up what the host has; it makes sense for kinds that the host leads.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from syncer.core.objects import Side
from syncer.core.settings import Mode
from syncer.core.translator import Translator
from translators import catalog

_DOWN: tuple[Mode, ...] = ("bidirectional", "toHost")
_UP: tuple[Mode, ...] = ("bidirectional", "fromHost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`always`: on even when the file lists kinds and not this one. `goes_with`: on with any of these, which could not do without. `named`:
    which objects are synced is chosen by `names`. `refused`: keys that make no sense here, each with what to do instead."""

    plural: str
    modes: tuple[Mode, ...]
    always: bool = False
    goes_with: tuple[str, ...] = ()
    named: bool = False
    refused: tuple[tuple[str, str], ...] = ()


_NO_SELECT = ("select", "Remove it; only configmaps and secrets are synced by use")


def _class(plural: str, *goes_with: str) -> Kind:
    """A kind of class that the host offers by name."""
    return Kind(plural=plural, modes=_UP, goes_with=goes_with, named=True, refused=(_NO_SELECT, _no_mapping(plural)))


def _no_mapping(plural: str) -> tuple[str, str]:
    return "namespaceMapping", f"Remove it; {plural} have no namespace"


KINDS: tuple[Kind, ...] = (
    Kind(plural="pods", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(plural="services", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(plural="configmaps", modes=_DOWN, goes_with=("pods",)),
    Kind(plural="secrets", modes=_DOWN, goes_with=("pods",)),
    Kind(plural="serviceaccounts", modes=_DOWN, goes_with=("pods",), refused=(_NO_SELECT,)),
    Kind(plural="poddisruptionbudgets", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(plural="namespaces", modes=_DOWN, always=True, refused=(_NO_SELECT,)),
    Kind(
        plural="nodes",
        modes=_UP,
        always=True,
        refused=(
            _NO_SELECT,
            ("selector", "Choose nodes by `clusterTree.nodes.selector`"),
            _no_mapping("nodes"),
        ),
    ),
    Kind(plural="persistentvolumeclaims", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(
        plural="persistentvolumes",
        modes=_UP,
        goes_with=("persistentvolumeclaims",),
        refused=(_NO_SELECT, ("selector", "Remove it; volumes follow their claims"), _no_mapping("persistentvolumes")),
    ),
    _class("storageclasses", "persistentvolumeclaims"),
    _class("priorityclasses", "pods"),
    _class("runtimeclasses", "pods"),
    Kind(plural="resourceclaims", modes=_DOWN, goes_with=("pods",), refused=(_NO_SELECT,)),
    _class("deviceclasses", "pods", "resourceclaims"),
    Kind(
        plural="resourceslices",
        modes=_UP,
        goes_with=("pods", "resourceclaims"),
        refused=(_NO_SELECT, _no_mapping("resourceslices"), ("selector", "Choose devices by `policy.deviceDrivers`")),
    ),
    _class("volumeattributesclasses"),
    Kind(plural="volumesnapshots", modes=_DOWN, refused=(_NO_SELECT,)),
    _class("volumesnapshotclasses", "volumesnapshots"),
    Kind(
        plural="events",
        modes=_UP,
        always=True,
        refused=(_NO_SELECT, ("selector", "Remove it; events follow the objects they tell of")),
    ),
)


def enabled(listed: Collection[str] | None) -> list[Kind]:
    """The kinds that are on when a file lists these (None: the file lists none). Kinds of other packages are on when they are listed."""
    if listed is None:
        return list(KINDS)
    listed = frozenset(listed)
    found = [kind for kind in KINDS if kind.always or kind.plural in listed or not listed.isdisjoint(kind.goes_with)]
    return found + ([kind for kind in from_packages() if kind.plural in listed] if listed - BY_PLURAL.keys() else [])


def known(name: str) -> Kind | None:
    """The kind of that name. Other packages are asked only for what is not built in."""
    return BY_PLURAL.get(name) or next((kind for kind in from_packages() if kind.plural == name), None)


def from_packages() -> list[Kind]:
    """The kinds that other packages bring, as their translators describe them."""
    return [_described(translator) for translator in catalog.from_packages().translators if translator.name == translator.kind_setting]


def _described(translator: Translator) -> Kind:
    modes = _UP if translator.leading is Side.HOST else _DOWN
    refused = () if translator.only_if_needed else (_NO_SELECT,)
    if not translator.source.namespaced:
        refused = (*refused, _no_mapping(translator.name))
    return Kind(plural=translator.name, modes=modes, named=translator.leading is Side.HOST, refused=refused)


BY_PLURAL = {kind.plural: kind for kind in KINDS}
