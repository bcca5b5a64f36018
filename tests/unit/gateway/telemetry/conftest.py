"""Settled exchanges to tell of."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings


def _build(**changes: Any) -> Exchange:
    """One that went well; `changes` goes to the field of that name, of the exchange or of its
    settlement; `error` is a type, `cost` a text."""
    exchange = Exchange(
        exchange_id="exch_0199aabbccdd00112233445566",
        started_at=1764000000.25,
        method="POST",
        path="/v1/messages",
        request_headers=[("content-type", "application/json")],
        request_body=b'{"model":"claude-haiku-4-5","max_tokens":9,"temperature":0.5,"messages":[]}',
        model="claude-haiku-4-5",
        labels={"key": "key_1", "team": "blue"},
    )
    settled = Settlement(
        settled_at=1764000001.0,
        status=200,
        route="sim",
        response_headers=[],
        response_body=b"",
        timings=Timings(40.0, 750.0),
        attempts=[Attempt("sim", 1764000000.25, 700.0, 200)],
        request_id="req_1",
        response_model="claude-haiku-4-5-20251001",
        stop_reason="end_turn",
        usage={"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 7},
        cost=Cost(Decimal("0.000037"), {}),
    )
    for name, value in changes.items():
        if name == "error":
            settled.error = ExchangeError(value, "said")
        else:
            setattr(settled if hasattr(settled, name) else exchange, name, value)
    exchange.settlement = settled
    return exchange


@pytest.fixture
def build_settled() -> Callable[..., Exchange]:
    return _build
