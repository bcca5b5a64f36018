"""A short text that a regular expression accepts."""

import re

# The parser of `re` knows the language; nothing public shows its result.
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_CATEGORIES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
}
_LIKED = "a0A-_ ./:@"


def write_match(pattern: str, least: int = 0) -> str | None:
    """A text of at least `least` characters in which the pattern (ECMA 262 as far as `re` reads it)
    is found; None when none was made."""
    try:
        compiled = re.compile(pattern)
        parsed = parser.parse(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
    for extra in range(least + 1):
        text = _write(parsed, extra)
        if len(text) < least and compiled.search(text + "a" * (least - len(text))):
            text += "a" * (least - len(text))
        if len(text) >= least and compiled.search(text):
            return text
    return None


def _write(parsed: Any, extra: int) -> str:
    """`extra` more repetitions than needed, wherever some may be."""
    return "".join(_write_one(code, value, extra) for code, value in parsed)


def _write_one(code: Any, value: Any, extra: int) -> str:
    text = ""
    match code:
        case codes.LITERAL:
            text = chr(value)
        case codes.NOT_LITERAL:
            text = next(one for one in _LIKED if ord(one) != value)
        case codes.ANY:
            text = "a"
        case codes.IN:
            text = _pick(value)
        case codes.MAX_REPEAT | codes.MIN_REPEAT | codes.POSSESSIVE_REPEAT:
            least, most, inside = value
            text = _write(inside, 0) * int(min(most, least + extra))
        case codes.SUBPATTERN:
            text = _write(value[-1], extra)
        case codes.BRANCH:
            text = _write(value[1][0], extra)
        case codes.ATOMIC_GROUP:
            text = _write(value, extra)
        case _:
            pass  # anchors, look-arounds: whether the text passes is tried afterwards
    return text


def _pick(choices: list[Any]) -> str:
    """The first character that is well liked, else one that is named, of a class."""
    is_negated = choices[0][0] is codes.NEGATE
    named = choices[1:] if is_negated else choices
    begins = [value[0] if code is codes.RANGE else value for code, value in named]
    candidates = [*_LIKED, *(chr(one) for one in begins if isinstance(one, int))]
    fitting = (
        one for one in candidates if any(_is_in(one, *choice) for choice in named) != is_negated
    )
    return next(fitting, "a")


def _is_in(character: str, code: Any, value: Any) -> bool:
    if code is codes.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    if code is codes.CATEGORY:
        return re.match(_CATEGORIES[value], character) is not None
    return ord(character) == int(value)
