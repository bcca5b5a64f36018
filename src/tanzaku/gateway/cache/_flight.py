"""One call of an upstream whose answer several clients get, as it comes in.

A task of its own reads the upstream, so that no client that leaves takes the answer from the
others. When the last one has left it is cancelled, and the upstream with it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, override

from tanzaku.gateway._answer import is_event_stream, is_json, read_stream, read_whole
from tanzaku.gateway.cache._store import Answer
from tanzaku.transport import HeaderList, HttpResponse, close_body, get_header
from tanzaku.wire import REQUEST_ID, UsageReader

# What else an answer carries is of its own moment: limits, cookies, the network's traces.
_KEPT_HEADERS: Final = frozenset({b"content-type", REQUEST_ID})

type Ask = Callable[[], Awaitable[HttpResponse]]


class Flight:
    """The answer of `ask` on its way, for any number of riders; the first, who pays, leads."""

    def __init__(self, ask: Ask, on_end: Callable[["Flight"], None]) -> None:
        self.riders = 0
        self.head: tuple[int, HeaderList] | None = None
        """Status and headers, once they have come."""
        self.is_stream = False
        self.is_coded = False
        self._is_whole = True
        self._is_let_go = False
        self._chunks: list[bytes] = []
        self._reader = UsageReader()
        self._waiters: list[asyncio.Future[None]] = []
        self._on_end = on_end
        self._task = asyncio.create_task(self._run(ask))
        self._task.add_done_callback(self._end)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self._task.done()

    @property
    def can_carry(self) -> bool:
        """Whether one more may ride: it still comes in, or came in whole."""
        if self._is_let_go:
            return False
        return not self.is_over or (self.head is not None and self.failure is None)

    @property
    def failure(self) -> BaseException | None:
        """Why it ended early, None where it did not."""
        if not self._task.done():
            return None
        return asyncio.CancelledError() if self._task.cancelled() else self._task.exception()

    async def wait(self) -> None:
        """Return when something has come, or nothing more will."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def wait_for_head(self) -> None:
        """Return when the head is there; raises what `ask` raised."""
        while self.head is None and not self.is_over:
            await self.wait()
        if self.head is None and self.failure is not None:
            raise self.failure

    async def wait_for_end(self) -> None:
        """Return when it is over, however it ended."""
        while not self.is_over:
            await self.wait()

    def take_from(self, place: int) -> tuple[bytes, int]:
        """All that came from chunk number `place` on, and the number of the next one."""
        return b"".join(self._chunks[place:]), len(self._chunks)

    def leave(self) -> None:
        """One rider less; without any the upstream is let go."""
        self.riders -= 1
        if self.riders == 0:
            self._is_let_go = True
            self._task.cancel()

    def board(self, *, leads: bool) -> "bytes | Ride":
        """The body of the answer whose head has come."""
        return self._chunks[0] if self._is_whole else Ride(self, leads=leads)

    def take_answer(self) -> Answer | None:
        """The answer to keep: a complete message, not compressed; None for anything else."""
        if self.head is None or self.head[0] != 200 or self.is_coded:
            return None
        headers = [line for line in self.head[1] if line[0] in _KEPT_HEADERS]
        body, _ = self.take_from(0)
        if self.is_stream:
            # Whoever hung up at the last event does not make it less complete.
            is_ended = self._reader.is_complete
            outcome = read_stream(self._reader, None)
        else:
            is_ended = self.failure is None
            outcome = read_whole(200, body, is_message=is_json(headers))
        is_good = is_ended and outcome.error is None and outcome.stop_reason is not None
        return Answer(headers, body, self.is_stream) if is_good and outcome.usage else None

    async def _run(self, ask: Ask) -> None:
        answer = await ask()
        body = answer.body
        self.is_stream = is_event_stream(answer.headers)
        self.is_coded = get_header(answer.headers, b"content-encoding") not in (None, b"identity")
        self._is_whole = isinstance(body, bytes)
        if isinstance(body, bytes):
            self._take(body)
            self.head = (answer.status, answer.headers)
            return
        self.head = (answer.status, answer.headers)
        self._wake()
        try:
            async for chunk in body:
                self._take(chunk)
                self._wake()
        finally:
            await close_body(body)

    def _take(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        if self.is_stream:
            self._reader.feed(chunk)

    def _end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # or asyncio would say that nobody looked
        self._on_end(self)
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class Ride(AsyncIterator[bytes]):
    """One client's view of a streamed flight, from its first byte on."""

    def __init__(self, flight: Flight, *, leads: bool) -> None:
        self._flight = flight
        self._leads = leads
        self._place = 0
        self._has_left = False

    @override
    async def __anext__(self) -> bytes:
        flight = self._flight
        while True:
            chunk, self._place = flight.take_from(self._place)
            if chunk:
                return chunk
            if flight.is_over:
                self._leave()
                if flight.failure is not None:
                    raise flight.failure.with_traceback(None)
                raise StopAsyncIteration
            try:
                await flight.wait()
            except asyncio.CancelledError:
                self._leave()
                raise

    async def aclose(self) -> None:
        """Leave. Who leads returns when the flight has ended, and knows then what it cost."""
        self._leave()
        if self._leads or self._flight.riders == 0:
            await self._flight.wait_for_end()

    def _leave(self) -> None:
        if not self._has_left:
            self._has_left = True
            self._flight.leave()
