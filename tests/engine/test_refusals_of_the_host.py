"""What a tenant reads when a rule of the host stands against its object, and when that is tried again."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal

import pytest

from syncer.core.errors import ApiError, api_error
from syncer.core.objects import NAMESPACES, RESOURCEQUOTAS, Key, Ref, Side
from syncer.engine.quotas import Quotas, room
from syncer.engine.refusals import refused
from syncer.testing import SimulatedCluster, virtualtime

HOST, TENANT = Ref("pods", "acme-shop", "web-x-shop-x-acme"), Ref("pods", "shop", "web")


def forbidden(why: str) -> ApiError:
    return api_error(403, "Forbidden", f'pods "{HOST.name}" is forbidden: {why}')


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (
            "exceeded quota: compute, requested: limits.cpu=2,pods=1, used: limits.cpu=9,pods=3, limited: limits.cpu=10,pods=20",
            "the host's quota 'compute' is used up: requested limits.cpu=2,pods=1, used limits.cpu=9,pods=3, limited to limits.cpu=10,pods=20; "
            "it is tried again when there is room",
        ),
        (
            "failed quota: compute: must specify limits.cpu for: main; requests.memory for: main",
            "the host's quota 'compute' counts what the object does not say; specify limits.cpu for: main; requests.memory for: main",
        ),
        (
            "[maximum cpu usage per Container is 1, but limit is 2, minimum memory usage per Pod is 1Gi, but request is 10Mi]",
            "a LimitRange of the host does not allow it: [maximum cpu usage per Container is 1, but limit is 2, minimum memory usage per Pod is 1Gi, "
            "but request is 10Mi]",
        ),
        (
            "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
            "a LimitRange of the host does not allow it: cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        ),
        (
            'violates PodSecurity "restricted:v1.36": runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true)',
            'the host\'s Pod Security level restricted does not allow it: runAsNonRoot != true (pod or container "main" must set '
            "securityContext.runAsNonRoot=true)",
        ),
        (
            "ValidatingAdmissionPolicy 'of-the-host.example' with binding 'all' denied request: no images of acme-shop",
            "an admission policy of the host denied it: no images of shop",
        ),
    ],
    ids=["quota", "quota of what is not said", "limits", "ratio", "pod security", "policy"],
)
def test_a_rule_of_the_host_is_told_with_its_numbers_and_in_the_tenants_names(why: str, said: str) -> None:
    found = refused(forbidden(why), HOST, TENANT)
    assert found.by_rule
    assert found.text == said


def test_a_webhook_is_told_without_its_name() -> None:
    error = api_error(403, "Forbidden", 'admission webhook "guard.platform.svc" denied the request: web-x-shop-x-acme in acme-shop needs an owner')
    assert refused(error, HOST, TENANT).text == "an admission webhook of the host denied it: web in shop needs an owner"


@pytest.mark.parametrize(
    "error",
    [
        forbidden('User "kled" cannot create resource "pods" in API group "" in the namespace "acme-shop"'),
        api_error(422, "Invalid", 'Pod "web-x-shop-x-acme" is invalid: spec.x: Invalid value: "acme-shop"'),
        api_error(500, "InternalError", 'failed calling webhook "guard.platform.svc": Post "https://guard.platform.svc:443/x": EOF'),
    ],
)
def test_anything_else_is_told_as_it_is_and_names_nobody(error: ApiError) -> None:
    found = refused(error, HOST, TENANT)
    assert not found.by_rule
    assert found.text.startswith("the host refused it: ")
    for secret in ("acme-shop", HOST.name, "guard.platform", '"kled"'):
        assert secret not in found.text


def test_the_quota_is_known_by_its_own_name_and_told_without_the_host_namespace() -> None:
    found = refused(forbidden("exceeded quota: acme-shop-pods, requested: pods=1, used: pods=1, limited: pods=1"), HOST, TENANT)
    assert (found.quota, found.requested) == ("acme-shop-pods", {"pods": Decimal(1)})
    assert "acme-shop" not in found.text


def test_however_long_the_answer_is_the_text_ends() -> None:
    assert len(refused(forbidden("maximum cpu usage per Container is 1, but limit is 2, " * 100), HOST, TENANT).text) <= 600


def test_room_is_what_is_left_and_what_cannot_be_read_is_no_limit() -> None:
    hard = {"pods": "10", "limits.cpu": "4", "uncounted": "5", "x": "junk"}
    quota = {"spec": {"hard": hard}, "status": {"used": {"pods": "3", "limits.cpu": "3500m", "x": "1"}}}
    assert room(quota) == {"pods": Decimal(7), "limits.cpu": Decimal("0.5"), "uncounted": Decimal(0)}


# --- who is woken when

PODS = [Key("pods", "shop", f"web-{number}") for number in range(4)]


QUOTA = {"metadata": {"name": "compute", "namespace": "acme-shop"}, "spec": {"hard": {"pods": "10"}}}


def counted(host: SimulatedCluster, used: int) -> None:
    """The host's quota controller has counted."""
    host.edit(RESOURCEQUOTAS, "acme-shop", "compute", {"status": {"used": {"pods": str(used)}}}, subresource="status")


def full_host() -> SimulatedCluster:
    """A host with a quota that is used up."""
    host = SimulatedCluster(Side.HOST)
    host.put(NAMESPACES, {"metadata": {"name": "acme-shop"}})
    host.put(RESOURCEQUOTAS, QUOTA)
    counted(host, 10)
    return host


def test_as_many_are_woken_as_fit_and_the_watch_ends_with_the_last_who_waits() -> None:
    async def main() -> None:
        host, woken = full_host(), list[Key]()
        quotas = Quotas(host, woken.append, random.Random(1))
        running = asyncio.create_task(quotas.run())
        for key in PODS:
            quotas.refused(key, "acme-shop", "compute", {"pods": Decimal(1)})
        await asyncio.sleep(5)
        assert woken == []
        counted(host, 8)
        await asyncio.sleep(5)
        assert woken == PODS[:2]
        for key in PODS[:2]:
            quotas.settled(key)
        woken.clear()
        counted(host, 10)
        host.edit(RESOURCEQUOTAS, "acme-shop", "compute", {"spec": {"hard": {"pods": "20"}}})
        await asyncio.sleep(5)
        assert woken == PODS[2:]
        for key in PODS:
            quotas.settled(key)
        assert quotas.waiting == 0
        await asyncio.sleep(1)
        assert not [request for request in host.log if request.verb == "watch" and request.number in host._streams]
        running.cancel()

    virtualtime.run(main())


def test_a_quota_that_is_removed_wakes_all_who_waited_for_it_and_nobody_else() -> None:
    async def main() -> None:
        host, woken = full_host(), list[Key]()
        quotas = Quotas(host, woken.append, random.Random(1))
        running = asyncio.create_task(quotas.run())
        quotas.refused(PODS[0], "acme-shop", "compute", {"pods": Decimal(1)})
        quotas.refused(PODS[1], "acme-shop", "another", {"pods": Decimal(1)})
        await asyncio.sleep(5)
        host.remove(RESOURCEQUOTAS, "acme-shop", "compute")
        await asyncio.sleep(5)
        assert woken == PODS[:1]
        running.cancel()

    virtualtime.run(main())
