"""Writes against a simulated server, and what their outcomes are called."""

from __future__ import annotations

from typing import Any

import pytest

from syncer.core import stamp as stamps
from syncer.core.actions import Create, Delete, Patch, Recreate
from syncer.core.errors import Unreachable
from syncer.core.objects import CONFIGMAPS, NAMESPACES, SERVICES, Ref, Side
from syncer.core.stamp import Stamp
from syncer.engine.cache import Expectations
from syncer.engine.execute import Execute, Outcome
from syncer.testing import SimulatedCluster, virtualtime

REF = Ref("configmaps", "a", "x")


def body(uid: str = "s1", name: str = "x", tenant: str = "t") -> dict[str, Any]:
    stamp = Stamp(tenant, "configmaps", "a", name, uid)
    meta = {"name": "x", "namespace": "a", "labels": stamps.labels(stamp), "annotations": stamps.annotations(stamp)}
    return {"metadata": meta, "data": {"k": "v"}}


def create(**over: Any) -> Create:
    return Create(side=Side.HOST, resource=CONFIGMAPS, ref=REF, body=body(**over))


class Hands:
    def __init__(self) -> None:
        self.host, self.tenant = SimulatedCluster(Side.HOST), SimulatedCluster(Side.TENANT)
        for cluster in (self.host, self.tenant):
            cluster.put(NAMESPACES, {"metadata": {"name": "a"}})
        self.told: list[Outcome] = []
        apis = {Side.HOST: self.host, Side.TENANT: self.tenant}
        self.execute = Execute(apis, Expectations(), lambda action, outcome: self.told.append(outcome))


@pytest.mark.parametrize(
    ("there", "outcome"),
    [
        (None, Outcome.DONE),
        (body(), Outcome.LATE),
        (body(uid="s0"), Outcome.LATE),
        (body(tenant="other"), Outcome.FOREIGN),
        (body(uid="s2", name="y"), Outcome.FOREIGN),
        ({"metadata": {"name": "x", "namespace": "a"}}, Outcome.FOREIGN),
    ],
    ids=["free", "our own earlier try", "ours for an earlier object", "another tenant's", "ours for another object", "somebody's"],
)
def test_create_never_touches_what_is_there_already(there, outcome):
    async def main():
        hands = Hands()
        if there is not None:
            before = hands.host.put(CONFIGMAPS, there)
        assert await hands.execute(create()) is outcome
        assert hands.told == [outcome]
        if there is not None:
            assert hands.host.find(CONFIGMAPS, "a", "x") == before

    virtualtime.run(main())


def test_a_patch_and_a_delete_meet_only_the_very_object_they_were_made_for():
    async def main():
        hands = Hands()
        hands.host.put(CONFIGMAPS, body())
        patch = Patch(side=Side.HOST, resource=CONFIGMAPS, ref=REF, patch={"data": {"k": "w"}}, uid="another")
        assert await hands.execute(patch) is Outcome.LATE
        assert await hands.execute(Delete(side=Side.HOST, resource=CONFIGMAPS, ref=REF, uid="another")) is Outcome.LATE
        assert hands.host.find(CONFIGMAPS, "a", "x")["data"] == {"k": "v"}

    virtualtime.run(main())


def test_a_patch_that_changes_nothing_is_called_so():
    async def main():
        hands = Hands()
        meta = hands.host.put(CONFIGMAPS, body())["metadata"]
        patch = Patch(side=Side.HOST, resource=CONFIGMAPS, ref=REF, patch={"data": {"k": "v"}}, uid=meta["uid"], seen_version=meta["resourceVersion"])
        assert await hands.execute(patch) is Outcome.NOOP

    virtualtime.run(main())


def test_a_patch_of_an_old_state_that_must_be_exact_is_late():
    async def main():
        hands = Hands()
        meta = hands.host.put(CONFIGMAPS, body())["metadata"]
        hands.host.edit(CONFIGMAPS, "a", "x", {"data": {"other": "1"}})
        patch = Patch(
            side=Side.HOST, resource=CONFIGMAPS, ref=REF, patch={"data": {"k": "w"}}, uid=meta["uid"], resource_version=meta["resourceVersion"]
        )
        assert await hands.execute(patch) is Outcome.LATE

    virtualtime.run(main())


def test_what_is_recreated_on_the_host_is_another_object_with_the_new_body():
    async def main():
        hands = Hands()
        uid = hands.host.put(CONFIGMAPS, body())["metadata"]["uid"]
        remade = {**body(), "data": {"k": "new"}}
        assert await hands.execute(Recreate(side=Side.HOST, resource=CONFIGMAPS, ref=REF, uid=uid, body=remade)) is Outcome.DONE
        found = hands.host.find(CONFIGMAPS, "a", "x")
        assert found["data"] == {"k": "new"}
        assert found["metadata"]["uid"] != uid

    virtualtime.run(main())


def test_a_recreation_in_the_tenant_that_is_cut_after_any_step_can_be_resumed():
    service = {"metadata": {"name": "x", "namespace": "a"}, "spec": {"ports": [{"port": 80}]}}
    ref = Ref("services", "a", "x")

    async def main(cut: int):
        hands = Hands()
        old = hands.tenant.put(SERVICES, service)["metadata"]["uid"]
        kept = {**body(uid=old), "spec": service["spec"]}
        kept.pop("data")
        keeper = hands.host.put(SERVICES, kept)["metadata"]["uid"]
        remade = {**service, "metadata": {**service["metadata"], "labels": {"new": "1"}}}
        action = Recreate(side=Side.TENANT, resource=SERVICES, ref=ref, uid=old, body=remade, keeper=(SERVICES, ref, keeper))
        writes = 0

        def fail(request: Any) -> None:
            nonlocal writes
            writes += request.is_write
            if request.is_write and writes == cut:
                raise Unreachable("cut")

        hands.tenant.after = hands.host.after = fail
        if cut <= 4:
            with pytest.raises(Unreachable):
                await hands.execute(action)
        hands.tenant.after = hands.host.after = None
        copy = hands.host.find(SERVICES, "a", "x")
        if hands.tenant.find(SERVICES, "a", "x") is None:
            assert stamps.PENDING in copy["metadata"]["annotations"]
        if stamps.PENDING in copy["metadata"]["annotations"]:
            present = hands.tenant.find(SERVICES, "a", "x")
            if present is not None and present["metadata"]["uid"] == old:
                await hands.execute(action)
            else:
                await hands.execute.resume(action)
        made, copy = hands.tenant.find(SERVICES, "a", "x"), hands.host.find(SERVICES, "a", "x")
        assert made["metadata"]["labels"] == {"new": "1"}
        assert made["metadata"]["uid"] != old
        assert copy["metadata"]["annotations"][stamps.SOURCE_UID] == made["metadata"]["uid"]
        assert stamps.PENDING not in copy["metadata"]["annotations"]

    for cut in range(1, 5):
        virtualtime.run(main(cut))
