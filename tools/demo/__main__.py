"""Plays the demo. Ends 0 when everything that it shows has really happened."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.demo.stage import TENANT_RANGE, Syncer, service_cidr, syncer
from tools.planes import ControlPlane

HERE = Path(__file__).parent
NAME = "demo"
STEP_WITHIN = 90.0
WIDTH = 66


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="A Deployment that exists only in a tenant cluster runs on a host cluster.")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a process started in the background has it ignored
    folder = Path(tempfile.mkdtemp(prefix="kled-demo-"))
    say("Starting two Kubernetes control planes: a host with fake nodes, and a tenant without any")
    try:
        with ControlPlane("host", nodes=3) as host, ControlPlane("tenant", service_cidr=TENANT_RANGE) as tenant:
            service_cidr(host, NAME, TENANT_RANGE)
            say("Starting the syncer between them, with the rights that `kled-syncer rbac` prints")
            with syncer(host, tenant, name=NAME, sync_file=HERE / "sync.yaml", folder=folder) as running:
                play(host, tenant)
                by_hand(host, tenant, running, keep)
                if keep:
                    wait_for_interrupt()
    except KeyboardInterrupt:
        say("Interrupted; everything was stopped")
        return 130
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def play(host: ControlPlane, tenant: ControlPlane) -> None:
    """The acts: create, edit, scale, delete."""
    say("The tenant has nodes: the host's, promoted")
    print(tenant.kubectl("get", "nodes"))
    say("A team creates a namespace, a ConfigMap, a Secret, a Service and a Deployment with 3 replicas, in the tenant only")
    print(tenant.kubectl("apply", "-f", str(HERE / "app.yaml")))
    watch(host, tenant, "3 pods Ready in the tenant", lambda: ready_pods(tenant) == 3)
    side_by_side(host, tenant, "services,configmaps,secrets", "What came along (only what the pods use)")
    say("The Service has the same address on both sides")
    addresses = cluster_ip(tenant, "shop"), cluster_ip(host, "demo-shop")
    print(f"  tenant {addresses[0]}   host {addresses[1]}\n")
    if addresses[0] != addresses[1]:
        raise SystemExit("the addresses differ")
    say("Edit: the ConfigMap turns blue in the tenant")
    tenant.kubectl("-n", "shop", "patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"colour":"blue"}}')
    await_("the host's copy is blue", lambda: colour(host) == "blue")
    say("Scale: five replicas")
    tenant.kubectl("-n", "shop", "scale", "deployment", "web", "--replicas=5")
    watch(host, tenant, "5 pods Ready in the tenant", lambda: ready_pods(tenant) == 5)
    say("Delete: the namespace goes, and with it everything on the host")
    tenant.kubectl("delete", "namespace", "shop", "--wait=false")
    await_("the tenant's namespace is gone", lambda: not names(tenant, "namespace", "metadata.name=shop"))
    await_("the host is clean again", lambda: not names(host, "namespace", "metadata.name=demo-shop"))
    left = host.kubectl("get", "pods,services,configmaps,secrets", "-A", "-l", "kled.io/namespace=shop", "-o", "name").split()
    if left:
        raise SystemExit(f"left behind on the host: {left}")


def by_hand(host: ControlPlane, tenant: ControlPlane, running: Syncer, keep: bool) -> None:
    say("That was the demo." if not keep else "Everything goes on running; Ctrl-C ends it")
    if not keep:
        print("Go on by hand with: make demo KEEP=1\n")
        return
    print(f"  export HOST={host.kubeconfig}\n  export TENANT={tenant.kubeconfig}")
    print("  kubectl --kubeconfig $TENANT create deployment hello --image=example/hello --replicas=2")
    print("  kubectl --kubeconfig $TENANT get pods -o wide; kubectl --kubeconfig $HOST get pods -A -l kled.io/tenant=demo")
    print(f"  curl -s {running.address}/readyz?verbose; curl -s {running.address}/metrics | grep kled_")
    print(f"  .venv/bin/kled-syncer explain pod default/NAME {' '.join(running.arguments)}\n")


def side_by_side(host: ControlPlane, tenant: ControlPlane, kinds: str, title: str) -> None:
    """The same kinds on both sides, next to each other."""
    left = tenant.kubectl("-n", "shop", "get", kinds, "--no-headers", "--ignore-not-found").splitlines()
    right = host.kubectl("-n", "demo-shop", "get", kinds, "--no-headers", "--ignore-not-found").splitlines()
    print(f"{title}\n{'  TENANT, namespace shop':{WIDTH}}  HOST, namespace demo-shop")
    for number in range(max(len(left), len(right))):
        first = left[number] if number < len(left) else ""
        second = right[number] if number < len(right) else ""
        print(f"  {squeezed(first):{WIDTH - 2}}  {squeezed(second)}")
    print()


def squeezed(line: str) -> str:
    return "  ".join(line.split())[: WIDTH - 4]


def watch(host: ControlPlane, tenant: ControlPlane, what: str, done: Callable[[], bool]) -> None:
    """Shows both sides each time something changes, until it is done."""
    last = ""
    deadline = time.monotonic() + STEP_WITHIN
    while time.monotonic() < deadline:
        now = tenant.kubectl("-n", "shop", "get", "pods", "--no-headers", "--ignore-not-found")
        finished = done()
        if now != last or finished:
            side_by_side(host, tenant, "pods", "")
            last = now
        if finished:
            print(f"  done: {what}\n")
            return
        time.sleep(0.5)
    raise SystemExit(f"waited {STEP_WITHIN:.0f} s in vain for: {what}")


def await_(what: str, done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STEP_WITHIN
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {STEP_WITHIN:.0f} s in vain until {what}")
        time.sleep(0.1)
    print(f"  done: {what}\n")


def ready_pods(plane: ControlPlane) -> int:
    pods = json.loads(plane.kubectl("-n", "shop", "get", "pods", "-o", "json"))["items"]
    return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", [])) for pod in pods)


def names(plane: ControlPlane, kind: str, selector: str) -> list[str]:
    return plane.kubectl("get", kind, "--field-selector", selector, "-o", "name").split()


def cluster_ip(plane: ControlPlane, namespace: str) -> str:
    return plane.kubectl("-n", namespace, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")


def colour(host: ControlPlane) -> str:
    return host.kubectl("-n", "demo-shop", "get", "configmap", "settings", "-o", "jsonpath={.data.colour}")


def say(text: str) -> None:
    print(f"== {text}", flush=True)


def wait_for_interrupt() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("Stopping")


if __name__ == "__main__":
    raise SystemExit(main())
