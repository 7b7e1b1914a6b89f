"""The published laws: an honest translator keeps them, and each kind of dishonesty is found by the law that is there for it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from syncer.core.objects import CONFIGMAPS, SECRETS, Ref, Resource, Side
from syncer.core.stamp import PREFIX
from syncer.core.translator import AllBut, Answer, Draft, Each, Life, ListNeed, ObjectNeed, Path, Skip, Translator, View
from syncer.testing import LAWS, LawBroken, Sample, check_laws, laws, settings_for
from syncer.testing.paths import overlap

WIDGETS = Resource("example.com", "v1", "widgets", "Widget")
SOURCE: Mapping[str, Any] = {
    "metadata": {"namespace": "web", "name": "front-door", "labels": {"app": "x", f"{PREFIX}tenant": "forged"}},
    "spec": {"size": 1, "secretName": "the-key"},
}
KEY: Mapping[str, Any] = {"metadata": {"namespace": "web", "name": "the-key"}, "data": {"k": "dg=="}}
SAMPLE = Sample(source=SOURCE, tenant={"secrets": [KEY]}, host_status={"ready": True})


def key_need(obj: Any) -> ObjectNeed:
    return ObjectNeed(Side.TENANT, Ref("secrets", obj["metadata"]["namespace"], obj["spec"]["secretName"]))


def needs(obj: Any, names: Any, settings: Any) -> tuple[ObjectNeed, ...]:
    return (key_need(obj),)


def labels(obj: Any) -> dict[str, str]:
    return {key: value for key, value in (obj["metadata"].get("labels") or {}).items() if not key.startswith(PREFIX)}


def spec(obj: Any, view: View) -> dict[str, Any]:
    name = view.names.name(SECRETS, obj["metadata"]["namespace"], obj["spec"]["secretName"])
    return {"size": obj["spec"]["size"], "secretName": name}


def down(obj: Any, view: View) -> Answer:
    if view.get(key_need(obj)) is None:
        return Skip("its key is not there")
    return Draft({"metadata": {"labels": labels(obj)}, "spec": spec(obj, view)})


def up(obj: Any, view: View) -> Answer:
    return Draft({"status": {"ready": (obj.get("status") or {}).get("ready")}})


HONEST = Translator(
    name="widgets", source=WIDGETS, tenant_owns=(("spec", "size"), ("spec", "secretName")), host_owns=(("status",),), needs=needs, down=down, up=up
)


def test_an_honest_translator_keeps_them_all() -> None:
    check_laws(HONEST, [SAMPLE])
    for law in LAWS:
        law(HONEST, SAMPLE)


def changes_its_input(obj: Any, view: View) -> Answer:
    obj["spec"]["size"] += 1
    return down(obj, view)


def changes_what_it_sees(obj: Any, view: View) -> Answer:
    key = view.get(key_need(obj))
    assert isinstance(key, dict)
    key["data"]["k"] += "x"
    return down(obj, view)


def counts_its_calls() -> Any:
    calls: list[int] = []

    def counting(obj: Any, view: View) -> Answer:
        calls.append(1)
        return Draft({"spec": {**spec(obj, view), "size": len(calls)}})

    return counting


def minds_the_order(obj: Any, view: View) -> Answer:
    return Draft({"spec": {**spec(obj, view), "size": next(iter(obj["spec"]))}})


def reads_what_it_did_not_declare(obj: Any, view: View) -> Answer:
    return Skip("none") if view.list(ListNeed(Side.HOST, "nodes", "")) else down(obj, view)


def leaves_a_name(obj: Any, view: View) -> Answer:
    return Draft({"spec": dict(obj["spec"])})


def leaves_a_namespace(obj: Any, view: View) -> Answer:
    return Draft({"spec": {**spec(obj, view), "where": [{"namespace": obj["metadata"]["namespace"]}]}})


def says_too_much(obj: Any, view: View) -> Answer:
    return Draft({"status": {"ready": True}, "spec": {"size": 3}})


def lets_our_prefix_through(obj: Any, view: View) -> Answer:
    return Draft({"metadata": {"labels": dict(obj["metadata"].get("labels") or {})}, "spec": spec(obj, view)})


def never_agrees(obj: Any, view: View) -> Answer:
    counterpart = view.counterpart or {"spec": {"size": 0}}
    return Draft({"spec": {**spec(obj, view), "size": counterpart["spec"]["size"] + 1}})


@pytest.mark.parametrize(
    ("law", "changed"),
    [
        (laws.owned_lists_do_not_overlap, {"host_owns": (("status",), ("spec", "size"))}),
        (laws.owned_lists_do_not_overlap, {"host_owns": (("spec",),)}),
        (laws.owned_lists_do_not_overlap, {"tenant_owns": (("spec",), ("spec", "size"))}),
        (laws.owned_lists_do_not_overlap, {"tenant_owns": (("metadata", "labels"),)}),
        (laws.inputs_are_left_alone, {"down": changes_its_input}),
        (laws.inputs_are_left_alone, {"down": changes_what_it_sees}),
        (laws.answers_repeat, {"down": counts_its_calls()}),
        (laws.answers_repeat, {"down": minds_the_order}),
        (laws.reads_are_declared, {"down": reads_what_it_did_not_declare}),
        (laws.reads_are_declared, {"needs": lambda obj, names, settings: ()}),
        (laws.it_comes_to_rest, {"down": never_agrees}),
        (laws.names_are_translated, {"down": leaves_a_name}),
        (laws.names_are_translated, {"down": leaves_a_namespace}),
        (laws.up_keeps_to_its_paths, {"up": says_too_much}),
        (laws.our_prefix_does_not_cross, {"down": lets_our_prefix_through}),
    ],
)
def test_a_breach_is_found_by_its_law(law: Any, changed: dict[str, Any]) -> None:
    broken = replace(HONEST, **changed)
    with pytest.raises(LawBroken):
        law(broken, SAMPLE)
    with pytest.raises(LawBroken, match="widgets web/front-door: "):
        check_laws(broken, [SAMPLE])


def test_a_refusal_by_the_server_is_a_breach() -> None:
    broken = Translator(
        name="configmaps", source=CONFIGMAPS, tenant_owns=(("data",),), host_owns=(), down=lambda obj, view: Draft({"data": {"k": 1}})
    )
    with pytest.raises(LawBroken, match="refuses"):
        laws.it_comes_to_rest(broken, Sample(source={"metadata": {"namespace": "web", "name": "a"}}))


def test_what_the_host_adds_by_itself_is_not_fought_over() -> None:
    """A translator that owns all of a pod's spec writes for ever, since the host defaults what it leaves out."""
    pods = Resource("", "v1", "services", "Service")
    source = {"metadata": {"namespace": "web", "name": "a"}, "spec": {"ports": [{"port": 80}]}}
    owner = Translator(name="services", source=pods, tenant_owns=(("spec",),), host_owns=(), down=lambda obj, view: Draft({"spec": obj["spec"]}))
    with pytest.raises(LawBroken):
        laws.it_comes_to_rest(owner, Sample(source=source))


def test_samples_of_which_none_is_translated_show_nothing() -> None:
    with pytest.raises(LawBroken, match="nothing has been shown"):
        check_laws(HONEST, [Sample(source=SOURCE)])


def test_all_breaches_are_told_at_once() -> None:
    broken = replace(HONEST, down=leaves_a_name, up=says_too_much)
    with pytest.raises(LawBroken) as found:
        check_laws(broken, [SAMPLE])
    assert "'the-key' is left in spec.secretName" in str(found.value)
    assert "up speaks of spec.size" in str(found.value)


def test_a_place_may_be_allowed_to_keep_a_name() -> None:
    broken = replace(HONEST, down=leaves_a_namespace, tenant_owns=(("spec",),))
    laws.names_are_translated(broken, replace(SAMPLE, keeps_names_in=("spec.where",)))


def test_kinds_that_the_host_leads_are_tried_the_other_way_round() -> None:
    """The same laws, with `up` as the way forward."""
    mirrored = Translator(
        name="widgets",
        source=WIDGETS,
        life=Life.HOST_LEADS,
        tenant_owns=(),
        host_owns=(("spec",),),
        up=lambda obj, view: Draft({"spec": obj["spec"]}),
        target_name=lambda names, namespace, name: ("web", name),
    )
    source = {"metadata": {"namespace": "acme-web", "name": "a"}, "spec": {"size": 1}}
    check_laws(mirrored, [Sample(source=source, settings=settings_for("acme"))])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("spec",), ("status",), False),
        (("spec",), ("spec", "a"), True),
        (("spec", "a"), ("spec", "b"), False),
        (("spec", "a"), ("spec", "a"), True),
        (("spec", "l", Each("name"), "a"), ("spec", "l", Each("name"), "b"), False),
        (("spec", "l", Each("name"), "a"), ("spec", "l", Each("name"), "a", "b"), True),
        (("spec", "l", Each("name")), ("spec", "l", Each("name"), "a"), True),
        (("spec", "l", Each("name"), "a"), ("spec", "l", Each("port"), "b"), True),
        (("spec", "l"), ("spec", "l", Each("name"), "a"), True),
        (("spec", "l", AllBut("name", ("n",))), ("spec", "l", Each("name"), "n"), False),
        (("spec", "l", AllBut("name", ("n",))), ("spec", "l", Each("name"), "m"), True),
        (("spec", "l", AllBut("name", ("n",))), ("spec", "l", Each("port"), "n"), True),
        (("spec", "l", AllBut("name", ("n",))), ("spec", "l", AllBut("name", ("n",))), True),
    ],
)
def test_overlaps(one: Path, other: Path, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected
