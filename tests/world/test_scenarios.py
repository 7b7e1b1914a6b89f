"""Short stories about one rule each."""

from __future__ import annotations

from syncer.core.objects import CONFIGMAPS, EVENTS, PODS, SERVICES
from tests.world import universe
from tests.world.check import Checks
from tests.world.world import by_syncer


def test_a_pod_replaced_by_one_of_the_same_name_gets_a_host_pod_of_its_own(world):
    checks = Checks(world)
    world.tenant_put(PODS, universe.pod("a", "a"))
    world.rest()
    old = world.host.find(PODS, "t-a", "a")["metadata"]["uid"]
    world.do(lambda: world.tenant.remove(PODS, "a", "a", grace=0))
    world.tenant_put(PODS, universe.pod("a", "a"))
    world.rest()
    checks.at_rest()
    assert world.host.find(PODS, "t-a", "a")["metadata"]["uid"] != old
    assert world.tenant.find(PODS, "a", "a")["status"]["phase"] == "Running"


def test_content_replaced_by_the_same_name_while_watches_lag_is_a_new_object_on_the_host(world):
    checks = Checks(world)
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    old = world.host.find(SERVICES, "t-a", "a")["metadata"]["uid"]
    world.do(lambda: world.tenant.hold_watches())
    world.do(lambda: world.tenant.remove(SERVICES, "a", "a"))
    world.tenant_put(SERVICES, universe.service("a", "a", port=81))
    world.do(world.tenant.release_watches)
    world.rest()
    checks.at_rest()
    assert world.host.find(SERVICES, "t-a", "a")["metadata"]["uid"] != old


def test_a_foreign_object_under_our_name_is_left_alone_and_told_until_it_goes(world):
    mine = universe.service("a", "a")
    world.settle(3)
    theirs = world.do(lambda: world.host.put(SERVICES, {**universe.service("t-a", "a", port=99)}, user="foreigner"))
    world.tenant_put(SERVICES, mine)
    world.settle(200)
    assert world.host.find(SERVICES, "t-a", "a") == theirs
    assert "SyncConflict" in {event["reason"] for event in world.tenant.all(EVENTS)}
    world.do(lambda: world.host.remove(SERVICES, "t-a", "a"))
    world.rest()
    assert world.host.find(SERVICES, "t-a", "a")["spec"]["ports"][0]["port"] == 80


def test_a_deleted_pod_ends_on_both_sides_with_its_grace_period(world):
    world.tenant_put(PODS, universe.pod("a", "a", grace=20))
    world.rest()
    world.do(lambda: world.tenant.remove(PODS, "a", "a"))
    world.wait(2)
    assert world.host.find(PODS, "t-a", "a")["metadata"]["deletionGracePeriodSeconds"] == 20
    assert world.tenant.find(PODS, "a", "a") is not None
    world.settle(10)
    assert world.host.find(PODS, "t-a", "a") is None
    assert world.tenant.find(PODS, "a", "a") is None


def test_an_eviction_on_the_host_is_one_in_the_tenant(world):
    world.tenant_put(PODS, universe.pod("a", "a"))
    world.rest()
    world.do(lambda: world.host.post(PODS, "t-a", "a", "eviction", {"metadata": {"name": "a"}}))
    world.settle(10)
    assert world.tenant.find(PODS, "a", "a") is None


def test_a_lost_race_is_looked_at_again(world):
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    world.faults.answer(["conflict", "conflict"])
    world.do(lambda: world.tenant.edit(SERVICES, "a", "a", {"spec": {"selector": {"app": "new"}}}))
    world.settle(20)
    assert world.host.find(SERVICES, "t-a", "a")["spec"]["selector"]["app"] == "new"


def test_nothing_is_written_twice_while_the_watch_lags_behind_our_own_write(world):
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    world.do(lambda: world.host.hold_watches())
    before = len(world.writes())
    world.do(lambda: world.tenant.edit(CONFIGMAPS, "a", "a", {"data": {"key": "new"}}))
    for number in range(5):
        note = {"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": str(number)}}}
        world.wait(1)
        world.do(lambda note=note: world.tenant.edit(CONFIGMAPS, "a", "a", note))
    world.do(world.host.release_watches)
    world.rest()
    assert len(world.writes(before)) == 1


def test_an_edit_on_the_host_is_taken_back_and_what_is_not_ours_there_stays(world):
    world.tenant_put(CONFIGMAPS, universe.content("a", "a", labels={"user-label": "1"}))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    patch = {"metadata": {"labels": {"third-party": "1", "user-label": "2"}}, "data": {"key": "changed", "more": "1"}}
    world.do(lambda: world.host.edit(CONFIGMAPS, "t-a", "a", patch))
    world.rest()
    copy = world.host.find(CONFIGMAPS, "t-a", "a")
    assert copy["data"] == {"key": "1"}
    assert copy["metadata"]["labels"]["user-label"] == "1"
    assert copy["metadata"]["labels"]["third-party"] == "1"


def test_a_restart_with_everything_in_use_deletes_nothing(world):
    world.tenant_put(CONFIGMAPS, universe.content("a", "a"))
    world.tenant_put(PODS, universe.pod("a", "a", configmaps=["a"]))
    world.rest()
    world.restart()
    world.settle(30)
    assert not [request for request in world.host.log if by_syncer(request) and request.verb == "delete"]


def test_two_who_argue_about_a_field_do_not_fill_the_datastore(world):
    world.tenant_put(SERVICES, universe.service("a", "a"))
    world.rest()
    before = len(world.writes())
    for _ in range(60):
        world.attempt(lambda: world.host.edit(SERVICES, "t-a", "a", {"spec": {"sessionAffinity": "ClientIP"}}, user="third-party"))
        world.wait(1)
    assert len(world.writes(before)) <= 8
    world.rest()
    assert world.host.find(SERVICES, "t-a", "a")["spec"]["sessionAffinity"] == "None"


def test_a_pod_whose_deletion_the_tenants_server_left_half_done_goes_all_the_same(world):
    """kube-apiserver notes a grace of 0, then removes the object; a client that dies in between leaves the first half."""
    world.tenant_put(PODS, universe.pod("a", "a"))
    world.rest()
    world.crash()
    pod = world.tenant.find(PODS, "a", "a")
    halfway = {**pod, "metadata": {**pod["metadata"], "deletionTimestamp": pod["metadata"]["creationTimestamp"], "deletionGracePeriodSeconds": 0}}
    world.do(lambda: world.tenant.server.store.put(("", "pods"), ("a", "a"), halfway))
    world.do(lambda: world.host.remove(PODS, "t-a", "a", grace=0))
    world.start()
    world.rest()
    assert world.tenant.find(PODS, "a", "a") is None
