"""Packing is exact, deterministic and worth it."""

import json

from hypothesis import given
from hypothesis import strategies as st

from syncer.cluster.pack import _SPEC, _STATUS, packed, unpacked
from syncer.cluster.wire import from_obj


@given(st.binary(max_size=5000).map(lambda tail: b"{" + tail))
def test_what_was_packed_comes_back_to_the_byte(raw: bytes) -> None:
    assert unpacked(packed(raw)) == raw
    assert packed(packed(raw)) == packed(raw)


@given(st.text(max_size=40), st.text(max_size=40))
def test_equal_objects_stay_equal_and_others_differ(first: str, second: str) -> None:
    one, two = (json.dumps({**_SPEC, "hostname": name}).encode() for name in (first, second))
    assert (packed(one) == packed(two)) is (one == two)


def test_a_typical_pod_becomes_a_fraction() -> None:
    spec = json.dumps({**_SPEC, "nodeName": "other-node", "hostname": "shop-7d4b9"}, separators=(",", ":")).encode()
    status = json.dumps({**_STATUS, "podIP": "10.4.5.6", "phase": "Running"}, separators=(",", ":")).encode()
    assert len(packed(spec)) < len(spec) / 5
    assert len(packed(status)) < len(status) / 5


def test_an_entry_reads_the_same_packed_or_not() -> None:
    obj = {"metadata": {"name": "a", "namespace": "b", "uid": "u", "resourceVersion": "1"}, "spec": _SPEC, "status": _STATUS}
    plain, small = from_obj(obj), from_obj(obj).pack()
    assert small.obj() == plain.obj()
    assert small.raw_spec == plain.spec
    assert small.size < plain.size / 2
