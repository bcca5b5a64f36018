"""Rules of a JSON Schema, one a function: each gives the value back or raises Refused(400)."""

import re
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from benchmarks.planted._kernel import Refused, Request, decode_json


def invalid(where: str, message: str) -> Refused:
    return Refused(400, "invalid", f"{where}: {message}", where)


def read_json(request: Request) -> Any:
    """The body as a value. Raises Refused with 413 or 415, and with 400 where it is not JSON."""
    return decode_json(read_body(request, "application/json"))


def read_body(request: Request, *media_types: str) -> bytes:
    """The body. Raises Refused(413) where it is too large, Refused(415) for another media type."""
    if request.body is None:
        raise Refused(413, "too_large", "The body is too large.")
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_types and sent not in media_types:
        raise Refused(415, "unsupported_media_type", f"Send {media_types[0]}.")
    return request.body


def take_object(
    value: Any, where: str, required: Collection[str] = (), optional: Collection[str] = ()
) -> dict[str, Any]:
    """An object with all of `required`, and nothing but `required` and `optional`."""
    if not isinstance(value, dict):
        raise invalid(where, "must be an object")
    for name in required:
        if name not in value:
            raise invalid(f"{where}.{name}", "is required")
    for name in value:
        if name not in required and name not in optional:
            raise invalid(f"{where}.{name[:40]}", "is not known")
    return value


def take_text(
    value: Any, where: str, low: int = 0, high: int | None = None, pattern: str | None = None
) -> str:
    """Text of `low` to `high` characters that `pattern` matches from end to end."""
    if not isinstance(value, str):
        raise invalid(where, "must be a string")
    if len(value) < low or (high is not None and len(value) > high):
        raise invalid(where, f"must have {low} to {high} characters")
    if pattern is not None and re.fullmatch(pattern, value) is None:
        raise invalid(where, f"must match {pattern}")
    return value


def take_whole(value: Any, where: str, low: int, high: int) -> int:
    """An integer from `low` to `high`; 3.0 is one, true is not."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid(where, "must be an integer")
    if not low <= value <= high:
        raise invalid(where, f"must be from {low} to {high}")
    if value != int(value):
        raise invalid(where, "must be an integer")
    return int(value)


def take_number(value: Any, where: str, low: int, high: int) -> Decimal | int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise invalid(where, "must be a number")
    if not low <= value <= high:
        raise invalid(where, f"must be from {low} to {high}")
    return value


def take_flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise invalid(where, "must be true or false")
    return value


def take_choice(value: Any, where: str, options: Collection[str]) -> str:
    if not isinstance(value, str) or value not in options:
        raise invalid(where, f"must be one of {', '.join(options)}")
    return value


def take_list(value: Any, where: str, low: int, high: int) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(where, "must be an array")
    if not low <= len(value) <= high:
        raise invalid(where, f"must have {low} to {high} items")
    return value


def take_date(value: str, where: str) -> str:
    """A full-date of RFC 3339."""
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value) is None:
        raise invalid(where, "must be a date such as 2026-11-24")
    try:
        # The year 0000 exists there, is a leap year, and Python does not know it.
        date.fromisoformat(value.replace("0000-", "2000-", 1))
    except ValueError:
        raise invalid(where, "must be a day of the calendar") from None
    return value


def get_query(request: Request, name: str) -> str | None:
    """The one value of a query parameter, None where it is not given."""
    values = request.query.get(name, [])
    if not values:
        return None
    if len(values) > 1 or values[0] is None:
        raise invalid(name, "may be given once, in UTF-8")
    return values[0]


def get_query_whole(request: Request, name: str, low: int, high: int, default: int) -> int:
    text = get_query(request, name)
    if text is None:
        return default
    if re.fullmatch(r"0|-?[1-9][0-9]{0,17}", text) is None or not low <= int(text) <= high:
        raise invalid(name, f"must be an integer from {low} to {high}")
    return int(text)


def get_query_flag(request: Request, name: str) -> bool | None:
    text = get_query(request, name)
    if text is None:
        return None
    return take_choice(text, name, ("true", "false")) == "true"
