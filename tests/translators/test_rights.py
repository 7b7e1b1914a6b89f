"""The printed manifests: shapes, and what must never be among the rights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import yaml
from server_pair import SETTINGS

from syncer.core.objects import Side
from syncer.core.settings import KindSettings, NetworkSettings, Settings
from syncer.fence import username
from syncer.rbac import manifests
from translators.catalog import BUILTIN, catalog

ACCOUNT = {"kind": "ServiceAccount", "namespace": "kled-acme", "name": "syncer"}
USER = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": 'acme "the syncer"'}
NEVER = {"*", "escalate", "impersonate", "deletecollection", "update", "approve", "sign"}
FORBIDDEN = {"pods/exec", "pods/attach", "pods/portforward", "pods/log", "nodes/proxy", "customresourcedefinitions"}


def config(**kinds: Any) -> Settings:
    chosen = kinds or {translator.kind_setting: "bidirectional" for translator in BUILTIN}
    return replace(SETTINGS, kinds={name: KindSettings(name=name, mode=mode) for name, mode in chosen.items()})


def printed(side: Side, settings: Settings | None = None, subject: dict[str, str] = ACCOUNT) -> list[dict[str, Any]]:
    settings = settings or config()
    return manifests(side, settings, catalog(settings), subject)


def rules(found: list[dict[str, Any]], kind: str = "", name: str = "") -> Iterator[dict[str, Any]]:
    for manifest in found:
        if "rules" in manifest and kind in ("", manifest["kind"]) and name in ("", manifest["metadata"]["name"]):
            yield from manifest["rules"]


def verbs(found: list[dict[str, Any]], resource: str, kind: str = "", name: str = "") -> set[str]:
    return {verb for rule in rules(found, kind, name) if resource in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("side", Side)
def test_no_right_is_a_wildcard_or_reaches_beyond_the_syncers_work(side: Side) -> None:
    for rule in rules(printed(side)):
        assert not NEVER & set(rule["verbs"])
        assert not FORBIDDEN & set(rule["resources"])
        assert "*" not in (*rule["apiGroups"], *rule["resources"])
        assert "bind" not in rule["verbs"] or rule["resourceNames"] == ["kled-acme-workload"]


def test_nothing_namespaced_is_granted_cluster_wide_on_the_host() -> None:
    found = printed(Side.HOST)
    cluster = {resource for rule in rules(found, "ClusterRole", "kled-acme-syncer") for resource in rule["resources"]}
    known = tuple(catalog(config()))
    whole = {resource.plural for one in known for resource in (one.source, one.destination) if not resource.namespaced or one.everywhere}
    assert {one.source.plural for one in BUILTIN if one.everywhere} == {"csistoragecapacities"}
    assert verbs(found, "csistoragecapacities") == {"get", "list", "watch"}
    assert cluster == {*whole, "servicecidrs", "rolebindings", "clusterroles"}
    bound = [manifest["roleRef"]["name"] for manifest in found if manifest["kind"] == "ClusterRoleBinding"]
    assert bound == ["kled-acme-syncer"]


@pytest.mark.parametrize("plural", ["persistentvolumes", "volumesnapshotcontents"])
def test_what_holds_data_on_the_host_is_only_read_unless_volumes_may_be_brought_in(plural: str) -> None:
    assert verbs(printed(Side.HOST), plural) == {"get", "list", "watch"}
    allowing = replace(config(), policy=replace(config().policy, allow_volumes=("disks.example.com",)))
    assert verbs(printed(Side.HOST, allowing), plural) == {"get", "list", "watch", "create", "patch", "delete"}


def test_every_binding_names_the_subject_and_a_role_that_is_printed() -> None:
    for side in Side:
        for subject in (ACCOUNT, USER):
            found = printed(side, subject=subject)
            names = {(manifest["kind"], manifest["metadata"]["name"], manifest["metadata"].get("namespace")) for manifest in found}
            for manifest in found:
                if "roleRef" in manifest:
                    assert manifest["subjects"] == [subject]
                    assert (manifest["roleRef"]["kind"], manifest["roleRef"]["name"], manifest["metadata"].get("namespace")) in names


@pytest.mark.parametrize("side", Side)
def test_the_manifests_are_plain_yaml_without_references(side: Side) -> None:
    text = yaml.safe_dump_all(printed(side), sort_keys=False)
    assert "&id" not in text
    assert list(yaml.safe_load_all(text)) == printed(side)
    assert all(manifest["apiVersion"] and manifest["kind"] and manifest["metadata"]["name"] for manifest in yaml.safe_load_all(text))


def test_a_kind_that_is_off_is_not_granted() -> None:
    settings = config(namespaces="bidirectional", configmaps="bidirectional")
    for side in Side:
        granted = {resource for rule in rules(printed(side, settings), "ClusterRole") for resource in rule["resources"]}
        assert not granted & {"pods", "pods/status", "secrets", "services", "nodes", "serviceaccounts/token"}
        assert "configmaps" in granted


def test_a_kind_that_only_goes_down_is_only_read_in_the_tenant() -> None:
    found = printed(Side.TENANT, config(namespaces="bidirectional", services="toHost"))
    assert verbs(found, "services") == {"get", "list", "watch"}
    assert verbs(found, "services/status") == set()


def test_the_rights_in_the_tenant_follow_from_the_translators() -> None:
    found = printed(Side.TENANT)
    assert verbs(found, "pods") == {"get", "list", "watch", "delete"}
    assert verbs(found, "pods/status") == {"patch"}
    assert verbs(found, "services") == {"get", "list", "watch", "create", "patch", "delete"}
    assert verbs(found, "nodes") == {"get", "list", "watch", "create", "patch", "delete"}
    assert verbs(found, "events") == {"get", "list", "watch", "create", "patch"}
    assert verbs(found, "secrets") == verbs(found, "configmaps") == verbs(found, "namespaces") == {"get", "list", "watch"}
    assert verbs(found, "serviceaccounts/token") == {"create"}
    assert verbs(found, "leases", "ClusterRole") == set()


def test_namespaces_are_only_read_when_the_administrator_makes_them() -> None:
    settings = replace(config(), host=replace(SETTINGS.host, create_namespaces=False))
    assert verbs(printed(Side.HOST, settings), "namespaces") == {"get", "list", "watch"}
    assert "create" in verbs(printed(Side.HOST), "namespaces")


def test_service_ranges_are_made_only_when_asked_for() -> None:
    settings = replace(config(), host=replace(SETTINGS.host, manage_service_cidr=True))
    assert "create" in verbs(printed(Side.HOST, settings), "servicecidrs")
    assert "create" not in verbs(printed(Side.HOST), "servicecidrs")


def test_the_fence_knows_users_and_service_accounts_and_quotes_them() -> None:
    assert username(ACCOUNT) == "system:serviceaccount:kled-acme:syncer"
    policy = next(manifest for manifest in printed(Side.HOST, subject=USER) if manifest["kind"] == "ValidatingAdmissionPolicy")
    assert policy["spec"]["matchConditions"][0]["expression"] == 'request.userInfo.username == "acme \\"the syncer\\""'


def test_services_shown_by_name_are_granted_in_exactly_the_namespaces_that_are_configured() -> None:
    shown = NetworkSettings(from_host=(("infra/main", "default/db"),), to_host=(("web/shop", "exchange/shop"),))
    found = printed(Side.HOST, replace(config(), network=shown))
    roles = {one["metadata"]["namespace"]: one["rules"] for one in found if one["kind"] == "Role" and one["metadata"]["name"].endswith("-replicas")}
    granted = {space: {(resource, verb) for one in rules for resource in one["resources"] for verb in one["verbs"]} for space, rules in roles.items()}
    reads = {(resource, verb) for resource in ("services", "endpointslices") for verb in ("get", "list", "watch")}
    writes = {(resource, verb) for resource in ("services", "endpointslices") for verb in ("create", "patch", "delete")}
    assert granted == {"infra": reads, "exchange": reads | writes}
    assert not [one for one in printed(Side.HOST) if one["metadata"]["name"].endswith("-replicas")]
    assert {"create", "delete"} <= verbs(printed(Side.TENANT, replace(config(), network=shown)), "endpointslices")
    assert verbs(printed(Side.TENANT), "endpointslices", "ClusterRole") == {"get", "list", "watch"}


def test_where_the_hosts_api_server_is_may_be_read_and_nothing_else_there() -> None:
    (role,) = [one for one in printed(Side.HOST) if one["kind"] == "Role" and one["metadata"]["namespace"] == "default"]
    assert role["rules"] == [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "resourceNames": ["kubernetes"], "verbs": ["get"]}]
    without = printed(Side.HOST, config(namespaces="bidirectional", configmaps="bidirectional"))
    assert not [one for one in without if one["metadata"].get("namespace") == "default"]
