"""Lists are complete and in order; sums are exact; ids may be cut short."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanzaku.core import UserError, VirtualClock
from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.ledger import Ledger, LedgerReader, Place

type MakePlace = Callable[[], AbstractContextManager[Place]]

NOON = 1_763_899_200.0
MODELS = ["claude-haiku-4-5", "claude-sonnet-5", None]
ROUTES = ["simulator", "anthropic"]
STATUSES = [200, 429, 529]


@st.composite
def exchanges(draw: st.DrawFn) -> list[Exchange]:
    return [
        _draw_exchange(draw, f"exch_{number:06d}") for number in range(draw(st.integers(0, 25)))
    ]


def _draw_exchange(draw: st.DrawFn, exchange_id: str) -> Exchange:
    started_at = NOON + draw(st.integers(-2, 2)) * 43_200.0
    exchange = Exchange(exchange_id, started_at, "POST", "/v1/messages", [], b"")
    exchange.model = draw(st.sampled_from(MODELS))
    if not draw(st.integers(0, 4)):
        return exchange
    status = draw(st.sampled_from(STATUSES))
    tokens = draw(st.integers(0, 10**6))
    priced = draw(st.booleans())
    exchange.settlement = Settlement(
        settled_at=started_at,
        status=status,
        route=draw(st.sampled_from(ROUTES)),
        response_headers=[],
        response_body=b"",
        timings=Timings(None, 1.0),
        attempts=[Attempt("simulator", started_at, 1.0, status)],
        response_model=draw(st.sampled_from(MODELS)),
        usage={"input_tokens": tokens, "output_tokens": 3, "cache_read_input_tokens": tokens // 2},
        cost=Cost(Decimal(draw(st.integers(0, 2**62))) / 10**12, {}) if priced else None,
        unpriced=None if priced else "no price",
        error=ExchangeError("overloaded_error", "Overloaded") if status == 529 else None,
    )
    return exchange


async def _keep(ledger: Ledger, kept: list[Exchange]) -> None:
    for exchange in kept:
        ledger.start(exchange)
    await asyncio.gather(*(ledger.settle(exchange) for exchange in kept if exchange.settlement))


@contextmanager
def _open_with(make_place: MakePlace, kept: list[Exchange]) -> Iterator[LedgerReader]:
    """A ledger that holds `kept`, in that order."""
    with make_place() as place:
        with Ledger.open(place, clock=VirtualClock()) as ledger:
            asyncio.run(_keep(ledger, kept))
        with Ledger.read(place) as reader:
            yield reader


def _is_wanted(exchange: Exchange, wanted: dict[str, Any]) -> bool:
    settled = exchange.settlement
    answered: dict[str, set[object]] = {
        "model": {exchange.model, settled and settled.response_model},
        "route": {settled and settled.route},
        "status": {settled and settled.status},
    }
    return (
        all(wanted[name] in found for name, found in answered.items() if name in wanted)
        and exchange.started_at >= wanted.get("since", 0)
        and exchange.started_at < wanted.get("until", 9e9)
    )


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(MODELS[:2]),
        "route": st.sampled_from(ROUTES),
        "status": st.sampled_from(STATUSES),
        "since": st.sampled_from([NOON - 43_200, NOON]),
        "until": st.sampled_from([NOON, NOON + 43_200]),
    },
)


@settings(max_examples=30, deadline=None)
@given(kept=exchanges(), wanted=FILTERS, limit=st.integers(1, 7))
def test_pages_hold_every_wanted_exchange_once_newest_first(
    make_place: MakePlace, kept: list[Exchange], wanted: dict[str, Any], limit: int
) -> None:
    listed: list[str] = []
    with _open_with(make_place, kept) as ledger:
        while page := ledger.list_exchanges(
            limit=limit, before=listed[-1] if listed else None, **wanted
        ):
            assert len(page) <= limit
            listed += [exchange.exchange_id for exchange in page]
    assert listed == [e.exchange_id for e in reversed(kept) if _is_wanted(e, wanted)]


KEYS: dict[str, Callable[[Exchange], str]] = {
    "model": lambda e: (e.settlement and e.settlement.response_model) or e.model or "-",
    "route": lambda e: e.settlement.route if e.settlement else "-",
    "day": lambda e: datetime.fromtimestamp(e.started_at, UTC).strftime("%Y-%m-%d"),
}


@settings(max_examples=30, deadline=None)
@given(kept=exchanges(), by=st.sampled_from(["model", "route", "day"]), half=st.booleans())
def test_sums_equal_an_independent_sum_to_the_last_digit(
    make_place: MakePlace, kept: list[Exchange], by: Any, half: bool
) -> None:
    with _open_with(make_place, kept) as ledger:
        rows = ledger.sum_costs(by=by, since=NOON if half else None)
    wanted = [e for e in kept if not half or e.started_at >= NOON]
    expected = {}
    for key in sorted({KEYS[by](exchange) for exchange in wanted}):
        group = [e for e in wanted if KEYS[by](e) == key]
        settled = [e.settlement for e in group if e.settlement]
        expected[key] = (
            len(group),
            len(group) - len(settled),
            len([s for s in settled if s.status >= 400]),
            len([s for s in settled if s.unpriced]),
            sum((s.usage or {})["input_tokens"] for s in settled),
            3 * len(settled),
            sum((s.usage or {})["cache_read_input_tokens"] for s in settled),
            sum((s.cost.total_usd for s in settled if s.cost), Decimal(0)),
        )
    assert {
        row.key: (
            row.exchanges,
            row.unsettled,
            row.errors,
            row.unpriced,
            row.input_tokens,
            row.output_tokens,
            row.cache_read_tokens,
            row.total_usd,
        )
        for row in rows
    } == expected
    assert [row.key for row in rows] == list(expected)


@settings(max_examples=30, deadline=None)
@given(kept=exchanges())
def test_the_totals_are_the_sum_of_every_group(make_place: MakePlace, kept: list[Exchange]) -> None:
    with _open_with(make_place, kept) as ledger:
        total, rows = ledger.totals(), ledger.sum_costs(by="route")
        assert ledger.count_exchanges() == len(kept)
    assert total.exchanges == len(kept)
    assert total.total_usd == sum((row.total_usd for row in rows), Decimal(0))
    assert total.errors == sum(row.errors for row in rows)


def test_an_empty_ledger_adds_up_to_nothing(make_place: MakePlace) -> None:
    with _open_with(make_place, []) as ledger:
        assert ledger.totals().to_json() == {
            "key": "total",
            "exchanges": 0,
            "unsettled": 0,
            "errors": 0,
            "unpriced": 0,
            "input_tokens": 0,
            "output_tokens": 0,
            "cache_write_tokens": 0,
            "cache_read_tokens": 0,
            "total_usd": "0",
        }
        assert ledger.sum_costs(by="day") == []


def test_json_of_a_sum_writes_small_dollars_in_plain_digits(
    make_place: MakePlace,
    build_exchange: Callable[..., Exchange],
) -> None:
    cheap = build_exchange(1, cost=Cost(Decimal("0.000000000001"), {}))
    with _open_with(make_place, [cheap]) as ledger:
        assert ledger.totals().to_json()["total_usd"] == "0.000000000001"


@pytest.mark.parametrize("prefix", ["exch_000012", "exch_00001"])
def test_an_id_or_a_prefix_that_is_its_own_finds_the_exchange(
    make_place: MakePlace, prefix: str, build_exchange: Callable[..., Exchange]
) -> None:
    with _open_with(
        make_place, [build_exchange(2), build_exchange(12), build_exchange(30)]
    ) as ledger:
        assert ledger.get_exchange(prefix) == build_exchange(12)


def test_an_id_that_is_another_ones_prefix_finds_itself(
    make_place: MakePlace,
    build_exchange: Callable[..., Exchange],
) -> None:
    kept = [build_exchange(1, exchange_id="abcdef"), build_exchange(2, exchange_id="abcdefg")]
    with _open_with(make_place, kept) as ledger:
        assert ledger.get_exchange("abcdef") == kept[0]


@pytest.mark.requirement("L8")
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("exch_9", "No exchange 'exch_9'"),
        ("exch_", "No exchange 'exch_'"),
        ("exch%%%", "No exchange"),
        ("exch_0\udcff", "No exchange"),
        ("exch_0", "exch_000001, exch_000002"),
    ],
)
def test_an_id_that_names_none_or_several_says_so(
    make_place: MakePlace, asked: str, message: str, build_exchange: Callable[..., Exchange]
) -> None:
    with (
        _open_with(make_place, [build_exchange(1), build_exchange(2)]) as ledger,
        pytest.raises(UserError, match=message) as raised,
    ):
        ledger.get_exchange(asked)
    assert raised.value.hint


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with (
        Ledger.open(None, clock=VirtualClock()) as ledger,
        pytest.raises(UserError, match="1 to 1000"),
    ):
        ledger.list_exchanges(limit=limit)


def test_a_cursor_that_names_no_exchange_is_refused() -> None:
    with (
        Ledger.open(None, clock=VirtualClock()) as ledger,
        pytest.raises(UserError, match="exch_gone"),
    ):
        ledger.list_exchanges(before="exch_gone")
