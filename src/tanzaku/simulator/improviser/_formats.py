"""The string formats of JSON Schema: whether a text is of one, and a text that is."""

import ipaddress
import re
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime

from tanzaku.core import format_rfc3339
from tanzaku.simulator._chance import Chance

_EPOCH = 1_767_225_600
_DAY = 86_400
_BY_FORMAT = {
    "email": "alex%s@example.com",
    "idn-email": "alex%s@example.com",
    "uri": "https://example.com/%s",
    "iri": "https://example.com/%s",
    "uri-reference": "https://example.com/%s",
    "iri-reference": "https://example.com/%s",
    "uri-template": "https://example.com/%s{id}",
    "hostname": "host%s.example.com",
    "idn-hostname": "host%s.example.com",
    "ipv4": "192.0.2.1%s",
    "ipv6": "2001:db8::1%s",
    "json-pointer": "/items/0%s",
    "relative-json-pointer": "0%s",
    "regex": "^[a-z]+%s$",
}

_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SHAPES = {
    "email": rf"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@{_LABEL}(?:\.{_LABEL})*",
    "date": r"\d{4}-\d\d-\d\d",
    "date-time": rf"\d{{4}}-\d\d-\d\d[Tt]{_TIME}",
    "time": _TIME,
    "duration": r"P(?=[\dT])(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]+",
    "hostname": rf"{_LABEL}(?:\.{_LABEL})*",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "json-pointer": r"(?:/(?:[^~/]|~[01])*)*",
}
_COMPILED = {name: re.compile(shape, re.ASCII) for name, shape in _SHAPES.items()}
_PARSERS: dict[str, Callable[[str], object]] = {
    "date": date.fromisoformat,
    "date-time": lambda text: datetime.fromisoformat(text.upper()),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "regex": re.compile,
}


def fits_format(text: str, name: str) -> bool:
    """Whether `text` is of the format `name`; a format not known here fits anything."""
    shape = _COMPILED.get(name)
    if shape is not None and shape.fullmatch(text) is None:
        return False
    parse = _PARSERS.get(name)
    if parse is not None:
        with suppress(ValueError, re.error):
            parse(text)
            return True
        return False
    return True


def sample_format(name: str, chance: Chance, number: int = 0) -> str | None:
    """A string of a JSON Schema `format`, None for a format not known here. Several for one list are
    told apart by `number`."""
    moment = format_rfc3339(_EPOCH + (chance.below(365) + number) * _DAY + chance.below(_DAY))
    match name:
        case "date-time":
            return moment
        case "date":
            return moment[:10]
        case "time":
            return moment[11:]
        case "duration":
            return f"P{chance.below(30) + 1 + number}D"
        case "uuid":
            return str(
                uuid.UUID(int=chance.below(1 << 31) << 64 | chance.below(1 << 31), version=4)
            )
        case _:
            sample = _BY_FORMAT.get(name)
            return None if sample is None else sample % (number or "")
