"""What the tests play on: one pair of control planes, the syncer as a process of its own under exactly its computed rights, and namespaces."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tools.demo.stage import free_port, grant
from tools.planes import ControlPlane
from tools.planes.api import ApiStatusError

# A slow machine gets more time by this variable.
PATIENCE = float(os.environ.get("KLED_E2E_PATIENCE", "90"))
TENANT_RANGE = "10.97.0.0/16"
# `TENANT` stands for the tenant's name.
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
tenant:
  serviceCIDR: {TENANT_RANGE}
"""
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
GROUPS = {
    "deployments": "apis/apps/v1",
    "statefulsets": "apis/apps/v1",
    "replicasets": "apis/apps/v1",
    "jobs": "apis/batch/v1",
    "leases": "apis/coordination.k8s.io/v1",
    "rolebindings": "apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "apis/rbac.authorization.k8s.io/v1",
    "clusterroles": "apis/rbac.authorization.k8s.io/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
    "poddisruptionbudgets": "apis/policy/v1",
    "priorityclasses": "apis/scheduling.k8s.io/v1",
    "runtimeclasses": "apis/node.k8s.io/v1",
    "resourceclaims": "apis/resource.k8s.io/v1",
    "resourceclaimtemplates": "apis/resource.k8s.io/v1",
    "resourceslices": "apis/resource.k8s.io/v1",
    "validatingadmissionpolicies": "apis/admissionregistration.k8s.io/v1",
    "validatingadmissionpolicybindings": "apis/admissionregistration.k8s.io/v1",
    "ingresses": "apis/networking.k8s.io/v1",
    "ingressclasses": "apis/networking.k8s.io/v1",
    "networkpolicies": "apis/networking.k8s.io/v1",
    **dict.fromkeys(("gatewayclasses", "gateways", "httproutes"), "apis/gateway.networking.k8s.io/v1"),
    "tokenreviews": "apis/authentication.k8s.io/v1",
    **dict.fromkeys(
        ("storageclasses", "volumeattributesclasses", "csidrivers", "csinodes", "csistoragecapacities", "volumeattachments"), "apis/storage.k8s.io/v1"
    ),
    **dict.fromkeys(("volumesnapshots", "volumesnapshotcontents", "volumesnapshotclasses"), "apis/snapshot.storage.k8s.io/v1"),
    "customresourcedefinitions": "apis/apiextensions.k8s.io/v1",
}
Obj = dict[str, Any]
T = TypeVar("T")


@contextlib.contextmanager
def started(*planes: ControlPlane) -> Iterator[None]:
    """All of them at once, since each waits for itself most of the time; stopped at the end, also when one of them did not start."""
    with contextlib.ExitStack() as stack:
        with concurrent.futures.ThreadPoolExecutor(len(planes)) as pool:
            starts = [pool.submit(plane.start) for plane in planes]
            for plane in planes:
                stack.callback(plane.stop)
            for start in starts:
                start.result()
        yield


def eventually(what: str, probe: Callable[[], T], within: float = PATIENCE) -> T:
    """What `probe` returns as soon as it is something. A thing that is not there yet (LookupError) counts as nothing."""
    deadline = time.monotonic() + within
    last: Any = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except LookupError as error:
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() > deadline:
            pytest.fail(f"waited {within:.0f} s in vain until {what}; last seen: {str(last)[:600]}")
        time.sleep(0.1)


def for_a_while(what: str, probe: Callable[[], Any], seconds: float = 3.0) -> None:
    """`probe` holds now and goes on holding."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert probe(), what
        time.sleep(0.2)


@dataclass(frozen=True)
class Cluster:
    """One API server as its administrator sees it."""

    plane: ControlPlane

    def path(self, plural: str, namespace: str = "", name: str = "", sub: str = "") -> str:
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"/{GROUPS.get(plural, 'api/v1')}{within}/{plural}" + (f"/{name}" if name else "") + (f"/{sub}" if sub else "")

    def get(self, plural: str, namespace: str, name: str) -> Obj:
        """The object, or {}."""
        try:
            found: Obj = self.plane.api.get(self.path(plural, namespace, name))
        except ApiStatusError as error:
            if error.code != 404:
                raise
            return {}
        return found

    def list(self, plural: str, namespace: str = "", selector: str = "") -> list[Obj]:
        found: list[Obj] = self.plane.api.get(self.path(plural, namespace) + (f"?labelSelector={selector}" if selector else ""))["items"]
        return found

    def create(self, plural: str, namespace: str, body: Obj, sub: str = "", query: str = "") -> Obj:
        name = body["metadata"]["name"] if sub else ""
        made: Obj = self.plane.api.post(self.path(plural, namespace, name, sub) + query, body)
        return made

    def patch(self, plural: str, namespace: str, name: str, body: Any, sub: str = "", kind: str = MERGE) -> Obj:
        made: Obj = json.loads(self.plane.api.request("PATCH", self.path(plural, namespace, name, sub), body, kind=kind))
        return made

    def delete(self, plural: str, namespace: str, name: str, grace: int | None = None) -> None:
        with _tolerating_404():
            self.plane.api.request("DELETE", self.path(plural, namespace, name), {} if grace is None else {"gracePeriodSeconds": grace})

    def names(self, plural: str, namespace: str) -> set[str]:
        return {one["metadata"]["name"] for one in self.list(plural, namespace)}


@contextlib.contextmanager
def _tolerating_404() -> Iterator[None]:
    try:
        yield
    except ApiStatusError as error:
        if error.code != 404:
            raise


@dataclass
class Planes:
    """The pair that a whole session shares."""

    host: ControlPlane
    tenant: ControlPlane


class Run:
    """One process of the syncer."""

    def __init__(self, arguments: list[str], log: Path, under: tuple[str, ...] = ("-m",)) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.log = log
        with log.open("ab") as out:
            command = [sys.executable, *under, "syncer", "run", *arguments, "--metrics-address", self.address]
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def fetch(self, path: str) -> tuple[int, str]:
        """Code and text of a page; 0 while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")
        except OSError as error:
            return 0, str(error)

    def ready(self) -> Run:
        deadline = time.monotonic() + PATIENCE
        said = ""
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the syncer ended with {self.process.returncode}: {self.log.read_text()[-3000:]}"
            code, said = self.fetch("/readyz")
            if code == 200:
                return self
            time.sleep(0.1)
        pytest.fail(f"the syncer did not become ready: {said}\n{self.log.read_text()[-3000:]}")

    def metrics(self) -> str:
        return self.fetch("/metrics")[1]

    def value(self, series: str) -> float:
        """The sum over all series that begin with this text."""
        found = [line.rsplit(" ", 1)[1] for line in self.metrics().splitlines() if line.startswith(series)]
        return sum(float(one) for one in found)

    def stop(self, within: float = 15.0) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the syncer did not end within {within:.0f} s of SIGTERM")

    def kill(self) -> None:
        """As a crash."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@dataclass
class World:
    """A tenant between the two control planes, with its syncer."""

    planes: Planes
    tenant_name: str
    sync_file: Path
    folder: Path
    host_name: Callable[[str], str]
    flags: tuple[str, ...] = ()
    runs: list[Run] = field(default_factory=list)
    spaces: list[str] = field(default_factory=list)
    canaries: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.host, self.tenant = Cluster(self.planes.host), Cluster(self.planes.tenant)
        self.become(f"kled-syncer-{self.tenant_name}")
        self.log = self.folder / "syncer.log"
        self.since = self.positions()

    def become(self, user: str) -> None:
        """The user that the syncer is on both sides from its next start on."""
        self.user = user
        self.sources = (
            *("--sync-file", str(self.sync_file), "--tenant", self.tenant_name),
            *("--tenant-kubeconfig", str(self.planes.tenant.user_kubeconfig(self.user))),
            *("--host-kubeconfig", str(self.planes.host.user_kubeconfig(self.user))),
        )

    def positions(self) -> tuple[int, int]:
        return self.planes.host.audit_log.position(), self.planes.tenant.audit_log.position()

    @property
    def syncer(self) -> Run:
        return self.runs[-1]

    @property
    def own_namespace(self) -> str:
        return f"kled-{self.tenant_name}"

    def grant(self) -> None:
        grant(self.planes.host, "host", self.sources)
        grant(self.planes.tenant, "tenant", self.sources)

    def start(self, *flags: str) -> Run:
        self.runs.append(Run([*self.sources, *self.flags, *flags], self.log))
        return self.syncer

    def restart(self) -> Run:
        """The process is killed if it is there, and started again."""
        self.syncer.kill()
        return self.start()

    def command(self, *arguments: str, sources: tuple[str, ...] | None = None) -> subprocess.CompletedProcess[str]:
        """`kled-syncer …` with this tenant's sources."""
        command = [sys.executable, "-m", "syncer", *arguments, *(self.sources if sources is None else sources)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    def canary(self) -> str:
        """A value for a Secret that must be seen nowhere else."""
        made = f"canary-{secrets.token_hex(12)}"
        self.canaries.append(made)
        return made

    def writes(self, since: tuple[int, int], sides: tuple[str, ...] = ("host", "tenant")) -> list[Obj]:
        """What the syncer wrote since then, Leases and questions about its own rights left out."""
        found = []
        for side, position in zip(("host", "tenant"), since, strict=True):
            for entry in getattr(self.planes, side).audit_entries(position) if side in sides else ():
                about = entry.get("objectRef", {})
                if entry["user"]["username"] != self.user or entry["verb"] in ("get", "list", "watch"):
                    continue
                if about.get("resource") == "leases" or about.get("resource", "").startswith("selfsubject"):
                    continue
                found.append(entry)
        return found

    def await_rest(self, quiet: float = 3.0, within: float = PATIENCE) -> None:
        """Until the syncer has written nothing for a while."""
        deadline = time.monotonic() + within
        while True:
            since = self.positions()
            time.sleep(quiet)
            busy = self.writes(since)
            if not busy:
                return
            if time.monotonic() > deadline:
                pytest.fail(f"the syncer does not come to rest: {[described(entry) for entry in busy][:10]}")

    def place(self, **labels: str) -> Place:
        """A new tenant namespace."""
        name = f"t-{uuid.uuid4().hex[:8]}"
        self.tenant.create("namespaces", "", {"metadata": {"name": name, **({"labels": labels} if labels else {})}})
        self.spaces.append(name)
        eventually(f"{name} has its default ServiceAccount", lambda: self.tenant.get("serviceaccounts", name, "default"))
        return Place(self, name, self.host_name(name))

    def stamped(self) -> list[Obj]:
        """Every stamped object of this tenant on the host, with its plural under `plural`."""
        label = f"kled.io/tenant={self.tenant_name}"
        return [
            {**one, "plural": plural}
            for plural in (
                *("namespaces", "pods", "services", "configmaps", "secrets"),
                *("persistentvolumeclaims", "persistentvolumes", "poddisruptionbudgets"),
                *("ingresses", "networkpolicies", "endpointslices"),
            )
            for one in self.host.list(plural, "", label)
            if plural != "endpointslices" or "kled.io/source-uid" in (one["metadata"].get("annotations") or {})  # the host's bear our labels, too
        ]

    def clear(self) -> None:
        """Deletes the namespaces that were made, and waits until nothing of them is left anywhere.

        Their pods go first and at once: the controller of namespaces looks again only after half of the longest grace period it has met.
        """
        background = {"propagationPolicy": "Background"}
        for name in self.spaces:
            if self.tenant.get("namespaces", "", name):
                for plural in ("deployments", "jobs", "statefulsets"):
                    self.planes.tenant.api.request("DELETE", self.tenant.path(plural, name), background)
                self._emptied(name)
        for name in self.spaces:
            if self.tenant.get("namespaces", "", name):
                eventually(f"{name} has no pods", lambda name=name: self._emptied(name))
                self.tenant.delete("namespaces", "", name)
        for name in self.spaces:
            eventually(f"tenant namespace {name} is gone", lambda name=name: not self.tenant.get("namespaces", "", name))
        eventually("the host is clean", self._is_clean)

    def _is_clean(self) -> bool:
        if left := self.left_behind():
            raise LookupError(", ".join(left))
        return True

    def _emptied(self, name: str) -> bool:
        self.planes.tenant.api.request("DELETE", self.tenant.path("pods", name), {"gracePeriodSeconds": 0})
        return not self.tenant.list("pods", name)

    def left_behind(self) -> list[str]:
        gone = set(self.spaces)
        found = [one for one in self.stamped() if one["metadata"]["labels"].get("kled.io/namespace") in gone]
        found += [
            one
            for one in self.stamped()
            if one["plural"] == "namespaces" and one["metadata"].get("annotations", {}).get("kled.io/source-name") in gone
        ]
        return [f"{one['plural']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in found]


@dataclass
class Place:
    """One tenant namespace and where it lands on the host."""

    world: World
    name: str
    on_host: str

    # --- making

    def create(self, plural: str, body: Obj) -> Obj:
        return self.world.tenant.create(plural, self.name, body)

    def patch(self, plural: str, name: str, body: Any, sub: str = "", kind: str = MERGE) -> Obj:
        return self.world.tenant.patch(plural, self.name, name, body, sub, kind)

    def delete(self, plural: str, name: str, grace: int | None = None) -> None:
        self.world.tenant.delete(plural, self.name, name, grace)

    def pod(
        self,
        name: str,
        wishes: dict[str, str] | None = None,
        *,
        labels: dict[str, str] | None = None,
        annotations: dict[str, str] | None = None,
        **spec: Any,
    ) -> Obj:
        """A pod; wishes say how the fake kubelet treats it."""
        marks = {**{f"test.kled.dev/{key}": value for key, value in (wishes or {}).items()}, **(annotations or {})}
        metadata = {"name": name, "annotations": marks, "labels": labels or {}}
        return self.create("pods", {"metadata": metadata, "spec": {"containers": [container()], **spec}})

    def deployment(self, name: str, replicas: int, **spec: Any) -> Obj:
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container()], **spec}}
        return self.create(
            "deployments",
            {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}},
        )

    def service(self, name: str, **spec: Any) -> Obj:
        return self.create(
            "services", {"metadata": {"name": name}, "spec": {"ports": [{"name": "web", "port": 80}], "selector": {"app": name}, **spec}}
        )

    # --- looking

    def get(self, plural: str, name: str) -> Obj:
        return self.world.tenant.get(plural, self.name, name)

    def host(self, plural: str, name: str) -> Obj:
        return self.world.host.get(plural, self.on_host, name)

    def pods(self, **labels: str) -> list[Obj]:
        return self.world.tenant.list("pods", self.name, ",".join(f"{key}={value}" for key, value in labels.items()))

    def host_pods(self) -> list[Obj]:
        return self.world.host.list("pods", self.on_host)

    def ready_pods(self, **labels: str) -> list[Obj]:
        return [pod for pod in self.pods(**labels) if is_ready(pod) and not pod["metadata"].get("deletionTimestamp")]

    def await_ready(self, count: int, **labels: str) -> list[Obj]:
        def probe() -> list[Obj]:
            pods = self.pods(**labels)
            late = [pod for pod in pods if not is_ready(pod) or pod["metadata"].get("deletionTimestamp")]
            if len(pods) != count or late:
                raise LookupError(f"{len(pods)} pods, among them not ready: {', '.join(self._lateness(pod) for pod in late[:5])}")
            return pods

        return eventually(f"{count} pods of {self.name} are ready", probe)

    def _lateness(self, pod: Obj) -> str:
        name, copy = pod["metadata"]["name"], self.host("pods", pod["metadata"]["name"])
        leaving = [side for side, one in (("tenant", pod), ("host", copy)) if one.get("metadata", {}).get("deletionTimestamp")]
        phases = [one.get("status", {}).get("phase", "none") for one in (pod, copy)]
        node = pod["spec"].get("nodeName", "none")
        return f"{name} on node {node}, tenant {phases[0]}, host {phases[1]}, leaving in {leaving}, told {self.told(name)}"

    def await_pod(self, name: str, condition: Callable[[Obj], Any] | None = None, what: str = "as wanted") -> Obj:
        """The tenant pod as soon as the condition holds (default: it is ready)."""
        wanted = condition or is_ready

        def probe() -> Obj | None:
            found = self.get("pods", name)
            return found if found and wanted(found) else None

        try:
            return eventually(f"pod {name} is {what if condition else 'ready'}", probe) or {}
        except pytest.fail.Exception:
            raise AssertionError(
                f"pod {name}: tenant {self.get('pods', name).get('status')}; host {self.host('pods', name).get('status')}; told {self.told(name)}"
            ) from None

    def events(self, name: str) -> list[Obj]:
        return [one for one in self.world.tenant.list("events", self.name) if one["involvedObject"].get("name") == name]

    def told(self, name: str) -> dict[str, str]:
        """What the syncer says about an object: reason → messages, a line each."""
        found: dict[str, str] = {}
        for one in self.events(name):
            if one["reportingComponent"] == "kled-syncer":
                found[one["reason"]] = "\n".join(filter(None, (found.get(one["reason"]), one["message"])))
        return found

    def await_told(self, name: str, reason: str, containing: str = "") -> str:
        def probe() -> str | None:
            said = self.told(name)
            return said[reason] if containing in said[reason] else None

        return str(eventually(f"{reason} with {containing!r} is said about {name}", probe))


# --- small readers and makers


def container(name: str = "main", **more: Any) -> Obj:
    return {"name": name, "image": "registry.example/app:1", **more}


def condition(obj: Obj, kind: str) -> str:
    return {str(one["type"]): str(one["status"]) for one in obj.get("status", {}).get("conditions", [])}.get(kind, "")


def is_ready(obj: Obj) -> bool:
    return condition(obj, "Ready") == "True"


def status_of(pod: Obj, name: str = "main") -> Obj:
    lists = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    found: Obj = {one["name"]: one for key in lists for one in pod["status"].get(key, [])}[name]
    return found


def described(entry: Obj) -> str:
    about = entry.get("objectRef", {})
    where = "/".join(str(about[key]) for key in ("namespace", "resource", "name", "subresource") if about.get(key))
    return f"{entry['verb']} {where} {entry.get('responseStatus', {}).get('code')}"
