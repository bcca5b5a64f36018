"""Bytes of one connection into whole requests, and what no client may send.

httptools parses; what it lets pass is refused here: two Hosts, other targets than a path, other
versions than 1.0 and 1.1, smuggling by Transfer-Encoding, headers and framing without end.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import httptools

from tanzaku.transport._http import HeaderList, HttpRequest
from tanzaku.transport._upload import BrokenUploadError, Upload

HOST_GRAMMAR = re.compile(rb"[A-Za-z0-9.\-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?")

_FEED_BYTES = 16 * 1024
_FRAMING_ALLOWANCE = 64 * 1024

_READ = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})

IDLE, HEAD, BODY = range(3)


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


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """How many bytes a body may have; one over `streamed_bytes` is handed on while it comes in
    (None: every body is read whole first)."""

    most_bytes: int
    streamed_bytes: int | None = None


type BodyCap = int | Callable[[str], BodyLimit]
"""How many bytes a body may have: for all, or told by a request's target."""

type Hold = Callable[[bool], None]
"""Makes the client wait, or go on."""


@dataclass(slots=True)
class Received:
    """A request read to its end, or with an upload that is still coming; `is_too_large` when its
    body was dropped for its size.

    `is_old` is HTTP/1.0, which knows no chunks.
    """

    request: HttpRequest
    is_kept_alive: bool
    is_old: bool
    is_too_large: bool


class RefusedError(Exception):
    """Bytes that are no request we take: `status` and a `reason` in plain words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class RequestReader:
    """Feed it bytes; whole requests appear in `received`.

    `phase` is IDLE between requests, HEAD in a header, BODY in a body. A body over
    `max_body_bytes` is dropped; beyond twice that its request is handed out unread, with
    `is_deaf` set: nothing more of the connection is wanted then.
    """

    def __init__(self, limits: ServerLimits, max_body_bytes: BodyCap, hold: Hold) -> None:
        self.received: deque[Received] = deque()
        self.peer = ""
        self.phase = HEAD
        self.is_deaf = False
        self.is_continue_wanted = False
        self.window_bytes = 0
        self._limits = limits
        self._body_cap = max_body_bytes
        self._max_body_bytes = max_body_bytes if isinstance(max_body_bytes, int) else 0
        self._streamed_bytes: int | None = None
        self._hold = hold
        self._upload: Upload | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._fault: RefusedError | None = None
        self._heads_done = 0
        self._raw_bytes = 0
        self.on_message_begin()

    def feed(self, data: bytes) -> bool:
        """Whether a message that is still open has begun a new phase, which wants a deadline.

        Raises RefusedError; nothing may be fed after it.
        """
        if len(data) <= _FEED_BYTES:
            return self._feed(data)
        # In steps, so that the size of an unfinished header is known to within one step.
        view = memoryview(data)
        is_new = False
        for start in range(0, len(data), _FEED_BYTES):
            is_new |= self._feed(view[start : start + _FEED_BYTES])
            if self.is_deaf:
                break
        return is_new

    def _feed(self, data: bytes | memoryview) -> bool:
        heads_done, phase, payload_bytes = self._heads_done, self.phase, self._payload_bytes
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise self._fault or RefusedError(400, "Invalid HTTP request") from None
        is_new_head = self._heads_done != heads_done
        if self.phase == IDLE:
            if is_new_head or phase == BODY or self._payload_bytes != payload_bytes:
                return False
            self.phase = HEAD  # empty lines before a request line
        return self._watch(len(data), phase, is_new_head=is_new_head)

    def _watch(self, size: int, before: int, *, is_new_head: bool) -> bool:
        """Count what a message left open has cost, besides what the callbacks count."""
        is_new = is_new_head or before != self.phase
        if is_new:
            # How much of this segment belongs to the open message is known only when it began
            # with it; a later segment counts whole.
            self._raw_bytes = size if before == IDLE and not is_new_head else 0
            self.window_bytes = 0
        else:
            self._raw_bytes += size
            self.window_bytes += size
        if self.phase == HEAD:
            if self._raw_bytes > self._limits.head_bytes:
                raise RefusedError(431, "Request header too large")
        elif self._raw_bytes - self._payload_bytes > _FRAMING_ALLOWANCE + 8 * self._payload_bytes:
            raise RefusedError(400, "Chunk framing too large")
        return is_new

    def on_message_begin(self) -> None:
        """httptools: a message begins."""
        self.phase = HEAD
        self._target = b""
        self._headers: HeaderList = []
        self._body: list[bytes] = []
        self._payload_bytes = 0
        self._read: dict[bytes, bytes] = {}
        self._read_twice: set[bytes] = set()
        self._trailer_count = 0

    def on_url(self, url: bytes) -> None:
        """httptools: a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a header line, or a trailer, which is counted and dropped."""
        if self.phase != HEAD:
            self._trailer_count += 1
            if self._trailer_count > self._limits.header_count:
                self._fail(431, "Request header too large")
            return
        name = name.lower()
        self._headers.append((name, value))
        if name in _READ:
            if name in self._read:
                self._read_twice.add(name)
            self._read[name] = value

    def on_headers_complete(self) -> None:
        """httptools: the header is over."""
        if self._is_head_too_large():
            self._fail(431, "Request header too large")
        host = self._read.get(b"host")
        if host is None or b"host" in self._read_twice:
            self._fail(400, "Exactly one Host header is required")
        if HOST_GRAMMAR.fullmatch(host) is None:
            self._fail(400, "Invalid Host header")
        if not self._target.startswith(b"/") or b"#" in self._target:
            self._fail(400, "The request target must be a path")
        if self._parser.should_upgrade():
            self._fail(400, "Upgrading the protocol is not supported")
        version = self._parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._fail(400, "Only HTTP/1.0 and HTTP/1.1 are supported")
        self._is_old = version == "1.0"
        coding = self._read.get(b"transfer-encoding")
        if coding is not None and (
            self._is_old or coding.lower() != b"chunked" or b"transfer-encoding" in self._read_twice
        ):
            self._fail(400, "Unsupported Transfer-Encoding")
        self._is_kept_alive = not self._is_old and self._parser.should_keep_alive()
        self._heads_done += 1
        self.phase = BODY
        if not isinstance(self._body_cap, int):
            limit = self._body_cap(self._target.decode("latin-1"))
            self._max_body_bytes = limit.most_bytes
            self._streamed_bytes = limit.streamed_bytes
        self.is_continue_wanted = self._read.get(b"expect", b"").lower() == b"100-continue"
        length = int(self._read.get(b"content-length", 0))
        if length > 2 * self._max_body_bytes:
            self._stop_reading()
        elif self._streamed_bytes is not None and length > self._max_body_bytes:
            self._streamed_bytes = None

    def _is_head_too_large(self) -> bool:
        if len(self._headers) > self._limits.header_count:
            return True
        most = self._limits.head_bytes
        if self._raw_bytes + 2 * _FEED_BYTES <= most:
            return False
        size = len(self._target) + sum(len(n) + len(v) + 4 for n, v in self._headers)
        return size > most

    def on_body(self, body: bytes) -> None:
        """httptools: a piece of the body."""
        self._payload_bytes += len(body)
        if self._upload is not None:
            if self._payload_bytes <= self._max_body_bytes:
                self._upload.feed(body)
            else:
                reason = "Request exceeds the maximum size"
                self._upload.fail(BrokenUploadError(413, reason))
        elif self._payload_bytes <= self._max_body_bytes:
            self._body.append(body)
            if self._streamed_bytes is not None and self._payload_bytes > self._streamed_bytes:
                self._hand_on()
        elif self._payload_bytes <= 2 * self._max_body_bytes:
            # Read on and dropped: a client that is cut off while it still writes would see a
            # broken pipe instead of the 413.
            self._body.clear()
        else:
            self._stop_reading()

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        self.phase = IDLE
        self.is_continue_wanted = False
        if self._upload is not None:
            self._upload.end()
            self._upload = None
        elif not self.is_deaf:
            self._hand_out(is_too_large=self._payload_bytes > self._max_body_bytes)

    def _stop_reading(self) -> None:
        if not self.is_deaf:
            self.is_deaf = True
            self._body.clear()
            self._is_kept_alive = False
            self._hand_out(is_too_large=True)

    def break_off(self, status: int, reason: str) -> None:
        """No more will come of a body that is handed on already."""
        if self._upload is not None:
            self._upload.fail(BrokenUploadError(status, reason))
            self._upload = None

    def _hand_on(self) -> None:
        """Hand the request out before its body is whole."""
        length = self._read.get(b"content-length")
        self._upload = Upload(None if length is None else int(length), self._hold)
        for piece in self._body:
            self._upload.feed(piece)
        self._body = []
        self._hand_out(is_too_large=False)

    def _hand_out(self, *, is_too_large: bool) -> None:
        body = self._body
        request = HttpRequest(
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._headers,
            body[0] if len(body) == 1 else b"".join(body),
            self.peer,
            self._upload,
        )
        self.received.append(Received(request, self._is_kept_alive, self._is_old, is_too_large))

    def _fail(self, status: int, reason: str) -> NoReturn:
        self._fault = RefusedError(status, reason)
        raise self._fault
