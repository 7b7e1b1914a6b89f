"""Address blocks of a NetworkPolicy with the ranges taken out that stay closed (`policy.closedRanges`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=256)
def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def without(block: Mapping[str, Any], closed: Sequence[str]) -> dict[str, Any] | None:
    """The block with every closed range inside of it excepted; None when all of it is closed."""
    made: dict[str, Any] = {key: block[key] for key in ("cidr", "except") if block.get(key)}
    whole = _network(str(block.get("cidr")))
    if whole is None or not closed:
        return made
    inside = []
    for text in closed:
        network = _network(text)
        if network is None or network.version != whole.version or not network.overlaps(whole):
            continue
        if whole.subnet_of(network):  # type: ignore[arg-type]
            return None
        inside.append(text)
    if inside:
        made["except"] = list(dict.fromkeys((*made.get("except", ()), *inside)))
    return made


def everywhere(closed: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Peers for every address that is not closed."""
    for cidr in ("0.0.0.0/0", "::/0"):
        block = without({"cidr": cidr}, closed)
        if block is not None:
            yield {"ipBlock": block}
