"""The virtual clock moves only when told, and wakes sleepers in the order of their deadlines."""

import asyncio

import pytest

from tanzaku.core import SystemClock, VirtualClock, format_rfc3339


async def sleep_and_note(
    clock: VirtualClock, seconds: float, woken: list[tuple[float, float]]
) -> None:
    await clock.sleep(seconds)
    woken.append((seconds, clock.monotonic()))


def test_sleepers_wake_at_their_deadline_in_its_order() -> None:
    async def run() -> list[tuple[float, float]]:
        clock, woken = VirtualClock(), list[tuple[float, float]]()
        tasks = [asyncio.create_task(sleep_and_note(clock, s, woken)) for s in (3.0, 1.0, 2.0)]
        await asyncio.sleep(0)
        for _ in range(3):
            clock.advance(1.0)
            await asyncio.gather(*(t for t in tasks if t.done()))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return woken

    assert asyncio.run(run()) == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_a_deadline_not_reached_keeps_its_sleeper_asleep() -> None:
    async def run() -> bool:
        clock = VirtualClock()
        task = asyncio.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        clock.advance(9.999)
        await asyncio.sleep(0)
        asleep = not task.done()
        clock.advance(0.001)
        await task
        return asleep

    assert asyncio.run(run())


def test_a_cancelled_sleeper_does_not_stop_the_clock() -> None:
    async def run() -> float:
        clock = VirtualClock()
        task = asyncio.create_task(clock.sleep(1))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        clock.advance(5)
        return clock.monotonic()

    assert asyncio.run(run()) == 5


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_to_sleep_returns_without_an_advance(seconds: float) -> None:
    async def run() -> float:
        clock = VirtualClock()
        await clock.sleep(seconds)
        return clock.monotonic()

    assert asyncio.run(run()) == 0


def test_now_and_monotonic_advance_together() -> None:
    clock = VirtualClock(start=1000.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (1002.5, 2.5)


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        VirtualClock().advance(-1)


def test_the_system_clock_does_not_go_back() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_times_are_written_in_utc_to_the_second() -> None:
    assert format_rfc3339(1_795_435_200.9) == "2026-11-23T12:00:00Z"
    assert format_rfc3339(VirtualClock().now()) == "2026-01-01T00:00:00Z"


def test_sleepers_of_the_system_clock_wake_in_order_and_not_early() -> None:
    async def run() -> list[tuple[float, float]]:
        clock = SystemClock()
        began = clock.monotonic()
        woken: list[tuple[float, float]] = []

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((seconds, clock.monotonic() - began))

        gone = asyncio.create_task(sleep(0.001))
        tasks = [asyncio.create_task(sleep(s)) for s in (0.6, 0.2, 0.4, 0.2)]
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(*tasks)
        return woken

    woken = asyncio.run(run())
    assert [seconds for seconds, _ in woken] == [0.2, 0.2, 0.4, 0.6]
    assert all(took >= seconds - 0.002 for seconds, took in woken)


def test_one_system_clock_serves_several_loops() -> None:
    clock = SystemClock()
    for _ in range(2):
        asyncio.run(clock.sleep(0.001))
