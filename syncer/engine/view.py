"""The engine's `View`: what a translator may know, answered from the caches, plus what was fetched for this one key beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncer.core import stamp as stamps
from syncer.core.names import Names
from syncer.core.objects import Obj, Ref, Side
from syncer.core.settings import Settings
from syncer.core.translator import ListNeed, ObjectNeed, TokenNeed
from syncer.engine.cache import Cache


class EngineView:
    """Cheap to make: one per reconcile."""

    __slots__ = ("_cache", "counterpart", "foreign", "names", "settings", "tokens")

    def __init__(self, cache: Cache, settings: Settings, names: Names, counterpart: Obj | None = None) -> None:
        self._cache = cache
        self.settings = settings
        self.names = names
        self.counterpart = counterpart
        self.tokens: Mapping[TokenNeed, str] = {}
        self.foreign: frozenset[Ref] = frozenset()

    def get(self, need: ObjectNeed) -> Obj | None:
        return self._cache.obj(need.side, need.ref)

    def list(self, need: ListNeed) -> Sequence[Obj]:
        table = self._cache.table(need.side, need.plural)
        return [self._cache.decoded(need.side, need.plural, entry) for entry in table.in_namespace(need.namespace)]

    def token(self, need: TokenNeed) -> str | None:
        return self.tokens.get(need)

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        entry = self._cache.get(Side.HOST, ref)
        if entry is None:
            return False if ref in self.foreign else None
        stamp = stamps.read(entry.meta.labels or {}, entry.meta.annotations or {})
        return stamp is not None and stamp.tenant == self.names.tenant and (stamp.namespace, stamp.name) == (source.namespace, source.name)

    def tenant_ref(self, plural: str, host_namespace: str, host_name: str) -> Ref | None:
        entry = self._cache.get(Side.HOST, Ref(plural, host_namespace, host_name))
        if entry is None:
            return None
        stamp = stamps.read(entry.meta.labels or {}, entry.meta.annotations or {})
        if stamp is None or stamp.tenant != self.names.tenant:
            return None
        return Ref(plural, stamp.namespace, stamp.name)
