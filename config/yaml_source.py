"""Strict reading of one YAML document from a file.

PyYAML's safe parser delivers events; the tree is built here, because everything that makes YAML surprising is settled while building:
duplicate keys, tags, merge keys, complex keys, several documents and recursive or exploding aliases are refused, each with its line. The
limits bound time and memory whatever the text is: events are consumed one by one, so a bomb is left as soon as it passes a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import NoReturn, TypeVar

import yaml
from yaml import events as ev

from config.document import EMPTY, Document, Empty, Entry, Node, Plain, Position
from config.errors import ConfigError, Path, Problem, path_text
from config.yaml_syntax import syntax_problem

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_ALIASES = 200
MAX_PARTS = 20_000

_E = TypeVar("_E", bound=ev.Event)


def read_file(file: FilePath) -> Document:
    """The document in `file`, or a `ConfigError` saying why it cannot be read."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        reason = f"the file cannot be read: {error.strerror or error}"
        raise ConfigError([Problem(source=str(file), reason=reason, next_step="Check the path and its permissions")]) from None
    return read_bytes(raw, str(file))


def read_bytes(raw: bytes, source: str) -> Document:
    """The document in `raw`; `source` is what messages call it."""
    if len(raw) > MAX_BYTES:
        raise ConfigError([Problem(source=source, reason=f"the file is larger than {MAX_BYTES} bytes", next_step="Check that this is a sync file")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([_not_utf8(raw, error.start, source)]) from None
    try:
        root = _Reading(text, source).document()
    except yaml.YAMLError as error:
        raise ConfigError([syntax_problem(error, text, source)]) from None
    return Document(source, root)


def _not_utf8(raw: bytes, start: int, source: str) -> Problem:
    line_start = raw.rfind(b"\n", 0, start) + 1
    return Problem(
        source=source,
        line=raw.count(b"\n", 0, start) + 1,
        column=start - line_start + 1,
        reason="the file is not UTF-8 text",
        next_step="Save it as UTF-8",
    )


class _Reading:
    """One pass over the events of one text."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.events: Iterator[ev.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self.path: list[str | int] = []
        self.anchors: dict[str, Node | None] = {}
        self.aliases = 0
        self.parts = 0

    def document(self) -> Node:
        self._next()
        start = self._next()
        if isinstance(start, ev.StreamEndEvent):
            self._refuse(start, "the file is empty", "Write at least `sync: {}`, which syncs every kind with its defaults")
        root = self._node(self._next())
        self._next()
        end = self._next()
        if not isinstance(end, ev.StreamEndEvent):
            self._refuse(end, "a second document begins", "Keep one document in the file and remove the line `---`")
        return root

    def _next(self) -> ev.Event:
        return next(self.events)

    def _node(self, event: ev.Event) -> Node:
        if isinstance(event, ev.AliasEvent):
            return self._alias(event)
        assert isinstance(event, ev.ScalarEvent | ev.SequenceStartEvent | ev.MappingStartEvent)
        self._check_limits(event)
        if event.anchor is not None:
            if event.anchor in self.anchors:
                self._refuse(event, f"the anchor `&{event.anchor}` is written twice", "Give each anchor its own name")
            self.anchors[event.anchor] = None
        node = Node(_position(event), self._content(event))
        self._measure(event, node)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _content(self, event: ev.Event) -> str | Empty | list[Node] | dict[str, Entry]:
        if isinstance(event, ev.SequenceStartEvent):
            return self._items()
        if isinstance(event, ev.MappingStartEvent):
            return self._entries()
        assert isinstance(event, ev.ScalarEvent)
        if event.style is not None:
            return str(event.value)
        return EMPTY if event.value in ("", "~", "null", "Null", "NULL") else Plain(event.value)

    def _items(self) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := self._next(), ev.SequenceEndEvent):
            self.path.append(len(items))
            items.append(self._node(event))
            self.path.pop()
        return items

    def _entries(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(), ev.MappingEndEvent):
            key = self._key(event)
            self.path.append(key)
            if key in entries:
                first = entries[key].position.line
                self._refuse(event, f"the key is written twice (first on line {first})", "Keep one of the two")
            entries[key] = Entry(_position(event), self._node(self._next()))
            self.path.pop()
        return entries

    def _key(self, event: ev.Event) -> str:
        """The key as it was written; `null` or `on` are names like any other here."""
        if not isinstance(event, ev.ScalarEvent) or (event.style is None and event.value in ("", "~")):
            self._refuse(event, "a key is not text", "Write the key as a word, in quotes if it holds special characters")
        if event.style is None and event.value == "<<":
            self._refuse(event, "merge keys (`<<`) are not read", "Write the keys out, or refer to a whole mapping by an alias")
        self._check_limits(event)
        return str(event.value)

    def _alias(self, event: ev.AliasEvent) -> Node:
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._refuse(event, f"the file uses more than {MAX_ALIASES} aliases", "Write the values out")
        if event.anchor not in self.anchors:
            self._refuse(event, f"the alias `*{event.anchor}` has no anchor before it", f'Write `"*{event.anchor}"` in quotes if text is meant')
        node = self.anchors[event.anchor]
        if node is None:
            self._refuse(event, f"the alias `*{event.anchor}` stands inside its own anchor", "Write the value out")
        if len(self.path) + node.height > MAX_DEPTH:
            self._refuse_depth(event)
        self._count(event, node.size)
        return node

    def _check_limits(self, event: ev.ScalarEvent | ev.SequenceStartEvent | ev.MappingStartEvent) -> None:
        if event.tag is not None:
            self._refuse(event, f"the tag `{event.tag}` is not read", "Remove the tag; text that looks like something else goes in quotes")
        if len(self.path) >= MAX_DEPTH:
            self._refuse_depth(event)
        self._count(event, 1)

    def _count(self, event: ev.Event, parts: int) -> None:
        self.parts += parts
        if self.parts > MAX_PARTS:
            self._refuse(event, f"the file has more than {MAX_PARTS} values, aliases expanded", "Check that this is a sync file")

    def _refuse_depth(self, event: ev.Event) -> NoReturn:
        self._refuse(event, f"the nesting is deeper than {MAX_DEPTH} levels", "Check the brackets and the indentation")

    def _measure(self, event: ev.Event, node: Node) -> None:
        children = node.content if isinstance(node.content, list) else []
        if isinstance(node.content, dict):
            children = [entry.node for entry in node.content.values()]
        node.size += sum(child.size for child in children)
        node.height += max((child.height for child in children), default=0)

    def _refuse(self, event: ev.Event, reason: str, next_step: str) -> NoReturn:
        position = _position(event)
        path: Path = tuple(self.path)
        raise ConfigError(
            [
                Problem(
                    source=self.source,
                    line=position.line,
                    column=position.column,
                    path=path_text(path),
                    reason=reason,
                    next_step=next_step,
                )
            ]
        )


def _position(event: ev.Event) -> Position:
    mark = event.start_mark
    assert mark is not None
    return Position(mark.line + 1, mark.column + 1)
