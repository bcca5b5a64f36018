"""Budgets in a gateway: what calls that run beside each other, break off or were made before a
restart leave of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tanzaku.gateway import Gateway, OneTarget, Stages
from tanzaku.gateway._stages import ANYONE, Asked, Caller, Worst
from tanzaku.gateway.budgets import BudgetRule, Budgets
from tanzaku.transport import (
    BrokenResponse,
    HttpRequest,
    HttpResponse,
    close_body,
    read_all,
)
from tanzaku.wire import ApiError

JSON = (b"content-type", b"application/json")
STREAM = (b"content-type", b"text/event-stream")
ASKED = {
    "model": "claude-haiku-4-5",
    "max_tokens": 1000,
    "messages": [{"role": "user", "content": "hi"}],
}
DAYLESS = 10**30
PICO = 10**12


class ByName:
    """Lets in whom a header names: key, team and tags."""

    def identify(self, asked: Asked) -> Caller:
        key, team, tags = dict(asked.request.headers)[b"x-who"].decode().split("/")
        if not key:
            raise ApiError.missing_credential()
        return Caller(key, team, "", tuple(tag for tag in tags.split("+") if tag))

    def check(self, asked: Asked, caller: Caller) -> None:
        """Each may all."""


def build_message(read: int, written: int) -> bytes:
    message = {
        "type": "message",
        "model": "claude-haiku-4-5-20251001",
        "stop_reason": "end_turn",
        "usage": {"input_tokens": read, "output_tokens": written},
    }
    return json.dumps(message).encode()


def build_request(who: str = "key_1/blue/prod", path: str = "/v1/messages") -> HttpRequest:
    headers = [JSON, (b"x-who", who.encode()), (b"anthropic-version", b"2023-06-01")]
    return HttpRequest("POST", path, headers, json.dumps(ASKED).encode())


def build_gateway(bench: Any, budgets: Budgets, send: Any) -> Gateway:
    stages = Stages(door=ByName(), treasury=budgets)
    return Gateway(OneTarget("test", send), ledger=bench.ledger, clock=bench.clock, stages=stages)


def find_worst(bench: Any) -> int:
    """What the gateway holds for such a call, in pico-dollars."""
    budgets = Budgets([BudgetRule("all", "usd", DAYLESS)])

    async def look(request: HttpRequest) -> HttpResponse:
        (balance,) = budgets.list_balances(bench.clock.now())
        return HttpResponse(200, [JSON], json.dumps({"held": balance.reserved}).encode())

    answer = asyncio.run(build_gateway(bench, budgets, look)(build_request()))
    assert isinstance(answer.body, bytes)
    held: int = json.loads(answer.body)["held"]
    assert held >= 1000 * 5 * 10**6
    return held


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(("calls", "room"), [(60, 7), (60, 1), (12, 12)])
def test_of_calls_at_the_same_time_exactly_as_many_are_let_in_as_fit(
    bench: Any, calls: int, room: int
) -> None:
    worst = find_worst(bench)
    budgets = Budgets([BudgetRule("all", "usd", room * worst + worst - 1, "day")])
    are_refused = asyncio.Event()
    statuses: list[int] = []
    asked = 0

    async def send(request: HttpRequest) -> HttpResponse:
        nonlocal asked
        asked += 1
        if calls > room:
            await are_refused.wait()
        return HttpResponse(200, [JSON], build_message(10, 20))

    async def call(gateway: Gateway) -> None:
        answer = await gateway(build_request())
        statuses.append(answer.status)
        if len(statuses) == calls - room:
            are_refused.set()

    async def go() -> list[int]:
        gateway = build_gateway(bench, budgets, send)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            for _ in range(calls):
                group.create_task(call(gateway))
        return sorted(statuses)

    assert asyncio.run(go()) == [200] * room + [429] * (calls - room)
    assert asked == room
    (balance,) = budgets.list_balances(bench.clock.now())
    # Haiku 4.5 costs $1 and $5 a million tokens.
    assert (balance.spent, balance.reserved) == (room * (10 * 1 + 20 * 5) * 10**6, 0)


@pytest.mark.requirement("L1")
@pytest.mark.parametrize("name", ["model", "max_tokens"])
def test_what_a_call_names_twice_is_no_price_for_a_budget(bench: Any, name: str) -> None:
    asked = 0

    async def send(request: HttpRequest) -> HttpResponse:
        nonlocal asked
        asked += 1
        return HttpResponse(200, [JSON], build_message(10, 20))

    gateway = build_gateway(bench, Budgets([BudgetRule("all", "usd", DAYLESS)]), send)
    request = build_request()
    request.body = f'{{"{name}": {json.dumps(ASKED[name])}, '.encode() + request.body[1:]
    assert (asyncio.run(gateway(request)).status, asked) == (403, 0)
    assert (asyncio.run(gateway(build_request())).status, asked) == (200, 1)


def test_one_after_the_other_all_are_let_in_whose_real_use_fits(bench: Any) -> None:
    worst = find_worst(bench)
    used = (10 * 1 + 20 * 5) * 10**6
    budgets = Budgets([BudgetRule("each key", "usd", worst + 49 * used, "month")])

    async def send(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [JSON], build_message(10, 20))

    async def go() -> list[int]:
        gateway = build_gateway(bench, budgets, send)
        return [(await gateway(build_request())).status for _ in range(51)]

    assert asyncio.run(go()) == [200] * 50 + [429]


START = (
    b'event: message_start\ndata: {"type": "message_start", "message": {"model": '
    b'"claude-haiku-4-5-20251001", "usage": {"input_tokens": 10, "output_tokens": 1}}}\n\n'
)
END = (
    b'event: message_delta\ndata: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, '
    b'"usage": {"output_tokens": 20}}\n\nevent: message_stop\ndata: {"type": "message_stop"}\n\n'
)
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
WORST = -1
"""The worst case, which the test works out."""


@pytest.mark.requirement("L10")
@pytest.mark.parametrize(
    ("chunks", "is_broken", "takes", "spent"),
    [
        ([START, END], False, 9, (10 * 1 + 20 * 5) * 10**6),
        ([PING], True, 9, WORST),
        ([PING, PING], False, 1, WORST),
        ([b"event: mess"], True, 9, WORST),
    ],
    ids=["whole", "broken before it began", "left before it began", "broken in its first event"],
)
def test_a_stream_settles_however_it_ends(
    bench: Any, chunks: Sequence[bytes], is_broken: bool, takes: int, spent: int
) -> None:
    worst = find_worst(bench)
    budgets = Budgets([BudgetRule("all", "usd", DAYLESS, "day")])

    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if is_broken:
            raise BrokenResponse("cut")

    async def send(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [STREAM], stream())

    async def go() -> None:
        answer = await build_gateway(bench, budgets, send)(build_request())
        assert not isinstance(answer.body, bytes)
        try:
            for _ in range(takes):
                await anext(answer.body)
        except (StopAsyncIteration, BrokenResponse):
            pass
        finally:
            await close_body(answer.body)

    asyncio.run(go())
    (balance,) = budgets.list_balances(bench.clock.now())
    assert (balance.spent, balance.reserved) == (worst if spent == WORST else spent, 0)


@pytest.mark.parametrize("status", [400, 429, 500, 529])
def test_what_the_upstream_refuses_costs_nothing(bench: Any, status: int) -> None:
    budgets = Budgets([BudgetRule("all", "usd", DAYLESS), BudgetRule("all", "requests", 5)])

    async def send(request: HttpRequest) -> HttpResponse:
        return HttpResponse(status, [JSON], b"{}")

    asyncio.run(build_gateway(bench, budgets, send)(build_request()))
    taken = [(one.spent, one.reserved) for one in budgets.list_balances(bench.clock.now())]
    assert taken == [(0, 0), (1, 0)]


RULES = [
    BudgetRule("all", "usd", DAYLESS, "month"),
    BudgetRule("all", "requests", 30, "total"),
    BudgetRule("all", "requests", DAYLESS, "day"),
    BudgetRule("each key", "usd", DAYLESS, "day"),
    BudgetRule("each team", "requests", DAYLESS, "day"),
    BudgetRule("each key", "input_tokens", DAYLESS, "month"),
    BudgetRule("team", "output_tokens", DAYLESS, "day", "blue"),
    BudgetRule("key", "tokens", DAYLESS, "total", "key_2"),
    BudgetRule("tag", "usd", 60 * 10**9, "day", "prod"),
    BudgetRule("each team", "usd", DAYLESS, "total"),
]


def test_after_a_restart_budgets_stand_as_before(bench: Any) -> None:
    """Some calls ran on other days, some were refused, some answers have no price."""
    chance = Random(4)
    before = Budgets(RULES)
    asked = 0

    async def send(request: HttpRequest) -> HttpResponse:
        nonlocal asked
        asked += 1
        if asked % 4 == 0:
            return HttpResponse(200, [JSON], b'{"type": "message"}')
        if asked % 5 == 0:
            return HttpResponse(500, [JSON], b"{}")
        return HttpResponse(200, [JSON], build_message(chance.randrange(90), chance.randrange(90)))

    async def go() -> list[int]:
        gateway = build_gateway(bench, before, send)
        statuses = []
        for _ in range(60):
            key = chance.choice(["key_1/blue", "key_2/blue", "key_3/red", "key_4/", "/"])
            tags = chance.choice(["", "prod", "prod+eu", "producer", "eu"])
            answer = await gateway(build_request(f"{key}/{tags}"))
            await read_all(answer)
            statuses.append(answer.status)
            bench.clock.advance(chance.choice([0, 60, 3600]))
        return statuses

    assert set(asyncio.run(go())) == {200, 401, 429, 500}
    now = bench.clock.now()
    after = Budgets(RULES)
    after.load(bench.ledger, now)
    # Tokens of an answer that does not say them are held live and not known to the ledger.
    shown = [
        [
            (one.rule.title, one.subject, one.spent, one.reserved)
            for one in sorted(
                budgets.list_balances(now), key=lambda one: (one.rule.title, one.subject)
            )
            if "tokens" not in one.rule.unit and one.spent
        ]
        for budgets in (before, after)
    ]
    assert len(shown[0]) > 8
    assert shown[0] == shown[1]


def test_a_budget_that_is_new_begins_with_what_was_spent_before_it(bench: Any) -> None:
    budgets = Budgets([BudgetRule("all", "requests", 9)])
    budgets.load(bench.ledger, bench.clock.now())

    async def send(request: HttpRequest) -> HttpResponse:
        return HttpResponse(200, [JSON], build_message(10, 20))

    asyncio.run(build_gateway(bench, budgets, send)(build_request()))
    new = [BudgetRule("all", "requests", 9), BudgetRule("team", "tokens", 9, "day", "blue")]
    budgets.replace(new, bench.clock.now())
    taken = {one.rule.unit: one.spent for one in budgets.list_balances(bench.clock.now())}
    assert taken == {"requests": 1, "tokens": 30}


def test_dollars_are_never_rounded_down() -> None:
    budgets = Budgets([BudgetRule("all", "usd", 1)])
    asked = Asked(build_request(), "/v1/messages", {}, b"", {}, 0.0, is_message=True)
    with pytest.raises(ApiError):
        budgets.reserve(ANYONE, asked, Worst(Decimal("1.1") / PICO, 0, 0))
