"""Rules that the host's administrator has put on a namespace: told to the tenant in its own words, and never fought."""

from __future__ import annotations

import time

from tests.e2e.stage import SYNC as SYNC_FILE
from tests.e2e.stage import Place, World, container, eventually

TENANT = "ruled"
SYNC = SYNC_FILE
FORBIDDEN_EXPECTED = True


def attempts(place: Place, world: World, name: str) -> int:
    """How often the syncer has tried to make this pod and was refused."""
    found = 0
    for entry in world.planes.host.audit_entries(world.since[0]):
        about = entry.get("objectRef", {})
        if entry["verb"] == "create" and about.get("resource") == "pods" and about.get("namespace") == place.on_host:
            said = entry.get("responseStatus", {})
            found += said.get("code") == 403 and f'"{name}"' in said.get("message", "")
    return found


def on_host(place: Place, world: World, plural: str, body: dict) -> None:  # type: ignore[type-arg]
    eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    world.host.create(plural, place.on_host, body)


def test_a_quota_is_told_with_its_numbers_and_tried_slowly_and_room_is_noticed_at_once(place: Place, world: World) -> None:
    on_host(place, world, "resourcequotas", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}})
    eventually("the quota is counted", lambda: world.host.get("resourcequotas", place.on_host, "small").get("status", {}).get("used"))
    place.pod("first")
    place.await_pod("first")
    place.pod("second")
    said = place.await_told("second", "SyncRefused", "'small'")
    assert "requested pods=1, used pods=1, limited to pods=1" in said
    assert place.on_host not in said
    time.sleep(5)
    assert attempts(place, world, "second") == 1
    world.host.patch("resourcequotas", place.on_host, "small", {"spec": {"hard": {"pods": "2"}}})
    begun = time.monotonic()
    place.await_pod("second")
    assert time.monotonic() - begun < 20, "it waited for the next slow try"
    place.pod("third")
    place.await_told("third", "SyncRefused", "used pods=2")
    place.delete("pods", "first", grace=0)
    place.await_pod("third")
    world.host.delete("resourcequotas", place.on_host, "small")


def test_a_quota_that_counts_what_the_pod_does_not_say_is_told(place: Place, world: World) -> None:
    on_host(place, world, "resourcequotas", {"metadata": {"name": "cpu"}, "spec": {"hard": {"limits.cpu": "1"}}})
    eventually("the quota is counted", lambda: world.host.get("resourcequotas", place.on_host, "cpu").get("status", {}).get("used"))
    place.pod("silent")
    place.await_told("silent", "SyncRefused", "specify limits.cpu for: main")
    world.host.delete("resourcequotas", place.on_host, "cpu")


def test_limits_of_the_host_are_told_and_its_defaults_are_not_fought(place: Place, world: World) -> None:
    limit = {"type": "Container", "max": {"cpu": "1"}, "default": {"cpu": "500m", "memory": "64Mi"}, "defaultRequest": {"cpu": "100m"}}
    on_host(place, world, "limitranges", {"metadata": {"name": "limits"}, "spec": {"limits": [limit]}})
    place.pod("defaulted")
    place.await_pod("defaulted")
    assert place.host("pods", "defaulted")["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "500m", "memory": "64Mi"}
    assert "limits" not in place.get("pods", "defaulted")["spec"]["containers"][0]["resources"]
    uid = place.host("pods", "defaulted")["metadata"]["uid"]
    world.await_rest()
    place.patch("pods", "defaulted", {"metadata": {"labels": {"a": "b"}}})
    eventually("it is still synced", lambda: place.host("pods", "defaulted")["metadata"]["labels"].get("a") == "b")
    world.await_rest()
    assert place.host("pods", "defaulted")["metadata"]["uid"] == uid
    place.pod("large", containers=[container(resources={"limits": {"cpu": "4"}})])
    said = place.await_told("large", "SyncRefused", "a LimitRange of the host does not allow it")
    assert "maximum cpu usage per Container is 1, but limit is 4" in said


def test_the_pod_security_level_of_the_host_namespace_is_told(place: Place, world: World) -> None:
    eventually("the host namespace is there", lambda: world.host.get("namespaces", "", place.on_host))
    world.host.patch("namespaces", "", place.on_host, {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
    time.sleep(1)
    place.pod("loose")
    said = place.await_told("loose", "SyncRefused", "the host's Pod Security level restricted")
    assert "runAsNonRoot" in said
    assert place.on_host not in said


def test_an_admission_policy_of_the_host_is_told_without_its_name(place: Place, world: World) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    name = f"guard-{place.name}"
    expression = "!has(object.metadata.labels) || !('forbidden' in object.metadata.labels)"
    body = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": expression, "message": "no such label here"}]}
    world.host.create("validatingadmissionpolicies", "", {"metadata": {"name": name}, "spec": body})
    bound = {"policyName": name, "validationActions": ["Deny"]}
    world.host.create("validatingadmissionpolicybindings", "", {"metadata": {"name": name}, "spec": bound})
    try:
        time.sleep(3)
        place.pod("marked", labels={"forbidden": "yes"})
        said = place.await_told("marked", "SyncRefused", "an admission policy of the host denied it")
        assert "no such label here" in said
        assert "guard" not in said
    finally:
        world.host.delete("validatingadmissionpolicybindings", "", name)
        world.host.delete("validatingadmissionpolicies", "", name)
