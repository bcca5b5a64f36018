"""Values compared as JSON values."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any, Final

_MOST_NAMED: Final = 10


def find_near(name: str, known: Collection[str]) -> dict[str, Any]:
    """`near`, the known name that was perhaps meant, and `known`, the names as a message has them."""
    shown = sorted(known)[:_MOST_NAMED] + ["…"] * (len(known) > _MOST_NAMED)
    return {
        "near": "".join(difflib.get_close_matches(name, known, n=1)),
        "known": ", ".join(shown) or "–",
    }


def find_kind(value: Any) -> str:
    """What a value is, as JSON calls it."""
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def is_same(left: Any, right: Any) -> bool:
    """Equal as JSON: true is not 1, though 1 is 1.0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(is_same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)


def have_order(left: Any, right: Any) -> bool:
    """Two numbers, or two texts."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    both = (left, right)
    return all(isinstance(one, int | float) for one in both) or all(
        isinstance(one, str) for one in both
    )
