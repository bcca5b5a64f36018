"""Filters by error, cost and duration find what a look at every exchange finds."""

import asyncio
from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Cost, Exchange, ExchangeError, Timings
from tanzaku.ledger import Grouping, Ledger, Place

COSTS = (None, "0", "0.0099999999", "0.01", "2")
ERRORS = (None, "overloaded_error", "api_error")


@pytest.fixture
def kept(build_exchange: Callable[..., Exchange]) -> Iterator[tuple[Ledger, list[Exchange]]]:
    exchanges = [
        build_exchange(
            number,
            cost=None if cost is None else Cost(Decimal(cost), {}),
            error=None if error is None else ExchangeError(error, "said"),
            timings=Timings(None, 100.0 * number),
        )
        for number, (cost, error) in enumerate((c, e) for c in COSTS for e in ERRORS)
    ]
    with Ledger.open(None, clock=VirtualClock()) as ledger:

        async def keep() -> None:
            for exchange in exchanges:
                ledger.start(exchange)
                await ledger.settle(exchange)

        asyncio.run(keep())
        ledger.start(build_exchange(999, is_settled=False))
        yield ledger, exchanges


def list_ids(exchanges: list[Exchange]) -> list[str]:
    return sorted(exchange.exchange_id for exchange in exchanges)


@pytest.mark.parametrize("error", ERRORS[1:])
def test_of_an_error_by_its_type(kept: tuple[Ledger, list[Exchange]], error: str) -> None:
    ledger, exchanges = kept
    wanted = [e for e in exchanges if e.settlement and e.settlement.error]
    wanted = [e for e in wanted if e.settlement and e.settlement.error.type == error]  # type: ignore[union-attr]
    assert list_ids(ledger.list_exchanges(error=error)) == list_ids(wanted)
    assert len(wanted) == len(COSTS)


def test_of_what_cost_so_much_the_bound_itself_counts(
    kept: tuple[Ledger, list[Exchange]],
) -> None:
    ledger, _ = kept
    found = ledger.list_exchanges(min_usd=Decimal("0.01"))
    costs = sorted(
        str(e.settlement.cost.total_usd) for e in found if e.settlement and e.settlement.cost
    )
    assert costs == ["0.01"] * 3 + ["2"] * 3
    assert len(ledger.list_exchanges(min_usd=Decimal(0))) == 12


def test_of_what_took_so_long_the_bound_itself_counts(
    kept: tuple[Ledger, list[Exchange]],
) -> None:
    ledger, exchanges = kept
    assert list_ids(ledger.list_exchanges(least_ms=1200.0)) == list_ids(exchanges[12:])


def test_what_is_under_way_is_counted_until_it_ends(
    build_exchange: Callable[..., Exchange],
) -> None:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        exchanges = [build_exchange(number) for number in range(3)]
        for exchange in exchanges:
            ledger.start(exchange)
        assert ledger.under_way == 3
        asyncio.run(ledger.settle(exchanges[1]))
        assert ledger.under_way == 2
        assert ledger.find_last_seq() == 3


LABELS = (
    {"key": "vk_1", "team": "blue", "tags": "web,night"},
    {"key": "vk_1", "team": "blue", "tags": "web"},
    {"key": "vk_2", "team": "red", "tags": "webinar"},
    {},
)


def test_costs_add_up_by_key_team_and_each_tag(
    place: Place, build_exchange: Callable[..., Exchange]
) -> None:
    async def keep(ledger: Ledger) -> None:
        for number, labels in enumerate(LABELS):
            cost = Cost(Decimal(10**number), {})
            await ledger.settle(build_exchange(number, labels=labels, cost=cost))

    def sum_by(by: Grouping, **conditions: str) -> dict[str, int]:
        rows = ledger.sum_costs(by=by, **conditions)  # type: ignore[arg-type]
        return {row.key: int(row.total_usd) for row in rows}

    with Ledger.open(place, clock=VirtualClock()) as ledger:
        asyncio.run(keep(ledger))
        assert sum_by("key") == {"vk_1": 11, "vk_2": 100, "-": 1000}
        assert sum_by("team") == {"blue": 11, "red": 100, "-": 1000}
        assert sum_by("tag") == {"web": 11, "night": 1, "webinar": 100, "-": 1000}
        assert sum_by("team", tag="web") == {"blue": 11}
        assert sum_by("tag", key="vk_1", team="blue") == {"web": 11, "night": 1}
        assert ledger.totals().total_usd == 1111
        assert ledger.totals(team="red").total_usd == 100
        assert [e.labels["key"] for e in ledger.list_exchanges(tag="webinar")] == ["vk_2"]


@pytest.mark.requirement("L8")
@pytest.mark.parametrize("name", ["model", "route", "key", "team", "tag", "error"])
@pytest.mark.parametrize(
    "text",
    ["' OR '1'='1", "%", "_", "x'); DROP TABLE started; --", '"', "\\", "\x00", "\ud800"],
    ids=range(8),
)
def test_a_text_that_is_sql_finds_nothing_and_does_nothing(
    kept: tuple[Ledger, list[Exchange]], name: str, text: str
) -> None:
    ledger, exchanges = kept
    assert ledger.list_exchanges(**{name: text}) == []  # type: ignore[arg-type]  # parametrized
    assert ledger.count_exchanges() >= len(exchanges)
