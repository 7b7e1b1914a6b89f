"""Programs and libraries the machine lacks, from its own Debian packages, without installing them.

A package and those of its dependencies that are missing here are fetched with the ordinary `apt-get` and unpacked into the user's cache
folder. Nothing on the machine changes: no package is installed, and even the lists of packages are kept in the cache folder.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tools.planes.errors import BinariesUnavailableError
from tools.planes.progress import say

LIBRARIES = "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu"
FOLDERS = "usr/sbin", "usr/bin", "sbin", "bin"


def cache_folder() -> Path:
    """Beside the binaries; of one release, because what is unpacked is linked against the libraries of this machine."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kled" / "packages" / _release()


def program(name: str, package: str) -> Path:
    """The program from PATH, or from a package unpacked for it."""
    if found := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
        return Path(found)
    root = unpacked(package)
    for folder in FOLDERS:
        if (path := root / folder / name).exists():
            return _with_its_libraries(path, root)
    raise BinariesUnavailableError(f"{name}: the package {package} holds no such program")


def unpacked(package: str) -> Path:
    """The folder that holds a package and what it needs beyond the machine."""
    target = cache_folder() / package
    if target.exists():
        return target
    _require("apt-get", "dpkg-deb", package=package)
    say(f"{package}: not on this machine; unpacking the Debian package into {target}")
    partial = target.with_name(f".{package}.{os.getpid()}")
    try:
        archives = partial / "archives"
        (archives / "partial").mkdir(parents=True)
        _download(package, archives)
        for archive in sorted(archives.glob("*.deb")):
            _run(package, ["dpkg-deb", "-x", str(archive), str(partial)])
        shutil.rmtree(archives)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def pkg_config(root: Path) -> dict[str, str]:
    """The environment in which pkg-config finds the libraries unpacked there."""
    return {
        "PKG_CONFIG_PATH": ":".join(str(root / folder / "pkgconfig") for folder in LIBRARIES),
        "PKG_CONFIG_SYSROOT_DIR": str(root),
    }


def _download(package: str, archives: Path) -> None:
    """Whatever `apt-get install` would fetch: the package and the dependencies that this machine has not."""
    lists = cache_folder() / ".lists"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-qq", "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1"]
    cache = ["-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]
    _run(package, ["apt-get", *options, *cache, "update"])
    _run(package, ["apt-get", *options, *cache, "--yes", "--download-only", "--no-install-recommends", "install", package])


def _run(package: str, command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise BinariesUnavailableError(f"{package}: not installed, and `{command[0]}` could not fetch it: {words[-1] if words else done.returncode}")


def _require(*programs: str, package: str) -> None:
    for name in programs:
        if shutil.which(name) is None:
            raise BinariesUnavailableError(f"{package}: not installed, and there is no {name} here to fetch it with; install it by hand")


def _with_its_libraries(path: Path, root: Path) -> Path:
    """The program itself, or, if libraries were unpacked beside it, a small script that starts it with them."""
    libraries = ":".join(str(root / folder) for folder in LIBRARIES if (root / folder).exists())
    wrapper = root / ".kled" / path.name
    if not libraries:
        return path
    if not wrapper.exists():
        wrapper.parent.mkdir(exist_ok=True)
        partial = wrapper.with_name(f".{wrapper.name}.{os.getpid()}")
        partial.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{path}" "$@"\n')
        partial.chmod(0o755)
        partial.rename(wrapper)
    return wrapper


def _release() -> str:
    fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return "-".join(fields.get(key, "unknown").strip('"') for key in ("ID", "VERSION_ID"))
