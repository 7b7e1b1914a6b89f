"""What a namespace mapping may say, and the value it becomes.

The guarantee: under a mapping that passes here, two tenant namespaces never get the same host namespace, except those that a fixed name under
`"*"` puts together on purpose; and none lands in a namespace of the host's own or in the one that holds the syncer's Lease.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from config.errors import Complaint, Path, Unfit
from config.grammar import dns_label, glob_matches
from syncer.core.names import is_label
from syncer.core.settings import NamespaceMapping

PLACEHOLDER = "{namespace}"
LITERAL_LIMIT = 50
"""Characters of a pattern beside the placeholder. Host namespaces have at most 63; what is longer is shortened by the name rule."""

_DIGEST_FORM = re.compile(r"(?:.*-|k)[0-9a-f]{32}")
_OF_EVERY_CLUSTER = ("kube-system", "kube-public", "kube-node-lease")


def parsed(table: Mapping[str, str], own: str | None = None) -> NamespaceMapping:
    """The value for a table as it is written. A pattern that leads into `own`, the syncer's namespace, is closed there and not refused:
    the one tenant namespace concerned stays unmapped, and `"{namespace}"` or the default pattern remain possible."""
    rest = table.get("*")
    named = {key: value for key, value in table.items() if key != "*"}
    if rest is None:
        return NamespaceMapping(table=named)
    if "{" not in rest:
        return NamespaceMapping(table=named, shared=rest)
    is_reached = own is not None and inner(rest, own) is not None
    return NamespaceMapping(table=named, pattern=rest, closed=frozenset({own} if own and is_reached else ()))


def default_table(tenant: str) -> dict[str, str]:
    """What holds when the file says nothing."""
    return {"*": f"{tenant}-{PLACEHOLDER}"}


def inner(pattern: str, host_namespace: str) -> str | None:
    """The tenant namespace that the pattern would put into `host_namespace`, if there is one."""
    before, _, after = pattern.partition(PLACEHOLDER)
    if not host_namespace.startswith(before) or not host_namespace.endswith(after):
        return None
    found = host_namespace[len(before) : len(host_namespace) - len(after)]
    return found if is_label(found) and before + found + after == host_namespace else None


def leads_to(table: Mapping[str, str], host_namespace: str) -> bool:
    """Whether a tenant namespace is, or could be, mapped to this host namespace."""
    known = parsed(table)
    by_pattern = inner(known.pattern, host_namespace) if known.pattern else None
    return host_namespace in known.table.values() or host_namespace == known.shared or by_pattern is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the mapping is judged against: the syncer's own namespace (None if unknown yet) and `host.allowNamespaces`."""

    own: str | None
    allowed: tuple[str, ...] = ()

    def is_closed(self, host_namespace: str) -> bool:
        """Whether the name is one of the host's own and not allowed."""
        is_hosts = host_namespace == "default" or host_namespace.startswith("kube-")
        return is_hosts and not glob_matches(host_namespace, self.allowed)


def complaints(table: Mapping[str, str], ground: Ground, at: Path) -> Iterator[Complaint]:
    """Everything that is wrong with the table written at `at`. Rules that compare entries come last and only for entries that are sound."""
    if not table:
        yield Complaint(at, "the mapping is empty, so that nothing would be synced", "Map a namespace, or remove the key for the default")
        return
    unsound = list(_unsound_entries(table, ground, at))
    yield from unsound
    if not unsound:
        yield from _collisions(table, at)
        yield from _reach(table, ground, at)


def _unsound_entries(table: Mapping[str, str], ground: Ground, at: Path) -> Iterator[Complaint]:
    for key, value in table.items():
        place = (*at, key)
        try:
            if key != "*":
                _check_key(key)
        except Unfit as unfit:
            yield Complaint(place, unfit.reason, unfit.next_step, on_key=True)
        try:
            if key == "*" and ("{" in value or "}" in value):
                _check_pattern(value)
            else:
                _check_name(value, ground)
        except Unfit as unfit:
            yield Complaint(place, unfit.reason, unfit.next_step)


def _check_key(key: str) -> None:
    if "*" in key:
        raise Unfit(f"`{key}` is not the name of a namespace", 'Write a name, or `"*"` alone for all namespaces that are not listed')
    dns_label(key)


def _check_name(name: str, ground: Ground) -> None:
    if "{" in name:
        raise Unfit(f"`{name}` is a pattern, and this key names one namespace", 'Write a name here, and patterns under the key `"*"`')
    dns_label(name)
    if _DIGEST_FORM.fullmatch(name):
        raise Unfit(f"`{name}` looks like a name that was shortened", "Choose a name that does not end in 32 hexadecimal digits")
    if name == ground.own:
        raise Unfit(f"`{name}` holds the syncer's own Lease", "Map onto another namespace, or set `host.namespace`")
    if ground.is_closed(name):
        raise Unfit(f"`{name}` is the host's own namespace", "Map onto another, or name it in `host.allowNamespaces` if this is meant")


def _check_pattern(pattern: str) -> None:
    for placeholder in re.findall(r"\{[^{}]*\}", pattern):
        if placeholder != PLACEHOLDER:
            raise Unfit(f"`{placeholder}` is not known in a pattern", f"Only `{PLACEHOLDER}` is; write anything else out")
    if pattern.count(PLACEHOLDER) != 1 or re.search(r"[{}]", pattern.replace(PLACEHOLDER, "")):
        raise Unfit(f"`{pattern}` is not a pattern", f"Write `{PLACEHOLDER}` in it exactly once, such as `team-a-{PLACEHOLDER}`")
    literal = pattern.replace(PLACEHOLDER, "")
    if len(literal) > LITERAL_LIMIT:
        raise Unfit(f"the pattern has {len(literal)} characters beside `{PLACEHOLDER}`", f"Use at most {LITERAL_LIMIT}; host names have 63 in all")
    if not is_label(pattern.replace(PLACEHOLDER, "a")):
        raise Unfit(f"`{pattern}` does not give names of namespaces", "Use lower-case letters, digits and dashes, and no dash at either end")
    if _DIGEST_FORM.fullmatch(pattern.partition(PLACEHOLDER)[2]):
        raise Unfit(f"`{pattern}` gives names that look shortened", "Choose a pattern that does not end in 32 hexadecimal digits")


def _collisions(table: Mapping[str, str], at: Path) -> Iterator[Complaint]:
    mapping = parsed(table)
    first: dict[str, str] = {}
    for key, value in mapping.table.items():
        place = (*at, key)
        if value in first:
            yield Complaint(
                place,
                f"`{first[value]}` and `{key}` both give the host namespace `{value}`",
                'Give each its own; many into one is said by a fixed name under `"*"`',
            )
        first.setdefault(value, key)
        if value == mapping.shared:
            yield Complaint(place, f'`{value}` is also where `"*"` puts all other namespaces', f"Remove this line, or give `{key}` its own namespace")
        other = inner(mapping.pattern, value) if mapping.pattern else None
        if other is not None and other not in mapping.table:
            yield Complaint(
                place,
                f'`{value}` is also what the pattern `{mapping.pattern}` under `"*"` gives the namespace `{other}`',
                f"Choose a name that does not fit the pattern, or list `{other}` too",
            )


def _reach(table: Mapping[str, str], ground: Ground, at: Path) -> Iterator[Complaint]:
    """Namespaces of the host that the pattern leads to."""
    mapping = parsed(table)
    closed = _closed_results(mapping.pattern, mapping.table, ground) if mapping.pattern else []
    if closed:
        names = " and ".join(f"`{name}`" for name in closed)
        yield Complaint(
            (*at, "*"),
            f"`{mapping.pattern}` can lead into the host's own namespaces {names}",
            "Begin the pattern with a name of your own, or name them in `host.allowNamespaces` if this is meant",
        )


def _closed_results(pattern: str, table: Iterable[str], ground: Ground) -> list[str]:
    """The host's own namespaces that the pattern leads to. `default` is one name; of the names in `kube-*` there is no end, so those that
    every cluster has stand for all of them: who allows these by name has allowed the rest."""
    closed: list[str] = []
    source = inner(pattern, "default")
    if source is not None and source not in table and ground.is_closed("default"):
        closed.append("default")
    before, _, after = pattern.partition(PLACEHOLDER)
    if before.startswith("kube-"):
        samples = [f"{before}any{after}"]
    elif "kube-".startswith(before) and before != "kube":
        samples = [f"{name}{after}" for name in _OF_EVERY_CLUSTER]
    else:
        return closed
    if any(ground.is_closed(name) for name in samples):
        closed.append("kube-*")
    return closed
