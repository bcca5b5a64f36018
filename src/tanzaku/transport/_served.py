"""One connection of the server: deadlines, the handler's turn, answers out."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from traceback import format_exception
from typing import override

from tanzaku.core import SystemClock
from tanzaku.transport._break import break_connection
from tanzaku.transport._encode import (
    CONTINUE,
    LAST_CHUNK,
    DateLine,
    encode_chunk,
    encode_head,
    encode_plain,
)
from tanzaku.transport._http import (
    UNREAD,
    Handler,
    HttpRequest,
    HttpResponse,
    Refusal,
    close_body,
    get_header,
    read_all,
)
from tanzaku.transport._reader import (
    BODY,
    HEAD,
    IDLE,
    BodyCap,
    Received,
    RefusedError,
    RequestReader,
    ServerLimits,
)
from tanzaku.transport._redact import redact_text
from tanzaku.transport._upload import BrokenUploadError
from tanzaku.transport.errors import ConnectionBreak, ConnectionFault

_log = logging.getLogger("tanzaku.transport")

_LINGER_S = 1.0
_MOST_WAITING = 32
_BODILESS = frozenset({204, 304})


class Hall:
    """What the connections of one server share.

    `is_empty` is set while no connection is open; `tasks` holds the answers under way.
    """

    def __init__(
        self,
        handler: Handler,
        loop: asyncio.AbstractEventLoop,
        *,
        max_body_bytes: BodyCap,
        on_refusal: Refusal,
        limits: ServerLimits,
        admit: Callable[[], bool] | None,
    ) -> None:
        self.admit = admit
        self.handler = handler
        self.loop = loop
        self.max_body_bytes = max_body_bytes
        self.on_refusal = on_refusal
        self.limits = limits
        self.date = DateLine(SystemClock())
        self.connections: set[ServedConnection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.is_empty = asyncio.Event()
        self.is_empty.set()
        self.is_draining = False


class ServedConnection(asyncio.Protocol):
    """One connection. What the reader refuses gets a plain-text answer and the end of the
    connection: 400 malformed, 408 too slow, 431 header too large, 503 too many connections.
    An answer to an earlier pipelined request is never cut for it.

    The handler starts in the very call that brought the request's last byte, without a turn of
    the event loop. It runs in a task, which is cancelled when the client goes away.
    """

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._limits = hall.limits
        self._reader = RequestReader(hall.limits, hall.max_body_bytes, self._hold_upload)
        self._transport: asyncio.Transport
        self._task: asyncio.Task[None] | None = None
        self._is_working = False
        self._is_surplus = False
        self._is_deaf = False
        self._last_words: bytes | None = None
        self._is_reading_paused = False
        self._is_upload_held = False
        self._writable: asyncio.Event | None = None
        self._unsent_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._deadline_at = 0.0

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._reader.peer = peer[0] if peer else ""
        connections = self._hall.connections
        connections.add(self)
        self._hall.is_empty.clear()
        if self._hall.admit is not None and not self._hall.admit():
            self._break("reset")
            return
        if len(connections) > self._limits.connections:
            # Answered on its first bytes, so that the client is ready to read the 503.
            self._is_surplus = True
            if len(connections) > 2 * self._limits.connections:
                transport.abort()
                return
        self._arm(self._limits.head_s)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._is_deaf = True
        self._reader.break_off(499, "The client went away")
        self._reader.received.clear()
        if self._task is not None:
            self._task.cancel()
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._write_timer = None
        self._hall.connections.discard(self)
        if not self._hall.connections:
            self._hall.is_empty.set()

    def finish(self) -> None:
        """Close: at once when nothing is being answered, else after the answer under way."""
        if not self._is_working:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection, and with it what is being answered."""
        self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        reader = self._reader
        try:
            if self._is_surplus:
                raise RefusedError(503, "Too many connections")  # noqa: TRY301 - one way out
            if reader.feed(data):
                self._arm(self._limits.head_s if reader.phase == HEAD else self._limits.body_s)
        except RefusedError as error:
            self._refuse(error.status, error.reason)
            reader.break_off(error.status, error.reason)
        self._is_deaf |= reader.is_deaf
        if self._is_working:
            if len(reader.received) >= _MOST_WAITING and not self._is_reading_paused:
                self._is_reading_paused = True
                self._throttle()
        elif reader.received or self._last_words is not None:
            self._work_on()
        elif reader.is_continue_wanted:
            self._say_continue()

    def _hold_upload(self, is_held: bool) -> None:
        self._is_upload_held = is_held
        self._throttle()

    def _throttle(self) -> None:
        if self._transport.is_closing():
            return
        if self._is_reading_paused or self._is_upload_held:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _say_continue(self) -> None:
        if self._reader.phase == BODY:
            self._reader.is_continue_wanted = False
            self._transport.write(CONTINUE)

    def _refuse(self, status: int, reason: str) -> None:
        self._is_deaf = True
        _log.warning("refused a request with %d: %s", status, reason)
        self._last_words = encode_plain(status, reason)

    def _work_on(self) -> None:
        task = asyncio.Task(self._work(), loop=self._hall.loop, eager_start=True)
        if not task.done():
            self._task = task
            self._hall.tasks.add(task)
            task.add_done_callback(self._hall.tasks.discard)

    async def _work(self) -> None:
        """Answer what was received, in order; then wait for more, or say the last words."""
        received = self._reader.received
        self._is_working = True
        try:
            while received:
                one = received.popleft()
                is_kept = await self._answer(one)
                is_cut = _drop_upload(one.request)
                if not is_kept or is_cut or self._hall.is_draining:
                    self._close_gently(is_still_sending=one.is_too_large or is_cut)
                    return
                if self._is_reading_paused and len(received) < _MOST_WAITING // 2:
                    self._is_reading_paused = False
                    self._throttle()
        except ConnectionFault as fault:
            self._break(fault.kind)
            return
        except asyncio.CancelledError:
            self._transport.abort()
            raise
        except Exception as error:  # noqa: BLE001 - the last frame before the socket
            _log_failure("an answer could not be sent", error)
            self._transport.abort()
            return
        finally:
            self._is_working = False
            self._task = None
        if self._last_words is not None:
            self._transport.write(self._last_words)
            self._close_gently(is_still_sending=True)
        else:
            self._wait_for_more()

    def _wait_for_more(self) -> None:
        phase = self._reader.phase
        if phase == IDLE:
            self._arm(self._limits.keep_alive_s)
        elif phase == HEAD:
            # Begun during the answer: its whole time counts from here.
            self._arm(self._limits.head_s)
        elif self._reader.is_continue_wanted:
            self._say_continue()

    def _close_gently(self, *, is_still_sending: bool) -> None:
        """Close the sending side and read on for a moment: closing while the client still writes
        would reset the connection and could take the answer with it."""
        self._is_deaf = True
        if is_still_sending and self._transport.can_write_eof() and self._writable is None:
            self._transport.write_eof()
            self._stop_write_timer()
            self._write_timer = self._hall.loop.call_later(_LINGER_S, self._transport.abort)
        else:
            self._transport.close()

    def _break(self, kind: ConnectionBreak) -> None:
        self._is_deaf = True
        break_connection(self._transport, kind)
        if kind == "half_close":
            self._stop_write_timer()
            self._write_timer = self._hall.loop.call_later(
                self._limits.write_s, self._transport.abort
            )

    async def _answer(self, received: Received) -> bool:
        """Whether the connection may go on after this answer."""
        hall = self._hall
        if received.is_too_large:
            response = hall.on_refusal(413, "Request exceeds the maximum size")
        else:
            try:
                response = await hall.handler(received.request)
                if received.is_old:
                    response.body = await read_all(response)
            except ConnectionFault:
                raise
            except BrokenUploadError as broken:
                response = hall.on_refusal(broken.status, broken.reason)
            except Exception as error:  # noqa: BLE001 - the last frame before the socket
                _log_failure("the handler failed", error)
                response = hall.on_refusal(500, "Internal server error")
        is_kept_alive = received.is_kept_alive and not hall.is_draining
        ending = b"" if is_kept_alive else b"connection: close\r\n"
        names = {name for name, _ in response.headers}
        if b"connection" in names and get_header(response.headers, b"connection") == b"close":
            is_kept_alive, ending = False, b""
        if b"date" not in names:
            ending = hall.date.get() + ending
        is_sized = b"content-length" in names
        has_body = received.request.method != "HEAD" and response.status not in _BODILESS
        if isinstance(response.body, bytes):
            self._write_whole(response, response.body, ending, is_sized=is_sized, has_body=has_body)
            if self._writable is not None:
                await self._writable.wait()
            return is_kept_alive
        is_whole = await self._write_stream(
            response, response.body, ending, is_sized=is_sized, has_body=has_body
        )
        return is_kept_alive and is_whole

    def _write_whole(
        self, response: HttpResponse, body: bytes, ending: bytes, *, is_sized: bool, has_body: bool
    ) -> None:
        headers = response.headers
        if has_body or (body and not is_sized):
            if is_sized:
                headers = [line for line in headers if line[0] != b"content-length"]
            ending = b"content-length: %d\r\n%b" % (len(body), ending)
        head = encode_head(response.status, headers, ending)
        self._transport.write(head + body if has_body else head)

    async def _write_stream(
        self,
        response: HttpResponse,
        body: AsyncIterator[bytes],
        ending: bytes,
        *,
        is_sized: bool,
        has_body: bool,
    ) -> bool:
        """Whether the stream came to its own end."""
        is_chunked = not is_sized
        if is_chunked:
            ending = b"transfer-encoding: chunked\r\n" + ending
        write = self._transport.write
        try:
            write(encode_head(response.status, response.headers, ending))
            if not has_body:
                return True
            async for chunk in body:
                if chunk:
                    write(encode_chunk(chunk) if is_chunked else chunk)
                    if self._writable is not None:
                        await self._writable.wait()
            if is_chunked:
                write(LAST_CHUNK)
        except ConnectionFault:
            raise
        except Exception as error:  # noqa: BLE001 - an unfinished answer cuts the connection
            _log_failure("a streamed answer broke off", error)
            return False
        finally:
            await close_body(body)
        return True

    def _arm(self, seconds: float) -> None:
        loop = self._hall.loop
        self._deadline_at = loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline_at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(self._deadline_at, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        if self._is_deaf:
            return
        left_s = self._deadline_at - self._hall.loop.time()
        if left_s > 0.001:
            self._arm(left_s)
        elif self._reader.phase == BODY:
            self._check_progress()
        elif self._is_working:
            # What may follow the answer is given its time when the answer is over.
            return
        elif self._reader.phase == HEAD:
            self._refuse(408, "Request header not received in time")
            self._work_on()
        else:
            self._transport.close()

    def _check_progress(self) -> None:
        body_s = self._limits.body_s
        is_held = self._is_reading_paused or self._is_upload_held
        if is_held or self._reader.window_bytes >= 1000 * body_s:
            self._reader.window_bytes = 0
            self._arm(body_s)
            return
        self._refuse(408, "Request body not received in time")
        self._reader.break_off(408, "Request body not received in time")
        if not self._is_working:
            self._work_on()

    @override
    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = asyncio.Event()
        if self._write_timer is None:
            self._unsent_bytes = self._transport.get_write_buffer_size()
            self._write_timer = self._hall.loop.call_later(
                self._limits.write_s, self._check_writing
            )

    @override
    def resume_writing(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None
        self._stop_write_timer()

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _check_writing(self) -> None:
        self._write_timer = None
        if self._transport.get_write_buffer_size() < self._unsent_bytes:
            self.pause_writing()
            return
        _log.warning("closed a connection whose client stopped reading")
        if self._task is not None:
            self._task.cancel(UNREAD)
            # The loss of the connection would cancel it again, in the middle of its settling.
            self._task = None
        self._transport.abort()


def _drop_upload(request: HttpRequest) -> bool:
    """Whether the request was answered before its body was whole; what still comes is dropped."""
    if request.upload is None or request.upload.is_complete:
        return False
    request.upload.drop()
    return True


def _log_failure(what: str, error: Exception) -> None:
    _log.error("%s: %s", what, redact_text("".join(format_exception(error))))
