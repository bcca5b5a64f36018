"""The JSON form of an exchange: stable keys, no digit lost."""

import json
from decimal import Decimal

import pytest

from tanzaku.exchange import (
    Attempt,
    Cost,
    Exchange,
    ExchangeError,
    Settlement,
    Timings,
    exchange_to_json,
)

UNDER_WAY = Exchange(
    exchange_id="exch_1",
    started_at=1_767_225_600.25,
    method="POST",
    path="/v1/messages",
    request_headers=[("anthropic-version", "2026-10-21")],
    request_body='{"model":"claude-haiku-4-5","x":"短冊"}'.encode(),
    model="claude-haiku-4-5",
    api_version="2026-10-21",
    reserved_usd=Decimal("0.000050000001"),
    labels={"run": "r1"},
)


def settle(exchange: Exchange, *, body: bytes, error: ExchangeError | None = None) -> Exchange:
    exchange.settlement = Settlement(
        settled_at=1_767_225_601.5,
        status=200,
        route="simulator",
        response_headers=[("request-id", "req_1")],
        response_body=body,
        timings=Timings(ttft_ms=1.5, total_ms=2.5),
        attempts=[Attempt("simulator", 1_767_225_600.25, 2.0, status=200)],
        usage={"input_tokens": 3},
        cost=Cost(
            Decimal("0.00000300"), {"input": Decimal("0.00000300"), "web_search": Decimal("0E-12")}
        ),
        error=error,
    )
    return exchange


def an_exchange() -> Exchange:
    return Exchange(
        **{name: getattr(UNDER_WAY, name) for name in UNDER_WAY.__dataclass_fields__},
    )


def test_both_states_of_an_exchange_have_the_same_keys() -> None:
    settled = settle(an_exchange(), body=b"{}")
    assert list(exchange_to_json(UNDER_WAY)) == list(exchange_to_json(settled))
    assert list(exchange_to_json(UNDER_WAY, with_bodies=True)) == list(
        exchange_to_json(settled, with_bodies=True)
    )


def test_money_keeps_every_digit_and_time_its_milliseconds() -> None:
    summary = json.loads(json.dumps(exchange_to_json(settle(an_exchange(), body=b"{}"))))
    assert summary["cost_usd"] == "0.000003"
    assert summary["cost_parts_usd"] == {"input": "0.000003", "web_search": "0"}
    assert summary["reserved_usd"] == "0.000050000001"
    assert summary["started_at"] == "2026-01-01T00:00:00.250Z"
    assert summary["attempts"][0]["duration_ms"] == 2.0


def test_a_json_body_is_json_and_a_stream_is_text() -> None:
    stream = b'event: ping\ndata: {"type":"ping"}\n\n'
    document = exchange_to_json(settle(an_exchange(), body=stream), with_bodies=True)
    assert document["request"]["body"] == {"model": "claude-haiku-4-5", "x": "短冊"}
    assert document["response"]["body"] == stream.decode()
    assert exchange_to_json(UNDER_WAY, with_bodies=True)["response"] is None


def test_an_error_is_told_by_type_and_message() -> None:
    settled = settle(an_exchange(), body=b"", error=ExchangeError("overloaded_error", "Overloaded"))
    document = exchange_to_json(settled, with_bodies=True)
    assert document["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert document["response"]["body"] is None


@pytest.mark.requirement("L1")
@pytest.mark.parametrize("body", ["[" * 100_000, "[" * 900 + "]" * 900, '"\\ud800"'])
def test_a_body_that_is_not_to_be_read_is_shown_as_text(body: str) -> None:
    shown = exchange_to_json(settle(an_exchange(), body=body.encode()), with_bodies=True)
    assert shown["response"]["body"] == body
    assert json.dumps(shown, ensure_ascii=False).encode()
