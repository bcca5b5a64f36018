"""What is done with settled exchanges beside the way of a call, which never waits for it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from tanzaku.core import Clock, end_tasks
from tanzaku.exchange import Exchange

PAUSE_S: Final = 0.2
MAX_WAITING: Final = 10_000
MAX_WAITING_BYTES: Final = 64 << 20

type Work = Callable[[Sequence[Exchange]], None]

_log = logging.getLogger("tanzaku.telemetry")


class Aside:
    """Collects exchanges (`observe` is an observer) and gives them to `work` in a thread, in order.

    While `work` is slower than they come, the newest are left out once MAX_WAITING or
    MAX_WAITING_BYTES of bodies wait; `dropped` counts them. What `work` raises is logged, and the
    next batch tried. Belongs to one event loop.
    """

    def __init__(self, work: Work, clock: Clock) -> None:
        self.dropped = 0
        self._work = work
        self._clock = clock
        self._waiting: list[Exchange] = []
        self._bytes = 0
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def observe(self, exchange: Exchange) -> None:
        """Let it wait for its turn."""
        size = _measure(exchange)
        if len(self._waiting) >= MAX_WAITING or self._bytes + size > MAX_WAITING_BYTES:
            self.dropped += 1
            return
        self._bytes += size
        self._waiting.append(exchange)

    def open(self) -> None:
        """Work from now on."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Do what still waits, then stop."""
        task, self._task = self._task, None
        await end_tasks(task)
        await self._do_waiting()

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(PAUSE_S)
            # A batch once begun is done even where the loop is being stopped.
            await asyncio.shield(self._do_waiting())

    async def _do_waiting(self) -> None:
        async with self._turn:
            batch, self._waiting = self._waiting, []
            if not batch:
                return
            try:
                await asyncio.to_thread(self._work, batch)
            except Exception:  # noqa: BLE001 - one batch that cannot be told must not end the rest
                _log.exception("%d settled exchanges could not be told of", len(batch))
            finally:
                # Until then they are in memory, so until then they count.
                self._bytes -= sum(_measure(exchange) for exchange in batch)


def _measure(exchange: Exchange) -> int:
    settled = exchange.settlement
    return len(exchange.request_body) + (len(settled.response_body) if settled else 0)
