"""A request body: bytes to one JSON object, strictly."""

import json
import math
import re
from typing import Any, Never

from pydantic_core import from_json

from tanzaku.wire._errors import ApiError

MAX_DEPTH = 64
MAX_KEYS = 1_000_000
"""Far beyond what the API takes: 100,000 messages, each with keys of its own."""

_KEY_END = re.compile(rb'"[ \t\r\n]*:')


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; anything else is ApiError 400.

    Refused: invalid JSON or UTF-8, a lone surrogate, NaN and infinities (also `1e999`), a value
    that is no object, what `measure_object` refuses, and an object that names a key twice. The last
    matters because a body is forwarded as it came: two readers that keep different values of a
    key would see different requests. What stands behind the colon of the message and the refusal
    of repeated keys are guesses.
    """
    try:
        value = from_json(body, allow_inf_nan=False)
    except ValueError as error:
        _refuse(str(error), error)
    if type(value) is not dict:
        _refuse(f"expected an object, not {_name_kind(value)}")
    keys, is_finite = measure_object(value)
    if not is_finite:
        _refuse("number out of range")
    # Each key has a colon behind it, so equal counts prove that no key was lost to a repetition.
    if body.count(b":") != keys and _count_key_ends(body) != keys:
        _refuse_repeated_keys(body)
    return value


def _count_key_ends(body: bytes) -> int:
    """What ends as a key does: all keys, and seldom a text. Escapes are taken out first, for quoted
    JSON inside of texts would match as well."""
    bare = body.replace(rb"\\", b"").replace(rb"\"", b"")
    return len(_KEY_END.findall(bare))


def measure_object(value: dict[str, Any]) -> tuple[int, bool]:
    """How many keys `value` holds at all depths, and whether all its numbers are finite.

    ApiError 400 when it is nested deeper than MAX_DEPTH or holds more than MAX_KEYS keys. Both
    bounds are this project's; what the API does there is not known.
    """
    keys = depth = 0
    is_finite = True
    level: list[Any] = [value]
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            _refuse(f"nested deeper than {MAX_DEPTH} levels")
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                keys += len(node)
                node = node.values()
            for child in node:
                kind = type(child)
                if kind is dict or kind is list:
                    below.append(child)
                elif kind is float and not math.isfinite(child):
                    is_finite = False
        if keys > MAX_KEYS:
            _refuse(f"more than {MAX_KEYS} keys")
        level = below
    return keys, is_finite


def _refuse_repeated_keys(body: bytes) -> None:
    def build(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                _refuse(f"duplicate key `{key}`")
            seen.add(key)

    json.loads(body, object_pairs_hook=build)


def _name_kind(value: object) -> str:
    if value is None:
        return "null"
    names = {list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")


def _refuse(why: str, cause: Exception | None = None) -> Never:
    raise ApiError.invalid_request(f"The request body is not valid JSON: {why}") from cause
