"""Who may talk to one control plane: its authority, the certificates of its components, and kubeconfigs for anybody."""

import ipaddress
import re
from pathlib import Path

from tools.planes import kubeconfig
from tools.planes.commands import LOOPBACK
from tools.planes.pki import Authority, Pair

ADMIN = ("kubernetes-admin", ("system:masters",))
CONTROLLER_MANAGER = ("system:kube-controller-manager", ())
SCHEDULER = ("system:kube-scheduler", ())
# The fake kubelets are one process for all nodes, and no node may act for another; so they are an administrator with a name of their own.
FAKE_KUBELETS = ("kwok", ("system:masters",))
APISERVER_AS_CLIENT = ("kube-apiserver", ("system:masters",))


class Identities:
    """Certificates and kubeconfigs of one control plane, in its folder."""

    def __init__(self, folder: Path, cluster: str, server: str) -> None:
        self.authority = Authority(folder / "pki", cluster)
        self._kubeconfigs = folder / "kubeconfigs"
        self._cluster, self._server = cluster, server

    def apiserver_serving(self, service_cidr: str, address: str = "") -> Pair:
        """The API server's own certificate, good for loopback, for the `kubernetes` service, and for the address it has elsewhere."""
        service_ip = str(ipaddress.ip_network(service_cidr)[1])
        names = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
        return self.authority.issue("apiserver", "kube-apiserver", hosts=(LOOPBACK, service_ip, *filter(None, (address,)), *names))

    def front_proxy(self) -> tuple[Authority, Pair]:
        """The authority that aggregated API servers trust, and the API server's certificate towards them."""
        front = Authority(self.authority.folder / "front-proxy", "front-proxy")
        return front, front.issue("front-proxy-client", "front-proxy-client")

    def kubelet_serving(self) -> Pair:
        """The certificate of the fake kubelets' endpoint."""
        return self.authority.issue("kubelet", "fake-kubelets", hosts=(LOOPBACK, "localhost"))

    def client(self, name: str, groups: tuple[str, ...]) -> Pair:
        """A client certificate for any user."""
        return self.authority.issue(f"user-{_file_name(name)}", name, groups)

    def user_kubeconfig(self, name: str, groups: tuple[str, ...], server: str = "") -> Path:
        """A kubeconfig for any user, known by certificate; `server` when the API server has another address where it is used."""
        return self._write(name, kubeconfig.client_certificate(self.client(name, groups)), server)

    def token_kubeconfig(self, name: str, token: str) -> Path:
        """A kubeconfig for whoever the token stands for."""
        return self._write(name, kubeconfig.bearer_token(token))

    def _write(self, user: str, credentials: dict[str, str], server: str = "") -> Path:
        path = self._kubeconfigs / ("elsewhere" if server else "") / f"{_file_name(user)}.yaml"
        ca = self.authority.pair.certificate
        return kubeconfig.write(path, cluster=self._cluster, server=server or self._server, ca=ca, user=user, credentials=credentials)


def _file_name(user: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", user)
