"""Exchanges as rows and back. Money is whole pico-dollars (1e-12 $), never a float."""

import json
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.ledger._database import Row
from tanzaku.ledger.errors import LedgerError

STARTED_COLUMNS = (
    "exchange_id",
    "started_at",
    "method",
    "path",
    "model",
    "is_stream",
    "api_version",
    "reserved_picousd",
    "labels",
    "request_headers",
    "request_body",
)
SETTLED_COLUMNS = (
    "settled_at",
    "status",
    "route",
    "rule",
    "request_id",
    "response_model",
    "stop_reason",
    "input_tokens",
    "output_tokens",
    "cache_write_tokens",
    "cache_read_tokens",
    "cost_picousd",
    "unpriced",
    "error_type",
    "error_message",
    "ttft_ms",
    "total_ms",
    "usage",
    "cost_parts_usd",
    "attempts",
    "response_headers",
    "response_body",
)

# What no one may ever change; headers and bodies may be let go of.
STARTED_FACTS = ("seq", *STARTED_COLUMNS[:-2])
SETTLED_FACTS = ("seq", *SETTLED_COLUMNS[:-2])

_NEVER_STORED = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "x-amz-security-token",
        "cookie",
        "set-cookie",
    }
)
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_PICO = Decimal(1_000_000_000_000)
_INT64 = 1 << 63


def to_picousd(usd: Decimal) -> int:
    """Dollars as whole pico-dollars; LedgerError when that would round or not fit 64 bits."""
    try:
        picousd = int(scaled := _EXACT.multiply(usd, _PICO))
    except (ArithmeticError, ValueError):  # too long, infinite, not a number
        pass
    else:
        if picousd == scaled and -_INT64 <= picousd < _INT64:
            return picousd
    raise LedgerError(f"The amount {usd} $ is not a whole number of 1e-12 $ within 64 bits.")


def from_picousd(picousd: int) -> Decimal:
    """Whole pico-dollars as dollars, without trailing zeros."""
    usd = _EXACT.scaleb(Decimal(picousd), -12)
    whole = usd.to_integral_value()
    return whole if usd == whole else usd.normalize(_EXACT)


def build_started(exchange: Exchange) -> Row:
    """The row of the started event, in the order of STARTED_COLUMNS."""
    reserved = exchange.reserved_usd
    return (
        exchange.exchange_id,
        exchange.started_at,
        exchange.method,
        storable(exchange.target),  # no path has a `?` of its own
        storable(exchange.model),
        int(exchange.is_stream),
        storable(exchange.api_version),
        None if reserved is None else to_picousd(reserved),
        _encode(exchange.labels) if exchange.labels else "{}",
        _encode_again(tuple(exchange.request_headers)),
        exchange.request_body,
    )


def build_settled(settled: Settlement) -> Row:
    """The row of the settled event, in the order of SETTLED_COLUMNS."""
    usage, cost, error = settled.usage, settled.cost, settled.error
    return (
        settled.settled_at,
        settled.status,
        settled.route,
        settled.rule,
        storable(settled.request_id),
        storable(settled.response_model),
        storable(settled.stop_reason),
        *_read_tokens(usage or {}),
        None if cost is None else to_picousd(cost.total_usd),
        storable(settled.unpriced),
        None if error is None else storable(error.type),
        None if error is None else storable(error.message),
        settled.timings.ttft_ms,
        settled.timings.total_ms,
        None if usage is None else _encode(usage),
        None if cost is None else _encode(cost.parts_usd),
        _encode([_list_values(attempt) for attempt in settled.attempts]),
        _encode_headers(settled.response_headers),
        settled.response_body,
    )


def read_exchange(row: Mapping[str, Any]) -> Exchange:
    """The exchange of one row of the view; columns left out of the query come back empty."""
    reserved = row["reserved_picousd"]
    path, _, query = row["path"].partition("?")
    return Exchange(
        exchange_id=row["exchange_id"],
        started_at=row["started_at"],
        method=row["method"],
        path=path,
        query=query,
        request_headers=_decode_headers(row.get("request_headers")),
        request_body=row.get("request_body", b""),
        model=row["model"],
        is_stream=bool(row["is_stream"]),
        api_version=row["api_version"],
        reserved_usd=None if reserved is None else from_picousd(reserved),
        labels=json.loads(row["labels"]),
        settlement=None if row["settled_at"] is None else _read_settlement(row),
    )


def _read_settlement(row: Mapping[str, Any]) -> Settlement:
    return Settlement(
        settled_at=row["settled_at"],
        status=row["status"],
        route=row["route"],
        response_headers=_decode_headers(row.get("response_headers")),
        response_body=row.get("response_body", b""),
        timings=Timings(row["ttft_ms"], row["total_ms"]),
        attempts=[Attempt(*values) for values in json.loads(row["attempts"])],
        request_id=row["request_id"],
        response_model=row["response_model"],
        stop_reason=row["stop_reason"],
        usage=None if row["usage"] is None else json.loads(row["usage"]),
        cost=_read_cost(row),
        unpriced=row["unpriced"],
        error=None
        if row["error_type"] is None
        else ExchangeError(row["error_type"], row["error_message"]),
        rule=row["rule"],
    )


def _list_values(attempt: Attempt) -> list[object]:
    """What makes the attempt again; without what it has anyway."""
    values = [
        attempt.upstream,
        attempt.started_at,
        attempt.duration_ms,
        attempt.status,
        attempt.error,
    ]
    return values if attempt.geo is None else [*values, attempt.platform, attempt.geo]


def _read_cost(row: Mapping[str, Any]) -> Cost | None:
    if row["cost_picousd"] is None:
        return None
    parts = json.loads(row["cost_parts_usd"])
    return Cost(
        from_picousd(row["cost_picousd"]), {part: Decimal(usd) for part, usd in parts.items()}
    )


def _read_tokens(usage: Mapping[str, Any]) -> tuple[int | None, ...]:
    return (
        usage.get("input_tokens"),
        usage.get("output_tokens"),
        usage.get("cache_creation_input_tokens"),
        usage.get("cache_read_input_tokens"),
    )


def _encode(value: object) -> str:
    try:
        return to_json(value).decode()
    except PydanticSerializationError:  # a lone surrogate, which ASCII JSON can carry
        return json.dumps(value, default=str)


def _encode_headers(headers: Iterable[tuple[str, str]]) -> str:
    return _encode([header for header in headers if header[0].lower() not in _NEVER_STORED])


@lru_cache(maxsize=128)
def _encode_again(headers: tuple[tuple[str, str], ...]) -> str:
    """Most clients send the same lines with every request."""
    return _encode_headers(headers)


def _decode_headers(document: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in json.loads(document or "[]")]


def storable(text: str | None) -> str | None:
    """The same text; a lone surrogate, which JSON may carry and SQLite may not, as `?`."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()
