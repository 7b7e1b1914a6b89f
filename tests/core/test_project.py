"""`project` on every combination of small values, and on random ones: one patch brings the owned paths into agreement, and touches nothing else."""

import copy
import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.core.project import apply_merge_patch, by_subresource, project, replaces_list
from syncer.core.translator import AllBut, Each, Path, Subresource

ABSENT = object()

VALUES: list[Any] = [
    ABSENT,
    None,
    {},
    [],
    "",
    0,
    False,
    1,
    "text",
    [1],
    [1, 2],
    [None],
    {"a": 1},
    {"a": 2},
    {"a": None},
    {"a": {}},
    {"b": 1},
    {"a": 1, "b": 2},
    {"a": {"c": 1}},
    {"a": {"c": 1, "d": None}},
    {"a": [1]},
    [{"n": "x", "v": 1}],
    [{"n": "x", "v": None}],
]


def obj(value: Any, *path: str) -> dict[str, Any]:
    """An object with `value` at `path`, beside things that belong to others."""
    made: dict[str, Any] = {"keep": {"deep": [1, {"x": "y"}]}, "spec": {"other": "side"}}
    if value is ABSENT:
        return made
    place = made
    for step in path[:-1]:
        place = place.setdefault(step, {})
    place[path[-1]] = value
    return made


def without(thing: Any, path: tuple[str, ...]) -> Any:
    """The thing with the value at `path` taken out, and maps that are empty without it."""
    if not isinstance(thing, Mapping):
        return thing
    if len(path) == 1:
        return {key: value for key, value in thing.items() if key != path[0]}
    made = {key: without(value, path[1:]) if key == path[0] else value for key, value in thing.items()}
    return {key: value for key, value in made.items() if key != path[0] or value != {}}


@pytest.mark.parametrize("path", [("spec", "mine"), ("mine",), ("spec", "deep", "mine")], ids=".".join)
def test_one_patch_is_enough_and_touches_nothing_else_and_no_input(path: tuple[str, ...]) -> None:
    for wanted, found in itertools.product(VALUES, repeat=2):
        draft, actual = obj(wanted, *path), obj(found, *path)
        before = copy.deepcopy((draft, actual))
        patch = project(draft, actual, [path])
        after = apply_merge_patch(actual, patch)
        assert project(draft, after, [path]) == {}, (wanted, found)
        assert without(after, path) == without(actual, path), (wanted, found)
        assert (draft, actual) == before, (wanted, found)
        assert project(draft, actual, [path]) == patch, (wanted, found)


def test_what_is_the_same_needs_no_patch() -> None:
    for value in VALUES:
        draft = obj(value, "spec", "mine")
        actual = draft if value is ABSENT else copy.deepcopy(draft)
        assert project(draft, actual, [("spec", "mine")]) == {}


@pytest.mark.parametrize("empty", [ABSENT, None, {}, []])
def test_absent_null_and_empty_are_one(empty: Any) -> None:
    for other in (ABSENT, None, {}, []):
        assert project(obj(empty, "spec", "mine"), obj(other, "spec", "mine"), [("spec", "mine")]) == {}


@pytest.mark.parametrize("value", [0, False, ""])
def test_zero_false_and_the_empty_text_are_values(value: Any) -> None:
    assert project(obj(value, "mine"), obj(ABSENT, "mine"), [("mine",)]) == {"mine": value}


def test_nulls_inside_do_not_count_at_any_depth() -> None:
    wanted = {"a": {"b": None, "c": [{"d": None, "e": 1}]}}
    found = {"a": {"c": [{"e": 1, "f": None}]}}
    assert project({"mine": wanted}, {"mine": found}, [("mine",)]) == {}


def test_inside_a_list_an_empty_map_says_something() -> None:
    """A network peer `{podSelector: {}}` is not a peer `{namespaceSelector: {}}`."""
    wanted, found = {"from": [{"podSelector": {}}]}, {"from": [{"namespaceSelector": {}}]}
    assert project(wanted, found, [("from",)]) == {"from": [{"podSelector": {}}]}


def test_an_owned_value_that_the_draft_does_not_have_goes() -> None:
    assert project({}, {"spec": {"mine": 1, "theirs": 2}}, [("spec", "mine")]) == {"spec": {"mine": None}}


def test_a_map_is_patched_key_by_key() -> None:
    patch = project({"mine": {"a": 1, "b": {"c": 2}}}, {"mine": {"a": 0, "b": {"c": 2, "d": 3}, "e": 4}}, [("mine",)])
    assert patch == {"mine": {"a": 1, "b": {"d": None}, "e": None}}


# --- lists with keys


def containers(*items: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, **fields} for name, fields in items], "other": 1}}


IMAGE: Path = ("spec", "containers", Each("name"), "image")
ITEMS: Path = ("spec", "containers", Each("name"))


def test_a_field_of_keyed_items_is_owned_where_the_item_is_on_both_sides() -> None:
    draft = containers(("a", {"image": "2"}), ("new", {"image": "9"}))
    actual = containers(("injected", {"image": "5"}), ("a", {"image": "1", "extra": True}))
    patch = project(draft, actual, [IMAGE])
    assert patch == {"spec": {"containers": [{"name": "injected", "image": "5"}, {"name": "a", "image": "2", "extra": True}]}}


def test_whole_keyed_items_are_added_and_never_changed_or_removed() -> None:
    draft = containers(("a", {"image": "2"}), ("b", {"image": "3"}))
    actual = containers(("a", {"image": "1"}), ("c", {"image": "4"}))
    patch = project(draft, actual, [ITEMS])
    assert patch == {"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "c", "image": "4"}, {"name": "b", "image": "3"}]}}


def test_items_and_fields_can_both_be_owned() -> None:
    draft = containers(("a", {"image": "2", "x": 1}), ("b", {"image": "3"}))
    for paths in ([ITEMS, IMAGE], [IMAGE, ITEMS]):
        patch = project(draft, containers(("a", {"image": "1"})), paths)
        assert patch == {"spec": {"containers": [{"name": "a", "image": "2"}, {"name": "b", "image": "3"}]}}


KEYED = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from("abc")}, optional={"image": st.sampled_from(["1", "2"]), "x": st.sampled_from([{}, {"y": 1}, None])}
    ),
    max_size=3,
    unique_by=lambda item: str(item["name"]),
)


@given(
    KEYED | st.none(), KEYED | st.none(), st.sampled_from([[IMAGE], [ITEMS], [ITEMS, IMAGE], [IMAGE, ("spec", "containers", Each("name"), "x", "y")]])
)
def test_keyed_lists_come_to_rest_and_unowned_fields_stay(wanted: Any, found: Any, paths: list[Path]) -> None:
    draft, actual = {"spec": {"containers": wanted}}, {"spec": {"containers": found, "other": 1}}
    before = copy.deepcopy((draft, actual))
    after = apply_merge_patch(actual, project(draft, actual, paths))
    assert project(draft, after, paths) == {}
    assert (draft, actual) == before
    assert after["spec"]["other"] == 1
    now = {item["name"]: item for item in after["spec"].get("containers") or []}
    for item in found or []:
        kept = now[item["name"]]
        assert {k: v for k, v in kept.items() if k == "name"} == {"name": item["name"]}
        if IMAGE not in paths:
            assert kept.get("image") == item.get("image")
    if ITEMS not in paths:
        assert [item["name"] for item in found or []] == list(now)
    else:
        assert {item["name"] for item in (wanted or []) + (found or [])} == now.keys()


def test_a_keyed_path_may_lead_through_another() -> None:
    path: Path = ("spec", "containers", Each("name"), "ports", Each("port"), "host")
    draft = containers(("a", {"ports": [{"port": 80, "host": 1}]}))
    actual = containers(("a", {"ports": [{"port": 81, "host": 0}, {"port": 80, "host": 0, "proto": "TCP"}]}))
    patch = project(draft, actual, [path])
    assert patch["spec"]["containers"][0]["ports"] == [{"port": 81, "host": 0}, {"port": 80, "host": 1, "proto": "TCP"}]


# --- all but some fields

PORTS: Path = ("spec", "ports", AllBut("name", ("nodePort",)))


def test_the_other_sides_fields_of_an_item_that_stays_are_kept() -> None:
    draft = {"spec": {"ports": [{"name": "b", "port": 2}, {"name": "a", "port": 10}]}}
    actual = {"spec": {"ports": [{"name": "a", "port": 1, "nodePort": 30001}, {"name": "c", "port": 3, "nodePort": 30003}]}}
    assert project(draft, actual, [PORTS]) == {"spec": {"ports": [{"name": "b", "port": 2}, {"name": "a", "port": 10, "nodePort": 30001}]}}


PORT_LISTS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abc"), "port": st.integers(1, 2)}, optional={"nodePort": st.integers(1, 2)}),
    max_size=3,
    unique_by=lambda item: str(item["name"]),
)


@given(PORT_LISTS | st.none(), PORT_LISTS | st.none())
def test_all_but_comes_to_rest_and_gives_the_wanted_list(wanted: Any, found: Any) -> None:
    draft, actual = {"spec": {"ports": wanted}}, {"spec": {"ports": found}}
    after = apply_merge_patch(actual, project(draft, actual, [PORTS]))
    assert project(draft, after, [PORTS]) == {}
    now = after["spec"].get("ports") or []
    assert [(item["name"], item["port"]) for item in now] == [(item["name"], item["port"]) for item in wanted or []]
    held = {item["name"]: item["nodePort"] for item in found or [] if "nodePort" in item}
    assert all(item["nodePort"] == held[item["name"]] for item in now if item["name"] in held)


# --- anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


@given(OBJECTS, OBJECTS, st.sampled_from([[("a",)], [("a", "b")], [("a",), ("b", "c")], [("a", "b"), ("a", "c"), ("b",)]]))
def test_random_objects_come_to_rest(draft: Any, actual: Any, paths: list[Path]) -> None:
    before = copy.deepcopy((draft, actual))
    after = apply_merge_patch(actual, project(draft, actual, paths))
    assert project(draft, after, paths) == {}
    assert (draft, actual) == before
    owned = {path[0] for path in paths}
    assert {key: value for key, value in after.items() if key not in owned} == {key: value for key, value in actual.items() if key not in owned}


@given(JSON, JSON)
def test_a_merge_patch_is_applied_as_the_standard_says(target: Any, patch: Any) -> None:
    def reference(target: Any, patch: Any) -> Any:
        """RFC 7396, section 2, word for word."""
        if isinstance(patch, dict):
            if not isinstance(target, dict):
                target = {}
            for name, value in patch.items():
                if value is None:
                    if name in target:
                        del target[name]
                else:
                    target[name] = reference(target.get(name), value)
            return target
        return patch

    before = copy.deepcopy(target)
    assert apply_merge_patch(target, patch) == reference(copy.deepcopy(target), patch)
    assert target == before


def test_lists_ask_for_an_exact_version() -> None:
    assert replaces_list((IMAGE,))
    assert replaces_list((("spec", "type"), PORTS))
    assert not replaces_list((("spec",), ("data",)))


def test_paths_are_grouped_by_the_subresource_they_go_through() -> None:
    resize = Subresource("resize", (IMAGE,))
    status = Subresource("status", (("status",),))
    assert by_subresource((("data",), IMAGE, ("status",), ("type",)), (resize, status)) == (
        ("", (("data",), ("type",))),
        ("resize", (IMAGE,)),
        ("status", (("status",),)),
    )
    assert by_subresource((), (resize,)) == ()
