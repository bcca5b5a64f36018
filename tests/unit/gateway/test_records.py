"""What the ledger holds of an exchange: prices from an independent sum, and never a credential."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.gateway import RetryPolicy
from tanzaku.transport import TransportError

CANARY = "sk-ant-api03-CANARY-0123456789"

# Dollars per million tokens: input, output, 5-minute and 1-hour cache write, cache read.
HAIKU_45 = [Decimal(rate) for rate in ("1", "5", "1.25", "2", "0.10")]
HAIKU_55 = [Decimal(rate) for rate in ("0.10", "0.50", "0.125", "0.20", "0.01")]
HAIKU_55_LONG = [5 * rate for rate in HAIKU_55]


def build_message(model: str, usage: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "model": model,
        "content": [],
        "stop_reason": "tool_use",
        "usage": usage,
    }


@pytest.mark.parametrize(
    ("model", "counts", "rates"),
    [
        ("claude-haiku-4-5-20251001", (12, 34, 0, 0, 0), HAIKU_45),
        ("claude-haiku-4-5-20251001", (7, 1, 5000, 6001, 70_003), HAIKU_45),
        ("claude-haiku-5-5", (99_999, 1000, 0, 0, 1), HAIKU_55),
        ("claude-haiku-5-5", (99_999, 1000, 0, 1, 1), HAIKU_55_LONG),
        ("claude-haiku-4-5-20251001", (0, 0, 0, 0, 0), HAIKU_45),
    ],
)
def test_a_message_costs_its_tokens_to_the_last_digit(
    bench: Any, kit: Any, model: str, counts: tuple[int, ...], rates: list[Decimal]
) -> None:
    tokens_in, tokens_out, write_5m, write_1h, read = counts
    usage = {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "cache_creation_input_tokens": write_5m + write_1h,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": write_5m,
            "ephemeral_1h_input_tokens": write_1h,
        },
        "service_tier": "standard",
    }
    bench.send(kit.Upstream([kit.answer(build_message(model, usage))]), kit.request())
    settled = bench.exchange.settlement
    wanted = sum(count * rate for count, rate in zip(counts, rates, strict=True)) / 1_000_000
    assert settled.cost.total_usd == wanted
    assert sum(settled.cost.parts_usd.values()) == wanted
    assert (settled.usage, settled.unpriced) == (usage, None)
    assert (settled.response_model, settled.stop_reason) == (model, "tool_use")


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("claude-unheard-of-9", {"input_tokens": 1, "output_tokens": 1}),
        ("claude-haiku-4-5", None),
        ("claude-haiku-4-5", {"input_tokens": "many", "output_tokens": 1}),
        ("claude-haiku-4-5", {"input_tokens": 1, "output_tokens": -1}),
        ("claude-haiku-4-5", {"input_tokens": 1 << 70, "output_tokens": 1}),
        ("claude-haiku-4-5", {"input_tokens": 1, "output_tokens": 1, "service_tier": "priority"}),
        ("claude-haiku-4-5", {"input_tokens": 1, "output_tokens": 1, "iterations": 2}),
    ],
)
def test_what_cannot_be_priced_says_why_and_is_never_free(
    bench: Any, kit: Any, model: str, usage: Any
) -> None:
    bench.send(kit.Upstream([kit.answer(build_message(model, usage))]), kit.request())
    settled = bench.exchange.settlement
    assert settled.cost is None
    assert len(settled.unpriced) > 10


@pytest.mark.parametrize(
    ("max_tokens", "is_reserved"),
    [
        (100, True),
        (0, True),
        (-1, False),
        (10**40, False),
        ("1", False),
        (True, False),
        (None, False),
    ],
)
def test_a_request_reserves_at_least_what_it_can_cost(
    bench: Any, kit: Any, max_tokens: Any, is_reserved: bool
) -> None:
    request = kit.request(
        {
            "model": "claude-haiku-4-5",
            "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": "Hello"}],
        }
    )
    bench.send(kit.Upstream([kit.answer({"type": "error"}, 400)]), request)
    reserved = bench.exchange.reserved_usd
    if not is_reserved:
        assert reserved is None
        return
    assert reserved >= (20 * HAIKU_45[0] + max_tokens * HAIKU_45[1]) / 1_000_000


def test_a_cached_prompt_reserves_the_price_of_an_hours_cache(bench: Any, kit: Any) -> None:
    def reserve(block: dict[str, Any]) -> Decimal:
        body = {"model": "claude-haiku-4-5", "max_tokens": 0, "system": [block], "messages": []}
        bench.send(kit.Upstream([kit.answer({}, 400)]), kit.request(body))
        reserved = bench.exchange.reserved_usd
        assert isinstance(reserved, Decimal)
        return reserved

    text = {"type": "text", "text": "x" * 10_000}
    marked = text | {"cache_control": {"type": "ephemeral"}}
    assert reserve(marked) >= 2 * reserve(text)


def test_labels_and_version_are_kept_apart_from_the_body(bench: Any, kit: Any) -> None:
    headers = [
        (b"anthropic-version", b"2023-06-01"),
        (b"tanzaku-run", b"nightly"),
        (b"tanzaku-step", b"3"),
    ]
    bench.send(kit.Upstream([kit.answer({})]), kit.request(headers=headers))
    exchange = bench.exchange
    assert exchange.labels == {"run": "nightly", "step": "3"}
    assert (exchange.api_version, exchange.model) == ("2023-06-01", "claude-haiku-4-5")


@pytest.mark.requirement("K3")
def test_a_credential_reaches_neither_ledger_nor_its_files(bench: Any, kit: Any) -> None:
    secret = CANARY.encode()
    headers = [
        (b"x-api-key", secret),
        (b"authorization", b"Bearer " + secret),
        (b"cookie", b"session=" + secret),
        (b"proxy-authorization", b"Basic " + secret),
        (b"x-company-token", secret),
        (b"user-agent", b"app " + secret),
    ]
    leaking = [(b"set-cookie", b"k=" + secret), (b"x-debug", secret), (b"anthropic-x", secret)]
    upstream = kit.Upstream([kit.answer({"type": "message"}, 200, leaking)])
    target = f"/v1/messages?api_key={CANARY}"
    bench.send(upstream, kit.request(headers=headers, target=target))
    assert dict(upstream.requests[0].headers)[b"x-api-key"] == secret
    assert CANARY not in repr(bench.exchange)
    files = [file for file in bench.ledger.path.parent.iterdir() if file.is_file()]
    assert bench.ledger.path in files
    assert all(secret not in file.read_bytes() for file in files)


SPELLINGS = {
    "plain": CANARY,
    "base64": base64.b64encode(CANARY.encode()).decode(),
    "base64-by-1": base64.b64encode(b"k" + CANARY.encode()).decode(),
    "base64-by-2": base64.b64encode(b"u:" + CANARY.encode()).decode(),
}


@pytest.mark.requirement("K3")
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_key_in_a_wrong_place_is_kept_nowhere(bench: Any, kit: Any, spelling: str) -> None:
    """In the path, a label, the version, the model, a prompt, an error's text."""
    told = {"type": "error", "error": {"type": "api_error", "message": f"no {spelling} here"}}
    headers = [(b"anthropic-version", spelling.encode()), (b"tanzaku-run", spelling.encode())]
    body = {"model": spelling, "max_tokens": 1, "messages": [{"role": "user", "content": spelling}]}
    upstream = kit.Upstream([TransportError(f"no way to {spelling}"), kit.answer(told, 400)])
    request = kit.request(body, headers, target=f"/v1/messages/{spelling}")
    request.headers.append((b"content-type", b"application/json"))
    answer = bench.send(upstream, request, retry=RetryPolicy())
    assert spelling.encode() in answer.body
    assert upstream.requests[1].body == request.body
    kept = bench.exchange
    assert len(kept.settlement.attempts) == 2
    assert json.loads(kept.request_body)["max_tokens"] == 1
    assert kept.settlement.error.message.endswith(" here")
    assert spelling[12:36] not in repr(kept)


def test_exchange_ids_differ_and_sort_by_time(bench: Any, kit: Any) -> None:
    ids = []
    for _ in range(5):
        bench.send(kit.Upstream([kit.answer({})]), kit.request())
        ids.append(bench.exchange.exchange_id)
        bench.clock.advance(1)
    assert len(set(ids)) == 5
    assert sorted(ids) == ids
