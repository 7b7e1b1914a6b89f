"""Patches of single fields: what they change, what they may not touch, and that everything comes to rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from custom_kinds import ALL, GRIDS, PARTS, settings_with, thing, view_of
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.core.fieldpaths import parse
from syncer.core.settings import CustomKind, FieldPatch, KindSettings
from syncer.core.translator import Draft, Refusal
from syncer.testing import Sample, check_laws
from translators.catalog import BUILTIN, catalog
from translators.custom.record import custom_kind
from translators.patches import objection, objections, patched

SETTINGS = settings_with(*ALL)
BY_NAME = {translator.name: translator for translator in BUILTIN}
PART = custom_kind(PARTS, "bidirectional", {})


def set_(path: str, value: Any, when: str = "", direction: Any = "down") -> FieldPatch:
    return FieldPatch(path=parse(path), verb="set", value=value, when=when, direction=direction)


def remove(path: str, when: str = "", direction: Any = "down") -> FieldPatch:
    return FieldPatch(path=parse(path), verb="remove", when=when, direction=direction)


def rename(path: str, to: str, when: str = "") -> FieldPatch:
    return FieldPatch(path=parse(path), verb="rename", to=parse(to), when=when)


def body(obj: dict[str, Any], *patches: FieldPatch, copy: dict[str, Any] | None = None) -> Any:
    down = patched(PART, patches).down
    assert down is not None
    answer = down(obj, view_of(SETTINGS, counterpart=copy))
    return answer.body if isinstance(answer, Draft) else answer


def test_a_field_is_set_removed_and_renamed() -> None:
    obj = thing(spec={"size": 1, "class": "fast", "keep": True})
    made = body(obj, set_("spec.size", 5), set_("spec.deep.new", ["a"]), remove("spec.class"), rename("spec.keep", "spec.kept"))
    assert made["spec"] == {"size": 5, "deep": {"new": ["a"]}, "kept": True}
    assert obj["spec"] == {"size": 1, "class": "fast", "keep": True}


def test_a_path_through_a_list_reaches_every_item() -> None:
    made = body(thing(spec={"items": [{"a": 1}, {"a": 2, "b": 3}]}), set_("spec.items[*].a", 0), remove("spec.items[*].b"))
    assert made["spec"] == {"items": [{"a": 0}, {"a": 0}]}


def test_labels_and_annotations_are_patched_one_by_one() -> None:
    obj = thing(meta={"labels": {"a": "1", "b": "2"}}, spec={})
    made = body(obj, set_('metadata.labels["x.io/y"]', "z"), remove("metadata.labels.a"), rename("metadata.labels.b", "metadata.labels.c"))
    assert made["metadata"]["labels"] == {"x.io/y": "z", "c": "2"}


def test_a_condition_decides_by_the_object_as_the_tenant_wrote_it() -> None:
    patch = set_("spec.size", 5, when="object.metadata.namespace == 'web' && has(object.spec.big) && object.spec.big")
    assert body(thing(spec={"size": 1, "big": True}), patch)["spec"]["size"] == 5
    assert body(thing(spec={"size": 1}), patch)["spec"]["size"] == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"size": "x" * 100_000},
        {"size": 2**80},
        {"items": list(range(5000))},
        {},
        {"size": "\ud800"},
    ],
)
def test_a_condition_that_cannot_be_decided_keeps_the_object_back(spec: dict[str, Any]) -> None:
    refused = body(thing(spec=spec), set_("spec.a", 1, when="object.spec.size > 3 || object.spec.items.all(x, object.spec.items.all(y, x >= 0))"))
    assert isinstance(refused, Refusal)
    assert "condition" in refused.message


def test_a_shape_that_a_patch_does_not_expect_keeps_the_object_back() -> None:
    refused = body(thing(spec={"items": "none"}), set_("spec.items[*].a", 1))
    assert isinstance(refused, Refusal)
    assert refused.field == "spec.items"


def test_what_does_not_cross_is_left_on_the_copy_as_it_is() -> None:
    copy = thing("one", "acme-web", spec={"class": "the host's default"})
    assert body(thing(spec={"class": "fast"}), remove("spec.class"), copy=copy)["spec"] == {"class": "the host's default"}


def test_a_field_that_nobody_wrote_becomes_the_syncers() -> None:
    extended = patched(PART, (set_("extra.size", 3), set_("spec.size", 1), set_("metadata.labels.a", "b")))
    assert extended.tenant_owns == (*PART.tenant_owns, ("extra", "size"))
    shown = patched(PART, (set_("status.size", 3, direction="up"), set_("shown.size", 3, direction="up")))
    assert shown.host_owns == (*PART.host_owns, ("shown", "size"))
    split = custom_kind(replace(PARTS, host_owns=(("status", "a"),)), "bidirectional", {})
    shown = patched(split, (set_("status.b", 3, direction="up"),))
    assert shown.tenant_subresources[0].paths == (("status", "a"), ("status", "b"))


def test_pods_are_patched_when_they_are_made_and_stay_as_they_are_afterwards() -> None:
    pods = patched(BY_NAME["pods"], (set_("spec.terminationGracePeriodSeconds", 5),))
    assert pods.tenant_owns == BY_NAME["pods"].tenant_owns
    assert pods.down is not BY_NAME["pods"].down


def test_the_catalogue_patches_the_kind_and_not_what_goes_with_it() -> None:
    on = {name: KindSettings(name=name) for name in ("namespaces", "pods")} | {"pods": KindSettings(name="pods", patches=(set_("spec.x", 1),))}
    made = catalog(settings_with(more=on)).by_name
    assert made["pods"].down is not BY_NAME["pods"].down
    assert made["pod-tokens"] == BY_NAME["pod-tokens"]


@pytest.mark.parametrize(
    ("kind", "patch", "words"),
    [
        ("configmaps", set_("metadata.name", "x"), "single labels"),
        ("configmaps", set_("metadata.namespace", "x"), "single labels"),
        ("configmaps", set_("metadata.labels", "x"), "single labels"),
        ("configmaps", set_("metadata.ownerReferences", []), "single labels"),
        ("configmaps", set_('metadata.labels["kled.io/tenant"]', "x"), "syncer's own"),
        ("configmaps", remove('metadata.annotations["kled.io/source-uid"]'), "syncer's own"),
        ("configmaps", rename("metadata.labels.a", 'metadata.labels["kled.io/tenant"]'), "syncer's own"),
        ("configmaps", set_("kind", "Secret"), "what the object is"),
        ("configmaps", set_("data", {}, direction="up"), "goes up"),
        ("configmaps", remove("other"), "not sent"),
        ("configmaps", rename("data.a", "data"), "inside the other"),
        ("configmaps", rename("data.a", "metadata.labels.a"), "cannot become"),
        ("configmaps", rename("metadata.labels.a", "metadata.annotations.a"), "another label"),
        ("services", set_("status.loadBalancer", {}), "status"),
        ("services", set_("spec.ports[*].nodePort", 1), "belongs to the host"),
        ("services", set_("spec", {}), "belongs to the host"),
        ("services", set_("spec.other[*].a", 1), "in a list"),
        ("services", rename("spec.ports[*].name", "spec.x"), "inside a list"),
        ("services", set_("spec.type", "x", direction="up"), "belongs to the tenant"),
        ("services", set_("metadata.labels.a", "x", direction="up"), "the tenant's"),
        ("nodes", set_("spec.unschedulable", True), "not sent down"),
        ("pods", set_("status.phase", "Running"), "status"),
    ],
)
def test_what_a_patch_may_not_touch(kind: str, patch: FieldPatch, words: str) -> None:
    found = objection(BY_NAME[kind], patch)
    assert found is not None
    assert words in found


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("configmaps", set_("data.a", "x")),
        ("configmaps", set_('metadata.annotations["a.b/c"]', "x")),
        ("services", set_("spec.externalTrafficPolicy", "Local")),
        ("services", remove("spec.loadBalancerClass")),
        ("pods", set_("spec.priorityClassName", "low")),
        ("pods", remove("spec.hostUsers")),
        ("pods", set_("spec.containers[*].image", "x")),
        ("nodes", set_("metadata.labels.pool", "x", direction="up")),
    ],
)
def test_what_a_patch_may_touch(kind: str, patch: FieldPatch) -> None:
    assert objection(BY_NAME[kind], patch) is None


# --- any declaration with any patches keeps the laws

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.one_of(st.integers(0, 3), st.booleans(), st.sampled_from(["x", "y"]), st.lists(st.integers(0, 2), max_size=2), st.just({"d": 1}))
PATHS = st.one_of(
    KEYS.map(lambda key: f"spec.{key}"),
    KEYS.map(lambda key: f"spec.items[*].{key}"),
    KEYS.map(lambda key: f"other.{key}"),
    KEYS.map(lambda key: f"metadata.labels.{key}"),
    KEYS.map(lambda key: f"status.{key}"),
)
CONDITIONS = st.sampled_from(["", "has(object.spec.a)", "has(object.metadata.labels)", "false"])


@st.composite
def patches(draw: st.DrawFn) -> FieldPatch:
    path, when, direction = draw(PATHS), draw(CONDITIONS), draw(st.sampled_from(["down", "down", "up"]))
    match draw(st.sampled_from(["set", "remove", "rename"])):
        case "set":
            value = draw(st.sampled_from(["x", "y"])) if path.startswith("metadata") else draw(VALUES)
            return set_(path, value, when, direction)
        case "remove":
            return remove(path, when, direction)
    return rename(path, draw(PATHS), when)


@st.composite
def declarations(draw: st.DrawFn) -> CustomKind:
    base = draw(st.sampled_from([PARTS, GRIDS]))
    owns = draw(st.sampled_from([(("spec",),), (("spec", "a"), ("spec", "items")), (("spec",), ("other", "b"))]))
    host = draw(st.sampled_from([(("status",),), (("status", "a"),), (("status",), ("seen",)), ()]))
    return replace(base, tenant_owns=owns, host_owns=host)


@settings(max_examples=150, deadline=None)
@given(declarations(), st.lists(patches(), max_size=4), st.data())
def test_any_declaration_with_any_patches_keeps_the_laws(kind: CustomKind, wanted: list[FieldPatch], data: st.DataObject) -> None:
    plain = custom_kind(kind, "bidirectional", {})
    fitting = tuple(patch for patch, objected in zip(wanted, objections(plain, wanted), strict=True) if objected is None)
    translator = patched(plain, fitting)
    config = settings_with(kind)
    spec = data.draw(
        st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "items": st.lists(st.dictionaries(KEYS, st.integers(0, 2)), max_size=2)})
    )
    labels = data.draw(st.dictionaries(KEYS, st.sampled_from(["x", "y"]), max_size=2))
    namespace = "web" if kind.namespaced else ""
    status = data.draw(st.dictionaries(KEYS, VALUES, max_size=2))
    sample = Sample(source=thing("one", namespace, meta={"labels": labels}, spec=spec, other={"b": 1}), settings=config, host_status=status)
    plainest = Sample(source=thing("plain", namespace, spec={"a": 1}), settings=config)
    check_laws(translator, [sample, plainest])
