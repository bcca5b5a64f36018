"""Marks put into a body; every other byte stays what it was, in its order."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from tanzaku.gateway.placement._prefix import Path

type Ttl = Literal["5m", "1h"]

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_MEMBERS: Final = {
    "5m": ',"cache_control":{"type":"ephemeral"}',
    "1h": ',"cache_control":{"type":"ephemeral","ttl":"1h"}',
}
_decoder: Final = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Mark:
    """One cache breakpoint: the block it stands in, and how long what it writes lives."""

    path: Path
    ttl: Ttl


type _Tree = dict[str | int, "_Tree | Mark"]


def insert_marks(body: bytes, marks: Sequence[Mark]) -> bytes:
    """A JSON body with `cache_control` in the blocks that are marked; a bare text becomes a list of
    one block. Bytes are only put in, none is changed or left out.

    Raises ValueError for a body that does not hold those blocks, each once.
    """
    text = body.decode()
    tree: _Tree = {}
    for mark in marks:
        branch = tree
        for step in mark.path[:-1]:
            deeper = branch.setdefault(step, {})
            assert isinstance(deeper, dict)
            branch = deeper
        branch[mark.path[-1]] = mark
    cutter = _Cutter(text)
    try:
        cutter.walk(0, tree)
    except IndexError as error:
        raise ValueError("the body is cut off") from error
    if cutter.reached != len(marks):
        raise ValueError("a marked block does not stand in the body, or stands there twice")
    pieces, end = [], 0
    for at, piece in cutter.insertions:
        pieces += [text[end:at], piece]
        end = at
    return "".join([*pieces, text[end:]]).encode()


class _Cutter:
    """Goes through a JSON text along the branches of a tree, from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.insertions: list[tuple[int, str]] = []
        self.reached = 0

    def walk(self, at: int, branch: "_Tree | Mark") -> int:
        """Where the value that begins at or behind `at` ends."""
        at = self._skip(at)
        opening = self._text[at : at + 1]
        if isinstance(branch, Mark):
            return self._mark(at, branch)
        if opening == "{":
            return self._walk_object(at + 1, branch)
        if opening == "[":
            return self._walk_list(at + 1, branch)
        raise ValueError("neither object nor list")

    def _walk_object(self, at: int, branch: _Tree) -> int:
        at = self._skip(at)
        while self._text[at] != "}":
            name, at = _decoder.raw_decode(self._text, at)
            at = self._skip(at) + 1
            deeper = branch.get(name)
            at = self._pass(at) if deeper is None else self.walk(at, deeper)
            at = self._skip_comma(at)
        return at + 1

    def _walk_list(self, at: int, branch: _Tree) -> int:
        at, index = self._skip(at), 0
        while self._text[at] != "]":
            deeper = branch.get(index)
            at = self._pass(at) if deeper is None else self.walk(at, deeper)
            at, index = self._skip_comma(at), index + 1
        return at + 1

    def _mark(self, at: int, mark: Mark) -> int:
        end = self._pass(at)
        member = _MEMBERS[mark.ttl]
        if self._text[at] == '"':
            self.insertions += [(at, '[{"type":"text","text":'), (end, f"{member}}}]")]
        elif self._text[at] == "{":
            self.insertions.append((end - 1, member))
        else:
            raise ValueError("not a block")
        self.reached += 1
        return end

    def _pass(self, at: int) -> int:
        return _decoder.raw_decode(self._text, self._skip(at))[1]

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        assert found is not None
        return found.end()

    def _skip_comma(self, at: int) -> int:
        at = self._skip(at)
        return self._skip(at + 1) if self._text[at] == "," else at
