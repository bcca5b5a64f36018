"""What was expected beside what came, what differs marked."""

from difflib import SequenceMatcher
from typing import Any, Final

from tanzaku.look import Html, join, tag
from tanzaku.workbench.reports._phrases import shorten
from tanzaku.workbench.reports._transcript import LONGEST, render_json

_MOST_PIECES: Final = 400
"""A difference is looked for in so many characters or lines; in more it would take seconds."""

_ALIKE: Final = 0.5
"""Marks in texts that have less in common are in the way of reading."""


def show_difference(expected: Any, actual: Any) -> tuple[Html, Html]:
    """The two values; where both are texts or both are objects or lists, what only one of them has
    is marked."""
    if isinstance(expected, str) and isinstance(actual, str):
        return _mark(expected, actual, list(expected), list(actual))
    shown = render_json(expected), render_json(actual)
    if isinstance(expected, dict | list) and isinstance(actual, dict | list):
        return _mark(*shown, *(text.splitlines(keepends=True) for text in shown))
    return _show(shown[0]), _show(shown[1])


def _mark(expected: str, actual: str, old: list[str], new: list[str]) -> tuple[Html, Html]:
    if max(len(old), len(new)) > _MOST_PIECES:
        return _show(expected), _show(actual)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return _show(expected), _show(actual)
    left: list[str] = []
    right: list[str] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        gone, come = "".join(old[a:b]), "".join(new[c:d])
        is_same = kind == "equal"
        left.append(gone if is_same or not gone else tag("del", gone))
        right.append(come if is_same or not come else tag("ins", come))
    return tag("pre", join(*left)), tag("pre", join(*right))


def _show(text: str) -> Html:
    return tag("pre", shorten(text, LONGEST))
