"""Two API servers, real or in memory, and a loop that carries out what `decide` says until it says nothing any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.cluster.api import Api
from syncer.core.actions import Action, Write
from syncer.core.decide import Case, decide
from syncer.core.errors import NotFound
from syncer.core.objects import SERVICECIDRS, SERVICES, Obj, Ref, Resource, Side
from syncer.core.settings import HostSettings, NamespaceMapping, Settings, TenantSettings
from syncer.core.translator import Skip, Translator, Wait
from syncer.engine.cache import Expectations
from syncer.engine.execute import Execute
from syncer.testing.view import FakeView, names_for

ROUNDS = 8
SERVICE_RANGE = "10.98.0.0/20"
SETTINGS = Settings(
    tenant=TenantSettings(name="acme", service_cidr=(SERVICE_RANGE,)),
    host=HostSettings(namespace="kled-acme"),
    mapping=NamespaceMapping(pattern="acme-{namespace}"),
    kinds={},
)
_LISTED = {Side.TENANT: (SERVICES, SERVICECIDRS), Side.HOST: ()}


@dataclass
class Pair:
    """A tenant and a host."""

    tenant: Api
    host: Api
    settings: Settings
    listed: Mapping[Side, Sequence[Resource]] = field(default_factory=lambda: _LISTED)

    def on(self, side: Side) -> Api:
        return self.tenant if side is Side.TENANT else self.host

    async def get(self, side: Side, resource: Resource, namespace: str, name: str) -> dict[str, Any] | None:
        try:
            return (await self.on(side).get(resource, namespace, name)).obj()
        except NotFound:
            return None

    async def all(self, side: Side, resource: Resource) -> list[dict[str, Any]]:
        return [entry.obj() for entry in (await self.on(side).list(resource)).entries]

    async def plan(self, translator: Translator, namespace: str, name: str) -> tuple[Action, ...]:
        """What there is to do about one object."""
        side, names = translator.leading, names_for(self.settings)
        source = await self.get(side, translator.source, namespace, name)
        objects = {side: {kind.plural: await self.all(side, kind) for kind in {*self.listed[side], translator.resource_on(side)}} for side in Side}
        if translator.target_from is not None:
            assert source is not None
            found = translator.target_from(source, FakeView(self.settings, tenant=objects[Side.TENANT], host=objects[Side.HOST]))
            assert not isinstance(found, (Skip, Wait)), found
            there = found
        elif translator.target_name is not None:
            mapped = translator.target_name(names, namespace, name)
            assert mapped is not None
            there = mapped
        elif namespace:
            there = names.namespace(namespace) or "", names.name(translator.destination, namespace, name)
        else:
            there = "", name
        target = await self.get(side.other, translator.destination, *there)
        view = FakeView(self.settings, tenant=objects[Side.TENANT], host=objects[Side.HOST], counterpart=target, names=names)
        refs = Ref(translator.source.plural, namespace, name), Ref(translator.destination.plural, *there)
        return decide(Case(translator=translator, source_ref=refs[0], target_ref=refs[1], source=source, target=target, view=view))

    async def settle(self, translator: Translator, namespace: str, name: str) -> list[Action]:
        """All that was done until there was nothing left to do. Fails when it does not come to rest."""
        execute = Execute({Side.TENANT: self.tenant, Side.HOST: self.host}, Expectations(), lambda action, outcome: None)
        done: list[Action] = []
        for _ in range(ROUNDS):
            plan = await self.plan(translator, namespace, name)
            writes = [action for action in plan if isinstance(action, Write)]
            done += plan
            if not writes:
                return done
            for action in writes:
                await execute(action)
        raise AssertionError(f"{translator.name} {namespace}/{name} does not come to rest: {done[-4:]}")

    async def make(self, side: Side, resource: Resource, obj: Obj) -> None:
        body = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        await self.on(side).create(resource, body["metadata"].get("namespace", ""), body)
