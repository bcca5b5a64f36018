"""The connections to one origin: a limit, the idle ones, and who waits for one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from tanzaku.core import Clock
from tanzaku.transport._connection import Connection
from tanzaku.transport.errors import UpstreamTimeout


class Pool:
    """At most `limit` connections, open or opening. The last one used is reused first; one idle
    for `idle_s` or longer is closed instead."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        clock: Clock,
        *,
        limit: int,
        idle_s: float,
        wait_s: float,
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._limit = limit
        self._idle_s = idle_s
        self._wait_s = wait_s
        self._opening = 0
        self._open: set[Connection] = set()
        self._idle: list[Connection] = []
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None

    async def acquire(self, *, fresh: bool = False) -> Connection:
        """A connection for one request; give it back with `release`. `fresh` opens a new one.

        Raises UpstreamTimeout("pool") after `wait_s`, and what connecting raises.
        """
        if not fresh:
            connection = self._pop_idle()
            if connection is not None:
                return connection
        elif self._idle and self._is_full():
            self._drop(self._idle.pop(0))
        if self._is_full():
            handed = await self._wait_turn()
            if handed is not None:
                return handed
        else:
            self._opening += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._opening -= 1
            self._pass_on_slot()
            raise
        self._opening -= 1
        self._open.add(connection)
        return connection

    def release(self, connection: Connection) -> None:
        """End the connection's request and keep it, hand it on, or close it."""
        connection.finish()
        if not connection.is_reusable:
            self._open.discard(connection)
            self._pass_on_slot()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle_s, self._sweep)

    def close(self) -> None:
        """Close every connection; requests under way fail with BrokenResponse."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in self._open:
            connection.abort()
        self._open.clear()
        self._idle.clear()

    def _is_full(self) -> bool:
        return len(self._open) + self._opening >= self._limit

    def _pop_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            age_s = self._clock.monotonic() - connection.idle_since
            if connection.is_reusable and age_s < self._idle_s:
                return connection
            self._drop(connection)
        return None

    def _drop(self, connection: Connection) -> None:
        connection.abort()
        self._open.discard(connection)

    async def _wait_turn(self) -> Connection | None:
        """A connection handed on, or None for the right to open one."""
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(self._wait_s):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                handed = waiter.result()
                if handed is None:
                    self._opening -= 1
                    self._pass_on_slot()
                else:
                    self.release(handed)
            if isinstance(error, TimeoutError):
                raise UpstreamTimeout("pool", self._wait_s) from None
            raise

    def _pass_on_slot(self) -> None:
        while self._waiters and not self._is_full():
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._opening += 1
                waiter.set_result(None)

    def _sweep(self) -> None:
        self._sweeper = None
        now = self._clock.monotonic()
        kept = []
        for connection in self._idle:
            if connection.is_reusable and now - connection.idle_since < self._idle_s:
                kept.append(connection)
            else:
                self._drop(connection)
        self._idle = kept
        if kept:
            self._sweeper = asyncio.get_running_loop().call_later(self._idle_s, self._sweep)
