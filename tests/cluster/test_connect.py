"""Kubeconfigs, credentials and TLS: what is accepted, and what people are told when it is not."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from certs import Authority, server_context
from scripted import Out, Request, Scripted, status

from syncer.cluster.certificate import facts
from syncer.cluster.connect import connect
from syncer.cluster.credentials import Credentials
from syncer.cluster.sources import ServiceAccount
from syncer.cluster.transport import Transport
from syncer.core.errors import StartupError
from syncer.core.objects import Side

CA = Authority()
VERSION = {"gitVersion": "v1.36.0"}


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def kubeconfig(folder: Path, server: str = "https://127.0.0.1:6443", *, cluster: Any = None, user: Any = None, **top: Any) -> Path:
    """A file with one context; `cluster` and `user` replace what is in their entries."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "far", "user": "me"}}],
        "clusters": [{"name": "far", "cluster": {"server": server, **({"certificate-authority-data": b64(CA.pem)} if cluster is None else cluster)}}],
        "users": [{"name": "me", "user": {"token": "secret-token"} if user is None else user}],
        **top,
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def pair(name: str = "red-syncer", **more: Any) -> dict[str, str]:
    certificate, key = CA.issue(name, **more)
    return {"client-certificate-data": b64(certificate), "client-key-data": b64(key)}


async def refused(path: Path | None, side: Side = Side.TENANT) -> str:
    """What is said at the start."""
    with pytest.raises(StartupError) as caught:
        await connect(side, path).credentials.login()
    return str(caught.value)


async def checked(side: Side, path: Path) -> str:
    """What the server says of its version."""
    async with Transport(connect(side, path)) as transport:
        return await transport.check()


async def accept(request: Request, out: Out) -> None:
    await out.answer(200, VERSION)


# --- files


@pytest.mark.parametrize("side", list(Side))
async def test_a_file_that_is_no_kubeconfig_is_said_by_name(tmp_path: Path, side: Side) -> None:
    path = tmp_path / "kubeconfig"
    assert f"{path}: no such file" in await refused(path, side)
    cases = [
        ("a: [", "line 1"),
        ("- a", "no mapping"),
        ("", "no mapping"),
        ("kind: Config", "no current-context"),
        ("a: &x 1\nb: *x", "aliases"),
        ("[" * 5000, "YAML"),
    ]
    for text, words in cases:
        path.write_text(text)
        said = await refused(path, side)
        assert words in said
        assert str(path) in said
    path.write_bytes(b" " * (2 << 20))
    assert "larger than 1 MiB" in await refused(path, side)


async def test_missing_and_double_entries_are_named(tmp_path: Path) -> None:
    assert "no entry named 'other' under `contexts`" in await refused(kubeconfig(tmp_path, **{"current-context": "other"}))
    assert "more than one entry named 'far' under `clusters`" in await refused(
        kubeconfig(tmp_path, clusters=[{"name": "far", "cluster": {"server": f"https://{host}"}} for host in "ab"])
    )
    assert "`users` is not a list" in await refused(kubeconfig(tmp_path, users={}))
    assert "names no user" in await refused(kubeconfig(tmp_path, contexts=[{"name": "it", "context": {"cluster": "far"}}]))


HOSTILE = [
    ("user", {"exec": {"command": "/bin/sh", "apiVersion": "client.authentication.k8s.io/v1"}}, "exec"),
    ("user", {"auth-provider": {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}}, "auth-provider"),
    ("user", {"username": "a"}, "username"),
    ("user", {"token": "t", "as": "system:admin"}, "as"),
    ("user", {"token": "t", "as-groups": ["system:masters"]}, "as-groups"),
    ("user", {"token": ["t"]}, "token"),
    ("user", {"tokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token"}, "tokenFile"),
    ("user", {"tokenFile": "../../../../../../../../../../../../var/run/secrets/kubernetes.io/serviceaccount/token"}, "tokenFile"),
    ("user", {"tokenFile": "/proc/self/environ"}, "tokenFile"),
    ("user", {"client-certificate-data": "%%%", "client-key-data": "x"}, "client-certificate-data"),
    ("user", {"client-certificate": "missing.pem", "client-key": "missing.key"}, "client-certificate"),
    ("user", {"client-certificate-data": b64(CA.pem)}, "client-key"),
    ("user", {}, "client-certificate or token"),
    ("cluster", {"insecure-skip-tls-verify": True}, "insecure-skip-tls-verify"),
    ("cluster", {"proxy-url": "http://evil:8080"}, "proxy-url"),
    ("cluster", {"something-new": "x"}, "something-new"),
    ("cluster", {"certificate-authority-data": 5}, "certificate-authority-data"),
]


@pytest.mark.parametrize(("entry", "fields", "field"), HOSTILE)
async def test_a_tenants_kubeconfig_holds_nothing_that_acts(tmp_path: Path, entry: str, fields: dict[str, Any], field: str) -> None:
    path = kubeconfig(tmp_path, **{entry: fields})
    said = await refused(path)
    assert f"{entry} {'far' if entry == 'cluster' else 'me'!r}: {field}: " in said
    assert str(path) in said
    assert said.endswith(".")


async def test_a_link_to_our_own_token_is_seen_through(tmp_path: Path) -> None:
    (tmp_path / "token").symlink_to("/proc/self/environ")
    assert "tokenFile" in await refused(kubeconfig(tmp_path, user={"tokenFile": "token"}))


@pytest.mark.parametrize(
    "server", ["http://a", "https://u:p@a", "https://", "ftp://a", "https://a?x=1", "a:6443", "https://[::1", "https://a:99999", 5, None]
)
async def test_a_tenants_server_is_an_https_address(tmp_path: Path, server: Any) -> None:
    assert "cluster 'far': server: " in await refused(kubeconfig(tmp_path, server))


async def test_harmless_extras_are_ignored(tmp_path: Path) -> None:
    extras = {"extensions": [{"name": "minikube"}], "certificate-authority-data": b64(CA.pem), "insecure-skip-tls-verify": False, "proxy-url": ""}
    login = await connect(Side.TENANT, kubeconfig(tmp_path, "https://1.2.3.4:1/k8s/", cluster=extras)).credentials.login()
    assert (login.server, login.authorization, login.proxy) == ("https://1.2.3.4:1/k8s", "Bearer secret-token", None)


async def test_unusable_pem_is_said_without_showing_it(tmp_path: Path) -> None:
    assert "CA certificate is not usable PEM" in await refused(kubeconfig(tmp_path, cluster={"certificate-authority-data": b64(b"secret nonsense")}))
    mixed = {**pair(), "client-key-data": b64(CA.issue("other")[1])}
    said = await refused(kubeconfig(tmp_path, user=mixed))
    assert "not a usable pair" in said
    assert "PRIVATE" not in said


async def test_a_token_with_a_line_break_in_it_is_refused(tmp_path: Path) -> None:
    said = await refused(kubeconfig(tmp_path, user={"token": "abc\r\nX-Evil: 1"}))
    assert "characters that no token has" in said
    assert "Evil" not in said


async def test_without_kubeconfig_the_next_step_is_named() -> None:
    assert "--tenant-kubeconfig" in await refused(None, Side.TENANT)
    assert "--host-kubeconfig" in await refused(None, Side.HOST)


# --- who we are


def jwt(subject: str) -> str:
    return ".".join(b64(json.dumps(part).encode()).rstrip("=") for part in ({"alg": "none"}, {"sub": subject}, {}))


async def test_the_user_is_read_from_certificate_or_token(tmp_path: Path) -> None:
    assert connect(Side.HOST, kubeconfig(tmp_path, user=pair("red-syncer", organization="kled"))).user == "red-syncer"
    assert connect(Side.HOST, kubeconfig(tmp_path, user={"token": jwt("system:serviceaccount:a:b")})).user == "system:serviceaccount:a:b"
    (tmp_path / "token").write_text(jwt("from-file") + "\n")
    assert connect(Side.TENANT, kubeconfig(tmp_path, user={"tokenFile": "token"})).user == "from-file"
    assert connect(Side.HOST, kubeconfig(tmp_path, user={"token": "opaque"})).user == ""


def test_certificates_that_are_none_yield_no_facts() -> None:
    certificate, _ = CA.issue("someone", life=timedelta(days=30 * 365))
    found = facts(certificate)
    assert found.user == "someone"
    assert found.expires is not None
    assert found.expires > datetime.now(UTC) + timedelta(days=29 * 365)
    for cut in range(0, len(certificate), 7):
        facts(certificate[:cut])
    for junk in (b"", b"\xff", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", certificate.replace(b"M", b"A")):
        facts(junk)


# --- TLS


async def test_a_client_certificate_is_presented_and_the_key_touches_no_disk(tmp_path: Path) -> None:
    seen: list[Any] = []

    async def look(request: Request, out: Out) -> None:
        seen.append(out.writer.get_extra_info("peercert"))
        await out.answer(200, VERSION)

    for side in Side:
        async with Scripted(look, ssl=server_context(tmp_path, CA.issue("server"), CA.pem)) as server:
            assert await checked(side, kubeconfig(tmp_path, server.url, user=pair())) == "v1.36.0"
    assert [dict(item[0] for item in peer["subject"])["commonName"] for peer in seen] == ["red-syncer"] * 2
    folders = [Path("/dev/shm"), Path("/tmp")]
    assert not [
        file
        for folder in folders
        for file in folder.glob("tmp*")
        if file.is_file() and os.access(file, os.R_OK) and b"PRIVATE" in file.read_bytes()[:200]
    ]


@pytest.mark.parametrize("side", list(Side))
async def test_each_trouble_with_certificates_has_its_words(tmp_path: Path, side: Side) -> None:
    async def said(pair: tuple[bytes, bytes], **more: Any) -> str:
        async with Scripted(accept, ssl=server_context(tmp_path, pair)) as server:
            with pytest.raises(StartupError) as caught:
                await checked(side, kubeconfig(tmp_path, server.url, **more))
            return str(caught.value)

    expired = await said(CA.issue("server", life=timedelta(days=-1)))
    assert "certificate has expired. Renew the API server's serving certificate." in expired
    assert "certificate-authority of the kubeconfig is not the one" in await said(Authority("other").issue("server"))
    assert "tls-server-name" in await said(CA.issue("server", address="10.9.8.7"))
    assert side.value in expired
    assert str(tmp_path / "kubeconfig") in expired


async def test_a_server_name_can_be_given(tmp_path: Path) -> None:
    cluster = {"certificate-authority-data": b64(CA.pem), "tls-server-name": "kubernetes"}
    async with Scripted(accept, ssl=server_context(tmp_path, CA.issue("server", address="10.9.8.7"))) as server:
        for side in Side:
            assert await checked(side, kubeconfig(tmp_path, server.url, cluster=cluster)) == "v1.36.0"


async def test_an_expired_client_certificate_is_named_as_the_reason(tmp_path: Path) -> None:
    async def deny(request: Request, out: Out) -> None:
        await out.answer(401, status(401, "Unauthorized"))

    async with Scripted(deny, ssl=server_context(tmp_path, CA.issue("server"))) as server:
        user = pair(life=timedelta(days=-1))
        with pytest.raises(StartupError, match=r"client certificate expired at \d{4}-.*Issue a new one"):
            await checked(Side.TENANT, kubeconfig(tmp_path, server.url, user=user))


async def test_a_name_nobody_knows_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"kled\.invalid"):
        await checked(Side.TENANT, kubeconfig(tmp_path, "https://kled.invalid:6443"))


# --- renewal


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def renewing(path: Path, side: Side = Side.TENANT) -> tuple[Credentials, Clock]:
    clock = Clock()
    made = connect(side, path).credentials
    made._clock = clock  # type: ignore[assignment]
    await made.login()
    return made, clock


@pytest.mark.parametrize("side", list(Side))
async def test_a_rotated_token_file_is_noticed_within_seconds(tmp_path: Path, side: Side) -> None:
    (tmp_path / "token").write_text("one\n")
    credentials, clock = await renewing(kubeconfig(tmp_path, user={"tokenFile": "token"}), side)
    before = await credentials.login()
    (tmp_path / "new").write_text("two-longer\n")
    (tmp_path / "new").rename(tmp_path / "token")
    assert (await credentials.login()).authorization == "Bearer one"
    clock.now = 6.0
    after = await credentials.login()
    assert after.authorization == "Bearer two-longer"
    assert after.tls is before.tls, "the connections need not be made anew"


@pytest.mark.parametrize("side", list(Side))
async def test_a_rotated_client_certificate_brings_a_new_context(tmp_path: Path, side: Side) -> None:
    def write() -> None:
        certificate, key = CA.issue("red-syncer")
        (tmp_path / "tls.crt").write_bytes(certificate)
        (tmp_path / "tls.key").write_bytes(key)

    write()
    credentials, clock = await renewing(kubeconfig(tmp_path, user={"client-certificate": "tls.crt", "client-key": "tls.key"}), side)
    before = await credentials.login()
    write()
    clock.now = 6.0
    assert (await credentials.login()).tls is not before.tls


async def test_what_cannot_be_read_again_leaves_the_old_in_use(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path)
    credentials, clock = await renewing(path)
    path.write_text("nonsense")
    clock.now = 6.0
    assert (await credentials.login()).authorization == "Bearer secret-token"
    kubeconfig(tmp_path, user={"token": "repaired"})
    clock.now = 40.0
    assert (await credentials.login()).authorization == "Bearer repaired"


async def test_requests_go_on_while_the_server_changes_its_certificates(tmp_path: Path) -> None:
    async with Scripted(accept, ssl=server_context(tmp_path, CA.issue("server"))) as server:
        path = kubeconfig(tmp_path, server.url)
        async with Transport(connect(Side.TENANT, path)) as transport:
            clock = Clock()
            transport.connection.credentials._clock = clock  # type: ignore[assignment]
            await transport.check()
            kubeconfig(tmp_path, server.url, cluster={"certificate-authority-data": b64(CA.pem + Authority("next").pem)})
            clock.now = 6.0
            await asyncio.gather(*(transport.check() for _ in range(20)))
            await asyncio.sleep(0.05)
            assert len(transport._channel._retiring) == 0


async def test_a_pods_service_account_is_used_and_its_token_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("one\n")
    (tmp_path / "ca.crt").write_bytes(CA.pem)
    clock = Clock()
    credentials = Credentials(ServiceAccount(tmp_path), clock)
    login = await credentials.login()
    assert (login.server, login.authorization) == ("https://[fd00::1]:443", "Bearer one")
    (tmp_path / "token").write_text("two\n")
    clock.now = 6.0
    assert (await credentials.login()).authorization == "Bearer two"


# --- the library


async def test_a_hosts_exec_plugin_is_run_and_asked_again_only_when_refused(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = tmp_path / "plugin"
    credential = '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"run-%s"}}'
    script.write_text(f"#!/bin/sh\necho x >> {count}\nprintf '{credential}' $(wc -l < {count})\n")
    script.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}}
    credentials, clock = await renewing(kubeconfig(tmp_path, user=user), Side.HOST)
    first = await credentials.login()
    assert first.authorization == "Bearer run-1"
    clock.now = 70.0
    assert (await credentials.login()).authorization == "Bearer run-1"
    assert await credentials.refused(first)
    assert (await credentials.login()).authorization == "Bearer run-2"


async def test_a_hosts_exec_plugin_is_asked_again_when_its_answer_runs_out(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = tmp_path / "plugin"
    soon = datetime.now(UTC) + timedelta(minutes=1)
    answer = {"token": "run-%s", "expirationTimestamp": f"{soon:%Y-%m-%dT%H:%M:%SZ}"}
    credential = json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": answer})
    script.write_text(f"#!/bin/sh\necho x >> {count}\nprintf '{credential}' $(wc -l < {count})\n")
    script.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "interactiveMode": "Never"}}
    credentials, clock = await renewing(kubeconfig(tmp_path, user=user), Side.HOST)
    clock.now = 30.0
    assert (await credentials.login()).authorization == "Bearer run-1"
    clock.now = 70.0
    assert (await credentials.login()).authorization == "Bearer run-2"


async def test_a_hosts_exec_plugin_that_fails_is_said(tmp_path: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/false", "interactiveMode": "Never"}}
    assert "user 'me'" in await refused(kubeconfig(tmp_path, user=user), Side.HOST)


def test_the_library_is_loaded_without_its_models_and_remains_whole_for_others() -> None:
    program = """
import sys
from syncer.cluster.lightclient import library
light = library()
assert not [name for name in sys.modules if "models" in name and "kubernetes" in name]
assert not [name for name in sys.modules if name.startswith("kubernetes_asyncio")]
assert light.configuration().verify_ssl
assert light is library()
import kubernetes_asyncio
assert kubernetes_asyncio.client.V1Pod
assert kubernetes_asyncio.client.Configuration is not light.configuration
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_library_is_loaded_as_usual_if_somebody_has_it_already() -> None:
    program = """
import kubernetes_asyncio.client
from syncer.cluster.lightclient import library
assert library().configuration is kubernetes_asyncio.client.Configuration
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_contexts_verify_by_default(tmp_path: Path) -> None:
    login = asyncio.run(connect(Side.HOST, kubeconfig(tmp_path)).credentials.login())
    assert login.tls is not None
    assert (login.tls.verify_mode, login.tls.check_hostname) == (ssl.CERT_REQUIRED, True)
