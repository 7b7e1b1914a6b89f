"""What is written on an object can be read from it again; what is not complete is no stamp."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.core import stamp as stamps
from syncer.core.stamp import Stamp

WORDS = st.text("abc-x", min_size=1, max_size=6)
QUALIFIED = st.from_regex(r"([a-z.]{1,6}/)?[A-Za-z0-9][-A-Za-z0-9_.]{0,6}", fullmatch=True)
STAMPS = st.builds(Stamp, WORDS, WORDS, WORDS | st.just(""), WORDS, WORDS)


@given(STAMPS)
def test_there_and_back(stamp: Stamp) -> None:
    assert stamps.read(stamps.labels(stamp), stamps.annotations(stamp)) == stamp


@given(STAMPS, st.dictionaries(QUALIFIED, st.text()), st.dictionaries(QUALIFIED, st.text()))
def test_other_labels_and_annotations_do_not_matter(stamp: Stamp, labels: dict[str, str], annotations: dict[str, str]) -> None:
    assert stamps.read({**labels, **stamps.labels(stamp)}, {**annotations, **stamps.annotations(stamp)}) == stamp


@pytest.mark.parametrize("missing", [stamps.TENANT, stamps.TRANSLATOR, stamps.SOURCE_NAME, stamps.SOURCE_UID])
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_an_incomplete_stamp_is_none(missing: str, how: str) -> None:
    stamp = Stamp("acme", "pods", "web", "a", "uid-1")
    labels, annotations = stamps.labels(stamp), stamps.annotations(stamp)
    for part in (labels, annotations):
        if missing in part:
            if how == "absent":
                del part[missing]
            else:
                part[missing] = ""
    assert stamps.read(labels, annotations) is None


def test_a_cluster_scoped_source_has_no_namespace_on_it() -> None:
    stamp = Stamp("acme", "nodes", "", "n", "uid-1")
    assert stamps.NAMESPACE not in stamps.labels(stamp)
    assert stamps.SOURCE_NAMESPACE not in stamps.annotations(stamp)


def test_everything_written_is_under_our_prefix() -> None:
    stamp = Stamp("acme", "pods", "web", "a", "uid-1")
    assert all(key.startswith(stamps.PREFIX) for key in {**stamps.labels(stamp), **stamps.annotations(stamp)})


@given(st.sets(QUALIFIED), st.sets(QUALIFIED))
def test_recorded_keys_come_back(labels: set[str], annotations: set[str]) -> None:
    assert stamps.read_keys(stamps.written_keys(labels, annotations)) == (labels, annotations)


@given(st.lists(QUALIFIED), st.lists(QUALIFIED))
def test_the_record_does_not_depend_on_the_order(labels: list[str], annotations: list[str]) -> None:
    assert stamps.written_keys(labels, annotations) == stamps.written_keys(reversed(labels), sorted(annotations))


@given(st.text())
def test_a_record_that_somebody_has_edited_is_read_without_complaint(text: str) -> None:
    labels, annotations = stamps.read_keys(text)
    assert isinstance(labels, frozenset)
    assert isinstance(annotations, frozenset)
