"""What must hold at every moment, read from the two audit logs. Numbers (S1 …) are those of the list of invariants the tests were written from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncer.core import stamp as stamps
from syncer.core.objects import PODS
from syncer.core.stamp import Stamp
from syncer.testing import Request
from tests.world.world import TENANT, World, by_syncer

Obj = Mapping[str, Any]
OVER = ("Succeeded", "Failed")


class Safety:
    """Reads on from where it stopped. `broken` collects what it found, in words."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._host_read = self._tenant_read = 0
        self._made_by_syncers: set[str] = set()
        self._foreign: set[str] = set()
        self._sources: dict[str, set[str]] = {}
        self._host_pods: dict[str, set[str]] = {}
        self._ended: dict[str, tuple[int, str]] = {}
        self._leaving: dict[str, int] = {}
        self.broken: list[str] = []
        world.tenant.after = self._watching_deletions(world.tenant.after)

    def check(self) -> None:
        for request in self._world.host.log[self._host_read :]:
            self._host_request(request)
        for request in self._world.tenant.log[self._tenant_read :]:
            self._tenant_request(request)
        self._host_read, self._tenant_read = len(self._world.host.log), len(self._world.tenant.log)
        for syncer in self._world.syncers:
            self.broken.extend(f"{syncer.user}: {type(error).__name__}: {error}" for error in syncer.accidents)
            syncer.accidents.clear()
        assert not self.broken, "\n".join(self.broken)

    def forget_pods(self) -> None:
        """Which pods have been placed."""
        self._host_pods.clear()
        self._ended.clear()
        self._leaving.clear()

    def _fail(self, request: Request, why: str) -> None:
        self.broken.append(f"{why}: {request}")

    # --- the host

    def _host_request(self, request: Request) -> None:
        if not request.is_write:
            return
        if by_syncer(request):
            self._fence(request)
            self._preconditions(request)
            if request.outcome == "ok":
                self._ownership(request)
        elif request.outcome == "ok" and request.verb == "create" and request.after is not None:
            self._foreign.add(request.after["metadata"]["uid"])
        if request.outcome == "ok" and request.after is not None:
            self._identity(request, request.after)

    def _fence(self, request: Request) -> None:
        """S1: only in namespaces that the mapping leads to."""
        place = request.namespace or request.name or str((request.body or {})["metadata"]["name"])
        if not _is_workload_namespace(self._world, place):
            self._fail(request, "S1 a write outside the namespaces of this tenant")

    def _preconditions(self, request: Request) -> None:
        """S4."""
        if request.verb == "delete" and not (request.options or {}).get("uid"):
            self._fail(request, "S4 a delete without a uid")
        if request.verb == "patch" and not ((request.body or {}).get("metadata") or {}).get("uid"):
            self._fail(request, "S4 a patch without a uid")

    def _ownership(self, request: Request) -> None:
        """S3: what is changed was made by a syncer; what is made carries the tenant's label, and a whole stamp if it is a copy."""
        if request.verb == "create" and request.after is not None:
            meta = request.after["metadata"]
            self._made_by_syncers.add(meta["uid"])
            if (meta.get("labels") or {}).get(stamps.TENANT) != TENANT:
                self._fail(request, "S3 an object without the tenant's label")
        elif not request.noop and request.before is not None and request.before["metadata"]["uid"] not in self._made_by_syncers:
            self._fail(request, "S3 a write to an object that no syncer made")

    def _identity(self, request: Request, after: Obj) -> None:
        """S6, and no pod is ever placed twice."""
        stamp, uid = stamp_of(after), after["metadata"]["uid"]
        if stamp is None or uid in self._foreign:
            return
        known = self._sources.setdefault(uid, set())
        known.add(stamp.uid)
        if len(known) > 1 and not (self._world.variant.adopting and stamp.translator == "services"):
            self._fail(request, f"S6 one host object stood for two tenant objects {sorted(known)}")
        if stamp.translator == "pods":
            pods = self._host_pods.setdefault(stamp.uid, set())
            pods.add(uid)
            if len(pods) > 1:
                self._fail(request, f"a tenant pod got a second host pod {sorted(pods)}")

    # --- the tenant

    def _tenant_request(self, request: Request) -> None:
        if not request.is_write or request.resource == "events" or request.subresource == "token":
            return
        if by_syncer(request):
            self._preconditions(request)
        if request.resource == "pods" and request.after is not None and request.outcome == "ok":
            self._life(request, request.after)

    def _life(self, request: Request, after: Obj) -> None:
        """S13: a pod that has ended does not run again; a deletion is not taken back. The log is in the order of asking, hence the versions."""
        meta, phase = after["metadata"], (after.get("status") or {}).get("phase", "")
        uid, version = meta["uid"], int(meta["resourceVersion"])
        since, end = self._ended.get(uid, (version, ""))
        if by_syncer(request) and end and version > since and phase not in OVER:
            self._fail(request, f"S13 a pod went back from {end} to {phase}")
        if by_syncer(request) and phase in OVER:
            self._ended.setdefault(uid, (version, phase))
        if meta.get("deletionTimestamp"):
            self._leaving.setdefault(uid, version)
        elif version > self._leaving.get(uid, version):
            self._fail(request, "S13 a deletion was taken back")

    def _watching_deletions(self, inner: Any) -> Any:
        """S11 needs to know how the host looked at the very moment of a deletion in the tenant."""

        async def after(request: Request) -> None:
            if by_syncer(request) and request.verb == "delete" and request.outcome == "ok" and request.before is not None:
                self._tenant_deletion(request, request.before)
            await inner(request)

        return after

    def _tenant_deletion(self, request: Request, before: Obj) -> None:
        """S11: only pods whose host pod has ended or ends, what syncers made there, and a Service that is made anew at once."""
        meta = before["metadata"]
        if (meta.get("labels") or {}).get(stamps.MANAGED_BY) == stamps.MANAGER:
            return
        if request.resource == "services" and self._world.variant.adopting:
            return
        if request.resource != "pods":
            self._fail(request, "S11 tenant data was deleted")
            return
        for pod in self._world.host.all(PODS):
            stamp = stamp_of(pod)
            if stamp is not None and stamp.uid == meta["uid"] and not pod["metadata"].get("deletionTimestamp"):
                self._fail(request, "S11 a tenant pod was deleted while its host pod lives")


def stamp_of(obj: Obj) -> Stamp | None:
    meta = obj["metadata"]
    stamp = stamps.read(meta.get("labels") or {}, meta.get("annotations") or {})
    return stamp if stamp is not None and stamp.tenant == TENANT else None


def _is_workload_namespace(world: World, name: str) -> bool:
    mapping = world.variant.mapping
    if mapping.shared is not None:
        return name == mapping.shared
    return name not in mapping.closed and name in _mapped(world)


def _mapped(world: World) -> Iterator[str | None]:
    names = {request.name for request in world.tenant.log if request.resource == "namespaces"}
    return (world.names.namespace(name) for name in sorted(names))
