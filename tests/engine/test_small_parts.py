"""Fights, selection, words for tenants, tokens, events."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from syncer.core import actions
from syncer.core.actions import Patch
from syncer.core.errors import api_error
from syncer.core.objects import CONFIGMAPS, EVENTS, NAMESPACES, PODS, SERVICEACCOUNTS, Ref, Side
from syncer.core.settings import Selector
from syncer.core.translator import TokenNeed
from syncer.engine.fights import ROUNDS, WINDOW, Fights
from syncer.engine.recorder import Recorder
from syncer.engine.selection import selected
from syncer.engine.tell import host_words
from syncer.engine.tokens import Tokens, read_claims
from syncer.testing import SimulatedCluster, virtualtime

REF = Ref("configmaps", "t-a", "x")


def patch(value: str) -> Patch:
    return Patch(side=Side.HOST, resource=CONFIGMAPS, ref=REF, patch={"data": {"k": value}}, uid="u")


def test_the_same_patch_again_and_again_is_left_alone_for_a_while():
    now = [0.0]
    fights = Fights(lambda: now[0])
    assert [fights.pause(patch("1")) for _ in range(ROUNDS)] == [0.0] * ROUNDS
    assert fights.pause(patch("1")) > 0
    assert fights.pause(patch("2")) == 0.0
    now[0] += WINDOW + 2
    assert fights.pause(patch("1")) == 0.0


@pytest.mark.parametrize(
    ("operator", "values", "labels", "expected"),
    [
        ("In", ("1", "2"), {"k": "1"}, True),
        ("In", ("1",), {}, False),
        ("NotIn", ("1",), {}, True),
        ("NotIn", ("1",), {"k": "1"}, False),
        ("Exists", (), {"k": ""}, True),
        ("DoesNotExist", (), {"k": ""}, False),
    ],
)
def test_selectors_mean_what_they_mean_in_kubernetes(operator, values, labels, expected):
    assert selected(Selector(match_expressions=(("k", operator, values),)), labels) is expected


def test_no_selector_can_hold_an_unknown_operator():
    with pytest.raises(ValueError, match="Gt"):
        selected(Selector(match_expressions=(("k", "Gt", ("1",)),)), {})


def test_the_words_of_the_host_name_nothing_of_the_host():
    said = (
        'pods "web-x-shop-x-acme" is forbidden: User "system:serviceaccount:kled-acme:syncer" cannot create resource in namespace "all-of-acme": '
        'admission webhook "guard.corp.example" denied it, see https://guard.corp.example/why at 10.1.2.3:8443'
    )
    error = api_error(403, "Forbidden", said)
    words = host_words(error, Ref("pods", "all-of-acme", "web-x-shop-x-acme"), Ref("pods", "shop", "web"))
    for secret in ("all-of-acme", "web-x-shop", "kled-acme", "corp.example", "10.1.2.3"):
        assert secret not in words
    assert "web" in words
    assert len(words) <= 300


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.c2ln"


NEED = TokenNeed("a", "default", "", 3600, "web", "uid-1", "token")


def secret(token: str) -> dict[str, object]:
    return {"data": {"token": base64.b64encode(token.encode()).decode()}}


def fresh(**over: object) -> str:
    return jwt(**{"iat": 1000, "exp": 4600, "aud": ["api"], "kubernetes.io": {"pod": {"uid": "uid-1"}}, **over})


@pytest.mark.parametrize(
    ("now", "token", "kept"),
    [
        (1001, fresh(), True),
        (1000 + 0.79 * 3600, fresh(), True),
        (1000 + 0.81 * 3600, fresh(), False),
        (1001, fresh(**{"kubernetes.io": {"pod": {"uid": "uid-2"}}}), False),
        (1001, "no token at all", False),
        (1001, jwt(exp=4600), False),
    ],
)
def test_a_token_in_the_host_secret_is_kept_while_it_is_young_and_of_this_pod(now, token, kept):
    tokens = Tokens(SimulatedCluster(Side.TENANT), lambda: now)
    assert tokens.kept([NEED], secret(token)) == ({NEED: token} if kept else {})


def test_a_token_for_another_audience_is_not_kept():
    tokens = Tokens(SimulatedCluster(Side.TENANT), lambda: 1001)
    assert tokens.kept([NEED._replace(audience="vault")], secret(fresh())) == {}
    assert tokens.kept([NEED._replace(audience="api")], secret(fresh())) != {}


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.!!!.c", "e30." + "A" * 20000 + ".c", jwt(iat="soon", exp=1)])
def test_what_is_no_token_has_no_claims(text):
    assert read_claims(text) is None


def test_renewal_is_due_when_the_first_token_reaches_eighty_percent():
    tokens = Tokens(SimulatedCluster(Side.TENANT), lambda: 1000)
    assert tokens.next_renewal([fresh(), fresh(exp=2000)]) == pytest.approx(800)
    assert tokens.next_renewal([]) is None


def test_a_token_is_asked_for_as_the_pod_wants_it():
    async def main():
        tenant = SimulatedCluster(Side.TENANT)
        tenant.put(NAMESPACES, {"metadata": {"name": "a"}})
        tenant.put(SERVICEACCOUNTS, {"metadata": {"name": "default", "namespace": "a"}})
        pod = tenant.put(PODS, {"metadata": {"name": "web", "namespace": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
        need = NEED._replace(pod_uid=pod["metadata"]["uid"], audience="vault", seconds=1200)
        claims = read_claims(await Tokens(tenant, virtualtime.wall_time).request(need))
        assert claims is not None
        assert claims.audiences == ("vault",)
        assert claims.pod_uid == need.pod_uid
        assert claims.expires - claims.issued == 1200

    virtualtime.run(main())


def test_an_event_is_written_once_however_often_it_is_told_and_by_whichever_process():
    async def main():
        tenant = SimulatedCluster(Side.TENANT)
        tenant.put(NAMESPACES, {"metadata": {"name": "a"}})
        subject = (Ref("pods", "a", "web"), "Pod", "v1", "uid-1")
        event = actions.Event(ref=subject[0], reason="SyncWaiting", message="configmap 'x' does not exist")
        for _ in range(2):
            recorder = Recorder(tenant)
            task = asyncio.create_task(recorder.run())
            recorder.tell(subject, event)
            recorder.tell(subject, event)
            await asyncio.sleep(5)
            task.cancel()
        (written,) = tenant.all(EVENTS)
        assert written["involvedObject"] == {"kind": "Pod", "apiVersion": "v1", "namespace": "a", "name": "web", "uid": "uid-1"}
        assert written["reportingComponent"] == written["source"]["component"] == "kled-syncer"

    virtualtime.run(main())


def test_a_flood_of_events_is_written_at_a_limited_rate_and_bounded():
    async def main():
        tenant = SimulatedCluster(Side.TENANT)
        tenant.put(NAMESPACES, {"metadata": {"name": "a"}})
        recorder = Recorder(tenant)
        for number in range(5000):
            recorder.tell((Ref("pods", "a", f"p{number}"), "Pod", "v1", f"u{number}"), actions.Event(ref=REF, reason="R", message="m"))
        assert recorder.pending <= 1000
        task = asyncio.create_task(recorder.run())
        await asyncio.sleep(10)
        assert len(tenant.all(EVENTS)) <= 25 + 5 * 10 + 1
        task.cancel()

    virtualtime.run(main())
