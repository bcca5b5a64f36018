"""What a client's own batch costs, read off its results in any pieces."""

import asyncio
import json
import tracemalloc
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, override

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.core import VirtualClock
from tanzaku.exchange import Cost
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._stages import Asked
from tanzaku.gateway.batching import BatchBills, BatchResultsReader, PassingBatches
from tanzaku.gateway.batching._lines import LineCutter, read_line
from tanzaku.ledger import LedgerError, MemoryShelf, ShelfRow
from tanzaku.transport import HttpRequest

NOW = 1_795_000_000.0
HAIKU = "claude-haiku-4-5"


def price(model: str, usage: Mapping[str, Any]) -> Cost | str:
    return PriceBook().price(model, usage, NOW)


def build_line(custom_id: str, model: str = HAIKU, **usage: Any) -> bytes:
    message = {"type": "message", "model": model, "content": [], "usage": usage}
    result = {"type": "succeeded", "message": message}
    return json.dumps({"custom_id": custom_id, "result": result}).encode() + b"\n"


ERRORED = (
    b'{"custom_id":"e","result":{"type":"errored","error":{"type":"error","error":'
    b'{"type":"overloaded_error","message":"Overloaded"}}}}\n'
)
EXPIRED = b'{"custom_id":"x","result":{"type":"expired"}}\n'


def read(*pieces: bytes) -> BatchResultsReader:
    reader = BatchResultsReader(price)
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    return reader


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["claude-haiku-4-5", "claude-haiku-5-5"]),
            st.integers(0, 200_000),
            st.integers(0, 5000),
        ),
        max_size=12,
    ),
    st.lists(st.integers(1, 700), max_size=30),
)
def test_the_sum_is_that_of_the_lines_at_half_the_price(
    lines: list[tuple[str, int, int]], cuts: list[int]
) -> None:
    # Dollars a million tokens, in and out: wire.md section 6.1; Haiku 5.5 above 100k costs 5 times.
    rates = {"claude-haiku-4-5": (1, 5, 1, 5), "claude-haiku-5-5": (0.1, 0.5, 0.5, 2.5)}
    expected = Decimal(0)
    body = b""
    for number, (model, tokens_in, tokens_out) in enumerate(lines):
        low_in, low_out, high_in, high_out = rates[model]
        is_long = tokens_in > 100_000
        rate_in, rate_out = (high_in, high_out) if is_long else (low_in, low_out)
        expected += (
            Decimal(str(rate_in)) * tokens_in + Decimal(str(rate_out)) * tokens_out
        ) / 2_000_000
        body += build_line(f"r{number}", model, input_tokens=tokens_in, output_tokens=tokens_out)
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(body[at : at + cut])
        at += cut
    reader = read(*pieces, body[at:] + ERRORED + EXPIRED)
    assert reader.cost.total_usd == expected == sum(reader.cost.parts_usd.values())
    assert reader.unpriced is None
    assert reader.counts == {"succeeded": len(lines), "errored": 1, "canceled": 0, "expired": 1}
    totals = reader.usage or {}
    assert totals.get("input_tokens", 0) == sum(line[1] for line in lines)


def test_the_last_line_needs_no_end() -> None:
    assert read(build_line("r", input_tokens=2, output_tokens=0).strip()).cost.total_usd == Decimal(
        "0.000001"
    )


def test_one_model_is_named_several_are_not() -> None:
    one = build_line("a", input_tokens=1, output_tokens=1)
    other = build_line("b", "claude-haiku-5-5", input_tokens=1, output_tokens=1)
    assert read(one, one).model == HAIKU
    assert read(one, other).model is None
    assert read(EXPIRED).model is None
    assert read(EXPIRED).usage is None


def test_usage_of_several_lines_is_summed_key_by_key() -> None:
    line = build_line(
        "a",
        input_tokens=1,
        output_tokens=2,
        cache_creation_input_tokens=3,
        cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        service_tier="batch",
    )
    usage = read(line, line).usage
    assert usage == {
        "input_tokens": 2,
        "output_tokens": 4,
        "cache_creation_input_tokens": 6,
        "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 0},
        "service_tier": "batch",
    }
    cost = price(HAIKU, usage)
    assert isinstance(cost, Cost)
    assert cost.total_usd == read(line, line).cost.total_usd


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"garbage\n",
        b"\xff\n",
        b'{"custom_id":"a","result":{"type":"new"}}\n',
        build_line("a", "claude-unknown-9", input_tokens=1, output_tokens=1),
        build_line("a", input_tokens=1),
        build_line("a", input_tokens=1, output_tokens=1, service_tier="batch", storage_tokens=7),
        b'{"custom_id":"a","result":{"type":"succeeded","message":{"model":"m"}}}\n',
    ],
)
def test_what_cannot_be_priced_is_said(line: bytes) -> None:
    reader = read(build_line("g", input_tokens=2, output_tokens=0), line)
    assert reader.unpriced
    assert reader.cost.total_usd == Decimal("0.000001")


def test_a_line_without_end_is_not_held() -> None:
    cutter = LineCutter(longest=1000)
    tracemalloc.start()
    try:
        for _ in range(2000):
            assert list(cutter.feed(b"x" * 1000)) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert list(cutter.feed(b"\nshort\n")) == [b"short"]
    assert cutter.lost == 1


@given(st.lists(st.binary(max_size=12).filter(lambda one: b"\n" not in one)), st.integers(1, 9))
def test_lines_are_the_same_in_any_pieces(lines: list[bytes], size: int) -> None:
    body = b"\n".join(lines)
    cutter = LineCutter()
    found: list[bytes] = []
    for at in range(0, len(body), size):
        found += cutter.feed(body[at : at + size])
    found += cutter.end()
    assert found == [line.strip() for line in lines if line.strip()]


@pytest.mark.parametrize(
    ("error_type", "status"),
    [("overloaded_error", 529), ("not_found_error", 404), ("invalid_request_error", 400)],
)
def test_an_errored_result_has_the_status_of_a_plain_call(error_type: str, status: int) -> None:
    error = b'{"type": "error","error":{"type":"%b","message":"m"}}' % error_type.encode()
    line = read_line(b'{"custom_id":"c","result":{"type":"errored","error":%b}}' % error)
    assert line is not None
    assert (line.custom_id, line.status, line.body) == ("c", status, error)


class BrokenShelf(MemoryShelf):
    @override
    async def get(self, kind: str, id: str, part: int = 0) -> ShelfRow | None:
        raise LedgerError("no disk")


def fetch(batches: PassingBatches, target: str, *chunks: bytes) -> Any:
    async def use() -> Any:
        request = HttpRequest("GET", target, [], b"")
        results = batches.open_results(Asked(request, request.path, {}, b"", {}, NOW, False))
        if results is None:
            return None
        for chunk in chunks:
            results.feed(chunk)
        return await results.end()

    return asyncio.run(use())


RESULTS = "/v1/messages/batches/msgbatch_1/results"


def test_tokens_of_results_fetched_again_count_once() -> None:
    batches = PassingBatches(MemoryShelf(), VirtualClock(NOW))
    line = build_line("r", input_tokens=2, output_tokens=0)
    outcome, cost, unpriced = fetch(batches, f"{RESULTS}?beta=true", line)
    assert (outcome.usage["input_tokens"], cost.total_usd) == (2, Decimal("0.000001"))
    outcome, cost, unpriced = fetch(batches, RESULTS, line)
    assert (outcome.usage, cost, unpriced) == (None, None, None)
    assert fetch(batches, RESULTS, line, line)[1].total_usd == Decimal("0.000001")
    assert fetch(batches, "/v1/messages/batches/msgbatch_1") is None


def test_a_shelf_that_fails_leaves_the_price_unknown() -> None:
    batches = PassingBatches(BrokenShelf(), VirtualClock(NOW))
    _, cost, unpriced = fetch(batches, RESULTS, build_line("r", input_tokens=2, output_tokens=0))
    assert cost is None
    assert "no disk" in unpriced


def test_results_fetched_again_are_charged_once() -> None:
    body = b"".join(build_line(f"r{n}", input_tokens=100 + n, output_tokens=7) for n in range(10))
    whole = read(body).cost
    part = read(body[: len(body) // 2]).cost

    async def use() -> None:
        bills = BatchBills(MemoryShelf())
        charges = [
            await bills.charge("msgbatch_1", cost, NOW) for cost in (part, whole, whole, part)
        ]
        assert [charge.total_usd for charge in charges] == [
            part.total_usd,
            whole.total_usd - part.total_usd,
            0,
            0,
        ]
        assert sum((one.total_usd for one in charges), Decimal(0)) == whole.total_usd
        for charge in charges:
            assert sum(charge.parts_usd.values()) == charge.total_usd
        assert (await bills.charge("msgbatch_2", whole, NOW)).total_usd == whole.total_usd

    asyncio.run(use())
