"""The record a kind is described by, and what its two functions may return.

A translator is a frozen value. It says who leads, which paths each side owns and what else must be seen, and has two pure functions: `down`
(what the host object should look like, from the tenant object) and `up` (what the tenant object should show, from the host object). It gets no
client, no clock and no logger; the engine alone does IO. `syncer.testing.laws` checks what every translator must keep.

A path is a tuple of keys; `Each("name")` in it stands for every item of a list whose items are told apart by that field:

    ("spec", "selector")                            the whole value
    ("spec", "containers", Each("name"), "image")   that field of the items that exist on both sides
    ("spec", "ephemeralContainers", Each("name"))   whole items: missing ones are added, others stay
    ("spec", "ports", AllBut("name", ("nodePort",)))  the whole list, except that field of the items that exist on both sides
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from syncer.core.names import Names
from syncer.core.objects import Obj, Ref, Resource, Side
from syncer.core.settings import KindSettings, Settings


class Each(NamedTuple):
    """In a path: every item of a list, told apart by the value of `key`."""

    key: str


class AllBut(NamedTuple):
    """Last in a path: the whole list, whose items are told apart by the value of `key`; but `fields` of an item that is there already belong
    to the other side (node ports: the list is the tenant's, the numbers are the host's)."""

    key: str
    fields: tuple[str, ...]


Path = tuple[str | Each | AllBut, ...]


class Life(Enum):
    """Who decides about existence. SHARED_FATE: the tenant object is created first, but does not outlive its host object (pods)."""

    TENANT_LEADS = "tenant"
    HOST_LEADS = "host"
    SHARED_FATE = "shared"


class Purpose(Enum):
    """What follows from a need. DEMAND: the needed object is in use (and synced because of it). READ: its content is part of the answer.
    PROBE: a host object that is not ours may hold the name; the engine looks live before a first answer (`View.is_ours` is then False)."""

    DEMAND = "demand"
    READ = "read"
    PROBE = "probe"


class ObjectNeed(NamedTuple):
    """One object that must be seen. With `wake`, a change of it leads to a new look at the one that needs it."""

    side: Side
    ref: Ref
    purpose: Purpose = Purpose.READ
    wake: bool = False


class ListNeed(NamedTuple):
    """All objects of a kind in a namespace (or everywhere, with an empty one)."""

    side: Side
    plural: str
    namespace: str
    wake: bool = False


class TokenNeed(NamedTuple):
    """A service-account token of the tenant, bound to `pod`, kept under `entry` of the target Secret until 80 % of its life are over."""

    namespace: str
    service_account: str
    audience: str
    seconds: int
    pod: str
    pod_uid: str
    entry: str


Need = ObjectNeed | ListNeed | TokenNeed


@dataclass(frozen=True, slots=True)
class Draft:
    """What the far side should look like: `body` without status stamps and names (the engine adds them), with `metadata.labels` and
    `metadata.annotations` where wanted. `dropped` are fields that do not cross, told to the tenant once."""

    body: Mapping[str, Any]
    dropped: tuple[tuple[str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    """Further events, as (reason, message)."""


@dataclass(frozen=True, slots=True)
class Skip:
    """This object has no business on the far side; what is there of ours is removed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: what `on` names must be there first. What is on the far side stays as it is. `quiet`: a normal step of life (an unscheduled
    pod), no event however long it takes."""

    reason: str
    on: tuple[Need, ...] = ()
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Untranslatable or against policy: nothing is written, the tenant object says which `field` and why."""

    field: str
    message: str


Answer = Draft | Skip | Wait | Refusal


class View(Protocol):
    """All a translator may know besides its object."""

    @property
    def settings(self) -> Settings: ...

    @property
    def names(self) -> Names: ...

    @property
    def counterpart(self) -> Obj | None:
        """The object on the far side, if there is one of ours."""

    def get(self, need: ObjectNeed) -> Obj | None: ...

    def list(self, need: ListNeed) -> Sequence[Obj]: ...

    def token(self, need: TokenNeed) -> str | None: ...

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        """Whether the host object `ref` is our copy of the tenant object `source`; None when we know of no such object."""

    def tenant_ref(self, plural: str, host_namespace: str, host_name: str) -> Ref | None:
        """The tenant object behind one of our host objects."""


@dataclass(frozen=True, slots=True)
class Subresource:
    """Paths that are not written with the object itself but through `name` (`status`, `resize`, `ephemeralcontainers`)."""

    name: str
    paths: tuple[Path, ...]


def needs_nothing(obj: Obj, names: Names, settings: Settings) -> Iterable[Need]:
    return ()


def as_is(obj: Obj, view: View) -> Answer:
    return Draft(obj)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Verbs beyond what follows from the record itself, as (group, resource or resource/subresource, verbs)."""

    host: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    tenant: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Translator:
    """One kind. See the module docstring; `docs/extending.md` walks through a whole one."""

    name: str
    """Plural name of the kind, or a name of its own when the target is of another kind (`pod-tokens`)."""
    source: Resource
    """The kind on the leading side."""
    target: Resource | None = None
    """The kind on the following side; the same unless said otherwise."""
    life: Life = Life.TENANT_LEADS
    tenant_owns: tuple[Path, ...]
    """Paths of the host object that follow the tenant's. No default: somebody must have thought about it."""
    host_owns: tuple[Path, ...] = (("status",),)
    """Paths of the tenant object that follow the host's."""
    recreate_on: tuple[Path, ...] = ()
    """Owned paths that cannot change in place: the far object is deleted and created anew."""
    must_recreate: Callable[[Mapping[str, Any], Obj], bool] | None = None
    """(complete draft, far object) → whether the change cannot be made in place, when a list of paths cannot say it (immutable objects)."""
    host_subresources: tuple[Subresource, ...] = ()
    tenant_subresources: tuple[Subresource, ...] = ()
    only_if_needed: bool = False
    needs: Callable[[Obj, Names, Settings], Iterable[Need]] = needs_nothing
    down: Callable[[Obj, View], Answer] | None = None
    up: Callable[[Obj, View], Answer] | None = None
    target_name: Callable[[Names, str, str], tuple[str, str] | None] | None = None
    """(names, namespace, name) → (namespace, name) on the other side, when it is not the mapping of the kind itself."""
    target_from: Callable[[Obj, View], tuple[str, str] | Skip | Wait] | None = None
    """(source, view) → (namespace, name) on the other side, when only the source's content decides that (events)."""
    source_of: Callable[[str, str], tuple[str, str] | None] | None = None
    """(namespace, name) of an object on the following side → of the one that it would be the copy of, where a stamp does not say it (objects of
    the host that the tenant shows under names of the administrator's choice)."""
    places: tuple[tuple[str, str], ...] | None = None
    """HOST_LEADS: where the sources are, as (namespace, name or empty for all), when that is not the workload namespaces. Only these places are
    watched, and rights are given there and nowhere else."""
    keep_when_source_gone: bool = False
    """Whether the far object outlives its source (events: the host forgets them after an hour, the tenant after its own)."""
    same_by_name: bool = False
    """Whether a source that was made anew under its name is still the same to its copy, which is then kept (definitions of kinds)."""
    reads: tuple[tuple[Side, Resource], ...] = ()
    """Kinds that `needs` may name beside the source, the target and what other translators handle; they are watched, and read rights follow."""
    recreate_tenant: Callable[[Obj, Obj, View], Mapping[str, Any] | None] | None = None
    """(tenant object, host object, view) → body of a tenant object to be created in the place of this one, or None."""
    placed: Callable[[Obj], bool] | None = None
    """SHARED_FATE: whether the source shows that its host object has existed."""
    finished: Callable[[Obj], bool] | None = None
    """Whether a source without a copy shall stay without one (a pod that has ended)."""
    check: Callable[[Mapping[str, Any], View], tuple[tuple[str, str], ...]] | None = None
    """Policy on the final host object: (field, reason) of each violation."""
    keep: Callable[[Any], bool] | None = None
    """Which objects of the leading side are worth remembering, asked of the undecoded entry (metadata and bytes); the rest is never stored."""
    keep_for: Callable[[Settings], Callable[[Any], bool]] | None = None
    """The same, made once from the settings (volumes of other tenants are not worth their memory)."""
    keep_copies: bool = False
    """Whether `keep` is asked of the other side's objects, too (kinds with the same name on both sides)."""
    concerns: Callable[[Any], bool] | None = None
    """Asked of an undecoded source: whether this translator can have anything to do with it. Cheap, and never wrong in saying no."""
    definition: str = ""
    """The CustomResourceDefinition that makes this kind exist. Objects that go with it were not given up one by one: their copies stay."""
    source_from: Callable[[Names, str, str], tuple[str, str] | None] | None = None
    """(names, namespace, name) of a copy in the tenant → (namespace, name) of its source on the host: the way back of `target_from`."""
    optional: bool = False
    """Whether the kind may not be served on one of the sides (a CRD that is not installed). It is then asleep until both sides serve it."""
    lasting: bool = False
    """Whether the copy holds data that ends with it: it goes with its source only, and never for being selected no more (claims)."""
    may_write: Callable[[Settings], bool] | None = None
    """Whether a configuration lets this translator write on the host at all; where it does not, it gets no right to (volumes of the tenant)."""
    everywhere: bool = False
    """HOST_LEADS: a namespaced kind that is read in all namespaces of the host, because its objects lie in none of ours (storage capacity)."""
    grace_period: bool = False
    """Whether deletion carries a grace period (pods)."""
    rights: Rights = field(default_factory=Rights)
    prefetch: bool = False
    """Whether the needs hold tokens or probes, which the engine fetches before it asks `down`."""
    asked_for: Callable[[Settings], bool] = lambda settings: True
    """Whether the settings ask for this translator at all, beside its kind being on. Without it: no watch, no rights."""
    kind: str = ""
    """The kind in the sync file that switches this translator on and carries its mode and selector; its own name unless said otherwise."""
    pace: float = 0.0
    """Seconds that a change of a source that is shown already may wait for the next one (events, which count up)."""
    settle: Callable[[bytes], float] | None = None
    """(status bytes of the host object) → seconds that a change of it may wait for the next one, so that bursts become one write."""

    @property
    def destination(self) -> Resource:
        return self.target or self.source

    @property
    def kind_setting(self) -> str:
        return self.kind or self.name

    def settings_in(self, settings: Settings) -> KindSettings:
        """What the sync file says of its kind."""
        return settings.kinds.get(self.kind_setting) or KindSettings(name=self.name)

    @property
    def leading(self) -> Side:
        return Side.HOST if self.life is Life.HOST_LEADS else Side.TENANT

    def resource_on(self, side: Side) -> Resource:
        """The kind of this translator's objects on one side."""
        return self.source if side is self.leading else self.destination
