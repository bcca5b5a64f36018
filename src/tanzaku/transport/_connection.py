"""One connection to an upstream: a request out, an answer in, then the next."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import override

import httptools

from tanzaku.core import Clock
from tanzaku.transport._encode import LAST_CHUNK, encode_chunk
from tanzaku.transport._http import HOP_BY_HOP, HeaderList
from tanzaku.transport._upload import Upload
from tanzaku.transport.errors import BrokenResponse, TimeoutPhase, TransportError, UpstreamTimeout

MAX_HEAD_BYTES = 32 * 1024
_BUFFER_HIGH_BYTES = 256 * 1024
_BUFFER_LOW_BYTES = 128 * 1024
_FRAMING_ALLOWANCE = 64 * 1024
_WRITE_STEP_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits of the phases of one exchange, in seconds.

    `pool_s`: waiting for a free connection; `connect_s`: name, TCP and TLS together;
    `first_byte_s`: from the request written to the answer's header; `idle_s`: between two
    pieces of the answer, or while the upstream takes none of the request.
    """

    pool_s: float = 60.0
    connect_s: float = 10.0
    first_byte_s: float = 600.0
    idle_s: float = 120.0


@dataclass(slots=True)
class StreamTimings:
    """When things happened, by the client's clock (`Clock.monotonic`, seconds).

    None for what has not happened: `first_byte_at` and `last_byte_at` are of the body, and
    `last_byte_at` is set when the answer is complete, with or without a body.
    """

    sent_at: float
    head_at: float | None = None
    first_byte_at: float | None = None
    last_byte_at: float | None = None
    is_reused: bool = False


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 to one upstream, one request at a time.

    `is_reusable` is true between requests while nothing has happened that would make the next
    answer doubtful: bytes nobody asked for, an answer before the request was out, an announced
    close.
    """

    def __init__(self, clock: Clock, timeouts: Timeouts) -> None:
        self._clock = clock
        self._timeouts = timeouts
        self.loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser: httptools.HttpResponseParser | None = None
        self._is_open = False
        self._is_write_paused = False
        self._is_read_paused = False
        self._is_writing = False
        self._is_active = False
        self._is_doubtful = False
        self._keeps_alive = True
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._phase: TimeoutPhase = "idle"
        self._limit_s = 0.0
        self._progress_at = 0.0
        self.requests_sent = 0
        self.idle_since = 0.0
        self._begin("GET")

    def _begin(self, method: str) -> None:
        self._method = method
        self.status = 0
        self.headers: HeaderList = []
        self.has_head = False
        self.is_complete = False
        self.error: TransportError | None = None
        self._ends_with_connection = False
        self._is_interim = False
        self._head_bytes = 0
        self._received_bytes = 0
        self._payload_bytes = 0
        self._sent_bytes = 0
        self._pieces: list[bytes] = []
        self._chunks: deque[bytes] = deque()
        self._buffered_bytes = 0
        self.timings = StreamTimings(0.0)

    @property
    def is_reusable(self) -> bool:
        return self._is_open and self._keeps_alive and not self._is_doubtful

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._is_open = True

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_open = False
        self._parser = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._is_active and not self.is_complete and self.error is None:
            if self._ends_with_connection and exc is None and not self._is_doubtful:
                self._complete()
            else:
                self._fail(f"the upstream closed the connection{f': {exc}' if exc else ''}")
        self._wake()

    def abort(self) -> None:
        """Close at once, dropping what was not sent."""
        self._is_doubtful = True
        if self._is_open:
            self._is_open = False
            self._transport.abort()

    async def exchange(self, method: str, head: bytes, body: bytes | Upload) -> None:
        """Send a request and return once the answer's header is here (`status`, `headers`).

        Raises UpstreamTimeout, BrokenResponse, or what the upload raises, after which the
        connection is closed; so it is when the task is cancelled.
        """
        self._begin(method)
        self._is_active = True
        self.timings.is_reused = self.requests_sent > 0
        self.requests_sent += 1
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        try:
            if isinstance(body, Upload):
                await self._write_upload(head, body)
            elif len(body) <= _WRITE_STEP_BYTES:
                data = head + body
                self._sent_bytes = len(data)
                self._transport.write(data)
            else:
                await self._write_in_steps(head, body)
            self.timings.sent_at = self._clock.monotonic()
            self._watch("first_byte", self._timeouts.first_byte_s)
            while not self.has_head and self.error is None:
                await self._wait()
        except BaseException:
            self.abort()
            raise
        if self.error is not None:
            self.abort()
            raise self.error
        self._watch("idle", self._timeouts.idle_s)

    async def _write_in_steps(self, head: bytes, body: bytes) -> None:
        self._is_writing = True
        self._watch("write", self._timeouts.idle_s)
        self._transport.write(head)
        self._sent_bytes = len(head)
        view = memoryview(body)
        for start in range(0, len(body), _WRITE_STEP_BYTES):
            while self._is_write_paused and not self.has_head and self.error is None:
                await self._wait()
            if self.has_head or self.error is not None:
                return  # answered early: `_is_writing` stays set and bars the reuse
            step = view[start : start + _WRITE_STEP_BYTES]
            self._transport.write(step)
            self._sent_bytes += len(step)
            self._progress_at = self.loop.time()
        self._is_writing = False

    async def _write_upload(self, head: bytes, upload: Upload) -> None:
        self._is_writing = True
        self._transport.write(head)
        self._sent_bytes = len(head)
        async for chunk in upload:
            self._watch("write", self._timeouts.idle_s)
            while self._is_write_paused and not self.has_head and self.error is None:
                await self._wait()
            if self.has_head or self.error is not None:
                return  # answered early: `_is_writing` stays set and bars the reuse
            self._transport.write(chunk if upload.size is not None else encode_chunk(chunk))
            self._sent_bytes += len(chunk)
            # While the client sends nothing it is the server that keeps the time.
            self._watch("first_byte", self._timeouts.first_byte_s)
        if upload.size is None:
            self._transport.write(LAST_CHUNK)
        self._is_writing = False

    async def read(self) -> bytes:
        """The next piece of the body, or b"" after its end. Raises like `exchange`; whoever stops reading calls `finish`."""
        while not self._chunks:
            if self.error is not None:
                self.abort()
                raise self.error
            if self.is_complete:
                return b""
            await self._wait()
        chunk = self._chunks.popleft()
        self._buffered_bytes -= len(chunk)
        if self._is_read_paused and self._buffered_bytes < _BUFFER_LOW_BYTES:
            self._is_read_paused = False
            self._progress_at = self.loop.time()
            if self._is_open:
                self._transport.resume_reading()
        return chunk

    def take_whole_body(self) -> bytes | None:
        """The body when all of it is here already, else None."""
        if not self.is_complete or self.error is not None:
            return None
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered_bytes = 0
        return body

    def finish(self) -> None:
        """End the request: the connection is idle from now on, if it is still good."""
        self._is_active = False
        if self._is_read_paused and self._is_open:
            self._is_read_paused = False
            self._transport.resume_reading()
        if self.is_complete and not self._is_writing and self.is_reusable:
            self.idle_since = self._clock.monotonic()
        else:
            self.abort()

    async def _wait(self) -> None:
        waiter = self.loop.create_future()
        self._waiter = waiter
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _watch(self, phase: TimeoutPhase, limit_s: float) -> None:
        self._phase = phase
        self._limit_s = limit_s
        if self.is_complete:
            return
        self._progress_at = self.loop.time()
        due_at = self._progress_at + limit_s
        if self._timer is not None:
            if self._timer.when() <= due_at:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(due_at, self._check_progress)

    def _check_progress(self) -> None:
        self._timer = None
        if not self._is_active or self.is_complete or self.error is not None:
            return
        if self._is_read_paused:
            self._progress_at = self.loop.time()
        due_at = self._progress_at + self._limit_s
        if self.loop.time() < due_at - 0.001:
            self._timer = self.loop.call_at(due_at, self._check_progress)
            return
        self.error = UpstreamTimeout(
            self._phase,
            self._limit_s,
            request_bytes_sent=self._sent_bytes,
            response_bytes_received=self._received_bytes,
        )
        self.abort()
        self._wake()

    def _fail(self, message: str) -> None:
        if self.error is None:
            self.error = BrokenResponse(
                message,
                request_bytes_sent=self._sent_bytes,
                response_bytes_received=self._received_bytes,
            )

    @override
    def pause_writing(self) -> None:
        self._is_write_paused = True

    @override
    def resume_writing(self) -> None:
        self._is_write_paused = False
        self._wake()

    @override
    def data_received(self, data: bytes) -> None:
        if not self._is_active or self.is_complete or self._parser is None:
            self.abort()
            return
        self._received_bytes += len(data)
        if self._phase != "first_byte":
            self._progress_at = self.loop.time()
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._is_doubtful = True
            if not self.is_complete:
                self._fail(f"the upstream's answer is not HTTP/1.1: {error}")
        if self._pieces:
            self._take_pieces()
        framing_bytes = self._received_bytes - self._payload_bytes
        if framing_bytes > _FRAMING_ALLOWANCE + 8 * self._payload_bytes and not self.is_complete:
            self._fail("the upstream's answer has too much framing")
        if self.error is not None:
            self.abort()
        self._wake()

    def _take_pieces(self) -> None:
        chunk = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._chunks.append(chunk)
        self._buffered_bytes += len(chunk)
        if self.timings.first_byte_at is None:
            self.timings.first_byte_at = self._clock.monotonic()
        if self._buffered_bytes > _BUFFER_HIGH_BYTES and not self._is_read_paused:
            self._is_read_paused = True
            self._transport.pause_reading()

    def on_message_begin(self) -> None:
        if self.is_complete:
            self._is_doubtful = True

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > MAX_HEAD_BYTES:
            self._fail(f"the upstream's header is larger than {MAX_HEAD_BYTES} bytes")
            raise ValueError
        if not self.has_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        if self.is_complete:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200:
            if status == 101:
                self._fail("the upstream changed the protocol unasked")
                raise ValueError
            self._is_interim = True
            self.headers = []
            return
        self._is_interim = False
        self.status = status
        self._keeps_alive = self._parser.should_keep_alive()
        names = {name for name, _ in self.headers}
        self._ends_with_connection = not (
            b"content-length" in names or b"transfer-encoding" in names
        )
        if not names.isdisjoint(HOP_BY_HOP):
            self.headers = [line for line in self.headers if line[0] not in HOP_BY_HOP]
        self.has_head = True
        self.timings.head_at = self._clock.monotonic()
        if self._method == "HEAD":
            # The parser expects the body that the header announces.
            self._parser = None
            self._complete()

    def on_body(self, body: bytes) -> None:
        if self.is_complete:
            self._is_doubtful = True
            return
        self._payload_bytes += len(body)
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = False
        elif not self.is_complete:
            self._complete()

    def _complete(self) -> None:
        self.is_complete = True
        if self._pieces:
            self._take_pieces()
        self.timings.last_byte_at = self._clock.monotonic()
