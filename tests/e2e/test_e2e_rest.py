"""Nothing to do means nothing written; two processes do the work of one; an end is orderly."""

from __future__ import annotations

import time

from tests.e2e.stage import Place, World, container, eventually

TENANT = "calm"
REST = 20.0


def test_at_rest_nothing_is_written_but_leases_and_a_restart_writes_nothing(place: Place, world: World) -> None:
    place.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "b"}})
    place.service("web", type="NodePort")
    place.service("headless", clusterIP="None")
    place.deployment("web", 5, containers=[container(envFrom=[{"configMapRef": {"name": "settings"}}])])
    place.pod("gated", readinessGates=[{"conditionType": "example.com/lb"}])
    place.await_ready(5, app="web")
    world.await_rest()
    since = world.positions()
    time.sleep(REST)
    assert [entry["requestURI"] for entry in world.writes(since)] == []
    since = world.positions()
    began = time.monotonic()
    assert world.syncer.stop() == 0
    assert time.monotonic() - began < 5
    world.start().ready()
    time.sleep(4)
    assert [entry["requestURI"] for entry in world.writes(since)] == []


def test_an_orderly_end_under_load_is_quick_and_its_successor_goes_on_at_once(place: Place, world: World) -> None:
    place.deployment("web", 30)
    time.sleep(0.4)
    began = time.monotonic()
    assert world.syncer.stop() == 0
    assert time.monotonic() - began < 5
    began = time.monotonic()
    world.start().ready()
    assert time.monotonic() - began < 10, "a Lease that was given back is not waited for"
    place.await_ready(30)


def test_of_two_replicas_one_writes_and_the_other_takes_over_when_it_is_killed(place: Place, world: World) -> None:
    first = world.syncer
    second = world.start()
    eventually("the second answers", lambda: second.fetch("/livez")[0] == 200)
    place.deployment("web", 10)
    place.await_ready(10)
    assert leading(first) + leading(second) == 1
    assert second.fetch("/readyz")[0] == 200, second.fetch("/readyz")[1]
    first.kill()
    began = time.monotonic()
    place.patch("deployments", "web", {"spec": {"replicas": 14}})
    place.await_ready(14)
    assert time.monotonic() - began < 45
    assert leading(second) == 1
    eventually("the host has as many pods as the tenant", lambda: len(place.host_pods()) == 14)


def leading(run: object) -> int:
    return int(run.value("leader_election_master_status"))  # type: ignore[attr-defined]
