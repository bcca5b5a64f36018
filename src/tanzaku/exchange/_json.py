"""An exchange as a JSON document: what `/_tanzaku/exchanges` and `tanzaku log --json` print."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic_core import from_json

from tanzaku.exchange._model import Attempt, Exchange, Settlement


def exchange_to_json(exchange: Exchange, *, with_bodies: bool = False) -> dict[str, Any]:
    """The exchange as a dict of JSON values.

    The keys are the same for every exchange, null where there is nothing; dollars are strings,
    so that no digit is lost, times RFC 3339 in UTC, durations milliseconds. `is_settled` is false
    and everything about the answer null while the exchange is under way.

    `with_bodies` adds `request` and `response`, headers and body as they were kept: a body that
    is JSON as JSON, anything else (server-sent events) as text, an empty one as null.
    """
    settled = exchange.settlement
    document: dict[str, Any] = {
        "exchange_id": exchange.exchange_id,
        "started_at": format_time(exchange.started_at),
        "is_settled": settled is not None,
        "method": exchange.method,
        "path": exchange.path,
        "query": exchange.query or None,
        "api_version": exchange.api_version,
        "model": exchange.model,
        "is_stream": exchange.is_stream,
        "labels": exchange.labels,
        "reserved_usd": _format_usd(exchange.reserved_usd),
        **(_describe_settlement(settled) if settled else dict.fromkeys(_SETTLEMENT_KEYS)),
    }
    if with_bodies:
        document["request"] = _describe_side(exchange.request_headers, exchange.request_body)
        document["response"] = settled and _describe_side(
            settled.response_headers, settled.response_body
        )
    return document


_SETTLEMENT_KEYS = (
    "settled_at",
    "status",
    "route",
    "rule",
    "request_id",
    "response_model",
    "stop_reason",
    "usage",
    "cost_usd",
    "cost_parts_usd",
    "unpriced",
    "error",
    "ttft_ms",
    "total_ms",
    "attempts",
)


def _describe_settlement(settled: Settlement) -> dict[str, Any]:
    cost, error = settled.cost, settled.error
    values = (
        format_time(settled.settled_at),
        settled.status,
        settled.route,
        settled.rule,
        settled.request_id,
        settled.response_model,
        settled.stop_reason,
        settled.usage,
        _format_usd(cost.total_usd) if cost else None,
        {part: _format_usd(usd) for part, usd in cost.parts_usd.items()} if cost else None,
        settled.unpriced,
        {"type": error.type, "message": error.message} if error else None,
        settled.timings.ttft_ms,
        settled.timings.total_ms,
        [_describe_attempt(attempt) for attempt in settled.attempts],
    )
    return dict(zip(_SETTLEMENT_KEYS, values, strict=True))


def _describe_attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "upstream": attempt.upstream,
        "started_at": format_time(attempt.started_at),
        "duration_ms": attempt.duration_ms,
        "status": attempt.status,
        "error": attempt.error,
        "platform": attempt.platform,
        "geo": attempt.geo,
    }


def _describe_side(headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
    return {"headers": [list(header) for header in headers], "body": _read_body(body)}


def _read_body(body: bytes) -> Any:
    if not body:
        return None
    try:
        return from_json(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _format_usd(usd: Decimal | None) -> str | None:
    """Plain digits, none lost, no trailing zeros: `0.000011`."""
    if usd is None:
        return None
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def format_time(unix_seconds: float) -> str:
    moment = datetime.fromtimestamp(unix_seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
