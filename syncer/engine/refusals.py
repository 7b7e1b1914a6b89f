"""Why the host refused an object, in words that its tenant may read and act on.

A host's own rules come as one answer (403, from admission policies also 422) in the wording of whoever made it: a ResourceQuota, a LimitRange, Pod
Security admission, an admission policy or webhook. The tenant cannot see these objects. So it is told which sort of rule it was, the numbers, and
what may help; of names only that of the quota.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from syncer.core.errors import ApiError, Forbidden, Invalid
from syncer.core.objects import Ref
from syncer.core.quantity import parse
from syncer.engine.tell import host_words, readable

_QUOTA = re.compile(r"exceeded quota: (?P<name>[a-z0-9.-]+), requested: (?P<requested>\S+), used: (?P<used>\S+), limited: (?P<limited>\S+)")
_MUST_SAY = re.compile(r"failed quota: (?P<name>[a-z0-9.-]+): must specify (?P<what>.*)", re.DOTALL)
_LIMITS = re.compile(r"(?P<rules>\[?(?:maximum|minimum) \S+ usage per \w+ is .*|\[?\S+ max limit to request ratio per \w+ is .*)", re.DOTALL)
_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[a-z]+):[^"]*": (?P<why>.*)', re.DOTALL)
_POLICY = re.compile(r"an admission policy denied request: (?P<why>.*)", re.DOTALL)
_WEBHOOK = re.compile(r"an admission webhook denied the request:? ?(?P<why>.*)", re.DOTALL)
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Refused:
    """`text` is for the tenant. `by_rule`: a rule of the host stands against it, which changes when people or other objects change, not by itself.
    With `quota`, `requested` is what it takes of it."""

    text: str
    by_rule: bool = False
    quota: str = ""
    requested: Mapping[str, Decimal] = field(default_factory=dict)


def refused(error: ApiError, host: Ref, tenant: Ref) -> Refused:
    other = Refused(f"the host refused it: {host_words(error, host, tenant)}")
    if not isinstance(error, (Forbidden, Invalid)):
        return other
    words = readable(error, host, tenant)
    if found := _QUOTA.search(words):
        plain = _QUOTA.search(error.message) or found
        numbers = f"requested {found['requested']}, used {found['used']}, limited to {found['limited']}"
        text = f"the host's quota {found['name']!r} is used up: {numbers}; it is tried again when there is room"
        return Refused(text[:_LONGEST], True, plain["name"], _amounts(plain["requested"]))
    if found := _MUST_SAY.search(words):
        return Refused(f"the host's quota {found['name']!r} counts what the object does not say; specify {found['what']}"[:_LONGEST], True)
    for pattern, said in _RULES:
        if found := pattern.search(words):
            return Refused(said.format(**found.groupdict())[:_LONGEST], True)
    return other


_RULES = (
    (_LIMITS, "a LimitRange of the host does not allow it: {rules}"),
    (_SECURITY, "the host's Pod Security level {level} does not allow it: {why}"),
    (_POLICY, "an admission policy of the host denied it: {why}"),
    (_WEBHOOK, "an admission webhook of the host denied it: {why}"),
)


def _amounts(text: str) -> dict[str, Decimal]:
    """`pods=1,requests.cpu=500m`; empty when it cannot be read, which means that any room is worth a try."""
    try:
        return {name: parse(amount) for name, _, amount in (part.partition("=") for part in text.rstrip(",").split(","))}
    except ValueError:
        return {}
