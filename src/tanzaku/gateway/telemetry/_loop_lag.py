"""How late the event loop is: what blocks it delays every call."""

import asyncio
from collections import deque
from typing import Final

from tanzaku.core import Clock, end_tasks

_PAUSE_S: Final = 0.25
_KEPT: Final = 60


class LoopLag:
    """Measures by sleeping; `worst_s` is the longest oversleep of the last 15 s, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._late: deque[float] = deque(maxlen=_KEPT)
        self._task: asyncio.Task[None] | None = None

    def worst_s(self) -> float:
        """0 before the first measurement."""
        return max(self._late, default=0.0)

    def open(self) -> None:
        """Measure from now on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        task, self._task = self._task, None
        await end_tasks(task)

    async def _run(self) -> None:
        while True:
            began = self._clock.monotonic()
            await self._clock.sleep(_PAUSE_S)
            self._late.append(max(0.0, self._clock.monotonic() - began - _PAUSE_S))
