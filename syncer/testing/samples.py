"""What the laws are tried on: one object of the leading side with what is around it, and two API servers in memory to write it on."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncer.core import objects as kinds
from syncer.core import stamp as stamps
from syncer.core.actions import Action, Create, Delete, Patch, Recreate
from syncer.core.decide import Case, decide
from syncer.core.errors import NotFound
from syncer.core.names import Names
from syncer.core.objects import NAMESPACES, Obj, Ref, Resource, Side
from syncer.core.settings import Settings
from syncer.core.translator import TokenNeed, Translator
from syncer.testing.apiserver import SimulatedCluster
from syncer.testing.view import FakeView, Objects, names_for, settings_for

Around = Objects | Callable[[Names], Objects]
"""Further objects by plural name; a function when they depend on how names are mapped."""
WRITES = (Create, Patch, Delete, Recreate)
KNOWN = {kind.plural: kind for kind in vars(kinds).values() if isinstance(kind, Resource)}
RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """`source` as its API server would show it. `host_status` is what the host then shows on the copy, for the way back. `tenant` and `host`
    are what is around; copies that are ours carry a stamp (`stamped`)."""

    source: Obj
    settings: Settings = field(default_factory=settings_for)
    tenant: Around = field(default_factory=dict)
    host: Around = field(default_factory=dict)
    host_status: Mapping[str, Any] | None = None
    tokens: Mapping[TokenNeed, str] = field(default_factory=dict)
    keeps_names_in: tuple[str, ...] = ()
    """Places of the copy that may hold a tenant's name as it is (`spec.hostname`)."""
    divided: tuple[str, ...] = ()
    """Keyed lists that both sides own, item by item (`status.conditions` of pods: those of readiness gates are the tenant's)."""

    def around(self, side: Side, names: Names) -> dict[str, list[Obj]]:
        """A copy of the further objects of one side, with uids."""
        given = self.tenant if side is Side.TENANT else self.host
        found = given(names) if callable(given) else given
        return {plural: [identified(obj) for obj in items] for plural, items in found.items()}


def identified(obj: Obj) -> dict[str, Any]:
    """A copy with the uid and resourceVersion that every stored object has."""
    made: dict[str, Any] = copy.deepcopy(dict(obj))
    meta = made["metadata"]
    meta.setdefault("uid", f"uid-of-{meta.get('namespace', '')}-{meta['name']}")
    meta.setdefault("resourceVersion", "1")
    return made


def stamped(obj: Obj, *, tenant: str, translator: str, source: Ref, uid: str = "") -> dict[str, Any]:
    """`obj` as our copy of `source`; the uid is the one that `identified` gives unless told."""
    stamp = stamps.Stamp(tenant, translator, source.namespace, source.name, uid or f"uid-of-{source.namespace}-{source.name}")
    meta = obj["metadata"]
    labels, annotations = {**(meta.get("labels") or {}), **stamps.labels(stamp)}, {**(meta.get("annotations") or {}), **stamps.annotations(stamp)}
    return {**obj, "metadata": {**meta, "labels": labels, "annotations": annotations}}


class Bench:
    """A sample laid out on two API servers, and the rounds an engine would make there with one translator."""

    def __init__(self, translator: Translator, sample: Sample, settings: Settings | None = None) -> None:
        self.translator = translator
        self.settings = settings or sample.settings
        self.names = names_for(self.settings)
        self.clusters = {side: SimulatedCluster(side, service_cidrs=RANGES) for side in Side}
        self._sample = sample
        if any(subresource.name == "status" for subresource in translator.tenant_subresources):
            for side in Side:
                kind = translator.resource_on(side)
                self.clusters[side].server.with_status.add((kind.group, kind.plural))
        for side in Side:
            for plural, items in sample.around(side, self.names).items():
                for obj in items:
                    self._lay(side, self.kind(side, plural), obj)
        source = identified(sample.source)
        self._lay(translator.leading, translator.source, source)
        meta = source["metadata"]
        self.source_ref = Ref(translator.source.plural, meta.get("namespace", ""), meta["name"])
        self.target_ref = self._target_ref(source)
        if self.target_ref is not None and self.target_ref.namespace:
            self._make_namespace(translator.leading.other, self.target_ref.namespace)

    def kind(self, side: Side, plural: str) -> Resource:
        translator = self.translator
        named = (translator.resource_on(side), *(kind for where, kind in translator.reads if where is side))
        return next((kind for kind in named if kind.plural == plural), KNOWN.get(plural) or Resource("", "v1", plural, plural.title()))

    def _lay(self, side: Side, kind: Resource, obj: Obj) -> None:
        """Put an object there as it is: it has been through an API server already."""
        meta = obj["metadata"]
        if meta.get("namespace"):
            self._make_namespace(side, meta["namespace"])
        whole = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        self.clusters[side].server.store.put((kind.group, kind.plural), (meta.get("namespace", ""), meta["name"]), whole)

    def _make_namespace(self, side: Side, name: str) -> None:
        if self.clusters[side].find(NAMESPACES, "", name) is None:
            self.clusters[side].put(NAMESPACES, {"metadata": {"name": name}})

    def _target_ref(self, source: Obj) -> Ref | None:
        """Where the copy belongs; None when it has no place."""
        translator, namespace, name = self.translator, self.source_ref.namespace, self.source_ref.name
        plural = translator.destination.plural
        if translator.target_from is not None:
            place = translator.target_from(source, self.view())
            return Ref(plural, *place) if isinstance(place, tuple) else None
        if translator.target_name is not None:
            found = translator.target_name(self.names, namespace, name)
            return Ref(plural, *found) if found is not None else None
        if not namespace:
            return Ref(plural, "", self.names.name(translator.destination, "", name) if translator.leading is Side.TENANT else name)
        host = self.names.namespace(namespace)
        return Ref(plural, host, self.names.name(translator.destination, namespace, name)) if host is not None else None

    # --- what is there

    @property
    def source(self) -> Obj | None:
        return self.at(self.translator.leading, self.translator.source, self.source_ref)

    @property
    def target(self) -> Obj | None:
        return self.at(self.translator.leading.other, self.translator.destination, self.target_ref) if self.target_ref else None

    def at(self, side: Side, kind: Resource, ref: Ref) -> Obj | None:
        return self.clusters[side].find(kind, ref.namespace, ref.name)

    def view(self, counterpart: Obj | None = None) -> FakeView:
        there = {side: dict(self._objects(side)) for side in Side}
        return FakeView(
            self.settings, tenant=there[Side.TENANT], host=there[Side.HOST], counterpart=counterpart, tokens=self._sample.tokens, names=self.names
        )

    def _objects(self, side: Side) -> Iterator[tuple[str, list[Obj]]]:
        for (_, plural), table in self.clusters[side].server.store.tables.items():
            yield plural, [version.obj for version in table.values()]

    # --- rounds

    def case(self) -> Case:
        assert self.target_ref is not None
        return Case(
            translator=self.translator,
            source_ref=self.source_ref,
            target_ref=self.target_ref,
            source=self.source,
            target=self.target,
            view=self.view(self.target),
        )

    def plan(self) -> tuple[Action, ...]:
        return decide(self.case()) if self.target_ref is not None else ()

    def round(self) -> tuple[Action, ...]:
        """Plan and carry out; the writes that were made."""
        writes = tuple(action for action in self.plan() if isinstance(action, WRITES))
        for action in writes:
            self._carry_out(action)
        return writes

    def settle(self, rounds: int = 8) -> Obj | None:
        """Rounds until nothing is left to write; the copy then, or None. Fails when it does not come to rest."""
        for _ in range(rounds):
            if not self.round():
                return self.target
            self.show_status()
        raise AssertionError(f"{self.translator.name} {self.source_ref} does not come to rest: {self.plan()}")

    def show_status(self) -> None:
        """The host says what the sample has for it."""
        if self._sample.host_status is not None and self.target is not None and self.translator.leading is Side.TENANT:
            assert self.target_ref is not None
            status = {"status": self._sample.host_status}
            key = (self.translator.destination.group, self.translator.destination.plural)
            server = self.clusters[Side.HOST].server
            subresource = "status" if key in server.with_status else ""
            server.patch(self.translator.destination, self.target_ref.namespace, self.target_ref.name, status, subresource)

    def _carry_out(self, action: Action) -> None:
        server = self.clusters[action.side].server if isinstance(action, WRITES) else None
        match action:
            case Create():
                assert server is not None
                server.create(action.resource, action.ref.namespace, action.body)
            case Patch():
                assert server is not None
                patch = {**action.patch, "metadata": {**action.patch.get("metadata", {}), "uid": action.uid}}
                server.patch(action.resource, action.ref.namespace, action.ref.name, patch, action.subresource)
            case Delete():
                assert server is not None
                server.delete(action.resource, action.ref.namespace, action.ref.name, uid=action.uid, grace=action.grace)
            case Recreate():
                assert server is not None
                server.delete(action.resource, action.ref.namespace, action.ref.name, uid=action.uid)
                made = server.create(action.resource, action.ref.namespace, action.body)
                self._keep(action, made.metadata["uid"])
            case _:
                raise TypeError(f"not a write: {action}")

    def _keep(self, action: Recreate, uid: str) -> None:
        """A tenant object made anew: the host copy is now the copy of that one."""
        if action.keeper is None:
            return
        kind, ref, _ = action.keeper
        try:
            self.clusters[Side.HOST].server.patch(kind, ref.namespace, ref.name, {"metadata": {"annotations": {stamps.SOURCE_UID: uid}}})
        except NotFound:
            raise AssertionError(f"{ref} was to keep a tenant object and is not there") from None
