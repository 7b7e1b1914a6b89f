"""The checks that the Pod Security level `restricted` adds to `baseline` or sharpens, version 1.36. Sources as in `baseline`.

For `os.name: windows` upstream asks for none of the Linux settings, since the API refuses them there. Two relaxations hold for pods in a user
namespace (`hostUsers: false`), since 1.35: they may run as root.
"""

from __future__ import annotations

from syncer.policy import baseline
from syncer.policy.findings import Findings
from syncer.policy.reading import Container, Pod, Tree, items, section


def privilege_escalation(pod: Pod, container: Container, found: Findings) -> None:
    value = container.security.get("allowPrivilegeEscalation")
    if value is False or pod.windows:
        return
    field = f"{container.where}.securityContext.allowPrivilegeEscalation"
    if value is None:
        found.require(field, "set it to false", "allowPrivilegeEscalation")
    else:
        found.refuse(field, value, "set it to false", "allowPrivilegeEscalation")


def capabilities(pod: Pod, container: Container, found: Findings) -> None:
    if pod.windows:
        baseline.capabilities(pod, container, found)
        return
    where = f"{container.where}.securityContext"
    lists = section(container.security, "capabilities", where, found) or {}
    where = f"{where}.capabilities"
    if "ALL" not in items(lists, "drop", where, found):
        found.require(f"{where}.drop", 'set it to ["ALL"]', "capabilities")
    for index, name in enumerate(items(lists, "add", where, found)):
        if name != "NET_BIND_SERVICE":
            found.refuse(f"{where}.add[{index}]", name, "add nothing but NET_BIND_SERVICE", "capabilities")


def seccomp_is_set(pod: Pod, container: Container, found: Findings) -> None:
    """A profile on the container or, for all of them, on the pod. That it is a good one `baseline.seccomp` has seen to."""
    if container.security.get("seccompProfile") is None and pod.security.get("seccompProfile") is None and not pod.windows:
        found.require(
            f"{container.where}.securityContext.seccompProfile", "set type RuntimeDefault or Localhost here or on the pod", "seccompProfile"
        )


def pod_is_non_root(pod: Pod, found: Findings) -> None:
    value = pod.security.get("runAsNonRoot")
    if value is not None and value is not True and not pod.user_namespace:
        found.refuse("spec.securityContext.runAsNonRoot", value, "set it to true", "runAsNonRoot")


def container_is_non_root(pod: Pod, container: Container, found: Findings) -> None:
    """A container that says nothing follows its pod."""
    value = container.security.get("runAsNonRoot")
    if value is True or pod.user_namespace:
        return
    field = f"{container.where}.securityContext.runAsNonRoot"
    if value is not None:
        found.refuse(field, value, "set it to true", "runAsNonRoot")
    elif pod.security.get("runAsNonRoot") is None:
        found.require(field, "set it to true here or on the pod", "runAsNonRoot")


def pod_user(pod: Pod, found: Findings) -> None:
    if not pod.user_namespace:
        _user(pod.security, "spec", found)


def container_user(pod: Pod, container: Container, found: Findings) -> None:
    if not pod.user_namespace:
        _user(container.security, container.where, found)


def _user(security: Tree, where: str, found: Findings) -> None:
    value = security.get("runAsUser")
    if value is None:
        return
    if value.__class__ is not int or value == 0:
        found.refuse(f"{where}.securityContext.runAsUser", value, "remove it or choose a user other than 0", "runAsUser")
