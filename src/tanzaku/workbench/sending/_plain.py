"""Values of ours as plain JSON, and back by what they are declared to be.

Bodies are text where they are UTF-8, else `{"base64": …}`; dollars are strings, so that no digit is
lost.
"""

import base64
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final, Literal, TypeAliasType, get_args, get_origin, get_type_hints

_LONGEST_INT_BITS: Final = 14_000
"""What Python writes in decimal; a longer one is named by its length."""


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


def restore(kind: Any, value: Any) -> Any:
    """`value` as a `kind`, which is an annotation of an event or of what it holds."""
    while isinstance(kind, TypeAliasType):
        kind = kind.__value__
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if value is None or not isinstance(origin, type):
        return _choose(arguments, value) if origin is Literal else value
    if origin is types.UnionType:
        return restore(next(one for one in arguments if one is not type(None)), value)
    if is_dataclass(origin):
        hints = _read_hints(origin)
        known = {name: hint for name, hint in hints.items() if name in value}
        return origin(**{name: restore(hint, value[name]) for name, hint in known.items()})
    if issubclass(origin, Sequence | Mapping) and not issubclass(origin, str | bytes):
        return _restore_items(origin, arguments, value)
    return _SCALARS.get(origin, _keep)(value)


def _restore_items(origin: type, arguments: tuple[Any, ...], value: Any) -> Any:
    if issubclass(origin, Mapping):
        return {name: restore(arguments[1], item) for name, item in value.items()}
    if not issubclass(origin, tuple):
        return [restore(arguments[0], item) for item in value]
    if arguments[1:] == (...,):
        return tuple(restore(arguments[0], item) for item in value)
    if arguments:
        return tuple(map(restore, arguments, value))
    return origin(*map(restore, get_type_hints(origin).values(), value))


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
