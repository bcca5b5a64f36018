"""A streamed answer on its way through: bytes unchanged, figures read beside, settled once."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from typing import Self

from tanzaku.exchange import ExchangeError
from tanzaku.gateway._answer import read_stream
from tanzaku.gateway._headers import AnswerHead
from tanzaku.gateway._settle import CLIENT_GONE, CLIENT_SLOW, OpenExchange
from tanzaku.transport import (
    STOPPING,
    UNREAD,
    TransportError,
    close_body,
)
from tanzaku.wire import ApiError, UsageReader, encode_event

BROKEN = ExchangeError(
    "api_error", "The connection to the upstream broke before the answer was complete."
)
STOPPED = ExchangeError("api_error", "The gateway stopped before the answer was complete.")
_KEPT_OF_A_DOWNLOAD = 1024 * 1024
_FRAME_END = re.compile(rb"(?>\r\n|\n|\r)(?:\r\n|\n|\r)")


class FrameGate:
    """Lets whole server-sent frames pass and holds the bytes of one that has not ended.

    So that a stream which breaks inside a frame can still end with a well-formed event. The bytes
    and their order stay what they were.
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may pass once `chunk` has come; empty when no frame ended."""
        held = self._held + chunk
        if b"\r" in held:
            ends = [match.end() for match in _FRAME_END.finditer(held)]
            end = ends[-1] if ends else 0
        else:
            end = held.rfind(b"\n\n") + 2
            end = 0 if end == 1 else end
        self._held = held[end:]
        return held[:end]

    def take_rest(self) -> bytes:
        """What is still held; empties the gate."""
        rest, self._held = self._held, b""
        return rest


class Relay:
    """The body of a streamed answer; iterate it to its end or `aclose` it.

    Chunks pass as they come. The one that ends an event stream (`message_stop`, `error`) waits
    until the exchange is settled. With `repairs` a stream that breaks off ends with one `error`
    event, as the API ends a stream it cannot finish; without, the client sees exactly what came:
    a body that just ends, or a cut connection. Of an answer that is no event stream (a file,
    batch results) only the first MiB is kept.
    """

    def __init__(
        self,
        status: int,
        head: AnswerHead,
        source: AsyncIterator[bytes],
        call: OpenExchange,
        *,
        repairs: bool,
    ) -> None:
        self._status = status
        self._head = head
        self._source = source
        self._call = call
        self._reader = UsageReader() if head.lines.is_event_stream else None
        self._gate = FrameGate() if repairs and self._reader else None
        self._kept: list[bytes] = []
        self._space = sys.maxsize if self._reader else _KEPT_OF_A_DOWNLOAD
        self._is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        while not self._is_over:
            try:
                chunk = await anext(self._source)
            except StopAsyncIteration:
                chunk = await self._end(None)
            except TransportError:
                chunk = await self._end(BROKEN)
                if self._gate is None:
                    raise
            except asyncio.CancelledError as error:
                if self._gate is None or error.args != (STOPPING,):
                    raise
                chunk = await self._end(STOPPED)
            except Exception:
                await self._end(BROKEN)
                raise
            else:
                chunk = await self._take(chunk)
            if chunk:
                self._call.note_first_byte()
                return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Close the upstream and settle with what was seen, when the client leaves early, or is cut
        off because it does not read."""
        self._is_over = True
        reason = sys.exception()
        is_slow = isinstance(reason, asyncio.CancelledError) and reason.args == (UNREAD,)
        try:
            await close_body(self._source)
        finally:
            await self._settle(CLIENT_SLOW if is_slow else CLIENT_GONE)

    async def _take(self, chunk: bytes) -> bytes:
        """What of the stream may pass now that `chunk` has come."""
        if self._reader is not None:
            self._reader.feed(chunk)
        elif self._call.results is not None and not self._head.lines.is_coded:
            self._call.results.feed(chunk)
        if self._gate is not None:
            chunk = self._gate.feed(chunk)
        self._keep(chunk)
        if self._reader is not None and self._reader.is_complete:
            await self._settle(None)
        return chunk

    async def _end(self, cut: ExchangeError | None) -> bytes:
        """Settle now that the source has ended, or was `cut`; what is still to be sent, maybe
        nothing."""
        self._is_over = True
        broken = cut
        if self._reader is not None:
            broken = None if self._reader.is_complete else cut or BROKEN
        last = b""
        if self._gate is not None:
            last = self._gate.take_rest()
            if broken is not None:
                last = self._build_error_event(broken)
        self._keep(last)
        await self._settle(broken)
        return last

    def _build_error_event(self, broken: ExchangeError) -> bytes:
        named = self._head.request_id
        request_id = self._call.exchange.exchange_id if named is None else named.decode("latin-1")
        error = ApiError(502, broken.type, broken.message)
        return encode_event(error.event(request_id))

    def _keep(self, chunk: bytes) -> None:
        if self._space > 0:
            self._kept.append(chunk[: self._space])
            self._space -= len(chunk)

    async def _settle(self, broken: ExchangeError | None) -> None:
        outcome = read_stream(self._reader, broken)
        body = b"".join(self._kept)
        await self._call.settle(self._status, self._head, body, outcome)
