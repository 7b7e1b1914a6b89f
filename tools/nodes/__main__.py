"""`python -m tools.nodes`: real nodes from the command line, and the tests on them."""

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from tools.nodes import images
from tools.nodes.check import obstacles
from tools.nodes.cluster import IMAGES, RealNodes
from tools.planes import ControlPlane, binaries
from tools.planes.errors import PlaneError
from tools.planes.progress import say

TENANT_SERVICE_CIDR = "10.97.0.0/16"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    chosen, rest = _parser().parse_known_args(arguments)
    if rest and chosen.command is not _test:
        _parser().error(f"unrecognized arguments: {' '.join(rest)}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        return int(chosen.command(chosen, rest))
    except KeyboardInterrupt:
        return 130
    except PlaneError as error:
        say(f"error: {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.nodes", description="Real Kubernetes nodes on this machine, in namespaces of their own.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("check", help="say whether real nodes can run here, and if not why").set_defaults(command=_check)
    test = commands.add_parser(
        "test", help="run the tests on real nodes; further arguments are pytest's. Says why and ends well where they cannot run"
    )
    test.set_defaults(command=_test)
    up = commands.add_parser("up", help="run a host with real nodes and a tenant's control plane beside it until Ctrl-C")
    up.add_argument("--nodes", type=int, default=2, metavar="N", help="number of nodes (default: 2)")
    up.set_defaults(command=_up)
    return parser


def _check(_chosen: argparse.Namespace, _rest: list[str]) -> int:
    found = obstacles()
    for obstacle in found:
        print(obstacle)
    if not found:
        print("real nodes can run here")
    return 1 if found else 0


def _test(_options: argparse.Namespace, rest: list[str]) -> int:
    """Everything slow and talkative is done here, where it is seen, and not inside a test's fixture."""
    found = obstacles()
    if not found:
        binaries.ensure((*binaries.NEEDED, *binaries.NODE, *binaries.WORKLOADS))
        images.ensure(IMAGES)
        # This process becomes the tests, so that every signal is theirs.
        chosen = any(Path(argument.partition("::")[0]).exists() for argument in rest)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *rest, *([] if chosen else ["tests/node"])])
    print("test-node: skipped, since real nodes cannot run on this machine:")
    for obstacle in found:
        print(f"  - {obstacle}")
    return 0


def _up(chosen: argparse.Namespace, _rest: list[str]) -> int:
    if found := obstacles():
        raise PlaneError("\n".join(["real nodes cannot run here:", *found]))
    with RealNodes(chosen.nodes) as nodes, contextlib.ExitStack() as stack:
        host = stack.enter_context(ControlPlane("host", network=nodes.network))
        nodes.join(host)
        tenant = stack.enter_context(ControlPlane("tenant", service_cidr=TENANT_SERVICE_CIDR, network=nodes.network))
        for plane in (host, tenant):
            print(f"{plane.name}\t{plane.kubeconfig}\t{plane.inner_server}", flush=True)
        say(f"running; Ctrl-C to stop. Pods and Services are reached from inside: {' '.join(nodes.inside(['sh']))}")
        while True:
            time.sleep(1)
            for process in (*host.components, *tenant.components, *(node.process for node in nodes.nodes)):
                if failure := process.failure():
                    raise PlaneError(failure)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
