"""Kept and shared answers on a call's way through a whole gateway: who pays, what is recorded."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanzaku.catalog import price
from tanzaku.core import VirtualClock
from tanzaku.exchange import Settlement
from tanzaku.gateway import Gateway, OneTarget, RetryPolicy, Stages
from tanzaku.gateway._stages import Asked, Caller
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


WHOLE = 10**12
USED = (10 * 1 + 4 * 5) * 10**6
"""What an answer costs, in pico-dollars: Haiku 4.5 at $1 and $5 a million tokens."""


class ByName:
    """Lets in whoever names a key."""

    def identify(self, asked: Asked) -> Caller:
        return Caller(dict(asked.request.headers).get(b"x-who", b"").decode())

    def check(self, asked: Asked, caller: Caller) -> None:
        """Each may all."""


class Desk:
    """A gateway with a budget, and an upstream whose answers come when they are told to."""

    def __init__(self, kit: Any, ledger: Ledger, rules: Sequence[BudgetRule], **cache: Any) -> None:
        self.kit = kit
        self.ledger = ledger
        self.clock = VirtualClock()
        self.pending: dict[str, asyncio.Future[None]] = {}
        self.budgets = Budgets(rules)
        stages = Stages(
            door=ByName(),
            cache=ResponseCache(CacheSettings(**cache), self.clock),
            treasury=self.budgets,
        )
        self.gateway = Gateway(
            OneTarget("up", self.answer), ledger=self.ledger, clock=self.clock, stages=stages
        )

    async def answer(self, request: HttpRequest) -> HttpResponse:
        what = json.loads(request.body)["messages"][0]["content"]
        self.pending[what] = asyncio.get_running_loop().create_future()
        try:
            await self.pending[what]
        finally:
            del self.pending[what]
        body = json.dumps(self.kit.MESSAGE).encode()
        return HttpResponse(200, [(b"content-type", b"application/json")], body)

    async def send(self, what: str = "a", who: str = "key_1") -> int:
        messages = [{"role": "user", "content": what}]
        asked = self.kit.ask({"messages": messages}, [("x-who", who)])
        return (await self.gateway(asked.request)).status

    def list_taken(self) -> dict[str, tuple[int, int]]:
        balances = self.budgets.list_balances(self.clock.now())
        return {one.rule.unit: (one.spent, one.reserved) for one in balances}

    async def find_worst(self) -> int:
        """What is held for a call, in pico-dollars."""
        task = asyncio.create_task(self.send())
        await self.kit.settle()
        (_, held) = self.list_taken()["usd"]
        self.pending["a"].set_result(None)
        await task
        return held


class Reference:
    """What the pages say of many calls: who asks holds and pays, all others are free."""

    def __init__(self, room: int, worst: int) -> None:
        self.room = room
        self.worst = worst
        self.spent = self.requests = 0
        self.kept: set[str] = set()
        self.flights: dict[str, int] = {}
        """How many wait for an answer that is asked for."""

    def admit(self, what: str) -> int | None:
        """The status of a call that comes now, None where it waits."""
        if what in self.kept:
            return 200
        if what not in self.flights and self.taken + self.worst > self.room:
            return 429
        self.flights[what] = self.flights.get(what, 0) + 1
        return None

    def leave(self, what: str) -> None:
        self.flights[what] -= 1
        if not self.flights[what]:
            self.end(what, self.worst)

    def end(self, what: str, cost: int) -> None:
        del self.flights[what]
        self.spent += cost
        self.requests += 1

    @property
    def taken(self) -> int:
        return self.spent + len(self.flights) * self.worst


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # `kit` holds nothing
)
@given(
    calls=st.integers(0, 3),
    extra=st.integers(-1, 5 * USED),
    steps=st.lists(
        st.tuples(st.sampled_from(["ask", "ask", "ask", "end", "leave"]), st.sampled_from("abc")),
        max_size=24,
    ),
)
def test_a_call_is_refused_only_where_nothing_kept_or_shared_serves_it_and_its_worst_case_has_no_room(
    kit: Any, calls: int, extra: int, steps: list[tuple[str, str]]
) -> None:
    async def go(ledger: Ledger) -> None:
        worst = await Desk(kit, ledger, [BudgetRule("all", "usd", WHOLE)]).find_worst()
        room = max(0, calls * worst + extra)
        desk = Desk(
            kit, ledger, [BudgetRule("all", "usd", room), BudgetRule("all", "requests", 99)]
        )
        reference = Reference(room, worst)
        waiting: dict[str, list[asyncio.Task[int]]] = {"a": [], "b": [], "c": []}
        left: dict[str, list[asyncio.Task[int]]] = {"a": [], "b": [], "c": []}
        for step, what in [*steps, ("end", "a"), ("end", "b"), ("end", "c")]:
            if step == "ask":
                call = asyncio.create_task(desk.send(what))
                status = reference.admit(what)
                if status is None:
                    waiting[what].append(call)
                    await kit.settle()
                else:
                    assert await asyncio.wait_for(call, 5) == status
            elif step == "leave" and waiting[what]:
                left[what].append(waiting[what].pop(0))
                left[what][-1].cancel()
                reference.leave(what)
                # Who leads and leaves stays until the others have got their answer.
                await (kit.settle() if waiting[what] else asyncio.wait(left[what]))
            elif step == "end" and waiting[what]:
                desk.pending[what].set_result(None)
                assert set(await asyncio.gather(*waiting[what])) == {200}
                waiting[what].clear()
                await asyncio.gather(*left[what], return_exceptions=True)
                reference.end(what, USED)
                reference.kept.add(what)
            under_way = len(reference.flights)
            assert desk.list_taken() == {
                "usd": (reference.spent, under_way * worst),
                "requests": (reference.requests, under_way),
            }
        assert all(call.cancelled() for calls in left.values() for call in calls)
        assert reference.spent <= room

    with Ledger.open(None, clock=VirtualClock()) as ledger:
        asyncio.run(go(ledger))


def test_who_leads_and_is_refused_for_its_budget_leaves_the_asking_to_the_next(
    kit: Any, ledger: Ledger
) -> None:
    async def go() -> None:
        rules = [BudgetRule("key", "usd", 0, "day", "key_1"), BudgetRule("all", "usd", WHOLE)]
        desk = Desk(kit, ledger, rules, scope="shared")
        poor, rich = (asyncio.create_task(desk.send(who=who)) for who in ("key_1", "key_2"))
        await kit.settle()
        desk.pending["a"].set_result(None)
        assert [await poor, await rich] == [429, 200]
        assert await desk.send(who="key_1") == 200
        routes = [one.settlement.route for one in desk.ledger.list_exchanges() if one.settlement]
        assert routes == ["cache", "up", "gateway"]
        for balance in desk.budgets.list_balances(desk.clock.now()):
            taken = USED if balance.rule.scope == "all" else 0
            assert (balance.spent, balance.reserved) == (taken, 0)

    asyncio.run(go())


def test_after_a_restart_too_kept_answers_have_used_nothing(kit: Any, ledger: Ledger) -> None:
    units = ("usd", "requests", "tokens", "input_tokens", "output_tokens")
    rules = [BudgetRule("each key", unit, WHOLE) for unit in units]

    async def go() -> None:
        desk = Desk(kit, ledger, rules)
        asking = asyncio.create_task(desk.send())
        await kit.settle()
        desk.pending["a"].set_result(None)
        assert [await asking, await desk.send(), await desk.send()] == [200] * 3
        taken = desk.list_taken()
        assert taken == dict(zip(units, [(n, 0) for n in (USED, 1, 14, 10, 4)], strict=True))
        desk.budgets = Budgets(rules)
        desk.budgets.load(desk.ledger, desk.clock.now())
        assert desk.list_taken() == taken

    asyncio.run(go())
