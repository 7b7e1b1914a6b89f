"""The reader takes one plain document and nothing that YAML could be tricked into."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import config
from config import ConfigError, Loaded, Problem
from config.document import EMPTY, Plain
from config.yaml_source import MAX_ALIASES, MAX_BYTES, MAX_DEPTH, MAX_PARTS, read_bytes

Load = Callable[..., Loaded]
Refusal = Callable[..., ConfigError]

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join(['*' + old] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

REFUSED = [
    # text, line, column, path, part of the reason, part of the next step
    ("", 1, 1, "", "the file is empty", "sync: {}"),
    ("# only a comment\n", 2, 1, "", "the file is empty", "sync: {}"),
    ("sync: {}\nsync: {}\n", 2, 1, "sync", "the key is written twice (first on line 1)", "Keep one"),
    ("sync:\n  namespaceMapping:\n    on: a\n    'on': b\n", 4, 5, "sync.namespaceMapping.on", "the key is written twice (first on line 3)", "Keep"),
    ("a: {b: [{c: 1, c: 2}]}\n", 1, 16, "a.b[0].c", "the key is written twice (first on line 1)", "Keep one"),
    ("a: !!str b\n", 1, 4, "a", "the tag `tag:yaml.org,2002:str` is not read", "Remove the tag"),
    ("a: !!python/object/apply:os.system [ls]\n", 1, 4, "a", "is not read", "Remove the tag"),
    ("a: ! b\n", 1, 4, "a", "the tag `!` is not read", "Remove the tag"),
    ("!!map {a: b}\n", 1, 1, "", "is not read", "Remove the tag"),
    ("!t a: b\n", 1, 1, "", "the tag `!t` is not read", "Remove the tag"),
    ("? [a, b]\n: c\n", 1, 3, "", "a key is not text", "Write the key as a word"),
    ("? {a: b}\n: c\n", 1, 3, "", "a key is not text", "Write the key as a word"),
    ("?\n: c\n", 1, 2, "", "a key is not text", "Write the key as a word"),
    ("~: c\n", 1, 1, "", "a key is not text", "Write the key as a word"),
    ("a: &a {b: c}\nd:\n  <<: *a\n", 3, 3, "d", "merge keys (`<<`) are not read", "Write the keys out"),
    ("a: 1\n---\nb: 2\n", 2, 1, "", "a second document begins", "one document"),
    ("a: *b\n", 1, 4, "a", "the alias `*b` has no anchor before it", "in quotes if text is meant"),
    ("a: &a [*a]\n", 1, 8, "a[0]", "the alias `*a` stands inside its own anchor", "Write the value out"),
    ("a: &x 1\nb: &x 2\n", 2, 4, "b", "the anchor `&x` is written twice", "its own name"),
    (BOMB, 5, 8, "e[0]", f"more than {MAX_PARTS} values", "Check that this is a sync file"),
    ("a: &a b\nc: [" + "*a, " * (MAX_ALIASES + 1) + "]\n", 2, 805, "c[200]", f"more than {MAX_ALIASES} aliases", "Write the values out"),
    ("a: " + "[" * 40 + "]" * 40, 1, 35, "a" + "[0]" * 31, f"deeper than {MAX_DEPTH} levels", "brackets"),
    ("a: &a " + "[" * 20 + "]" * 20 + "\nb: " + "[" * 20 + "*a" + "]" * 20, 2, 24, "b" + "[0]" * 20, "deeper than", "brackets"),
    ("a: [" + "x, " * (MAX_PARTS + 1) + "]", 1, None, "a[19997]", f"more than {MAX_PARTS} values", "sync file"),
    ("x" * (MAX_BYTES + 1), None, None, "", "larger than 1048576 bytes", "sync file"),
    (b"a: 1\nb: \xff\n", 2, 4, "", "the file is not UTF-8 text", "Save it as UTF-8"),
    ("a: 1\nb: \x07\n", 2, 4, "", "the file holds a control character", "Remove it"),
    ("a:\n  *: x\n", 2, 4, "", "the file is not YAML", 'Put text that begins with `*` in quotes: `"*"'),
    ("a:\n  b: {c}-d\n", 2, 9, "", "the file is not YAML", "in quotes"),
    ("a: {namespace}-x\n", 1, 15, "", "the file is not YAML", "in quotes"),
    ("a:\n\tb: c\n", 2, 1, "", "the file is not YAML", "Indent with spaces"),
    ("a: b: c\n", 1, 5, "", "the file is not YAML", "holds `: `"),
    ("a: 'b\n", 2, 1, "", "the file is not YAML", "Close the quotes"),
    ("a: [b\n", 2, 1, "", "the file is not YAML", "Close the bracket"),
    ("a: @b\n", 1, 4, "", "the file is not YAML", "special character in quotes"),
]


@pytest.mark.parametrize(("text", "line", "column", "path", "reason", "next_step"), REFUSED)
def test_what_is_not_plain_yaml_is_refused_with_its_place_and_the_next_step(
    text: str | bytes, line: int | None, column: int | None, path: str, reason: str, next_step: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_bytes(text if isinstance(text, bytes) else text.encode(), "sync.yaml")
    error = caught.value
    assert reason in error.reason
    assert next_step in error.next_step
    assert (error.file, error.line, error.path) == ("sync.yaml", line, path)
    assert column is None or error.column == column
    assert str(error).startswith(f"sync.yaml:{line}:" if line else "sync.yaml: ")


def test_a_bomb_of_aliases_is_left_at_once() -> None:
    started = time.perf_counter()
    with pytest.raises(ConfigError):
        read_bytes(BOMB.encode(), "sync.yaml")
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "true", "y", "1e3", "0o7", "1_000", "12:30:45", "2001-01-01", "010", ".5"])
def test_words_that_yaml_1_1_would_change_stay_as_written_as_keys_and_values(word: str) -> None:
    value = read_bytes(f"{word}: {word}\n".encode(), "f").value()
    assert value == {word: word}
    assert isinstance(value[word], Plain)


def test_namespaces_may_be_called_on_and_no_and_null(load: Load) -> None:
    mapping = load("sync: {namespaceMapping: {on: no, no: yes, 'off': 'on', null: 'null', 1: 1e3, ok: 'true'}}").settings.mapping
    assert mapping.table == {"on": "no", "no": "yes", "off": "on", "null": "null", "1": "1e3", "ok": "true"}


@pytest.mark.parametrize("nothing", ["", "~", "null", "Null", "NULL"])
def test_a_key_without_value_is_not_the_same_as_an_absent_one(nothing: str) -> None:
    assert read_bytes(f"a: {nothing}\n".encode(), "f").value() == {"a": EMPTY}


def test_quoted_text_is_never_empty_and_never_plain() -> None:
    value = read_bytes(b"a: 'null'\nb: \"\"\n", "f").value()
    assert value == {"a": "null", "b": ""}
    assert not any(isinstance(text, Plain) for text in value.values())


def test_anchors_and_aliases_share_a_mapping(load: Load) -> None:
    text = """
    sync:
      resources:
        - {name: pods, namespaceMapping: &map {default: web}}
        - {name: services, namespaceMapping: *map}
    """
    assert load(text).settings.mapping.table == {"default": "web"}


def test_a_byte_order_mark_windows_line_ends_and_json_are_read(load: Load) -> None:
    assert load(b"\xef\xbb\xbfsync:\r\n  namespaceMapping:\r\n    a: b\r\n").settings.mapping.table == {"a": "b"}
    assert load('{"sync": {"namespaceMapping": {"a": "b"}}}').settings.mapping.table == {"a": "b"}


def test_a_single_document_may_begin_with_dashes(load: Load) -> None:
    assert load("%YAML 1.1\n---\nsync: {}\n...\n").settings.mapping.pattern == "acme-{namespace}"


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: the file cannot be read: No such file or directory\. Check the path"):
        config.load(sync_file=tmp_path / "nowhere.yaml", tenant="acme")
    with pytest.raises(ConfigError, match="the file cannot be read: Is a directory"):
        config.load(sync_file=tmp_path, tenant="acme")


def test_a_document_that_is_no_mapping_is_refused(refusal: Refusal) -> None:
    assert "a mapping is expected here, found a list" in refusal("- sync\n").reason
    assert "a mapping is expected here, found `sync`" in refusal("sync\n").reason


YAMLISH = st.text(alphabet="ab:-[]{}&*!|>'\"#%@`?,~<\n \t0n\x00é")


@given(st.one_of(YAMLISH.map(str.encode), st.binary(max_size=200)))
@example(b"&a\n*a")
@example(b"? ")
@example(b"- - - -\n")
@example(b"\xef\xbb\xbf")
def test_any_bytes_give_a_document_or_a_config_error(raw: bytes) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        assert read_bytes(raw, "f").root is not None
    except ConfigError as error:
        problems = error.problems
    assert all(problem.reason and problem.next_step for problem in problems)
