"""A cluster as one user sees it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from syncer.cluster.api import Change, Page
from syncer.cluster.wire import Entry
from syncer.core.objects import Resource

if TYPE_CHECKING:
    from syncer.testing.apiserver.cluster import SimulatedCluster

Obj = Mapping[str, Any]


class Client:
    """A cluster as one user sees it: an `Api` of its own."""

    def __init__(self, cluster: SimulatedCluster, user: str) -> None:
        self.side = cluster.side
        self.cluster = cluster
        self.user = user

    async def serves(self, resource: Resource) -> bool:
        return await self.cluster.serves(resource, user=self.user)

    async def get(self, resource: Resource, namespace: str, name: str) -> Entry:
        return await self.cluster.get(resource, namespace, name, user=self.user)

    async def list(
        self, resource: Resource, namespace: str = "", *, label_selector: str = "", name: str = "", limit: int = 500, continue_token: str = ""
    ) -> Page:
        return await self.cluster.list(
            resource, namespace, label_selector=label_selector, name=name, limit=limit, continue_token=continue_token, user=self.user
        )

    def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        name: str = "",
        resource_version: str = "",
        initial: bool = False,
    ) -> AsyncIterator[Sequence[Change]]:
        return self.cluster.watch(
            resource, namespace, label_selector=label_selector, name=name, resource_version=resource_version, initial=initial, user=self.user
        )

    async def create(self, resource: Resource, namespace: str, body: Obj, *, name: str = "", subresource: str = "") -> Entry:
        return await self.cluster.create(resource, namespace, body, name=name, subresource=subresource, user=self.user)

    async def patch(self, resource: Resource, namespace: str, name: str, patch: Obj, *, subresource: str = "") -> Entry:
        return await self.cluster.patch(resource, namespace, name, patch, subresource=subresource, user=self.user)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, grace: int | None = None) -> None:
        await self.cluster.delete(resource, namespace, name, uid=uid, grace=grace, user=self.user)
