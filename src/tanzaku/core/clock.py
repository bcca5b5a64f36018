"""Time as an argument: the system's clock, or a virtual one that only moves when told.

asyncio is imported where it is used: it costs 60 ms, which `tanzaku --version` need not pay.
"""

import heapq
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import asyncio

    from tanzaku.core._timers import SharedTimers


class Clock(Protocol):
    """What every state machine of Tanzaku takes instead of reading the time itself."""

    def now(self) -> float:
        """Seconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock's time; at once when `seconds` <= 0."""
        ...


class SystemClock:
    """The machine's own time. Sleepers of one event loop share a timer; each wakes to within a
    millisecond of its time."""

    def __init__(self) -> None:
        self._timers: WeakKeyDictionary[asyncio.AbstractEventLoop, SharedTimers] = (
            WeakKeyDictionary()
        )

    def now(self) -> float:
        return time.time()  # noqa: TID251 - the one place that reads it

    def monotonic(self) -> float:
        return time.perf_counter()

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        timers = self._timers.get(loop)
        if timers is None:
            from tanzaku.core._timers import SharedTimers

            timers = self._timers[loop] = SharedTimers(self.monotonic)
        await timers.sleep(seconds)


class VirtualClock:
    """A clock that stands still until `advance` is called.

    `start` is Unix seconds (default 2026-01-01T00:00:00Z). Sleepers wake in the order of their
    deadlines while `advance` passes them.
    """

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._sequence = 0

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sequence += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._sequence, waker))
        await waker

    def advance(self, seconds: float) -> None:
        """Move `seconds` forward (>= 0), waking every sleeper whose deadline is passed."""
        if seconds < 0:
            raise ValueError("time does not go back")
        end = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            deadline, _, waker = heapq.heappop(self._sleepers)
            self._elapsed = deadline
            if not waker.done():
                waker.set_result(None)
        self._elapsed = end


def format_rfc3339(unix_seconds: float) -> str:
    """Unix seconds as the API writes a time, to the second: `2026-11-23T10:00:00Z`."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
