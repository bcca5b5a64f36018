"""Calls that wait for their turn in a gateway."""

import asyncio
import json
from typing import Any

from tanzaku.core import VirtualClock, format_rfc3339
from tanzaku.gateway import Gateway, OneTarget, Stages
from tanzaku.gateway.budgets import BudgetRule, Budgets
from tanzaku.gateway.shaping import Shaper
from tanzaku.transport import HttpRequest, HttpResponse

JSON = (b"content-type", b"application/json")
ASKED = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
MESSAGE = {
    "type": "message",
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 4},
}


class Twelve:
    """An upstream that lets in twelve requests a minute, one every five seconds once they are used
    up; `asked` are the seconds in which it was."""

    def __init__(self, clock: Any, left: int) -> None:
        self.clock = clock
        self.asked: list[float] = []
        self.refused = 0
        self._full_at = clock.now() + 5.0 * (12 - left)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        now = self.clock.now()
        self.asked.append(self.clock.monotonic())
        missing = max(0.0, self._full_at - now) / 5
        if 12 - missing < 1 - 1e-6:
            self.refused += 1
            return self._answer(429, {"type": "error", "error": {"type": "rate_limit_error"}}, 0)
        self._full_at = max(self._full_at, now) + 5
        return self._answer(200, MESSAGE, int(12 - missing - 1 + 1e-6))

    def _answer(self, status: int, body: Any, left: int) -> HttpResponse:
        headers = [
            JSON,
            (b"anthropic-ratelimit-requests-limit", b"12"),
            (b"anthropic-ratelimit-requests-remaining", b"%d" % left),
            (b"anthropic-ratelimit-requests-reset", format_rfc3339(self._full_at + 0.999).encode()),
        ]
        if status == 429:
            headers.append((b"retry-after", b"5"))
        return HttpResponse(status, headers, json.dumps(body).encode())


def send(bench: Any, upstream: Twelve, calls: int, queue_s: float) -> list[HttpResponse]:
    """Calls at once, on a clock that skips what is waited for."""

    return ask(bench, upstream, calls, Stages(shaper=Shaper(bench.clock), queue_s=queue_s))


def ask(bench: Any, upstream: Any, calls: int, stages: Stages) -> list[HttpResponse]:
    async def go() -> list[HttpResponse]:
        route = OneTarget("up", upstream)
        gateway = Gateway(route, ledger=bench.ledger, clock=bench.clock, stages=stages)
        headers = [JSON, (b"anthropic-version", b"2023-06-01")]
        request = HttpRequest("POST", "/v1/messages", headers, json.dumps(ASKED).encode())
        return list(await asyncio.gather(*[gateway(request) for _ in range(calls)]))

    return asyncio.run(go())


def test_a_call_that_is_refused_waits_for_one_more_turn_and_no_second(bench: Any) -> None:
    upstream = Twelve(bench.clock, left=0)
    (answer,) = send(bench, upstream, 1, queue_s=20)
    assert answer.status == 200
    assert [round(second) for second in upstream.asked] == [0, 5]
    assert [one.status for one in bench.exchange.settlement.attempts] == [429, 200]


def test_calls_above_the_limit_go_one_by_one_as_it_refills(bench: Any) -> None:
    upstream = Twelve(bench.clock, left=2)
    answers = send(bench, upstream, 5, queue_s=20)
    assert [answer.status for answer in answers] == [200] * 5
    let_in = len(upstream.asked) - upstream.refused
    assert let_in == 5
    # The last of three for which there was no room.
    assert 15 <= upstream.asked[-1] < 17


def test_a_call_that_has_waited_in_vain_is_refused_with_the_time_to_wait(bench: Any) -> None:
    upstream = Twelve(bench.clock, left=1)
    answers = send(bench, upstream, 4, queue_s=12)
    statuses = [answer.status for answer in answers]
    assert statuses == [200, 200, 200, 429]
    refused = answers[-1]
    assert isinstance(refused.body, bytes)
    assert json.loads(refused.body)["error"]["type"] == "rate_limit_error"
    wait_s = int(dict(refused.headers)[b"retry-after"])
    assert 1 <= wait_s <= 5


class Pairs:
    """An upstream that answers once two calls are under way; `most` is how many ever were."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self._pair = asyncio.Barrier(2)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        async with asyncio.timeout(5):  # against a test that hangs; not waited for otherwise
            await self._pair.wait()
        self.under_way -= 1
        return HttpResponse(200, [JSON], json.dumps(MESSAGE).encode())


def test_calls_above_a_limit_of_ones_own_wait_in_the_queue(bench: Any) -> None:
    upstream, clock = Pairs(), VirtualClock()
    stages = Stages(
        treasury=Budgets([BudgetRule("all", "concurrent", 2)]), shaper=Shaper(clock), queue_s=20
    )
    answers = ask(bench, upstream, 4, stages)
    assert [answer.status for answer in answers] == [200] * 4
    assert upstream.most == 2
