"""Host names that a tenant may claim on the host's shared ways in (Ingresses, Gateways, routes).

A host name belongs to whoever claims it first in the eyes of most controllers, so a tenant could take another's traffic. `policy.ingressHosts` lists
what is the tenant's own; then every rule must name a host, because a rule without one answers for all names.
"""

from __future__ import annotations

import fnmatch

from syncer.core.settings import Settings
from syncer.core.translator import Refusal


def refused_host(field: str, host: str | None, settings: Settings) -> Refusal | None:
    """Why this name (None or empty: every name) may not be claimed here."""
    allowed = settings.policy.ingress_hosts
    if not allowed:
        return None
    listed = ", ".join(allowed)
    if not host:
        return Refusal(field, f"a host name must be given here, because without one it would answer for all names; allowed are {listed}")
    plain = host.rstrip(".").lower()
    if any(fnmatch.fnmatchcase(plain, glob) for glob in allowed):
        return None
    return Refusal(field, f"{host!r} is not a host name of this cluster; allowed are {listed}")
