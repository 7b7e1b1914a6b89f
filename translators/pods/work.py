"""One translation under way: the pod, what may be known about it, and what there is to say in the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from syncer.core.objects import PODS, Obj, Resource
from syncer.core.objects import Ref as ObjectRef
from syncer.core.translator import Need, View
from translators.pods.refs import demand, host_need


class Refused(Exception):
    """The pod cannot be put on the host; caught at the border of the translator."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Work:
    """Local to one call of `down`; nobody else sees it change."""

    __slots__ = (
        "annotations",
        "dropped",
        "host_name",
        "host_namespace",
        "meta",
        "name",
        "names",
        "namespace",
        "notes",
        "settings",
        "spec",
        "view",
        "waits",
    )

    def __init__(self, pod: Obj, view: View) -> None:
        meta = pod["metadata"]
        self.meta: Mapping[str, Any] = meta
        self.spec: Mapping[str, Any] = pod["spec"]
        self.view = view
        self.names = view.names
        self.settings = view.settings
        self.namespace: str = meta["namespace"]
        self.name: str = meta["name"]
        host_namespace = self.names.namespace(self.namespace)
        if host_namespace is None:
            raise Refused("metadata.namespace", "the namespace is not mapped to the host")
        self.host_namespace: str = host_namespace
        self.host_name: str = self.names.name(PODS, self.namespace, self.name)
        self.dropped: list[tuple[str, str]] = []
        self.notes: list[tuple[str, str]] = []
        self.waits: list[tuple[str, Need]] = []
        self.annotations: dict[str, str] = {}

    def drop(self, field: str, reason: str) -> None:
        self.dropped.append((field, reason))

    def refuse(self, field: str, reason: str) -> NoReturn:
        raise Refused(field, reason)

    def wait(self, reason: str, need: Need) -> None:
        self.waits.append((reason, need))

    def reference(self, resource: Resource, name: str, *, optional: bool = False) -> str:
        """The host name of an object of this namespace. Only what we stamped may be meant: the pod waits for our copy. An optional object
        that the tenant does not have passes when nobody on the host holds the name."""
        host_name = self.names.name(resource, self.namespace, name)
        need = host_need(resource, self.host_namespace, host_name, optional=optional)
        source = ObjectRef(resource.plural, self.namespace, name)
        ours = self.view.is_ours(need.ref, source)
        if ours:
            return host_name
        if ours is False:
            self.wait(f"{resource.kind} {name!r}: an object on the host that is not this tenant's holds the name", need)
        elif not (optional and self.view.get(demand(source)) is None):
            self.wait(self._missing(resource, source), need)
        return host_name

    def _missing(self, resource: Resource, source: ObjectRef) -> str:
        if resource.plural not in self.settings.kinds:
            return f"{resource.kind} {source.name!r} is not on the host: {resource.plural} are not synced"
        if self.view.get(demand(source)) is None:
            return f"{resource.kind} {source.name!r} does not exist"
        return f"{resource.kind} {source.name!r} is not on the host yet"

    def exists(self, resource: Resource, name: str) -> bool:
        """Whether the tenant has this object."""
        return self.view.get(demand(ObjectRef(resource.plural, self.namespace, name))) is not None
