"""Waiting for a turn with asyncio, in virtual time."""

import asyncio
import json
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.core import InputFileError, VirtualClock
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.gateway._stages import Worst
from tanzaku.gateway.shaping import LimitSettings, Shaper, Turn, read_limits
from tanzaku.simulator import Simulator, SimulatorSettings
from tanzaku.simulator.quota import Figures, QuotaSettings
from tanzaku.transport import HttpRequest, read_all
from tanzaku.wire import ApiError

CALL = Worst(Decimal(1), 100, 50)


def build_limits(requests: int, remaining: int, reset: str) -> list[tuple[bytes, bytes]]:
    name = b"anthropic-ratelimit-requests-"
    return [
        (name + b"limit", b"%d" % requests),
        (name + b"remaining", b"%d" % remaining),
        (name + b"reset", reset.encode()),
    ]


class Stage:
    """A shaper, its clock, and calls under way."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.shaper = Shaper(self.clock)

    async def turn(self, key: str = "a", queue_s: float = 20.0) -> Turn:
        return await self.shaper.turn("up/haiku", key, CALL, self.clock.now() + queue_s)

    async def exhaust(self, per_minute: int = 60) -> Turn:
        """A call whose answer says that nothing is left."""
        turn = await self.turn()
        assert not await turn.wait_again(200, build_limits(per_minute, 0, "2026-01-01T00:01:00Z"))
        return turn

    async def pass_time(self, seconds: float) -> None:
        """Let it pass in small steps, each followed by all that comes of it."""
        for _ in range(round(seconds * 10)):
            await calm_down()
            self.clock.advance(0.1)
        await calm_down()


async def calm_down() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    """To its end, with no task left over."""

    async def go() -> None:
        await scenario
        await calm_down()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(go())


def test_nothing_waits_while_nothing_is_known() -> None:
    async def go() -> None:
        stage = Stage()
        for _ in range(500):
            await stage.turn()
        assert stage.clock.monotonic() == 0

    run(go())


def test_a_call_waits_until_there_is_a_request_for_it() -> None:
    async def go() -> None:
        stage = Stage()
        await stage.exhaust()
        waiting = [asyncio.create_task(stage.turn()) for _ in range(3)]
        await stage.pass_time(0.9)
        assert [task.done() for task in waiting] == [False, False, False]
        await stage.pass_time(0.2)
        assert [task.done() for task in waiting] == [True, False, False]
        await stage.pass_time(2)
        assert all(task.done() for task in waiting)

    run(go())


def test_at_its_deadline_a_call_is_refused_in_the_api_s_words() -> None:
    async def go() -> None:
        stage = Stage()
        await stage.exhaust(per_minute=3)
        waiting = [asyncio.create_task(stage.turn(queue_s=5)) for _ in range(2)]
        await stage.pass_time(4.9)
        assert not any(task.done() for task in waiting)
        await stage.pass_time(0.2)
        for task in waiting:
            error = task.exception()
            assert isinstance(error, ApiError)
            assert (error.status, error.error_type) == (429, "rate_limit_error")
            assert error.message == (
                "This request would exceed the rate limit of 3 requests per minute (up/haiku), and "
                "has waited for its turn as long as it may."
            )
            # One request comes in twenty seconds, of which five have passed.
            assert error.headers == ((b"retry-after", b"15"),)

    run(go())


def test_who_leaves_the_queue_takes_nothing_from_those_behind() -> None:
    async def go() -> None:
        stage = Stage()
        await stage.exhaust()
        first = asyncio.create_task(stage.turn())
        second = asyncio.create_task(stage.turn())
        await stage.pass_time(0.5)
        first.cancel()
        await stage.pass_time(0.6)
        assert first.cancelled()
        assert second.done()

    run(go())


@pytest.mark.parametrize("leaves_first", [True, False])
def test_who_leaves_in_the_moment_of_its_turn_gives_it_to_the_next(leaves_first: bool) -> None:
    async def go() -> None:
        stage = Stage()
        (held,) = await stage.shaper.enter([("cap", 1)], "a", stage.clock.now() + 20)
        caps = [("cap", 1)]
        first, second = (
            asyncio.create_task(stage.shaper.enter(caps, "a", stage.clock.now() + 20))
            for _ in range(2)
        )
        await calm_down()
        if leaves_first:
            first.cancel()
        held.finish(None)
        first.cancel()
        await calm_down()
        assert first.cancelled()
        assert second.done()

    run(go())


def test_a_429_that_can_be_waited_for_is_asked_again_in_its_turn() -> None:
    async def go() -> None:
        stage = Stage()
        turn = await stage.turn()
        limits = build_limits(60, 0, "2026-01-01T00:01:02Z")
        again = asyncio.create_task(turn.wait_again(429, [(b"retry-after", b"3"), *limits]))
        await stage.pass_time(2.9)
        assert not again.done()
        await stage.pass_time(0.2)
        assert again.result()

    run(go())


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, []),
        (529, [(b"retry-after", b"1")]),
        (429, []),
        (429, [(b"retry-after", b"21")]),
        (429, [(b"retry-after", b"soon")]),
    ],
    ids=["good", "overloaded", "a spend cap", "longer than it may", "nonsense"],
)
def test_other_answers_stand_at_once(status: int, headers: list[tuple[bytes, bytes]]) -> None:
    async def go() -> None:
        stage = Stage()
        turn = await stage.turn()
        assert not await turn.wait_again(status, headers)
        turn.finish(None)
        turn.finish(None)

    run(go())


def test_an_upstream_that_names_no_limits_is_left_alone_as_long_as_it_asks() -> None:
    async def go() -> None:
        stage = Stage()
        turn = await stage.turn()
        again = asyncio.create_task(turn.wait_again(429, [(b"retry-after", b"5")]))
        await calm_down()
        other = asyncio.create_task(stage.turn("b"))
        await stage.pass_time(4.9)
        assert not again.done()
        assert not other.done()
        await stage.pass_time(0.2)
        assert again.done()
        assert other.done()

    run(go())


def test_calls_at_one_time_wait_for_one_to_end() -> None:
    async def go() -> None:
        stage = Stage()
        caps = [("each key, concurrent: a", 2), ("all, concurrent: ", 3)]
        deadline = stage.clock.now() + 20
        held = [await stage.shaper.enter(caps, "a", deadline) for _ in range(2)]
        third = asyncio.create_task(stage.shaper.enter(caps, "a", deadline))
        (other,) = await stage.shaper.enter(caps[1:], "b", deadline)
        await stage.pass_time(5)
        assert not third.done()
        for turn in held.pop():
            turn.finish(None)
        await calm_down()
        assert third.done()
        for turn in (*held.pop(), *third.result(), other):
            turn.finish(None)

    run(go())


def test_a_call_that_waits_in_vain_for_one_limit_lets_go_of_the_others() -> None:
    async def go() -> None:
        stage = Stage()
        narrow, wide = ("each key, concurrent: a", 1), ("all, concurrent: ", 1)
        (held,) = await stage.shaper.enter([wide], "b", stage.clock.now() + 99)
        waiting = asyncio.create_task(
            stage.shaper.enter([narrow, wide], "a", stage.clock.now() + 5)
        )
        await stage.pass_time(5.2)
        error = waiting.exception()
        assert isinstance(error, ApiError)
        assert error.headers == ((b"retry-after", b"1"),)
        assert "all, concurrent" in error.message
        (again,) = await stage.shaper.enter([narrow], "a", stage.clock.now() + 5)
        again.finish(None)
        held.finish(None)

    run(go())


def ask(number: int) -> HttpRequest:
    body = {
        "model": "claude-haiku-4-5",
        "max_tokens": 50,
        "messages": [{"role": "user", "content": f"Say something about {number}."}],
    }
    headers = [
        (b"content-type", b"application/json"),
        (b"x-api-key", b"k"),
        (b"anthropic-version", b"2023-06-01"),
    ]
    return HttpRequest("POST", "/v1/messages", headers, json.dumps(body).encode())


def build_simulator(clock: VirtualClock) -> Simulator:
    limits = QuotaSettings(models={"haiku-4-5": Figures(requests=60)})
    return Simulator(seed=1, clock=clock, settings=SimulatorSettings(limits=limits))


def test_seventy_calls_at_once_all_pass_a_simulator_that_lets_in_sixty_a_minute() -> None:
    async def go() -> None:
        stage = Stage()
        simulator, unshaped = build_simulator(stage.clock), build_simulator(stage.clock)
        bare = [(await unshaped(ask(number))).status for number in range(70)]
        assert bare.count(429) == 10

        async def call(number: int) -> int:
            turn = await stage.turn(f"key_{number % 3}")
            answer = await simulator(ask(number))
            while await turn.wait_again(answer.status, answer.headers):
                answer = await simulator(ask(number))
            turn.finish(json.loads(await read_all(answer)).get("usage"))
            return answer.status

        calls = [asyncio.create_task(call(number)) for number in range(70)]
        await stage.pass_time(8.9)
        assert not all(task.done() for task in calls)
        # It counts in a thread at times, which takes real time and none of the virtual.
        async with asyncio.timeout(60):
            while not all(task.done() for task in calls):
                await stage.pass_time(0.1)
                await asyncio.wait(calls, timeout=0.01)
        assert [task.result() for task in calls] == [200] * 70
        await simulator.close()
        await unshaped.close()

    run(go())


def test_the_section_limits() -> None:
    assert read_limits(parse_yaml("{}", "f")) == LimitSettings(queue_s=20)
    assert read_limits(parse_yaml("queue_s: 0", "f")) == LimitSettings(queue_s=0)
    assert read_limits(parse_yaml("queue_s: 2.5", "f")) == LimitSettings(queue_s=2.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("queue_s: 601", "f:1:10: `queue_s` must be a number from 0 to 600"),
        ("queue_s: -1", "f:1:10: `queue_s` must be a number from 0 to 600"),
        ("queue: 1", "f:1:1: unknown key `queue`"),
        ("[]", "f:1:1: `$` must be keys with values"),
    ],
)
def test_a_mistake_in_it_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read_limits(parse_yaml(text, "f"))
    assert caught.value.message.startswith(message)
