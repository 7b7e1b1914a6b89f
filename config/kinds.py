"""The kinds a sync file may list, and what may be said of each. The one place to extend when a kind is added.

Modes: `bidirectional` sends what the tenant owns down and what the host owns (status) up. `toHost` only sends down: nothing the host writes
reaches the tenant. `fromHost` only brings up what the host has; it makes sense for kinds that the host leads.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from syncer.core.settings import Mode

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


_ROUTES = ("httproutes", "grpcroutes", "tlsroutes", "tcproutes")

KINDS: tuple[Kind, ...] = (
    Kind(plural="pods", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(plural="services", modes=_DOWN, goes_with=("endpointslices", "ingresses", "backendtlspolicies", *_ROUTES), refused=(_NO_SELECT,)),
    Kind(plural="configmaps", modes=_DOWN, goes_with=("pods", "ingresses", "gateways", "backendtlspolicies")),
    Kind(plural="secrets", modes=_DOWN, goes_with=("pods", "ingresses", "gateways", "backendtlspolicies")),
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
    Kind(plural="endpointslices", modes=_DOWN, refused=(_NO_SELECT,)),
    _class("ingressclasses", "ingresses"),
    Kind(plural="ingresses", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(plural="networkpolicies", modes=_DOWN, refused=(_NO_SELECT,)),
    _class("gatewayclasses", "gateways", *_ROUTES),
    Kind(plural="gateways", modes=_DOWN, goes_with=_ROUTES, refused=(_NO_SELECT,)),
    *(Kind(plural=plural, modes=_DOWN, refused=(_NO_SELECT,)) for plural in _ROUTES),
    Kind(plural="referencegrants", modes=_DOWN, goes_with=("gateways", *_ROUTES), refused=(_NO_SELECT,)),
    Kind(plural="backendtlspolicies", modes=_DOWN, refused=(_NO_SELECT,)),
    Kind(
        plural="events",
        modes=_UP,
        always=True,
        refused=(_NO_SELECT, ("selector", "Remove it; events follow the objects they tell of")),
    ),
)


def enabled(listed: Collection[str] | None) -> list[Kind]:
    """The kinds that are on when a file lists these (None: the file lists none)."""
    if listed is None:
        return list(KINDS)
    listed = frozenset(listed)
    return [kind for kind in KINDS if kind.always or kind.plural in listed or not listed.isdisjoint(kind.goes_with)]


BY_PLURAL = {kind.plural: kind for kind in KINDS}
