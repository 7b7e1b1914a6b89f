"""The checks of the Pod Security level `baseline`, version 1.36.

Rules: kubernetes.io/docs/concepts/security/pod-security-standards and `k8s.io/pod-security-admission/policy`. The checks of host ports and
hostPath volumes belong to this level too; they apply at every level and stand in `host_access` and `volumes`.

Every leaf is compared with what may stand there, never with what may not: a value of the wrong type is refused like any other.
"""

from __future__ import annotations

from syncer.policy.findings import Findings, below
from syncer.policy.reading import Container, Pod, Tree, items, objects, section

# What container runtimes give by default.
_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)
_SELINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_PROFILE_TYPES = ("RuntimeDefault", "Localhost")
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
_SYSCTL_VALUE = frozenset("0123456789 \t,-")
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_HANDLERS_WITH_HOST = ("httpGet", "tcpSocket")


def host_namespaces(pod: Pod, found: Findings) -> None:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        value = pod.spec.get(key)
        if value is not None and value is not False:
            found.refuse(f"spec.{key}", value, "remove it, pods stay in namespaces of their own", "hostNamespaces")


def sysctls(pod: Pod, found: Findings) -> None:
    """Values are looked at too: CVE-2022-0811 brought a second sysctl along in the value of a safe one. All safe ones take numbers."""
    for where, sysctl in objects(pod.security, "sysctls", "spec.securityContext", found):
        name = sysctl.get("name")
        if not isinstance(name, str) or name not in _SYSCTLS:
            found.refuse(f"{where}.name", name, "use only sysctls that the Pod Security Standards call safe", "sysctls")
        value = sysctl.get("value")
        if not isinstance(value, str) or not _SYSCTL_VALUE.issuperset(value):
            found.refuse(f"{where}.value", value, "write numbers, or a range or list of them, as a text", "sysctls")


def apparmor_annotations(pod: Pod, found: Findings) -> None:
    for key, value in pod.annotations.items():
        if isinstance(key, str) and key.startswith(_APPARMOR_ANNOTATION) and not _is_apparmor_profile(value):
            found.refuse(below("metadata.annotations", key), value, "use runtime/default or localhost/<profile>", "appArmorProfile")


def apparmor(security: Tree, where: str, found: Findings) -> None:
    _profile(security, "appArmorProfile", where, found)


def seccomp(security: Tree, where: str, found: Findings) -> None:
    _profile(security, "seccompProfile", where, found)


def selinux(security: Tree, where: str, found: Findings) -> None:
    options = section(security, "seLinuxOptions", where, found)
    if not options:
        return
    kind = options.get("type")
    if kind is not None and kind not in _SELINUX_TYPES:
        found.refuse(f"{where}.seLinuxOptions.type", kind, f"use one of {', '.join(_SELINUX_TYPES[1:])}, or none", "seLinuxOptions")
    for key in ("user", "role"):
        value = options.get(key)
        if value is not None and value != "":
            found.refuse(f"{where}.seLinuxOptions.{key}", value, "remove it", "seLinuxOptions")


def windows_host_process(security: Tree, where: str, found: Findings) -> None:
    options = section(security, "windowsOptions", where, found)
    value = options.get("hostProcess") if options else None
    if value is not None and value is not False:
        found.refuse(f"{where}.windowsOptions.hostProcess", value, "remove it or set it to false", "windowsHostProcess")


def privileged(pod: Pod, container: Container, found: Findings) -> None:
    value = container.security.get("privileged")
    if value is not None and value is not False:
        found.refuse(f"{container.where}.securityContext.privileged", value, "remove it or set it to false", "privileged")


def capabilities(pod: Pod, container: Container, found: Findings) -> None:
    where = f"{container.where}.securityContext"
    lists = section(container.security, "capabilities", where, found)
    if not lists:
        return
    for index, name in enumerate(items(lists, "add", f"{where}.capabilities", found)):
        if not isinstance(name, str) or name not in _CAPABILITIES:
            found.refuse(f"{where}.capabilities.add[{index}]", name, "add only capabilities that container runtimes give by default", "capabilities")


def proc_mount(pod: Pod, container: Container, found: Findings) -> None:
    """Since 1.35 a pod in a user namespace may see all of /proc."""
    if not pod.user_namespace:
        masked_proc_mount(pod, container, found)


def masked_proc_mount(pod: Pod, container: Container, found: Findings) -> None:
    value = container.security.get("procMount")
    if value is not None and value != "Default":
        found.refuse(f"{container.where}.securityContext.procMount", value, "remove it or set it to Default", "procMount")


def probe_hosts(pod: Pod, container: Container, found: Findings) -> None:
    """Since 1.34: the kubelet calls probes and hooks from the node's network, so they may only reach the pod itself."""
    body, where = container.body, container.where
    for key in _PROBES:
        if body.get(key) is not None:
            _handler_host(body, key, where, found)
    hooks = section(body, "lifecycle", where, found)
    if hooks:
        for key in _HOOKS:
            _handler_host(hooks, key, f"{where}.lifecycle", found)


def _handler_host(parent: Tree, key: str, where: str, found: Findings) -> None:
    probe = section(parent, key, where, found)
    if not probe:
        return
    for handler in _HANDLERS_WITH_HOST:
        if probe.get(handler) is None:
            continue
        action = section(probe, handler, f"{where}.{key}", found)
        host = action.get("host") if action else None
        if host is not None and host != "":
            found.refuse(f"{where}.{key}.{handler}.host", host, "remove it, the pod's own address is used then", "hostProbesAndHooks")


def _profile(security: Tree, key: str, where: str, found: Findings) -> None:
    """Both kinds of profile are written alike; the check goes by the name of the field."""
    profile = section(security, key, where, found)
    if profile is not None and profile.get("type") not in _PROFILE_TYPES:
        found.refuse(f"{where}.{key}.type", profile.get("type"), f"use {' or '.join(_PROFILE_TYPES)}", key)


def _is_apparmor_profile(value: object) -> bool:
    return isinstance(value, str) and (value in {"", "runtime/default"} or value.startswith("localhost/"))
