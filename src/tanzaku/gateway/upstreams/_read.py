"""The section `upstreams` of a configuration."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

from tanzaku.catalog import PROFILES
from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway._origins import read_safe_origin
from tanzaku.gateway._retry import RetryPolicy
from tanzaku.gateway._settle import OWN_ROUTE
from tanzaku.gateway.upstreams._settings import (
    ANTHROPIC_URL,
    BreakerSettings,
    Endpoint,
    Kind,
    UpstreamSettings,
)
from tanzaku.transport import (
    HOP_BY_HOP,
    Timeouts,
    find_objection,
    is_loopback_host,
    parse_origin,
)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# A scheme such as `basic` is no name that carries a key.
_KEY_HEADER: Final = re.compile(r"bearer|authorization|[a-z0-9]+(-[a-z0-9]+)+")
_REGION: Final = re.compile(r"[a-z0-9-]+")
_PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9.:-]*")
_EVERYWHERE: Final = ("kind", "retry", "breaker")
_OUTSIDE: Final = (
    *_EVERYWHERE, "live", "url", "allow_private", "keys", "headers", "timeouts", "models",
)  # fmt: skip
_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "simulator": _EVERYWHERE,
    "replay": (*_EVERYWHERE, "recording"),
    "anthropic": (*_OUTSIDE[:-1], "auth", "probe_s"),
    "bedrock": (*_OUTSIDE, "region", "profile", "endpoint"),
    "vertex": (*_OUTSIDE, "region", "project", "service_account"),
}
_ALL_FIELDS: Final = tuple(dict.fromkeys(name for names in _FIELDS.values() for name in names))
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "replay": ("recording",),
    "bedrock": ("region",),
    "vertex": ("region", "project"),
}
_SECRET_HEADERS: Final = frozenset(
    {"authorization", "x-api-key", "api-key", "proxy-authorization", "cookie"}
)
_OWN_HEADERS: Final = HOP_BY_HOP | {b"host", b"content-length", b"expect", b"accept-encoding"}
_LONGEST_S: Final = 86_400.0

type Resolve = Callable[[Entry], str]


def read_upstreams(entry: Entry, resolve: Resolve) -> dict[str, UpstreamSettings]:
    """The upstreams by name, in the file's order; `resolve` reads references to secrets.

    Raises InputFileError. What may cost money must say so itself: `live: true`.
    """
    named = entry.as_mapping()
    if not named:
        raise InputFileError(
            "{place}: `{key}` names no upstream.", place=entry.place, key=entry.key
        )
    return {name: _read_upstream(name, one, resolve) for name, one in named.items()}


def _read_upstream(name: str, entry: Entry, resolve: Resolve) -> UpstreamSettings:
    if _NAME.fullmatch(name) is None or name == OWN_ROUTE:
        raise InputFileError(
            "{place}: `{name}` cannot be the name of an upstream.",
            hint="Use letters, digits, `-`, `_` and `.`, at most 64; `gateway` is taken.",
            place=entry.name_place,
            name=name,
        )
    fields = entry.as_fields(_ALL_FIELDS, ("kind",))
    kind = cast("Kind", fields["kind"].as_choice(_FIELDS))
    _check_fields(kind, entry, fields)
    readers: dict[str, Callable[[Entry], Any]] = {
        "url": _read_url,
        "keys": lambda value: _read_keys(value, resolve),
        "auth": _read_auth,
        "headers": lambda value: _read_headers(value, resolve),
        "live": Entry.as_bool,
        "allow_private": Entry.as_bool,
        "retry": _read_retry,
        "timeouts": _read_timeouts,
        "breaker": _read_breaker,
        "probe_s": lambda value: value.as_number(1, _LONGEST_S),
        "recording": _read_file,
        "service_account": _read_file,
        "region": lambda value: _read_place(value, _REGION),
        "project": lambda value: _read_place(value, _PROJECT),
        "profile": lambda value: value.as_choice(PROFILES),
        "endpoint": lambda value: cast("Endpoint", value.as_choice(("runtime", "mantle"))),
        "models": lambda value: tuple(
            (asked, meant.as_text()) for asked, meant in value.as_mapping().items()
        ),
    }
    given = {key: readers[key](value) for key, value in fields.items() if key != "kind"}
    given["is_live"] = given.pop("live", False)
    if kind == "anthropic":
        given.setdefault("url", ANTHROPIC_URL)
    elif kind in {"bedrock", "vertex"}:
        given["auth"] = "bearer"
    settings = UpstreamSettings(name, kind, **given)
    if settings.is_inside:
        return settings
    _check_outside(settings, entry, fields)
    # What is outside may fail for a moment; what is inside fails only where it is told to.
    return settings if settings.retry is not None else replace(settings, retry=RetryPolicy())


def _check_fields(kind: Kind, entry: Entry, fields: Mapping[str, Entry]) -> None:
    for name, value in fields.items():
        if name not in _FIELDS[kind]:
            raise InputFileError(
                "{place}: an upstream of kind `{kind}` has no `{name}`.",
                hint="It has {known}.",
                place=value.name_place,
                kind=kind,
                name=name,
                known=", ".join(_FIELDS[kind]),
            )
    for name in _NEEDED.get(kind, ()):
        if name not in fields:
            raise InputFileError(
                "{place}: `{key}` lacks the key `{name}`.",
                place=entry.place,
                key=entry.key,
                name=name,
            )


def _check_outside(settings: UpstreamSettings, entry: Entry, fields: Mapping[str, Entry]) -> None:
    host = parse_origin(settings.url).host if settings.url else ""
    if not settings.is_live and not is_loopback_host(host):
        raise InputFileError(
            "{place}: the upstream `{name}` may cost money and does not say so.",
            hint="Add `live: true` to it if that is meant.",
            place=entry.name_place,
            name=settings.name,
        )
    if settings.kind == "anthropic" and not settings.keys and not is_loopback_host(host):
        raise InputFileError(
            "{place}: the upstream `{name}` has no `keys`.",
            hint="Add `keys: [env:ANTHROPIC_API_KEY]`.",
            place=entry.name_place,
            name=settings.name,
        )
    try:
        objection = find_objection(host, host, "private" if settings.allow_private else "public")
    except ValueError:
        return  # a name, which is looked at whenever it is connected to
    if objection is not None:
        raise InputFileError(
            "{place}: requests cannot go to {host}, {objection}.",
            hint="Addresses of private networks need `allow_private: true`.",
            place=fields["url"].place,
            host=host,
            objection=objection,
        )


def _read_file(entry: Entry) -> Path:
    """A file, looked for from the folder of the configuration."""
    path = Path(entry.place.file).parent / Path(entry.as_text()).expanduser()
    if not path.is_file():
        raise InputFileError("{place}: there is no file {path}.", place=entry.place, path=path)
    return path


def _read_place(entry: Entry, form: re.Pattern[str]) -> str:
    """A region or a project: it becomes a part of a host and of a path."""
    text = entry.as_text()
    if form.fullmatch(text) is None:
        raise InputFileError(
            "{place}: `{key}` cannot be {text}.", place=entry.place, key=entry.key, text=text
        )
    return text


def _read_auth(entry: Entry) -> str:
    """`bearer`, or the name of the header that carries the key as it is."""
    text = entry.as_text().lower()
    if _KEY_HEADER.fullmatch(text) is None or text.encode() in _OWN_HEADERS:
        raise InputFileError(
            "{place}: `{key}` must be bearer, or the name of a header such as x-api-key.",
            place=entry.place,
            key=entry.key,
        )
    return text


def _read_url(entry: Entry) -> str:
    url = entry.as_text()
    read_safe_origin(entry, url)
    return url.rstrip("/")


def _read_keys(entry: Entry, resolve: Resolve) -> tuple[str, ...]:
    values: list[str] = []
    for one in entry.as_list() if entry.kind == "list" else [entry]:
        value = resolve(one)
        if value in values:
            raise InputFileError(
                "{place}: `{key}` is the same key as one before it.", place=one.place, key=one.key
            )
        values.append(value)
    if not values:
        raise InputFileError("{place}: `{key}` is empty.", place=entry.place, key=entry.key)
    return tuple(values)


def _read_headers(entry: Entry, resolve: Resolve) -> tuple[tuple[bytes, bytes], ...]:
    return tuple(
        (name.lower().encode(), _read_header(name, value, resolve).encode())
        for name, value in entry.as_mapping().items()
    )


def _read_header(name: str, entry: Entry, resolve: Resolve) -> str:
    if _HEADER.fullmatch(name) is None:
        raise InputFileError(
            "{place}: `{name}` is no header name.", place=entry.name_place, name=name
        )
    if name.lower().encode() in _OWN_HEADERS:
        raise InputFileError(
            "{place}: the header `{name}` is the connection's own.",
            hint="Leave it out.",
            place=entry.name_place,
            name=name,
        )
    text = entry.as_text()
    if text.startswith(("env:", "file:")) or name.lower() in _SECRET_HEADERS:
        return resolve(entry)
    if not text.isascii() or not text.isprintable():
        raise InputFileError(
            "{place}: the header `{name}` must be printable ASCII.", place=entry.place, name=name
        )
    return text


def _read_retry(entry: Entry) -> RetryPolicy:
    fields = entry.as_fields(("max_retries", "backoff_s", "longest_wait_s"))
    readers: dict[str, Callable[[Entry], Any]] = {
        "max_retries": lambda value: value.as_integer(0, 20),
        "backoff_s": lambda value: tuple(one.as_number(0, 3600) for one in value.as_list()),
        "longest_wait_s": lambda value: value.as_number(0, 3600),
    }
    return replace(RetryPolicy(), **{name: readers[name](one) for name, one in fields.items()})


def _read_timeouts(entry: Entry) -> Timeouts:
    fields = entry.as_fields(("pool_s", "connect_s", "first_byte_s", "idle_s"))
    return replace(
        Timeouts(), **{name: one.as_number(0.001, _LONGEST_S) for name, one in fields.items()}
    )


def _read_breaker(entry: Entry) -> BreakerSettings:
    fields = entry.as_fields(("failures", "share", "window_s", "open_s"))
    readers: dict[str, Callable[[Entry], Any]] = {
        "failures": lambda value: value.as_integer(1, 1000),
        "share": lambda value: value.as_number(0.01, 1),
        "window_s": lambda value: value.as_number(0.1, _LONGEST_S),
        "open_s": lambda value: value.as_number(0.1, _LONGEST_S),
    }
    return replace(BreakerSettings(), **{name: readers[name](one) for name, one in fields.items()})
