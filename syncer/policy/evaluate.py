"""The one question put to every host pod before it is written: what does it ask for that it may not have?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.core.settings import PolicySettings
from syncer.policy.findings import Findings, Violation
from syncer.policy.host_access import check_host_access
from syncer.policy.lent import NOTHING, Lent
from syncer.policy.placement import check_placement
from syncer.policy.pod_security import check_level
from syncer.policy.reading import read_pod
from syncer.policy.volumes import check_volumes


def violations(
    pod: Mapping[str, Any],
    policy: PolicySettings,
    *,
    service_account: str,
    nodes: frozenset[str] | None,
    existing: bool = False,
    lent: Lent = NOTHING,
) -> tuple[Violation, ...]:
    """Everything the final host pod asks for against the policy; empty when it may be written.

    The same for creates and for updates of any kind (image, resize, ephemeral containers): judge the whole pod as it would stand afterwards.
    `service_account` is the workload ServiceAccount; `nodes` are the promoted host nodes (None: any). `existing` says that this pod stands on
    the host already: its node, its pin, its priority and its overhead are then the host's own and cannot change, and are not looked at. `lent` is
    what the host's administrator offers beyond the tables of the policy.
    """
    found = Findings()
    parts = read_pod(pod, found)
    if parts is not None:
        check_level(parts, policy.pod_security, policy.pod_security_exceptions, found)
        check_volumes(parts, policy, found)
        check_host_access(parts, policy, service_account, lent, found, existing=existing)
        if not existing:
            check_placement(parts, policy, nodes, lent, found)
    return found.result()
