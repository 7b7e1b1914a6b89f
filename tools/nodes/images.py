"""The images that pods here run: made from programs on this machine, named so that nobody looks for a registry, kept in the cache folder."""

import hashlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.nodes import pythonimage
from tools.nodes.layers import Layer, Start, write_image
from tools.nodes.libraries import libraries_of
from tools.nodes.shell import run
from tools.planes import binaries, debian
from tools.planes.progress import say

PAUSE_SOURCE = Path(__file__).with_name("pause.c")
USERS = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
GROUPS = "root:x:0:\nnobody:x:65534:\n"
RESOLVING = "hosts: files dns\n"
Parts = tuple[list[Layer], Start]


def reference(name: str) -> str:
    """The name of the image as pods give it."""
    return f"localhost/{name}:kled"


def folder() -> Path:
    """Where images are kept."""
    return binaries.cache_folder().parent / "images"


def ensure(names: Iterable[str]) -> list[Path]:
    """The images as tar files, made as far as they are not there or what goes into them has changed."""
    folder().mkdir(parents=True, exist_ok=True)
    return [_ensure(name) for name in names]


def _ensure(name: str) -> Path:
    layers, start = RECIPES[name]()
    target = folder() / f"{name}-{_key(layers, start)}.tar"
    if not target.exists():
        began = time.monotonic()
        write_image(target, reference(name), layers, start)
        for former in folder().glob(f"{name}-{'?' * 16}.tar"):
            if former != target:
                former.unlink(missing_ok=True)
        say(f"image {name}: made in {time.monotonic() - began:.1f} s, {target.stat().st_size >> 20} MB")
    return target


def _key(layers: list[Layer], start: Start) -> str:
    """Changes when any file that goes in does."""
    content = hashlib.sha256(repr(start).encode())
    for layer in layers:
        for name, source in sorted(layer.files.items()):
            status = source.stat()
            content.update(f"{name} {source} {status.st_size} {status.st_mtime_ns}\n".encode())
        content.update(repr((sorted(layer.texts.items()), sorted(layer.links.items()), sorted(layer.folders.items()))).encode())
    return content.hexdigest()[:16]


def _pause() -> Parts:
    program = folder() / f"pause-{hashlib.sha256(PAUSE_SOURCE.read_bytes()).hexdigest()[:12]}"
    if not program.exists():
        partial = program.with_name(f".{program.name}.{os.getpid()}")
        run("gcc", "-Os", "-Wall", "-static", "-s", "-o", str(partial), str(PAUSE_SOURCE))
        partial.rename(program)
    return [Layer(files={"pause": program})], Start(entrypoint=["/pause"], user="65535:65535")


def shell() -> Layer:
    """busybox with all its names: a shell, and small tools to look around with."""
    busybox = debian.program("busybox", "busybox")
    names = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    return Layer(
        files={"bin/busybox": busybox, **libraries_of([busybox])},
        texts={"etc/passwd": USERS, "etc/group": GROUPS, "etc/nsswitch.conf": RESOLVING},
        links={**{f"bin/{name}": "busybox" for name in names if name != "busybox"}, "usr/bin/env": "/bin/busybox"},
        folders={"tmp": 0o1777, "root": 0o700, "var/tmp": 0o1777, "proc": 0o755, "sys": 0o755, "dev": 0o755, "home": 0o755, "var": 0o755},
    )


def _busybox() -> Parts:
    return [shell()], Start(command=["sh"])


def _alone(name: str) -> Callable[[], Parts]:
    """One static program and nothing else."""

    def parts() -> Parts:
        return [Layer(files={name: binaries.ensure([name])[name]})], Start(entrypoint=[f"/{name}"])

    return parts


def _agnhost() -> Parts:
    return [shell(), Layer(files={"agnhost": binaries.ensure(["agnhost"])["agnhost"]})], Start(entrypoint=["/agnhost"], command=["pause"])


def _syncer() -> Parts:
    return [shell(), pythonimage.interpreter(), pythonimage.project()], pythonimage.START


RECIPES: dict[str, Callable[[], Parts]] = {
    "pause": _pause,
    "busybox": _busybox,
    "agnhost": _agnhost,
    "coredns": _alone("coredns"),
    "metrics-server": _alone("metrics-server"),
    "kled-syncer": _syncer,
}
