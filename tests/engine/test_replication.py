"""Services shown on the other side: what DNS answers there, what follows, what is removed, and what is in the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest

from syncer.core import stamp as stamps
from syncer.core.objects import ENDPOINTSLICES, NAMESPACES, SERVICES, Ref, Side
from syncer.core.settings import KindSettings, NetworkSettings
from syncer.engine.replicas import SERVICE_NAME, Replica, pieces
from syncer.engine.replication import Replication, replicas
from syncer.testing import SimulatedCluster, run
from syncer.testing.view import names_for, settings_for

FROM = NetworkSettings(from_host=(("databases/main", "web/db"),))
TO = NetworkSettings(to_host=(("web/shop", "exchange/acme-shop"),))


class Scene:
    """A tenant and a host in memory, with a replication between them."""

    def __init__(self, network: NetworkSettings) -> None:
        self.tenant = SimulatedCluster(Side.TENANT, service_cidrs=("10.97.0.0/16",))
        self.host = SimulatedCluster(Side.HOST, service_cidrs=("10.96.0.0/16",))
        for cluster, names in ((self.tenant, ("web",)), (self.host, ("databases", "exchange", "acme-web"))):
            for name in names:
                cluster.put(NAMESPACES, {"metadata": {"name": name}})
        self.told: list[tuple[Ref, str]] = []
        settings = replace(settings_for("acme"), network=network, kinds={"services": KindSettings(name="services")})
        self.task = Replication(
            self.tenant,
            self.host,
            settings,
            names_for(settings),
            supervise=lambda name, function: function(),
            tell=lambda ref, reason, message: self.told.append((ref, reason)),
            rng=random.Random(1),
        )

    def dns(self, cluster: SimulatedCluster, namespace: str, name: str) -> set[str]:
        """What a cluster's DNS answers for a Service: its ClusterIP, or for a headless one the ready addresses in its slices."""
        service = cluster.find(SERVICES, namespace, name)
        if service is None:
            return set()
        if service["spec"].get("clusterIP") != "None":
            return {service["spec"]["clusterIP"]}
        return {
            address
            for one in cluster.all(ENDPOINTSLICES, namespace)
            if one["metadata"]["labels"].get(SERVICE_NAME) == name
            for endpoint in one.get("endpoints") or ()
            if endpoint.get("conditions", {}).get("ready") is not False
            for address in endpoint["addresses"]
        }

    def play(self, story: Callable[[], Awaitable[None]]) -> None:
        async def play() -> None:
            async with anyio.create_task_group() as group:
                group.start_soon(self.task.run)
                await story()
                group.cancel_scope.cancel()

        run(play())


def service(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": name}, "spec": {"ports": [{"name": "sql", "port": 5432, "targetPort": 15432}], **spec}}


def copy(name: str, **spec: Any) -> dict[str, Any]:
    """Our copy of the tenant's Service."""
    stamp = stamps.Stamp("acme", "services", "web", name, "uid-in-tenant")
    made = service("acme-web", name, **spec)
    return {**made, "metadata": {**made["metadata"], "labels": stamps.labels(stamp), "annotations": stamps.annotations(stamp)}}


def test_a_service_of_the_host_is_found_by_name_in_the_tenant_and_followed() -> None:
    scene = Scene(FROM)

    async def story() -> None:
        made = scene.host.put(SERVICES, service("databases", "main"))
        await asyncio.sleep(5)
        assert scene.dns(scene.tenant, "web", "db") == {made["spec"]["clusterIP"]}
        (one,) = scene.tenant.all(ENDPOINTSLICES, "web")
        assert one["ports"][0]["port"] == 5432
        scene.host.edit(SERVICES, "databases", "main", {"spec": {"ports": [{"name": "sql", "port": 5433}]}})
        await asyncio.sleep(5)
        assert scene.tenant.find(SERVICES, "web", "db")["spec"]["ports"][0]["port"] == 5433  # type: ignore[index]
        scene.host.remove(SERVICES, "databases", "main")
        await asyncio.sleep(5)
        assert scene.tenant.find(SERVICES, "web", "db") is None
        assert scene.tenant.all(ENDPOINTSLICES, "web") == []

    scene.play(story)


def test_what_the_tenant_does_to_it_is_taken_back_and_at_rest_nothing_is_written() -> None:
    scene = Scene(FROM)

    async def story() -> None:
        made = scene.host.put(SERVICES, service("databases", "main"))
        await asyncio.sleep(5)
        scene.tenant.remove(SERVICES, "web", "db")
        (one,) = scene.tenant.all(ENDPOINTSLICES, "web")
        scene.tenant.edit(ENDPOINTSLICES, "web", one["metadata"]["name"], {"endpoints": [{"addresses": ["192.0.2.1"]}]})
        await asyncio.sleep(5)
        assert scene.dns(scene.tenant, "web", "db") == {made["spec"]["clusterIP"]}
        before = len([entry for entry in scene.tenant.log if entry.verb in ("create", "patch", "delete")])
        await asyncio.sleep(600)
        assert len([entry for entry in scene.tenant.log if entry.verb in ("create", "patch", "delete")]) == before

    scene.play(story)


def test_an_object_of_the_tenant_under_that_name_is_left_alone_and_told() -> None:
    scene = Scene(FROM)

    async def story() -> None:
        scene.tenant.put(SERVICES, service("web", "db"))
        scene.host.put(SERVICES, service("databases", "main"))
        await asyncio.sleep(30)
        found = scene.tenant.find(SERVICES, "web", "db")
        assert found is not None
        assert found["spec"]["clusterIP"] != "None"
        assert scene.tenant.all(ENDPOINTSLICES, "web") == []
        assert set(scene.told) == {(Ref("services", "web", "db"), "SyncConflict")}

    scene.play(story)


def test_a_headless_service_brings_the_addresses_of_its_slices() -> None:
    scene = Scene(FROM)

    async def story() -> None:
        scene.host.put(SERVICES, service("databases", "main", clusterIP="None"))
        meta = {"namespace": "databases", "name": "main-abc", "labels": {SERVICE_NAME: "main"}}
        endpoints = [{"addresses": ["10.244.1.7"], "hostname": "main-0", "nodeName": "secret-node", "targetRef": {"kind": "Pod", "name": "main-0"}}]
        scene.host.put(ENDPOINTSLICES, {"metadata": meta, "addressType": "IPv4", "endpoints": endpoints, "ports": [{"port": 15432}]})
        await asyncio.sleep(5)
        assert scene.dns(scene.tenant, "web", "db") == {"10.244.1.7"}
        (one,) = scene.tenant.all(ENDPOINTSLICES, "web")
        assert one["endpoints"][0]["hostname"] == "main-0"
        assert "secret-node" not in str(one)
        scene.host.remove(ENDPOINTSLICES, "databases", "main-abc")
        await asyncio.sleep(5)
        assert scene.dns(scene.tenant, "web", "db") == set()

    scene.play(story)


def test_a_service_that_is_but_a_name_is_shown_as_a_name_and_can_change() -> None:
    scene = Scene(FROM)

    async def story() -> None:
        scene.host.put(
            SERVICES, {"metadata": {"namespace": "databases", "name": "main"}, "spec": {"type": "ExternalName", "externalName": "db.example.com"}}
        )
        await asyncio.sleep(5)
        found = scene.tenant.find(SERVICES, "web", "db")
        assert found is not None
        assert (found["spec"]["type"], found["spec"]["externalName"]) == ("ExternalName", "db.example.com")
        scene.host.remove(SERVICES, "databases", "main")
        made = scene.host.put(SERVICES, service("databases", "main"))
        await asyncio.sleep(30)
        assert scene.dns(scene.tenant, "web", "db") == {made["spec"]["clusterIP"]}

    scene.play(story)


def test_a_service_of_the_tenant_is_found_by_name_on_the_host() -> None:
    scene = Scene(TO)

    async def story() -> None:
        made = scene.host.put(SERVICES, copy("shop"))
        await asyncio.sleep(5)
        assert scene.dns(scene.host, "exchange", "acme-shop") == {made["spec"]["clusterIP"]}
        found = scene.host.find(SERVICES, "exchange", "acme-shop")
        assert found is not None
        assert stamps.read(found["metadata"]["labels"], found["metadata"]["annotations"]) is not None
        scene.host.remove(SERVICES, "acme-web", "shop")
        await asyncio.sleep(5)
        assert scene.host.all(SERVICES, "exchange") == []

    scene.play(story)


def test_an_object_of_the_host_in_the_way_is_left_alone_and_told_on_the_tenants_service() -> None:
    scene = Scene(TO)

    async def story() -> None:
        scene.host.put(SERVICES, service("exchange", "acme-shop"))
        scene.host.put(SERVICES, copy("shop"))
        await asyncio.sleep(30)
        assert scene.host.find(SERVICES, "exchange", "acme-shop")["spec"]["clusterIP"] != "None"  # type: ignore[index]
        assert set(scene.told) == {(Ref("services", "web", "shop"), "SyncConflict")}

    scene.play(story)


@pytest.mark.parametrize("spec", [{"type": "ExternalName", "externalName": "db.other.svc.cluster.local"}])
def test_a_name_that_a_tenant_chose_is_not_shown_on_the_host(spec: dict[str, Any]) -> None:
    ref = Ref("services", "acme-web", "shop")
    replica = Replica(Side.HOST, ref, Ref("services", "web", "shop"), Ref("services", "exchange", "acme-shop"))
    assert pieces(replica, {"metadata": {"name": "shop", "uid": "u"}, "spec": spec}, [], "acme") == []


def test_a_foreign_service_under_the_name_of_our_copy_is_not_shown() -> None:
    scene = Scene(TO)

    async def story() -> None:
        scene.host.put(SERVICES, service("acme-web", "shop"))
        await asyncio.sleep(30)
        assert scene.host.all(SERVICES, "exchange") == []

    scene.play(story)


def test_both_families_have_a_slice_each() -> None:
    replica = Replica(Side.TENANT, *(Ref("services", "a", "b"),) * 3)
    spec = {"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00:96::9"], "ports": [{"port": 1}]}
    made = pieces(replica, {"metadata": {"name": "b", "uid": "u"}, "spec": spec}, [], "acme")
    assert [(piece.body["metadata"]["name"], piece.body.get("addressType")) for piece in made] == [
        ("b", None),
        ("b-ipv4", "IPv4"),
        ("b-ipv6", "IPv6"),
    ]


def test_what_is_no_longer_configured_is_removed_from_the_tenant() -> None:
    scene = Scene(NetworkSettings())

    async def story() -> None:
        labels = {stamps.MANAGED_BY: stamps.MANAGER, stamps.TRANSLATOR: "replicated-services"}
        scene.tenant.put(SERVICES, {"metadata": {"namespace": "web", "name": "old", "labels": labels}, "spec": {"clusterIP": "None"}})
        scene.tenant.put(SERVICES, service("web", "own"))
        await asyncio.sleep(5)
        assert [one["metadata"]["name"] for one in scene.tenant.all(SERVICES, "web")] == ["own"]

    scene.play(story)


def test_a_namespace_that_is_not_mapped_has_no_replica() -> None:
    settings = replace(settings_for("acme"), network=NetworkSettings(to_host=(("web/shop", "x/y"),)))
    names = names_for(replace(settings, mapping=replace(settings.mapping, pattern=None)))
    assert replicas(settings.network, names) == ()
