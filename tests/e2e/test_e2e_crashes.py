"""The syncer is killed, paused and cut off in the middle of its work; afterwards everything is as if nothing had happened."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.e2e.stage import Place, World, container, eventually

TENANT = "hurt"
# Without an election a process that starts does not wait for the Lease of the one that was killed.
FLAGS = ("--no-leader-elect",)
# An API server that has just started denies everything until it has read the roles.
FORBIDDEN_EXPECTED = True
DEPLOYMENTS, REPLICAS = 4, 15
SEED = 20


def load(place: Place) -> None:
    """Sixty pods that each read a ConfigMap and a Secret, and services for them."""
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "b"}})
    place.create("secrets", {"metadata": {"name": "credentials"}, "stringData": {"password": place.world.canary()}})
    for number in range(DEPLOYMENTS):
        place.service(f"web-{number}")
        sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "credentials"}}]
        place.deployment(f"web-{number}", REPLICAS, containers=[container(envFrom=sources)])


def converged(place: Place) -> None:
    """All pods run, and both sides agree pod by pod."""
    place.await_ready(DEPLOYMENTS * REPLICAS)
    eventually("both sides have the same pods", lambda: pairs(place) == {(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in place.pods()})
    for number in range(DEPLOYMENTS):
        eventually("the service is there", lambda number=number: place.host("services", f"web-{number}"))


def pairs(place: Place) -> set[tuple[str, str]]:
    return {(pod["metadata"]["name"], pod["metadata"]["annotations"]["kled.io/source-uid"]) for pod in place.host_pods()}


def test_killed_at_random_moments_under_load_it_converges_and_then_writes_nothing(place: Place, world: World) -> None:
    moments = random.Random(SEED)
    load(place)
    for turn in range(8):
        time.sleep(moments.uniform(0.2, 1.5))
        world.restart()
        if turn % 3 == 1:
            place.patch("deployments", f"web-{turn % DEPLOYMENTS}", {"spec": {"template": {"metadata": {"annotations": {"turn": str(turn)}}}}})
        if turn % 2 == 0:
            world.syncer.ready()
    converged(place)
    world.await_rest()
    since = world.positions()
    world.restart().ready()
    time.sleep(4)
    assert [entry["requestURI"] for entry in world.writes(since)] == []


def test_killed_while_a_namespace_goes_it_leaves_nothing_behind(place: Place, world: World) -> None:
    load(place)
    place.await_ready(DEPLOYMENTS * REPLICAS)
    world.tenant.delete("namespaces", "", place.name)
    for pause in (0.3, 1.0):
        time.sleep(pause)
        world.restart()
    eventually("the host namespace is gone", lambda: not world.host.get("namespaces", "", place.on_host))
    assert not world.host.list("pods", "", f"kled.io/namespace={place.name}")


def test_what_was_deleted_while_it_was_down_is_removed_when_it_is_back(place: Place, world: World) -> None:
    place.deployment("web", 4)
    place.service("web")
    place.await_ready(4)
    eventually("the service is there", lambda: place.host("services", "web"))
    world.syncer.kill()
    place.patch("deployments", "web", {"spec": {"replicas": 1}})
    place.delete("services", "web")
    eventually("the tenant marks them", lambda: sum("deletionTimestamp" in pod["metadata"] for pod in place.pods()) == 3)
    world.start().ready()
    eventually("the host has one pod", lambda: len(place.host_pods()) == 1)
    eventually("the service is gone", lambda: not place.host("services", "web"))
    place.await_ready(1)


@pytest.mark.parametrize("side", ["host", "tenant"])
def test_an_api_server_that_restarts_under_load_costs_nothing_but_time(place: Place, world: World, side: str) -> None:
    plane = getattr(world.planes, side)
    load(place)
    time.sleep(1)
    plane.restart("kube-apiserver")
    converged(place)
    world.await_rest()
    assert world.syncer.process.poll() is None


@pytest.mark.parametrize("side", ["host", "tenant"])
def test_a_history_that_is_gone_while_it_was_paused_makes_it_list_anew_and_miss_nothing(place: Place, world: World, side: str) -> None:
    plane = getattr(world.planes, side)
    place.deployment("web", 3)
    lost = place.await_ready(3)[0]["metadata"]["name"]
    world.syncer.process.send_signal(signal.SIGSTOP)
    try:
        place.patch("deployments", "web", {"spec": {"replicas": 5}})
        world.host.delete("pods", place.on_host, lost, grace=0)
        eventually("the tenant has made them", lambda: len(place.pods()) == 5)
        plane.compact_etcd()
        plane.restart("kube-apiserver")
    finally:
        world.syncer.process.send_signal(signal.SIGCONT)
    eventually("the lost pod is gone", lambda: lost not in world.tenant.names("pods", place.name))
    place.await_ready(5)
    eventually("both sides agree", lambda: pairs(place) == {(pod["metadata"]["name"], pod["metadata"]["uid"]) for pod in place.pods()})
