"""The syncer at work under the printed rights, seen from the audit logs: it gets everything done, and nothing is ever refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.planes import ControlPlane

pytestmark = pytest.mark.planes
SYNC_FILE = """
sync:
  resources: [{name: pods}, {name: services}, {name: configmaps}, {name: secrets}]
tenant:
  serviceCIDR: [10.98.0.0/16]
"""
PATIENCE = 120.0


@pytest.fixture(scope="module")
def planes() -> Iterator[tuple[ControlPlane, ControlPlane]]:
    with ControlPlane("tenant", service_cidr="10.98.0.0/16") as tenant, ControlPlane("host", nodes=2) as host:
        host.api.create("/apis/networking.k8s.io/v1/servicecidrs", {"metadata": {"name": "acme"}, "spec": {"cidrs": ["10.98.0.0/16"]}})
        yield tenant, host


def syncer(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("kled-syncer")), *arguments, "--tenant", "acme"]


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)


def entries(plane: ControlPlane, user: str) -> list[dict[str, Any]]:
    return [entry for entry in plane.audit_entries() if entry["user"]["username"] == user and "responseStatus" in entry]


def test_a_workload_comes_and_goes_and_nothing_is_refused(planes: tuple[ControlPlane, ControlPlane], tmp_path: Path) -> None:
    tenant, host = planes
    file = tmp_path / "sync.yaml"
    file.write_text(SYNC_FILE)
    kubeconfigs = {}
    for side, plane, namespace in (("host", host, "kled-acme"), ("tenant", tenant, "kube-system")):
        command = syncer("rbac", "--side", side, "--subject", f"{namespace}/syncer", "--sync-file", str(file))
        plane.kubectl("apply", "-f", "-", input=subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        kubeconfigs[side] = str(plane.service_account_kubeconfig(namespace, "syncer"))
    with (tmp_path / "log").open("w") as log:
        arguments = ("--tenant-kubeconfig", kubeconfigs["tenant"], "--host-kubeconfig", kubeconfigs["host"], "--metrics-address", "127.0.0.1:0")
        command = syncer("run", "--sync-file", str(file), *arguments)
        running = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "KLED_LOG_LEVEL": "info"})
    try:
        until(lambda: tenant.kubectl("get", "nodes", "-o", "name").count("node/") == 2, "no nodes are shown")
        tenant.kubectl("create", "namespace", "shop")
        tenant.kubectl("create", "deployment", "web", "-n", "shop", "--image=registry.example/web", "--replicas=2")
        tenant.kubectl("expose", "deployment", "web", "-n", "shop", "--port=80", "--type=NodePort")
        tenant.kubectl("rollout", "status", "deployment/web", "-n", "shop", f"--timeout={PATIENCE:.0f}s")
        until(lambda: "web" in host.kubectl("get", "services", "-n", "acme-shop", "-o", "name"), "no service came")
        address = json.loads(tenant.kubectl("get", "service", "web", "-n", "shop", "-o", "json"))["spec"]["clusterIP"]
        assert json.loads(host.kubectl("get", "service", "web", "-n", "acme-shop", "-o", "json"))["spec"]["clusterIP"] == address
        tenant.kubectl("delete", "namespace", "shop", "--wait=false")
        until(lambda: "acme-shop" not in host.kubectl("get", "namespaces", "-o", "name"), "the host namespace stayed")
    finally:
        running.terminate()
        code = running.wait(30)
    assert code == 0, (tmp_path / "log").read_text()[-2000:]
    for plane, user in ((host, "system:serviceaccount:kled-acme:syncer"), (tenant, "system:serviceaccount:kube-system:syncer")):
        seen = entries(plane, user)
        assert seen
        assert refused_for_good(seen) == []


def refused_for_good(seen: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Requests that were refused and not allowed later: an API server takes a moment to know a RoleBinding that was just made."""
    asked = [((entry["verb"], entry["requestURI"].partition("?")[0]), entry["responseStatus"].get("code")) for entry in seen]
    allowed = {request: number for number, (request, code) in enumerate(asked) if code not in (401, 403)}
    return [request for number, (request, code) in enumerate(asked) if code in (401, 403) and allowed.get(request, -1) < number]
