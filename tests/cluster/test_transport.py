"""Requests: what is sent, and what each kind of answer means."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from scripted import FixedSource, Handler, Out, Request, Scripted, bookmark, configmap, connection_to, event, status

from syncer.cluster import channel
from syncer.cluster.api import Change
from syncer.cluster.transport import Transport
from syncer.core.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    LeadershipLost,
    NotFound,
    StartupError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from syncer.core.objects import CONFIGMAPS, LEASES, PODS, Resource


@asynccontextmanager
async def talking(handler: Handler, **more: Any) -> AsyncIterator[tuple[Transport, Scripted, FixedSource]]:
    async with Scripted(handler) as server:
        source = FixedSource(server.url)
        async with Transport(connection_to(source), rng=random.Random(1), **more) as transport:
            yield transport, server, source


def always(code: int, body: Any = b"", **headers: str) -> Handler:
    async def handler(request: Request, out: Out) -> None:
        await out.answer(code, body, **headers)

    return handler


async def watched(transport: Transport, into: list[Change] | None = None, **more: Any) -> list[Change]:
    """All changes of a watch; those before a failure are found in `into`."""
    got = [] if into is None else into
    async for batch in transport.watch(CONFIGMAPS, "apps", **more):
        got.extend(batch)
    return got


async def watched_or_not(transport: Transport) -> None:
    with contextlib.suppress(Unreachable):
        await watched(transport)


# --- what is sent


async def test_a_create_asks_for_metadata_only_and_says_who_we_are() -> None:
    async with talking(always(201, configmap())) as (transport, server, _):
        made = await transport.create(CONFIGMAPS, "apps", {"metadata": {"name": "a"}})
    request = server.requests[0]
    assert (request.method, request.path) == ("POST", "/api/v1/namespaces/apps/configmaps")
    assert request.json == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert request.headers["accept"].startswith("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,")
    assert request.headers["user-agent"].startswith("kled-syncer/")
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["authorization"] == "Bearer first"
    assert made.meta.uid == "uid-a"


async def test_a_subresource_is_answered_whole() -> None:
    async with talking(always(201, {"kind": "TokenRequest", "metadata": {"name": "x"}, "status": {"token": "t"}})) as (transport, server, _):
        made = await transport.create(Resource("", "v1", "serviceaccounts", "ServiceAccount"), "apps", {"spec": {}}, name="sa", subresource="token")
    assert server.requests[0].path == "/api/v1/namespaces/apps/serviceaccounts/sa/token"
    assert server.requests[0].headers["accept"] == "application/json"
    assert made.obj()["status"] == {"token": "t"}


async def test_a_review_is_answered_whole() -> None:
    review = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False)
    async with talking(always(201, {"metadata": {}, "status": {"allowed": True}})) as (transport, _, _):
        made = await transport.create(review, "", {"spec": {}})
    assert made.obj()["status"] == {"allowed": True}


async def test_a_patch_is_a_merge_patch() -> None:
    async with talking(always(200, configmap())) as (transport, server, _):
        await transport.patch(PODS, "apps", "a", {"status": {"phase": "Running"}}, subresource="status")
    request = server.requests[0]
    assert (request.method, request.path) == ("PATCH", "/api/v1/namespaces/apps/pods/a/status")
    assert request.headers["content-type"] == "application/merge-patch+json"


async def test_a_delete_is_bound_to_the_uid() -> None:
    async with talking(always(200, status(200, ""))) as (transport, server, _):
        await transport.delete(PODS, "apps", "a", uid="u1", grace=30)
        with pytest.raises(ValueError, match="uid"):
            await transport.delete(PODS, "apps", "a", uid="")
    assert server.requests[0].json == {"preconditions": {"uid": "u1"}, "propagationPolicy": "Background", "gracePeriodSeconds": 30}
    assert len(server.requests) == 1


async def test_names_cannot_leave_their_place_in_the_path() -> None:
    async with talking(always(404, status(404, "NotFound"))) as (transport, server, _):
        for name in ("a/../../secrets/b", "x?y", "sys:role", "ü"):
            with pytest.raises(NotFound):
                await transport.get(CONFIGMAPS, "apps", name)
        with pytest.raises(Invalid):
            await transport.get(CONFIGMAPS, "..", "a")
    assert [request.path.rpartition("/")[0] for request in server.requests] == ["/api/v1/namespaces/apps/configmaps"] * 4


# --- what answers mean


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (400, "BadRequest", Invalid),
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (413, "RequestEntityTooLarge", Invalid),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", Throttled),
        (503, "ServiceUnavailable", Throttled),
        (500, "InternalError", ApiError),
    ],
)
async def test_each_status_has_its_error(code: int, reason: str, expected: type[ApiError]) -> None:
    async with talking(always(code, status(code, reason, "words of the server"))) as (transport, _, _):
        with pytest.raises(expected, match="words of the server") as caught:
            await transport.patch(CONFIGMAPS, "apps", "a", {})
    assert type(caught.value) is expected
    assert (caught.value.code, caught.value.reason) == (code, reason)


async def test_causes_and_retry_after_are_kept() -> None:
    body = status(
        403, "Forbidden", causes=[{"reason": "NamespaceTerminating", "field": "metadata.namespace", "message": "ends"}], retryAfterSeconds=7
    )
    async with talking(always(403, body)) as (transport, _, _):
        with pytest.raises(Forbidden) as caught:
            await transport.create(CONFIGMAPS, "apps", {})
    assert caught.value.causes == ("NamespaceTerminating: metadata.namespace: ends",)
    assert caught.value.retry_after == 7.0


async def test_a_patch_with_the_uid_of_another_object_is_a_conflict() -> None:
    body = status(422, "Invalid", causes=[{"reason": "FieldValueInvalid", "field": "metadata.uid", "message": "field is immutable"}])
    async with talking(always(422, body)) as (transport, _, _):
        with pytest.raises(Conflict):
            await transport.patch(CONFIGMAPS, "apps", "a", {"metadata": {"uid": "other"}})


async def test_plain_text_is_quoted_briefly() -> None:
    async with talking(always(500, b"x" * 100_000)) as (transport, _, _):
        with pytest.raises(ApiError) as caught:
            await transport.patch(CONFIGMAPS, "apps", "a", {})
    assert len(str(caught.value)) < 600


async def test_a_redirect_is_not_followed() -> None:
    async with Scripted(always(200, configmap())) as elsewhere, talking(always(302, Location=f"{elsewhere.url}/x")) as (transport, _, _):
        with pytest.raises(ApiError, match="redirects"):
            await transport.get(CONFIGMAPS, "apps", "a")
        assert elsewhere.requests == []


async def test_a_packed_answer_is_refused() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    async with talking(always(200, bomb, Content_Encoding="gzip")) as (transport, _, _):
        with pytest.raises(Unreachable, match="packed"):
            await transport.get(CONFIGMAPS, "apps", "a")
        with pytest.raises(Unreachable, match="packed"):
            await watched(transport)


@pytest.mark.parametrize("announced", [True, False])
async def test_an_answer_over_the_cap_is_refused(announced: bool) -> None:
    async def handler(request: Request, out: Out) -> None:
        if announced:
            await out.head(200, Content_Length=str(1 << 40))
        else:
            await out.head(200, Transfer_Encoding="chunked")
        while True:
            await out.chunk(b"x" * 65536)

    async with talking(handler) as (transport, _, _):
        with pytest.raises(Invalid, match="refused"):
            await transport.get(CONFIGMAPS, "apps", "a")


async def test_a_silent_server_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handler(request: Request, out: Out) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(channel, "_READ", 0.05)
    async with talking(handler) as (transport, _, _):
        with pytest.raises(Unreachable, match="no answer in time"):
            await transport.create(CONFIGMAPS, "apps", {})


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"metadata":{"name":"b","namespace":"apps","uid":"u","resourceVersion":"1"}}',
        b'{"metadata":{"name":"a","namespace":"other","uid":"u","resourceVersion":"1"}}',
        b'{"kind":"Secret","metadata":{"name":"a","namespace":"apps","uid":"u","resourceVersion":"1"}}',
        b'{"metadata":{"name":"a","namespace":"apps","uid":"u","resourceVersion":"1"},"spec":' + b"[" * 100_000,
        b'{"metadata":{"name":"a","namespace":"apps","uid":"u","resourceVersion":NaN}}',
        b'{"metadata":{"name":"a\xff","namespace":"apps","uid":"u","resourceVersion":"1"}}',
        b'{"metadata":{"name":"a","namespace":"apps","uid":"u","resourceVersion":"1","generation":' + b"9" * 5000 + b"}}",
    ],
)
async def test_an_object_that_is_not_what_was_asked_for_is_an_error(body: bytes) -> None:
    async with talking(always(200, body)) as (transport, _, _):
        with pytest.raises(ApiError, match="cannot be read"):
            await transport.get(CONFIGMAPS, "apps", "a")


async def test_a_list_sets_single_items_aside() -> None:
    items = [configmap("a"), {"metadata": {"name": "b", "namespace": "apps", "labels": 5}}, 17, configmap("c", namespace="elsewhere")]
    async with talking(always(200, {"metadata": {"resourceVersion": "9", "continue": "next"}, "items": items})) as (transport, server, _):
        page = await transport.list(CONFIGMAPS, "apps", label_selector="a=b,c", limit=2, continue_token="x/y")
    assert [entry.meta.name for entry in page.entries] == ["a"]
    assert [(bad.namespace, bad.name) for bad in page.bad] == [("apps", "b"), ("", ""), ("elsewhere", "c")]
    assert (page.resource_version, page.continue_token) == ("9", "next")
    assert server.requests[0].path == "/api/v1/namespaces/apps/configmaps?limit=2&labelSelector=a%3Db%2Cc&continue=x%2Fy"


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"resourceVersion": "9"}},
        {"kind": "Status", "metadata": {"resourceVersion": "9"}, "items": []},
        {"kind": "SecretList", "metadata": {"resourceVersion": "9"}, "items": []},
        {"metadata": {}, "items": []},
        {"metadata": {"resourceVersion": "new"}, "items": []},
        {"items": []},
        {"metadata": {"resourceVersion": "9"}, "items": {}},
        [],
    ],
)
async def test_what_is_no_list_is_not_an_empty_list(body: Any) -> None:
    async with talking(always(200, body)) as (transport, _, _):
        with pytest.raises(ApiError, match="cannot be read"):
            await transport.list(CONFIGMAPS, "apps")


@pytest.mark.parametrize("body", [{"items": None}, {"items": []}, {"kind": "ConfigMapList", "items": []}])
async def test_an_empty_list_is_one(body: Any) -> None:
    async with talking(always(200, {"metadata": {"resourceVersion": "9"}, **body})) as (transport, _, _):
        assert (await transport.list(CONFIGMAPS, "apps")).entries == []


# --- trying again


def failing_first(times: int, code: int = 429, **headers: str) -> Handler:
    left = [times]

    async def handler(request: Request, out: Out) -> None:
        left[0] -= 1
        if left[0] >= 0:
            if code == 0:
                out.cut()
                return
            await out.answer(code, status(code, "TooManyRequests"), **headers)
        else:
            await out.answer(200, configmap())

    return handler


async def test_a_read_waits_for_a_short_retry_after() -> None:
    async with talking(failing_first(2, Retry_After="0")) as (transport, server, _):
        await transport.get(CONFIGMAPS, "apps", "a")
    assert len(server.requests) == 3


@pytest.mark.parametrize("after", ["30", "soon", "-1", "9" * 40])
async def test_a_read_does_not_wait_for_a_long_retry_after(after: str) -> None:
    async with talking(failing_first(1, Retry_After=after)) as (transport, server, _):
        with pytest.raises(Throttled):
            await transport.get(CONFIGMAPS, "apps", "a")
    assert len(server.requests) == 1


async def test_a_read_is_repeated_when_the_connection_breaks_but_not_for_ever() -> None:
    async with talking(failing_first(1, 0)) as (transport, _, _):
        await transport.get(CONFIGMAPS, "apps", "a")
    async with talking(failing_first(100, 0)) as (transport, server, _):
        with pytest.raises(Unreachable):
            await transport.get(CONFIGMAPS, "apps", "a")
        assert len(server.requests) <= 6


@pytest.mark.parametrize("code", [0, 429, 503])
async def test_a_write_is_never_repeated(code: int) -> None:
    async with talking(failing_first(1, code, Retry_After="0")) as (transport, server, _):
        with pytest.raises((Throttled, Unreachable)):
            await transport.create(CONFIGMAPS, "apps", {})
    assert len(server.requests) == 1


async def test_a_refused_login_is_read_again_once() -> None:
    async def handler(request: Request, out: Out) -> None:
        good = request.headers["authorization"] == "Bearer second"
        await out.answer(201 if good else 401, configmap() if good else status(401, "Unauthorized"))

    async with talking(handler) as (transport, server, source):
        source.renewed = "Bearer second"
        await transport.create(CONFIGMAPS, "apps", {})
        assert len(server.requests) == 2
    async with talking(handler) as (transport, server, source):
        for _ in range(5):
            with pytest.raises(Unauthorized):
                await transport.create(CONFIGMAPS, "apps", {})
        assert (len(server.requests), source.loads) == (5, 2)


# --- fencing, limits, metrics


async def test_nothing_is_written_when_the_time_is_over_except_leases() -> None:
    lease = {"metadata": {"name": "l", "namespace": "apps", "uid": "u", "resourceVersion": "1"}}
    async with talking(always(200, lease)) as (transport, server, _):
        transport.may_write = lambda: False
        with pytest.raises(LeadershipLost):
            await transport.create(CONFIGMAPS, "apps", {})
        with pytest.raises(LeadershipLost):
            await transport.delete(CONFIGMAPS, "apps", "a", uid="u")
        with pytest.raises(LeadershipLost):
            await transport.patch(CONFIGMAPS, "apps", "a", {})
        await transport.patch(LEASES, "apps", "l", {})
    assert [request.method for request in server.requests] == ["PATCH"]


async def test_the_limiter_hears_of_overload_but_not_of_disruption_budgets() -> None:
    async with talking(always(429, status(429, "TooManyRequests"))) as (transport, _, _):
        before = transport.limiter.limit
        with pytest.raises(Throttled):
            await transport.create(PODS, "apps", {}, name="a", subresource="eviction")
        assert transport.limiter.limit == before
        with pytest.raises(Throttled):
            await transport.create(PODS, "apps", {})
        assert transport.limiter.limit == before // 2
        assert transport.limiter.in_flight == 0


async def test_every_request_is_observed() -> None:
    seen: list[tuple[str, int]] = []
    async with talking(failing_first(1, 409), observe=lambda method, code, seconds: seen.append((method, code))) as (transport, _, _):
        with pytest.raises(Conflict):
            await transport.create(CONFIGMAPS, "apps", {})
        await transport.get(CONFIGMAPS, "apps", "a")
        with pytest.raises(ApiError):
            await transport.list(CONFIGMAPS, "apps")
        await watched_or_not(transport)
    assert seen == [("POST", 409), ("GET", 200), ("LIST", 200), ("WATCH", 200)]


async def test_check_says_what_is_wrong() -> None:
    async with talking(always(401, status(401, "Unauthorized"))) as (transport, _, _):
        with pytest.raises(StartupError, match="does not accept these credentials"):
            await transport.check()
    async with talking(always(200, {"gitVersion": "v1.36.0"})) as (transport, _, _):
        assert await transport.check() == "v1.36.0"
    async with Scripted(always(200)) as server:
        source = FixedSource(server.url)
    async with Transport(connection_to(source)) as transport:
        with pytest.raises(StartupError, match=r"cannot connect to 127\.0\.0\.1:\d+ .*Check the address"):
            await transport.check()


# --- watches


def stream(*lines: Any) -> Handler:
    async def handler(request: Request, out: Out) -> None:
        await out.stream(*lines)

    return handler


async def test_a_watch_yields_what_it_reads() -> None:
    lines = (event("ADDED", configmap("a", 2)), bookmark(3, initial_end=True), event("DELETED", configmap("a", 4)), bookmark(5))
    async with talking(stream(*lines)) as (transport, server, _):
        changes = await watched(transport, initial=True)
    assert [(change.type, change.resource_version, change.initial_end) for change in changes] == [
        ("ADDED", "2", False),
        ("BOOKMARK", "3", True),
        ("DELETED", "4", False),
        ("BOOKMARK", "5", False),
    ]
    assert "sendInitialEvents=true&resourceVersionMatch=NotOlderThan" in server.requests[0].path
    assert changes[0].entry is not None
    assert changes[0].entry.obj()["data"] == {"key": "value"}


async def test_events_may_be_cut_anywhere() -> None:
    whole = b"".join(json.dumps(event("ADDED", configmap(f"n{number}", number + 1))).encode() + b"\n" for number in range(20))
    for size in (1, 7, 100, 401):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        async with talking(stream(*pieces)) as (transport, _, _):
            assert [change.resource_version for change in await watched(transport)] == [str(number + 1) for number in range(20)]


async def test_bad_objects_are_set_aside_and_the_stream_goes_on() -> None:
    deep = b'{"type":"MODIFIED","object":{"kind":"ConfigMap","metadata":{"name":"deep","namespace":"apps"},"data":' + b"[" * 100_000 + b"\n"
    lines = (
        event("ADDED", {**configmap("wrong"), "kind": "Secret"}),
        event("ADDED", configmap("label", 3, labels={"a": 1})),
        b'{"type":"ADDED","object":{"metadata":{"name":"nan","generation":NaN}}}\n',
        deep,
        event("MODIFIED", configmap("else", 3, namespace="other")),
        event("MODIFIED", configmap("nowhere", 3, namespace="")),
        event("MODIFIED", configmap("../up", 3)),
        event("MODIFIED", configmap("version", 3, resourceVersion="٣")),
        event("ADDED", [1, 2]),
        event("SURPRISE", configmap()),
        event("ADDED", configmap("good", 9)),
    )
    async with talking(stream(*lines)) as (transport, _, _):
        changes = await watched(transport)
    assert [change.type for change in changes] == ["BAD"] * 10 + ["ADDED"]
    assert [change.bad.name for change in changes if change.bad] == ["wrong", "label", "", "", "else", "nowhere", "", "version", "", ""]


async def test_a_line_without_end_is_skipped_and_the_stream_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncer.cluster.transport._LINE_CAP", 200_000)

    async def handler(request: Request, out: Out) -> None:
        await out.stream(end=False)
        for _ in range(100):
            await out.chunk(b"x" * 65536)
        await out.chunk(b"\n" + json.dumps(event("ADDED", configmap("good", 9))).encode() + b"\n")
        await out.chunk(b"")

    async with talking(handler) as (transport, _, _):
        changes = await watched(transport)
    assert [change.type for change in changes] == ["BAD", "ADDED"]


async def test_an_error_event_ends_the_stream_after_what_came_before_it() -> None:
    got: list[Change] = []
    lines = (event("ADDED", configmap("a", 2)), event("ERROR", status(410, "Expired")), event("ADDED", configmap("b", 3)))
    async with talking(stream(b"".join(json.dumps(line).encode() + b"\n" for line in lines))) as (transport, _, _):
        with pytest.raises(Gone):
            await watched(transport, got)
    assert [change.resource_version for change in got] == ["2"]


async def test_a_version_that_the_server_has_not_reached_is_gone() -> None:
    late = status(
        504, "Timeout", "Too large resource version", causes=[{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    )
    async with talking(always(504, late)) as (transport, _, _):
        with pytest.raises(Gone):
            await watched(transport)


@pytest.mark.parametrize("body", [b"too many requests\n", b"<html>\n<body>\n", b"null\n", b'{"kind":"Status"}\n'])
async def test_a_stream_of_something_else_is_unreachable(body: bytes) -> None:
    async with talking(stream(body)) as (transport, _, _):
        with pytest.raises(Unreachable, match="no watch event"):
            await watched(transport)


async def test_a_stream_that_breaks_in_the_middle_of_a_line_is_unreachable() -> None:
    async def handler(request: Request, out: Out) -> None:
        await out.stream(event("ADDED", configmap("a", 2)), b'{"type":"ADD', end=False)
        out.cut()

    got: list[Change] = []
    async with talking(handler) as (transport, _, _):
        with pytest.raises(Unreachable):
            await watched(transport, got)
    assert len(got) <= 1


async def test_a_silent_stream_is_unreachable() -> None:
    async def handler(request: Request, out: Out) -> None:
        await out.stream(event("ADDED", configmap("a", 2)), end=False)
        await asyncio.sleep(60)

    async with talking(handler, watch_silence=0.05) as (transport, _, _):
        with pytest.raises(Unreachable, match="no answer in time"):
            await watched(transport)


async def test_a_refused_watch_raises_what_the_server_says() -> None:
    async with talking(always(429, b"too many requests, please try again later", Retry_After="3")) as (transport, _, _):
        with pytest.raises(Throttled) as caught:
            await watched(transport)
    assert caught.value.retry_after == 3.0


async def test_a_watch_that_is_left_frees_its_connection() -> None:
    async def handler(request: Request, out: Out) -> None:
        await out.stream(event("ADDED", configmap("a", 2)), end=False)
        await asyncio.sleep(60)

    async with talking(handler) as (transport, server, _):
        async for batch in transport.watch(CONFIGMAPS, "apps"):
            if batch:
                break
        await asyncio.sleep(0.05)
        assert len(server.requests) == 1
