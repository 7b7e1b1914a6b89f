"""The mapping of names is injective, legal and cannot be tricked: exhaustively over small names that like to collide, and at random over long ones.

The digest is cut to two digits where it shall collide: then only digest forms may meet, which shows that nothing but the digest's length
stands between us and a collision.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncer.core.names import JOINER, Names, digest, is_label, shortened
from syncer.core.objects import CONFIGMAPS, PODS, SERVICES, Resource
from syncer.core.settings import NamespaceMapping

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
VOLUMES = Resource("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
TENANTS = ("a", "x", "ab", "a-x-b", "x-a")
MAPPINGS = {
    "pattern": NamespaceMapping(pattern="h-{namespace}"),
    "bare pattern": NamespaceMapping(pattern="{namespace}"),
    "suffix pattern": NamespaceMapping(pattern="{namespace}-x"),
    "shared": NamespaceMapping(shared="one"),
    "table and shared": NamespaceMapping(table={"a": "h-a", "x": "h-x"}, shared="one"),
    "table and pattern": NamespaceMapping(table={"a": "other-a"}, pattern="h-{namespace}"),
}
Source = tuple[str, str]


def words(alphabet: str, longest: int, is_legal: Callable[[str], bool]) -> list[str]:
    found = ("".join(letters) for length in range(1, longest + 1) for letters in itertools.product(alphabet, repeat=length))
    return [word for word in found if is_legal(word)]


def is_subdomain(text: str) -> bool:
    return SUBDOMAIN.fullmatch(text) is not None


NAMESPACES = words("ax-", 4, is_label)
SHORT_NAMES = words("ax-", 5, is_subdomain) + words("abx-.", 3, is_subdomain)


def places(names: Names, resource: Resource, sources: Iterable[Source]) -> dict[Source, set[Source]]:
    """Host place → the tenant objects that it stands for."""
    found: dict[Source, set[Source]] = defaultdict(set)
    for namespace, name in sources:
        host = names.namespace(namespace)
        assert host is not None
        found[host, names.name(resource, namespace, name)].add((namespace, name))
    return found


def is_digest(names: Names, name: str) -> bool:
    return re.fullmatch(rf"(?:.*-|k)[0-9a-f]{{{names.digest_length}}}", name) is not None


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
@pytest.mark.parametrize("tenant", TENANTS)
def test_no_two_small_names_meet(tenant: str, mapping: NamespaceMapping) -> None:
    names = Names(tenant, mapping)
    for place, sources in places(names, CONFIGMAPS, itertools.product(NAMESPACES, set(SHORT_NAMES))).items():
        assert len(sources) == 1, (place, sources)


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
@pytest.mark.parametrize("tenant", ["a", "ab", "a-x-b"])
def test_with_a_short_digest_only_digest_forms_meet(tenant: str, mapping: NamespaceMapping) -> None:
    names = Names(tenant, mapping, digest_length=2)
    met = 0
    for (namespace, name), sources in places(names, CONFIGMAPS, itertools.product(NAMESPACES, set(SHORT_NAMES))).items():
        if len(sources) > 1:
            met += 1
            assert is_digest(names, name) or is_digest(names, namespace), (name, sources)
    if mapping.shared is not None:
        assert met, "the alphabet was meant to collide"


@pytest.mark.parametrize("tenant", [*TENANTS, "ef", "0f"])
@pytest.mark.parametrize("length", [2, 32])
def test_cluster_scoped_names_do_not_meet_either(tenant: str, length: int) -> None:
    names = Names(tenant, NamespaceMapping(shared="one"), digest_length=length)
    found: dict[str, set[str]] = defaultdict(set)
    for name in set(SHORT_NAMES):
        found[names.name(VOLUMES, "", name)].add(name)
    full = {host for host in found if host.endswith(f"{JOINER}{tenant}")}
    assert full
    for host, sources in found.items():
        assert len(sources) == 1 or (length == 2 and is_digest(names, host) and host not in full), (host, sources)


# --- long names

LABELS = st.from_regex(r"[abx]([abx-]{0,61}[abx])?", fullmatch=True)
NAMES = st.from_regex(r"[abx]([abx-]{0,60}[abx])?(\.[abx]([abx-]{0,60}[abx])?){0,3}", fullmatch=True).filter(lambda name: len(name) <= 253)
TENANT = st.from_regex(r"[abx]([abx-]{0,38}[abx])?", fullmatch=True)
KINDS = st.sampled_from([CONFIGMAPS, PODS, SERVICES])


@st.composite
def mappings(draw: st.DrawFn) -> NamespaceMapping:
    """As configuration lets them pass: no two entries lead to one namespace, unless `shared` says so."""
    mapping = draw(st.sampled_from(list(MAPPINGS.values())))
    listed = {namespace: f"listed-{number}-z" for number, namespace in enumerate(draw(st.lists(LABELS, max_size=2, unique=True)))}
    return replace(mapping, table={**mapping.table, **listed})


def host_name(names: Names, kind: Resource, namespace: str, name: str) -> Source:
    host = names.namespace(namespace)
    assert host is not None
    return host, names.name(kind, namespace, name)


@given(TENANT, mappings(), KINDS, LABELS, NAMES, LABELS, NAMES)
def test_no_two_long_names_meet(tenant: str, mapping: NamespaceMapping, kind: Resource, ns1: str, n1: str, ns2: str, n2: str) -> None:
    assume((ns1, n1) != (ns2, n2))
    names = Names(tenant, mapping)
    assert host_name(names, kind, ns1, n1) != host_name(names, kind, ns2, n2)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[str, Source, Source]:
    """Two ways to read one joined name: where the naive mapping would be ambiguous."""
    parts = draw(st.lists(st.sampled_from(["a", "b", "x", "a-x", "x-b", "ab"]), min_size=3, max_size=6))
    first, second = draw(st.integers(1, len(parts) - 1)), draw(st.integers(1, len(parts) - 1))
    assume(first != second)
    one = JOINER.join(parts[:first]), JOINER.join(parts[first:])
    other = JOINER.join(parts[:second]), JOINER.join(parts[second:])
    return draw(st.sampled_from(TENANTS)), (one[1], one[0]), (other[1], other[0])


@given(cuts(), st.sampled_from([2, 32]))
def test_two_readings_of_one_text_get_two_names(cut: tuple[str, Source, Source], length: int) -> None:
    tenant, first, second = cut
    assume(all(is_label(namespace) for namespace, _ in (first, second)))
    names = Names(tenant, NamespaceMapping(shared="one"), digest_length=length)
    one, other = names.name(PODS, *first), names.name(PODS, *second)
    assert one != other or (length == 2 and is_digest(names, one))


@given(TENANT, mappings(), KINDS, LABELS, NAMES)
def test_results_are_legal_and_short_enough(tenant: str, mapping: NamespaceMapping, kind: Resource, namespace: str, name: str) -> None:
    assume(kind is not SERVICES or is_label(name))
    names = Names(tenant, mapping)
    host, found = host_name(names, kind, namespace, name)
    assert is_label(host)
    assert len(found) <= kind.name_limit
    assert is_subdomain(found)
    assert kind is not SERVICES or is_label(found)


@given(TENANT, KINDS, LABELS, NAMES)
def test_a_namespace_mapped_one_to_one_keeps_ordinary_names(tenant: str, kind: Resource, namespace: str, name: str) -> None:
    assume(JOINER not in name and not re.search(r"(-|^k)[0-9a-f]{32}$", name))
    assert Names(tenant, MAPPINGS["pattern"]).name(kind, namespace, name) == name


@given(TENANT, LABELS, NAMES)
def test_a_tenant_cannot_choose_a_name_that_an_escaped_one_has(tenant: str, namespace: str, name: str) -> None:
    """Whatever name we make, asking for it by hand gives another."""
    names = Names(tenant, MAPPINGS["pattern"])
    for made in (
        names.joined(CONFIGMAPS, namespace, name),
        names.name(CONFIGMAPS, namespace, "kube-root-ca.crt"),
        names.derived(CONFIGMAPS, namespace, name, "token"),
    ):
        assert names.name(CONFIGMAPS, namespace, made) != made


@pytest.mark.parametrize(("kind", "name"), [(CONFIGMAPS, "kube-root-ca.crt"), (Resource("", "v1", "serviceaccounts", "ServiceAccount"), "default")])
def test_names_that_the_host_makes_itself_are_escaped(kind: Resource, name: str) -> None:
    assert Names("acme", MAPPINGS["pattern"]).name(kind, "web", name) == f"{name}-x-web-x-acme"
    assert Names("acme", MAPPINGS["pattern"]).name(PODS, "web", name) == name


@given(LABELS, LABELS)
def test_namespaces_under_a_pattern_do_not_meet(one: str, other: str) -> None:
    assume(one != other)
    for pattern in ("h-{namespace}", "{namespace}", "{namespace}-team", "a-rather-long-prefix-before-{namespace}-and-after-it"):
        names = Names("acme", NamespaceMapping(pattern=pattern))
        assert names.namespace(one) != names.namespace(other)


def test_a_namespace_that_is_shortened_cannot_be_claimed() -> None:
    names = Names("acme", NamespaceMapping(pattern="team-{namespace}"))
    long = names.namespace("a" * 63)
    assert long is not None
    assert long.startswith("team-aaa")
    assert len(long) == 63
    claimed = names.namespace(long.removeprefix("team-"))
    assert claimed not in (None, long)


def test_unmapped_and_closed_namespaces_have_no_place() -> None:
    assert Names("acme", NamespaceMapping(table={"a": "h"})).namespace("b") is None
    closed = Names("acme", NamespaceMapping(pattern="kled-{namespace}", closed=frozenset({"kled-acme"})))
    assert closed.namespace("acme") is None
    assert closed.namespace("other") == "kled-other"


@given(st.lists(st.text("ab:1", max_size=3), max_size=4), st.lists(st.text("ab:1", max_size=3), max_size=4))
def test_a_digest_tells_lists_of_parts_apart(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


@given(st.text("abx-.", max_size=80), st.integers(40, 63))
def test_a_shortened_name_ends_where_it_must_and_hides_no_joiner(prefix: str, limit: int) -> None:
    code = digest(prefix)
    made = shortened(prefix.lstrip("-."), code, limit)
    assert len(made) <= limit
    assert made.endswith(code)
    assert JOINER not in made
    assert "--" not in made[-34:-32]


def test_the_same_name_in_another_kind_or_purpose_is_another_name() -> None:
    names = Names("acme", NamespaceMapping(shared="one"))
    long = "a" * 200
    found = {names.name(kind, "web" * 20, long) for kind in (CONFIGMAPS, PODS)}
    found |= {names.derived(kind, "web" * 20, long, purpose) for kind in (CONFIGMAPS, PODS) for purpose in ("token", "ca")}
    assert len(found) == 6


def _everything() -> Iterator[tuple[str, str]]:
    yield from itertools.product(NAMESPACES[:10], SHORT_NAMES[:20])


def test_a_name_is_the_same_every_time_and_in_another_process() -> None:
    one, other = Names("acme", MAPPINGS["shared"]), Names("acme", MAPPINGS["shared"])
    assert [one.name(PODS, *source) for source in _everything()] == [other.name(PODS, *source) for source in _everything()]
    assert one.name(PODS, "web", "api-x-1") == "api-1-" + digest("", "pods", "web", "api-x-1", "acme")
