"""What a person may say of a key, field by field."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Final

from tanzaku.core import UserError
from tanzaku.transport import redact_text

_MOST_ITEMS: Final = 100
_LONGEST_TEXT: Final = 200
_END_OF_TIME: Final = 253_402_300_800  # the year 10000


def check_fields(told: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as a record holds them. Raises UserError for an unknown one and a wrong value."""
    values = {}
    for name, value in told.items():
        check = _CHECKS.get(name)
        if check is None:
            raise UserError(
                "A key has no `{name}`.",
                hint="Known are {known}.",
                name=name[:_LONGEST_TEXT],
                known=", ".join(sorted(_CHECKS)),
            )
        values[name] = check(name, value)
    return values


def _check_text(name: str, value: Any) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable():
        _check_harmless(name, value)
        return value
    raise UserError(
        "`{name}` of a key must be a printable text of {most} characters at most.",
        name=name,
        most=_LONGEST_TEXT,
    )


def _check_list(name: str, value: Any) -> tuple[str, ...]:
    is_list = isinstance(value, list | tuple) and len(value) <= _MOST_ITEMS
    if not is_list or not all(map(_is_item, value)):
        raise UserError(
            "`{name}` of a key must be a list of {most} texts at most, without commas.",
            name=name,
            most=_MOST_ITEMS,
        )
    for item in value:
        _check_harmless(name, item)
    return tuple(value)


def _check_harmless(name: str, text: str) -> None:
    # These words are listed, logged and kept with every exchange.
    if redact_text(text) != text:
        raise UserError("`{name}` of a key must not hold a secret.", name=name)


def _is_item(value: Any) -> bool:
    # A comma joins tags in a label.
    if not isinstance(value, str) or not value.isprintable() or "," in value:
        return False
    return 0 < len(value) <= _LONGEST_TEXT


def _check_paths(name: str, value: Any) -> tuple[str, ...]:
    paths = _check_list(name, value)
    for path in paths:
        if not path.startswith("/"):
            raise UserError("`{value}` is no path.", hint="Write /v1/messages*.", value=path)
    return paths


def _check_networks(name: str, value: Any) -> tuple[str, ...]:
    networks: Sequence[str] = _check_list(name, value)
    for network in networks:
        try:
            ip_network(network)
        except ValueError:
            raise UserError(
                "`{value}` is no network.", hint="Write 10.0.0.0/8 or 192.0.2.7.", value=network
            ) from None
    return tuple(networks)


def _check_count(name: str, value: Any) -> int | None:
    if value is None or (type(value) is int and value >= 0):
        return value
    raise UserError("`{name}` of a key must be a whole number from 0.", name=name)


def _check_time(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if type(value) in (int, float) and 0 < value < _END_OF_TIME:
        return float(value)
    raise UserError("`{name}` of a key must be a time in Unix seconds.", name=name)


_CHECKS: Final[Mapping[str, Callable[[str, Any], Any]]] = {
    "name": _check_text,
    "owner": _check_text,
    "team": _check_text,
    "tags": _check_list,
    "models": _check_list,
    "paths": _check_paths,
    "ips": _check_networks,
    "max_tokens": _check_count,
    "expires_at": _check_time,
}
