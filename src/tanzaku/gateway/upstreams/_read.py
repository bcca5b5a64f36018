"""The section `upstreams` of a configuration."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from tanzaku.core import InputFileError
from tanzaku.core.plain_yaml import Entry
from tanzaku.gateway._retry import RetryPolicy
from tanzaku.gateway.upstreams._settings import Auth, BreakerSettings, Kind, UpstreamSettings
from tanzaku.transport import RequestRefusedError, Timeouts, parse_origin

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
ANTHROPIC_URL: Final = "https://api.anthropic.com"
_KINDS: Final = ("simulator", "anthropic", "bedrock", "vertex")
_FIELDS: Final = (
    "kind", "url", "keys", "auth", "headers", "live", "allow_private", "retry", "timeouts",
    "breaker", "probe_s", "region", "project", "profile", "models",
)  # fmt: skip
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
    fields = entry.as_fields(_FIELDS, ("kind",))
    kind = cast("Kind", fields["kind"].as_choice(_KINDS))
    readers: dict[str, Callable[[Entry], Any]] = {
        "url": _read_url,
        "keys": lambda value: tuple(resolve(one) for one in value.as_list()),
        "auth": lambda value: cast("Auth", value.as_choice(("x-api-key", "bearer"))),
        "headers": lambda value: _read_headers(value, resolve),
        "live": Entry.as_bool,
        "allow_private": Entry.as_bool,
        "retry": _read_retry,
        "timeouts": _read_timeouts,
        "breaker": _read_breaker,
        "probe_s": lambda value: value.as_number(1, _LONGEST_S),
        "region": Entry.as_text,
        "project": Entry.as_text,
        "profile": Entry.as_text,
        "models": lambda value: tuple(
            (asked, meant.as_text()) for asked, meant in value.as_mapping().items()
        ),
    }
    given = {key: readers[key](value) for key, value in fields.items() if key != "kind"}
    given["is_live"] = given.pop("live", False)
    settings = UpstreamSettings(name, kind, **given)
    if kind == "anthropic" and not settings.url:
        settings = replace(settings, url=ANTHROPIC_URL)
    _check(settings, entry, fields)
    return settings


def _check(settings: UpstreamSettings, entry: Entry, fields: Mapping[str, Entry]) -> None:
    if settings.kind == "simulator":
        odd = next((name for name in fields if name not in {"kind", "retry", "breaker"}), None)
        if odd is not None:
            raise InputFileError(
                "{place}: the simulator has no `{name}`.", place=fields[odd].name_place, name=odd
            )
        return
    is_local = bool(settings.url) and parse_origin(settings.url).host in _LOOPBACK
    if not is_local and not settings.is_live:
        raise InputFileError(
            "{place}: the upstream `{name}` may cost money and does not say so.",
            hint="Add `live: true` to it if that is meant.",
            place=entry.name_place,
            name=settings.name,
        )
    if settings.kind == "anthropic" and not settings.keys and not is_local:
        raise InputFileError(
            "{place}: the upstream `{name}` has no `keys`.",
            hint="Add `keys: [env:ANTHROPIC_API_KEY]`.",
            place=entry.name_place,
            name=settings.name,
        )


def _read_url(entry: Entry) -> str:
    url = entry.as_text()
    try:
        origin = parse_origin(url)
    except RequestRefusedError as error:
        raise InputFileError(
            "{place}: `{key}`: {reason}.", place=entry.place, key=entry.key, reason=error
        ) from error
    if not origin.is_tls and origin.host not in _LOOPBACK:
        raise InputFileError(
            "{place}: `{key}` must be https: keys would travel in clear.",
            place=entry.place,
            key=entry.key,
        )
    return url.rstrip("/")


def _read_headers(entry: Entry, resolve: Resolve) -> tuple[tuple[bytes, bytes], ...]:
    lines = []
    for name, value in entry.as_mapping().items():
        text = value.as_text()
        if text.startswith(("env:", "file:")):
            text = resolve(value)
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise InputFileError(
                "{place}: `{name}` is no header name.", place=value.name_place, name=name
            )
        if not text.isascii() or not text.isprintable():
            raise InputFileError(
                "{place}: the header `{name}` must be printable ASCII.",
                place=value.place,
                name=name,
            )
        lines.append((name.lower().encode(), text.encode()))
    return tuple(lines)


def _read_retry(entry: Entry) -> RetryPolicy:
    fields = entry.as_fields(("max_retries", "backoff_s", "longest_wait_s"))
    policy = RetryPolicy()
    if "max_retries" in fields:
        policy = replace(policy, max_retries=fields["max_retries"].as_integer(0, 20))
    if "backoff_s" in fields:
        pauses = tuple(one.as_number(0, 3600) for one in fields["backoff_s"].as_list())
        policy = replace(policy, backoff_s=pauses)
    if "longest_wait_s" in fields:
        longest = fields["longest_wait_s"].as_number(0, 3600)
        policy = replace(policy, longest_wait_s=longest)
    return policy


def _read_timeouts(entry: Entry) -> Timeouts:
    fields = entry.as_fields(("pool_s", "connect_s", "first_byte_s", "idle_s"))
    return replace(
        Timeouts(), **{name: one.as_number(0.001, _LONGEST_S) for name, one in fields.items()}
    )


def _read_breaker(entry: Entry) -> BreakerSettings:
    fields = entry.as_fields(("failures", "window_s", "open_s"))
    settings = BreakerSettings()
    if "failures" in fields:
        settings = replace(settings, failures=fields["failures"].as_integer(1, 1000))
    if "window_s" in fields:
        settings = replace(settings, window_s=fields["window_s"].as_number(0.001, _LONGEST_S))
    if "open_s" in fields:
        settings = replace(settings, open_s=fields["open_s"].as_number(0.001, _LONGEST_S))
    return settings
