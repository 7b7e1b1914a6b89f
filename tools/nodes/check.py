"""Whether real nodes can run on this machine, and if not, exactly why, with what to do about it."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools.nodes import cgroups
from tools.nodes.runs import folder_of_runs
from tools.nodes.shell import words
from tools.planes import binaries, build, debian
from tools.planes.download import ARCHITECTURES
from tools.planes.errors import PlaneError

# Program → Debian package, of those that are nobody's to fetch: they belong to the machine.
PROGRAMS = {"unshare": "util-linux", "nsenter": "util-linux", "mount": "mount", "ip": "iproute2", "gcc": "gcc libc6-dev", "pkg-config": "pkg-config"}
# Those that are unpacked into the cache folder where they are missing.
FETCHED = {"nft": "nftables", "busybox": "busybox"}
APART = ["unshare", "--net", "--mount", "--pid", "--uts", "--ipc", "--fork", "--mount-proc", "sh", "-ec"]
RULES = r"table ip t {{\n chain c {{\n type nat hook output priority 0\n ip daddr 192.0.2.1 dnat to 192.0.2.2\n }}\n }}\n"
# What a node needs of the kernel, tried where nobody else sees it: the step, and its commands.
TRIALS = {
    "a network bridge": "ip link add name bridge0 type bridge; ip link set dev bridge0 up",
    "a pair of linked interfaces": "ip link add name v1 type veth peer name v2; ip link set dev v1 up",
    "an overlay file system on {folder}": "mount -t overlay o -o lowerdir={folder}/l,upperdir={folder}/u,workdir={folder}/w {folder}/m",
    "nftables with address translation": f"printf '{RULES}' | {{nft}} -f -",
    "forwarding of packets in a namespace": "echo 1 > /proc/sys/net/ipv4/ip_forward",
}
GIGABYTES = 6


def obstacles() -> list[str]:
    """Why no real node can run here, in words for a developer; empty when it can."""
    found = list(_machine())
    return found or [*_programs(), *_groups()] or list(_kernel())


def _machine() -> Iterator[str]:
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES:
        yield f"real nodes need Linux on {' or '.join(ARCHITECTURES)}; this is {sys.platform} on {platform.machine()}"
    elif os.geteuid() != 0:
        yield "real nodes need root, for namespaces, mounts and control groups; run the same command with sudo"
    else:
        folder = folder_of_runs()
        if folder.is_relative_to("/var") or folder.is_relative_to("/run"):
            yield f"{folder} would be hidden by the nodes' own /var and /run; set XDG_CACHE_HOME to a folder elsewhere"
        folder.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(folder).free >> 30) < GIGABYTES:
            yield f"{folder} has {free} GB left on its disk, and {GIGABYTES} GB are needed"


def _programs() -> Iterator[str]:
    for name, package in PROGRAMS.items():
        if shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            yield f"there is no {name} on PATH (Debian: apt-get install {package})"
    for name, package in FETCHED.items():
        try:
            debian.program(name, package)
        except PlaneError as error:
            yield str(error)
    wanted = (*binaries.NODE, *binaries.WORKLOADS)
    if missing := [name for name in wanted if not binaries.is_there(name)]:
        try:
            build.find_go(binaries.family_of(missing[0]).source)
        except build.BuildFailedError as error:
            yield f"{', '.join(missing)} would have to be built: {error}"


def _groups() -> Iterator[str]:
    if not cgroups.hierarchies():
        yield "no control groups are mounted under /sys/fs/cgroup"
        return
    name = f"kled-check-{os.getpid()}"
    try:
        cgroups.make(name)
    except OSError as error:
        yield f"control groups cannot be made: {error}"
    finally:
        cgroups.remove(name)
    if missing := {"cpu", "cpuset", "memory", "pids"} - cgroups.controllers():
        yield f"the kernel has no control groups for {', '.join(sorted(missing))}"


def _kernel() -> Iterator[str]:
    if refused := _tried("true"):
        yield f"namespaces cannot be made: {refused}"
        return
    nft = debian.program("nft", "nftables")
    with tempfile.TemporaryDirectory(dir=folder_of_runs()) as folder:
        for part in "luwm":
            (Path(folder) / part).mkdir()
        for what, commands in TRIALS.items():
            if refused := _tried(commands.format(folder=folder, nft=nft)):
                yield f"the kernel does not give {what.format(folder=folder_of_runs())}: {refused}"


def _tried(commands: str) -> str:
    done = subprocess.run([*APART, commands], capture_output=True, text=True, check=False)
    return words(done) if done.returncode else ""
