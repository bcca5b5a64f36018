"""A YAML file as it is laid out: its values as they are written, its comments, its blank lines."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal

_COMMENT = re.compile(r"#[^\n]*")
_BEFORE_DASH = re.compile(r"(?:[\s:?]|#[^\n]*)*")
_HEADER = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\n]*)")
MODELINE: Final = "# yaml-language-server:"


@dataclass(slots=True, eq=False)
class Node:
    """A value. `source` is a scalar's text in the file, `text` what it says, `style` how it is
    written: nothing for plain, a quote, or `|` or `>` for a block. `slots` are a collection's parts,
    `tail` the comments after the last of them."""

    kind: Literal["scalar", "list", "mapping"]
    start: int
    end: int = 0
    source: str = ""
    text: str = ""
    style: str = ""
    is_flow: bool = False
    slots: "list[Slot]" = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Slot:
    """One key with its value, or one element of a list, which has no key.

    `above` are the comments over it, an empty text for a blank line; `beside` is the one behind it.
    """

    start: int
    column: int
    parents: "tuple[Slot, ...]"
    owner: Node
    value: Node = field(default_factory=lambda: Node("scalar", 0))
    key: Node = field(default_factory=lambda: Node("scalar", 0))
    above: list[str] = field(default_factory=list)
    beside: str = ""


def read_layout(text: str) -> tuple[Node, list[str]]:
    """The top value and the comments that open the file. `text` has been read by `parse_yaml`
    without complaint, holds a mapping, and its lines end with a line feed."""
    from ruamel.yaml import YAML

    reader = _Reader(text, YAML(typ="safe", pure=True).parse(text))
    top = reader.read_top()
    _Comments(text, top, reader.slots, reader.scalars).attach()
    return top, _take_opening(top)


class _Reader:
    """Nodes out of the parser's events."""

    def __init__(self, text: str, events: Iterator[Any]) -> None:
        self._text = text
        self._events = events
        self._cursor = 0
        self.slots: list[Slot] = []
        self.scalars: list[Node] = []

    def read_top(self) -> Node:
        for event in self._events:
            if type(event).__name__ == "MappingStartEvent":
                return self._read(event, ())
        raise AssertionError("the file holds no mapping")

    def _read(self, event: Any, parents: tuple[Slot, ...]) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        kind = type(event).__name__
        if kind == "ScalarEvent":
            node = Node("scalar", start, end, self._text[start:end], event.value, event.style or "")
            self.scalars.append(node)
            self._cursor = max(self._cursor, end)
            return node
        is_list = kind == "SequenceStartEvent"
        node = Node("list" if is_list else "mapping", start, is_flow=bool(event.flow_style))
        for inner in self._events:
            if type(inner).__name__ in {"SequenceEndEvent", "MappingEndEvent"}:
                node.end = inner.end_mark.index
                self._cursor = max(self._cursor, node.end if node.is_flow else 0)
                break
            (self._read_item if is_list else self._read_field)(node, inner, parents)
        return node

    def _read_item(self, owner: Node, event: Any, parents: tuple[Slot, ...]) -> None:
        start = event.start_mark.index
        if not owner.is_flow:
            skipped = _BEFORE_DASH.match(self._text, self._cursor)
            assert skipped is not None
            start = skipped.end()
            self._cursor = start + 1
        slot = self._add(owner, start, parents)
        slot.value = self._read(event, (*parents, slot))

    def _read_field(self, owner: Node, event: Any, parents: tuple[Slot, ...]) -> None:
        slot = self._add(owner, event.start_mark.index, parents)
        slot.key = self._read(event, parents)
        slot.value = self._read(next(self._events), (*parents, slot))

    def _add(self, owner: Node, start: int, parents: tuple[Slot, ...]) -> Slot:
        column = start - self._text.rfind("\n", 0, start) - 1
        slot = Slot(start, column, parents, owner)
        owner.slots.append(slot)
        self.slots.append(slot)
        return slot


class _Comments:
    """Puts each comment and blank line where it belongs."""

    def __init__(self, text: str, top: Node, slots: list[Slot], scalars: list[Node]) -> None:
        self._text = text
        self._top = top
        self._slots = slots
        self._scalars = scalars
        # Empty lines at the end of such a block are content.
        self._kept = [
            (one.start, one.end)
            for one in scalars
            if one.style in {"|", ">"} and "+" in one.source.partition("\n")[0].partition("#")[0]
        ]
        self._starts = [slot.start for slot in slots]

    def attach(self) -> None:
        for at, comment in self._find():
            begin = self._text.rfind("\n", 0, at) + 1
            if self._text[begin:at].strip(" \t"):
                self._put_beside(at, comment)
            else:
                self._put_on_line(at, at - begin, comment)
        for slot in self._slots:
            begin = self._text.rfind("\n", 0, slot.start) + 1
            leads = not self._text[begin : slot.start].strip(" \t")
            if leads and self._is_blank_before(begin):
                slot.above.append("")

    def _find(self) -> Iterator[tuple[int, str]]:
        """Every comment and where it is; what stands in scalars is none, but for the headers of
        blocks."""
        spans = sorted((one.start, one.end) for one in self._scalars)
        edges = [(0, 0), *spans, (len(self._text), len(self._text))]
        for (start, end), (following, _) in pairwise(edges):
            if header := _HEADER.match(self._text, start, end):
                yield header.start(1), header[1].rstrip()
            for found in _COMMENT.finditer(self._text, end, max(end, following)):
                yield found.start(), found[0].rstrip()

    def _put_beside(self, at: int, comment: str) -> None:
        slot = self._slots[max(0, bisect_right(self._starts, at) - 1)]
        # Behind the bracket that closes a collection, it is that one's.
        for parent in reversed(slot.parents):
            if parent.value.is_flow and parent.value.end <= at:
                slot = parent
        slot.beside = f"{slot.beside}  {comment}".strip(" \t")

    def _put_on_line(self, at: int, column: int, comment: str) -> None:
        blank = [""] if self._is_blank_before(self._text.rfind("\n", 0, at) + 1) else []
        number = bisect_right(self._starts, at)
        place = self._find_list(at, column, number)
        place += [*blank, comment]

    def _find_list(self, at: int, column: int, number: int) -> list[str]:
        following = self._slots[number] if number < len(self._slots) else None
        before = self._slots[number - 1] if number else None
        chain = (*before.parents, before) if before else ()
        for slot in reversed(chain):
            if slot.owner.is_flow and slot.owner.end > at:
                is_inside = following is not None and following.start < slot.owner.end
                return following.above if following and is_inside else slot.owner.tail
        if following is not None and (
            before is None or column <= following.column or before in following.parents
        ):
            return following.above
        for slot in reversed(chain):
            if not slot.owner.is_flow and slot.column <= column:
                return slot.owner.tail
        return self._top.tail if following is None else following.above

    def _is_blank_before(self, begin: int) -> bool:
        """Whether the line before the one that begins there is empty."""
        if begin < 2 or any(start < begin <= end for start, end in self._kept):
            return False
        previous = self._text.rfind("\n", 0, begin - 1) + 1
        return not self._text[previous : begin - 1].strip(" \t")


def _take_opening(top: Node) -> list[str]:
    """The comments that are the file's and not its first key's: editors' lines, and what a blank
    line parts from the key."""
    above = top.slots[0].above if top.slots else top.tail
    last = max(
        (at for at, one in enumerate(above) if not one or one.startswith(MODELINE)), default=-1
    )
    opening, above[:] = above[: last + 1], above[last + 1 :]
    while opening and not opening[-1]:
        opening.pop()
    return opening
