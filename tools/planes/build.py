"""Building a binary from its pinned go.mod: the slow way that works wherever a Go module proxy does."""

import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tools.planes import debian
from tools.planes.errors import BinariesUnavailableError
from tools.planes.progress import say


@dataclass(frozen=True)
class Recipe:
    """How one binary is built; `seconds` is what it takes with cold caches on two cores, the worst case worth announcing."""

    package: str
    seconds: int
    tags: str = ""
    stamps: tuple[str, ...] = ()
    seccomp: bool = False


# Without its version a Kubernetes binary calls itself v0.0.0, and clients and feature gates believe it.
_KUBERNETES = ("k8s.io/component-base/version.gitVersion", "k8s.io/client-go/pkg/version.gitVersion")
_CONTAINERD = ("github.com/containerd/containerd/v2/version.Version",)
_CNI = ("github.com/containernetworking/plugins/pkg/utils/buildversion.BuildVersion",)


def _containerd(name: str, seconds: int) -> Recipe:
    """Without the snapshotters that want kernel modules or daemons of their own."""
    return Recipe(f"github.com/containerd/containerd/v2/cmd/{name}", seconds, "no_btrfs no_devmapper no_zfs", _CONTAINERD)


def _cni(path: str) -> Recipe:
    return Recipe(f"github.com/containernetworking/plugins/plugins/{path}", 4, stamps=_CNI)


RECIPES = {
    "kube-apiserver": Recipe("k8s.io/kubernetes/cmd/kube-apiserver", 375, stamps=_KUBERNETES),
    "kube-controller-manager": Recipe("k8s.io/kubernetes/cmd/kube-controller-manager", 99, stamps=_KUBERNETES),
    "kube-scheduler": Recipe("k8s.io/kubernetes/cmd/kube-scheduler", 8, stamps=_KUBERNETES),
    "kubectl": Recipe("k8s.io/kubernetes/cmd/kubectl", 38, stamps=_KUBERNETES),
    "kubelet": Recipe("k8s.io/kubernetes/cmd/kubelet", 31, stamps=_KUBERNETES),
    "kube-proxy": Recipe("k8s.io/kubernetes/cmd/kube-proxy", 60, stamps=_KUBERNETES),
    "agnhost": Recipe("k8s.io/kubernetes/test/images/agnhost", 60, stamps=_KUBERNETES),
    "etcd": Recipe("go.etcd.io/etcd/server/v3", 44),
    "kwok": Recipe("sigs.k8s.io/kwok/cmd/kwok", 114),
    "containerd": _containerd("containerd", 120),
    "containerd-shim-runc-v2": _containerd("containerd-shim-runc-v2", 5),
    "ctr": _containerd("ctr", 10),
    "runc": Recipe("github.com/opencontainers/runc", 30, "seccomp netgo osusergo", ("main.version",), seccomp=True),
    "ptp": _cni("main/ptp"),
    "loopback": _cni("main/loopback"),
    "host-local": _cni("ipam/host-local"),
    "portmap": _cni("meta/portmap"),
    "coredns": Recipe("github.com/coredns/coredns", 230),
    "metrics-server": Recipe("sigs.k8s.io/metrics-server/cmd/metrics-server", 300, stamps=_KUBERNETES),
}
# Where the official installers put Go; people forget to extend PATH for non-interactive shells.
USUAL_GO = Path("/usr/local/go/bin/go")
TICK_SECONDS = 15.0


class BuildFailedError(RuntimeError):
    """The build did not work; the message is the reason in one line or the compiler's last words."""


def compile_binary(name: str, version: str, source: Path, target: Path) -> None:
    """Build one binary into `target`, saying every few seconds that it is still at it."""
    go = find_go(source)
    recipe = RECIPES[name]
    flags = ["-trimpath", "-buildvcs=false", "-tags", recipe.tags, "-ldflags", _linker_flags(recipe, version)]
    command = [go, "build", *flags, "-o", str(target), recipe.package]
    environment = {**os.environ, **_cgo(recipe)}
    say(f"{name} {version}: building from source, up to {recipe.seconds} s when nothing is cached")
    log = target.with_name(f"{target.name}.log")
    began = time.monotonic()
    with log.open("wb") as output:
        build = subprocess.Popen(command, cwd=source, env=environment, stdout=output, stderr=output)
        try:
            _tick(build, name, recipe.seconds, began)
        except BaseException:
            build.kill()
            build.wait()
            log.unlink()
            raise
    words = log.read_text(errors="replace").strip()
    log.unlink()
    if build.returncode:
        raise BuildFailedError(f"go build {recipe.package} failed:\n{_indented(words)}")
    say(f"{name} {version}: built in {time.monotonic() - began:.0f} s")


def required_go(source: Path) -> str:
    """The Go version the module asks for."""
    found = re.search(r"^go (\S+)", (source / "go.mod").read_text(), re.MULTILINE)
    return found.group(1) if found else "1.26"


def find_go(source: Path) -> str:
    """A Go that is new enough for the module, or an error that says what there is instead."""
    go = shutil.which("go") or (str(USUAL_GO) if USUAL_GO.exists() else None)
    needed = required_go(source)
    if go is None:
        raise BuildFailedError(f"building from source: there is no go command on PATH or at {USUAL_GO} (Go {needed} or newer is needed)")
    # Run inside the module, so that Go may switch to a newer toolchain by itself, or say why it cannot.
    answer = subprocess.run([go, "version"], cwd=source, capture_output=True, text=True, check=False)
    found = re.search(r"go(\d+\.\d+(?:\.\d+)?)", answer.stdout)
    if answer.returncode or not found:
        raise BuildFailedError(f"building from source: {go} cannot be used: {answer.stderr.strip() or answer.stdout.strip()}")
    if _numbers(found.group(1)) < _numbers(needed):
        raise BuildFailedError(f"building from source: {go} is version {found.group(1)}, and Go {needed} or newer is needed")
    return go


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _linker_flags(recipe: Recipe, version: str) -> str:
    """Stripped, linked statically where C is involved, and told its version unless the source carries it."""
    values = dict.fromkeys(recipe.stamps, f"v{version}")
    if recipe.stamps is _KUBERNETES:
        values |= zip(("k8s.io/component-base/version.gitMajor", "k8s.io/component-base/version.gitMinor"), version.split("."), strict=False)
    static = ["-extldflags=-static"] if recipe.seccomp else []
    return " ".join(["-s", "-w", *static, *(f"-X {variable}={value}" for variable, value in values.items())])


def _cgo(recipe: Recipe) -> dict[str, str]:
    """runc alone needs a C compiler, and libseccomp to honour the seccomp profiles of pods."""
    if not recipe.seccomp:
        return {"CGO_ENABLED": "0"}
    for program in ("gcc", "pkg-config"):
        if shutil.which(program) is None:
            raise BuildFailedError(f"building from source: there is no {program} on PATH (Debian: apt-get install {program})")
    known = subprocess.run(["pkg-config", "--exists", "libseccomp"], check=False).returncode == 0
    try:
        return {"CGO_ENABLED": "1", **({} if known else debian.pkg_config(debian.unpacked("libseccomp-dev")))}
    except BinariesUnavailableError as error:
        raise BuildFailedError(f"building from source: {error}") from error


def _tick(build: "subprocess.Popen[bytes]", name: str, expected: int, began: float) -> None:
    pause = 1.0 if sys.stderr.isatty() else TICK_SECONDS
    while True:
        try:
            build.wait(pause)
            break
        except subprocess.TimeoutExpired:
            line = f"{name}: building, {time.monotonic() - began:.0f} s (about {expected} s when nothing is cached)"
            print(f"\r{line} " if sys.stderr.isatty() else line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _indented(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines()[-15:])
