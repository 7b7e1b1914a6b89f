"""What a control plane is asked to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


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
