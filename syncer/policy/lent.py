"""What the host lends to one pod beyond the tables of the policy, as found on the host by who may look there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lent:
    """Names on the host: accounts that are shadows of the tenant's own, classes that are offered to the tenant, claims that are copies of its."""

    accounts: frozenset[str] = frozenset()
    priority_classes: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()
    claims: frozenset[str] = frozenset()


NOTHING = Lent()
