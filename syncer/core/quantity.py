"""Kubernetes quantities ("1.5Gi", "250m", "2e3") as exact decimals.

The grammar is that of `k8s.io/apimachinery/pkg/api/resource`: a signed decimal number with a binary suffix (Ki … Ei), a decimal one (n, u, m,
k … E) or an exponent (e3, E3). The value is exact: neither rounded up to a billionth nor capped at 2^63-1, both of which the API server may
do when it stores a quantity. Text that no server ever writes is refused: more than 64 characters, exponents beyond ±64 (a huge exponent is
cheap as a Decimal and ruinous as an int), a suffix or a sign without a digit.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal
from functools import lru_cache

_MAX_TEXT = 64
_MAX_EXPONENT = 64

_FORM = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{1,4}))?", re.ASCII)

# Wide enough that the product of any accepted number and any suffix is exact (64 digits and the 19 of 2^60).
_EXACT = Context(prec=100)

_SUFFIXES: dict[str, Decimal] = {
    **{suffix: Decimal(10) ** power for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)},
    **{f"{prefix}i": Decimal(2 ** (10 * step)) for step, prefix in enumerate("KMGTPE", start=1)},
}


@lru_cache(maxsize=4096)
def parse(text: str) -> Decimal:
    """The value of a quantity. Raises ValueError for anything that is not one."""
    match = _FORM.fullmatch(text) if len(text) <= _MAX_TEXT else None
    if match is None:
        raise ValueError(f"not a Kubernetes quantity: {text[:_MAX_TEXT]!r}")
    number, suffix, exponent = match.groups()
    value = Decimal(number)
    if suffix is not None:
        return _EXACT.multiply(value, _SUFFIXES[suffix])
    if exponent is not None:
        power = int(exponent)
        if abs(power) > _MAX_EXPONENT:
            raise ValueError(f"the exponent of a quantity is out of range: {text!r}")
        return value.scaleb(power, _EXACT)
    return value
