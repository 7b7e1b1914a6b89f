"""The oracle sees what it is there to see: for each rule an entry that breaks it, and one that keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.e2e.oracle import Oracle
from tests.e2e.stage import Obj, World

MARKS = {"kled.io/tenant": "acme", "kled.io/translator": "pods", "kled.io/namespace": "shop"}
NOTES = {"kled.io/source-name": "web", "kled.io/source-namespace": "shop", "kled.io/source-uid": "t1"}
CANARY = "canary-0123456789abcdef"
SERVER_TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6In.eyJhdWQiOlsiaHR0cHM6Ly9rdWJl.c2ln"


@pytest.fixture
def oracle() -> Oracle:
    return Oracle(cast(Any, None))


@pytest.fixture
def tenant(tmp_path: Path) -> World:
    made = SimpleNamespace(tenant_name="acme", own_namespace="kled-acme", canaries=[CANARY], log=tmp_path / "log", runs=[1], stamped=list)
    return cast(World, made)


def entry(verb: str, resource: str = "pods", *, namespace: str = "acme-shop", name: str = "web", sub: str = "", code: int = 200, **more: Any) -> Obj:
    about = {"resource": resource, "namespace": namespace, "name": name, **({"subresource": sub} if sub else {})}
    return {
        "verb": verb,
        "user": {"username": "kled-syncer-acme"},
        "objectRef": about,
        "responseStatus": {"code": code},
        "requestURI": f"/api/v1/namespaces/{namespace}/{resource}/{name}",
        "requestReceivedTimestamp": "2030-01-01T00:00:00.000000Z",
        **more,
    }


def stored(uid: str, version: int, labels: dict[str, str] = MARKS, annotations: dict[str, str] = NOTES, **more: Any) -> Obj:
    metadata = {"uid": uid, "resourceVersion": str(version), "name": "web", "namespace": "acme-shop", "labels": labels, "annotations": annotations}
    return {"kind": "Pod", "metadata": metadata, **more}


def faults(found: Iterable[str]) -> set[str]:
    return {fault.split(" ", 1)[0] for fault in found}


def test_a_write_outside_the_tenants_namespaces_is_seen(oracle: Oracle, tenant: World) -> None:
    space = stored("n", 1, {"kled.io/tenant": "acme"})
    space["metadata"] |= {"name": "acme-shop", "namespace": ""}
    oracle.history["host"].learn(entry("create", "namespaces", namespace="", name="acme-shop", responseObject=space))
    assert faults(oracle._fence(tenant, [entry("create")])) == set()
    assert faults(oracle._fence(tenant, [entry("create", namespace="other")])) == {"S1"}


def test_a_change_of_an_object_without_the_stamp_is_seen(oracle: Oracle, tenant: World) -> None:
    for uid, labels in (("ours", MARKS), ("theirs", {}), ("another's", {**MARKS, "kled.io/tenant": "other"})):
        oracle.history["host"].learn(entry("create", responseObject=stored(uid, 1, labels)))
    for uid, wanted in (("ours", set()), ("theirs", {"S3"}), ("another's", {"S3"}), ("unknown", {"S3"})):
        assert faults(oracle._ownership(tenant, [entry("patch", responseObject=stored(uid, 2))])) == wanted
        assert faults(oracle._ownership(tenant, [entry("delete", requestObject={"preconditions": {"uid": uid}})])) == wanted


def test_a_change_that_does_not_say_which_object_it_means_is_seen(oracle: Oracle) -> None:
    kept = [entry("delete", requestObject={"preconditions": {"uid": "a"}}), entry("patch", requestObject={"metadata": {"uid": "a"}})]
    assert faults(oracle._preconditions("host", kept)) == set()
    for broken in (entry("delete", requestObject={}), entry("patch", requestObject={"metadata": {}}), entry("update"), entry("deletecollection")):
        assert faults(oracle._preconditions("host", [broken])) == {"S4"}


def test_two_copies_of_one_object_and_one_copy_of_two_are_seen(oracle: Oracle, tenant: World) -> None:
    first, second = stored("a", 1), stored("b", 2)
    second["metadata"]["name"] = "web-2"
    assert faults(oracle._one_to_one(tenant, [entry("create", responseObject=first), entry("create", responseObject=second)])) == {"S5"}
    for version, source in ((1, "t1"), (2, "t2")):
        oracle.history["host"].learn(entry("patch", responseObject=stored("a", version, annotations={**NOTES, "kled.io/source-uid": source})))
    assert faults(oracle._one_to_one(tenant, [])) == {"S6"}


@pytest.mark.parametrize(
    ("text", "rules"), [("harmless", set()), (CANARY, {"S16"}), ("Y2FuYXJ5LTAxMjM0NTY3ODlhYmNkZWY=", {"S16"}), (SERVER_TOKEN, {"S9", "S16"})]
)
def test_a_secret_outside_a_secret_is_seen(oracle: Oracle, tenant: World, text: str, rules: set[str]) -> None:
    body = {"metadata": {"annotations": {"note": text}}}
    assert faults(oracle._no_secrets(tenant, "host", [entry("create", requestObject=body)])) == rules
    tenant.log.write_text(f"something {text}")
    assert faults(oracle._kept_quiet(tenant, "")) == ({"S16"} if rules else set())


def test_a_selector_that_sees_others_is_seen_also_after_a_patch(oracle: Oracle, tenant: World) -> None:
    confined = {"app": "web", "kled.io/tenant": "acme", "kled.io/namespace": "shop"}
    made = entry("create", "services", requestObject={"spec": {"selector": confined}}, responseObject=stored("s", 1))
    assert faults(oracle._confined(tenant, [made])) == set()
    fine = entry("patch", "services", requestObject={"spec": {"selector": {"app": "new"}}}, responseObject=stored("s", 2))
    assert faults(oracle._confined(tenant, [fine])) == set()
    wide = entry("patch", "services", requestObject={"spec": {"selector": {"kled.io/tenant": None}}}, responseObject=stored("s", 3))
    assert faults(oracle._confined(tenant, [wide])) == {"S10"}
    term = {"labelSelector": {"matchLabels": {"app": "web"}}}
    spec = {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    assert faults(oracle._confined(tenant, [entry("create", requestObject={"spec": spec}, responseObject=stored("p", 1))])) == {"S10"}


def test_a_deletion_of_what_belongs_to_the_tenant_is_seen(oracle: Oracle) -> None:
    for uid, labels in (("theirs", {}), ("ours", {"kled.io/managed-by": "kled-syncer"})):
        oracle.history["tenant"].learn(entry("create", "configmaps", responseObject=stored(uid, 1, labels)))
    gone = {uid: entry("delete", "configmaps", requestObject={"preconditions": {"uid": uid}}) for uid in ("theirs", "ours")}
    assert faults(oracle._no_data_loss([gone["ours"], entry("delete", "pods")])) == set()
    assert faults(oracle._no_data_loss([gone["theirs"]])) == {"S11"}


def test_a_status_written_down_beyond_readiness_gates_is_seen(oracle: Oracle, tenant: World) -> None:
    ready, gate = {"type": "Ready", "status": "True"}, {"type": "example.com/lb", "status": "True"}
    spec = {"readinessGates": [{"conditionType": "example.com/lb"}]}
    list(oracle._confined(tenant, [entry("create", requestObject={"spec": spec}, responseObject=stored("p", 1))]))
    oracle.history["host"].learn(entry("patch", sub="status", responseObject=stored("p", 2, status={"conditions": [ready]})))

    def patch(**status: Any) -> list[Obj]:
        request = {"metadata": {"uid": "p", "resourceVersion": "2"}, "status": status}
        return [entry("patch", sub="status", requestObject=request, responseObject=stored("p", 3))]

    assert faults(oracle._status_down(patch(conditions=[ready, gate]))) == set()
    assert faults(oracle._status_down(patch(conditions=[gate]))) == {"S12"}
    assert faults(oracle._status_down(patch(conditions=[ready, gate], phase="Failed"))) == {"S12"}


def test_reading_in_a_circle_is_seen(oracle: Oracle) -> None:
    assert faults(oracle._no_read_loops("host", [entry("list")] * 6, 1)) == set()
    assert faults(oracle._no_read_loops("host", [entry("list")] * 7, 1)) == {"S19"}
    assert faults(oracle._no_read_loops("host", [entry("get")] * 6, 1)) == {"S19"}


def test_a_failure_with_a_traceback_in_the_log_is_seen(oracle: Oracle, tenant: World) -> None:
    tenant.log.write_text("Traceback (most recent call last):")
    assert list(oracle._kept_quiet(tenant, ""))
