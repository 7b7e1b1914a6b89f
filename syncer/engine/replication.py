"""Services shown on the other side by configuration (`network.replicateServices`): one named task per engine.

It watches the host's Services that are meant, what it has made itself on either side, and for headless Services their slices; after every change it
compares what there should be with what there is. Rights are those of single namespaces of the host (`kled-syncer rbac`), and a namespace that
Services of the tenant are to be shown in must carry the label `replicate.kled.io/<tenant>=true`, by which its administrator lets them in: without
it the fence on the host refuses the write.

What is in the way under the same name is left alone and told. What is no longer configured is removed: in the tenant always, on the host as long as
the rights in that namespace are there.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Any

import anyio
import structlog

from syncer.cluster.api import Api
from syncer.cluster.reflector import Reflector
from syncer.core import actions
from syncer.core import stamp as stamps
from syncer.core.errors import AlreadyExists, ApiError, Conflict, LeadershipLost, NotFound, SyncerError
from syncer.core.names import Names
from syncer.core.objects import ENDPOINTSLICES, SERVICES, Obj, Ref, Resource, Side
from syncer.core.project import project
from syncer.core.settings import NetworkSettings, Settings
from syncer.core.translator import Path
from syncer.engine.replicas import SERVICE_NAME, TRANSLATOR, Piece, Replica, pieces

log = structlog.get_logger()
Supervise = Callable[[str, Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]]
Tell = Callable[[Ref, str, str], None]
Place = tuple[Side, str, str, str]
_IN_TENANT = f"{stamps.MANAGED_BY}={stamps.MANAGER},{stamps.TRANSLATOR}={TRANSLATOR}"
_OWNED: Mapping[str, tuple[Path, ...]] = {
    SERVICES.plural: (("spec", "ports"), ("spec", "externalName")),
    ENDPOINTSLICES.plural: (("endpoints",), ("ports",)),
}
_SETTLE = 0.2
_RETRY = 15.0


def replicas(network: NetworkSettings, names: Names) -> tuple[Replica, ...]:
    """What is configured; a Service of a namespace that is not mapped is on no host, and has no replica."""
    made = [Replica(Side.TENANT, _ref(of), _ref(of), _ref(to)) for of, to in network.from_host]
    for of, to in network.to_host:
        source = _ref(of)
        namespace = names.namespace(source.namespace)
        if namespace is not None:
            made.append(Replica(Side.HOST, Ref(SERVICES.plural, namespace, names.name(SERVICES, *source[1:])), source, _ref(to)))
    return tuple(made)


def _ref(text: str) -> Ref:
    namespace, _, name = text.partition("/")
    return Ref(SERVICES.plural, namespace, name)


class Replication:
    """`tell(ref, reason, message)` says something on a Service of the tenant."""

    def __init__(self, tenant: Api, host: Api, settings: Settings, names: Names, *, supervise: Supervise, tell: Tell, rng: random.Random) -> None:
        self._apis = {Side.TENANT: tenant, Side.HOST: host}
        self._settings, self._supervise, self._tell, self._rng = settings, supervise, tell, rng
        self._replicas = replicas(settings.network, names)
        self._changed = asyncio.Event()
        self._reflectors: dict[tuple[Side, str, str, str], Reflector] = {}

    async def run(self) -> None:
        """For ever."""
        if not self._settings.network.from_host and SERVICES.plural in self._settings.kinds:  # else we have no right to look
            await self._remove_former()
        self._watch_all()
        if not self._reflectors:
            await anyio.sleep_forever()
        async with anyio.create_task_group() as group:
            for (side, plural, namespace, _), reflector in self._reflectors.items():
                group.start_soon(self._supervise, f"replicas: {side.value} {plural} {namespace}".rstrip(), reflector.run)
            while True:
                self._changed.clear()
                pause = await self._agree()
                with anyio.move_on_after(pause):
                    await self._changed.wait()
                    await asyncio.sleep(_SETTLE)

    # --- what is seen

    def _watch_all(self) -> None:
        tenant = f"{stamps.TENANT}={self._settings.tenant.name}"
        for replica in self._replicas:
            self._watch(Side.HOST, SERVICES, replica.of.namespace, "" if replica.side is Side.TENANT else tenant)
            self._watch(Side.HOST, ENDPOINTSLICES, replica.of.namespace, f"{SERVICE_NAME}={replica.of.name}")
            for resource in (SERVICES, ENDPOINTSLICES):
                if replica.side is Side.TENANT:
                    self._watch(Side.TENANT, resource, "", _IN_TENANT)
                else:
                    self._watch(Side.HOST, resource, replica.to.namespace, tenant)

    def _watch(self, side: Side, resource: Resource, namespace: str, selector: str) -> None:
        place = (side, resource.plural, namespace, selector)
        if place not in self._reflectors:
            self._reflectors[place] = Reflector(
                self._apis[side], resource, namespace, label_selector=selector, listener=self._heard, eager=True, rng=self._rng
            )

    def _heard(self, old: Any, new: Any, proven: bool) -> None:
        self._changed.set()

    def _objects(self, side: Side, plural: str, namespace: str) -> Iterator[Obj]:
        for (where, kind, space, _), reflector in self._reflectors.items():
            if (where, kind, space) == (side, plural, namespace):
                yield from (entry.obj() for entry in reflector.store)

    def _service(self, replica: Replica) -> Obj | None:
        for found in self._objects(Side.HOST, SERVICES.plural, replica.of.namespace):
            if found["metadata"]["name"] == replica.of.name and (replica.side is Side.TENANT or self._is_copy_of(found, replica.source)):
                return found
        return None

    def _is_copy_of(self, obj: Obj, source: Ref) -> bool:
        meta = obj["metadata"]
        stamp = stamps.read(meta.get("labels") or {}, meta.get("annotations") or {})
        told = (self._settings.tenant.name, SERVICES.plural, source.namespace, source.name)
        return stamp is not None and (stamp.tenant, stamp.translator, stamp.namespace, stamp.name) == told

    def _ours(self) -> dict[Place, Obj]:
        """Every object of a replica that is there."""
        found: dict[Place, Obj] = {}
        places = {(Side.TENANT, "")} | {(Side.HOST, replica.to.namespace) for replica in self._replicas if replica.side is Side.HOST}
        for side, namespace in places:
            for plural in _OWNED:
                for obj in self._objects(side, plural, namespace):
                    if str((obj["metadata"].get("labels") or {}).get(stamps.TRANSLATOR, "")).startswith(TRANSLATOR):
                        found[_place(side, plural, obj)] = obj
        return found

    # --- what is done

    async def _agree(self) -> float | None:
        """One comparison; the seconds after which to try again, when something failed."""
        if not all(reflector.synced for reflector in self._reflectors.values()):
            return 1.0
        wanted: dict[Place, tuple[Replica, Piece]] = {}
        doubtful: set[Ref] = set()
        for replica in self._replicas:
            service = self._service(replica)
            if service is None:
                doubtful |= {replica.to} if await self._is_there(replica) else set()
            elif not service["metadata"].get("deletionTimestamp"):
                slices = self._objects(Side.HOST, ENDPOINTSLICES.plural, replica.of.namespace)
                for piece in pieces(replica, service, slices, self._settings.tenant.name):
                    wanted[_place(replica.side, piece.resource.plural, piece.body)] = (replica, piece)
        there = self._ours()
        pause = _RETRY if doubtful else None
        for place, (replica, piece) in wanted.items():
            owner = there.get((place[0], SERVICES.plural, *replica.to[1:]))
            if not await self._tried(replica, self._write(place, piece, there.get(place), owner)):
                pause = _RETRY
        for place, obj in there.items():
            if place not in wanted and _service_of(obj) not in doubtful and not await self._tried(None, self._remove(place, obj)):
                pause = _RETRY
        return pause

    async def _is_there(self, replica: Replica) -> bool:
        """A live look at a Service that no list shows: whether it exists after all, or nobody can say. Nothing is removed on such a word."""
        try:
            found = (await self._apis[Side.HOST].get(SERVICES, replica.of.namespace, replica.of.name)).obj()
        except NotFound:
            return False
        except LeadershipLost:
            raise
        except SyncerError:
            return True
        return replica.side is Side.TENANT or self._is_copy_of(found, replica.source)

    async def _tried(self, replica: Replica | None, step: Coroutine[Any, Any, None]) -> bool:
        try:
            await step
        except LeadershipLost:
            raise
        except (Conflict, NotFound):
            return False
        except SyncerError as error:
            reason, words = (actions.CONFLICT, _taken(replica)) if isinstance(error, AlreadyExists) else (actions.REFUSED, _words(replica))
            log.warning("service_not_replicated", reason=reason, error=str(error)[:300], to=str(replica.to) if replica else "")
            if replica is not None and isinstance(error, ApiError):
                self._tell(replica.to if replica.side is Side.TENANT else replica.source, reason, words)
            return False
        return True

    async def _write(self, place: Place, piece: Piece, there: Obj | None, owner: Obj | None) -> None:
        """Slices are made when their Service is seen to be there: they belong to it, and go with it."""
        side, plural, namespace, name = place
        api = self._apis[side]
        if there is None:
            if plural == SERVICES.plural:
                await api.create(piece.resource, namespace, piece.body)
            elif owner is not None:
                owned = {"apiVersion": "v1", "kind": "Service", "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
                await api.create(piece.resource, namespace, {**piece.body, "metadata": {**piece.body["metadata"], "ownerReferences": [owned]}})
            else:
                return
            log.info("service_replicated", side=side.value, kind=piece.resource.kind, namespace=namespace, name=name)
            return
        uid = there["metadata"]["uid"]
        if _cannot_become(there, piece.body):
            await api.delete(piece.resource, namespace, name, uid=uid)
            self._changed.set()
            return
        patch = project(piece.body, there, _OWNED[plural])
        if patch:
            await api.patch(piece.resource, namespace, name, {**patch, "metadata": {"uid": uid}})

    async def _remove(self, place: Place, obj: Obj) -> None:
        side, plural, namespace, name = place
        resource = SERVICES if plural == SERVICES.plural else ENDPOINTSLICES
        await self._apis[side].delete(resource, namespace, name, uid=obj["metadata"]["uid"])

    async def _remove_former(self) -> None:
        """What an earlier configuration showed in the tenant; the slices go with their Service."""
        api = self._apis[Side.TENANT]
        try:
            page = await api.list(SERVICES, label_selector=_IN_TENANT)
            for entry in page.entries:
                await api.delete(SERVICES, entry.meta.namespace, entry.meta.name, uid=entry.meta.uid)
        except LeadershipLost:
            raise
        except SyncerError as error:
            log.info("former_replicas_not_removed", error=str(error)[:200])


def _place(side: Side, plural: str, obj: Mapping[str, Any]) -> Place:
    return side, plural, obj["metadata"]["namespace"], obj["metadata"]["name"]


def _service_of(obj: Obj) -> Ref:
    """The Service that an object of a replica is, or belongs to."""
    meta = obj["metadata"]
    return Ref(SERVICES.plural, meta["namespace"], (meta.get("labels") or {}).get(SERVICE_NAME) or meta["name"])


def _cannot_become(there: Obj, wanted: Mapping[str, Any]) -> bool:
    """A Service of another type, or a slice of another family."""
    was, becomes = there.get("spec") or {}, wanted.get("spec") or {}
    return was.get("type") != becomes.get("type") or there.get("addressType") != wanted.get("addressType")


def _taken(replica: Replica | None) -> str:
    if replica is not None and replica.side is Side.TENANT:
        return "a Service of the host is to be shown under this name, and this object, or a slice of its name, is in the way; rename or delete it"
    return "another object holds the name that this Service is to be shown under on the host, and is left alone"


def _words(replica: Replica | None) -> str:
    if replica is not None and replica.side is Side.TENANT:
        return "a Service of the host is to be shown here, and this cluster refused it"
    return "the host does not let this Service be shown where configuration says; its administrator has to label that namespace"
