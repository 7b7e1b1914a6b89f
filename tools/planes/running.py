"""The processes of one control plane, and the order in which they come and go."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

from tools.planes import binaries, commands, identities, streaming
from tools.planes.api import Api
from tools.planes.audit import AuditLog
from tools.planes.errors import PlaneError, PortTakenError
from tools.planes.etcd import EtcdGateway
from tools.planes.fakenodes import ADDRESSES, FakeNodes, write_config
from tools.planes.identities import Identities
from tools.planes.options import Options
from tools.planes.ports import free_port
from tools.planes.process import Component
from tools.planes.progress import say, wait_for

FORWARDER = "forwarder"


class RunningPlane:
    """One start of a control plane, on the ports chosen for it."""

    def __init__(self, options: Options, folder: Path, programs: dict[str, Path]) -> None:
        self.folder = folder
        self.binaries = programs
        self.ports = commands.Ports(free_port(), free_port(), free_port(), free_port())
        self.server = f"https://{commands.LOOPBACK}:{self.ports.apiserver}"
        self.identities = Identities(folder, options.name, self.server)
        self.etcd = EtcdGateway(f"http://{commands.LOOPBACK}:{self.ports.etcd}")
        self.audit = AuditLog(folder)
        self.admin_kubeconfig = self.identities.user_kubeconfig(*identities.ADMIN)
        self.api = Api(self.server, self.identities.authority.pair.certificate, self.identities.client(*identities.ADMIN))
        self.fake_nodes = FakeNodes(self.api, options.nodes, untainted=options.controller_manager)
        self._options = options
        self._components: dict[str, Component] = {}
        self._define()

    @property
    def components(self) -> tuple[Component, ...]:
        """All components in the order of their start."""
        return tuple(self._components.values())

    def component(self, name: str) -> Component:
        """One component by the name of its binary."""
        if name not in self._components:
            raise PlaneError(f"{self._options.name} has no {name}; it has {', '.join(self._components)}")
        return self._components[name]

    # --- beginning and end

    def start(self) -> None:
        """Start everything and wait until pods can be created."""
        began = time.monotonic()
        if self._options.network:
            self._start(FORWARDER)
        self._start("etcd")
        self._start("kube-apiserver")
        self.fake_nodes.create(binaries.version_of(self.binaries["kube-apiserver"]))
        rest = [component.name for component in self.components if not component.running]
        for name in rest:
            self._launch(name)
        for name in rest:
            self._settle(name)
        say(f"{self._options.name}: ready after {time.monotonic() - began:.1f} s, {self.admin_kubeconfig}")

    def stop(self) -> None:
        """Stop clients before servers, so that nobody retries against a server that is gone, and wait for each to leave its ports."""
        for component in reversed(self.components):
            component.stop()

    def restart(self, name: str) -> None:
        """Stop one component if it is there, start it again and wait until it works."""
        self.component(name).stop()
        self._start(name)

    def wake_node(self, name: str) -> None:
        """Let kwok have a silenced node again and wait until it has caught up."""
        self.fake_nodes.release(name)
        self._settle("kwok")

    def _start(self, name: str) -> None:
        self._launch(name)
        self._settle(name)

    def _launch(self, name: str) -> None:
        if name == "kwok":
            self.fake_nodes.release()
            self._define_kwok(self.fake_nodes.fresh_addresses())
        self.component(name).start()

    def _settle(self, name: str) -> None:
        self._await(name)
        if name == "kwok":
            self.fake_nodes.announce_pods()

    # --- what there is

    def _define(self) -> None:
        options, ports, ids = self._options, self.ports, self.identities
        address = options.network.address if options.network else ""
        settings = commands.Settings(options.name, self.folder, options.service_cidr, options.controller_manager, options.qps, address)
        if options.network:
            self._components[FORWARDER] = Component(FORWARDER, commands.forwarder(options.network.namespace, ports), self.folder)
        self._add("etcd", commands.etcd(settings, ports))
        serving, client = ids.apiserver_serving(options.service_cidr, address), ids.client(*identities.APISERVER_AS_CLIENT)
        audit = self.audit.flags() if options.audit else []
        aggregation = commands.aggregation(*ids.front_proxy()) if address else []
        self._add("kube-apiserver", [*commands.apiserver(settings, ports, ids.authority, serving, client), *audit, *aggregation])
        if options.controller_manager:
            kubeconfig = ids.user_kubeconfig(*identities.CONTROLLER_MANAGER)
            self._add("kube-controller-manager", commands.controller_manager(settings, kubeconfig, ids.authority))
        if options.scheduler:
            self._add("kube-scheduler", commands.scheduler(settings, ids.user_kubeconfig(*identities.SCHEDULER)))
        if options.nodes:
            self._define_kwok(ADDRESSES[0])

    def _define_kwok(self, pod_cidr: str) -> None:
        config = write_config(self.folder / "kwok.yaml", streaming.configuration(self.folder) if self._options.streaming else [])
        kubeconfig = self.identities.user_kubeconfig(*identities.FAKE_KUBELETS)
        self._add("kwok", commands.kwok(self.ports, kubeconfig, config, self.identities.kubelet_serving(), pod_cidr))

    def _add(self, name: str, flags: list[str]) -> None:
        command = [str(self.binaries[name]), *flags, *self._options.extra_flags.get(name, ())]
        if self._options.network:
            command = self._options.network.entering(command)
        self._components.setdefault(name, Component(name, command, self.folder)).command = command

    # --- waiting

    def _await(self, name: str) -> None:
        component = self.component(name)

        def probe() -> str:
            if failure := component.failure():
                raise PortTakenError(f"{name}: its port was taken") if component.port_was_taken else PlaneError(failure)
            return self._probes()[name]()

        try:
            wait_for(f"{self._options.name}: {name}", probe, limit=self._options.limit)
        except PortTakenError:
            raise
        except PlaneError as error:
            raise PlaneError(f"{error}\n{component.tail()}") from error

    def _probes(self) -> dict[str, Callable[[], str]]:
        return {
            FORWARDER: self._forwarding,
            "etcd": self.etcd.health,
            "kube-apiserver": self.api.readiness,
            "kube-controller-manager": self._service_accounts_made,
            "kube-scheduler": lambda: "",
            "kwok": self.fake_nodes.unready,
        }

    def _forwarding(self) -> str:
        try:
            socket.create_connection((commands.LOOPBACK, self.ports.apiserver), timeout=5).close()
        except OSError as error:
            return str(error)
        return ""

    def _service_accounts_made(self) -> str:
        """A pod needs the default service account and, mounted with it, the root certificate; both are the controller-manager's work."""
        for what in ("serviceaccounts/default", "configmaps/kube-root-ca.crt"):
            if not self.api.exists(f"/api/v1/namespaces/default/{what}"):
                return f"there is no {what} in namespace default yet"
        return ""
