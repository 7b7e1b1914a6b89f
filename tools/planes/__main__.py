"""`python -m tools.planes`: development control planes from the command line."""

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from tools.planes import binaries
from tools.planes.errors import PlaneError
from tools.planes.plane import ControlPlane
from tools.planes.progress import say

TENANT_SERVICE_CIDR = "10.97.0.0/16"
EXAMPLES = """examples:
  python -m tools.planes binaries                        fetch or build what is missing
  python -m tools.planes up --name host --nodes 3        a host cluster until Ctrl-C
  python -m tools.planes up --name tenant --service-cidr 10.97.0.0/16 --no-scheduler
  python -m tools.planes pair --nodes 2 --workdir .kled  a host with nodes and a tenant, kept in .kled/
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    chosen = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # a process started in the background has it ignored
    try:
        return int(chosen.command(chosen))
    except KeyboardInterrupt:
        return 0
    except PlaneError as error:
        say(f"error: {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.planes",
        description="Real Kubernetes control planes on loopback, with fake nodes.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    fetch = commands.add_parser("binaries", help="make sure the binaries are there and print where")
    fetch.add_argument("names", nargs="*", metavar="NAME", help=f"which ones (default: {' '.join(binaries.NEEDED)})")
    fetch.set_defaults(command=_binaries)

    up = commands.add_parser("up", help="run one control plane in the foreground until Ctrl-C")
    up.add_argument("--name", default="host", help="its name, also of the context in its kubeconfigs (default: host)")
    up.add_argument("--service-cidr", default="10.96.0.0/16", metavar="CIDR", help="range of its ClusterIPs (default: 10.96.0.0/16)")
    up.add_argument("--nodes", type=int, default=0, metavar="N", help="number of fake nodes (default: 0)")
    up.add_argument("--no-scheduler", dest="scheduler", action="store_false", help="run no kube-scheduler")
    up.add_argument("--no-controller-manager", dest="controller_manager", action="store_false", help="run no kube-controller-manager")
    _add_common(up)
    up.set_defaults(command=_up)

    pair = commands.add_parser("pair", help="run a host with fake nodes and a tenant without, until Ctrl-C")
    pair.add_argument("--nodes", type=int, default=2, metavar="N", help="number of fake nodes of the host (default: 2)")
    _add_common(pair)
    pair.set_defaults(command=_pair)
    return parser


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--streaming", action="store_true", help="let fake pods answer logs, exec and port-forward (exec runs on this machine, unauthenticated)"
    )
    parser.add_argument("--no-audit", dest="audit", action="store_false", help="write no audit log")
    parser.add_argument("--qps", type=int, default=500, help="requests per second allowed to the controllers (default: 500)")
    parser.add_argument("--workdir", type=Path, metavar="DIR", help="keep data, logs and certificates here (default: a temporary folder)")


def _binaries(chosen: argparse.Namespace) -> int:
    for name, path in binaries.ensure(chosen.names or binaries.NEEDED).items():
        print(f"{name}\t{path}")
    return 0


def _up(chosen: argparse.Namespace) -> int:
    plane = ControlPlane(
        chosen.name,
        service_cidr=chosen.service_cidr,
        scheduler=chosen.scheduler,
        controller_manager=chosen.controller_manager,
        nodes=chosen.nodes,
        streaming=chosen.streaming,
        audit=chosen.audit,
        qps=chosen.qps,
        workdir=chosen.workdir,
    )
    return _run(plane)


def _pair(chosen: argparse.Namespace) -> int:
    def folder(name: str) -> Path | None:
        return chosen.workdir / name if chosen.workdir else None

    host = ControlPlane("host", nodes=chosen.nodes, streaming=chosen.streaming, audit=chosen.audit, qps=chosen.qps, workdir=folder("host"))
    tenant = ControlPlane("tenant", service_cidr=TENANT_SERVICE_CIDR, audit=chosen.audit, qps=chosen.qps, workdir=folder("tenant"))
    return _run(host, tenant)


def _run(*planes: ControlPlane) -> int:
    """Keep the control planes until interrupted, or until one of their components ends by itself."""
    with contextlib.ExitStack() as stack:
        for plane in planes:
            stack.enter_context(plane)
            print(f"{plane.name}\t{plane.kubeconfig}", flush=True)
        say("running; Ctrl-C to stop")
        while True:
            time.sleep(1)
            for plane in planes:
                for component in plane.components:
                    if failure := component.failure():
                        raise PlaneError(f"{plane.name}: {failure}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
