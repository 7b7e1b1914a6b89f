"""A `View` made of dictionaries: what translators are given in golden tests and in the laws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import HostSettings, NamespaceMapping, Settings, TenantSettings
from syncer.core.translator import ListNeed, ObjectNeed, TokenNeed

Objects = Mapping[str, Iterable[Obj]]
"""Objects by plural name of their kind."""


def settings_for(tenant: str = "acme", mapping: NamespaceMapping | None = None, /, **sections: object) -> Settings:
    """Settings with everything left out that a test does not care about. `sections` are fields of `Settings`."""
    defaults: dict[str, object] = {
        "tenant": TenantSettings(name=tenant),
        "host": HostSettings(namespace=f"kled-{tenant}"),
        "mapping": mapping or NamespaceMapping(pattern=f"{tenant}-{{namespace}}"),
        "kinds": {},
    }
    return Settings(**{**defaults, **sections})  # type: ignore[arg-type]


def names_for(settings: Settings) -> Names:
    return Names(settings.tenant.name, settings.mapping, frozenset(settings.host.reserved_names))


class FakeView:
    """Answers from what it was made with.

    `tenant` and `host` hold objects by plural name; `tokens` the tokens by need; `foreign` are host names that somebody else holds and
    that no watch shows (what the engine finds out by a live look).

        view = FakeView(settings_for("acme"), tenant={"configmaps": [{"metadata": {"namespace": "web", "name": "a"}}]})
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        tenant: Objects | None = None,
        host: Objects | None = None,
        counterpart: Obj | None = None,
        tokens: Mapping[TokenNeed, str] | None = None,
        foreign: Iterable[Ref] = (),
        names: Names | None = None,
    ) -> None:
        self.settings = settings or settings_for()
        self.names = names or names_for(self.settings)
        self.counterpart = counterpart
        self._objects = {Side.TENANT: _by_ref(tenant or {}), Side.HOST: _by_ref(host or {})}
        self._tokens = dict(tokens or {})
        self._foreign = frozenset(foreign)

    def get(self, need: ObjectNeed) -> Obj | None:
        return self._objects[need.side].get(need.ref)

    def list(self, need: ListNeed) -> Sequence[Obj]:
        found = self._objects[need.side].items()
        return [obj for ref, obj in found if ref.plural == need.plural and need.namespace in ("", ref.namespace)]

    def token(self, need: TokenNeed) -> str | None:
        return self._tokens.get(need)

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        stamp = self._stamp(ref)
        if ref not in self._objects[Side.HOST]:
            return False if ref in self._foreign else None
        return stamp is not None and (stamp.namespace, stamp.name) == (source.namespace, source.name)

    def tenant_ref(self, plural: str, host_namespace: str, host_name: str) -> Ref | None:
        stamp = self._stamp(Ref(plural, host_namespace, host_name))
        return None if stamp is None else Ref(plural, stamp.namespace, stamp.name)

    def everything(self) -> dict[Side, dict[Ref, Obj]]:
        """All objects, as they are held."""
        return self._objects

    def _stamp(self, ref: Ref) -> stamps.Stamp | None:
        """Our stamp on a host object, or None."""
        obj = self._objects[Side.HOST].get(ref)
        if obj is None:
            return None
        stamp = stamps.read(obj["metadata"].get("labels") or {}, obj["metadata"].get("annotations") or {})
        return stamp if stamp is not None and stamp.tenant == self.names.tenant else None


def _by_ref(objects: Objects) -> dict[Ref, Obj]:
    return {Ref(plural, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj for plural, items in objects.items() for obj in items}
