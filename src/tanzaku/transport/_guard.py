"""uvicorn's HTTP protocol with the defences it lacks: deadlines, caps, one Host, no smuggling.

Subclasses internals of uvicorn 0.54 (pinned); `tests/unit/transport/test_guard.py` sends every
probe over a socket, so an update that changes them fails there.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, override

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tanzaku.transport._break import break_connection
from tanzaku.transport.errors import ConnectionBreak, ConnectionFault

_log = logging.getLogger("tanzaku.transport")

HOST_GRAMMAR = re.compile(rb"[A-Za-z0-9.\-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?")

_LINGER_S = 1.0
_FEED_BYTES = 16 * 1024
_FRAMING_ALLOWANCE = 64 * 1024

_IDLE, _HEAD, _BODY = range(3)


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one connection may cost. Times in seconds, sizes in bytes.

    `head_s`: from the first byte (or the connect) to the end of the header. `body_s`: the window
    in which a body must bring 1,000 bytes per second. `keep_alive_s`: between two requests.
    `write_s`: how long a client may take nothing off a full buffer.
    """

    head_s: float = 10.0
    body_s: float = 10.0
    keep_alive_s: float = 5.0
    write_s: float = 30.0
    head_bytes: int = 32 * 1024
    header_count: int = 100
    connections: int = 2000


class DrainState(ServerState):
    """uvicorn's shared state, and an event that is set while no connection is open."""

    def __init__(self) -> None:
        super().__init__()
        self.is_empty = asyncio.Event()
        self.is_empty.set()


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__()
        self.status = status
        self.reason = reason


class GuardedProtocol(HttpToolsProtocol):
    """One connection. A request that the guard refuses gets a plain-text answer and the end of
    the connection: 400 malformed, 408 too slow, 431 header too large, 503 too many connections.
    An answer to an earlier pipelined request is never cut for it.
    """

    def __init__(
        self,
        config: Config,
        state: DrainState,
        limits: ServerLimits,
        loop: asyncio.AbstractEventLoop,
        admit: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(config, state, {}, loop)
        self.access_log = False
        self._admit = admit
        self.timeout_keep_alive = limits.keep_alive_s  # type: ignore[assignment]
        self._state = state
        self._limits = limits
        self._phase = _HEAD
        self._heads_done = 0
        self._head_bytes = 0
        self._header_count = 0
        self._host: bytes | None = None
        self._host_count = 0
        self._transfer_encoding: bytes | None = None
        self._raw_bytes = 0
        self._payload_bytes = 0
        self._window_bytes = 0
        self._deadline_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._running: RequestResponseCycle | None = None
        self._task: asyncio.Task[None] | None = None
        self._fault: _Refused | None = None
        self._is_refused = False
        self._is_surplus = False
        self._is_half_closed = False
        self._late_refusal: bytes | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._state.is_empty.clear()
        if self._admit is not None and not self._admit():
            self._break("reset")
            return
        open_count = len(self.connections)
        if open_count > self._limits.connections:
            # Answered on its first bytes, so that the client is ready to read the 503.
            self._is_surplus = True
            if open_count > 2 * self._limits.connections:
                transport.abort()
                return
        self._deadline_at = self.loop.time() + self._limits.head_s
        self._timer = self.loop.call_at(self._deadline_at, self._check_deadline)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        running = self._running
        if running is not None and not running.response_complete:
            running.disconnected = True
            running.message_event.set()
            if self._task is not None:
                self._task.cancel()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stop_timers()
        if not self.connections:
            self._state.is_empty.set()

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        self._unset_keepalive_if_required()
        if self._is_surplus:
            self._refuse(503, "Too many connections")
        elif len(data) <= _FEED_BYTES:
            self._feed(data)
        else:
            # In steps, so that the size of an unfinished header is known to within one step.
            view = memoryview(data)
            for start in range(0, len(data), _FEED_BYTES):
                if not self._feed(view[start : start + _FEED_BYTES]):
                    return

    def _feed(self, data: bytes | memoryview) -> bool:
        """Whether the connection goes on."""
        heads_done = self._heads_done
        phase = self._phase
        payload_bytes = self._payload_bytes
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            fault = self._fault or _Refused(400, "Invalid HTTP request")
            self._refuse(fault.status, fault.reason)
            return False
        if self._phase != _IDLE or self._heads_done == heads_done:
            self._watch_unfinished(
                len(data),
                phase,
                is_new=self._heads_done != heads_done,
                has_body=self._payload_bytes != payload_bytes,
            )
        return not self._is_refused

    def _watch_unfinished(self, size: int, before: int, *, is_new: bool, has_body: bool) -> None:
        """After a segment that left a message open: count what was not accounted for by the
        parser's callbacks, and see to it that a deadline runs."""
        if self._phase == _IDLE:
            if has_body or before == _BODY:
                return
            self._phase = _HEAD  # empty lines before a request line
        if is_new or before != self._phase:
            # How much of this segment belongs to the open message is known only when it began
            # with it; a later segment counts whole.
            self._raw_bytes = size if before == _IDLE and not is_new else 0
            self._window_bytes = 0
            limit_s = self._limits.head_s if self._phase == _HEAD else self._limits.body_s
            self._arm(limit_s)
        else:
            self._raw_bytes += size
            self._window_bytes += size
        if self._phase == _HEAD:
            if self._raw_bytes > self._limits.head_bytes:
                self._refuse(431, "Request header too large")
        elif self._raw_bytes - self._payload_bytes > _FRAMING_ALLOWANCE + 8 * self._payload_bytes:
            self._refuse(400, "Chunk framing too large")

    def _arm(self, seconds: float) -> None:
        self._deadline_at = self.loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._deadline_at:
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(self._deadline_at, self._check_deadline)

    def _check_deadline(self) -> None:
        self._timer = None
        if self._phase == _IDLE or self._is_refused:
            return
        if self.loop.time() < self._deadline_at - 0.001:
            self._arm(self._deadline_at - self.loop.time())
            return
        if self._phase == _HEAD:
            if self._is_answering():
                self._arm(self._limits.head_s)
            else:
                self._refuse(408, "Request header not received in time")
            return
        body_s = self._limits.body_s
        if self.flow.read_paused or self._window_bytes >= 1000 * body_s:
            self._window_bytes = 0
            self._arm(body_s)
        else:
            self._refuse(408, "Request body not received in time")

    def _is_answering(self) -> bool:
        return self._running is not None and not self._running.response_complete

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._write_timer = None

    def _refuse(self, status: int, reason: str) -> None:
        self._is_refused = True
        _log.warning("refused a request with %d: %s", status, reason)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = reason.encode() + b"\n"
        answer = b"".join(
            (
                b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode()),
                b"content-type: text/plain; charset=utf-8\r\n",
                b"retry-after: 1\r\n" if status == 503 else b"",
                b"content-length: %d\r\nconnection: close\r\n\r\n" % len(text),
                text,
            )
        )
        if self._phase == _BODY:
            # The request itself is being answered, or waits in the pipeline for its turn.
            self.pipeline = type(self.pipeline)(
                waiting for waiting in self.pipeline if waiting[0] is not self.cycle
            )
            if self._running is self.cycle and self._is_answering():
                if self._task is not None:
                    self._task.cancel()
                self._running.disconnected = True
                if self._running.response_started:
                    self.transport.abort()
                    return
                self._running = None
        if self._is_answering():
            self._late_refusal = answer
        else:
            self._say_last(answer)

    def _say_last(self, answer: bytes) -> None:
        """Write, close the sending side, and read on for a moment: closing while the client
        still writes would reset the connection and could take the answer with it."""
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._write_timer = self.loop.call_later(_LINGER_S, self.transport.abort)
        else:
            self.transport.close()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._phase = _HEAD
        self._head_bytes = 0
        self._header_count = 0
        self._host_count = 0
        self._transfer_encoding = None
        self._payload_bytes = 0

    @override
    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head_bytes += len(url)
        if self._head_bytes > self._limits.head_bytes:
            self._fail(431, "Request header too large")

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        self._header_count += 1
        if (
            self._head_bytes > self._limits.head_bytes
            or self._header_count > self._limits.header_count
        ):
            self._fail(431, "Request header too large")
        if self._phase != _HEAD:
            return  # trailers: uvicorn would add them to the headers of a running request
        name = name.lower()
        if name == b"host":
            self._host_count += 1
            self._host = value
        elif name == b"transfer-encoding":
            self._transfer_encoding = value
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    @override
    def on_headers_complete(self) -> None:
        if self._host_count != 1:
            self._fail(400, "Exactly one Host header is required")
        if self._host is None or HOST_GRAMMAR.fullmatch(self._host) is None:
            self._fail(400, "Invalid Host header")
        if not self.url.startswith(b"/") or b"#" in self.url:
            self._fail(400, "The request target must be a path")
        if self.parser.should_upgrade():
            self._fail(400, "Upgrading the protocol is not supported")
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._fail(400, "Only HTTP/1.0 and HTTP/1.1 are supported")
        if self._transfer_encoding is not None and (
            version == "1.0" or self._transfer_encoding.lower() != b"chunked"
        ):
            self._fail(400, "Unsupported Transfer-Encoding")
        super().on_headers_complete()
        self._heads_done += 1
        self._phase = _BODY

    def _fail(self, status: int, reason: str) -> None:
        self._fault = _Refused(status, reason)
        raise self._fault

    @override
    def on_body(self, body: bytes) -> None:
        self._payload_bytes += len(body)
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._phase = _IDLE
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._phase != _IDLE:
            # The next request has begun: from now on its deadline counts, not the idle one.
            self._unset_keepalive_if_required()
            if self._phase == _HEAD:
                self._arm(self._limits.head_s)
        if self._late_refusal is not None and not self._is_answering():
            self._unset_keepalive_if_required()
            self._say_last(self._late_refusal)

    @override
    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():
            self.pause_writing()

    @override
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        self._task = task = self.loop.create_task(cycle.run_asgi(self._run_app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run_app(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self.app(scope, receive, send)
        except ConnectionFault as fault:
            self._break(fault.kind)
        except asyncio.CancelledError:
            # The client went away or the drain ran out. uvicorn closes the connection of a
            # task that returns with its answer unfinished; it would log a cancelled one.
            self.transport.abort()
            if self._running is not None:
                self._running.disconnected = True

    def _break(self, kind: ConnectionBreak) -> None:
        self._is_refused = True
        if self._running is not None:
            self._running.disconnected = True
        break_connection(self.transport, kind)
        if kind == "half_close":
            self._is_half_closed = True
            self._write_timer = self.loop.call_later(self._limits.write_s, self.transport.abort)

    @override
    def shutdown(self) -> None:
        if self._is_half_closed:
            self.transport.close()
        else:
            super().shutdown()

    @override
    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_timer is None:
            self._unsent_bytes = self.transport.get_write_buffer_size()
            self._write_timer = self.loop.call_later(self._limits.write_s, self._check_writing)

    @override
    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _check_writing(self) -> None:
        self._write_timer = None
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes:
            self.pause_writing()
            return
        _log.warning("closed a connection whose client stopped reading")
        self.transport.abort()
