"""A request's body that is passed on while it comes in."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import override

_HIGH_BYTES = 256 * 1024
_LOW_BYTES = 128 * 1024


class BrokenUploadError(Exception):
    """The body will not come to its end: it grew too large, or the client stopped sending.

    `status` is what the client is told, if it still listens.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Upload(AsyncIterator[bytes]):
    """The body, chunk by chunk, once. `size` is its length in bytes if the client said it.

    The client is made to wait while more than 256 KiB are not taken. Raises BrokenUploadError
    when the rest will not come.
    """

    def __init__(self, size: int | None, hold: Callable[[bool], None]) -> None:
        self.size = size
        self.is_begun = False
        self.is_complete = False
        self._hold = hold
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_held = False
        self._is_dropped = False
        self._failure: BrokenUploadError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @override
    async def __anext__(self) -> bytes:
        self.is_begun = True
        while not self._chunks:
            if self._failure is not None:
                raise self._failure
            if self.is_complete:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        chunk = self._chunks.popleft()
        self._waiting_bytes -= len(chunk)
        if self._is_held and self._waiting_bytes < _LOW_BYTES:
            self._is_held = False
            self._hold(False)
        return chunk

    def feed(self, chunk: bytes) -> None:
        """The reader: more has come."""
        if self._is_dropped or self._failure is not None:
            return
        self._chunks.append(chunk)
        self._waiting_bytes += len(chunk)
        if self._waiting_bytes > _HIGH_BYTES and not self._is_held:
            self._is_held = True
            self._hold(True)
        self._wake()

    def end(self) -> None:
        """The reader: that was all."""
        self.is_complete = True
        self._wake()

    def fail(self, failure: BrokenUploadError) -> None:
        """The reader: no more will come."""
        if not self.is_complete and self._failure is None:
            self._failure = failure
            self._wake()

    def drop(self) -> None:
        """The handler is done: what still comes is of no interest."""
        self._is_dropped = True
        self._chunks.clear()
        self._waiting_bytes = 0
        if self._is_held:
            self._is_held = False
            self._hold(False)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
