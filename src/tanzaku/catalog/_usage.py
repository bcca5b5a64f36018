"""Reading the API's `usage` object: what is counted in it, and what nobody can price."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from tanzaku.catalog.errors import UnpricedUsageError

_KNOWN_KEYS: Final = frozenset(
    {
        "cache_creation",
        "cache_creation_input_tokens",
        "cache_read_input_tokens",
        "inference_geo",
        "input_tokens",
        "iterations",
        "output_tokens",
        "output_tokens_details",
        "server_tool_use",
        "service_tier",
        "speed",
    }
)
_CACHE_KEYS: Final = frozenset({"ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"})
_DETAIL_KEYS: Final = frozenset({"thinking_tokens"})
_TOOL_KEYS: Final = frozenset({"web_search_requests", "web_fetch_requests"})


class Counts(NamedTuple):
    """What is billed, in tokens and searches. Web fetches are free."""

    tokens_in: int
    tokens_out: int
    write_5m: int
    write_1h: int
    read: int
    searches: int


def read_counts(usage: Mapping[str, Any]) -> Counts:
    """The counts of a usage; raises UnpricedUsageError as `Rates.price` says."""
    if not usage.keys() <= _KNOWN_KEYS:
        _refuse_other_counts(usage, _KNOWN_KEYS, "")
    if usage.get("output_tokens_details") or usage.get("iterations"):
        _check_details(usage)
    write_5m, write_1h = _cache_writes(usage)
    return Counts(
        _required(usage, "input_tokens"),
        _required(usage, "output_tokens"),
        write_5m,
        write_1h,
        _optional(usage, "cache_read_input_tokens"),
        _web_searches(usage),
    )


def is_batch(tier: object) -> bool:
    """Whether the usage's `service_tier` is the batch tier; raises for one without list price."""
    if tier is None or tier == "standard":
        return False
    if tier == "batch":
        return True
    raise UnpricedUsageError(
        "No price is known for service_tier `{tier}`.",
        hint="Priority Tier is paid by contract; its tokens have no list price.",
        tier=tier,
    )


def is_fast(speed: object) -> bool:
    """Whether the usage's `speed` is fast; raises for one that is not known."""
    if speed is None or speed == "standard":
        return False
    if speed == "fast":
        return True
    raise UnpricedUsageError("No price is known for speed `{speed}`.", speed=speed)


def _checked(value: object, key: str) -> int:
    if type(value) is int and value >= 0:
        return value
    raise UnpricedUsageError("usage.{key}: {value!r} is not a count.", key=key, value=value)


def _required(usage: Mapping[str, Any], key: str) -> int:
    value = usage.get(key)
    if value is None:
        raise UnpricedUsageError("usage.{key} is missing.", key=key)
    return _checked(value, key)


def _optional(usage: Mapping[str, Any], key: str) -> int:
    value = usage.get(key)
    return 0 if value is None else _checked(value, key)


def _cache_writes(usage: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour; without a split all are the default, 5 minutes."""
    total = _optional(usage, "cache_creation_input_tokens")
    split = usage.get("cache_creation")
    if split is None:
        return total, 0
    _refuse_other_counts(split, _CACHE_KEYS, "cache_creation")
    write_5m = _optional(split, "ephemeral_5m_input_tokens")
    write_1h = _optional(split, "ephemeral_1h_input_tokens")
    if write_5m + write_1h != total and usage.get("cache_creation_input_tokens") is not None:
        raise UnpricedUsageError(
            "usage.cache_creation adds up to {parts} tokens, "
            "usage.cache_creation_input_tokens says {total}.",
            parts=write_5m + write_1h,
            total=total,
        )
    return write_5m, write_1h


def _web_searches(usage: Mapping[str, Any]) -> int:
    tools = usage.get("server_tool_use")
    if tools is None:
        return 0
    _refuse_other_counts(tools, _TOOL_KEYS, "server_tool_use")
    _optional(tools, "web_fetch_requests")
    return _optional(tools, "web_search_requests")


def _check_details(usage: Mapping[str, Any]) -> None:
    """Thinking tokens are part of the output; a compaction's or a fallback's tokens are of no total."""
    details = usage.get("output_tokens_details")
    if details is not None:
        _refuse_other_counts(details, _DETAIL_KEYS, "output_tokens_details")
    iterations = usage.get("iterations") or []
    if not isinstance(iterations, list):
        raise UnpricedUsageError("usage.iterations: {value!r} is not a list.", value=iterations)
    for index, iteration in enumerate(iterations):
        if not isinstance(iteration, Mapping) or iteration.get("type") != "message":
            raise UnpricedUsageError(
                "usage.iterations.{index}: only iterations of type `message` have a known price.",
                index=index,
            )


def _refuse_other_counts(values: object, known: frozenset[str], where: str) -> None:
    if not isinstance(values, Mapping):
        raise UnpricedUsageError(
            "usage.{key}: {value!r} is not an object.", key=where, value=values
        )
    if values.keys() <= known:
        return
    for key, value in values.items():
        if key not in known and _counts_something(value):
            raise UnpricedUsageError(
                "usage.{key}: no price is known for it.",
                hint="The cost of this exchange cannot be told; nothing is taken as free.",
                key=f"{where}.{key}" if where else key,
            )


def _counts_something(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_counts_something(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_counts_something(item) for item in value)
    return isinstance(value, int | float | Decimal) and value != 0
