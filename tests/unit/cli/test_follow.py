"""Who follows a log sees each call once, whatever the order they end in."""

import asyncio
from collections.abc import Iterator

import pytest

from tanzaku.cli.follow import Tail
from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange, ExchangeError, Settlement, Timings
from tanzaku.ledger import Filters, Ledger


class Desk:
    """A ledger in which calls start and end by name."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._open: dict[str, Exchange] = {}

    def start(self, *names: str) -> None:
        for name in names:
            exchange = Exchange(name, 1764000000.0, "POST", "/v1/messages", [], b"")
            self._open[name] = exchange
            self.ledger.start(exchange)

    def end(self, *names: str, status: int = 200) -> None:
        for name in names:
            exchange = self._open[name]
            exchange.settlement = Settlement(
                1764000001.0, status, "sim", [], b"", Timings(None, 5.0), [],
                error=ExchangeError("api_error", "x") if status >= 400 else None,
            )  # fmt: skip
            asyncio.run(self.ledger.settle(exchange))


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        yield Desk(ledger)


def names(tail: Tail) -> list[str]:
    return [exchange.exchange_id for exchange in tail.read()]


def test_what_ended_before_it_came_is_not_shown(desk: Desk) -> None:
    desk.start("call-1", "call-2")
    desk.end("call-1", "call-2")
    tail = Tail(desk.ledger, Filters())
    desk.start("call-3")
    assert names(tail) == []
    desk.end("call-3")
    assert names(tail) == ["call-3"]
    assert names(tail) == []


@pytest.mark.parametrize("wanted", [Filters(failed=True), Filters(route="sim"), Filters()])
def test_a_call_that_others_overtake_is_shown_when_it_ends(desk: Desk, wanted: Filters) -> None:
    """Of what is under way nobody knows yet whether it fails or where it goes."""
    tail = Tail(desk.ledger, wanted)
    desk.start("slow-1", "fast-1", "fast-2")
    desk.end("fast-1", "fast-2", status=500)
    assert names(tail) == ["fast-1", "fast-2"]
    desk.end("slow-1", status=500)
    assert names(tail) == ["slow-1"]
    assert names(tail) == []


def test_a_call_that_never_ends_holds_nobody_up(desk: Desk) -> None:
    tail = Tail(desk.ledger, Filters())
    desk.start("lost-1")
    seen = []
    for number in range(2100):
        desk.start(f"call-{number}")
        desk.end(f"call-{number}")
        if number % 300 == 0:
            seen += names(tail)
    for _ in range(3):
        seen += names(tail)
    assert seen == [f"call-{number}" for number in range(2100)]
