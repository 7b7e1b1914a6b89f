"""Pods that no API server would serve: wrong types everywhere, junk, floods. A violation comes out, never an exception."""

from __future__ import annotations

import copy
import marshal
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_pods import host_pod, judge, spoiled

from syncer.core.settings import PolicySettings
from syncer.policy import Violation, violations

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(2**10_000),
    st.floats(),
    st.text(st.characters(), max_size=20),
    st.sampled_from(["Memory", "Localhost", "metadata.name", "In", "name", "\ud800", "\x1b[31m", "1e99999", "../.."]),
)
POLICIES = st.builds(
    PolicySettings,
    pod_security=st.sampled_from(["privileged", "baseline", "restricted"]),
    memory_volume_cap=st.sampled_from([None, "1Gi", "nonsense"]),
    allow_host_ports=st.sampled_from([(), ((80, 90),)]),
    allow_host_paths=st.sampled_from([(), ("/data",), ("",)]),
    priority_classes=st.just({"a": "b"}),
    runtime_classes=st.just({"a": "b"}),
)


def full_pod():
    """Everything a check reads, set to something harmless where possible."""
    pod = host_pod()
    pod["metadata"]["annotations"]["container.apparmor.security.beta.kubernetes.io/app"] = "runtime/default"
    pod["spec"]["os"] = {"name": "linux"}
    pod["spec"]["securityContext"] |= {
        "sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}],
        "seLinuxOptions": {"type": "container_t"},
        "appArmorProfile": {"type": "RuntimeDefault"},
        "windowsOptions": {"hostProcess": False},
    }
    pod["spec"]["volumes"] += [
        {"name": "a", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "b", "projected": {"sources": [{"secret": {"name": "token"}}, {"downwardAPI": {"items": []}}]}},
    ]
    pod["spec"]["containers"][0] |= {
        "lifecycle": {"preStop": {"httpGet": {"port": 80, "host": ""}}, "postStart": {"exec": {"command": ["true"]}}},
        "startupProbe": {"tcpSocket": {"port": 80}},
    }
    return pod


def paths(tree, path=()):
    """Every path into a pod, for replacing what is there."""
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from paths(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from paths(value, (*path, index))


PATHS = list(paths(full_pod()))

KEYS = st.text(max_size=8) | st.sampled_from(sorted({key for path in PATHS for key in path if isinstance(key, str)}))
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=25)


def replaced(tree, path, value):
    if not path:
        return value
    result = copy.copy(tree)
    result[path[0]] = replaced(tree[path[0]], path[1:], value)
    return result


def judged(pod, policy):
    before = marshal.dumps(pod, 2)
    found = violations(pod, policy, service_account="kled-workload", nodes=frozenset({"node-1"}))
    assert marshal.dumps(pod, 2) == before
    assert len(found) <= 20
    for violation in found:
        assert isinstance(violation, Violation)
        assert str(violation).isprintable()
        assert len(violation.field) < 500
        assert len(violation.reason) < 400
    assert found == violations(pod, policy, service_account="kled-workload", nodes=frozenset({"node-1"}))
    return found


@given(JUNK, POLICIES)
@settings(max_examples=300, deadline=None)
def test_junk_instead_of_a_pod_is_refused_and_never_raises(pod, policy):
    assert judged(pod, policy)


@given(JUNK, POLICIES)
@settings(max_examples=300, deadline=None)
def test_junk_instead_of_a_spec_is_refused_and_never_raises(spec, policy):
    assert judged({"metadata": {}, "spec": spec}, policy)


@given(st.lists(st.tuples(st.sampled_from(PATHS[1:]), JUNK), min_size=1, max_size=3), POLICIES)
@settings(max_examples=600, deadline=None)
def test_a_pod_with_junk_in_its_places_never_raises(changes, policy):
    pod = full_pod()
    for path, value in changes:
        try:
            pod = replaced(pod, path, value)
        except (KeyError, IndexError, TypeError):
            continue
    judged(pod, policy)


def test_the_pod_that_is_spoiled_here_is_a_good_one():
    assert judge(full_pod(), pod_security="restricted", memory_volume_cap="1Gi") == ()


UNREAD = {"apiVersion", "kind", "name", "namespace", "kled.io/schema", "image", "containerPort", "mountPath", "path", "port", "exec", "items"}
READ = [path for path in PATHS if not UNREAD & set(path) or "os" in path or "sysctls" in path]


def at(path):
    good = full_pod()
    for step in path:
        good = good[step]
    return good


def is_fine(path, value):
    """A tuple is as good as a list, and a number is a quantity."""
    return (value == () and isinstance(at(path), list)) or (value == 1.5 and path[-1:] == ("sizeLimit",))


WRONG = [
    pytest.param(path, value, id=f"{'.'.join(map(str, path))}={value!r}")
    for path in READ
    for value in (1.5, b"bytes", float("nan"), ())
    if not is_fine(path, value)
]


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_a_wrong_type_is_refused_wherever_a_check_looks(path, value):
    assert judge(replaced(full_pod(), path, value), pod_security="restricted", memory_volume_cap="1Gi")


@pytest.mark.parametrize("pod", [None, [], "pod", {}, {"spec": None}, {"spec": []}, {"spec": "x", "metadata": {}}])
def test_what_is_no_pod_is_malformed(pod):
    assert {violation.check for violation in judge(pod)} == {"malformed"}


@pytest.mark.parametrize("value", ["false", 0, [], {}])
def test_a_user_namespace_is_asked_for_by_true_or_false(value):
    assert [violation.field for violation in judge(spoiled("spec.hostUsers", value))] == ["spec.hostUsers"]


def test_a_read_only_view_is_as_good_as_a_dictionary():
    pod = full_pod()
    pod["spec"]["securityContext"] = MappingProxyType(pod["spec"]["securityContext"])
    pod["spec"]["containers"][0] = MappingProxyType(pod["spec"]["containers"][0])
    assert judge(MappingProxyType(pod), pod_security="restricted", memory_volume_cap="1Gi") == ()


def test_a_number_too_long_to_be_written_down_is_shown_in_words():
    pod = host_pod()
    pod["spec"]["containers"][0]["ports"] = [{"hostPort": 10**5000}]
    (violation,) = judge(pod, allow_host_ports=((1, 65535),))
    assert violation.reason.startswith("a very large number is not allowed")


def test_a_flood_of_violations_is_cut_at_twenty():
    pod = spoiled("spec.volumes", [{"name": str(number), "nfs": {}} for number in range(10_000)])
    assert len(judge(pod)) == 20


def test_the_forbidden_value_is_shown_short_and_without_control_characters():
    (violation,) = judge(spoiled("spec.containers[0].livenessProbe.httpGet.host", "evil\x1b[2J\n\u202e" + "a" * 5000))
    assert violation.field == "spec.containers[0].livenessProbe.httpGet.host"
    assert violation.reason.startswith(r"'evil\x1b[2J\n\u202eaaa")
    assert "…" in violation.reason
    assert len(violation.reason) < 200
    assert "own address" in violation.reason


def test_a_violation_reads_as_a_sentence_with_field_value_and_remedy():
    (violation,) = judge(spoiled("spec.containers[0].securityContext.privileged", True))
    assert str(violation) == ("spec.containers[0].securityContext.privileged: true is not allowed: remove it or set it to false (check privileged)")
