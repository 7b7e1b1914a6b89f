import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from prometheus_client.parser import text_string_to_metric_families

from syncer.core.errors import StartupError
from syncer.observe.health import Health
from syncer.observe.http import parsed, serve
from syncer.observe.metrics import Metrics


class Server:
    def __init__(self, address: str, health: Health, metrics: Metrics) -> None:
        self.address, self.health, self.metrics = address, health, metrics
        self.host, self.port = parsed(address)

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port)

    async def say(self, request: bytes) -> bytes:
        reader, writer = await self.open()
        try:
            writer.write(request)
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()

    async def get(self, path: str) -> tuple[int, str, str]:
        """Code, head and body."""
        answer = await self.say(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head, _, body = answer.decode().partition("\r\n\r\n")
        return int(head.split()[1]), head, body


@asynccontextmanager
async def serving(address: str = "127.0.0.1:0", **limits: float) -> AsyncIterator[Server]:
    metrics = Metrics(["pods"])
    health = Health(metrics)
    async with anyio.create_task_group() as group:

        async def run(*, task_status: anyio.abc.TaskStatus[str]) -> None:
            await serve(address, metrics, health, task_status=task_status, **limits)  # type: ignore[arg-type]

        yield Server(await group.start(run), health, metrics)
        group.cancel_scope.cancel()


async def test_metrics_can_be_parsed_and_carry_the_type_prometheus_expects():
    async with serving() as server:
        code, head, body = await server.get("/metrics")
        assert code == 200
        assert "Content-Type: text/plain; version=0.0.4" in head
        assert "kled_sync_refused" in {family.name for family in text_string_to_metric_families(body)}


async def test_a_port_that_was_left_open_is_told():
    async with serving() as server:
        assert server.address.startswith("127.0.0.1:")
        assert server.port > 0


async def test_probes_follow_health():
    async with serving() as server:
        assert (await server.get("/livez"))[::2] == (200, "ok\n")
        assert (await server.get("/healthz"))[::2] == (200, "ok\n")
        assert (await server.get("/readyz"))[::2] == (503, "start: starting\n")
        server.health.ready("lists", lambda: "host pods")
        assert (await server.get("/readyz"))[::2] == (503, "lists: host pods\n")
        server.health.ready("lists", lambda: None)
        assert (await server.get("/readyz"))[0] == 200
        code, _, body = await server.get("/readyz?verbose")
        assert code == 200
        assert "[+]lists ok\n" in body
        assert body.endswith("readyz check passed\n")


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metricsx", "/debug/pprof", "/livez/../metrics", "/%6detrics"])
async def test_other_paths_are_not_found(path: str):
    async with serving() as server:
        assert (await server.get(path))[0] == 404


async def test_head_has_no_body_and_post_is_refused():
    async with serving() as server:
        answer = await server.say(b"HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n")
        answer = await server.say(b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        assert answer.startswith(b"HTTP/1.1 405 ")
        assert b"Allow: GET, HEAD\r\n" in answer


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET  /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/2.0\r\n\r\n", 400),
        (b"get /metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET http://a/metrics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metr\xffics HTTP/1.1\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n folded: a\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\na: b\nc: d\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * 100_000, 414),
        (b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 20_000, 431),
        (b"GET /metrics HTTP/1.1\r\na: " + b"b" * 50_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_plain_request_is_refused(request_: bytes, code: int):
    async with serving() as server:
        assert (await server.say(request_)).startswith(f"HTTP/1.1 {code} ".encode())
        assert (await server.get("/livez"))[0] == 200


async def test_a_request_that_never_ends_is_cut():
    async with serving(deadline=0.05) as server:
        reader, writer = await server.open()
        writer.write(b"GET /metrics HT")
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()


async def test_a_trickle_does_not_move_the_deadline():
    async with serving(deadline=0.2) as server:
        reader, writer = await server.open()

        async def trickle() -> None:
            while True:
                writer.write(b"GET /metrics HTTP/1.1\r\na: b\r\n"[:1])
                await writer.drain()
                await asyncio.sleep(0.01)

        task = asyncio.create_task(trickle())
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()


async def test_a_crowd_of_silent_clients_does_not_keep_a_probe_out():
    async with serving(connections=4) as server:
        crowd = [await server.open() for _ in range(20)]
        assert (await server.get("/livez"))[0] == 200
        for _, writer in crowd:
            writer.close()


async def test_a_client_that_goes_away_disturbs_nobody():
    async with serving() as server:
        for request in (b"", b"GET /metrics HTTP/1.1\r\n\r\n"):
            raw = socket.create_connection((server.host, server.port))
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            raw.sendall(request)
            raw.close()
        assert (await server.get("/livez"))[0] == 200


async def test_ipv6_is_written_in_brackets():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    async with serving("[::1]:0") as server:
        assert server.address.startswith("[::1]:")
        assert (await server.get("/livez"))[0] == 200


async def test_an_empty_host_is_every_interface():
    async with serving(":0") as server:
        server.host = "127.0.0.1"
        assert (await server.get("/livez"))[0] == 200


async def test_an_address_in_use_is_said_with_the_next_step():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(StartupError, match=rf"{address}: the address is in use\. .*--metrics-address"):
            await serve(address, Metrics(), Health(Metrics()))


@pytest.mark.parametrize("address", ["", None])
async def test_without_an_address_nothing_is_served(address: str | None):
    async with anyio.create_task_group() as group:
        assert await group.start(serve, address, Metrics(), Health(Metrics())) == ""


@pytest.mark.parametrize("address", ["8080", "localhost", "::1:8080", "a:b", "a:70000", "a:-1", "a:", "a:٣"])
async def test_a_bad_address_is_said_with_an_example(address: str):
    with pytest.raises(StartupError, match="Write HOST:PORT"):
        await serve(address, Metrics(), Health(Metrics()))


@pytest.mark.parametrize(("address", "meant"), [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:80", ("::1", 80)), (":0", ("", 0))])
def test_addresses_are_read(address: str, meant: tuple[str, int]):
    assert parsed(address) == meant


async def test_an_address_of_another_machine_is_said():
    with pytest.raises(StartupError, match="no such address"):
        await serve("192.0.2.1:8080", Metrics(), Health(Metrics()))


async def test_a_scrape_is_kept_for_a_moment_only():
    async with serving() as server:
        await server.get("/metrics")
        server.metrics.refused("pods")
        await anyio.sleep(0.3)
        assert 'kled_sync_refused_total{kind="pods"} 1.0' in (await server.get("/metrics"))[2]
