"""The syncer comes back as somebody else: it moved from a process into a pod, or its account was renamed."""

from __future__ import annotations

from tests.e2e.stage import World

TENANT = "moved"


def test_under_another_identity_it_takes_over_the_rights_in_its_namespaces(world: World) -> None:
    place = world.place()
    place.pod("before")
    uid = place.await_pod("before")["metadata"]["uid"]
    assert world.syncer.stop() == 0
    world.become(f"{world.user}-again")
    world.grant()
    world.start().ready()
    place.pod("after")
    place.await_pod("after")
    assert place.get("pods", "before")["metadata"]["uid"] == uid
    binding = world.host.get("rolebindings", place.on_host, f"kled-{TENANT}-syncer")
    assert [one["name"] for one in binding["subjects"]] == [world.user]
