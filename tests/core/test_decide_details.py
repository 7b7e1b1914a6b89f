"""What the table of existence leaves to the rules themselves: graces, proofs, stamps, policy, subresources, re-creation."""

from typing import Any

import pytest
from deciding import FORWARD, case, draft, source, target, told, translator

from syncer.core import stamp as stamps
from syncer.core.actions import FIELD_DROPPED, Create, Delete, Event, Patch, Recreate, Refuse
from syncer.core.decide import decide, source_state, target_state
from syncer.core.objects import CONFIGMAPS, PODS, Ref, Side
from syncer.core.translator import Draft, Each, Life, Subresource, Wait

TENANT, HOST, SHARED = Life.TENANT_LEADS, Life.HOST_LEADS, Life.SHARED_FATE


class TestWhoseTheTargetIs:
    @pytest.mark.parametrize("life", [TENANT, SHARED])
    @pytest.mark.parametrize(
        ("where", "key", "value"),
        [
            ("labels", stamps.TENANT, "other"),
            ("labels", stamps.TENANT, None),
            ("labels", stamps.TRANSLATOR, "services"),
            ("annotations", stamps.SOURCE_NAME, "b"),
            ("annotations", stamps.SOURCE_NAMESPACE, "db"),
            ("annotations", stamps.SOURCE_UID, None),
        ],
    )
    def test_a_stamp_that_is_not_quite_ours_makes_it_foreign(self, life: Life, where: str, key: str, value: str | None) -> None:
        there = target(life, "ours")
        assert there is not None
        there["metadata"][where] = {k: v for k, v in {**there["metadata"][where], key: value}.items() if v is not None}
        one = case(translator(life, draft()), source(life, "alive"), there)
        assert target_state(one) == "foreign"
        assert told(decide(one)) == ["conflict"]

    def test_on_the_tenants_side_an_object_without_our_mark_is_the_tenants(self) -> None:
        there = target(HOST, "foreign")
        assert target_state(case(translator(HOST, draft()), source(HOST, "alive"), there)) == "foreign"

    def test_states_of_the_source(self) -> None:
        for state in ("gone", "alive", "leaving"):
            assert source_state(case(translator(TENANT, draft()), source(TENANT, state), None)) == state


class TestCreation:
    def created(self, life: Life, answer: Draft) -> Create:
        plan = decide(case(translator(life, answer), source(life, "alive"), None))
        assert isinstance(plan[-1], Create)
        return plan[-1]

    def test_a_host_object_carries_the_stamp_and_the_record_of_keys(self) -> None:
        made = self.created(TENANT, draft())
        assert (made.side, made.resource, made.ref) == (Side.HOST, CONFIGMAPS, Ref("configmaps", "acme-web", "a"))
        meta = made.body["metadata"]
        assert (meta["namespace"], meta["name"]) == ("acme-web", "a")
        assert stamps.read(meta["labels"], meta["annotations"]) == stamps.Stamp("acme", "configmaps", "web", "a", "source-1")
        assert stamps.read_keys(meta["annotations"][stamps.KEYS]) == ({"app"}, frozenset())
        assert made.body["data"] == FORWARD
        assert (made.body["apiVersion"], made.body["kind"]) == ("v1", "ConfigMap")

    def test_a_tenant_object_carries_our_mark_and_nothing_of_the_host(self) -> None:
        made = self.created(HOST, draft())
        meta = made.body["metadata"]
        assert made.side is Side.TENANT
        assert meta["labels"] == {"app": "x", stamps.MANAGED_BY: stamps.MANAGER}
        assert meta["annotations"] == {stamps.SOURCE_UID: "source-1", stamps.KEYS: "l:app"}
        assert "acme" not in str(made.body)

    def test_a_stamp_in_the_draft_does_not_win(self) -> None:
        forged = Draft({"metadata": {"labels": {stamps.TENANT: "other"}, "annotations": {stamps.SOURCE_UID: "forged"}}})
        meta = self.created(TENANT, forged).body["metadata"]
        assert meta["labels"][stamps.TENANT] == "acme"
        assert meta["annotations"][stamps.SOURCE_UID] == "source-1"

    def test_names_uids_and_owners_of_the_source_do_not_cross_by_themselves(self) -> None:
        body = Draft({"metadata": {"name": "b", "namespace": "c", "uid": "u", "resourceVersion": "1", "generateName": "g"}})
        meta = self.created(TENANT, body).body["metadata"]
        assert (meta["name"], meta["namespace"]) == ("a", "acme-web")
        assert not {"uid", "resourceVersion", "generateName"} & meta.keys()

    def test_what_does_not_cross_is_told_to_the_tenant_first(self) -> None:
        plan = decide(case(translator(TENANT, draft(dropped=(("spec.x", "unknown"),), notes=(("R", "m"),))), source(TENANT, "alive"), None))
        assert [(event.reason, event.message) for event in plan if isinstance(event, Event)] == [(FIELD_DROPPED, "spec.x: unknown"), ("R", "m")]
        assert isinstance(plan[-1], Create)

    def test_host_objects_get_no_events(self) -> None:
        plan = decide(case(translator(HOST, draft(dropped=(("spec.x", "unknown"),))), source(HOST, "alive"), None))
        assert told(plan, Side.HOST) == ["create target"]

    def test_a_pod_that_had_a_copy_is_never_resurrected(self) -> None:
        made = translator(SHARED, draft(), placed=lambda obj: True)
        assert told(decide(case(made, source(SHARED, "alive"), None))) == ["delete source in 0 (inferred)"]

    def test_a_pod_that_has_ended_stays_as_it_is(self) -> None:
        made = translator(SHARED, draft(), finished=lambda obj: True)
        assert decide(case(made, source(SHARED, "alive"), None)) == ()


class TestDeletion:
    def test_a_deletion_event_is_proof(self) -> None:
        for life in Life:
            gone = decide(case(translator(life, draft()), None, target(life, "ours"), proven=True))[0]
            assert isinstance(gone, Delete)
            assert not gone.inferred

    def test_grace_is_spoken_of_only_where_there_is_one(self) -> None:
        plan = decide(case(translator(SHARED, draft(), grace_period=False), source(SHARED, "leaving"), target(SHARED, "ours")))
        assert told(plan) == ["patch source", "delete target"]

    @pytest.mark.parametrize(
        ("grace", "word"), [(0, "delete source"), (None, "delete source"), (1, "delete source in 1"), (45, "delete source in 45")]
    )
    def test_the_tenants_pod_gets_the_grace_its_host_pod_has(self, grace: int | None, word: str) -> None:
        """Not zero, which would end the tenant's pod before the host's."""
        there = target(SHARED, "leaving")
        assert there is not None
        there["metadata"]["deletionGracePeriodSeconds"] = grace
        assert told(decide(case(translator(SHARED, draft()), source(SHARED, "alive"), there)))[-1] == word

    def test_a_pod_that_is_let_go_already_is_not_let_go_again_while_a_finalizer_holds_it(self) -> None:
        here = source(SHARED, "leaving")
        assert here is not None
        here["metadata"] |= {"deletionGracePeriodSeconds": 0, "finalizers": ["example.com/wait"]}
        assert decide(case(translator(SHARED, draft()), here, None)) == ()

    def test_a_pod_whose_removal_was_cut_off_between_its_two_steps_is_asked_for_again(self) -> None:
        here = source(SHARED, "leaving")
        assert here is not None
        here["metadata"]["deletionGracePeriodSeconds"] = 0
        assert told(decide(case(translator(SHARED, draft()), here, None))) == ["delete source in 0"]

    def test_a_new_pod_does_not_follow_the_old_ones_copy_to_its_end(self) -> None:
        """A StatefulSet pod, deleted by force and made anew, while the host still ends the first one's copy."""
        plan = decide(case(translator(SHARED, draft()), source(SHARED, "alive"), target(SHARED, "leaving other uid")))
        assert plan == ()

    def test_what_outlives_its_source_stays(self) -> None:
        made = translator(HOST, draft(), keep_when_source_gone=True)
        assert decide(case(made, None, target(HOST, "ours"), proven=True)) == ()


class TestAgreement:
    def test_after_the_patch_there_is_nothing_left_to_do(self) -> None:
        for life in Life:
            there = target(life, "ours", data={"b": "2"})
            assert there is not None
            plan = decide(case(translator(life, draft(), Draft({})), source(life, "alive"), there))
            (patch,) = (action for action in plan if isinstance(action, Patch))
            assert patch.patch == {"data": {"a": "1", "b": None}}
            assert (patch.seen_version, patch.resource_version, patch.subresource) == ("20", None, "")

    def test_a_stale_stamp_key_and_a_lost_label_are_repaired_in_the_same_patch(self) -> None:
        there = target(TENANT, "ours", data={})
        assert there is not None
        there["metadata"]["labels"]["app"] = "changed by somebody"
        there["metadata"]["labels"]["theirs"] = "stays"
        (patch,) = decide(case(translator(TENANT, draft(), Draft({})), source(TENANT, "alive"), there))
        assert isinstance(patch, Patch)
        assert patch.patch == {"data": {"a": "1"}, "metadata": {"labels": {"app": "x"}}}

    def test_a_patch_with_a_whole_list_must_meet_the_version_it_was_computed_from(self) -> None:
        made = translator(TENANT, Draft({"items": [{"name": "n", "v": 1}]}), Draft({}), tenant_owns=(("items", Each("name"), "v"),))
        there = target(TENANT, "ours", items=[{"name": "n", "v": 0}])
        patches = [action for action in decide(case(made, source(TENANT, "alive"), there)) if isinstance(action, Patch)]
        assert [patch.resource_version for patch in patches] == ["20"]

    def test_paths_of_a_subresource_are_written_through_it(self) -> None:
        sub = Subresource("resize", (("size",),))
        made = translator(SHARED, Draft({"data": {"a": "2"}, "size": 2}), Draft({}), tenant_owns=(("data",), ("size",)), host_subresources=(sub,))
        there = target(SHARED, "ours", size=1)
        patches = [action for action in decide(case(made, source(SHARED, "alive"), there)) if isinstance(action, Patch)]
        assert {patch.subresource: {k: v for k, v in patch.patch.items() if k != "metadata"} for patch in patches} == {
            "": {"data": {"a": "2"}},
            "resize": {"size": 2},
        }

    def test_status_is_written_through_the_tenants_status(self) -> None:
        made = translator(SHARED, draft(), tenant_subresources=(Subresource("status", (("status",),)),))
        (patch,) = decide(case(made, source(SHARED, "alive"), target(SHARED, "ours")))
        assert isinstance(patch, Patch)
        assert (patch.side, patch.subresource, patch.patch, patch.uid) == (Side.TENANT, "status", {"status": {"seen": "yes"}}, "source-1")

    def test_only_owned_paths_are_written(self) -> None:
        shown = Draft({"status": {"seen": "yes"}, "data": {"host": "secret"}, "metadata": {"labels": {"host": "label"}}})
        (patch,) = decide(case(translator(TENANT, draft(), shown), source(TENANT, "alive"), target(TENANT, "ours")))
        assert isinstance(patch, Patch)
        assert patch.patch == {"status": {"seen": "yes"}}

    def test_while_up_waits_the_way_down_goes_on(self) -> None:
        plan = decide(case(translator(TENANT, draft({"a": "2"}), Wait("later")), source(TENANT, "alive"), target(TENANT, "ours")))
        assert told(plan) == ["patch target", "wait"]

    def test_up_sees_the_tenant_object_as_its_counterpart(self) -> None:
        seen: list[Any] = []

        def up(obj: Any, view: Any) -> Draft:
            seen.append((obj["metadata"]["uid"], view.counterpart["metadata"]["uid"]))
            return Draft({})

        decide(case(translator(TENANT, draft(), up=up), source(TENANT, "alive"), target(TENANT, "ours")))
        assert seen == [("target-1", "source-1")]


class TestRecreation:
    def test_a_field_that_cannot_change_in_place_means_making_it_anew(self) -> None:
        made = translator(TENANT, draft({"a": "2"}), Draft({}), recreate_on=(("data",),))
        (remade,) = decide(case(made, source(TENANT, "alive"), target(TENANT, "ours")))
        assert isinstance(remade, Recreate)
        assert (remade.side, remade.uid, remade.keeper) == (Side.HOST, "target-1", None)
        assert remade.body["data"] == {"a": "2"}
        assert stamps.read(remade.body["metadata"]["labels"], remade.body["metadata"]["annotations"]) is not None

    def test_other_fields_are_patched_as_ever(self) -> None:
        made = translator(TENANT, Draft({"data": FORWARD, "x": 1}), Draft({}), tenant_owns=(("data",), ("x",)), recreate_on=(("data",),))
        assert told(decide(case(made, source(TENANT, "alive"), target(TENANT, "ours")))) == ["patch target"]

    def test_a_function_may_say_so_too(self) -> None:
        made = translator(TENANT, draft({"a": "2"}), Draft({}), must_recreate=lambda body, obj: bool(obj.get("immutable")))
        assert told(decide(case(made, source(TENANT, "alive"), target(TENANT, "ours", immutable=True)))) == ["recreate target"]
        assert told(decide(case(made, source(TENANT, "alive"), target(TENANT, "ours")))) == ["patch target"]

    def test_a_tenant_object_is_made_anew_with_its_copy_as_keeper(self) -> None:
        made = translator(TENANT, draft(), recreate_tenant=lambda obj, other, view: {"metadata": {"name": "a"}})
        (remade,) = decide(case(made, source(TENANT, "alive"), target(TENANT, "ours")))
        assert isinstance(remade, Recreate)
        assert (remade.side, remade.uid, remade.keeper) == (Side.TENANT, "source-1", (CONFIGMAPS, Ref("configmaps", "acme-web", "a"), "target-1"))

    def test_or_not_when_nothing_flows_up(self) -> None:
        made = translator(TENANT, draft(), recreate_tenant=lambda obj, other, view: {"metadata": {"name": "a"}})
        assert decide(case(made, source(TENANT, "alive"), target(TENANT, "ours"), flows_up=False)) == ()


class TestPolicy:
    def refusing(self, life: Life = SHARED) -> Any:
        return translator(life, draft({"a": "2"}), Draft({}), check=lambda body, view: (("spec.a", "no"), ("spec.b", "never")))

    @pytest.mark.parametrize("there", ["none", "ours"])
    def test_it_is_asked_before_every_write_and_the_object_says_all_it_found(self, there: str) -> None:
        (refusal,) = decide(case(self.refusing(), source(SHARED, "alive"), target(SHARED, there)))
        assert isinstance(refusal, Refuse)
        assert (refusal.field, refusal.message) == ("spec.a, spec.b", "spec.a: no; spec.b: never")

    def test_it_sees_the_finished_object(self) -> None:
        seen: list[Any] = []

        def check(body: Any, view: Any) -> tuple[tuple[str, str], ...]:
            seen.append(body)
            return ()

        decide(case(translator(SHARED, draft(), check=check), source(SHARED, "alive"), None))
        assert seen[0]["metadata"]["labels"][stamps.TENANT] == "acme"
        assert seen[0]["kind"] == PODS.kind

    def test_it_is_not_asked_about_the_tenants_side(self) -> None:
        assert told(decide(case(self.refusing(HOST), source(HOST, "alive"), None)), Side.HOST) == ["create target"]

    def test_an_object_that_needs_no_write_is_left_as_it_is(self) -> None:
        made = translator(SHARED, draft(), Draft({}), check=lambda body, view: (("spec.a", "no"),))
        assert decide(case(made, source(SHARED, "alive"), target(SHARED, "ours"))) == ()
