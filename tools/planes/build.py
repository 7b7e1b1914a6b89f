"""Building a binary from its pinned go.mod: the slow way that works wherever a Go module proxy does."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.planes.progress import say

# Package to build and seconds it takes with cold caches on two cores, which is the worst case worth announcing.
PACKAGES = {
    "kube-apiserver": ("k8s.io/kubernetes/cmd/kube-apiserver", 375),
    "kube-controller-manager": ("k8s.io/kubernetes/cmd/kube-controller-manager", 99),
    "kube-scheduler": ("k8s.io/kubernetes/cmd/kube-scheduler", 8),
    "kubectl": ("k8s.io/kubernetes/cmd/kubectl", 38),
    "kubelet": ("k8s.io/kubernetes/cmd/kubelet", 31),
    "etcd": ("go.etcd.io/etcd/server/v3", 44),
    "kwok": ("sigs.k8s.io/kwok/cmd/kwok", 114),
}
# Where the official installers put Go; people forget to extend PATH for non-interactive shells.
USUAL_GO = Path("/usr/local/go/bin/go")
TICK_SECONDS = 15.0


class BuildFailedError(RuntimeError):
    """The build did not work; the message is the reason in one line or the compiler's last words."""


def compile_binary(name: str, version: str, source: Path, target: Path) -> None:
    """Build one binary into `target`, saying every few seconds that it is still at it."""
    go = _go(source)
    package, expected = PACKAGES[name]
    command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", _linker_flags(name, version), "-o", str(target), package]
    say(f"{name} {version}: building from source, up to {expected} s when nothing is cached")
    log = target.with_name(f"{target.name}.log")
    began = time.monotonic()
    with log.open("wb") as output:
        build = subprocess.Popen(command, cwd=source, env={**os.environ, "CGO_ENABLED": "0"}, stdout=output, stderr=output)
        try:
            _tick(build, name, expected, began)
        except BaseException:
            build.kill()
            build.wait()
            log.unlink()
            raise
    words = log.read_text(errors="replace").strip()
    log.unlink()
    if build.returncode:
        raise BuildFailedError(f"go build {package} failed:\n{_indented(words)}")
    say(f"{name} {version}: built in {time.monotonic() - began:.0f} s")


def required_go(source: Path) -> str:
    """The Go version the module asks for."""
    found = re.search(r"^go (\S+)", (source / "go.mod").read_text(), re.MULTILINE)
    return found.group(1) if found else "1.26"


def _go(source: Path) -> str:
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


def _linker_flags(name: str, version: str) -> str:
    """Without its version a Kubernetes binary calls itself v0.0.0, and clients and feature gates believe it."""
    if name in ("etcd", "kwok"):  # these two carry their version in the source
        return "-s -w"
    major, minor = version.split(".")[:2]
    values = {
        "k8s.io/component-base/version.gitVersion": f"v{version}",
        "k8s.io/component-base/version.gitMajor": major,
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": f"v{version}",
    }
    return " ".join(["-s", "-w", *(f"-X {variable}={value}" for variable, value in values.items())])


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
