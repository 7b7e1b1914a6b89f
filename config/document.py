"""A YAML document that remembers where each of its parts was written.

Three deliberate differences from what PyYAML's loader would give:

* Keys and values stay the text that was written. YAML 1.1 reads `on`, `no` or `1e3` as booleans and numbers, and all three are legal names of
  namespaces. Which text may stand for a number or a truth value is decided by the model field it arrives at, never by its looks. `Plain`
  marks text without quotes: only that may become a number or a truth value.
* What is written but empty (`mode:`) is `EMPTY` and not `None`, so that it is told from what is absent and no field takes it.
* Parts that are shared by an alias are shared here too; the reader has bounded their expansion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from config.errors import Complaint, Path, Problem, path_text


class Plain(str):
    """Text written without quotes."""

    __slots__ = ()


class Empty:
    """A value that was left out: nothing after the colon, `~` or `null`."""

    def __repr__(self) -> str:
        return "nothing"


EMPTY: Final = Empty()


@dataclass(frozen=True, slots=True)
class Position:
    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A part of the document. `size` counts the parts below with aliases expanded, `height` their nesting."""

    position: Position
    content: str | Empty | list[Node] | dict[str, Entry]
    size: int = 1
    height: int = 1

    def child(self, step: str | int) -> Entry | None:
        if isinstance(self.content, dict) and isinstance(step, str):
            return self.content.get(step)
        if isinstance(self.content, list) and isinstance(step, int) and step < len(self.content):
            node = self.content[step]
            return Entry(node.position, node)
        return None

    def plain_value(self) -> Any:
        match self.content:
            case list():
                return [node.plain_value() for node in self.content]
            case dict():
                return {key: entry.node.plain_value() for key, entry in self.content.items()}
        return self.content


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping with what it holds; `position` is the key's."""

    position: Position
    node: Node

    def place(self, on_key: bool) -> Position:
        """Where to look: for a short value at the value, for a longer structure at the key that introduces it."""
        return self.position if on_key or isinstance(self.node.content, list | dict) else self.node.position


@dataclass(frozen=True, slots=True)
class Document:
    """`source` names the file in messages; `root` is None when there is no file and everything is default."""

    source: str
    root: Node | None = None

    def value(self) -> Any:
        return {} if self.root is None else self.root.plain_value()

    def locate(self, path: Path, on_key: bool = False) -> Position | None:
        """The position of the deepest part of `path` that is written; what a model made up on the way is stepped over."""
        if self.root is None:
            return None
        node, position = self.root, self.root.position
        for step in path:
            entry = node.child(step)
            if entry is not None:
                node, position = entry.node, entry.place(on_key)
        return position

    def _as_written(self, path: Path) -> Path:
        """The path without positions in lists that the document does not have: a single text may stand for a list of one."""
        node = self.root
        kept: list[str | int] = []
        for step in path:
            entry = node.child(step) if node else None
            node = entry.node if entry else None
            if entry is not None or isinstance(step, str):
                kept.append(step)
        return tuple(kept)

    def problem(self, complaint: Complaint) -> Problem:
        position = self.locate(complaint.path, complaint.on_key)
        there = self.locate(complaint.there, on_key=True)
        also = path_text(complaint.there) + (f" on line {there.line}" if there else "")
        return Problem(
            source=self.source,
            line=position.line if position else None,
            column=position.column if position else None,
            path=path_text(self._as_written(complaint.path)),
            reason=complaint.reason.replace("<there>", also),
            next_step=complaint.next_step,
        )
