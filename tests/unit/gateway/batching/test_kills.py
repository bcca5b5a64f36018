"""Whatever breaks off when, each request that was accepted is run once, answered and paid once."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from harness.deferred import (
    Deferring,
    Upstream,
    WatchedLedger,
    build_params,
    list_exchanges,
    open_deferring,
    read_json,
)
from harness.shelved import build_item
from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.gateway.batching import BatchingSettings
from tanzaku.ledger import Ledger, MemoryShelf, Shelf, ShelfRow
from tanzaku.transport import HttpRequest, HttpResponse, TransportError

HALF_USD = Decimal("0.000009")
HOUR_S = 3600.0


class KilledError(BaseException):
    """The process is gone; nothing of it may handle that."""


class Power:
    """Goes off at the step numbered `until`, for good; there is one before and one after each
    effect on the world."""

    def __init__(self, until: int | None) -> None:
        self._until = until
        self.steps = 0
        self.is_off = False

    def step(self) -> None:
        if self.steps == self._until:
            self.is_off = True
        if self.is_off:
            raise KilledError
        self.steps += 1

    async def guard[T](self, effect: Callable[[], Awaitable[T]]) -> T:
        self.step()
        value = await effect()
        self.step()
        return value


class PoweredShelf:
    def __init__(self, shelf: Shelf, power: Power) -> None:
        self._shelf = shelf
        self._power = power

    async def put(self, *rows: ShelfRow) -> None:
        await self._power.guard(lambda: self._shelf.put(*rows))

    async def get(self, kind: str, id: str, part: int = 0) -> ShelfRow | None:
        return await self._power.guard(lambda: self._shelf.get(kind, id, part))

    async def read_all(self, kind: str) -> list[ShelfRow]:
        return await self._power.guard(lambda: self._shelf.read_all(kind))

    async def drop(self, kind: str, id: str) -> None:
        await self._power.guard(lambda: self._shelf.drop(kind, id))

    async def purge(self, now: float) -> None:
        await self._power.guard(lambda: self._shelf.purge(now))

    def close(self) -> None:
        raise AssertionError("not ours")


class PoweredLedger(WatchedLedger):
    def __init__(self, ledger: Ledger, power: Power) -> None:
        super().__init__(ledger)
        self._power = power

    async def settle(self, exchange: Exchange) -> None:
        await self._power.guard(lambda: super(PoweredLedger, self).settle(exchange))


class World:
    """What outlives a process: the upstream, the shelf, the ledger and the time."""

    def __init__(self, ledger: Ledger, clock: VirtualClock) -> None:
        self.ledger = ledger
        self.clock = clock
        self.shelf = MemoryShelf()
        self.upstream = Upstream(clock)
        self.acknowledged: list[str] = []
        self._starts = 0

    async def live(
        self, power: Power, texts: list[str], hours: float = 1.0, *, claims: bool = False
    ) -> None:
        """One process, until its power goes off or the time is over. With `claims` its client
        names each call by its text, as one does that asks again until it has a ticket."""
        self._starts += 1

        async def send(request: HttpRequest) -> HttpResponse:
            return await power.guard(lambda: self.upstream(request))

        it = Deferring(
            {"main": send},
            self.clock,
            PoweredLedger(self.ledger, power),
            shelf=PoweredShelf(self.shelf, power),
            seed=self._starts,
        )
        try:
            async with it.batching.run():
                while texts:
                    name = [(b"idempotency-key", texts[0].encode())] if claims else None
                    params = build_params(texts[0])
                    self.acknowledged.append(await it.defer_id(params, "batch", headers=name))
                    texts.pop(0)
                end = self.clock.now() + hours * HOUR_S
                while self.clock.now() < end and not power.is_off:
                    await it.pass_time(20.0, step_s=20.0)
        except KilledError:
            pass

    async def check(self) -> None:
        it = Deferring({}, self.clock, WatchedLedger(self.ledger), shelf=self.shelf, seed=0)
        asked = self.upstream.asked
        assert set(asked) >= set(self.acknowledged)
        assert set(asked.values()) <= {1}
        async with it.batching.run():
            for call_id in self.acknowledged:
                answer = await it.ask("GET", f"/{call_id}")
                assert (answer.status, read_json(answer)["id"]) == (200, f"msg_{call_id}")
        exchanges = list_exchanges(self.ledger)
        assert sorted(one.labels["later"] for one in exchanges) == sorted(asked)
        assert [one.settlement and one.settlement.cost for one in exchanges].count(None) == 0
        assert self.ledger.totals().total_usd == HALF_USD * len(asked)
        assert await self.shelf.read_all("later_batch") == []


def live_through(plan: Callable[[World], Awaitable[Any]]) -> Any:
    async def use() -> Any:
        clock = VirtualClock()
        with Ledger.open(None, clock=clock) as ledger:
            world = World(ledger, clock)
            told = await plan(world)
            await world.check()
            await world.upstream.shelved.batches.close()
            return told

    return asyncio.run(use())


def test_a_kill_at_any_step_loses_and_repeats_nothing() -> None:
    for until in itertools.count():

        async def plan(world: World, until: int = until) -> bool:
            power = Power(until)
            texts = ["a", "b", "c"]
            await world.live(power, texts)
            await world.live(Power(None), texts)
            return power.is_off

        if not live_through(plan):
            break
    assert until > 40


def test_a_kill_at_any_step_makes_no_second_call_of_one_that_is_posted_again() -> None:
    for until in itertools.count():

        async def plan(world: World, until: int = until) -> bool:
            power = Power(until)
            texts = ["a", "b"]
            await world.live(power, texts, claims=True)
            await world.live(Power(None), texts, claims=True)
            assert len(world.upstream.asked) == 2
            return power.is_off

        if not live_through(plan):
            break
    assert until > 25


@pytest.mark.parametrize("seed", range(20))
def test_kills_of_the_processes_after_it_neither(seed: int) -> None:
    async def plan(world: World) -> None:
        chance = Random(seed)
        texts = ["a", "b", "c", "d"]
        for _ in range(chance.randrange(2, 7)):
            await world.live(Power(chance.randrange(40)), texts, chance.uniform(0.01, 0.5))
        await world.live(Power(None), texts)

    live_through(plan)


def break_connection(request: HttpRequest) -> None:
    if request.method == "POST":
        raise TransportError("the connection broke", request_bytes_sent=100)


@pytest.mark.parametrize("arrived", [True, False])
def test_a_batch_whose_answer_was_lost_is_looked_for(arrived: bool) -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):

            def lose_before(request: HttpRequest) -> None:
                if not arrived:
                    break_connection(request)

            def lose_after(request: HttpRequest, answer: HttpResponse) -> None:
                break_connection(request)

            upstream.before, upstream.after = lose_before, lose_after
            ids = [await it.defer_id(build_params(text)) for text in "ab"]
            await it.pass_time(65)
            assert len(upstream.created) == 1
            upstream.before = lambda request: None
            upstream.after = lambda request, answer: None
            await it.pass_time(2 * HOUR_S)
            assert upstream.asked == dict.fromkeys(ids, 1)
            assert len(upstream.created) == (1 if arrived else 2)
            for call_id in ids:
                assert (await it.ask("GET", f"/{call_id}")).status == 200

    asyncio.run(use())


def test_a_batch_that_is_listed_late_is_found_all_the_same() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            made_at: list[float] = []

            def lose(request: HttpRequest, answer: HttpResponse) -> HttpResponse | None:
                if request.method == "POST":
                    made_at.append(it.clock.now())
                    break_connection(request)
                if "limit=" in request.target and it.clock.now() < made_at[0] + 55:
                    return HttpResponse(200, [], b'{"data":[],"has_more":false}')
                return None

            upstream.after = lose
            call_id = await it.defer_id(build_params())
            await it.pass_time(HOUR_S)
            assert upstream.asked == {call_id: 1}
            assert len(upstream.created) == 1

    asyncio.run(use())


def test_a_lost_batch_is_not_sent_again_after_its_deadline() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            upstream.before = break_connection
            late = await it.defer_id(build_params(), "2m")
            wanted = await it.defer_id(build_params(), "6h")
            await it.pass_time(125)
            upstream.before = lambda request: None
            await it.pass_time(HOUR_S)
            assert upstream.asked == {wanted: 1}
            assert (await it.ask("GET", f"/{late}")).status == 504

    asyncio.run(use())


def test_a_batch_that_can_never_be_looked_for_is_given_up() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            call_id = await it.defer_id(build_params(), "batch")
            upstream.before = lambda request: HttpResponse(500, [], b"{}")
            await it.pass_time(27 * HOUR_S, step_s=300)
            assert (await it.ask("GET", f"/{call_id}")).status == 502
            assert len(upstream.created) == 1

    asyncio.run(use())


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_upstream_that_failed_may_have_made_the_batch(status: int) -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):

            def fail(request: HttpRequest, answer: HttpResponse) -> HttpResponse | None:
                return HttpResponse(status, [], b"{}") if request.method == "POST" else None

            upstream.after = fail
            call_id = await it.defer_id(build_params())
            await it.pass_time(2 * HOUR_S)
            assert upstream.asked == {call_id: 1}
            assert (await it.ask("GET", f"/{call_id}")).status == 200

    asyncio.run(use())


def test_batches_of_others_are_not_taken_for_the_lost_one() -> None:
    async def use() -> None:
        async with open_deferring() as (it, upstream):
            quick = await upstream.shelved.create(build_item("quick"))
            await it.pass_time(800, step_s=20)
            upstream.before = break_connection
            call_id = await it.defer_id(build_params())
            await it.pass_time(61)
            upstream.before = lambda request: None
            slow = await upstream.shelved.create(build_item("slow"))
            await it.pass_time(100)
            # The other one has not ended: nobody can tell yet whose it is.
            assert len(upstream.created) == 1
            await it.pass_time(3 * HOUR_S)
            assert len(upstream.created) == 2
            assert upstream.asked == {"quick": 1, "slow": 1, call_id: 1}
            assert (await it.ask("GET", f"/{call_id}")).status == 200
            assert quick != slow

    asyncio.run(use())


def test_a_call_sent_by_itself_when_the_process_ended_is_not_sent_again() -> None:
    settings = BatchingSettings(on_late="send_now")
    shelf = MemoryShelf()

    async def use() -> None:
        stuck = asyncio.Event()

        async def hang(request: HttpRequest) -> HttpResponse:
            if request.path == "/v1/messages":
                stuck.set()
                await asyncio.Event().wait()
            return HttpResponse(529, [], b"{}")

        clock = VirtualClock()
        with Ledger.open(None, clock=clock) as ledger:
            watched = WatchedLedger(ledger)
            first = Deferring({"main": hang}, clock, watched, shelf=shelf, settings=settings)
            async with first.batching.run():
                call_id = await first.defer_id(build_params(), "1m")
                await first.pass_time(70)
                assert stuck.is_set()
            upstream = Upstream(clock)
            second = Deferring({"main": upstream}, clock, watched, shelf=shelf, settings=settings)
            async with second.batching.run():
                await second.pass_time(HOUR_S)
                assert "POST" not in {request.method for request in upstream.requests}
                assert (await second.ask("GET", f"/{call_id}")).status == 502
            (exchange,) = list_exchanges(ledger)
            assert exchange.settlement is not None
            assert exchange.settlement.unpriced is not None

    asyncio.run(use())
