"""What the host shows of its own: by the sync file alone, following the original, and never over an object of the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from server_pair import SETTINGS, Pair

from syncer.core import stamp as stamps
from syncer.core.actions import Create, Delete, Patch, Recreate, Refuse
from syncer.core.decide import TAKEN_IN_TENANT
from syncer.core.names import Names
from syncer.core.objects import CONFIGMAPS, NAMESPACES, SECRETS, Obj, Resource, Side
from syncer.core.settings import Export, KindSettings
from syncer.core.translator import Draft, Skip, Translator, Wait
from syncer.engine.watches import watched_places, watches
from syncer.rbac import manifests
from syncer.testing import FakeView, SimulatedCluster, run
from translators.catalog import catalog
from translators.exports import export, exports, layers

ONE = Export(namespace="platform", name="settings", to_namespace="web", to_name="from-host")
ALL = Export(namespace="certs", to_namespace="tls")
WEB = {"metadata": {"name": "web", "uid": "ns"}}


def told(**kinds: Sequence[Export]) -> Any:
    return replace(SETTINGS, exports={plural: tuple(rules) for plural, rules in kinds.items()})


def shown(resource: Resource, host: Obj, rules: Sequence[Export] = (ONE,), **around: Any) -> Any:
    translator = export(resource, rules)
    assert translator.up is not None
    view = FakeView(told(), tenant={"namespaces": [WEB], **around})
    assert translator.tenant_owns == ()
    return translator.up(host, view)


def original(name: str = "settings", namespace: str = "platform", **content: Any) -> dict[str, Any]:
    labels = content.pop("labels", {"team": "host"})
    return {"metadata": {"name": name, "namespace": namespace, "uid": "h", "labels": labels, "annotations": {"note": "of the host"}}, **content}


def test_content_is_shown_and_neither_labels_nor_where_it_comes_from() -> None:
    answer = shown(CONFIGMAPS, original(data={"a": "b"}, binaryData={"c": "ZA=="}, immutable=True))
    assert answer == Draft({"metadata": {"labels": {}, "annotations": {}}, "data": {"a": "b"}, "binaryData": {"c": "ZA=="}, "immutable": True})


def test_a_secret_keeps_its_type() -> None:
    answer = shown(SECRETS, original(data={"tls.crt": "YQ==", "tls.key": "Yg=="}, type="kubernetes.io/tls"))
    assert isinstance(answer, Draft)
    assert answer.body["type"] == "kubernetes.io/tls"


@pytest.mark.parametrize(
    ("resource", "host"),
    [
        (SECRETS, original(type="kubernetes.io/service-account-token", data={"token": "YQ=="})),
        (SECRETS, original(type="bootstrap.kubernetes.io/token")),
        (SECRETS, original(labels={stamps.TENANT: "globex"}, data={"a": "YQ=="})),
        (CONFIGMAPS, original(labels={stamps.TENANT: "acme"})),
    ],
    ids=["account token", "bootstrap token", "another tenant's", "our own copy"],
)
def test_what_is_never_shown_whatever_the_file_says(resource: Resource, host: Obj) -> None:
    assert isinstance(shown(resource, host), Skip)


def test_what_every_namespace_has_of_its_own_is_not_shown() -> None:
    assert isinstance(shown(CONFIGMAPS, original("kube-root-ca.crt", "certs"), (ALL,)), Skip)


@pytest.mark.parametrize("namespaces", [[], [{"metadata": {"name": "web", "uid": "ns", "deletionTimestamp": "2030-01-01T00:00:00Z"}}]])
def test_a_namespace_that_the_tenant_does_not_have_is_waited_for_in_silence(namespaces: list[Obj]) -> None:
    answer = shown(CONFIGMAPS, original(), namespaces=namespaces)
    assert isinstance(answer, Wait)
    assert answer.quiet
    assert answer.on


def test_one_original_in_several_places_takes_several_translators_and_each_object_has_one_original() -> None:
    rules = (ONE, replace(ONE, to_namespace="db"), Export(namespace="platform", to_namespace="all"), ALL)
    assert [len(layer) for layer in layers(rules)] == [2, 1, 1]
    found = exports(told(configmaps=rules))
    assert [translator.name for translator in found] == ["exported-configmaps", "exported-configmaps-2", "exported-configmaps-3"]
    assert [translator.name for translator in catalog(told(configmaps=rules))] == [translator.name for translator in found]


PLACES = st.sampled_from(["a", "b"])
RULES = st.builds(
    lambda one, other, name, to: Export(namespace=one, name=name, to_namespace=other, to_name=to if name else ""),
    PLACES,
    st.sampled_from(["x", "y"]),
    st.sampled_from(["", "n", "m"]),
    st.sampled_from(["n", "o"]),
)


@given(st.lists(RULES, max_size=6), PLACES, st.sampled_from(["n", "m", "o"]))
def test_the_way_there_and_back_is_the_identity(rules: list[Export], namespace: str, name: str) -> None:
    for layer in layers(rules):
        translator = export(CONFIGMAPS, layer)
        assert translator.target_name is not None
        assert translator.source_of is not None
        target = translator.target_name(Names("acme", SETTINGS.mapping), namespace, name)
        if target is not None and sum(rule.to_namespace == target[0] for rule in layer) == 1:  # as the sync file has it
            assert translator.source_of(*target) == (namespace, name)


def test_rights_are_given_by_namespace_and_by_name_and_nowhere_else() -> None:
    settings = replace(told(configmaps=(ONE,), secrets=(ALL, replace(ONE, name="a"), replace(ONE, name="b"))), kinds={})
    found = manifests(Side.HOST, settings, catalog(settings), {"kind": "ServiceAccount", "name": "syncer", "namespace": "kled-acme"})
    roles = {(manifest["metadata"].get("namespace"), manifest["metadata"]["name"]): manifest for manifest in found if manifest["kind"] == "Role"}
    reading = {"apiGroups": [""], "verbs": ["get", "list", "watch"]}
    assert roles["platform", "kled-acme-exports"]["rules"] == [
        {**reading, "resources": ["configmaps"], "resourceNames": ["settings"]},
        {**reading, "resources": ["secrets"], "resourceNames": ["a", "b"]},
    ]
    assert roles["certs", "kled-acme-exports"]["rules"] == [{**reading, "resources": ["secrets"]}]
    for manifest in found:
        if manifest["kind"] == "ClusterRole":
            assert not [rule for rule in manifest["rules"] if {"secrets", "configmaps"} & set(rule["resources"])]
    bound = {(manifest["metadata"].get("namespace"), manifest["roleRef"]["name"]) for manifest in found if manifest["kind"] == "RoleBinding"}
    assert {("platform", "kled-acme-exports"), ("certs", "kled-acme-exports")} <= bound


def test_only_the_places_are_watched_and_a_whole_namespace_covers_its_objects() -> None:
    within = Export(namespace="certs", name="one", to_namespace="web", to_name="one")
    found = exports(told(secrets=(ALL, within), configmaps=(ONE,)))
    places = [(watch.resource.plural, watch.namespace, watch.name) for watch in watched_places(found)]
    assert sorted(places) == [("configmaps", "platform", "settings"), ("secrets", "certs", "")]
    assert not [watch for watch in watches(found, "acme") if watch.side is Side.HOST and watch.resource in (SECRETS, CONFIGMAPS)]


# --- between two API servers in memory


def world(translator: Translator) -> tuple[SimulatedCluster, SimulatedCluster, Pair]:
    tenant, host = SimulatedCluster(Side.TENANT), SimulatedCluster(Side.HOST)
    tenant.put(NAMESPACES, {"metadata": {"name": "web"}})
    host.put(NAMESPACES, {"metadata": {"name": "platform"}})
    return tenant, host, Pair(tenant, host, told(), {Side.TENANT: (NAMESPACES,), Side.HOST: ()})


SECRET = export(SECRETS, (ONE,))


async def done(pair: Pair) -> list[type]:
    return [type(action) for action in await pair.settle(SECRET, "platform", "settings")]


def content(data: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "settings", "namespace": "platform"}, "data": data, "type": "Opaque", **more}


def test_a_copy_follows_its_original_and_goes_with_it() -> None:
    async def history() -> None:
        tenant, host, pair = world(SECRET)
        host.put(SECRETS, content({"a": "YQ=="}))
        assert await done(pair) == [Create]
        host.edit(SECRETS, "platform", "settings", {"data": {"a": None, "b": "Yg=="}})
        assert await done(pair) == [Patch]
        tenant.edit(SECRETS, "web", "from-host", {"data": {"b": "bWluZQ==", "c": "bWluZQ=="}})
        assert await done(pair) == [Patch]
        there = await pair.get(Side.TENANT, SECRETS, "web", "from-host")
        assert there is not None
        assert there["data"] == {"b": "Yg=="}
        tenant.remove(SECRETS, "web", "from-host")
        assert await done(pair) == [Create]
        host.remove(SECRETS, "platform", "settings")
        assert await done(pair) == [Delete]

    run(history())


def test_immutable_content_and_another_type_make_the_copy_anew() -> None:
    async def history() -> None:
        _, host, pair = world(SECRET)
        host.put(SECRETS, content({"a": "YQ=="}, immutable=True))
        assert await done(pair) == [Create]
        for again in (content({"a": "Yg=="}, immutable=True), content({"a": "Yg=="}), content({"a": "Yg=="}, type="example.com/x")):
            host.remove(SECRETS, "platform", "settings")
            host.put(SECRETS, again)
            # Another original: what was made for the former one goes first.
            assert await done(pair) in ([Delete, Create], [Recreate])
            there = await pair.get(Side.TENANT, SECRETS, "web", "from-host")
            assert there is not None
            assert (there["data"], there.get("immutable"), there["type"]) == (again["data"], again.get("immutable"), again["type"])

    run(history())


def test_an_object_of_the_tenant_under_the_name_stays_and_is_told() -> None:
    async def history() -> None:
        tenant, host, pair = world(SECRET)
        host.put(SECRETS, content({"a": "YQ=="}))
        tenant.put(SECRETS, {"metadata": {"name": "from-host", "namespace": "web"}, "data": {"mine": "YQ=="}, "type": "Opaque"})
        (told_,) = await pair.settle(SECRET, "platform", "settings")
        assert isinstance(told_, Refuse)
        assert (told_.ref.namespace, told_.ref.name, told_.message) == ("web", "from-host", TAKEN_IN_TENANT)
        host.remove(SECRETS, "platform", "settings")
        assert await done(pair) == []
        there = await pair.get(Side.TENANT, SECRETS, "web", "from-host")
        assert there is not None
        assert there["data"] == {"mine": "YQ=="}

    run(history())


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
def test_a_shown_object_that_a_pod_uses_goes_down_without_our_marks_and_without_an_event(plural: str) -> None:
    translator = catalog(replace(SETTINGS, kinds={plural: KindSettings(name=plural)})).by_name[plural]
    marks = {"labels": {stamps.MANAGED_BY: stamps.MANAGER, "app": "x"}, "annotations": {stamps.SOURCE_UID: "u", stamps.KEYS: "l:app", "mine": "y"}}
    source = {"metadata": {"name": "a", "namespace": "web", "uid": "t", **marks}, "data": {"k": "dg=="}}
    assert translator.down is not None
    answer = translator.down(source, FakeView(SETTINGS))
    assert isinstance(answer, Draft)
    assert answer.dropped == ()
    assert answer.body["metadata"] == {"labels": {"app": "x"}, "annotations": {"mine": "y"}}
