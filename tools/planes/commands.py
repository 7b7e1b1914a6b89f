"""The command lines of the components. Every flag that is not obvious says why it is there."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tools.planes.pki import Authority, Pair

LOOPBACK = "127.0.0.1"
FORWARD = Path(__file__).with_name("forward.py")


@dataclass
class Ports:
    """The ports one control plane listens on."""

    etcd: int
    etcd_peer: int
    apiserver: int
    kubelet: int


@dataclass(frozen=True)
class Settings:
    """What the command lines depend on."""

    name: str
    folder: Path
    service_cidr: str
    controller_manager: bool
    qps: int
    address: str = ""
    """Where others than this machine reach the API server, if they do."""


def etcd(settings: Settings, ports: Ports) -> list[str]:
    """Plain HTTP on loopback; without fsync, because a development database need not survive a power cut."""
    client, peer = f"http://{LOOPBACK}:{ports.etcd}", f"http://{LOOPBACK}:{ports.etcd_peer}"
    return [
        f"--name={settings.name}",
        f"--data-dir={settings.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster={settings.name}={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        # Without it quiet kinds get no bookmarks for minutes, and a watch that lives looks like one that died.
        "--watch-progress-notify-interval=5s",
    ]


def apiserver(settings: Settings, ports: Ports, authority: Authority, serving: Pair, kubelet_client: Pair) -> list[str]:
    """An API server with the authorisation and admission of a real one."""
    signing = authority.signing_key()
    apart = bool(settings.address)
    return [
        f"--etcd-servers=http://{LOOPBACK}:{ports.etcd}",
        f"--secure-port={ports.apiserver}",
        f"--bind-address={'0.0.0.0' if apart else LOOPBACK}",
        f"--advertise-address={settings.address or LOOPBACK}",
        f"--endpoint-reconciler-type={'lease' if apart else 'none'}",  # loopback is refused as an endpoint of the kubernetes service
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--client-ca-file={authority.pair.certificate}",
        f"--service-account-key-file={signing.certificate}",
        f"--service-account-signing-key-file={signing.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={settings.service_cidr}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        # Without a controller-manager nobody makes the default service accounts, and every pod would be refused.
        *([] if settings.controller_manager else ["--disable-admission-plugins=ServiceAccount"]),
        "--allow-privileged",
        # Fake nodes have addresses nobody listens on; their kubelet endpoint is published as an external address.
        # The names of real ones are known to no DNS server.
        "--kubelet-preferred-address-types=ExternalIP,InternalIP,Hostname",
        f"--kubelet-certificate-authority={authority.pair.certificate}",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.key}",
        # Without a grace period a server that is stopped waits up to a minute for its watchers to go by themselves.
        "--shutdown-watch-termination-grace-period=1s",
        # The limits of a small server would be what a benchmark measures.
        "--max-requests-inflight=3000",
        "--max-mutating-requests-inflight=1000",
    ]


def aggregation(front: Authority, proxy: Pair) -> list[str]:
    """What an API server needs to pass requests on to others (metrics), straight to their pods: no kube-proxy runs beside it.

    The authority is one of its own, because whoever it vouches for may name any user.
    """
    return [
        f"--requestheader-client-ca-file={front.pair.certificate}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={proxy.certificate}",
        f"--proxy-client-key-file={proxy.key}",
        "--enable-aggregator-routing",
    ]


def forwarder(namespace: Path, ports: Ports) -> list[str]:
    """The way from this machine's loopback to the same ports in another network namespace."""
    return [sys.executable, "-I", "-S", str(FORWARD), str(namespace), f"{LOOPBACK}:{ports.etcd}", f"{LOOPBACK}:{ports.apiserver}"]


def controller_manager(settings: Settings, kubeconfig: Path, authority: Authority) -> list[str]:
    """All default controllers, each under its own service account, so that the audit log tells them apart."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={authority.signing_key().key}",
        f"--root-ca-file={authority.pair.certificate}",
        f"--cluster-signing-cert-file={authority.pair.certificate}",
        f"--cluster-signing-key-file={authority.pair.key}",
        "--use-service-account-credentials",
        f"--service-cluster-ip-range={settings.service_cidr}",
        f"--kube-api-qps={settings.qps}",
        f"--kube-api-burst={settings.qps * 2}",
        # How often autoscalers look; every step of theirs waits for as long.
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def scheduler(settings: Settings, kubeconfig: Path) -> list[str]:
    """The scheduler, alone, so without an election."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--kube-api-qps={settings.qps}",
        f"--kube-api-burst={settings.qps * 2}",
        "--leader-elect=false",
        "--secure-port=0",
    ]


def kwok(ports: Ports, kubeconfig: Path, config: Path, serving: Pair, pod_cidr: str) -> list[str]:
    """The fake kubelets, with one endpoint for the logs and commands of all of them."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--config={config}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--node-lease-duration-seconds=40",
        f"--cidr={pod_cidr}",
        f"--node-port={ports.kubelet}",
        f"--server-address={LOOPBACK}:{ports.kubelet}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
    ]
