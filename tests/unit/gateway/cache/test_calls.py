"""Kept and shared answers on a call's way through a whole gateway: who pays, what is recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.catalog import price
from tanzaku.core import VirtualClock
from tanzaku.exchange import Settlement
from tanzaku.gateway import Gateway, OneTarget, RetryPolicy, Stages
from tanzaku.gateway.budgets import BudgetRule, Budgets
from tanzaku.gateway.cache import CacheSettings, ResponseCache
from tanzaku.ledger import Ledger
from tanzaku.transport import ConnectError, HttpRequest, HttpResponse, read_all


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        yield ledger


class Bench:
    """A gateway with a cache and a budget, and an upstream whose stream goes on when it is told."""

    def __init__(self, kit: Any, ledger: Ledger, *, breaks: bool = False) -> None:
        self.kit = kit
        self.clock = VirtualClock()
        self.ledger = ledger
        self.go_on = asyncio.Event()
        self.breaks = breaks
        self.calls = 0
        self.budgets = Budgets((BudgetRule("all", "usd", 10**12, "day"),))
        self.gateway = Gateway(
            OneTarget("up", self.answer, RetryPolicy(max_retries=0)),
            ledger=ledger,
            clock=self.clock,
            stages=Stages(cache=ResponseCache(CacheSettings(), self.clock), treasury=self.budgets),
        )

    async def answer(self, request: HttpRequest) -> HttpResponse:
        self.calls += 1
        return HttpResponse(200, [(b"content-type", b"text/event-stream")], self.stream())

    async def stream(self) -> AsyncIterator[bytes]:
        yield b"".join(self.kit.FRAMES[:3])
        await self.go_on.wait()
        if self.breaks:
            raise ConnectError("gone")
        yield b"".join(self.kit.FRAMES[3:])

    async def send(self) -> HttpResponse:
        return await self.gateway(self.kit.ask({"stream": True}).request)

    def list_settled(self) -> list[Settlement]:
        """Oldest first."""
        found = [one.settlement for one in reversed(self.ledger.list_exchanges())]
        assert all(found)
        return [one for one in found if one is not None]


def test_who_leads_and_leaves_pays_for_the_whole(kit: Any, ledger: Ledger) -> None:
    async def go() -> list[Settlement]:
        bench = Bench(kit, ledger)
        leading = await bench.send()
        assert await anext(leading.body) == b"".join(kit.FRAMES[:3])  # type: ignore[arg-type]
        bench.clock.advance(1)
        following = asyncio.create_task(read_all(await bench.send()))
        leaving = asyncio.create_task(leading.body.aclose())  # type: ignore[union-attr]
        await kit.settle()
        bench.go_on.set()
        assert await following == b"".join(kit.FRAMES)
        await leaving
        assert bench.calls == 1
        return bench.list_settled()

    left, stayed = asyncio.run(go())
    whole = price("claude-haiku-4-5", kit.MESSAGE["usage"]).total_usd
    assert left.error is not None
    assert (left.error.type, left.route) == ("client_gone", "up")
    assert left.cost is not None
    assert left.cost.total_usd == whole
    assert stayed.cost is not None
    assert (stayed.cost.total_usd, stayed.route, stayed.attempts) == (Decimal(0), "cache", [])


def test_a_shared_stream_that_breaks_ends_well_for_all(kit: Any, ledger: Ledger) -> None:
    async def go() -> list[bytes]:
        bench = Bench(kit, ledger, breaks=True)
        answers = [await bench.send() for _ in range(3)]
        bench.go_on.set()
        return list(await asyncio.gather(*map(read_all, answers)))

    for body in asyncio.run(go()):
        assert body.startswith(b"".join(kit.FRAMES[:3]))
        assert body.rpartition(b"event: ")[2].startswith(b"error\n")
