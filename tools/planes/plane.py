"""One Kubernetes control plane on loopback, from an empty folder to ready and back."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tools.planes import binaries
from tools.planes.api import Api
from tools.planes.audit import AuditLog
from tools.planes.errors import PlaneError, PortTakenError
from tools.planes.identities import Identities
from tools.planes.options import Network, Options
from tools.planes.process import Component
from tools.planes.progress import say
from tools.planes.running import RunningPlane

PORT_ATTEMPTS = 5
# Set to anything to keep every temporary folder, for reading the logs of a control plane that a test fixture has put away.
KEEP_VARIABLE = "KLED_KEEP_PLANES"


class ControlPlane:
    """etcd, kube-apiserver and, as asked for, kube-controller-manager, kube-scheduler and fake nodes.

    Use it as a context manager. Without `workdir` everything lives in a temporary folder that is removed on the way out, unless something
    failed: then it is kept, for the logs, and its path is printed. With `workdir` the folder is kept, and starting again from it finds the
    same data and the same certificate authority.
    """

    def __init__(
        self,
        name: str = "host",
        *,
        service_cidr: str = "10.96.0.0/16",
        scheduler: bool = True,
        controller_manager: bool = True,
        nodes: int = 0,
        streaming: bool = False,
        audit: bool = True,
        qps: int = 500,
        workdir: Path | None = None,
        extra_flags: Mapping[str, Sequence[str]] | None = None,
        limit: float = 300.0,
        network: Network | None = None,
        release: str = "",
    ) -> None:
        """`nodes` fake ones are made, and with `streaming` their pods answer logs, exec and port-forward (see streaming.py before using it).

        `extra_flags` maps a component to more flags for it; `limit` bounds each wait, generously, since a busy machine is slow. In a `network`
        of its own everything runs there, beside real nodes, and is reached from here on loopback all the same. `release` is a Kubernetes
        minor version other than the usual one, of those that `tools/binaries` pins (`"1.35"`).
        """
        self.name = name
        self._options = Options(
            name, service_cidr, scheduler, controller_manager, nodes, streaming, audit, qps, dict(extra_flags or {}), limit, network
        )
        self._workdir, self._release = workdir, release
        self._running: RunningPlane | None = None

    # --- beginning and end

    def start(self) -> Self:
        """Bring everything up and return when pods can be created."""
        if self._running:
            raise PlaneError(f"{self.name} has been started already")
        names = [f"{name}@{self._release}" if self._release and name in binaries.RELEASED else name for name in binaries.NEEDED]
        programs = {name.partition("@")[0]: path for name, path in binaries.ensure(names).items()}
        folder = self._workdir or Path(tempfile.mkdtemp(prefix=f"kled-{self.name}-"))
        folder.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._running = RunningPlane(self._options, folder.resolve(), programs)
            try:
                self._running.start()
            except PortTakenError as error:
                self.stop(keep=True)
                if attempt == PORT_ATTEMPTS:
                    raise
                say(f"{self.name}: {error}; trying other ports")
            except BaseException as error:
                self.stop(keep=not isinstance(error, KeyboardInterrupt))
                raise
            else:
                break
        return self

    def stop(self, *, keep: bool = False) -> None:
        """Stop the clients, then the API server, then etcd, and wait for each; then remove a temporary folder unless told to keep it."""
        if not self._running:
            return
        plane, self._running = self._running, None
        plane.stop()
        if self._workdir is not None:
            return
        if keep or os.environ.get(KEEP_VARIABLE):
            say(f"{self.name}: logs and data are kept in {plane.folder}")
        else:
            shutil.rmtree(plane.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop(keep=error is not None and not isinstance(error, KeyboardInterrupt))

    # --- trouble on demand

    def restart(self, component: str) -> None:
        """Stop one component in good order, start it again on the same port and wait until it works."""
        self._plane.restart(component)

    def kill(self, component: str) -> None:
        """End one component as a crash would; `restart` brings it back."""
        self.component(component).kill()

    def pause(self, component: str) -> None:
        """Freeze one component: connections stay open and nothing is answered."""
        self.component(component).pause()

    def resume(self, component: str) -> None:
        """Let a frozen component go on."""
        self.component(component).resume()

    def silence_node(self, name: str) -> None:
        """Make one fake node fall silent, with its pods: its lease runs out, and after its grace period (50 s) it counts as unreachable."""
        self._plane.fake_nodes.silence(name)

    def wake_node(self, name: str) -> None:
        """Bring a silent node back."""
        self._plane.wake_node(name)

    def compact_etcd(self) -> int:
        """Forget all old revisions and return the newest one.

        kube-apiserver still answers watches from its own cache; restart it too to make an old resourceVersion answer 410 Gone.
        """
        return self._plane.etcd.compact()

    def component(self, name: str) -> Component:
        """One component, for its log and its process id."""
        return self._plane.component(name)

    @property
    def components(self) -> tuple[Component, ...]:
        """All components in the order of their start."""
        return self._plane.components

    # --- access

    @property
    def folder(self) -> Path:
        """Where logs, certificates and data are."""
        return self._plane.folder

    @property
    def server(self) -> str:
        """The address of the API server."""
        return self._plane.server

    @property
    def inner_server(self) -> str:
        """The address of the API server in the network it was put into: as nodes and pods reach it."""
        network = self._options.network
        return f"https://{network.address}:{self._plane.ports.apiserver}" if network else self.server

    @property
    def identities(self) -> Identities:
        """Its certificates, to issue more of them."""
        return self._plane.identities

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of the administrator."""
        return self._plane.admin_kubeconfig

    @property
    def ca(self) -> Path:
        """The certificate of the authority that everything here is signed by."""
        return self._plane.identities.authority.pair.certificate

    @property
    def api(self) -> Api:
        """Plain requests as the administrator, for when kubectl is too slow."""
        return self._plane.api

    def user_kubeconfig(self, name: str, groups: Sequence[str] = (), *, inner: bool = False) -> Path:
        """A kubeconfig for any user, with a client certificate; what the user may do is for RBAC to say. `inner`: for use in its own network."""
        return self._plane.identities.user_kubeconfig(name, tuple(groups), self.inner_server if inner else "")

    def service_account_kubeconfig(self, namespace: str, name: str, *, seconds: int = 86400) -> Path:
        """A kubeconfig with a token of a service account, which is created if need be; its namespace must exist."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.api.create(path, {"metadata": {"name": name}})
        answer = self.api.post(f"{path}/{name}/token", {"spec": {"expirationSeconds": seconds}})
        return self._plane.identities.token_kubeconfig(f"{namespace}-{name}", answer["status"]["token"])

    def kubectl(self, *arguments: str, input: str | None = None, kubeconfig: Path | None = None) -> str:
        """Run kubectl, as the administrator unless told otherwise, and return what it printed; a failure raises with its words."""
        command = [str(self._plane.binaries["kubectl"]), f"--kubeconfig={kubeconfig or self.kubeconfig}", f"--cache-dir={self.folder / 'kubectl'}"]
        done = subprocess.run([*command, *arguments], input=input, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PlaneError(f"{self.name}: kubectl {' '.join(arguments)} failed with code {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    @property
    def audit_log(self) -> AuditLog:
        """The audit log; note its `position()` and pass it on to see only what happens later."""
        return self._plane.audit

    def audit_entries(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """The entries of the audit log after a position."""
        return self._plane.audit.entries(after)

    @property
    def _plane(self) -> RunningPlane:
        if self._running is None:
            raise PlaneError(f"{self.name} is not running")
        return self._running
