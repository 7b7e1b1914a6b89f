"""Custom kinds by declaration on real control planes: definitions copied, objects, references and status synced, nothing lost with a kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.definitions import DEFINITIONS, GROUP, definition, installed, is_served, schema, version
from tests.e2e.stage import TENANT_RANGE, Cluster, Place, Planes, World, eventually, for_a_while

TENANT = "custom"
NAME = {"type": "string"}
SYNC = f"""
sync:
  namespaceMapping:
    "*": "TENANT-{{namespace}}"
  resources:
    - name: pods
    - name: services
    - name: configmaps
      patches:
        - {{path: 'metadata.labels["patched.example.com/by"]', set: admin}}
  customResources:
    - name: robots.{GROUP}
      version: v1
      kind: Robot
      references:
        - {{path: spec.secretName, kind: secrets}}
        - {{path: spec.output.secretName, kind: secrets, optional: true}}
        - {{path: "spec.friends[*]", kind: robots.{GROUP}}}
      selectors:
        - {{path: spec.selector, kind: pods}}
      ownerReferences: true
      patches:
        - {{path: spec.tier, set: small, when: "!has(object.spec.tier) || object.spec.tier == 'large'"}}
        - {{path: spec.debug, remove: true}}
    - name: fleets.{GROUP}
      version: v1
      kind: Fleet
      scope: Cluster
      references:
        - {{path: spec.leader, kind: robots.{GROUP}}}
    - name: gadgets.{GROUP}
      version: v2
      kind: Gadget
      statusSubresource: false
    - name: plans.{GROUP}
      version: v1
      kind: Plan
      scope: Cluster
      mode: fromHost
      names: ["public-*"]
    - name: notes.{GROUP}
      version: v1
      kind: Note
      mode: fromHost
      names: ["*"]
      selector: {{matchLabels: {{show: "yes"}}}}
tenant:
  serviceCIDR: {TENANT_RANGE}
"""
WEBHOOK = {
    "strategy": "Webhook",
    "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"service": {"namespace": "nowhere", "name": "converter", "path": "/"}}},
}
ROBOT = {
    "secretName": NAME,
    "spareSecretName": NAME,
    "tier": {"type": "string", "default": "medium"},
    "debug": {"type": "boolean", "default": False},
}
HOST_KINDS = (
    definition("robots", "Robot", version("v1", schema(**ROBOT))),
    definition("fleets", "Fleet", version("v1", schema(leader={"type": "object", "x-kubernetes-preserve-unknown-fields": True})), scope="Cluster"),
    definition("gadgets", "Gadget", version("v2", schema(), status=False), version("v1", schema(), storage=False, status=False), conversion=WEBHOOK),
    definition("plans", "Plan", version("v1", schema()), scope="Cluster"),
    definition("notes", "Note", version("v1", schema())),
)


@pytest.fixture(scope="module", autouse=True)
def kinds(planes: Planes) -> Iterator[None]:
    with installed(Cluster(planes.host), Cluster(planes.tenant), *HOST_KINDS):
        yield


@pytest.fixture(scope="module")
def toys(world: World, kinds: None) -> World:
    """The tenant as soon as all kinds are awake."""
    for plural in ("robots", "fleets", "gadgets", "plans", "notes"):
        eventually(f"the tenant serves {plural}", lambda plural=plural: is_served(world.tenant, plural))
    eventually("no kind is asleep", lambda: "is not served" not in said(world))
    return world


@pytest.fixture
def room(toys: World) -> Place:
    return toys.place()


def said(world: World) -> str:
    """What readiness has to say."""
    return world.syncer.fetch("/readyz?verbose")[1]


def make(place: Place, plural: str, name: str, kind: str, api: str = "v1", **fields: Any) -> dict[str, Any]:
    meta = fields.pop("meta", {})
    return place.create(plural, {"apiVersion": f"{GROUP}/{api}", "kind": kind, "metadata": {"name": name, **meta}, **fields})


def robot(place: Place, name: str, **spec: Any) -> dict[str, Any]:
    return make(place, "robots", name, "Robot", spec=spec)


def test_the_definition_in_the_tenant_has_one_version_and_asks_no_webhook(toys: World) -> None:
    copy = toys.tenant.get(DEFINITIONS, "", f"gadgets.{GROUP}")
    assert [(one["name"], one["served"], one["storage"]) for one in copy["spec"]["versions"]] == [("v2", True, True)]
    assert copy["spec"]["conversion"] == {"strategy": "None"}
    assert copy["metadata"]["labels"]["kled.io/managed-by"] == "kled-syncer"


def test_an_object_crosses_with_the_secret_it_names_and_its_status_comes_back(room: Place) -> None:
    room.create("secrets", {"metadata": {"name": "key"}, "stringData": {"a": "b"}})
    robot(room, "one", secretName="key", selector={"matchLabels": {"app": "x"}}, size=3)
    there = eventually("the robot is on the host", lambda: room.host("robots", "one"))
    assert there["spec"]["size"] == 3
    assert there["spec"]["tier"] == "medium", "the tenant's own default crossed"
    assert there["spec"]["selector"]["matchLabels"] == {"app": "x", "kled.io/tenant": TENANT, "kled.io/namespace": room.name}
    assert room.host("secrets", "key")["metadata"]["labels"]["kled.io/tenant"] == TENANT
    status = {"status": {"phase": "Ready", "observedGeneration": there["metadata"]["generation"]}}
    room.world.host.patch("robots", room.on_host, "one", status, "status")
    seen = eventually("the status is shown", lambda: room.get("robots", "one").get("status"))
    assert seen == {"phase": "Ready", "observedGeneration": room.get("robots", "one")["metadata"]["generation"]}
    room.patch("robots", "one", {"spec": {"size": 4}})
    eventually("the change crossed", lambda: room.host("robots", "one")["spec"]["size"] == 4)
    room.world.host.patch("robots", room.on_host, "one", {"spec": {"size": 9}})
    eventually("an edit on the host is taken back", lambda: room.host("robots", "one")["spec"]["size"] == 4)
    room.delete("robots", "one")
    eventually("the copy is gone", lambda: not room.host("robots", "one"))
    eventually("and the secret that nobody uses any more", lambda: not room.host("secrets", "key"))


def test_references_wait_and_are_told_and_hostile_ones_are_refused(room: Place) -> None:
    robot(room, "waiting", secretName="later")
    assert "later" in room.await_told("waiting", "SyncWaiting")
    robot(room, "hostile", secretName="kube-system/token")
    assert "spec.secretName" in room.await_told("hostile", "SyncRefused") or "not the name" in room.told("hostile")["SyncRefused"]
    robot(room, "wandering", backend={"namespace": "kube-system"})
    assert "namespace" in room.await_told("wandering", "SyncRefused")
    assert not room.world.host.names("robots", room.on_host)
    room.create("secrets", {"metadata": {"name": "later"}})
    eventually("the one that waited crosses", lambda: room.host("robots", "waiting"))


def test_a_reference_to_an_object_of_the_host_does_not_cross(room: Place) -> None:
    room.world.host.create("secrets", room.on_host, {"metadata": {"name": "pull"}, "stringData": {"a": "b"}})
    robot(room, "thief", output={"secretName": "pull"})
    assert "belongs to another object" in room.await_told("thief", "SyncWaiting")
    assert not room.host("robots", "thief")
    robot(room, "honest", output={"secretName": "made"})
    eventually("a free name crosses", lambda: room.host("robots", "honest"))
    room.world.host.create("secrets", room.on_host, {"metadata": {"name": "made"}, "stringData": {"a": "b"}})
    room.patch("robots", "honest", {"spec": {"size": 2}})
    eventually("and goes on crossing when the host made it", lambda: room.host("robots", "honest")["spec"].get("size") == 2)


def test_patches_are_made_on_the_host_object_and_come_to_rest(room: Place) -> None:
    robot(room, "big", tier="large", debug=True)
    there = eventually("the robot is on the host", lambda: room.host("robots", "big"))
    assert there["spec"]["tier"] == "small"
    assert there["spec"]["debug"] is False, "the host's default, not the tenant's wish"
    room.world.await_rest()


def test_owners_own_on_the_host_too(room: Place) -> None:
    robot(room, "parent")
    uid = room.get("robots", "parent")["metadata"]["uid"]
    owner = {"apiVersion": f"{GROUP}/v1", "kind": "Robot", "name": "parent", "uid": uid}
    make(room, "robots", "child", "Robot", meta={"ownerReferences": [owner]}, spec={"friends": ["parent"]})
    parent = eventually("the parent is on the host", lambda: room.host("robots", "parent"))
    found = eventually("the child has an owner there", lambda: room.host("robots", "child")["metadata"].get("ownerReferences"))
    assert found == [{"apiVersion": f"{GROUP}/v1", "kind": "Robot", "name": "parent", "uid": parent["metadata"]["uid"]}]


def test_a_cluster_scoped_object_carries_the_tenant_in_its_name(room: Place) -> None:
    robot(room, "leader")
    body = {"apiVersion": f"{GROUP}/v1", "kind": "Fleet", "metadata": {"name": "red"}, "spec": {"leader": {"name": "leader", "namespace": room.name}}}
    room.world.tenant.create("fleets", "", body)
    there = eventually("the fleet is on the host", lambda: room.world.host.get("fleets", "", f"red-x-{TENANT}"))
    assert there["spec"]["leader"] == {"name": "leader", "namespace": room.on_host}
    room.world.host.patch("fleets", "", f"red-x-{TENANT}", {"status": {"ships": 3}}, "status")
    eventually("its status is shown", lambda: room.world.tenant.get("fleets", "", "red").get("status") == {"ships": 3})
    room.world.tenant.delete("fleets", "", "red")
    eventually("it is gone on the host", lambda: not room.world.host.get("fleets", "", f"red-x-{TENANT}"))


def test_a_kind_with_two_versions_and_a_webhook_on_the_host_crosses_in_the_one_that_is_declared(room: Place) -> None:
    make(room, "gadgets", "g", "Gadget", "v2", spec={"a": 1})
    assert eventually("the gadget is on the host", lambda: room.host("gadgets", "g"))["spec"] == {"a": 1}
    room.world.host.patch("gadgets", room.on_host, "g", {"status": {"b": 2}})
    eventually("a status without subresource comes up", lambda: room.get("gadgets", "g").get("status") == {"b": 2})


def test_what_the_host_leads_is_shown_by_name_and_label_and_cannot_be_changed(room: Place) -> None:
    host, tenant = room.world.host, room.world.tenant
    for name in ("public-a", "internal"):
        host.create("plans", "", {"apiVersion": f"{GROUP}/v1", "kind": "Plan", "metadata": {"name": name}, "spec": {"price": 1}, "status": {"x": 1}})
    assert eventually("the plan is shown", lambda: tenant.get("plans", "", "public-a"))["spec"] == {"price": 1}
    tenant.patch("plans", "", "public-a", {"spec": {"price": 0}})
    eventually("the tenant's edit is taken back", lambda: tenant.get("plans", "", "public-a")["spec"] == {"price": 1})
    for name, labels in (("seen", {"show": "yes"}), ("unseen", {})):
        note = {"apiVersion": f"{GROUP}/v1", "kind": "Note", "metadata": {"name": name, "labels": labels}, "spec": {"text": "hello"}}
        host.create("notes", room.on_host, note)
    assert eventually("the note is shown", lambda: room.get("notes", "seen"))["spec"] == {"text": "hello"}
    room.delete("notes", "seen")
    eventually("and comes back when the tenant deletes it", lambda: room.get("notes", "seen"))
    assert tenant.names("plans", "") == {"public-a"}
    assert tenant.names("notes", room.name) == {"seen"}
    host.delete("plans", "", "public-a")
    host.delete("notes", room.on_host, "seen")
    eventually("what is gone on the host is gone in the tenant", lambda: not tenant.list("plans") and not room.get("notes", "seen"))
    host.delete("plans", "", "internal")
    host.delete("notes", room.on_host, "unseen")


def test_a_configmap_of_the_tenant_gets_the_label_of_the_patch(room: Place) -> None:
    room.create("configmaps", {"metadata": {"name": "c"}, "data": {"a": "b"}})
    room.pod("user", volumes=[{"name": "c", "configMap": {"name": "c"}}])
    there = eventually("the configmap is on the host", lambda: room.host("configmaps", "c"))
    assert there["metadata"]["labels"]["patched.example.com/by"] == "admin"


def test_the_plan_suggests_what_the_declaration_forgot(toys: World) -> None:
    toys.await_rest()
    found = toys.command("plan", "-o", "json")
    assert found.returncode == 0, found.stdout + found.stderr
    told = json.loads(found.stdout)
    assert told["actions"] == []
    assert {"kind": f"robots.{GROUP}", "path": "spec.spareSecretName"}.items() <= told["suggestions"][0].items()
    assert "spec.spareSecretName" in toys.command("plan").stdout


def test_explain_knows_the_kind_by_its_names(room: Place) -> None:
    robot(room, "asked")
    eventually("the robot is on the host", lambda: room.host("robots", "asked"))
    for word in (f"robots.{GROUP}", "robot", "robots"):
        found = room.world.command("explain", word, f"{room.name}/asked", "-o", "json")
        assert json.loads(found.stdout)["state"] == "Synced", found.stdout + found.stderr


def test_a_definition_deleted_in_the_tenant_takes_nothing_from_the_host(room: Place) -> None:
    world = room.world
    for number in range(3):
        robot(room, f"r{number}")
    eventually("the robots are on the host", lambda: len(world.host.names("robots", room.on_host)) == 3)
    uids = {one["metadata"]["uid"] for one in world.host.list("robots", room.on_host)}
    world.tenant.delete(DEFINITIONS, "", f"robots.{GROUP}")
    eventually("the definition comes back", lambda: is_served(world.tenant, "robots"))
    for_a_while("the host keeps its objects", lambda: {one["metadata"]["uid"] for one in world.host.list("robots", room.on_host)} == uids, 10)
    eventually("that is said", lambda: "deletions are held" in said(world))
    world.restart().ready()
    eventually("the tenant's kind is awake again", lambda: "is not served" not in said(world))
    for_a_while("also after a restart", lambda: len(world.host.names("robots", room.on_host)) == 3, 5)
    robot(room, "r0")
    eventually("an object that comes back has its copy", lambda: room.get("robots", "r0")["metadata"]["uid"] in str(room.host("robots", "r0")))
    assert world.command("release").returncode == 0
    eventually("a human lets the others go", lambda: world.host.names("robots", room.on_host) == {"r0"}, within=120)


def test_a_definition_made_anew_on_the_host_leaves_the_tenants_objects_alone(room: Place) -> None:
    world = room.world
    make(room, "gadgets", "kept", "Gadget", "v2", spec={"a": 1})
    eventually("it is on the host", lambda: room.host("gadgets", "kept"))
    before = world.tenant.get(DEFINITIONS, "", f"gadgets.{GROUP}")["metadata"]["uid"]
    world.host.delete(DEFINITIONS, "", f"gadgets.{GROUP}")
    eventually("it is gone on the host", lambda: not world.host.get(DEFINITIONS, "", f"gadgets.{GROUP}"))
    for_a_while("the tenant keeps its object", lambda: room.get("gadgets", "kept"), 5)
    world.host.create(DEFINITIONS, "", next(one for one in HOST_KINDS if one["metadata"]["name"] == f"gadgets.{GROUP}"))
    eventually("the object is made on the host again", lambda: is_served(world.host, "gadgets") and room.host("gadgets", "kept"), within=150)
    assert world.tenant.get(DEFINITIONS, "", f"gadgets.{GROUP}")["metadata"]["uid"] == before
