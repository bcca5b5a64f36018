"""A way into a JSON value: RFC 9535 without filters, slices and several selectors at once.

`$`, `.name`, `['name']`, `[0]`, `[-1]`, `.*`, `[*]` and `..name` (or `..*`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MAX_NODES = 10_000

_STEP = re.compile(
    r"(?P<deep>\.\.)?"
    r"(?:(?(deep)|\.)(?:(?P<name>[^\W\d][\w-]*)|(?P<any>\*))"
    r"|\[(?:(?P<index>0|-?[1-9][0-9]{0,8})|(?P<all>\*)"
    r"|'(?P<single>(?:[^'\\]|\\.)*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\")\])"
)
_ESCAPE = re.compile(r"\\(.)")


class BadPathError(ValueError):
    """Not a path of this subset; the text says at which character it stops being one."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What to take of a value: a name, an index, or (None) every child; of it alone or, `deep`,
    of everything below it too."""

    key: str | int | None
    deep: bool


class JsonPath:
    """A parsed path; raises BadPathError."""

    def __init__(self, source: str) -> None:
        self.source = source
        if not source.startswith("$"):
            raise BadPathError("1")
        self._steps: list[_Step] = []
        at = 1
        while at < len(source):
            match = _STEP.match(source, at)
            if match is None:
                raise BadPathError(str(at + 1))
            self._steps.append(_read_step(match))
            at = match.end()

    def find(self, value: Any) -> list[Any]:
        """The values the path leads to, in order; at most the first 10,000 of each step."""
        found = [value]
        for step in self._steps:
            nodes: Iterable[Any] = _descend(found) if step.deep else found
            key = step.key
            taken: list[Any] = []
            for node in nodes:
                if key is None:
                    taken += _list_children(node)
                elif isinstance(key, str):
                    if type(node) is dict and key in node:
                        taken.append(node[key])
                elif type(node) is list and -len(node) <= key < len(node):
                    taken.append(node[key])
                if len(taken) >= MAX_NODES:
                    break
            found = taken[:MAX_NODES]
        return found


def _read_step(match: re.Match[str]) -> _Step:
    deep = match["deep"] is not None
    if match["any"] or match["all"]:
        return _Step(None, deep)
    if match["index"]:
        return _Step(int(match["index"]), deep)
    if match["name"]:
        return _Step(match["name"], deep)
    quoted = match["single"] if match["single"] is not None else match["double"]
    return _Step(_ESCAPE.sub(r"\1", quoted), deep)


def _list_children(node: Any) -> list[Any]:
    if type(node) is dict:
        return list(node.values())
    return node if type(node) is list else []


def _descend(nodes: Iterable[Any]) -> Iterator[Any]:
    """Each node and all below it, parents first; at most 10,000."""
    left = MAX_NODES
    stack = list(nodes)[::-1]
    while stack and left:
        left -= 1
        node = stack.pop()
        yield node
        stack += _list_children(node)[::-1]
