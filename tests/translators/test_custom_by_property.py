"""Generated objects of declared kinds, wild ones among them: every one gets an answer, and none leads out of the tenant."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from custom_kinds import ALL, WIDGETS, record, settings_with, thing
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.core.fieldpaths import GONE, ITEMS, FieldPath, Misshapen, Place, at, edited, find, parse, path_text
from syncer.core.objects import Ref
from syncer.core.settings import NamespaceMapping
from syncer.core.translator import Draft, Refusal, Wait
from syncer.testing import FakeView

NAMES = st.sampled_from(["tls", "a", "", "kube-system/x", "../a", "A", "x" * 300, "a.b", "pool", "web"])
NAMESPACES = st.sampled_from(["web", "shop", "", "kube-system", "Kube", "a/b"])
KEYS = st.sampled_from(["name", "namespace", "kind", "matchLabels", "a"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
WORDS = st.sampled_from(["Part", "ConfigMap", "X"])
NAMED = st.fixed_dictionaries({"name": NAMES | JUNK}, optional={"namespace": NAMESPACES | JUNK, "kind": WORDS | JUNK})
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "secretName": NAMES | NAMED | JUNK,
        "outputs": st.lists(st.fixed_dictionaries({"secretRef": NAMES | NAMED}), max_size=3) | JUNK,
        "parts": st.lists(NAMES | NAMED, max_size=3) | JUNK,
        "sourceRef": NAMED | JUNK,
        "selector": st.fixed_dictionaries({}, optional={"matchLabels": st.dictionaries(NAMES, NAMES, max_size=2)}) | JUNK,
        "plainSelector": st.dictionaries(NAMES, NAMES, max_size=2) | JUNK,
        "values": st.dictionaries(st.sampled_from(["namespace", "a"]), JUNK, max_size=2),
        "other": JUNK,
        "targetNamespace": NAMESPACES,
    },
)
SHARED = settings_with(*ALL, mapping=NamespaceMapping(table={"shop": "shop-of-acme"}, shared="pool"))
SOME = settings_with(*ALL, mapping=NamespaceMapping(table={"web": "acme-web", "shop": "acme-shop"}))


class Owned(FakeView):
    """Everything on the host is the tenant's."""

    def is_ours(self, ref: Ref, source: Ref) -> bool | None:
        return True


def names_of_namespaces(value: Any, key: str = "") -> Iterator[Any]:
    """What stands under keys that say namespace, outside of labels and of what is passed on purpose."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in ("values", "matchLabels", "plainSelector"):
                yield from names_of_namespaces(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from names_of_namespaces(item, key)
    elif key.lower().endswith("namespace") and value:
        yield value


@settings(max_examples=300, deadline=None)
@given(SPECS, st.sampled_from([SHARED, SOME]))
def test_every_object_gets_an_answer_and_no_namespace_of_the_host_is_named(spec: dict[str, Any], config: Any) -> None:
    translator, obj = record(WIDGETS, config), thing(spec=spec)
    before = copy.deepcopy(obj)
    view = Owned(config)
    assert translator.down is not None
    answer = translator.down(obj, view)
    assert isinstance(answer, (Draft, Wait, Refusal))
    assert translator.down(obj, view) == answer
    assert list(translator.needs(obj, view.names, config)) == list(translator.needs(obj, view.names, config))
    assert obj == before
    if isinstance(answer, Refusal):
        assert answer.field.startswith("spec")
        assert answer.message
    if isinstance(answer, Draft):
        ours = {view.names.namespace("web"), view.names.namespace("shop")} - {None}
        assert set(names_of_namespaces(answer.body.get("spec", {}))) <= ours
        selector = answer.body.get("spec", {}).get("selector")
        assert selector is None or selector["matchLabels"]["kled.io/tenant"] == "acme"


# --- the small language of paths

STEPS = st.one_of(st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$-]{0,5}", fullmatch=True), st.just(ITEMS), st.sampled_from(["a.b/c", "x y", "1", "a[0]"]))
PATHS = st.lists(STEPS, min_size=1, max_size=5).filter(lambda steps: steps[0] is not ITEMS).map(tuple)


@given(PATHS)
def test_a_path_is_read_as_it_is_written(path: FieldPath) -> None:
    assert parse(path_text(path)) == path


@given(st.text(max_size=20))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        path = parse(text)
    except ValueError:
        return
    assert parse(path_text(path)) == path


@given(
    st.dictionaries(st.sampled_from("ab"), JUNK, max_size=2), st.sampled_from(["a", "a.b", "a[*]", "a[*].name", "b.name"]).map(parse), st.integers()
)
def test_what_was_edited_is_there_and_nothing_else_changed(obj: dict[str, Any], path: FieldPath, value: int) -> None:
    before = copy.deepcopy(obj)
    try:
        edits: dict[Place, Any] = dict.fromkeys((place for place, _ in find(obj, path)), value)
    except Misshapen:
        return
    made = edited(obj, edits)
    assert obj == before
    assert all(at(made, place) == value for place in edits)
    gone = edited(made, {place: GONE for place in edits if not isinstance(place[-1], int)})
    assert all(at(gone, place) is None for place in edits if not isinstance(place[-1], int))
