"""The Pod Security Standards, check by check and in both directions.

The rows are our own, from kubernetes.io/docs/concepts/security/pod-security-standards at 1.36. `{c}` stands for a container in each of the
three lists, `{s}` for every security context, the pod's included.
"""

from __future__ import annotations

import pytest
from policy_pods import LISTS, checks, host_pod, judge, spoiled

from syncer.core.settings import POD_SECURITY_CHECKS
from syncer.policy.pod_security import BEYOND_LEVELS, CHECKS

SAFE_SYSCTLS = [
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
]


def sysctl(name):
    return {"name": name, "value": "1"}


ODD = ["true", 1, 0.0, [], {}]
APPARMOR = "metadata.annotations['container.apparmor.security.beta.kubernetes.io/app']"

# check, path, values that pass, values that do not
BASELINE = [
    ("hostNamespaces", "spec.hostNetwork", [None, False], [True, *ODD]),
    ("hostNamespaces", "spec.hostPID", [None, False], [True, *ODD]),
    ("hostNamespaces", "spec.hostIPC", [None, False], [True, *ODD]),
    ("privileged", "{c}.securityContext.privileged", [None, False], [True, *ODD]),
    ("windowsHostProcess", "{s}.windowsOptions.hostProcess", [None, False], [True, *ODD]),
    ("hostPorts", "{c}.ports[0].hostPort", [None, 0], [80, 65535, -1, "80", True, 80.0, False, []]),
    ("hostPathVolumes", "spec.volumes[0].hostPath", [None], [{"path": "/"}, {"path": "/var/run/docker.sock", "type": "Socket"}, {}]),
    (
        "sysctls",
        "spec.securityContext.sysctls",
        [[sysctl(name)] for name in SAFE_SYSCTLS],
        [[sysctl(name)] for name in ("kernel.msgmax", "", 5)],
    ),
    ("seLinuxOptions", "{s}.seLinuxOptions.type", [None, "", "container_t", "container_engine_t"], ["spc_t", "CONTAINER_T", 0, False, {}]),
    ("seLinuxOptions", "{s}.seLinuxOptions.user", [None, ""], ["system_u", 0, False, []]),
    ("seLinuxOptions", "{s}.seLinuxOptions.role", [None, ""], ["system_r", 0, False, []]),
    ("seLinuxOptions", "{s}.seLinuxOptions.level", [None, "s0:c123,c456"], []),
    ("appArmorProfile", "{s}.appArmorProfile.type", ["RuntimeDefault", "Localhost"], ["Unconfined", "", None, "runtimedefault", {}]),
    ("appArmorProfile", APPARMOR, ["", "runtime/default", "localhost/mine"], ["unconfined", "runtime/default2", "localhost", None, 1]),
    ("seccompProfile", "{s}.seccompProfile.type", ["RuntimeDefault", "Localhost"], ["Unconfined", "", None, ["Localhost"]]),
    ("capabilities", "{c}.securityContext.capabilities.add", [None, [], ["NET_BIND_SERVICE"]], [["NET_RAW"], ["CAP_CHOWN"], ["ALL"], [""], [None]]),
    ("procMount", "{c}.securityContext.procMount", [None, "Default"], ["Unmasked", "", "default", False]),
    *[
        ("hostProbesAndHooks", f"{{c}}.{probe}.{handler}.host", [None, ""], ["127.0.0.1", "::1", "metadata.internal", 0, []])
        for probe in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart", "lifecycle.preStop")
        for handler in ("httpGet", "tcpSocket")
    ],
]
RESTRICTED = [
    ("allowPrivilegeEscalation", "{c}.securityContext.allowPrivilegeEscalation", [False], [None, True, 0, "false"]),
    ("capabilities", "{c}.securityContext.capabilities.add", [None, [], ["NET_BIND_SERVICE"]], [["CHOWN"], ["NET_BIND_SERVICE", "KILL"]]),
    ("capabilities", "{c}.securityContext.capabilities.drop", [["ALL"], ["NET_RAW", "ALL"]], [None, [], ["all"], ["NET_RAW"]]),
    ("capabilities", "{c}.securityContext.capabilities", [{"drop": ["ALL"]}], [None, {}]),
    ("runAsNonRoot", "{c}.securityContext.runAsNonRoot", [None, True], [False, 1, "true"]),
    ("runAsNonRoot", "spec.securityContext.runAsNonRoot", [None, True], [False, 1, "true"]),
    ("runAsUser", "{s}.runAsUser", [None, 1, 65534], [0, False, "0", 0.0, 1000.0]),
    ("seccompProfile", "{c}.securityContext.seccompProfile", [None, {"type": "Localhost", "localhostProfile": "x"}], [{}, {"type": "Unconfined"}]),
    ("procMount", "{c}.securityContext.procMount", [None, "Default"], ["Unmasked"]),
    ("restrictedVolumes", "spec.volumes[0]", [{"name": "v", "emptyDir": {}}, {"name": "v"}], [{"name": "v", "nfs": {}}, {"name": "v", "rbd": {}}]),
]


def spread(rows, column):
    """One case for each row, place and value."""
    cases = []
    for check, path, *values in rows:
        places = [path]
        if "{" in path:
            places = [path.format(c=f"spec.{name}[0]", s=f"spec.{name}[0].securityContext") for name in LISTS]
        if "{s}" in path:
            places.append(path.format(s="spec.securityContext"))
        for place in places:
            for value in values[column]:
                cases.append(pytest.param(check, place, value, id=f"{place}={value!r}"))
    return cases


@pytest.mark.parametrize("level", ["privileged", "baseline", "restricted"])
def test_an_ordinary_pod_has_nothing_to_answer_for(level):
    assert judge(host_pod(), pod_security=level) == ()


@pytest.mark.parametrize(("check", "path", "value"), spread(BASELINE, 0))
def test_what_baseline_allows_passes(check, path, value):
    assert check not in checks(spoiled(path, value), pod_security="baseline")


@pytest.mark.parametrize(("check", "path", "value"), spread(BASELINE, 1))
def test_what_baseline_forbids_is_refused_there_and_at_restricted_with_its_field(check, path, value):
    for level in ("baseline", "restricted"):
        refused = [found for found in judge(spoiled(path, value), pod_security=level) if found.check == check]
        assert refused, level
        assert refused[0].field.startswith(path.split("['")[0])


@pytest.mark.parametrize(("check", "path", "value"), spread(RESTRICTED, 0))
def test_what_restricted_allows_passes(check, path, value):
    assert checks(spoiled(path, value), pod_security="restricted") == set()


@pytest.mark.parametrize(("check", "path", "value"), spread(RESTRICTED, 1))
def test_what_restricted_forbids_is_refused(check, path, value):
    assert check in checks(spoiled(path, value), pod_security="restricted")


@pytest.mark.parametrize(("check", "path", "value"), spread(BASELINE, 1))
def test_an_exception_by_name_switches_off_that_check_and_no_other(check, path, value):
    before = checks(spoiled(path, value))
    assert checks(spoiled(path, value), pod_security_exceptions=frozenset({check})) == before - {check}


@pytest.mark.parametrize(("check", "path", "value"), spread(RESTRICTED, 1))
def test_an_exception_at_restricted_switches_off_the_check_of_both_levels(check, path, value):
    left = checks(spoiled(path, value), pod_security="restricted", pod_security_exceptions=frozenset({check}))
    assert left == ({"volumeTypes"} if check == "restrictedVolumes" else set())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.hostNetwork", True),
        ("spec.containers[0].securityContext.privileged", True),
        ("spec.containers[0].securityContext.capabilities.add", ["SYS_ADMIN"]),
        ("spec.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}]),
        ("spec.containers[0].livenessProbe.httpGet.host", "127.0.0.1"),
    ],
)
def test_the_level_privileged_asks_nothing(path, value):
    assert judge(spoiled(path, value), pod_security="privileged") == ()


def test_the_baseline_capabilities_still_hold_when_only_the_restricted_ones_are_excepted():
    waived = {"pod_security": "restricted", "pod_security_exceptions": frozenset({"capabilities_restricted"})}
    where = "spec.containers[0].securityContext.capabilities"
    assert checks(spoiled(where, {"add": ["CHOWN"]}), **waived) == set()
    assert checks(spoiled(where, {"add": ["SYS_ADMIN"]}), **waived) == {"capabilities"}


def test_identifiers_of_the_upstream_module_are_understood_as_exceptions():
    pod = spoiled("spec.containers[0].livenessProbe.httpGet.host", "127.0.0.1")
    assert checks(pod, pod_security_exceptions=frozenset({"hostProbesAndHostLifecycle"})) == set()


@pytest.mark.parametrize(
    ("path", "value", "level"),
    [
        ("spec.containers[0].securityContext.procMount", "Unmasked", "baseline"),
        ("spec.containers[0].securityContext.runAsUser", 0, "restricted"),
        ("spec.securityContext.runAsUser", 0, "restricted"),
        ("spec.containers[0].securityContext.runAsNonRoot", False, "restricted"),
        ("spec.securityContext.runAsNonRoot", False, "restricted"),
    ],
)
def test_a_user_namespace_relaxes_what_upstream_relaxes(path, value, level):
    pod = spoiled(path, value)
    assert judge(pod, pod_security=level)
    assert judge(spoiled("spec.hostUsers", False, pod), pod_security=level) == ()
    for not_false in (True, None, 0, "false"):
        assert judge(spoiled("spec.hostUsers", not_false, pod), pod_security=level)


def test_proc_stays_masked_at_restricted_even_in_a_user_namespace():
    pod = spoiled("spec.hostUsers", False, spoiled("spec.containers[0].securityContext.procMount", "Unmasked"))
    assert checks(pod, pod_security="restricted") == {"procMount"}


def windows(pod):
    return spoiled("spec.os", {"name": "windows"}, pod)


@pytest.mark.parametrize(
    "path", ["{c}.securityContext.allowPrivilegeEscalation", "{c}.securityContext.capabilities", "{c}.securityContext.seccompProfile"]
)
def test_windows_pods_need_not_have_the_linux_settings_of_restricted(path):
    pod = spoiled("spec.securityContext.seccompProfile", None)
    for name in LISTS:
        pod = spoiled(path.format(c=f"spec.{name}[0]"), None, pod)
    assert judge(pod, pod_security="restricted")
    assert judge(windows(pod), pod_security="restricted") == ()


@pytest.mark.parametrize("value", ["0", "1024 65535", "4096\t87380\t6291456", "8080,9148-9200"])
def test_numbers_ranges_and_lists_are_values_of_sysctls(value):
    assert judge(spoiled("spec.securityContext.sysctls", [{"name": "net.ipv4.tcp_rmem", "value": value}])) == ()


@pytest.mark.parametrize("value", ["1+kernel.core_pattern=|/proc/%P/root/x", "1\nkernel.x=1", "a", "١", 1, True, None, ["1"]])
def test_a_safe_sysctl_carries_nothing_else_in_its_value(value):
    assert checks(spoiled("spec.securityContext.sysctls", [{"name": "kernel.shm_rmid_forced", "value": value}])) == {"sysctls"}


def test_windows_is_no_way_around_baseline():
    for path, value in [
        ("spec.containers[0].securityContext.capabilities.add", ["SYS_ADMIN"]),
        ("spec.containers[0].securityContext.seccompProfile.type", "Unconfined"),
        ("spec.containers[0].securityContext.runAsUser", 0),
        ("spec.hostPID", True),
    ]:
        assert judge(windows(spoiled(path, value)), pod_security="restricted")


def test_containers_that_set_everything_need_nothing_on_the_pod():
    assert judge(spoiled("spec.securityContext", None), pod_security="restricted") == ()


def test_containers_that_set_nothing_follow_the_pod():
    pod = host_pod()
    for name in LISTS:
        for key in ("runAsNonRoot", "seccompProfile"):
            del pod["spec"][name][0]["securityContext"][key]
    assert judge(pod, pod_security="restricted") == ()
    assert checks(spoiled("spec.securityContext", None, pod), pod_security="restricted") == {"runAsNonRoot", "seccompProfile"}


def test_the_table_and_the_settings_name_the_same_checks():
    assert {row.name for row in CHECKS} | set(BEYOND_LEVELS) == set(POD_SECURITY_CHECKS)


def test_every_check_of_the_standards_has_a_row_here():
    assert {row[0] for row in BASELINE + RESTRICTED} == set(POD_SECURITY_CHECKS)
