"""Fetching official release binaries, where the machine may reach the release sites.

Many machines this runs on may not, so the first refusal counts for the whole process: one short attempt, then the build.
"""

import hashlib
import io
import json
import platform
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.planes.progress import say

CONNECT_SECONDS = 5.0
TRANSFER_SECONDS = 600.0
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Release:
    """Where a binary is published and where its checksum is; `member` is its path when the download is an archive."""

    url: str
    checksum_url: str
    member: str = ""


_KUBERNETES_URL = "https://dl.k8s.io/release/v{version}/bin/linux/{arch}/{name}"
_KUBERNETES = Release(_KUBERNETES_URL, _KUBERNETES_URL + ".sha256")
_ETCD_BASE = "https://github.com/etcd-io/etcd/releases/download/v{version}/"
RELEASES = {
    **dict.fromkeys(("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kubelet", "kube-proxy"), _KUBERNETES),
    "etcd": Release(_ETCD_BASE + "etcd-v{version}-linux-{arch}.tar.gz", _ETCD_BASE + "SHA256SUMS", "etcd-v{version}-linux-{arch}/etcd"),
    "kwok": Release(
        "https://github.com/kubernetes-sigs/kwok/releases/download/v{version}/kwok-linux-{arch}",
        "https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v{version}",
    ),
}


class DownloadFailedError(RuntimeError):
    """The release could not be fetched, or was not what its checksum promised."""


_unreachable: list[str] = []


def fetch(name: str, version: str, _source: Path, target: Path) -> None:
    """Download one binary into `target` after checking its published SHA-256."""
    if _unreachable:
        raise DownloadFailedError(f"official release: not tried again ({_unreachable[0]})")
    arch = ARCHITECTURES.get(platform.machine())
    if arch is None:
        raise DownloadFailedError(f"official release: none known for {platform.machine()}")
    release = RELEASES.get(name)
    if release is None:
        raise DownloadFailedError("official release: none that fits, it is always built")
    url, checksum_url, member = (text.format(name=name, version=version, arch=arch) for text in (release.url, release.checksum_url, release.member))
    say(f"{name} {version}: looking for the official release, {url}")
    expected = _published_checksum(checksum_url, url.rsplit("/", 1)[-1])
    content = _transferred(url)
    if (actual := hashlib.sha256(content).hexdigest()) != expected:
        raise DownloadFailedError(f"official release: {url} has SHA-256 {actual}, published is {expected}")
    target.write_bytes(_extracted(content, member) if member else content)


def checksum_in(text: str, file_name: str) -> str:
    """Find the checksum of a file in any of the three forms publishers use: bare, a SHA256SUMS table, a release description."""
    if text.lstrip().startswith("{"):
        digests = {asset["name"]: asset.get("digest") or "" for asset in json.loads(text).get("assets", [])}
        return str(digests.get(file_name, "")).removeprefix("sha256:")
    for line in text.splitlines():
        checksum, _, name = line.partition(" ")
        if len(checksum) == 64 and name.strip(" *") in ("", file_name):
            return checksum
    return ""


def _published_checksum(url: str, file_name: str) -> str:
    try:
        text = _within(CONNECT_SECONDS, lambda: _read(url, CONNECT_SECONDS)).decode()
    except OSError as error:
        if not isinstance(error, urllib.error.HTTPError):  # an answer, even a refusal, shows that the site can be reached
            _unreachable.append(f"{url}: {error}")
        raise DownloadFailedError(f"official release: {url}: {error}") from error
    checksum = checksum_in(text, file_name)
    if not checksum:
        raise DownloadFailedError(f"official release: {url} lists no SHA-256 for {file_name}")
    return checksum


def _transferred(url: str) -> bytes:
    try:
        return _read(url, TRANSFER_SECONDS)
    except OSError as error:
        raise DownloadFailedError(f"official release: {url}: {error}") from error


def _read(url: str, timeout: float) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return bytes(answer.read())


def _within(seconds: float, call: Callable[[], bytes]) -> bytes:
    """Bound the whole call: resolving a name ignores the timeout of a connection and may take minutes where there is no resolver."""
    outcome: list[bytes | Exception] = []

    def attempt() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _extracted(archive: bytes, member: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = tar.extractfile(member)
        if content is None:
            raise DownloadFailedError(f"official release: {member} is not in the archive")
        return content.read()
