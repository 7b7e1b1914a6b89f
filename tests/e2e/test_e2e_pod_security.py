"""The real differential: what we refuse is exactly what Pod Security admission of the host refuses at the same level."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.stage import Obj, Place, World, container, eventually
from tools.planes.api import ApiStatusError

TENANT = "judged"
FENCED = "psa-baseline"


def secured(**context: Any) -> Obj:
    return {"containers": [container(securityContext=context)]}


def pod_secured(**context: Any) -> Obj:
    return {"containers": [container()], "securityContext": context}


SPECS: dict[str, Obj] = {
    "plain": {"containers": [container()]},
    "privileged": secured(privileged=True),
    "not-privileged": secured(privileged=False),
    "init-privileged": {"containers": [container()], "initContainers": [container("first", securityContext={"privileged": True})]},
    "host-network": {"containers": [container()], "hostNetwork": True},
    "host-pid": {"containers": [container()], "hostPID": True},
    "host-ipc": {"containers": [container()], "hostIPC": True},
    "host-port": {"containers": [container(ports=[{"containerPort": 80, "hostPort": 8080}])]},
    "container-port": {"containers": [container(ports=[{"containerPort": 80}])]},
    "host-path": {"containers": [container()], "volumes": [{"name": "v", "hostPath": {"path": "/var/log"}}]},
    "empty-dir": {"containers": [container()], "volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}]},
    "net-admin": secured(capabilities={"add": ["NET_ADMIN"]}),
    "net-raw": secured(capabilities={"add": ["NET_RAW"]}),
    "chown": secured(capabilities={"add": ["CHOWN", "SETUID"]}),
    "all-capabilities": secured(capabilities={"add": ["ALL"]}),
    "drop-all": secured(capabilities={"drop": ["ALL"]}),
    "seccomp-unconfined": secured(seccompProfile={"type": "Unconfined"}),
    "seccomp-pod-unconfined": pod_secured(seccompProfile={"type": "Unconfined"}),
    "seccomp-default": pod_secured(seccompProfile={"type": "RuntimeDefault"}),
    "apparmor-unconfined": secured(appArmorProfile={"type": "Unconfined"}),
    "selinux-type": pod_secured(seLinuxOptions={"type": "spc_t"}),
    "selinux-user": secured(seLinuxOptions={"user": "system_u"}),
    "selinux-level": pod_secured(seLinuxOptions={"level": "s0:c1"}),
    "unsafe-sysctl": pod_secured(sysctls=[{"name": "kernel.msgmax", "value": "1"}]),
    "safe-sysctl": pod_secured(sysctls=[{"name": "net.ipv4.tcp_syncookies", "value": "1"}]),
    "root": secured(runAsUser=0),
    "escalation": secured(allowPrivilegeEscalation=True),
    "proc-mount": {"containers": [container(securityContext={"procMount": "Unmasked"})], "hostUsers": False},
    "probe-elsewhere": {"containers": [container(livenessProbe={"httpGet": {"host": "203.0.113.9", "port": 80}})]},
    "probe-here": {"containers": [container(livenessProbe={"httpGet": {"port": 80}})]},
    "windows-host-process": pod_secured(windowsOptions={"hostProcess": True}) | {"hostNetwork": True},
}


@pytest.fixture(scope="module")
def ours(world: World) -> Place:
    """Every pod of the table, made in the tenant at once."""
    place = world.place()
    for name, spec in SPECS.items():
        place.pod(name, **spec)
    return place


@pytest.fixture(scope="module")
def fenced(world: World) -> str:
    """A namespace of the host in which Pod Security admission rules."""
    marks = {"pod-security.kubernetes.io/enforce": "baseline", "pod-security.kubernetes.io/enforce-version": "latest"}
    world.host.create("namespaces", "", {"metadata": {"name": FENCED, "labels": marks}})
    eventually("it has its default ServiceAccount", lambda: world.host.get("serviceaccounts", FENCED, "default"))
    return FENCED


@pytest.mark.parametrize("name", SPECS)
def test_we_refuse_what_the_host_refuses(ours: Place, fenced: str, world: World, name: str) -> None:
    refused = eventually("it is made or refused", lambda: verdict(ours, name)) == "refused"
    assert refused is refused_by_host(world, fenced, name), ours.told(name)


def verdict(place: Place, name: str) -> str:
    if place.host("pods", name):
        return "made"
    return "refused" if "SyncRefused" in place.told(name) else ""


def refused_by_host(world: World, namespace: str, name: str) -> bool:
    try:
        world.host.create("pods", namespace, {"metadata": {"name": name}, "spec": SPECS[name]}, query="?dryRun=All")
    except ApiStatusError as error:
        if error.code != 403 or "violates PodSecurity" not in error.content:
            raise
        return True
    return False
