"""Events as lines of JSON, and back.

A line is one object; `event` says which event it is, the other keys are its fields. Bodies are text
where they are UTF-8, else `{"base64": …}`; dollars are strings, so that no digit is lost.
"""

import base64
import json
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, Literal, TypeAliasType, get_args, get_origin, get_type_hints

from tanzaku.workbench.runner._events import (
    CaseEnded,
    CaseStarted,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
)

_NAMES: Final[Mapping[type[Event], str]] = {
    ExecutionStarted: "execution_started",
    CaseStarted: "case_started",
    ReplyCame: "reply_came",
    CaseEnded: "case_ended",
    ExecutionEnded: "execution_ended",
}
_KINDS: Final[Mapping[str, type[Event]]] = {name: kind for kind, name in _NAMES.items()}
_LONGEST_INT_BITS: Final = 14_000
"""What Python writes in decimal; a longer one is named by its length."""


def event_to_json(event: Event) -> dict[str, Any]:
    """The event as plain JSON values."""
    return {"event": _NAMES[type(event)], **to_plain(event)}


def encode_event(event: Event) -> bytes:
    """The event as one line, its line feed included."""
    value = event_to_json(event)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a character, which JSON can carry only as `\ud800`
        return json.dumps(value, allow_nan=False).encode() + b"\n"


def parse_event(line: bytes) -> Event:
    """The event that `encode_event` wrote. Keys it does not know are left out, so that an older
    Tanzaku reads what a newer one wrote; what may be any sequence comes back as a list. ValueError
    when it is none."""
    value = json.loads(line)
    name = value.get("event") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in _KINDS:
        raise ValueError("it names no event")
    try:
        event: Event = _restore(_KINDS[name], value)
    except (ArithmeticError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no {name}: {error!r}") from None
    return event


def to_plain(value: Any) -> Any:
    """Any value as JSON has it; what JSON has not is told as text."""
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    if is_dataclass(value):
        return {one.name: to_plain(getattr(value, one.name)) for one in fields(value)}
    return _write_scalar(value)


def _write_scalar(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int() if value.bit_length() <= _LONGEST_INT_BITS:
            return value
        case int():
            return f"an integer of {value.bit_length()} bits"
        case float() if math.isfinite(value):
            return value
        case bytes():
            return _write_bytes(value)
        case _:
            return str(value)


def _write_bytes(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _read_bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


_SCALARS: Final[Mapping[Any, Callable[[Any], Any]]] = {bytes: _read_bytes, Decimal: Decimal}


def _restore(kind: Any, value: Any) -> Any:
    """`value` as a `kind`, which is an annotation of an event or of what it holds."""
    while isinstance(kind, TypeAliasType):
        kind = kind.__value__
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if value is None or not isinstance(origin, type):
        return _choose(arguments, value) if origin is Literal else value
    if origin is types.UnionType:
        return _restore(next(one for one in arguments if one is not type(None)), value)
    if is_dataclass(origin):
        hints = _read_hints(origin)
        known = {name: hint for name, hint in hints.items() if name in value}
        return origin(**{name: _restore(hint, value[name]) for name, hint in known.items()})
    if issubclass(origin, Sequence | Mapping) and not issubclass(origin, str | bytes):
        return _restore_items(origin, arguments, value)
    return _SCALARS.get(origin, _keep)(value)


def _restore_items(origin: type, arguments: tuple[Any, ...], value: Any) -> Any:
    if issubclass(origin, Mapping):
        return {name: _restore(arguments[1], item) for name, item in value.items()}
    if not issubclass(origin, tuple):
        return [_restore(arguments[0], item) for item in value]
    if arguments[1:] == (...,):
        return tuple(_restore(arguments[0], item) for item in value)
    if arguments:
        return tuple(map(_restore, arguments, value))
    return origin(*map(_restore, get_type_hints(origin).values(), value))


def _keep(value: Any) -> Any:
    return value


def _choose(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise KeyError(value)
    return value


@cache
def _read_hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {one.name: hints[one.name] for one in fields(kind)}
