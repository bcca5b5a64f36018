"""What is done beside the way of calls: in order, bounded, and never in their way."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.gateway.telemetry import LoopLag
from tanzaku.gateway.telemetry._aside import MAX_WAITING, MAX_WAITING_BYTES, PAUSE_S, Aside


class Notes:
    """Work that keeps the ids it was given, batch by batch; the batches in `failing` fail."""

    def __init__(self, failing: Sequence[int] = ()) -> None:
        self.batches: list[list[str]] = []
        self._failing = failing

    def write(self, exchanges: Sequence[Exchange]) -> None:
        self.batches.append([exchange.exchange_id for exchange in exchanges])
        if len(self.batches) - 1 in self._failing:
            raise OSError("no space left")


async def pass_time(clock: VirtualClock, until: Callable[[], bool]) -> None:
    """Let time go by until something is so."""
    async with asyncio.timeout(20):
        while not until():
            clock.advance(PAUSE_S)
            await asyncio.sleep(0)


def test_all_is_done_in_order_the_last_at_the_end(build_settled: Callable[..., Exchange]) -> None:
    notes, clock = Notes(), VirtualClock()

    async def run() -> None:
        aside = Aside(notes.write, clock)
        aside.open()
        for number in range(5):
            aside.observe(build_settled(exchange_id=f"a{number}"))
        await pass_time(clock, lambda: bool(notes.batches))
        aside.observe(build_settled(exchange_id="last"))
        await aside.close()

    asyncio.run(run())
    assert notes.batches == [["a0", "a1", "a2", "a3", "a4"], ["last"]]


def test_a_batch_that_fails_is_logged_and_the_next_is_done(
    build_settled: Callable[..., Exchange], caplog: pytest.LogCaptureFixture
) -> None:
    notes, clock = Notes(failing=[0]), VirtualClock()

    async def run() -> None:
        aside = Aside(notes.write, clock)
        aside.open()
        for number in range(2):
            aside.observe(build_settled(exchange_id=f"a{number}"))
            await pass_time(clock, lambda wanted=number: len(notes.batches) > wanted)  # type: ignore[misc]
        await aside.close()

    with caplog.at_level(logging.ERROR, "tanzaku.telemetry"):
        asyncio.run(run())
    assert notes.batches == [["a0"], ["a1"]]
    assert "no space left" in caplog.text


@pytest.mark.parametrize(
    ("size", "kept"), [(0, MAX_WAITING), (MAX_WAITING_BYTES // 8, 8)], ids=["many", "large"]
)
def test_what_waits_is_bounded_and_what_is_left_out_is_counted(
    build_settled: Callable[..., Exchange], size: int, kept: int
) -> None:
    notes = Notes()

    async def run() -> tuple[int, int]:
        aside = Aside(notes.write, VirtualClock())
        exchange = build_settled(request_body=bytes(size))
        for _ in range(kept + 3):
            aside.observe(exchange)
        dropped = aside.dropped
        await aside.close()
        # There is room again.
        aside.observe(exchange)
        await aside.close()
        return dropped, aside.dropped

    assert asyncio.run(run()) == (3, 3)
    assert [len(batch) for batch in notes.batches] == [kept, 1]


def test_the_lag_of_a_loop_is_how_late_it_wakes() -> None:
    clock = VirtualClock()

    async def run() -> tuple[float, float, float]:
        lag = LoopLag(clock)
        before = lag.worst_s()
        lag.open()
        await asyncio.sleep(0)
        clock.advance(0.25 + 3)  # something blocked for three seconds
        for _ in range(3):
            await asyncio.sleep(0)
        blocked = lag.worst_s()
        for _ in range(60):
            clock.advance(0.25)
            for _ in range(3):
                await asyncio.sleep(0)
        await lag.close()
        return before, blocked, lag.worst_s()

    assert asyncio.run(run()) == pytest.approx((0.0, 3.0, 0.0))
