"""What no Pod Security level covers: identity, ports, classes, devices, mounts and the node."""

from __future__ import annotations

import pytest
from policy_pods import ACCOUNT, LISTS, checks, host_pod, judge, spoiled

from syncer.policy import Lent

LEVELS = ("privileged", "baseline", "restricted")


def refused(path, values, check):
    return [pytest.param(path, value, check, id=f"{path}={value!r}") for value in values]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("path", "value", "check"),
    [
        *refused("spec.serviceAccountName", [None, "", "default", "admin", 5, [ACCOUNT]], "serviceAccount"),
        *refused("spec.serviceAccount", ["default", "", False], "serviceAccount"),
        *refused("spec.automountServiceAccountToken", [None, True, 0, "false"], "serviceAccount"),
        *refused("spec.enableServiceLinks", [None, True, 0, "false"], "serviceLinks"),
        *refused("spec.runtimeClassName", ["runc", "", 5, {}], "runtimeClass"),
        *refused("spec.overhead", [{"cpu": "1"}, "", 0], "runtimeClass"),
        *refused("spec.priorityClassName", ["system-node-critical", "mine", 5, ["low"]], "priority"),
        *refused("spec.priority", [0, 1000000000, -1, "1"], "priority"),
        *refused("spec.schedulerName", ["other", 5, []], "schedulerName"),
        *refused("spec.nodeName", ["node-1", "elsewhere", 0, False, []], "nodeName"),
        *refused("spec.nodeSelector", [{"a": "b"}, "", 0, []], "nodeSelector"),
        *refused("spec.schedulingGates", [[{"name": "later"}], {}, 0], "schedulingGates"),
        *refused("spec.resourceClaims", [[{"name": "gpu", "resourceClaimName": "x"}], {}, False], "resourceClaims"),
        *refused("spec.containers[0].ports[0].hostPort", [80, "80", True], "hostPorts"),
        *refused("spec.containers[0].volumeMounts[0].mountPropagation", ["Bidirectional", "", 5, {}], "mountPropagation"),
        *refused("spec.securityContext.windowsOptions.gmsaCredentialSpecName", ["host-spec"], "windowsCredentials"),
        *refused("spec.containers[0].securityContext.windowsOptions.gmsaCredentialSpec", ["{}", 5], "windowsCredentials"),
    ],
)
def test_it_is_refused_at_every_level(path, value, check, level):
    found = [violation for violation in judge(spoiled(path, value), pod_security=level) if violation.check == check]
    assert len(found) == 1
    assert found[0].field == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.serviceAccount", ACCOUNT),
        ("spec.schedulerName", "default-scheduler"),
        ("spec.schedulerName", ""),
        ("spec.nodeName", ""),
        ("spec.nodeSelector", {}),
        ("spec.priorityClassName", ""),
        ("spec.tolerations", [{"operator": "Exists"}]),
        ("spec.hostUsers", True),
        ("spec.containers[0].resources", {"limits": {"nvidia.com/gpu": "1"}}),
        ("spec.containers[0].volumeMounts[0].mountPropagation", "HostToContainer"),
        ("spec.terminationGracePeriodSeconds", 30),
        ("spec.shareProcessNamespace", True),
    ],
)
def test_it_passes(path, value):
    assert judge(spoiled(path, value), pod_security="restricted") == ()


def test_only_host_classes_that_a_mapping_ends_in_are_accepted():
    mapped = {"priority_classes": {"tenant-high": "host-high"}, "runtime_classes": {"sandbox": "gvisor"}}
    assert judge(spoiled("spec.priorityClassName", "host-high"), **mapped) == ()
    assert checks(spoiled("spec.priorityClassName", "tenant-high"), **mapped) == {"priority"}
    assert judge(spoiled("spec.runtimeClassName", "gvisor"), **mapped) == ()
    assert checks(spoiled("spec.runtimeClassName", "sandbox"), **mapped) == {"runtimeClass"}


def test_a_forced_runtime_class_must_be_there_whatever_the_mapping_says():
    forced = {"force_runtime_class": "kata", "runtime_classes": {"a": "gvisor"}}
    assert judge(spoiled("spec.runtimeClassName", "kata"), **forced) == ()
    for name in (None, "gvisor", ""):
        assert checks(spoiled("spec.runtimeClassName", name), **forced) == {"runtimeClass"}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LISTS)
def test_host_ports_pass_within_the_allowed_ranges_only(name, level):
    ranges = {"allow_host_ports": ((8000, 8100), (9000, 9000)), "pod_security": level}
    for port in (8000, 8050, 8100, 9000, 0, None):
        assert judge(spoiled(f"spec.{name}[0].ports[0].hostPort", port), **ranges) == ()
    for port in (7999, 8101, 9001, True, 8050.0, "8050", -1):
        assert checks(spoiled(f"spec.{name}[0].ports[0].hostPort", port), **ranges) == {"hostPorts"}


def test_mounts_spread_to_the_node_from_a_privileged_container_that_may_be_one():
    pod = spoiled("spec.containers[0].volumeMounts[0].mountPropagation", "Bidirectional")
    privileged = spoiled("spec.containers[0].securityContext.privileged", True, pod)
    assert checks(pod, pod_security="privileged") == {"mountPropagation"}
    assert checks(privileged, pod_security="privileged") == set()
    assert checks(privileged, pod_security="baseline") == {"privileged"}
    assert checks(spoiled("spec.containers[0].securityContext.privileged", 1, pod), pod_security="privileged") == {"mountPropagation"}


def test_resource_claims_pass_by_exception():
    pod = spoiled("spec.resourceClaims", [{"name": "gpu"}])
    assert judge(pod, pod_security_exceptions=frozenset({"resourceClaims"})) == ()


LENT = Lent(
    accounts=frozenset({"builder"}), priority_classes=frozenset({"low"}), runtime_classes=frozenset({"gvisor"}), claims=frozenset({"gpu-of-web"})
)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(
    ("path", "value", "check"),
    [
        ("spec.serviceAccountName", "builder", "serviceAccount"),
        ("spec.priorityClassName", "low", "priority"),
        ("spec.runtimeClassName", "gvisor", "runtimeClass"),
        ("spec.resourceClaims", [{"name": "gpu", "resourceClaimName": "gpu-of-web"}], "resourceClaims"),
    ],
)
def test_what_the_host_lends_passes_and_nothing_else(path, value, check, level):
    assert checks(spoiled(path, value), lent=LENT, pod_security=level) == set()
    assert checks(spoiled(path, value), pod_security=level) == {check}


@pytest.mark.parametrize(
    "claim",
    [
        {"name": "gpu", "resourceClaimName": "gpu-of-db"},
        {"name": "gpu", "resourceClaimTemplateName": "gpu-of-web"},
        {"name": "gpu", "resourceClaimName": "gpu-of-web", "resourceClaimTemplateName": "x"},
        {"name": "gpu"},
        "gpu-of-web",
    ],
)
def test_one_claim_that_is_not_lent_is_enough_to_refuse(claim):
    claims = [{"name": "mine", "resourceClaimName": "gpu-of-web"}, claim]
    assert checks(spoiled("spec.resourceClaims", claims), lent=LENT) == {"resourceClaims"}


def test_a_lent_account_gets_no_token_either():
    pod = spoiled("spec.automountServiceAccountToken", True, spoiled("spec.serviceAccountName", "builder"))
    assert checks(pod, lent=LENT) == {"serviceAccount"}


def pinned(*fields):
    """A pod whose terms have these lists of field requirements."""
    terms = [{"matchFields": list(each)} for each in fields]
    return spoiled("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution", {"nodeSelectorTerms": terms})


def on(*values, key="metadata.name", operator="In"):
    return {"key": key, "operator": operator, "values": list(values)}


def test_a_pin_to_a_promoted_node_passes():
    assert judge(pinned([on("node-2")])) == ()
    assert judge(pinned([on("node-1")], [on("node-2")])) == ()
    assert judge(pinned([on("other", operator="NotIn"), on("node-1")])) == ()


@pytest.mark.parametrize(
    "pod",
    [
        pinned(),
        pinned([]),
        pinned([on("elsewhere")]),
        pinned([on("node-1")], [on("elsewhere")]),
        pinned([on("node-1")], []),
        pinned([on("node-1", "node-2")]),
        pinned([on()]),
        pinned([on("")]),
        pinned([on(5)]),
        pinned([on(["node-1"])]),
        pinned([on("node-1", operator="NotIn")]),
        pinned([on("node-1", operator="in")]),
        pinned([on("node-1", key="metadata.namespace")]),
        pinned(["metadata.name"]),
        pinned([{"key": "metadata.name", "operator": "In", "values": "node-1"}]),
        spoiled("spec.affinity", None),
        spoiled("spec.affinity.nodeAffinity", {"preferredDuringSchedulingIgnoredDuringExecution": []}),
    ],
)
def test_every_term_must_pin_to_one_promoted_node(pod):
    assert checks(pod) == {"nodePin"}


def test_without_a_list_of_nodes_any_pin_will_do_but_there_must_be_one():
    assert judge(pinned([on("elsewhere")]), nodes=None) == ()
    assert checks(spoiled("spec.affinity", None), nodes=None) == {"nodePin"}


def test_no_node_is_good_when_none_is_promoted():
    assert checks(host_pod(), nodes=frozenset()) == {"nodePin"}


def test_what_the_host_filled_into_an_existing_pod_is_not_looked_at():
    pod = host_pod()
    pod["spec"] |= {"nodeName": "node-9", "priority": 0, "priorityClassName": "host-default", "overhead": {"cpu": "1"}, "affinity": None}
    assert checks(pod) == {"nodeName", "priority", "runtimeClass", "nodePin"}
    assert judge(pod, existing=True) == ()


@pytest.mark.parametrize(
    ("path", "value", "check"),
    [
        ("spec.ephemeralContainers[0].securityContext.privileged", True, "privileged"),
        ("spec.ephemeralContainers[0].securityContext.capabilities.add", ["SYS_PTRACE"], "capabilities"),
        ("spec.serviceAccountName", "admin", "serviceAccount"),
        ("spec.volumes[0].hostPath", {"path": "/"}, "hostPathVolumes"),
    ],
)
def test_an_existing_pod_is_held_to_everything_else(path, value, check):
    assert check in checks(spoiled(path, value), existing=True)
