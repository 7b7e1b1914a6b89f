"""A Secret per pod, with one entry for each source of a token."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from pod_world import SHARED, PodView, pod, settings, with_status

from syncer.core.names import Names
from syncer.core.objects import SECRETS
from syncer.core.settings import NamespaceMapping
from syncer.core.translator import Draft, Skip, TokenNeed, Wait
from syncer.testing.view import names_for
from translators.pods import POD_TOKENS
from translators.pods.tokens import Source, secret_name, token_needs


def sources(*wanted: dict[str, Any]) -> dict[str, Any]:
    return {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "token", **item}} for item in wanted]}}


def down(given: dict[str, Any], tokens: dict[TokenNeed, str]) -> Any:
    assert POD_TOKENS.down is not None
    return POD_TOKENS.down(given, PodView(settings(), tokens=tokens))


def test_each_source_is_an_entry_of_its_own_also_at_the_same_path() -> None:
    given = pod({"volumes": None}, volumes=())
    given["spec"]["volumes"] = [sources({"audience": "vault"}, {"audience": "sts"})]
    needs = token_needs(given)
    assert [(need.entry, need.audience) for need in needs] == [("t.0", "vault"), ("t.1", "sts")]
    answer = down(given, {need: f"token-{need.audience}" for need in needs})
    assert isinstance(answer, Draft)
    assert answer.body["type"] == "Opaque"
    assert {key: base64.b64decode(value).decode() for key, value in answer.body["data"].items()} == {"t.0": "token-vault", "t.1": "token-sts"}


def test_a_need_names_account_pod_and_audience_as_the_tenant_knows_them() -> None:
    given = pod({"serviceAccountName": "robot"})
    assert token_needs(given) == [TokenNeed("web", "robot", "", 3600, "app-0", "p-1", "kube-api-access-x1y2z.0")]


@pytest.mark.parametrize(("asked", "seconds"), [(None, 3600), (3607, 3600), (3606, 3606), (10, 600), (900, 900), (10**9, 86400)])
def test_the_lifetime_asked_for_is_honoured_within_limits(asked: int | None, seconds: int) -> None:
    assert Source("v", 0, {"expirationSeconds": asked} if asked else {}).seconds == seconds


def test_an_entry_is_a_legal_key_whatever_the_volume_is_called() -> None:
    assert Source("kube-api-access-abcde", 0, {}).entry == "kube-api-access-abcde.0"
    assert Source("a b/" + "x" * 300, 1, {}).entry == Source("a b/" + "x" * 300, 1, {}).entry
    assert len(Source("a b/" + "x" * 300, 1, {}).entry) < 64


def test_no_secret_for_a_pod_without_token_sources() -> None:
    assert isinstance(down(pod({"volumes": []}), {}), Skip)


def test_no_secret_for_a_pod_that_has_ended() -> None:
    assert isinstance(down(with_status(pod(), {"phase": "Succeeded"}), {}), Skip)
    names = names_for(settings())
    assert list(POD_TOKENS.needs(with_status(pod(), {"phase": "Failed"}), names, settings())) == []


def test_nothing_is_asked_for_before_the_pod_has_a_node() -> None:
    given = pod({"nodeName": None})
    answer = down(given, {})
    assert isinstance(answer, Wait)
    assert answer.quiet
    assert list(POD_TOKENS.needs(given, names_for(settings()), settings())) == []


def test_the_secret_waits_until_all_its_tokens_are_there() -> None:
    given = pod()
    answer = down(given, {})
    assert isinstance(answer, Wait)
    assert answer.on == tuple(token_needs(given))


@pytest.mark.parametrize("mapping", [None, SHARED])
def test_the_name_of_the_secret_can_be_claimed_by_no_tenant_secret(mapping: Any) -> None:
    names: Names = names_for(settings(mapping) if mapping else settings())
    derived = secret_name(names, "web", "app-0")
    assert POD_TOKENS.target_name is not None
    assert POD_TOKENS.target_name(names, "web", "app-0") == (names.namespace("web"), derived)
    assert names.name(SECRETS, "web", derived) != derived


def test_an_unmapped_namespace_has_no_secret() -> None:
    assert POD_TOKENS.target_name is not None
    assert POD_TOKENS.target_name(names_for(settings(NamespaceMapping(table={"a": "b"}))), "web", "app-0") is None
