"""The groups of a regular expression's first match, in time linear in the text.

Which text matches is decided by a linear engine that keeps no groups (`_regex`). Python's `re`
keeps them, but one of its searches can take minutes (`a(.*)b(.*)c` on a long line of `ab`), and
every other request would wait. So here stands the other classic way: a backtracking walk over the
compiled program that never enters the same state at the same place twice. It finds what `re`
finds, for expressions without look-around and back-references; `$` is the very end of the text.
"""

import re
from collections.abc import Callable
from re import _constants as op  # type: ignore[attr-defined]  # typeshed leaves them out
from re import _parser as sre  # type: ignore[attr-defined]
from typing import Any

MAX_PROGRAM = 100

type _Test = Callable[[str], bool]
type _Look = Callable[[str, int], bool]
type _Step = tuple[str, Any, Any]


class TooLargeError(ValueError):
    """The expression needs more than 100 steps."""


def measure_pattern(pattern: str) -> int:
    """How many characters `pattern` tests once its counted repeats are written out; raises
    `re.error` for what is no expression."""
    return _measure(sre.parse(pattern))


def _measure(items: Any) -> int:
    size = 0
    for kind, value in items:
        if kind is op.BRANCH:
            size += sum(map(_measure, value[1]))
        elif kind is op.SUBPATTERN:
            size += _measure(value[3])
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            low, high, inner = value
            size += max(low, 1 if high is op.MAXREPEAT else high, 1) * _measure(inner)
        else:
            size += 1
    return size


class Groups:
    """A program that finds groups. `names` are those a template may ask for: `1`, `2`, a name."""

    def __init__(self, pattern: str) -> None:
        tree = sre.parse(pattern)
        self._steps: list[_Step] = []
        self._compile(tree, tree.state.flags)
        self._steps.append(("match", None, None))
        self._count = tree.state.groups
        numbers = {str(number): number for number in range(1, self._count)}
        self.names: dict[str, int] = numbers | dict(tree.state.groupdict)

    def find(self, text: str) -> dict[str, str]:
        """The text of each group of the first match; of a group that took no part there is none."""
        seen = bytearray(len(self._steps) * (len(text) + 1))
        for start in range(len(text) + 1):
            slots = self._run(text, start, seen)
            if slots is not None:
                return {
                    name: text[slots[2 * number] : slots[2 * number + 1]]
                    for name, number in self.names.items()
                    if slots[2 * number + 1] >= 0
                }
        return {}

    def _run(self, text: str, start: int, seen: bytearray) -> list[int] | None:
        slots = [-1] * (2 * self._count)
        steps = self._steps
        width = len(text) + 1
        # (step, place) to try, or (-1 - slot, value) to put back on the way back.
        stack = [(0, start)]
        while stack:
            at, place = stack.pop()
            if at < 0:
                slots[-1 - at] = place
                continue
            while not seen[at * width + place]:
                seen[at * width + place] = 1
                kind, first, second = steps[at]
                if kind == "char":
                    if place == len(text) or not first(text[place]):
                        break
                    at, place = at + 1, place + 1
                elif kind == "fork":
                    stack.append((second, place))
                    at = first
                elif kind == "save":
                    stack.append((-1 - first, slots[first]))
                    slots[first] = place
                    at += 1
                elif kind == "look":
                    if not first(text, place):
                        break
                    at += 1
                else:
                    return slots
        return None

    def _add(self, kind: str, first: Any = None, second: Any = None) -> int:
        if len(self._steps) >= MAX_PROGRAM:
            raise TooLargeError
        self._steps.append((kind, first, second))
        return len(self._steps) - 1

    def _compile(self, items: Any, flags: int) -> None:
        for kind, value in items:
            if kind is op.SUBPATTERN:
                self._compile_group(value, flags)
            elif kind is op.BRANCH:
                self._compile_branches(value[1], flags)
            elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
                self._compile_repeat(value, flags, is_greedy=kind is op.MAX_REPEAT)
            elif kind is op.AT:
                self._add("look", _build_look(value, flags))
            else:
                self._add("char", _build_test(kind, value, flags))

    def _compile_group(self, value: Any, flags: int) -> None:
        number, added, removed, inner = value
        if number is not None:
            self._add("save", 2 * number)
        self._compile(inner, (flags | added) & ~removed)
        if number is not None:
            self._add("save", 2 * number + 1)

    def _compile_branches(self, branches: Any, flags: int) -> None:
        ends = []
        for branch in branches[:-1]:
            fork = self._add("fork")
            self._compile(branch, flags)
            ends.append(self._add("fork"))
            self._steps[fork] = ("fork", fork + 1, len(self._steps))
        self._compile(branches[-1], flags)
        for end in ends:
            self._steps[end] = ("fork", len(self._steps), len(self._steps))

    def _compile_repeat(self, value: Any, flags: int, *, is_greedy: bool) -> None:
        low, high, inner = value
        for _ in range(low):
            self._compile(inner, flags)
        if high is op.MAXREPEAT:
            fork = self._add("fork")
            self._compile(inner, flags)
            self._add("fork", fork, fork)
            forks = [fork]
        else:
            forks = []
            for _ in range(high - low):
                forks.append(self._add("fork"))
                self._compile(inner, flags)
        end = len(self._steps)
        for fork in forks:
            ways = (fork + 1, end) if is_greedy else (end, fork + 1)
            self._steps[fork] = ("fork", *ways)


def _build_test(kind: Any, value: Any, flags: int) -> _Test:
    if kind is op.ANY:
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    tests = [_build_member(*item) for item in (value if kind is op.IN else [(op.LITERAL, value)])]
    is_negated = kind is op.NOT_LITERAL or (kind is op.IN and value[0][0] is op.NEGATE)

    def test(char: str) -> bool:
        forms = {char, char.lower(), char.upper()} if flags & re.IGNORECASE else (char,)
        return any(member(form) for form in forms for member in tests) != is_negated

    return test


def _build_member(kind: Any, value: Any) -> _Test:
    if kind is op.LITERAL:
        return chr(value).__eq__
    if kind is op.RANGE:
        low, high = map(chr, value)
        return lambda char: low <= char <= high
    if kind is op.CATEGORY:
        return _CATEGORIES[value]
    return lambda char: False


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


_CATEGORIES: dict[Any, _Test] = {
    op.CATEGORY_DIGIT: str.isdecimal,
    op.CATEGORY_NOT_DIGIT: lambda char: not char.isdecimal(),
    op.CATEGORY_SPACE: str.isspace,
    op.CATEGORY_NOT_SPACE: lambda char: not char.isspace(),
    op.CATEGORY_WORD: _is_word,
    op.CATEGORY_NOT_WORD: lambda char: not _is_word(char),
}


def _build_look(value: Any, flags: int) -> _Look:
    if value in (op.AT_BOUNDARY, op.AT_NON_BOUNDARY):
        return lambda text, at: _is_border(text, at) == (value is op.AT_BOUNDARY)
    by_line = bool(flags & re.MULTILINE)
    if value in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        if by_line and value is op.AT_BEGINNING:
            return lambda text, at: at == 0 or text[at - 1] == "\n"
        return lambda text, at: at == 0
    if by_line and value is op.AT_END:
        return lambda text, at: at == len(text) or text[at] == "\n"
    return lambda text, at: at == len(text)


def _is_border(text: str, at: int) -> bool:
    before = at > 0 and _is_word(text[at - 1])
    after = at < len(text) and _is_word(text[at])
    return before != after
