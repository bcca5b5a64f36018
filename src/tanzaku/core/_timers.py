"""Many sleepers on one timer of the event loop."""

import asyncio
import heapq
from collections.abc import Callable

_TOGETHER_S = 0.001


class SharedTimers:
    """The sleepers of one event loop. Those due within a millisecond wake together, so that a
    thousand streams cost the loop a few hundred wake-ups a second and not a timer a chunk.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` (> 0) from now, up to a millisecond early or later."""
        deadline = self._monotonic() + seconds
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sequence += 1
        heapq.heappush(self._sleepers, (deadline, self._sequence, waker))
        if self._timer is None or deadline < self._timer_at:
            self._set_timer(deadline, seconds)
        await waker

    def _set_timer(self, deadline: float, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, seconds), self._wake)

    def _wake(self) -> None:
        self._timer = None
        sleepers = self._sleepers
        now = self._monotonic()
        due = now + _TOGETHER_S
        while sleepers and (sleepers[0][0] <= due or sleepers[0][2].done()):
            waker = heapq.heappop(sleepers)[2]
            if not waker.done():
                waker.set_result(None)
        if sleepers:
            self._set_timer(sleepers[0][0], sleepers[0][0] - now)
