"""Whole control planes: several at once, trouble on demand, who may do what, and nothing left behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.planes.pods import Namespace, is_ready
from tools.planes import ControlPlane, PlaneError
from tools.planes.ports import free_port

pytestmark = pytest.mark.planes
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tenant() -> Iterator[ControlPlane]:
    with ControlPlane("tenant", service_cidr="10.97.0.0/16", scheduler=False) as plane:
        yield plane


def small(name: str, **options: Any) -> ControlPlane:
    """The least that is a control plane: etcd and kube-apiserver."""
    return ControlPlane(name, scheduler=False, controller_manager=False, audit=False, **options)


def running_in(folder: Path) -> list[str]:
    """Command lines of the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in command:
                found.append(command)
    return found


def by_admin(entry: dict[str, Any], verb: str) -> bool:
    return bool(entry["verb"] == verb and entry["user"]["username"] == "kubernetes-admin")


class TestTwoAtOnce:
    def test_each_has_its_own_objects_and_service_addresses(self, host: ControlPlane, tenant: ControlPlane) -> None:
        for plane, first in ((host, "10.96.0.1"), (tenant, "10.97.0.1")):
            assert plane.kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}") == first
        tenant.kubectl("create", "configmap", "only-here")
        with pytest.raises(PlaneError, match="not found"):
            host.kubectl("get", "configmap", "only-here")

    def test_neither_believes_the_certificates_of_the_other(self, host: ControlPlane, tenant: ControlPlane, tmp_path: Path) -> None:
        mixed = tmp_path / "mixed.yaml"
        mixed.write_text(tenant.kubeconfig.read_text().replace(tenant.server, host.server))
        with pytest.raises(PlaneError, match="x509"):
            host.kubectl("get", "nodes", kubeconfig=mixed)

    def test_the_version_is_the_pinned_one(self, host: ControlPlane) -> None:
        assert json.loads(host.kubectl("version", "-o", "json"))["serverVersion"]["gitVersion"].startswith("v1.36.")


class TestAccess:
    def test_a_user_may_only_do_what_rbac_says(self, tenant: ControlPlane) -> None:
        alice = tenant.user_kubeconfig("alice", groups=["team-a"])
        with pytest.raises(PlaneError, match="Forbidden"):
            tenant.kubectl("get", "configmaps", kubeconfig=alice)
        tenant.kubectl("create", "rolebinding", "team-a-views", "--clusterrole=view", "--group=team-a")
        tenant.kubectl("get", "configmaps", kubeconfig=alice)
        assert "alice" in tenant.kubectl("auth", "whoami", kubeconfig=alice)

    def test_a_service_account_is_known_by_its_token(self, tenant: ControlPlane) -> None:
        robot = tenant.service_account_kubeconfig("default", "robot")
        assert "system:serviceaccount:default:robot" in tenant.kubectl("auth", "whoami", kubeconfig=robot)
        with pytest.raises(PlaneError, match="Forbidden"):
            tenant.kubectl("get", "secrets", kubeconfig=robot)

    def test_kubectl_reads_standard_input(self, tenant: ControlPlane) -> None:
        manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "piped"}})
        assert "configmap/piped created" in tenant.kubectl("apply", "-f", "-", input=manifest)


class TestAuditLog:
    def test_it_tells_who_wrote_what(self, tenant: ControlPlane) -> None:
        after = tenant.audit_log.position()
        tenant.kubectl("create", "configmap", "written", "--from-literal=key=value")
        entry = next(entry for entry in tenant.audit_entries(after) if by_admin(entry, "create"))
        assert entry["requestObject"]["data"] == {"key": "value"}

    def test_it_keeps_reads_short(self, tenant: ControlPlane) -> None:
        after = tenant.audit_log.position()
        tenant.kubectl("get", "configmaps")
        entry = next(entry for entry in tenant.audit_entries(after) if by_admin(entry, "list"))
        assert "responseObject" not in entry

    def test_controllers_are_told_apart(self, host: ControlPlane) -> None:
        host.kubectl("create", "deployment", "seen", "--image=registry.example/app:1", "--replicas=0")
        host.kubectl("wait", "--for=jsonpath={.status.observedGeneration}=1", "deployment/seen", "--timeout=60s")
        users = {entry["user"]["username"] for entry in host.audit_entries()}
        assert "system:serviceaccount:kube-system:deployment-controller" in users
        host.kubectl("delete", "deployment", "seen")


class TestTrouble:
    @pytest.mark.parametrize("how", ["restart", "kill"])
    def test_kube_apiserver_comes_back_with_its_data_on_the_same_address(self, tenant: ControlPlane, how: str) -> None:
        tenant.kubectl("create", "configmap", f"before-{how}")
        server = tenant.server
        if how == "kill":
            tenant.kill("kube-apiserver")
            with pytest.raises(PlaneError):
                tenant.kubectl("get", "configmaps", "--request-timeout=5s")
        tenant.restart("kube-apiserver")
        assert tenant.server == server
        tenant.kubectl("get", "configmap", f"before-{how}")

    def test_etcd_can_be_killed_without_loss(self, tenant: ControlPlane) -> None:
        tenant.kubectl("create", "configmap", "durable")
        tenant.kill("etcd")
        tenant.restart("etcd")
        tenant.kubectl("get", "configmap", "durable")

    def test_a_frozen_server_answers_later(self, tenant: ControlPlane) -> None:
        tenant.pause("kube-apiserver")
        with pytest.raises(OSError, match="timed out"):
            tenant.api.request("GET", "/readyz", timeout=1)
        tenant.resume("kube-apiserver")
        tenant.kubectl("get", "namespaces")

    def test_an_old_revision_is_gone_after_compaction_and_restart(self, tenant: ControlPlane) -> None:
        old = tenant.api.get("/api/v1/configmaps")["metadata"]["resourceVersion"]
        tenant.kubectl("create", "configmap", "newer")
        assert tenant.compact_etcd() > int(old)
        tenant.restart("kube-apiserver")
        answer = tenant.kubectl("get", "--raw", f"/api/v1/configmaps?watch=1&resourceVersion={old}&timeoutSeconds=5")
        assert json.loads(answer.splitlines()[0])["object"]["code"] == 410

    def test_fake_nodes_come_back_after_a_restart_of_kwok(self, host: ControlPlane, namespace: Namespace) -> None:
        namespace.create_pod("old")
        address = namespace.pod_when("old", lambda pod: pod["status"]["podIP"])["status"]["podIP"]
        host.kill("kwok")
        namespace.create_pod("waiting")
        host.restart("kwok")
        assert namespace.pod_when("waiting", lambda pod: pod["status"]["podIP"])["status"]["podIP"] != address
        assert namespace.pod("old")["status"]["containerStatuses"][0]["restartCount"] == 0

    def test_a_silent_node_does_nothing_until_it_is_woken(self, host: ControlPlane, namespace: Namespace) -> None:
        host.silence_node("node-1")
        namespace.create_pod("unheard", nodeName="node-1")
        namespace.create_pod("heard", nodeName="node-0")
        namespace.pod_when("heard", is_ready)
        assert namespace.pod("unheard")["status"]["phase"] == "Pending"
        host.wake_node("node-1")
        namespace.pod_when("unheard", is_ready)

    def test_an_unknown_component_is_refused_with_the_known_ones(self, tenant: ControlPlane) -> None:
        with pytest.raises(PlaneError, match=r"tenant has no kubelet; it has etcd, kube-apiserver, kube-controller-manager"):
            tenant.kill("kubelet")


class TestBeginningAndEnd:
    def test_nothing_is_left_after_a_stop(self) -> None:
        with small("brief") as plane:
            folder = plane.folder
            assert len(running_in(folder)) >= 4  # two components and their guards
        assert running_in(folder) == []
        assert not folder.exists()

    def test_a_named_folder_keeps_data_and_authority(self, tmp_path: Path) -> None:
        with small("kept", workdir=tmp_path) as plane:
            plane.kubectl("create", "configmap", "remembered")
            ca = plane.ca.read_bytes()
        assert running_in(tmp_path) == []
        with small("kept", workdir=tmp_path) as plane:
            plane.kubectl("get", "configmap", "remembered")
            assert plane.ca.read_bytes() == ca

    def test_a_start_that_fails_says_why_keeps_the_logs_and_leaves_nothing_running(self, tmp_path: Path) -> None:
        plane = small("broken", workdir=tmp_path, extra_flags={"kube-apiserver": ["--no-such-flag"]})
        with pytest.raises(PlaneError, match="no-such-flag"):
            plane.start()
        assert running_in(tmp_path) == []
        assert (tmp_path / "kube-apiserver.log").exists()

    def test_a_port_taken_by_somebody_else_is_left_to_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as somebody:
            somebody.bind(("127.0.0.1", 0))
            somebody.listen()
            taken, choose = somebody.getsockname()[1], free_port
            offers = iter([choose(), choose(), taken, choose()])
            monkeypatch.setattr("tools.planes.running.free_port", lambda: next(offers, None) or choose())
            with small("unlucky") as plane:
                assert not plane.server.endswith(f":{taken}")
                plane.kubectl("get", "namespaces")

    def test_a_killed_runner_leaves_nothing_running(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "tools.planes", "up", "--name=doomed", "--nodes=1", f"--workdir={tmp_path}"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as runner:
            assert runner.stdout is not None
            assert runner.stdout.readline().startswith("doomed\t")
            assert len(running_in(tmp_path)) >= 10
            runner.kill()
        _wait_until_empty(tmp_path)

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interrupted_command_stops_in_good_order(self, tmp_path: Path, number: signal.Signals) -> None:
        command = [sys.executable, "-m", "tools.planes", "up", "--name=brief", "--no-scheduler", "--no-controller-manager", f"--workdir={tmp_path}"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as runner:
            assert runner.stdout is not None
            kubeconfig = runner.stdout.readline().rstrip().split("\t")[1]
            assert os.access(kubeconfig, os.R_OK)
            runner.send_signal(number)
            assert runner.wait(60) == 0
        assert running_in(tmp_path) == []


def _wait_until_empty(folder: Path) -> None:
    for _ in range(200):
        if not (left := running_in(folder)):
            return
        signal.sigtimedwait([], 0.1)
    pytest.fail(f"still running: {left}")
