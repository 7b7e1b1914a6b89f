"""Transport and reflector against kube-apiserver: what only the real one can confirm."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from certs import Authority

from syncer.cluster.connect import connect
from syncer.cluster.reflector import Reflector
from syncer.cluster.transport import Transport
from syncer.core.errors import Forbidden, Invalid, StartupError
from syncer.core.objects import CONFIGMAPS, ENDPOINTSLICES, NAMESPACES, PODS, Side
from tools.planes import ControlPlane

pytestmark = pytest.mark.planes
PATIENCE = 60.0


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane("cluster", scheduler=False, controller_manager=False, audit=False) as plane:
        yield plane


@pytest.fixture
async def transport(plane: ControlPlane) -> AsyncIterator[Transport]:
    async with Transport(connect(Side.HOST, plane.kubeconfig)) as transport:
        yield transport


@pytest.fixture
async def namespace(transport: Transport) -> str:
    name = f"test-{uuid.uuid4().hex[:8]}"
    await transport.create(NAMESPACES, "", {"metadata": {"name": name}})
    return name


@asynccontextmanager
async def running(reflector: Reflector) -> AsyncIterator[Reflector]:
    task = asyncio.get_running_loop().create_task(reflector.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await reflector.wait_synced()
        yield reflector
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_discovery_tells_which_kinds_are_served_in_which_version(transport: Transport) -> None:
    assert await transport.serves(PODS)
    assert await transport.serves(ENDPOINTSLICES)
    assert not await transport.serves(replace(ENDPOINTSLICES, version="v1beta7"))
    assert not await transport.serves(replace(ENDPOINTSLICES, plural="endpointcakes"))
    assert not await transport.serves(replace(ENDPOINTSLICES, group="gateway.example.com"))


async def until(condition: Callable[[], Any]) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never came to that"
        await asyncio.sleep(0.05)


def names(reflector: Reflector) -> set[str]:
    return {entry.meta.name for entry in reflector.store}


async def make(transport: Transport, namespace: str, name: str, **more: Any) -> str:
    return (await transport.create(CONFIGMAPS, namespace, {"metadata": {"name": name}, **more})).meta.uid


async def test_writes_are_answered_with_metadata_only(transport: Transport, namespace: str) -> None:
    made = await transport.create(CONFIGMAPS, namespace, {"metadata": {"name": "a"}, "data": {"key": "value"}})
    patched = await transport.patch(CONFIGMAPS, namespace, "a", {"data": {"key": "other"}})
    assert (made.rest, patched.rest) == (None, None)
    assert patched.meta.uid == made.meta.uid
    assert patched.meta.resourceVersion != made.meta.resourceVersion


async def test_a_store_follows_with_a_streamed_list_and_events(transport: Transport, namespace: str) -> None:
    uid = await make(transport, namespace, "a")
    async with running(Reflector(transport, CONFIGMAPS, namespace)) as reflector:
        assert names(reflector) == {"a"}
        assert reflector._streamed
        await make(transport, namespace, "b")
        await transport.delete(CONFIGMAPS, namespace, "a", uid=uid)
        await until(lambda: names(reflector) == {"b"})
        assert not reflector.restarts


async def test_a_store_follows_across_a_restart_that_has_forgotten_the_past(plane: ControlPlane, transport: Transport, namespace: str) -> None:
    uid = await make(transport, namespace, "a")
    told: list[tuple[bool, bool]] = []
    reflector = Reflector(transport, CONFIGMAPS, namespace, listener=lambda old, new, proven: told.append((new is None, proven)))
    async with running(reflector):
        await asyncio.to_thread(plane.kill, "kube-apiserver")
        await until(lambda: reflector.state == "broken")
        await asyncio.to_thread(plane.restart, "kube-apiserver")
        await transport.delete(CONFIGMAPS, namespace, "a", uid=uid)
        await make(transport, namespace, "b")
        await asyncio.to_thread(plane.compact_etcd)
        await until(lambda: names(reflector) == {"b"})
        assert reflector.state == "live"
        assert any(gone for gone, _ in told)


async def test_the_largest_object_there_can_be_comes_through(transport: Transport, namespace: str) -> None:
    async with running(Reflector(transport, CONFIGMAPS, namespace)) as reflector:
        # Each of these characters takes six bytes on the wire.
        await make(transport, namespace, "big", data={"x": "<" * 1_000_000})
        await until(lambda: names(reflector) == {"big"})
        assert reflector.store.bytes > 5_000_000
        assert (await transport.get(CONFIGMAPS, namespace, "big")).obj()["data"]["x"] == "<" * 1_000_000


async def test_a_missing_permission_is_noticed_and_its_arrival_too(plane: ControlPlane, transport: Transport, namespace: str) -> None:
    user = f"reader-{namespace}"
    await make(transport, namespace, "a")
    async with Transport(connect(Side.HOST, plane.user_kubeconfig(user))) as poor:
        assert poor.connection.user == user
        reflector = Reflector(poor, CONFIGMAPS, namespace, eager=True)
        task = asyncio.get_running_loop().create_task(reflector.run())
        await until(lambda: reflector.state == "unavailable")
        with pytest.raises(Forbidden, match=user):
            await poor.list(CONFIGMAPS, namespace)
        plane.kubectl("create", "role", "r", f"--namespace={namespace}", "--verb=get,list,watch", "--resource=configmaps")
        plane.kubectl("create", "rolebinding", "r", f"--namespace={namespace}", "--role=r", f"--user={user}")
        async with asyncio.timeout(PATIENCE):
            await reflector.wait_synced()
        assert names(reflector) == {"a"}
        task.cancel()


async def test_an_invalid_object_names_its_field(transport: Transport, namespace: str) -> None:
    with pytest.raises(Invalid) as caught:
        await transport.create(PODS, namespace, {"metadata": {"name": "a"}, "spec": {"containers": []}})
    assert any("spec.containers" in cause for cause in caught.value.causes)


async def test_an_expired_client_certificate_is_said_at_the_start(plane: ControlPlane, tmp_path: Path) -> None:
    config = yaml.safe_load(plane.kubeconfig.read_text())
    certificate, key = Authority().issue("somebody", life=timedelta(days=-1))
    (tmp_path / "c.pem").write_bytes(certificate)
    (tmp_path / "k.pem").write_bytes(key)
    config["users"][0]["user"] = {"client-certificate": "c.pem", "client-key": "k.pem"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    async with Transport(connect(Side.TENANT, tmp_path / "kubeconfig")) as transport:
        with pytest.raises(StartupError, match="client certificate expired"):
            await transport.check()
