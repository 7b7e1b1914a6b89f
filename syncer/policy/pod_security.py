"""The Pod Security Standards as a table, version 1.36: which check belongs to which level and what excepting one means.

`policy.exceptions` names checks as `syncer.core.settings.POD_SECURITY_CHECKS` lists them, where a check that both levels have goes by one name.
The identifiers of `k8s.io/pod-security-admission` are understood as well; with `capabilities_restricted` excepted the weaker
`capabilities_baseline` still holds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from syncer.core.settings import PodSecurityLevel
from syncer.policy import baseline, restricted
from syncer.policy.findings import Findings
from syncer.policy.reading import Container, Pod, Tree

PodCheck = Callable[[Pod, Findings], None]
ContainerCheck = Callable[[Pod, Container, Findings], None]
SecurityCheck = Callable[[Tree, str, Findings], None]


class Check(NamedTuple):
    """One check of a level. `security` looks at every security context, the pod's and the containers'. `sharpens` is the upstream identifier of
    the weaker check that this one stands in for."""

    name: str
    upstream: str
    level: PodSecurityLevel
    pod: PodCheck | None = None
    container: ContainerCheck | None = None
    security: SecurityCheck | None = None
    sharpens: str = ""


HOST_PORTS = "hostPorts"
HOST_PATHS = "hostPathVolumes"
RESTRICTED_VOLUMES = "restrictedVolumes"

# fmt: off
CHECKS: tuple[Check, ...] = (
    Check("hostNamespaces", "hostNamespaces", "baseline", pod=baseline.host_namespaces),
    Check("sysctls", "sysctls", "baseline", pod=baseline.sysctls),
    Check("appArmorProfile", "appArmorProfile", "baseline", pod=baseline.apparmor_annotations, security=baseline.apparmor),
    Check("seLinuxOptions", "seLinuxOptions", "baseline", security=baseline.selinux),
    Check("windowsHostProcess", "windowsHostProcess", "baseline", security=baseline.windows_host_process),
    Check("privileged", "privileged", "baseline", container=baseline.privileged),
    Check("hostProbesAndHooks", "hostProbesAndHostLifecycle", "baseline", container=baseline.probe_hosts),
    Check("seccompProfile", "seccompProfile_baseline", "baseline", security=baseline.seccomp),
    Check("capabilities", "capabilities_baseline", "baseline", container=baseline.capabilities),
    Check("procMount", "procMount", "baseline", container=baseline.proc_mount),
    Check("seccompProfile", "seccompProfile_restricted", "restricted",
          container=restricted.seccomp_is_set, security=baseline.seccomp, sharpens="seccompProfile_baseline"),
    Check("capabilities", "capabilities_restricted", "restricted", container=restricted.capabilities, sharpens="capabilities_baseline"),
    Check("procMount", "procMount_restricted", "restricted", container=baseline.masked_proc_mount, sharpens="procMount"),
    Check("allowPrivilegeEscalation", "allowPrivilegeEscalation", "restricted", container=restricted.privilege_escalation),
    Check("runAsNonRoot", "runAsNonRoot", "restricted", pod=restricted.pod_is_non_root, container=restricted.container_is_non_root),
    Check("runAsUser", "runAsUser", "restricted", pod=restricted.pod_user, container=restricted.container_user),
)
# fmt: on

BEYOND_LEVELS = (HOST_PORTS, HOST_PATHS, RESTRICTED_VOLUMES)
"""Checks of the standards that have no row above: they hold at every level, with allow lists of their own, in `host_access` and `volumes`."""


class Selection(NamedTuple):
    """The functions to run for one level and one set of exceptions."""

    pod: tuple[PodCheck, ...]
    container: tuple[ContainerCheck, ...]
    security: tuple[SecurityCheck, ...]


def check_level(pod: Pod, level: PodSecurityLevel, exceptions: frozenset[str], found: Findings) -> None:
    """Holds a pod against a level of the Pod Security Standards."""
    if level == "privileged":
        return
    selection = selected(level, exceptions)
    for check_pod in selection.pod:
        check_pod(pod, found)
    if pod.security:
        for check_security in selection.security:
            check_security(pod.security, "spec.securityContext", found)
    for container in pod.containers:
        for check_container in selection.container:
            check_container(pod, container, found)
        if container.security:
            where = f"{container.where}.securityContext"
            for check_security in selection.security:
                check_security(container.security, where, found)


@lru_cache(maxsize=64)
def selected(level: PodSecurityLevel, exceptions: frozenset[str]) -> Selection:
    """What is left of the table for a level: rows that are not excepted, without those that a sharper row covers."""
    rows = [row for row in CHECKS if row.level in _LEVELS[level] and not exceptions & {row.name, row.upstream}]
    covered = {row.sharpens for row in rows}
    rows = [row for row in rows if row.upstream not in covered]
    return Selection(
        pod=tuple(row.pod for row in rows if row.pod),
        container=tuple(row.container for row in rows if row.container),
        security=tuple(row.security for row in rows if row.security),
    )


_LEVELS: dict[PodSecurityLevel, frozenset[PodSecurityLevel]] = {
    "privileged": frozenset(),
    "baseline": frozenset({"baseline"}),
    "restricted": frozenset({"baseline", "restricted"}),
}
