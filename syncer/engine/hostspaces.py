"""Host namespaces from "it exists" to "ready to be written to".

For each workload namespace: make sure of our rights in it (a RoleBinding to the workload ClusterRole, unless we hold wider rights), watch its
kinds, and say `ready` when all of them are listed. The ServiceAccount that host pods run under is made where there is something of ours. A
namespace that goes takes its watches with it. A shared target namespace has no tenant object of its own and is created here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import anyio
import anyio.abc
import structlog

from syncer.cluster.api import Api
from syncer.cluster.store import Store
from syncer.cluster.wire import Entry
from syncer.core import stamp as stamps
from syncer.core.errors import AlreadyExists, LeadershipLost, NotFound, SyncerError
from syncer.core.names import Names
from syncer.core.objects import NAMESPACES, ROLEBINDINGS, SERVICEACCOUNTS, Resource, Side
from syncer.core.settings import Settings
from syncer.engine.cache import Cache

log = structlog.get_logger()


class HostSpaces:
    """The workload namespaces of this tenant on the host."""

    def __init__(
        self,
        host: Api,
        cache: Cache,
        settings: Settings,
        names: Names,
        *,
        account: str,
        binding: dict[str, Any] | None,
        watch: Callable[[str, Callable[[], None]], Awaitable[None]],
        emptied: Callable[[str, bool], None],
        opened: Callable[[str], None],
        rng: random.Random,
        prepare: bool = True,
    ) -> None:
        """`watch(namespace, listed)` keeps the namespaced kinds current until cancelled and calls `listed` when all are complete;
        `emptied` forgets the objects of a namespace that is gone (and is told whether that was seen); `opened` is told when one has
        become ready. `binding` is the RoleBinding to make in each namespace, without a namespace of its own. Without `prepare` nothing is written."""
        self._host, self._cache, self._settings, self._names = host, cache, settings, names
        self._account, self._binding, self._may_prepare = account, binding, prepare
        self._watch, self._emptied, self._opened, self._rng = watch, emptied, opened, rng
        self._open: dict[str, anyio.CancelScope] = {}
        self._ready: set[str] = set()
        self._changed = asyncio.Event()
        self._shared_left = asyncio.Event()
        self._missing: set[str] = set()
        """Namespaces that are gone because a list did not show them, not because anybody saw them going."""

    def ready(self, namespace: str) -> bool:
        return namespace in self._ready

    @property
    def opening(self) -> list[str]:
        """Namespaces that exist and are not ready yet."""
        return sorted(set(self._open) - self._ready)

    def seen(self, old: Entry | None, new: Entry | None, proven: bool) -> None:
        """A host namespace with our label changed (a listener of the routing)."""
        self._changed.set()
        if new is not None or proven:
            self._missing.discard((new or old).meta.name)  # type: ignore[union-attr]
        elif old is not None:
            self._missing.add(old.meta.name)
        if new is None and old is not None and old.meta.name == self._settings.mapping.shared:
            self._shared_left.set()

    def account_seen(self, old: Entry | None, new: Entry | None, proven: bool) -> None:
        """Our ServiceAccount in a namespace is gone: open the namespace again, which makes it anew."""
        if new is None and old is not None and old.meta.name == self._account:
            scope = self._open.get(old.meta.namespace)
            if scope is not None:
                scope.cancel()

    async def accounts_listed(self, namespace: str, store: Store) -> None:
        """The ServiceAccounts of a namespace in which there is something were listed: ours must be among them."""
        if self._may_prepare and store.get(namespace, self._account) is None:
            await self._insist(f"service account {self._account} in {namespace}", lambda: self._make_account(namespace))

    def wanted(self) -> set[str]:
        """Host namespaces that exist, are ours and stay."""
        found = set()
        for entry in self._cache.table(Side.HOST, "namespaces"):
            meta = entry.meta
            if not meta.deletionTimestamp and (meta.labels or {}).get(stamps.TENANT) == self._settings.tenant.name:
                found.add(meta.name)
        return found

    async def run(self) -> None:
        """Opens and closes namespaces as they come and go; for ever."""
        async with anyio.create_task_group() as group:
            if self._settings.mapping.shared is not None and self._may_prepare:
                group.start_soon(self._shared)
            while True:
                self._changed.clear()
                wanted = self.wanted()
                for namespace in wanted - set(self._open):
                    self._open[namespace] = anyio.CancelScope()
                    group.start_soon(self._keep_open, namespace)
                for namespace in set(self._open) - wanted:
                    self._open[namespace].cancel()
                await self._changed.wait()

    async def _shared(self) -> None:
        """Creates the shared target namespace if it is not there (and we may), and again when it goes."""
        name = self._settings.mapping.shared
        assert name is not None
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {stamps.TENANT: self._settings.tenant.name}}}
        while True:
            self._shared_left.clear()
            await self._insist(f"namespace {name}", lambda: self._ensure(NAMESPACES, "", body, create=self._settings.host.create_namespaces))
            await self._shared_left.wait()

    async def _keep_open(self, namespace: str) -> None:
        scope = self._open[namespace]
        try:
            with scope:
                if self._may_prepare:
                    await self._insist(f"rights in {namespace}", lambda: self._prepare(namespace))
                await self._watch(namespace, lambda: self._listed(namespace))
        finally:
            self._ready.discard(namespace)
            del self._open[namespace]
            if namespace not in self.wanted():
                self._emptied(namespace, namespace not in self._missing)
            self._changed.set()

    def _listed(self, namespace: str) -> None:
        self._ready.add(namespace)
        log.info("host_namespace_ready", namespace=namespace)
        self._opened(namespace)

    async def _prepare(self, namespace: str) -> None:
        if self._binding is not None:
            metadata = {**self._binding["metadata"], "namespace": namespace}
            there = await self._ensure(ROLEBINDINGS, namespace, {**self._binding, "metadata": metadata})
            if there is not None and _subjects(there.obj()) != _subjects(self._binding):
                patch = {"metadata": {"uid": there.meta.uid}, "subjects": self._binding["subjects"]}
                await self._host.patch(ROLEBINDINGS, namespace, metadata["name"], patch)
                log.info("rights_taken_over", namespace=namespace)

    async def _make_account(self, namespace: str) -> None:
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": self._account, "namespace": namespace, "labels": {stamps.TENANT: self._settings.tenant.name}},
            "automountServiceAccountToken": False,
        }
        await self._ensure(SERVICEACCOUNTS, namespace, account)

    async def _ensure(self, resource: Resource, namespace: str, body: dict[str, Any], *, create: bool = True) -> Entry | None:
        """Ours that was there already; else it is created. An object of that name without our label is left alone and reported."""
        name = body["metadata"]["name"]
        try:
            there = await self._host.get(resource, namespace, name)
        except NotFound:
            if create:
                with suppress(AlreadyExists):
                    await self._host.create(resource, namespace, body)
            return None
        if (there.meta.labels or {}).get(stamps.TENANT) != self._settings.tenant.name:
            tenant = self._settings.tenant.name
            log.warning("name_taken", kind=resource.kind, namespace=namespace, name=name, next_step=f"label it {stamps.TENANT}={tenant} or remove it")
            return None
        return there

    async def _insist(self, what: str, step: Callable[[], Awaitable[object]]) -> None:
        """Until it works: rights that were just granted take a moment to be known everywhere."""
        delay = 0.05
        while True:
            try:
                await step()
                return
            except LeadershipLost:
                raise
            except SyncerError as error:
                if delay > 2:
                    log.warning("host_namespace_not_ready", what=what, error=str(error)[:300])
                await asyncio.sleep(delay * self._rng.uniform(0.8, 1.2))
                delay = min(delay * 2, 30.0)


def _subjects(binding: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Whom a binding names. It is somebody else when the syncer ran under another identity before: as a process, or under another account."""
    return [tuple(str(one.get(key) or "") for key in ("kind", "namespace", "name")) for one in binding.get("subjects") or ()]
