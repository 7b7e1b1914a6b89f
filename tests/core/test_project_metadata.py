"""Labels and annotations are shared: what we wrote and want no longer goes, what others wrote stays."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncer.core import stamp as stamps
from syncer.core.project import apply_merge_patch, project_metadata

MAPS = st.dictionaries(st.sampled_from(["a", "b", "c", "example.com/d"]), st.sampled_from(["", "1", "2"]), max_size=4)
KEYS = st.sets(st.sampled_from(["a", "b", "c", "example.com/d"]))


def recorded(labels: Any, annotations: Any) -> dict[str, str]:
    keys = stamps.written_keys(labels, annotations)
    return {stamps.KEYS: keys} if keys else {}


@given(MAPS, MAPS, MAPS, MAPS, KEYS, KEYS)
def test_ours_agree_theirs_stay_and_it_comes_to_rest(
    wanted_labels: Any, wanted_annotations: Any, labels: Any, annotations: Any, old_labels: Any, old_annotations: Any
) -> None:
    draft = {"labels": wanted_labels, "annotations": {**wanted_annotations, **recorded(wanted_labels, wanted_annotations)}}
    actual = {"labels": labels, "annotations": {**annotations, **recorded(old_labels, old_annotations)}}
    before = copy.deepcopy((draft, actual))
    after = apply_merge_patch(actual, project_metadata(draft, actual))
    assert project_metadata(draft, after) == {}
    assert (draft, actual) == before
    for part, wanted, found, old in (
        ("labels", wanted_labels, labels, old_labels),
        ("annotations", wanted_annotations, annotations, old_annotations),
    ):
        theirs = {key: value for key, value in found.items() if key not in wanted and key not in old}
        now = {key: value for key, value in after.get(part, {}).items() if key != stamps.KEYS}
        assert now == {**theirs, **wanted}
    assert stamps.read_keys(after.get("annotations", {}).get(stamps.KEYS, "")) == (wanted_labels.keys(), wanted_annotations.keys())


def test_a_key_we_never_wrote_is_left_even_if_the_draft_does_not_have_it() -> None:
    assert project_metadata({"labels": {}}, {"labels": {"team": "x"}}) == {}


def test_a_key_we_wrote_last_time_goes() -> None:
    actual = {"labels": {"team": "x"}, "annotations": {stamps.KEYS: "l:team"}}
    assert project_metadata({}, actual) == {"labels": {"team": None}, "annotations": {stamps.KEYS: None}}


def test_metadata_without_any_map_is_metadata_with_empty_ones() -> None:
    assert project_metadata({}, {}) == project_metadata({"labels": None}, {"annotations": None}) == {}


def test_the_same_key_as_label_and_as_annotation_is_told_apart() -> None:
    actual = {"labels": {"k": "1"}, "annotations": {"k": "1", stamps.KEYS: "a:k"}}
    assert project_metadata({}, actual) == {"annotations": {"k": None, stamps.KEYS: None}}
