"""Where the values of a JSON text stand, so that they can be cut out or replaced as they are."""

import json
import re
from collections.abc import Iterator

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")

type Span = tuple[int, int]


def find_members(text: str, at: int = 0) -> dict[str, Span]:
    """The members of the object at `at`: where each one's value begins and ends. ValueError where
    there is no object; of a repeated key the last counts, as for every reader of JSON."""
    members: dict[str, Span] = {}
    at = _pass(text, at, "{")
    while text[at : at + 1] != "}":
        if members:
            at = _pass(text, at, ",")
        key, at = _DECODER.raw_decode(text, at)
        if not isinstance(key, str):
            raise ValueError("a key must be text")
        begin = _pass(text, at, ":")
        _, end = _DECODER.raw_decode(text, begin)
        members[key] = begin, end
        at = _skip_space(text, end)
    return members


def iter_elements(text: str, at: int) -> Iterator[int]:
    """Where each element of the array at `at` begins. ValueError where there is no array."""
    at = _pass(text, at, "[")
    while text[at : at + 1] != "]":
        yield at
        _, end = _DECODER.raw_decode(text, at)
        at = _skip_space(text, end)
        if text[at : at + 1] != "]":
            at = _pass(text, at, ",")


def _pass(text: str, at: int, wanted: str) -> int:
    at = _skip_space(text, at)
    if text[at : at + 1] != wanted:
        raise ValueError(f"no `{wanted}` at {at}")
    return _skip_space(text, at + 1)


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()
