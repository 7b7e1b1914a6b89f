"""What a control plane is asked to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Network:
    """A network namespace apart from the machine's, in which a control plane runs beside nodes that must reach it and that it must reach."""

    namespace: Path
    """The file that stands for it, such as /proc/PID/ns/net."""
    address: str
    """The control plane's own address in there."""

    def entering(self, command: Sequence[str]) -> list[str]:
        """The command line that runs a program in there; it becomes that program, under the same process id."""
        return ["nsenter", f"--net={self.namespace}", "--", *command]


@dataclass(frozen=True)
class Options:
    """The choices behind one control plane; `ControlPlane` explains them."""

    name: str
    service_cidr: str
    scheduler: bool
    controller_manager: bool
    nodes: int
    streaming: bool
    audit: bool
    qps: int
    extra_flags: Mapping[str, Sequence[str]]
    limit: float
    network: Network | None = None
