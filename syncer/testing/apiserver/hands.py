"""What a test does to a simulated cluster with its own hands: at once, without faults, and in the log under the name of who did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.cluster.wire import Entry, from_obj
from syncer.core.errors import ApiError
from syncer.core.objects import Resource
from syncer.testing.apiserver.requests import Request
from syncer.testing.apiserver.server import Server
from syncer.testing.apiserver.store import Version

Obj = Mapping[str, Any]

SOMEBODY = "somebody"


class Hands:
    """The synchronous side of `SimulatedCluster`. Objects that are returned are the stored ones: look, do not edit."""

    server: Server

    def request(
        self,
        user: str,
        verb: str,
        resource: Resource,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        body: Obj | None = None,
        options: Obj | None = None,
    ) -> Request:
        raise NotImplementedError

    def find(self, resource: Resource, namespace: str, name: str) -> Obj | None:
        """One object, or None."""
        return self.server.find(resource, namespace, name)

    def all(self, resource: Resource, namespace: str = "", *, selector: str = "") -> list[Obj]:
        """All objects of a kind, in the order of a list."""
        return [version.obj for version in self.server.list(resource, namespace, selector=selector).versions]

    def put(self, resource: Resource, obj: Obj, *, user: str = SOMEBODY) -> Obj:
        """Create."""
        meta = obj["metadata"]
        request = self.request(user, "create", resource, meta.get("namespace", ""), meta.get("name", ""), body=obj)
        self._now_or_never(request, resource, obj)
        assert request.after is not None
        return request.after

    def edit(self, resource: Resource, namespace: str, name: str, patch: Obj, *, subresource: str = "", user: str = SOMEBODY) -> Obj:
        """Patch."""
        request = self.request(user, "patch", resource, namespace, name, subresource, patch)
        try:
            made = self.do_patch(request, resource, patch).obj
            request.outcome = "ok"
        except ApiError as error:
            request.outcome = error.reason
            raise
        return made

    def remove(self, resource: Resource, namespace: str, name: str, *, uid: str = "", grace: int | None = None, user: str = SOMEBODY) -> None:
        """Delete."""
        request = self.request(user, "delete", resource, namespace, name, options={"uid": uid, "grace": grace})
        try:
            self.do_delete(request, resource, uid, grace)
            request.outcome = "ok"
        except ApiError as error:
            request.outcome = error.reason
            raise

    def post(self, resource: Resource, namespace: str, name: str, subresource: str, body: Obj, *, user: str = SOMEBODY) -> Obj:
        """Bind, evict, or ask for a token."""
        request = self.request(user, "create", resource, namespace, name, subresource, body)
        return self._now_or_never(request, resource, body).obj()

    def _now_or_never(self, request: Request, resource: Resource, body: Obj) -> Entry:
        try:
            made = self.do_create(request, resource, body)
            request.outcome = "ok"
        except ApiError as error:
            request.outcome = error.reason
            raise
        return made

    # --- effects, with what the log says of them

    def do_create(self, request: Request, resource: Resource, body: Obj) -> Entry:
        """The answer: metadata only, as the interface allows, except for subresources."""
        if request.subresource:
            request.before = self.find(resource, request.namespace, request.name)
            answer = self.server.post(resource, request.namespace, request.name, request.subresource, body)
            request.after = self.find(resource, request.namespace, request.name)
            return from_obj(answer if answer.get("kind") != "Status" else {"metadata": {}})
        made = self.server.create(resource, request.namespace, body)
        request.after, request.name = made.obj, made.metadata["name"]
        return from_obj({"metadata": made.metadata})

    def do_patch(self, request: Request, resource: Resource, patch: Obj) -> Version:
        request.before = self.find(resource, request.namespace, request.name)
        made = self.server.patch(resource, request.namespace, request.name, patch, request.subresource)
        request.after = made.obj
        request.noop = made.obj is request.before
        return made

    def do_delete(self, request: Request, resource: Resource, uid: str, grace: int | None) -> None:
        request.before = self.find(resource, request.namespace, request.name)
        self.server.delete(resource, request.namespace, request.name, uid=uid, grace=grace)
        request.after = self.find(resource, request.namespace, request.name)
