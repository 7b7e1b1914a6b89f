"""Cutting a stream into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncer.cluster.lines import Lines


@given(st.lists(st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"."))), st.lists(st.integers(1, 20), min_size=1))
def test_lines_come_out_as_they_went_in_however_they_are_cut(lines: list[bytes], sizes: list[int]) -> None:
    whole = b"".join(line + b"\n" for line in lines)
    cutter, got, start, turn = Lines(1000), [], 0, 0
    while start < len(whole):
        size = sizes[turn % len(sizes)]
        got += cutter.feed(whole[start : start + size])
        start, turn = start + size, turn + 1
    assert got == [line for line in lines if line]
    assert cutter.skipped == 0


@given(st.lists(st.integers(0, 60)), st.integers(1, 50))
def test_lines_over_the_cap_are_counted_and_the_others_kept(lengths: list[int], size: int) -> None:
    whole = b"".join(b"x" * length + b"\n" for length in lengths)
    cutter, got = Lines(20), []
    for start in range(0, len(whole), size):
        got += cutter.feed(whole[start : start + size])
    assert [len(line) for line in got] == [length for length in lengths if 0 < length <= 20]
    assert cutter.take_skipped() == sum(length > 20 for length in lengths)
    assert cutter.take_skipped() == 0


def test_an_endless_line_is_not_kept() -> None:
    cutter = Lines(1000)
    for _ in range(10_000):
        assert cutter.feed(b"x" * 100) == []
    assert sum(map(len, cutter._tail)) <= 1000
