"""What a test does with a whole application: make it in the tenant with kubectl, see it ready, change it, remove it, and look for what is left.

An application is a folder beside this module: `base` and the variants of it, each for `kubectl apply -k`, in a namespace called like the application.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.provisioner import DRIVER, Provisioner
from tests.e2e.stage import Cluster, Obj, Place, World, eventually, is_ready
from tools.planes import PlaneError
from tools.planes.api import ApiStatusError
from tools.planes.pki import Authority

HOST_CLASSES: dict[str, Obj] = {
    "ingressclasses": {
        "metadata": {"name": "public", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "example.com/ingress"},
    },
    "storageclasses": {
        "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": DRIVER,
        "volumeBindingMode": "WaitForFirstConsumer",
    },
}
"""What the host offers by default, as most clusters do."""
HERE = Path(__file__).parent
# Events outlive what they tell of; Leases are of those who run a control plane.
NO_TRACE = {"events", "events.events.k8s.io", "leases.coordination.k8s.io"}
WORKLOADS = ("deployments", "statefulsets")
Trace = tuple[str, str, str]


@contextlib.contextmanager
def offered(world: World, provisioner: Provisioner) -> Iterator[None]:
    """The host's classes while they are there, shown to the tenant, and somebody who makes volumes for them."""
    for plural, body in HOST_CLASSES.items():
        world.host.create(plural, "", body)
    provisioner.start()
    for plural, body in HOST_CLASSES.items():
        eventually(f"{plural} are shown", lambda plural=plural, body=body: world.tenant.get(plural, "", body["metadata"]["name"]))
    yield
    provisioner.stop()
    assert not provisioner.failures, provisioner.failures[0]
    for plural, body in HOST_CLASSES.items():
        world.host.delete(plural, "", body["metadata"]["name"])
    for plural, body in HOST_CLASSES.items():
        eventually(f"{plural} are gone", lambda plural=plural, body=body: not world.tenant.get(plural, "", body["metadata"]["name"]))


@dataclass
class Application:
    """One application in one tenant."""

    world: World
    name: str
    folder: Path
    """A copy of its manifests: certificates are put into it."""
    before: dict[str, set[Trace]] = field(default_factory=dict)
    there: bool = False

    @classmethod
    def open(cls, world: World, name: str, folder: Path) -> Application:
        """An application that is not there yet, and what is there beside it."""
        shutil.copytree(HERE / name, folder / name)
        made = cls(world, name, folder / name)
        made.before = {side: traces(getattr(world, side)) for side in ("tenant", "host")}
        return made

    @property
    def place(self) -> Place:
        return Place(self.world, self.name, self.world.host_name(self.name))

    # --- as a user does it

    def kubectl(self, *arguments: str) -> str:
        return self.world.planes.tenant.kubectl(*arguments)

    def certificate(self, host: str) -> str:
        """Files `ca.crt`, `tls.crt` and `tls.key` for this host in `base`; the certificate."""
        authority = Authority(self.folder / "authority", f"{self.name}-ca")
        pair = authority.issue("tls", host, hosts=(host,))
        for source, target in ((authority.pair.certificate, "ca.crt"), (pair.certificate, "tls.crt"), (pair.key, "tls.key")):
            shutil.copy(source, self.folder / "base" / target)
        return pair.certificate.read_text()

    def apply(self, variant: str = "base") -> None:
        self.there = True
        self.kubectl("apply", "-k", str(self.folder / variant))

    def refused(self, variant: str) -> str:
        """With what words the tenant's API server refuses a variant."""
        try:
            self.apply(variant)
        except PlaneError as error:
            return str(error)
        raise AssertionError(f"{self.name}/{variant} was not refused")

    def remove(self, variant: str = "base") -> None:
        """Delete it, wait until kubectl says it is gone, and find nothing of it on either side."""
        assert not (said := self.complaints()), said
        self.kubectl("delete", "-k", str(self.folder / variant), "--timeout=120s")
        eventually(f"nothing is left of {self.name}", self._is_without_trace)
        self.there = False

    def abandon(self) -> None:
        """Take away what a test that failed has left, for the sake of the tests after it."""
        if self.there:
            with contextlib.suppress(PlaneError):
                self.kubectl("delete", "-k", str(self.folder / "base"), "--ignore-not-found", "--timeout=60s")

    # --- ready

    def await_ready(self, **replicas: int) -> None:
        """Until each workload is rolled out with that many pods, and the host runs exactly the tenant's pods."""
        eventually(f"{self.name} is ready on both sides", lambda: self._is_ready(replicas))

    def _is_ready(self, replicas: dict[str, int]) -> bool:
        found = [one for plural in WORKLOADS for one in self.world.tenant.list(plural, self.name)]
        if (now := {one["metadata"]["name"]: rolled_out(one) for one in found}) != replicas:
            raise LookupError(f"rolled out: {now}; pods: {self._pods()}")
        tenant = {pod["metadata"]["name"]: pod for pod in self.place.pods()}
        host = {pod["metadata"]["name"]: pod for pod in self.place.host_pods()}
        if set(tenant) != set(host):
            raise LookupError(f"pods of the tenant {sorted(tenant)}, of the host {sorted(host)}")
        for name, pod in tenant.items():
            if pod["metadata"].get("deletionTimestamp"):
                raise LookupError(f"pod {name} is still leaving")
            same = all(pod["status"].get(key) == host[name]["status"].get(key) for key in ("phase", "podIP"))
            if not same or pod["spec"]["nodeName"] != host[name]["spec"].get("nodeName"):
                raise LookupError(f"pod {name}: {pod['status']} in the tenant, {host[name]['status']} on the host")
        return True

    def _pods(self) -> list[str]:
        about = [(pod["metadata"]["name"], pod["status"].get("phase"), is_ready(pod)) for pod in self.place.pods()]
        return [f"{name} {phase}{'' if ready else f' told {self.place.told(name)}'}" for name, phase, ready in about]

    def complaints(self) -> list[str]:
        """What the syncer says about objects that did not cross, or not as they are. An ordinary application gives it no cause."""
        events = self.world.tenant.list("events", self.name)
        ours = [one for one in events if one["reportingComponent"] == "kled-syncer" and one["type"] == "Warning"]
        return [f"{one['reason']} {one['involvedObject']['kind']} {one['involvedObject']['name']}: {one['message']}" for one in ours]

    # --- no trace

    def _is_without_trace(self) -> bool:
        if left := self.left_behind():
            raise LookupError(f"{len(left)} objects: {', '.join(left[:20])}")
        return True

    def left_behind(self) -> list[str]:
        """What is there on either side, of any kind, that was not there before: in its namespaces, and in none."""
        spaces = {"tenant": {"", self.name}, "host": {"", self.place.on_host}}
        found = []
        for side, before in self.before.items():
            new = traces(getattr(self.world, side)) - before
            found += [f"{side}: {plural} {namespace}/{name}" for plural, namespace, name in sorted(new) if namespace in spaces[side]]
        return found


@contextlib.contextmanager
def opening(world: World, folder: Path) -> Iterator[Callable[[str], Application]]:
    """Opens applications by name; in the end those are gone that a failure has left."""
    opened: list[Application] = []

    def open_one(name: str) -> Application:
        opened.append(Application.open(world, name, folder))
        return opened[-1]

    yield open_one
    for app in opened:
        app.abandon()


def rolled_out(workload: Obj) -> int:
    """How many pods a workload has when all of them are ready and of its present template; -1 before."""
    status, wanted = workload.get("status", {}), workload["spec"]["replicas"]
    settled = status.get("observedGeneration") == workload["metadata"]["generation"]
    counts = {status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas")}
    return wanted if settled and counts == {wanted} else -1


def traces(cluster: Cluster) -> set[Trace]:
    """Every object that an API server has, of all kinds that it can list."""
    found = set()
    for plural, path in kinds(cluster).items():
        for one in listed(cluster, path):
            found.add((plural, one["metadata"].get("namespace", ""), one["metadata"]["name"]))
    return found


def listed(cluster: Cluster, path: str) -> list[Obj]:
    """The objects of a kind, which may itself be gone since it was seen."""
    try:
        found: list[Obj] = cluster.plane.api.get(path)["items"]
    except ApiStatusError as error:
        if error.code != 404:
            raise
        return []
    return found


def kinds(cluster: Cluster) -> dict[str, str]:
    """Plural with group, and where to list it."""
    get = cluster.plane.api.get
    versions = {"/api/v1": ""} | {f"/apis/{one['preferredVersion']['groupVersion']}": f".{one['name']}" for one in get("/apis")["groups"]}
    found = {}
    for path, group in versions.items():
        for one in get(path)["resources"]:
            if "list" in one["verbs"] and "/" not in one["name"]:
                found[f"{one['name']}{group}"] = f"{path}/{one['name']}"
    return {plural: path for plural, path in found.items() if plural not in NO_TRACE}
