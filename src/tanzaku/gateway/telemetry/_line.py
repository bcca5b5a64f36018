"""One JSON line for each settled exchange, for a log that machines read."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TextIO

from tanzaku.core import format_rfc3339
from tanzaku.exchange import Exchange
from tanzaku.transport import redact_text


class LineWriter:
    """Writes lines to a text file. Each batch is flushed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, exchanges: Sequence[Exchange]) -> None:
        """One line each. Raises OSError."""
        lines = (format_line(exchange) for exchange in exchanges)
        self._file.write("".join(f"{line}\n" for line in lines))
        self._file.flush()


def format_line(exchange: Exchange) -> str:
    """The line: ASCII, so that nothing in it steers a terminal or ends it early."""
    return json.dumps(describe_exchange(exchange))


def describe_exchange(exchange: Exchange) -> dict[str, Any]:
    """What the line holds: no body, no header; credentials in other texts are masked."""
    settled = exchange.settlement
    assert settled is not None
    usage = settled.usage or {}
    return {
        "time": format_rfc3339(exchange.started_at),
        "id": exchange.exchange_id,
        "method": _mask(exchange.method),
        "path": _mask(exchange.path),
        "status": settled.status,
        "route": settled.route,
        "model": _mask(settled.response_model or exchange.model or "") or None,
        "labels": dict(_mask_pair(name, value) for name, value in exchange.labels.items()),
        "input_tokens": usage.get("input_tokens"),
        "output_tokens": usage.get("output_tokens"),
        "cost_usd": None if settled.cost is None else f"{settled.cost.total_usd:f}",
        "ttft_ms": settled.timings.ttft_ms,
        "total_ms": settled.timings.total_ms,
        "attempts": len(settled.attempts),
        "error": None if settled.error is None else _mask(settled.error.type),
        "request_id": None if settled.request_id is None else redact_text(settled.request_id),
    }


# The same few texts come again and again, and to look through one costs as much as all the rest.
_mask = lru_cache(maxsize=2048)(redact_text)


@lru_cache(maxsize=2048)
def _mask_pair(name: str, value: str) -> tuple[str, str]:
    """Both masked, the value also where only its name says what it is."""
    masked, _, rest = redact_text(f"{name}: {value}").partition(": ")
    return masked, rest
