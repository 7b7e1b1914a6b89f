"""What the demo plays on: host and tenant control planes, and the syncer as a process of its own under exactly its computed rights."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.planes import ControlPlane

TENANT_RANGE = "10.97.0.0/16"
READY_WITHIN = 60.0


@dataclass(frozen=True)
class Syncer:
    """The running process and how to reach it."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path
    arguments: tuple[str, ...]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(verb: str, *arguments: str, under: tuple[str, ...] = ()) -> list[str]:
    """A command line of the syncer; `under` are arguments of the interpreter that come first (`-m cProfile …`)."""
    return [sys.executable, *under, "-m", "syncer", verb, *arguments]


def service_cidr(host: ControlPlane, name: str, cidr: str) -> None:
    """Lets the host serve the tenant's range of Service addresses, so that both sides can hold the same ClusterIP."""
    host.kubectl(
        "apply", "-f", "-", input=f"apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {{name: {name}}}\nspec: {{cidrs: ['{cidr}']}}\n"
    )


def grant(plane: ControlPlane, side: str, arguments: tuple[str, ...]) -> None:
    """Applies the rights that `kled-syncer rbac` prints for one side."""
    manifests = subprocess.run(command("rbac", "--side", side, *arguments), check=True, capture_output=True, text=True).stdout
    plane.kubectl("apply", "-f", "-", input=manifests)


@contextmanager
def syncer(host: ControlPlane, tenant: ControlPlane, *, name: str, sync_file: Path, folder: Path, under: tuple[str, ...] = ()) -> Iterator[Syncer]:
    """Runs `kled-syncer run` as users of both sides that have the computed rights and no others; ready when entered."""
    sources = (
        *("--sync-file", str(sync_file), "--tenant", name),
        *("--tenant-kubeconfig", str(tenant.user_kubeconfig(f"kled-syncer-{name}"))),
        *("--host-kubeconfig", str(host.user_kubeconfig(f"kled-syncer-{name}"))),
    )
    grant(host, "host", sources)
    grant(tenant, "tenant", sources)
    address = f"127.0.0.1:{free_port()}"
    log = folder / "syncer.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command("run", *sources, "--metrics-address", address, under=under), stdout=out, stderr=out)
    running = Syncer(process, address, log, sources)
    try:
        await_ready(running)
        yield running
    finally:
        stop(process)


def await_ready(running: Syncer) -> None:
    """Until /readyz answers 200; says what is missing when it takes too long."""
    deadline = time.monotonic() + READY_WITHIN
    said = "no answer yet"
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise SystemExit(f"the syncer ended with {running.process.returncode}:\n{running.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://{running.address}/readyz", timeout=2):
                return
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
        except OSError as error:
            said = str(error)
        time.sleep(0.1)
    raise SystemExit(f"the syncer is not ready after {READY_WITHIN:.0f} s: {said}\n{running.log.read_text()[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL when that is not enough."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
