"""What a host pod may ask for beyond what the Pod Security level discusses, at every level: identity, ports, classes, devices and mounts.

The tenant administers its own cluster, so its admission is no wall; these are fields with which a pod would take part in the host cluster
under another name, on the node's own addresses, or with somebody else's hardware. Volumes stand in `volumes`, nodes in `placement`.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncer.core.settings import PolicySettings
from syncer.policy.findings import Findings
from syncer.policy.lent import Lent
from syncer.policy.pod_security import HOST_PORTS
from syncer.policy.reading import Container, Pod, Tree, objects

RESOURCE_CLAIMS = "resourceClaims"


def check_host_access(pod: Pod, policy: PolicySettings, service_account: str, lent: Lent, found: Findings, *, existing: bool) -> None:
    """Holds a pod against what the host allows this tenant. `service_account` is the one without rights that host pods run under, unless an
    account of its own is lent to it."""
    _check_identity(pod.spec, service_account, lent, found)
    _check_runtime_class(pod.spec, policy, lent, found, existing=existing)
    claims = pod.spec.get("resourceClaims")
    if claims is not None and claims != [] and RESOURCE_CLAIMS not in policy.pod_security_exceptions and not _all_lent(claims, lent):
        found.refuse(
            "spec.resourceClaims",
            claims,
            "ask for devices as extended resources, or have their drivers allowed by policy.deviceDrivers",
            RESOURCE_CLAIMS,
        )
    _check_credentials(pod.security, "spec", found)
    every_port = HOST_PORTS in policy.pod_security_exceptions
    for container in pod.containers:
        if not every_port:
            _check_ports(container, policy.allow_host_ports, found)
        _check_mounts(container, found)
        _check_credentials(container.security, container.where, found)


def _all_lent(claims: object, lent: Lent) -> bool:
    """Whether each of them names a claim that is a copy of the tenant's, and no template."""
    if not isinstance(claims, list):
        return False
    return all(
        isinstance(claim, Mapping) and claim.keys() <= {"name", "resourceClaimName"} and claim.get("resourceClaimName") in lent.claims
        for claim in claims
    )


def _check_identity(spec: Tree, service_account: str, lent: Lent, found: Findings) -> None:
    name = spec.get("serviceAccountName")
    if name is not None and name in list(lent.accounts):
        service_account = str(name)
    remedy = f"host pods run under the service account {service_account}"
    if name is None:
        found.require("spec.serviceAccountName", remedy, "serviceAccount")
    elif name != service_account:
        found.refuse("spec.serviceAccountName", name, remedy, "serviceAccount")
    alias = spec.get("serviceAccount")
    if alias is not None and alias != service_account:
        found.refuse("spec.serviceAccount", alias, remedy, "serviceAccount")
    for key, check, what in _MUST_BE_FALSE:
        value = spec.get(key)
        if value is None:
            found.require(f"spec.{key}", f"set it to false, {what}", check)
        elif value is not False:
            found.refuse(f"spec.{key}", value, f"set it to false, {what}", check)


_MUST_BE_FALSE = (
    ("automountServiceAccountToken", "serviceAccount", "no pod gets a token of the host"),
    ("enableServiceLinks", "serviceLinks", "the services of the host namespace are not the tenant's"),
)


def _check_runtime_class(spec: Tree, policy: PolicySettings, lent: Lent, found: Findings, *, existing: bool) -> None:
    name = spec.get("runtimeClassName")
    forced = policy.force_runtime_class
    if forced is not None:
        if name != forced:
            found.refuse("spec.runtimeClassName", name, f"every pod runs with {forced}", "runtimeClass")
    elif name is not None and name not in [*policy.runtime_classes.values(), *lent.runtime_classes]:
        found.refuse("spec.runtimeClassName", name, "remove it, or have the class offered by name or mapped by policy.runtimeClasses", "runtimeClass")
    overhead = spec.get("overhead")
    if overhead is not None and overhead != {} and not existing:
        found.refuse("spec.overhead", overhead, "remove it, the host derives it from the class", "runtimeClass")


def _check_ports(container: Container, allowed: tuple[tuple[int, int], ...], found: Findings) -> None:
    """At every level, `privileged` too: a port of the node is taken from everybody else on it."""
    for where, port in objects(container.body, "ports", container.where, found):
        number = port.get("hostPort")
        if number is None or (number == 0 and number.__class__ is int):
            continue
        if number.__class__ is not int or not any(low <= number <= high for low, high in allowed):
            remedy = "remove it and use a Service, or have the port allowed by policy.allowHostPorts"
            found.refuse(f"{where}.hostPort", number, remedy, HOST_PORTS)


def _check_mounts(container: Container, found: Findings) -> None:
    """Mounts that spread to the node are for containers that may do anything there anyway."""
    for where, mount in objects(container.body, "volumeMounts", container.where, found):
        value = mount.get("mountPropagation")
        if value is None or value in ("None", "HostToContainer"):
            continue
        if value != "Bidirectional" or container.security.get("privileged") is not True:
            found.refuse(f"{where}.mountPropagation", value, "use None or HostToContainer", "mountPropagation")


def _check_credentials(security: Tree, where: str, found: Findings) -> None:
    """A gMSA credential spec is an object of the host cluster, with rights in somebody's domain."""
    options = security.get("windowsOptions")
    if not isinstance(options, dict):
        return
    for key in ("gmsaCredentialSpec", "gmsaCredentialSpecName"):
        value = options.get(key)
        if value is not None and value != "":
            found.refuse(f"{where}.securityContext.windowsOptions.{key}", value, "remove it, it belongs to the host cluster", "windowsCredentials")
