"""What the host shows of its own: ConfigMaps and Secrets by the sync file, and by nothing that a tenant does."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.stage import TENANT_RANGE, Obj, Place, Planes, World, container, described, eventually, for_a_while

TENANT = "looker"
RULES = """
  fromHost:
    configmaps:
      - {from: shown-src/settings, to: imports/from-host}
      - {from: shown-src/settings, to: second/settings}
      - {from: shown-src/moody, to: imports/moody}
      - {from: shown-all/*, to: everything/*}
    secrets:
      - {from: shown-src/tls, to: imports/tls}
      - {from: shown-src/absent, to: imports/absent}
      - {from: shown-nowhere/x, to: imports/x}
"""
HEAD = 'sync:\n  namespaceMapping: {"*": "TENANT-{namespace}"}\n'
TAIL = f"tenant:\n  serviceCIDR: {TENANT_RANGE}\n"
SYNC = HEAD + RULES.lstrip("\n") + TAIL
SOURCES = ("shown-src", "shown-all", "shown-nowhere")


@pytest.fixture(scope="module", autouse=True)
def sources(planes: Planes) -> Iterator[None]:
    """The namespaces of the host that something is shown of; the Roles are made in them when the rights are granted."""
    for name in SOURCES:
        planes.host.api.post("/api/v1/namespaces", {"metadata": {"name": name}})
    yield
    for name in SOURCES:
        planes.host.api.request("DELETE", f"/api/v1/namespaces/{name}", {})


@pytest.fixture(scope="module")
def imports(world: World) -> Place:
    """The tenant makes its namespaces when it likes."""
    for name in ("imports", "everything", "second"):
        world.tenant.create("namespaces", "", {"metadata": {"name": name}})
        world.spaces.append(name)
    eventually("it has its default account", lambda: world.tenant.get("serviceaccounts", "imports", "default"))
    return Place(world, "imports", world.host_name("imports"))


def source(world: World, plural: str, name: str, namespace: str = "shown-src", **content: Any) -> Obj:
    labels = {"only": "on-the-host"}
    return world.host.create(plural, namespace, {"metadata": {"name": name, "labels": labels}, **content})


def data(obj: Obj) -> dict[str, str]:
    return dict(obj.get("data") or {})


def test_a_config_map_waits_for_its_namespace_and_follows_every_edit(world: World, imports: Place) -> None:
    source(world, "configmaps", "settings", data={"a": "1"}, binaryData={"b": "AAE="})
    shown = eventually("it is shown", lambda: imports.get("configmaps", "from-host"))
    assert (data(shown), shown["binaryData"]) == ({"a": "1"}, {"b": "AAE="})
    assert "only" not in shown["metadata"]["labels"]
    assert "shown-src" not in str(shown)
    world.host.patch("configmaps", "shown-src", "settings", {"data": {"a": None, "c": "2"}, "binaryData": {"b": "AQI="}})
    eventually(
        "the edit is shown",
        lambda: (data(imports.get("configmaps", "from-host")), imports.get("configmaps", "from-host")["binaryData"]) == ({"c": "2"}, {"b": "AQI="}),
    )
    eventually("in both places", lambda: data(world.tenant.get("configmaps", "second", "settings")) == {"c": "2"})


def test_what_the_tenant_does_to_it_is_taken_back(world: World, imports: Place) -> None:
    eventually("it is shown", lambda: imports.get("configmaps", "from-host"))
    imports.patch(
        "configmaps", "from-host", {"data": {"c": "mine", "more": "x"}, "metadata": {"labels": {"kled.io/managed-by": None, "mine": "yes"}}}
    )
    eventually(
        "content and mark are back",
        lambda: (
            data(imports.get("configmaps", "from-host")) == {"c": "2"}
            and "kled.io/managed-by" in imports.get("configmaps", "from-host")["metadata"]["labels"]
        ),
    )
    assert imports.get("configmaps", "from-host")["metadata"]["labels"]["mine"] == "yes"
    imports.delete("configmaps", "from-host")
    eventually("it is there again", lambda: imports.get("configmaps", "from-host"))


def test_immutability_follows_and_an_immutable_one_is_replaced(world: World, imports: Place) -> None:
    source(world, "configmaps", "moody", data={"v": "1"}, immutable=True)
    eventually("it is sealed", lambda: imports.get("configmaps", "moody").get("immutable") is True)
    world.host.delete("configmaps", "shown-src", "moody")
    source(world, "configmaps", "moody", data={"v": "2"})
    eventually(
        "the new one is shown",
        lambda: data(imports.get("configmaps", "moody")) == {"v": "2"} and not imports.get("configmaps", "moody").get("immutable"),
    )
    world.host.patch("configmaps", "shown-src", "moody", {"immutable": True})
    eventually("it is sealed in place", lambda: imports.get("configmaps", "moody").get("immutable") is True)
    world.host.delete("configmaps", "shown-src", "moody")
    eventually("it is gone", lambda: not imports.get("configmaps", "moody"))


def test_a_secret_that_a_pod_uses_comes_back_down_into_the_pods_namespace(world: World, imports: Place) -> None:
    canary = base64.b64encode(world.canary().encode()).decode()
    source(world, "secrets", "tls", type="kubernetes.io/tls", data={"tls.crt": canary, "tls.key": canary})
    eventually("it is shown", lambda: imports.get("secrets", "tls").get("type") == "kubernetes.io/tls")
    for_a_while("nobody uses it", lambda: not imports.host("secrets", "tls"), 1)
    imports.pod("server", volumes=[{"name": "tls", "secret": {"secretName": "tls"}}], containers=[container()])
    imports.await_pod("server")
    copy = imports.host("secrets", "tls")
    assert copy["data"] == {"tls.crt": canary, "tls.key": canary}
    assert copy["metadata"]["labels"]["kled.io/tenant"] == TENANT
    assert "kled.io/managed-by" not in copy["metadata"]["labels"]
    world.host.patch("secrets", "shown-src", "tls", {"data": {"tls.key": ""}})
    eventually("an edit of the original reaches the pod", lambda: imports.host("secrets", "tls")["data"]["tls.key"] == "")
    assert imports.told("tls") == {}
    imports.delete("pods", "server", grace=0)


def test_an_object_of_the_tenant_is_never_taken_over(world: World, imports: Place) -> None:
    imports.create("secrets", {"metadata": {"name": "absent"}, "stringData": {"whose": "mine"}})
    mine = imports.get("secrets", "absent")
    source(world, "secrets", "absent", stringData={"whose": "the host's"})
    imports.await_told("absent", "SyncConflict", "yours holds it")
    assert imports.get("secrets", "absent")["metadata"]["resourceVersion"] == mine["metadata"]["resourceVersion"]
    imports.delete("secrets", "absent")
    eventually("now it is the host's", lambda: base64.b64decode(data(imports.get("secrets", "absent"))["whose"]) == b"the host's")
    world.host.delete("secrets", "shown-src", "absent")
    eventually("and goes with it", lambda: not imports.get("secrets", "absent"))


def test_all_of_a_namespace_is_shown_but_for_what_every_namespace_has(world: World, imports: Place) -> None:
    for name in ("one", "two"):
        source(world, "configmaps", name, "shown-all", data={"name": name})
    eventually("both are shown", lambda: {"one", "two"} <= world.tenant.names("configmaps", "everything"))
    own = world.tenant.get("configmaps", "everything", "kube-root-ca.crt")
    host = world.host.get("configmaps", "shown-all", "kube-root-ca.crt")
    assert own["data"] != host["data"]
    world.host.delete("configmaps", "shown-all", "one")
    eventually("one is gone", lambda: "one" not in world.tenant.names("configmaps", "everything"))
    mine = {"metadata": {"name": "of-the-tenant"}, "data": {"a": "b"}}
    world.tenant.create("configmaps", "everything", mine)
    for_a_while("the tenant's own stays", lambda: world.tenant.get("configmaps", "everything", "of-the-tenant")["data"] == {"a": "b"}, 2)


def test_only_what_is_named_can_be_read(world: World, imports: Place) -> None:
    """Asked of the host's API server in the name of the syncer."""

    def may(verb: str, resource: str, namespace: str, name: str = "") -> bool:
        about = {"verb": verb, "resource": resource, "namespace": namespace, **({"name": name} if name else {})}
        review = {"spec": {"user": world.user, "resourceAttributes": about}}
        return bool(world.planes.host.api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"])

    assert may("get", "secrets", "shown-src", "tls")
    assert may("watch", "configmaps", "shown-all")
    for verb, resource, namespace, name in (
        ("get", "secrets", "shown-src", "other"),
        ("list", "secrets", "shown-src", ""),
        ("list", "secrets", "shown-all", ""),
        ("list", "secrets", "", ""),
        ("get", "secrets", "kube-system", "tls"),
        ("create", "secrets", "shown-src", ""),
        ("patch", "configmaps", "shown-src", "settings"),
    ):
        assert not may(verb, resource, namespace, name), (verb, resource, namespace, name)


def test_after_a_restart_nothing_is_written(world: World, imports: Place) -> None:
    world.await_rest()
    world.syncer.stop()
    since = world.positions()
    world.start().ready()
    time.sleep(3)
    assert [described(entry) for entry in world.writes(since)] == []


def test_what_changes_while_nobody_looks_is_made_good(world: World, imports: Place) -> None:
    name = f"late-{uuid.uuid4().hex[:6]}"
    world.syncer.stop()
    world.host.delete("configmaps", "shown-all", "two")
    source(world, "configmaps", name, "shown-all", data={"a": "b"})
    world.start().ready()
    eventually("the new one is shown", lambda: name in world.tenant.names("configmaps", "everything"))
    eventually("the old one is gone", lambda: "two" not in world.tenant.names("configmaps", "everything"))


def test_a_line_that_is_taken_out_takes_its_copy_along_and_nothing_else(world: World, imports: Place) -> None:
    eventually("it is shown", lambda: imports.get("configmaps", "from-host"))
    world.syncer.stop()
    left = "  fromHost:\n    configmaps:\n      - {from: shown-src/settings, to: second/settings}\n    secrets: []\n"
    world.sync_file.write_text((HEAD + left + TAIL).replace("TENANT", TENANT))
    plan = world.command("plan", "-o", "json").stdout
    assert "from-host" in plan
    world.start().ready()
    eventually("what is not listed any more is gone", lambda: not imports.get("configmaps", "from-host") and not imports.get("secrets", "tls"))
    assert world.tenant.get("configmaps", "second", "settings")
    assert world.tenant.get("configmaps", "everything", "of-the-tenant")
    assert world.tenant.get("configmaps", "imports", "kube-root-ca.crt")
