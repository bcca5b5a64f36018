"""How long a tool takes: latencies, and tools that do not answer, on a virtual clock."""

import asyncio
import math
import statistics
from collections.abc import Awaitable, Callable

import pytest

from harness.mocked import build_mocks, write_tool
from tanzaku.core import VirtualClock
from tanzaku.simulator.mocks import MockAnswer, MockFailure, MockResult, MockTimeout, ToolMocks

SLOW = write_tool("{success: {latency_s: 30, result: late}, hung: {hang: true}}")


async def advance(mocks: ToolMocks, seconds: float) -> None:
    assert isinstance(mocks.clock, VirtualClock)
    await asyncio.sleep(0)
    mocks.clock.advance(seconds)
    for _ in range(3):
        await asyncio.sleep(0)


def watch(mocks: ToolMocks, scenario: Callable[[asyncio.Task[MockAnswer]], Awaitable[None]]) -> str:
    """Begin a call, let `scenario` move the clock, and say what the log then says."""

    async def run() -> None:
        task = asyncio.create_task(mocks.call("t", {}))
        await scenario(task)
        if not task.done():
            task.cancel()

    asyncio.run(run())
    return mocks.calls[-1].state


def test_an_answer_comes_when_its_latency_has_passed_and_not_before() -> None:
    mocks = build_mocks(SLOW)

    async def scenario(task: asyncio.Task[MockAnswer]) -> None:
        await advance(mocks, 29.999)
        assert not task.done()
        assert mocks.calls[0].state == "waiting"
        await advance(mocks, 0.001)
        assert task.result() == MockResult("late")

    assert watch(mocks, scenario) == "answered"
    assert mocks.calls[0].latency_s == 30


def test_a_hung_call_times_out_at_the_cap_and_not_before() -> None:
    mocks = build_mocks(SLOW)
    mocks.use("t", "hung")

    async def scenario(task: asyncio.Task[MockAnswer]) -> None:
        await advance(mocks, 599.9)
        assert not task.done()
        await advance(mocks, 0.1)
        assert task.result() == MockTimeout("t", 600)

    assert watch(mocks, scenario) == "timed_out"
    assert mocks.calls[0].latency_s is None
    assert mocks.calls[0].to_json()["error"] == {
        "message": "t did not answer within 600 s",
        "status": None,
    }


def test_an_answer_later_than_the_cap_is_none() -> None:
    mocks = build_mocks(SLOW, hang_cap_s=10)

    async def scenario(task: asyncio.Task[MockAnswer]) -> None:
        await advance(mocks, 10)
        assert task.result() == MockTimeout("t", 10)

    assert watch(mocks, scenario) == "timed_out"


@pytest.mark.parametrize("set_name", ["success", "hung"])
def test_a_call_whose_caller_goes_away_is_abandoned(set_name: str) -> None:
    mocks = build_mocks(SLOW)
    mocks.use("t", set_name)

    async def scenario(task: asyncio.Task[MockAnswer]) -> None:
        await advance(mocks, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert watch(mocks, scenario) == "abandoned"
    assert mocks.calls[0].answer is None


def test_the_set_timeout_hangs_unless_the_file_words_it_otherwise() -> None:
    mocks = build_mocks(SLOW)
    mocks.use("t", "timeout")

    async def scenario(task: asyncio.Task[MockAnswer]) -> None:
        await advance(mocks, 500)
        assert not task.done()

    assert watch(mocks, scenario) == "abandoned"
    worded = build_mocks(
        write_tool("{success: {result: a}, timeout: {error: {message: gone, status: 504}}}")
    )
    worded.use("t", "timeout")
    assert isinstance(asyncio.run(worded.call("t", {})), MockFailure)


@pytest.mark.parametrize(
    ("set_name", "cap_s", "answer"),
    [
        ("success", 30, MockResult("late")),
        ("success", 29, MockTimeout("t", 29)),
        ("hung", 600, MockTimeout("t", 600)),
    ],
)
def test_at_an_instant_pace_a_call_ends_at_once_as_it_would_have_ended(
    set_name: str, cap_s: float, answer: MockAnswer
) -> None:
    mocks = build_mocks(SLOW, pace="instant", hang_cap_s=cap_s)
    mocks.use("t", set_name)
    assert asyncio.run(mocks.call("t", {})) == answer
    assert mocks.clock.monotonic() == 0


def draw(count: int, seed: int = 0, median: float = 0.25, spread: float = 0.5) -> list[float]:
    latency = f"{{median: {median}, spread: {spread}}}"
    mocks = build_mocks(write_tool(f"{{success: {{latency_s: {latency}, result: a}}}}"), seed=seed)
    drawn = []
    for _ in range(count):
        latency_s = mocks.begin("t", {}).call.latency_s
        assert latency_s is not None
        drawn.append(latency_s)
    return drawn


def test_drawn_latencies_are_log_normal_around_their_median() -> None:
    logs = [math.log(latency_s) for latency_s in draw(4000)]
    assert statistics.median(logs) == pytest.approx(math.log(0.25), abs=0.04)
    assert statistics.stdev(logs) == pytest.approx(0.5, rel=0.05)
    mean = statistics.fmean(logs)
    assert abs(statistics.fmean(((log - mean) / 0.5) ** 3 for log in logs)) < 0.2


def test_latencies_follow_from_the_seed() -> None:
    assert draw(20, seed=1) == draw(20, seed=1)
    assert draw(20, seed=1) != draw(20, seed=2)
    assert len(set(draw(20, seed=1))) == 20


def test_latencies_do_not_depend_on_who_else_calls() -> None:
    """The third call of a run takes as long whether other runs called meanwhile or not."""
    text = write_tool("{success: {latency_s: {median: 1, spread: 1}, result: a}}")
    alone, crowded = build_mocks(text), build_mocks(text)
    for _ in range(3):
        alone.begin("t", {}, run="a")
    for run in "abacab":
        crowded.begin("t", {}, run=run)
    of_a = [logged.latency_s for logged in crowded.calls if logged.run == "a"]
    assert of_a == [logged.latency_s for logged in alone.calls]


def test_a_case_takes_as_long_as_its_set_unless_it_says_otherwise() -> None:
    mocks = build_mocks(
        write_tool(
            "{success: {latency_s: 3, result: a, cases: [{when: {args.x: 1}, result: b},"
            " {when: {args.x: 2}, latency_s: 7, result: c}]}}"
        )
    )
    waits = [mocks.begin("t", {"x": x}).wait_s for x in (0, 1, 2)]
    assert waits == [3, 3, 7]
