"""No two tenant namespaces meet, and none lands where the host or the syncer lives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import pytest
from hypothesis import assume, event, example, given
from hypothesis import strategies as st

from config import ConfigError, Loaded
from config.errors import path_text
from config.mapping import Ground, complaints, parsed
from syncer.core.names import is_label
from syncer.core.settings import NamespaceMapping

Load = Callable[..., Loaded]
Refusal = Callable[..., ConfigError]

HEX = "0123456789abcdef0123456789abcdef"


def table_text(table: dict[str, str]) -> str:
    return "sync:\n  namespaceMapping:\n" + "".join(f'    "{key}": "{value}"\n' for key, value in table.items())


ACCEPTED = [
    ({"default": "a", "shop": "b"}, NamespaceMapping(table={"default": "a", "shop": "b"})),
    ({"*": "team-a-{namespace}"}, NamespaceMapping(pattern="team-a-{namespace}")),
    ({"*": "{namespace}"}, None),
    ({"*": "{namespace}-a"}, None),
    ({"*": "kubex-{namespace}"}, NamespaceMapping(pattern="kubex-{namespace}")),
    ({"*": "kube{namespace}"}, NamespaceMapping(pattern="kube{namespace}")),
    ({"*": "team-a"}, NamespaceMapping(shared="team-a")),
    ({"shop": "web", "*": "team-a"}, NamespaceMapping(table={"shop": "web"}, shared="team-a")),
    ({"shop": "t-shop", "*": "t-{namespace}"}, NamespaceMapping(table={"shop": "t-shop"}, pattern="t-{namespace}")),
    ({"a": "t-b", "b": "t-a", "*": "t-{namespace}"}, NamespaceMapping(table={"a": "t-b", "b": "t-a"}, pattern="t-{namespace}")),
    ({"a": "t-", "*": "t-{namespace}"}, None),
    ({"1": "2"}, NamespaceMapping(table={"1": "2"})),
]


@pytest.mark.parametrize(("table", "mapping"), [case for case in ACCEPTED if case[1] is not None], ids=str)
def test_a_mapping_becomes_a_table_with_a_pattern_or_a_shared_namespace(load: Load, table: dict[str, str], mapping: NamespaceMapping) -> None:
    assert load(table_text(table)).settings.mapping == mapping


@pytest.mark.parametrize("table", [case[0] for case in ACCEPTED if case[1] is None], ids=str)
def test_a_mapping_onto_the_hosts_own_or_onto_no_name_is_refused(refusal: Refusal, table: dict[str, str]) -> None:
    assert refusal(table_text(table)).path.startswith("sync.namespaceMapping")


REFUSED = [
    # table, key at fault, reason, next step
    ({"a": "web", "b": "web"}, "b", "`a` and `b` both give the host namespace `web`",
     'Give each its own; many into one is said by a fixed name under `"*"`'),
    ({"a": "web", "*": "web"}, "a", '`web` is also where `"*"` puts all other namespaces', "Remove this line, or give `a` its own namespace"),
    ({"a": "t-b", "*": "t-{namespace}"}, "a", '`t-b` is also what the pattern `t-{namespace}` under `"*"` gives the namespace `b`',
     "Choose a name that does not fit the pattern, or list `b` too"),
    ({"a": "t-b-u", "*": "t-{namespace}-u"}, "a", '`t-b-u` is also what the pattern `t-{namespace}-u` under `"*"` gives the namespace `b`',
     "Choose a name that does not fit the pattern, or list `b` too"),
    ({"a": "default"}, "a", "`default` is the host's own namespace", "Map onto another, or name it in `host.allowNamespaces` if this is meant"),
    ({"a": "kube-foo"}, "a", "`kube-foo` is the host's own namespace", "Map onto another, or name it in `host.allowNamespaces` if this is meant"),
    ({"*": "kube-public"}, "*", "`kube-public` is the host's own namespace",
     "Map onto another, or name it in `host.allowNamespaces` if this is meant"),
    ({"*": "{namespace}"}, "*", "`{namespace}` can lead into the host's own namespaces `default` and `kube-*`",
     "Begin the pattern with a name of your own, or name them in `host.allowNamespaces` if this is meant"),
    ({"*": "k{namespace}"}, "*", "`k{namespace}` can lead into the host's own namespaces `kube-*`",
     "Begin the pattern with a name of your own, or name them in `host.allowNamespaces` if this is meant"),
    ({"*": "kube-{namespace}"}, "*", "`kube-{namespace}` can lead into the host's own namespaces `kube-*`",
     "Begin the pattern with a name of your own, or name them in `host.allowNamespaces` if this is meant"),
    ({"*": "de{namespace}lt"}, "*", "`de{namespace}lt` can lead into the host's own namespaces `default`",
     "Begin the pattern with a name of your own, or name them in `host.allowNamespaces` if this is meant"),
    ({"*": "{namespace}-acme"}, "*", "`{namespace}-acme` can lead into the host's own namespaces `kube-*`",
     "Begin the pattern with a name of your own, or name them in `host.allowNamespaces` if this is meant"),
    ({"a": "kled-acme"}, "a", "`kled-acme` holds the syncer's own Lease", "Map onto another namespace, or set `host.namespace`"),
    ({"*": "kled-acme"}, "*", "`kled-acme` holds the syncer's own Lease", "Map onto another namespace, or set `host.namespace`"),
    ({"a": "Web"}, "a", "`Web` is not a DNS label", "Use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"),
    ({"a": "x" * 64}, "a", f"`{'x' * 64}` is not a DNS label",
     "Use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"),
    ({"a": ""}, "a", "`` is not a DNS label", "Use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"),
    ({"A": "web"}, "A", "`A` is not a DNS label", "Use at most 63 lower-case letters, digits and dashes, with a letter or digit at both ends"),
    ({"team-*": "web"}, "team-*", "`team-*` is not the name of a namespace", 'Write a name, or `"*"` alone for all namespaces that are not listed'),
    ({"a": "t-{namespace}"}, "a", "`t-{namespace}` is a pattern, and this key names one namespace",
     'Write a name here, and patterns under the key `"*"`'),
    ({"a": f"web-{HEX}"}, "a", f"`web-{HEX}` looks like a name that was shortened", "Choose a name that does not end in 32 hexadecimal digits"),
    ({"a": f"k{HEX}"}, "a", f"`k{HEX}` looks like a name that was shortened", "Choose a name that does not end in 32 hexadecimal digits"),
    ({"*": f"t-{{namespace}}-{HEX}"}, "*", f"`t-{{namespace}}-{HEX}` gives names that look shortened",
     "Choose a pattern that does not end in 32 hexadecimal digits"),
    ({"*": "{tenant}-{namespace}"}, "*", "`{tenant}` is not known in a pattern", "Only `{namespace}` is; write anything else out"),
    ({"*": "{}-a"}, "*", "`{}` is not known in a pattern", "Only `{namespace}` is; write anything else out"),
    ({"*": "t-{namespace"}, "*", "`t-{namespace` is not a pattern", "Write `{namespace}` in it exactly once, such as `team-a-{namespace}`"),
    ({"*": "t-}"}, "*", "`t-}` is not a pattern", "Write `{namespace}` in it exactly once, such as `team-a-{namespace}`"),
    ({"*": "{namespace}-{namespace}"}, "*", "`{namespace}-{namespace}` is not a pattern",
     "Write `{namespace}` in it exactly once, such as `team-a-{namespace}`"),
    ({"*": "-{namespace}"}, "*", "`-{namespace}` does not give names of namespaces",
     "Use lower-case letters, digits and dashes, and no dash at either end"),
    ({"*": "t_{namespace}"}, "*", "`t_{namespace}` does not give names of namespaces",
     "Use lower-case letters, digits and dashes, and no dash at either end"),
    ({"*": f"{'x' * 51}{{namespace}}"}, "*", "the pattern has 51 characters beside `{namespace}`", "Use at most 50; host names have 63 in all"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "key", "reason", "next_step"), REFUSED, ids=lambda value: str(value) if isinstance(value, dict) else "")
def test_an_unsound_mapping_is_refused_at_the_entry_at_fault(refusal: Refusal, table: dict[str, str], key: str, reason: str, next_step: str) -> None:
    error = refusal(table_text(table))
    line = 3 + list(table).index(key)
    place = path_text(("sync", "namespaceMapping", key))
    assert (error.line, error.path, error.reason, error.next_step) == (line, place, reason, next_step)
    assert len(error.problems) == 1


def test_an_empty_mapping_is_refused(refusal: Refusal) -> None:
    assert refusal("sync:\n  namespaceMapping: {}\n").reason == "the mapping is empty, so that nothing would be synced"


ALLOWED = [
    ("[default]", {"a": "default"}),
    ("[kube-system]", {"a": "kube-system"}),
    ("['kube-*']", {"a": "kube-anything"}),
    ("[default, kube-*]", {"*": "{namespace}"}),
    ("['*']", {"*": "{namespace}"}),
    ("[default, kube-system, kube-public, kube-node-lease]", {"*": "{namespace}"}),
    ("[]", {"fau": "x", "*": "de{namespace}lt"}),
    ("[kube-*-acme]", {"*": "{namespace}-acme"}),
    ("[kube-acme-*]", {"*": "kube-acme-{namespace}"}),
]


@pytest.mark.parametrize(("allowed", "table"), ALLOWED, ids=str)
def test_the_hosts_own_namespaces_are_open_when_they_are_named(load: Load, allowed: str, table: dict[str, str]) -> None:
    mapping = load(f"host: {{allowNamespaces: {allowed}}}\n" + table_text(table)).settings.mapping
    assert mapping == parsed(table, own="kled-acme")


@pytest.mark.parametrize(
    ("allowed", "left"),
    [("[default]", "`kube-*`"), ("[kube-*]", "`default`"), ("[default, kube-system]", "`kube-*`"), ("[]", "`default` and `kube-*`")],
)
def test_what_is_not_named_stays_closed_to_a_pattern(refusal: Refusal, allowed: str, left: str) -> None:
    error = refusal(f"host: {{allowNamespaces: {allowed}}}\n" + table_text({"*": "{namespace}"}))
    assert error.reason == f"`{{namespace}}` can lead into the host's own namespaces {left}"


def test_allowing_every_name_does_not_open_the_syncers_own(load: Load, refusal: Refusal) -> None:
    text = "host: {allowNamespaces: ['*'], namespace: x}\n"
    assert "holds the syncer's own Lease" in refusal(text + table_text({"a": "x"})).reason
    assert load(text + table_text({"*": "{namespace}"})).settings.mapping == NamespaceMapping(pattern="{namespace}", closed=frozenset({"x"}))


def test_a_pattern_is_closed_where_it_would_lead_to_the_syncers_lease(load: Load) -> None:
    assert load(table_text({"*": "kled-{namespace}"})).settings.mapping.closed == {"kled-acme"}
    assert load(table_text({"*": "t-{namespace}"})).settings.mapping.closed == frozenset()
    assert load("sync: {}\nhost: {namespace: acme-control}").settings.mapping.closed == {"acme-control"}


def test_without_a_mapping_the_pattern_begins_with_the_tenants_name(load: Load) -> None:
    assert load("sync: {}").settings.mapping == NamespaceMapping(pattern="acme-{namespace}")
    longest = "t" * 40
    assert load("sync: {}", tenant=longest).settings.mapping == NamespaceMapping(pattern=f"{longest}-{{namespace}}")


def test_a_default_pattern_that_leads_astray_is_refused_and_called_the_default(refusal: Refusal) -> None:
    error = refusal("sync: {}", tenant="kube")
    assert error.path == "sync.namespaceMapping"
    assert error.reason == "no mapping is written, and the default `kube-{namespace}` can lead into the host's own namespaces `kube-*`"
    assert error.next_step == "Write a `namespaceMapping` under `sync` that begins differently"


TWO_TABLES = """\
sync:
  resources:
  - name: pods
    namespaceMapping:
      default: web
  - name: services
    namespaceMapping:
      default: net
"""


def test_kinds_with_different_mappings_are_refused_with_both_lines(refusal: Refusal) -> None:
    error = refusal(TWO_TABLES)
    assert (error.line, error.path) == (7, "sync.resources[1].namespaceMapping")
    assert error.reason.startswith("this mapping is not the same as sync.resources[0].namespaceMapping on line 4; ")
    assert error.next_step == "Make the two equal, or write one `namespaceMapping` directly under `sync`"


def test_a_kind_may_not_depart_from_the_mapping_of_all_kinds(refusal: Refusal) -> None:
    error = refusal("sync:\n  resources:\n  - name: pods\n    namespaceMapping: {a: b}\n  namespaceMapping: {a: c}\n")
    assert (error.line, error.path) == (4, "sync.resources[0].namespaceMapping")
    assert "not the same as sync.namespaceMapping on line 5" in error.reason


def test_kinds_without_a_mapping_follow_those_that_have_one_in_any_order(load: Load) -> None:
    text = "sync: {resources: [{name: pods}, {name: secrets, namespaceMapping: {a: b, c: d}}, {name: events, namespaceMapping: {c: d, a: b}}]}"
    assert load(text).settings.mapping == NamespaceMapping(table={"a": "b", "c": "d"})


# Names built from few parts, so that pattern, table and host names meet often.
PARTS = ("a", "t", "kube", "default", "system")
UNIVERSE = [
    *(name for length in (1, 2, 3) for name in map("-".join, product(PARTS, repeat=length))),
    "kube-public", "kube-node-lease", "ube-a", "be-a", "at", "ta", "aa", "kubea",
]  # fmt: skip
NAMES = st.sampled_from(UNIVERSE)
TARGETS = st.sampled_from([name for name in UNIVERSE if set(name) <= set("at-")])
PATTERNS = st.builds(
    lambda before, after: f"{before}{{namespace}}{after}",
    st.sampled_from(["a", "a-", "t-", "t-a-", "a-t-", "d", "default-", "kube", "", "k", "ku", "kube-"]),
    st.sampled_from(["", "-a", "-t", "a", "-system", "t"]),
)
TABLES = st.builds(
    lambda named, rest: {**named, **({} if rest is None else {"*": rest})},
    st.dictionaries(NAMES | TARGETS, TARGETS | TARGETS | TARGETS | NAMES, max_size=4),
    st.none() | PATTERNS | PATTERNS | TARGETS | NAMES,
)


def place(mapping: NamespaceMapping, namespace: str) -> str | None:
    """Where a namespace lands: the table, then the pattern, then the shared namespace."""
    if namespace in mapping.table:
        return mapping.table[namespace]
    made = mapping.pattern.replace("{namespace}", namespace) if mapping.pattern else mapping.shared
    return None if made in mapping.closed else made


def met(mapping: NamespaceMapping, namespaces: Iterable[str]) -> set[str]:
    """Host namespaces that hold two tenant namespaces, unless a shared one holds exactly those that it is for."""
    seen: dict[str, str] = {}
    bad = set[str]()
    for namespace in namespaces:
        target = place(mapping, namespace)
        is_shared = mapping.shared is not None and namespace not in mapping.table
        source = "*" if is_shared else namespace
        if target is not None and seen.setdefault(target, source) != source:
            bad.add(target)
    return bad


@given(TABLES, NAMES)
@example({"a": "t-t", "*": "t-{namespace}"}, "x")
@example({"a": "t-a", "t-a": "t-t", "*": "t-{namespace}"}, "x")
def test_no_two_namespaces_meet_under_an_accepted_mapping(table: dict[str, str], own: str) -> None:
    assume(not list(complaints(table, Ground(own=own), ())))
    mapping = parsed(table, own)
    event("pattern" if mapping.pattern else "shared" if mapping.shared else "table")
    assert met(mapping, UNIVERSE) == set()


@given(TABLES, NAMES)
def test_no_namespace_lands_at_the_hosts_or_the_syncers_under_an_accepted_mapping(table: dict[str, str], own: str) -> None:
    assume(not list(complaints(table, Ground(own=own), ())))
    targets = {target for namespace in UNIVERSE if (target := place(parsed(table, own), namespace))}
    assert own not in targets
    assert "default" not in targets
    assert not any(target.startswith("kube-") for target in targets)
    assert all(is_label(target) for target in targets)


@given(TABLES)
def test_exactly_those_entries_are_refused_that_make_namespaces_meet(table: dict[str, str]) -> None:
    found = [complaint for complaint in complaints(table, Ground(own=None, allowed=("*",)), ()) if complaint.path not in ((), ("*",))]
    mapping = parsed(table)
    sources = {*UNIVERSE, *(name for value in table.values() for name in inners(value)), *table}
    assert met(mapping, sorted(sources - {"*"})) == {table[str(complaint.path[0])] for complaint in found}


def inners(value: str) -> set[str]:
    """Every label inside a name: whatever a pattern could have begun with."""
    return {value[i:j] for i in range(len(value)) for j in range(i + 1, len(value) + 1) if is_label(value[i:j])}
