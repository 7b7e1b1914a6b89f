"""Looking at tenant pods from inside, through the host's API server and the kubelet, and making containers that can be looked at."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.e2e.stage import Obj, Place, eventually
from tools.nodes.images import reference
from tools.planes import PlaneError

DNS_ADDRESS = "10.97.0.10"
BUSYBOX, PYTHON, SERVER = reference("busybox"), reference("kled-syncer"), reference("agnhost")


def shell(script: str = "exec sleep infinity", name: str = "main", **more: Any) -> Obj:
    """A container with a shell; a process 1 that sleeps takes no notice of SIGTERM, so it is not waited for."""
    return {"name": name, "image": BUSYBOX, "command": ["sh", "-c", script], **more}


def python(script: str = "import time; time.sleep(1e6)", name: str = "main", **more: Any) -> Obj:
    """A container with Python and the client library of the syncer."""
    return {"name": name, "image": PYTHON, "command": ["python3", "-c", script], **more}


def webserver(name: str = "main", port: int = 80) -> Obj:
    """A container that answers with its pod's name at /hostname."""
    return {
        "name": name,
        "image": SERVER,
        "args": ["netexec", f"--http-port={port}"],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": port}, "periodSeconds": 1},
    }


def start(place: Place, name: str, *containers: Obj, wait: bool = True, **spec: Any) -> Obj:
    """A pod of these containers, as soon as it is ready; nobody waits for its end."""
    labels = {"app": name, **spec.pop("labels", {})}
    annotations = spec.pop("annotations", None)
    place.pod(name, labels=labels, annotations=annotations, containers=list(containers or (shell(),)), terminationGracePeriodSeconds=1, **spec)
    return place.await_pod(name) if wait else place.get("pods", name)


def run(place: Place, pod: str, *command: str, container: str = "main") -> str:
    """What a command prints inside a container."""
    host = place.world.planes.host
    return host.kubectl("exec", "--namespace", place.on_host, pod, "--container", container, "--", *command)


def sh(place: Place, pod: str, script: str, container: str = "main") -> str:
    return run(place, pod, "sh", "-c", script, container=container).strip()


def environment(place: Place, pod: str, container: str = "main") -> dict[str, str]:
    """The variables of the container's first process."""
    text = run(place, pod, "cat", "/proc/1/environ", container=container)
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


def become(place: Place, pod: str, script: str, wanted: str, container: str = "main") -> None:
    """Until the script prints this."""

    def probe() -> bool:
        try:
            said = sh(place, pod, script, container)
        except PlaneError as error:
            raise LookupError(str(error)) from error
        if said != wanted:
            raise LookupError(f"{said!r} instead of {wanted!r}")
        return True

    eventually(f"`{script}` in {pod} prints {wanted!r}", probe)


def claims(token: str) -> Obj:
    """What a token says, without asking whether it is true."""
    payload = token.split(".")[1]
    found: Obj = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found
