"""Fields that the other side's API server does not know: dropped, told once, never written again and again."""

from __future__ import annotations

from syncer.cluster import warnings
from syncer.core.actions import Patch
from syncer.core.objects import EVENTS, SERVICES, Ref, Side
from syncer.engine.unkept import Unkept, fields
from tests.world import universe
from tests.world.world import World


def patch(uid: str = "u", **spec: object) -> Patch:
    return Patch(side=Side.HOST, resource=SERVICES, ref=Ref("services", "a", "a"), patch={"spec": spec}, uid=uid)


def test_a_patch_that_changed_nothing_is_not_sent_again_until_something_differs() -> None:
    now = 0.0
    unkept = Unkept(lambda: now)
    unkept.note(patch(color="red"))
    assert unkept.covers(patch(color="red"))
    assert not unkept.covers(patch(color="blue"))
    assert not unkept.covers(patch(uid="another", color="red"))
    now = 3601.0
    assert not unkept.covers(patch(color="red"))


def test_the_fields_of_a_patch_are_named_by_their_paths() -> None:
    assert fields({"spec": {"color": "red", "inner": {"shape": [1]}, "empty": {}}}) == ("spec.color", "spec.inner.shape", "spec.empty")


def test_unknown_fields_are_read_from_the_warnings_of_a_server() -> None:
    with warnings.listening() as heard:
        warnings.hear([r'299 - "unknown field \"spec.color\""', '299 - "v1 is old"', r'299 - "unknown field \"spec.containers[0].shape\""'])
    warnings.hear([r'299 - "unknown field \"spec.late\""'])
    assert warnings.unknown_fields(heard) == ("spec.color", "spec.containers[0].shape")


def test_a_field_that_the_host_does_not_know_is_tried_once_told_and_left_alone() -> None:
    world = World()
    world.do(lambda: world.host.forget(SERVICES, "trafficDistribution"))
    world.start()
    world.tenant_put(SERVICES, universe.service("a", "a", trafficDistribution="PreferClose"))
    world.rest()
    told = [event["message"] for event in world.tenant.all(EVENTS) if event["reason"] == "SyncFieldDropped"]
    assert told == ["spec.trafficDistribution: the host's API server does not keep this field"]
    before = len(world.writes())
    world.do(lambda: world.tenant.edit(SERVICES, "a", "a", {"metadata": {"annotations": {"x": "1"}}}))
    world.wait(400)
    patches = [request for request in world.writes(before) if request.resource == "services" and request.verb == "patch"]
    assert len(patches) == 1
    assert "trafficDistribution" not in world.host.find(SERVICES, "t-a", "a")["spec"]
    world.close()
