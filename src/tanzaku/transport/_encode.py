"""An answer's head as bytes."""

from email.utils import formatdate
from http import HTTPStatus

from tanzaku.core import Clock
from tanzaku.transport._http import HeaderList

_STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus
}
LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class DateLine:
    """The `date` header line, made anew once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._line = b""

    def get(self) -> bytes:
        """`date: Tue, 24 Nov 2026 06:00:00 GMT` and the end of the line."""
        second = int(self._clock.now())
        if second != self._second:
            self._second = second
            self._line = b"date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line


def encode_head(status: int, headers: HeaderList, extra: bytes) -> bytes:
    """Status line, `headers`, the ready lines of `extra` and the empty line.

    Raises ValueError when a name or value would end its line early.
    """
    lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
    lines += [b"%b: %b\r\n" % line for line in headers]
    head = b"".join(lines)
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        raise ValueError("a header of the answer holds a line break")
    return b"%b%b\r\n" % (head, extra)


def encode_chunk(chunk: bytes) -> bytes:
    """One chunk in its framing; empty only for the last."""
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


def encode_plain(status: int, reason: str) -> bytes:
    """A whole last answer in plain text, `connection: close`, with `retry-after` on a 503."""
    headers: HeaderList = [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    text = reason.encode() + b"\n"
    extra = b"content-length: %d\r\nconnection: close\r\n" % len(text)
    return encode_head(status, headers, extra) + text
