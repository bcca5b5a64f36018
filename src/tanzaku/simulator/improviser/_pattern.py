"""Strings that match a regular expression of a JSON Schema: for the common, regular subset."""

import re
import string
from dataclasses import dataclass
from functools import lru_cache

from tanzaku.simulator._chance import Chance

_CLASSES = {
    "d": string.digits,
    "w": string.ascii_lowercase + string.digits + "_",
    "s": " ",
    "D": string.ascii_letters,
    "W": " -.",
    "S": string.ascii_lowercase,
}
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "0": "\0"}
_PRINTABLE = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.,:/@#"
_PREFERRED = string.ascii_lowercase + string.digits + string.ascii_uppercase
_MAX_REPEAT = 4096
_MAX_PARTS = 20_000
_LOOK = re.compile(r"\?<?[=!]")
_QUANTIFIER = re.compile(r"\{(\d+)(,?)(\d*)\}")


class UnsupportedPatternError(ValueError):
    """The expression uses what this generator does not write (back-references, Unicode classes)."""


@dataclass(slots=True)
class _Chars:
    choices: str


@dataclass(slots=True)
class _Group:
    branches: "list[list[_Node]]"


@dataclass(slots=True)
class _Repeat:
    node: "_Node"
    low: int
    high: int | None


@dataclass(slots=True)
class _Look:
    """Look-around: written out in some drafts, which suits `(?=.*[A-Z])` before `.{8,}`."""

    group: _Group | None


type _Node = _Chars | _Group | _Repeat | _Look


class Pattern:
    """A parsed expression. `is_safe` is False where matching it could take exponential time
    (an unbounded repeat inside an unbounded repeat, or around a choice)."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self.is_safe = True
        self._left = 0
        self._root = self._parse_choice()
        if self._at < len(source):
            raise UnsupportedPatternError(source)

    def write(self, chance: Chance, growth: int = 0) -> str:
        """A matching string; each unbounded or ranged repeat runs `growth` times over its least.

        Raises UnsupportedPatternError for one of more than 20,000 parts.
        """
        self._left = _MAX_PARTS
        return self._write(self._root, chance, growth)

    def _write(self, node: _Node, chance: Chance, growth: int) -> str:
        self._left -= 1
        if self._left < 0:
            raise UnsupportedPatternError(self._source)
        match node:
            case _Chars(choices):
                return chance.pick(choices)
            case _Group(branches):
                branch = chance.pick(branches)
                return "".join(self._write(part, chance, growth) for part in branch)
            case _Look(group):
                return self._write(group, chance, growth) if group and growth % 2 else ""
            case _Repeat(inner, low, high):
                count = low + growth if high is None else min(high, low + growth)
                return "".join(self._write(inner, chance, growth) for _ in range(count))

    def _peek(self) -> str:
        return self._source[self._at : self._at + 1]

    def _parse_choice(self) -> _Group:
        branches: list[list[_Node]] = [[]]
        while (char := self._peek()) and char != ")":
            if char == "|":
                self._at += 1
                branches.append([])
            elif char in "^$":
                self._at += 1
            else:
                branches[-1].append(self._parse_repeat())
        return _Group(branches)

    def _parse_repeat(self) -> _Node:
        node = self._parse_atom()
        char = self._peek()
        if char in {"*", "+", "?"}:
            self._at += 1
            low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        elif match := _QUANTIFIER.match(self._source, self._at):
            self._at = match.end()
            low = int(match[1])
            high = int(match[3]) if match[3] else None if match[2] else low
        else:
            return node
        if low > _MAX_REPEAT:
            raise UnsupportedPatternError(self._source)
        if self._peek() in {"?", "+"}:
            self._at += 1
        if (high is None or high > 8) and not _is_flat(node):
            self.is_safe = False
        return _Repeat(node, low, high)

    def _parse_atom(self) -> _Node:
        char = self._peek()
        self._at += 1
        if char == "(":
            return self._parse_group()
        if char == "[":
            return _Chars(self._parse_set())
        if char == ".":
            return _Chars(_PREFERRED)
        if char == "\\":
            return _Chars(self._parse_escape())
        if char in {"*", "+", "?", ")"}:
            raise UnsupportedPatternError(self._source)
        return _Chars(char)

    def _parse_group(self) -> _Node:
        look = _LOOK.match(self._source, self._at)
        if look:
            self._at = look.end()
            inner = self._parse_rest_of_group()
            return _Look(inner if look[0] == "?=" else None)
        if self._peek() == "?":
            if self._source.startswith("?:", self._at):
                self._at += 2
            elif match := re.compile(r"\?P?<\w+>").match(self._source, self._at):
                self._at = match.end()
            else:
                raise UnsupportedPatternError(self._source)
        return self._parse_rest_of_group()

    def _parse_rest_of_group(self) -> _Group:
        group = self._parse_choice()
        if self._peek() != ")":
            raise UnsupportedPatternError(self._source)
        self._at += 1
        return group

    def _parse_escape(self) -> str:
        char = self._peek()
        self._at += 1
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _ESCAPED:
            return _ESCAPED[char]
        if char in {"u", "x"}:
            width = 4 if char == "u" else 2
            digits = self._source[self._at : self._at + width]
            self._at += width
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise UnsupportedPatternError(self._source) from None
        if not char or char.isalnum():
            raise UnsupportedPatternError(self._source)
        return char

    def _parse_set(self) -> str:
        is_negated = self._peek() == "^"
        self._at += is_negated
        chars: list[str] = []
        while (char := self._peek()) != "]":
            if not char:
                raise UnsupportedPatternError(self._source)
            self._at += 1
            first = self._parse_escape() if char == "\\" else char
            if self._peek() == "-" and self._source[self._at + 1 : self._at + 2] not in {"]", ""}:
                self._at += 1
                last = self._peek()
                self._at += 1
                if last == "\\":
                    last = self._parse_escape()
                if len(first) != 1 or len(last) != 1 or ord(last) - ord(first) > 0x11000:
                    raise UnsupportedPatternError(self._source)
                first = "".join(map(chr, range(ord(first), ord(last) + 1)))
            chars.append(first)
        self._at += 1
        members = "".join(chars)
        if is_negated:
            members = "".join(char for char in _PRINTABLE if char not in members)
        if not members:
            raise UnsupportedPatternError(self._source)
        plain = "".join(char for char in members[:0x400] if char in _PREFERRED)
        return plain or members


@lru_cache(maxsize=512)
def parse_pattern(source: str) -> Pattern | None:
    """The parsed expression; None for one this generator does not write."""
    try:
        return Pattern(source)
    except UnsupportedPatternError:
        return None


def _is_flat(node: _Node) -> bool:
    """No choice and no open repeat below."""
    match node:
        case _Chars():
            return True
        case _Group(branches):
            return len(branches) == 1 and all(_is_flat(part) for part in branches[0])
        case _Look():
            return False
        case _Repeat(inner, low, high):
            return low == high and _is_flat(inner)
