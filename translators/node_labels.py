"""The labels of host nodes that their pictures in the tenant carry, beside what storage and `host.showLabels` add."""

from __future__ import annotations

SHOWN_LABELS = frozenset(
    {
        "kubernetes.io/arch",
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "node.kubernetes.io/instance-type",
        "node.kubernetes.io/windows-build",
    }
)
SHOWN_PREFIX = "topology.kubernetes.io/"
