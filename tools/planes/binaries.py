"""Where the binaries of a control plane come from.

In this order: a folder the developer names (KUBEBUILDER_ASSETS, then PATH) if the version fits, the user's cache folder, the official
release, and last a build from the pinned go.mod files beside this package. Each way that fails leaves its reason, so that when all of them
have failed the error can say what was tried.
"""

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.planes import build, download
from tools.planes.errors import BinariesUnavailableError
from tools.planes.progress import say

SOURCES = Path(__file__).parent.parent / "binaries"
NEEDED = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok")
# What a real node runs, and what is put into the images of its pods.
NODE = ("kubelet", "kube-proxy", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "ptp", "loopback", "host-local", "portmap")
WORKLOADS = ("coredns", "agnhost")
# The parts of a control plane that come in an older release, too.
RELEASED = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")


@dataclass(frozen=True)
class Family:
    """Binaries that share a version, and so a go.mod: the dependency graphs clash and cannot be one.

    `release` tells a second family of the same binaries apart: they are asked for as `kube-apiserver@1.35`.
    """

    name: str
    module: str
    members: tuple[str, ...]
    release: str = ""

    @property
    def source(self) -> Path:
        """The folder with go.mod and go.sum."""
        return SOURCES / self.name

    @property
    def version(self) -> str:
        """The version as pinned in go.mod, without the leading v: the one place it is written down."""
        found = re.search(rf"^\s*(?:require )?{re.escape(self.module)} v(\S+)", (self.source / "go.mod").read_text(), re.MULTILINE)
        if not found:
            raise BinariesUnavailableError(f"{self.source}/go.mod does not pin {self.module}")
        return found.group(1)

    @property
    def key(self) -> str:
        """Names the cache folder: the version alone would not notice a changed dependency."""
        content = (self.source / "go.mod").read_bytes() + (self.source / "go.sum").read_bytes()
        return f"{self.name}-{self.version}-{hashlib.sha256(content).hexdigest()[:16]}"


FAMILIES = (
    Family(
        "kubernetes",
        "k8s.io/kubernetes",
        ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kubelet", "kube-proxy", "agnhost"),
    ),
    Family("kubernetes-1.35", "k8s.io/kubernetes", ("kube-apiserver", "kube-controller-manager", "kube-scheduler"), "1.35"),
    Family("etcd", "go.etcd.io/etcd/server/v3", ("etcd",)),
    Family("kwok", "sigs.k8s.io/kwok", ("kwok",)),
    Family("containerd", "github.com/containerd/containerd/v2", ("containerd", "containerd-shim-runc-v2", "ctr")),
    Family("runc", "github.com/opencontainers/runc", ("runc",)),
    Family("cni-plugins", "github.com/containernetworking/plugins", ("ptp", "loopback", "host-local", "portmap")),
    Family("coredns", "github.com/coredns/coredns", ("coredns",)),
    Family("metrics-server", "sigs.k8s.io/metrics-server", ("metrics-server",)),
)


def cache_folder() -> Path:
    """The user's cache folder for binaries, shared by all checkouts."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kled" / "binaries"


def ensure(names: Iterable[str] = NEEDED) -> dict[str, Path]:
    """Return a path for every binary, fetching or building what is missing."""
    wanted = tuple(names)
    reasons: dict[str, list[str]] = {name: [] for name in wanted}
    found = {name: path for name in wanted if (path := _present(name, reasons[name]))}
    missing = [name for name in wanted if name not in found]
    if missing:
        for reason in dict.fromkeys(reason for name in missing for reason in reasons[name]):
            say(f"  {reason}")
        with _locked(cache_folder()):
            found |= {name: _obtain(name, reasons) for name in missing}
    return found


def is_there(name: str) -> bool:
    """Whether a binary could be had without fetching or building it."""
    return _present(name, []) is not None


def family_of(name: str) -> Family:
    """The family a binary belongs to."""
    plain, _, release = name.partition("@")
    for family in FAMILIES:
        if plain in family.members and release == family.release:
            return family
    raise BinariesUnavailableError(f"unknown binary {name}; known: {', '.join(member for family in FAMILIES for member in family.members)}")


def _present(name: str, reasons: list[str]) -> Path | None:
    return _named_by_developer(name, reasons) or _cached(name)


def _cached(name: str) -> Path | None:
    path = cache_folder() / family_of(name).key / name.partition("@")[0]
    return path if path.exists() else None


def _named_by_developer(name: str, reasons: list[str]) -> Path | None:
    family = family_of(name)
    wanted = ".".join(family.version.split(".")[:2])
    for variable in ("KUBEBUILDER_ASSETS", "PATH"):
        for folder in filter(None, os.environ.get(variable, "").split(os.pathsep)):
            path = (Path(folder) / name.partition("@")[0]).absolute()
            if not os.access(path, os.X_OK) or path.is_dir():
                continue
            if (version := version_of(path)).startswith(f"{wanted}."):
                return path
            reasons.append(f"{path} (from {variable}): its version is {version or 'unknown'}, wanted {wanted}.x")
    return None


@cache
def version_of(path: Path) -> str:
    """The version a binary reports, or an empty string."""
    arguments = ["version", "--client"] if path.name == "kubectl" else ["--version"]
    try:
        answer = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"v?(\d+\.\d+\.\d+\S*)", answer)
    return found.group(1) if found else ""


def _obtain(name: str, reasons: dict[str, list[str]]) -> Path:
    if path := _cached(name):  # another process built it while we waited for the lock
        return path
    family, plain = family_of(name), name.partition("@")[0]
    target = cache_folder() / family.key / plain
    target.parent.mkdir(parents=True, exist_ok=True)
    _note(reasons[name], f"{target}: not in the cache")
    for way in (download.fetch, build.compile_binary):
        partial = target.with_name(f".{plain}.{os.getpid()}")
        try:
            way(plain, family.version, family.source, partial)
            partial.chmod(0o755)
            partial.rename(target)
        except (download.DownloadFailedError, build.BuildFailedError) as error:
            _note(reasons[name], str(error))
        else:
            say(f"{plain} {family.version}: ready, {target}")
            return target
        finally:
            partial.unlink(missing_ok=True)
    raise BinariesUnavailableError(_explanation(plain, family, reasons[name]))


def _note(reasons: list[str], reason: str) -> None:
    say(f"  {reason}")
    reasons.append(reason)


def _explanation(name: str, family: Family, reasons: list[str]) -> str:
    tried = "\n".join(f"  - {reason}" for reason in reasons)
    return (
        f"{name} {family.version} is needed to run a control plane and could not be had. Tried:\n{tried}\n"
        f"Next step: install Go {build.required_go(family.source)} or newer and run the same command again, "
        f"or put {name} {family.version} into a folder and set KUBEBUILDER_ASSETS to it."
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep two processes from building the same thing at once; the lock ends with the process, so it cannot be left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process is preparing binaries in {folder}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
