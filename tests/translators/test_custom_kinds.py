"""Custom kinds by declaration: what crosses, how references are translated, what is refused."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from custom_kinds import ALL, GRIDS, PARTS, WIDGETS, copy_of, record, settings_with, thing, view_of

from syncer.core.fieldpaths import parse
from syncer.core.names import Names
from syncer.core.objects import Ref, Side
from syncer.core.settings import CustomKind, KindSettings, NamespaceMapping, ReferencePath
from syncer.core.translator import Draft, ObjectNeed, Purpose, Refusal, Wait
from syncer.testing import Sample, check_laws, names_for
from translators.catalog import catalog

SETTINGS = settings_with(*ALL)
SHARED = settings_with(*ALL, mapping=NamespaceMapping(shared="pool"))
WIDGET = record(WIDGETS)


def down(obj: dict[str, Any], settings: Any = SETTINGS, kind: CustomKind = WIDGETS, **around: Any) -> Any:
    translator = record(kind, settings)
    assert translator.down is not None
    return translator.down(obj, view_of(settings, **around))


def host_name(plural_owner: CustomKind | str, namespace: str, name: str, settings: Any = SHARED) -> str:

    names: Names = names_for(settings)
    translator = catalog(settings).by_name[plural_owner if isinstance(plural_owner, str) else plural_owner.name]
    return names.name(translator.destination, namespace, name)


def test_what_the_tenant_owns_crosses_and_the_rest_is_named() -> None:
    answer = down(thing(spec={"size": 3}, status={"ready": True}, extra={"a": 1}))
    assert isinstance(answer, Draft)
    assert answer.body["spec"] == {"size": 3}
    assert set(answer.body) == {"metadata", "spec"}
    assert [field for field, _ in answer.dropped] == ["extra"]


def test_a_kind_is_called_by_plural_and_group_everywhere_but_in_urls() -> None:
    assert WIDGET.source.plural == "widgets.example.com"
    assert WIDGET.source.path("web", "one") == "/apis/example.com/v1/namespaces/web/widgets/one"


def test_a_kind_may_have_the_plural_of_a_built_in_one() -> None:
    kind = CustomKind(name="services.example.com", version="v1", kind="Service")
    settings = settings_with(kind, more={"services": KindSettings(name="services")})
    assert record(kind, settings).source.plural == "services.example.com"

    assert catalog(settings).find("services.example.com") is not None
    assert catalog(settings).find("services").name == "services"  # type: ignore[union-attr]


def test_a_name_too_long_for_a_label_is_shortened_in_one_way_only() -> None:
    first, second = (
        CustomKind(name=f"thoroughlyconsideredthings.{part}.identity.aws.somewhere.example.com", version="v1", kind="T") for part in "ab"
    )
    settings = settings_with(first, second)

    names = [name for name in catalog(settings).by_name if name.startswith("thoroughly")]
    assert len(set(names)) == 2
    assert all(len(name) <= 63 for name in names)


def test_references_wait_for_our_copy_and_then_carry_its_name() -> None:
    obj = thing(spec={"secretName": "tls"})
    secret = {"secrets": [thing("tls")]}
    waiting = down(obj, SHARED, tenant=secret)
    assert isinstance(waiting, Wait)
    assert "'tls'" in waiting.reason
    copy = copy_of("secrets", "web", "tls", "pool")
    copy["metadata"]["name"] = host_name("secrets", "web", "tls")
    answer = down(obj, SHARED, tenant=secret, host={"secrets": [copy]})
    assert isinstance(answer, Draft)
    assert answer.body["spec"]["secretName"] == "tls-x-web-x-acme"


def test_a_reference_never_crosses_to_an_object_that_is_not_ours() -> None:
    obj = thing(spec={"secretName": "tls", "outputs": [{"secretRef": "out"}]})
    foreign = {"secrets": [thing("tls", "acme-web"), thing("out", "acme-web")]}
    answer = down(obj, tenant={"secrets": [thing("tls")]}, host=foreign)
    assert isinstance(answer, Wait)
    assert answer.reason.count("belongs to another object") == 2


def test_an_optional_reference_crosses_while_nobody_holds_the_name_and_stays_when_the_host_made_the_object() -> None:
    obj = thing(spec={"outputs": [{"secretRef": {"name": "out"}}]})
    assert isinstance(down(obj), Draft)
    made_there = {"secrets": [thing("out", "acme-web")]}
    assert isinstance(down(obj, host=made_there), Wait)
    copy = thing("one", "acme-web", spec={"outputs": [{"secretRef": {"name": "out"}}]})
    assert isinstance(down(obj, host=made_there, counterpart=copy), Draft)
    other = thing(spec={"outputs": [{"secretRef": {"name": "other"}}]})
    held = {"secrets": [thing("other", "acme-web")]}
    assert isinstance(down(other, host=held, counterpart=copy), Wait), "another name is another reference"


def test_an_optional_reference_to_an_object_the_tenant_has_waits_for_its_copy() -> None:
    obj = thing(spec={"outputs": [{"secretRef": "out"}]})
    assert isinstance(down(obj, tenant={"secrets": [thing("out")]}), Wait)


def test_texts_lists_of_texts_and_objects_are_read() -> None:
    spec = {"parts": ["a", {"name": "b"}, {"name": "c", "namespace": "shop"}]}
    copies = [copy_of("parts.example.com", "web", "a"), copy_of("parts.example.com", "web", "b"), copy_of("parts.example.com", "shop", "c")]
    answer = down(thing(spec=spec), host={"parts.example.com": copies})
    assert isinstance(answer, Draft)
    assert answer.body["spec"]["parts"] == ["a", {"name": "b"}, {"name": "c", "namespace": "acme-shop"}]


def test_the_kind_may_be_said_by_a_field_beside_the_name() -> None:
    spec = {"sourceRef": {"kind": "Part", "name": "a", "namespace": "shop"}}
    answer = down(thing(spec=spec), host={"parts.example.com": [copy_of("parts.example.com", "shop", "a")]})
    assert isinstance(answer, Draft)
    assert answer.body["spec"]["sourceRef"] == {"kind": "Part", "name": "a", "namespace": "acme-shop"}
    refused = down(thing(spec={"sourceRef": {"kind": "Secret", "name": "a"}}))
    assert isinstance(refused, Refusal)
    assert refused.field == "spec.sourceRef.kind"


def test_a_reference_out_of_the_tenant_is_refused() -> None:
    settings = settings_with(*ALL, mapping=NamespaceMapping(table={"web": "acme-web"}))
    refused = down(thing(spec={"parts": [{"name": "c", "namespace": "kube-system"}]}), settings)
    assert isinstance(refused, Refusal)
    assert refused.field == "spec.parts[0].namespace"


@pytest.mark.parametrize("name", ["kube-system/secret", "../x", "A", "a\nb", "x" * 254, "-", "a/"])
def test_text_that_is_no_name_is_refused_before_it_is_translated(name: str) -> None:
    refused = down(thing(spec={"secretName": name}))
    assert isinstance(refused, Refusal)
    assert refused.field == "spec.secretName"


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"secretName": 5}, "spec.secretName"),
        ({"secretName": {"name": ["x"]}}, "spec.secretName.name"),
        ({"outputs": {"secretRef": "x"}}, "spec.outputs"),
        ({"outputs": ["x"]}, "spec.outputs[0]"),
        ({"parts": [["a"]]}, "spec.parts[0]"),
        ({"sourceRef": "x"}, "spec.sourceRef"),
        ({"selector": []}, "spec.selector"),
        ({"selector": {"matchLabels": {"a": 1}}}, "spec.selector.matchLabels"),
        ({"selector": {"matchNames": ["a"]}}, "spec.selector"),
        ({"selector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}, "spec.selector.matchExpressions[0]"),
        ({"plainSelector": {"a": {}}}, "spec.plainSelector"),
    ],
)
def test_another_shape_than_declared_is_refused_with_the_place(spec: dict[str, Any], field: str) -> None:
    refused = down(thing(spec=spec))
    assert isinstance(refused, Refusal), refused
    assert refused.field == field


@pytest.mark.parametrize(
    "spec",
    [
        {"backend": {"namespace": "kube-system"}},
        {"targetNamespace": "kube-system"},
        {"watch": [{"namespaces": ["a"]}]},
        {"rules": [{"namespaceSelector": {"matchLabels": {"a": "b"}}}]},
        {"secretName": "", "deep": {"x": [{"y": {"sourceNamespace": "host"}}]}},
    ],
)
def test_a_field_that_names_a_namespace_does_not_cross_undeclared(spec: dict[str, Any]) -> None:
    refused = down(thing(spec=spec))
    assert isinstance(refused, Refusal)
    assert "namespace" in refused.field.lower()
    assert "passNamespaces" in refused.message


def test_a_field_that_is_only_called_like_a_namespace_may_be_passed() -> None:
    assert isinstance(down(thing(spec={"values": {"namespace": "metrics"}, "namespace": ""})), Draft)


def test_selectors_are_confined_to_the_namespace_also_empty_ones() -> None:
    answer = down(thing(spec={"selector": {"matchLabels": {"app": "x", "kled.io/tenant": "other"}}, "plainSelector": {}}))
    assert isinstance(answer, Draft)
    mine = {"kled.io/tenant": "acme", "kled.io/namespace": "web"}
    assert answer.body["spec"]["plainSelector"] == mine
    assert answer.body["spec"]["selector"]["matchLabels"] == {"app": "x", "kled.io/never": "true", **mine}
    assert [field for field, _ in answer.dropped] == ["spec.selector[kled.io/tenant]"]


def test_too_many_references_and_bottomless_nesting_are_refused() -> None:
    many = down(thing(spec={"parts": [f"p{number}" for number in range(2000)]}))
    assert isinstance(many, Refusal)
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    assert isinstance(down(thing(spec=deep)), Refusal)


def test_a_large_object_costs_no_more_than_its_size() -> None:

    spec = {"outputs": [{"secretRef": ""} for _ in range(20_000)], "data": {f"k{number}": "x" for number in range(20_000)}}
    started = time.process_time()
    assert isinstance(down(thing(spec=spec)), Draft)
    assert time.process_time() - started < 10.0


def test_references_ask_for_what_they_name_and_unreadable_objects_for_nothing() -> None:
    obj = thing(spec={"secretName": "tls", "outputs": [{"secretRef": "out"}]})
    needs = set(WIDGET.needs(obj, names_for(SETTINGS), SETTINGS))
    assert ObjectNeed(Side.TENANT, Ref("secrets", "web", "tls"), Purpose.DEMAND) in needs
    assert ObjectNeed(Side.HOST, Ref("secrets", "acme-web", "out"), Purpose.PROBE) in needs
    assert not set(WIDGET.needs(thing(spec={"secretName": 5}), names_for(SETTINGS), SETTINGS))


def test_cluster_scoped_kinds_carry_the_tenant_in_their_name() -> None:
    names = names_for(SETTINGS)
    assert names.name(record(GRIDS).destination, "", "g") == "g-x-acme"
    assert isinstance(down(thing("g", "", spec={"size": 1}), kind=GRIDS), Draft)


def test_a_cluster_scoped_kind_names_namespaced_objects_only_with_their_namespace() -> None:
    kind = replace(GRIDS, references=(ReferencePath(path=parse("spec.secretRef"), kind="secrets"),))
    settings = settings_with(kind, PARTS)
    refused = down(thing("g", "", spec={"secretRef": {"name": "x"}}), settings, kind)
    assert isinstance(refused, Refusal)
    found = down(
        thing("g", "", spec={"secretRef": {"name": "x", "namespace": "web"}}), settings, kind, host={"secrets": [copy_of("secrets", "web", "x")]}
    )
    assert isinstance(found, Draft)
    assert found.body["spec"]["secretRef"] == {"name": "x", "namespace": "acme-web"}


def test_namespaces_may_be_referred_to() -> None:
    kind = replace(GRIDS, references=(ReferencePath(path=parse("spec.targetNamespace"), kind="namespaces"),))
    found = down(thing("g", "", spec={"targetNamespace": "web"}), settings_with(kind), kind)
    assert isinstance(found, Draft)
    assert found.body["spec"] == {"targetNamespace": "acme-web"}


# --- the way up


def up(copy: dict[str, Any], tenant: dict[str, Any], settings: Any = SETTINGS, **around: Any) -> Any:
    translator = record(WIDGETS, settings)
    assert translator.up is not None
    return translator.up(copy, view_of(settings, counterpart=tenant, **around))


def test_status_comes_up_in_the_tenants_words() -> None:
    host = copy_of("widgets.example.com", "web", "one", "pool", status={})
    host["metadata"] |= {"name": "one-x-web-x-acme", "uid": "host-uid", "generation": 7}
    host["metadata"]["annotations"]["kled.io/source-generation"] = "3"
    part = copy_of("parts.example.com", "web", "p", "pool")
    part["metadata"]["name"] = "p-x-web-x-acme"
    host["status"] = {
        "partRef": {"name": "p-x-web-x-acme"},
        "where": "pool",
        "observedGeneration": 7,
        "conditions": [{"type": "Ready", "observedGeneration": 6, "message": "pool/one-x-web-x-acme is fine"}],
    }
    answer = up(host, thing(), SHARED, host={"parts.example.com": [part]})
    assert isinstance(answer, Draft)
    assert answer.body["status"] == {
        "partRef": {"name": "p"},
        "where": "web",
        "observedGeneration": 3,
        "conditions": [{"type": "Ready", "observedGeneration": 2, "message": "web/one is fine"}],
    }


def test_a_name_in_the_status_that_is_not_ours_does_not_come_up() -> None:
    answer = up(thing("one", "acme-web", status={"partRef": {"name": "secret-of-the-host"}}), thing())
    assert isinstance(answer, Draft)
    assert "secret-of-the-host" not in str(answer.body)


# --- the laws


def samples(settings: Any) -> list[Sample]:
    copies = lambda names: {  # noqa: E731
        "secrets": [_placed(copy_of("secrets", "web", "tls"), names, "secrets", settings)],
        "parts.example.com": [_placed(copy_of("parts.example.com", "web", "p"), names, "parts.example.com", settings)],
    }
    around = {"secrets": [thing("tls")], "parts.example.com": [thing("p")]}
    spec = {
        "secretName": "tls",
        "parts": ["p"],
        "outputs": [{"secretRef": {"name": "made-by-the-host"}}],
        "selector": {"matchLabels": {"a": "b"}},
        "n": 1,
    }
    return [
        Sample(source=thing(spec=spec), settings=settings, tenant=around, host=copies, host_status={"ready": True, "observedGeneration": 1}),
        Sample(source=thing("bare", meta={"labels": {"a": "b"}}, spec={"size": 2}), settings=settings, host_status={"phase": "Done"}),
        Sample(source=thing("empty"), settings=settings),
        Sample(source=thing("wrong", spec={"secretName": 5}), settings=settings),
    ]


def _placed(obj: dict[str, Any], names: Names, plural: str, settings: Any) -> dict[str, Any]:

    annotations = obj["metadata"]["annotations"]
    namespace, name = annotations["kled.io/source-namespace"], annotations["kled.io/source-name"]
    resource = catalog(settings).by_name[plural].destination
    return {**obj, "metadata": {**obj["metadata"], "namespace": names.namespace(namespace), "name": names.name(resource, namespace, name)}}


@pytest.mark.parametrize("settings", [SETTINGS, SHARED], ids=["one to one", "shared"])
def test_declared_kinds_keep_the_laws(settings: Any) -> None:
    check_laws(record(WIDGETS, settings), samples(settings))
    check_laws(record(PARTS, settings), [Sample(source=thing(spec={"a": 1}), settings=settings, host_status={"b": 2})])
    check_laws(record(GRIDS, settings), [Sample(source=thing("g", "", spec={"a": 1}), settings=settings, host_status={"b": 2})])
