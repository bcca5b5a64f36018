"""The usage of a stream: merged from two events, and read off the bytes as they pass."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from tanzaku.core import SseDecoder, SseFrame
from tanzaku.wire._errors import ApiError, parse_error_body

_CONTENT = b"event: content_block_"
_EVENT = b"event: "
_DATA = b"data: "


def merge_usage(start: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """The usage of a message: `message_start`'s, overwritten by what `message_delta` counts.

    Counts in the delta are totals, never increments; a null there leaves the start's value.
    """
    merged = dict(start)
    for key, value in delta.items():
        if value is not None or key not in merged:
            merged[key] = value
    return merged


class UsageReader:
    """Reads who answered, why it stopped and what it cost off a stream that passes through.

    `feed` takes the chunks as they come and keeps at most one unfinished frame. Frames of content
    are passed over unread; what is not an event of the API is ignored.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._decoder: SseDecoder | None = None
        self.message_id: str | None = None
        self.model: str | None = None
        self.stop_reason: str | None = None
        self.usage: dict[str, Any] | None = None
        """The merged usage so far; None before `message_start`."""
        self.error: ApiError | None = None
        """What an `error` event said; its status follows from the type."""
        self.is_complete = False
        """Whether the stream reached its end: `message_stop` or `error`."""

    def feed(self, chunk: bytes) -> None:
        # find() instead of `in`, which costs bytes four times as much.
        if self._decoder is not None:
            self._read(self._decoder, chunk)
            return
        if chunk.find(b"\r") >= 0:
            # The API ends lines in LF; where a proxy does otherwise, every line is looked at.
            self._decoder = SseDecoder()
            self._read(self._decoder, b"".join([*self._held, chunk]))
            self._held.clear()
            return
        if not chunk:
            return
        if self._held:
            is_ended = chunk.find(b"\n\n") >= 0 or (
                chunk.startswith(b"\n") and self._held[-1].endswith(b"\n")
            )
            self._held.append(chunk)
            if not is_ended:
                return
            chunk = b"".join(self._held)
            self._held.clear()
        end = chunk.rfind(b"\n\n") + 2
        if end == 1:
            self._held.append(chunk)
            return
        if end != len(chunk):
            self._held.append(chunk[end:])
            chunk = chunk[:end]
        self._search(chunk)

    def _search(self, chunk: bytes) -> None:
        """Read the frames of `chunk`, whole ones, that hold a word of the events wanted here."""
        at, word, error = 0, chunk.find(b"message_"), chunk.find(b"error")
        while word >= 0 or error >= 0:
            hit = word if error < 0 or 0 <= word < error else error
            before = chunk.rfind(b"\n\n", at, hit)
            start = at if before < 0 else before + 2
            end = chunk.find(b"\n\n", hit)
            part = chunk[start:end]
            if not part.startswith(_CONTENT):
                self._read_part(part)
            at = end + 2
            word = chunk.find(b"message_", at) if 0 <= word < at else word
            error = chunk.find(b"error", at) if 0 <= error < at else error

    def _read_part(self, part: bytes) -> None:
        """One frame without its end; nearly all are an event line and a data line."""
        first, _, second = part.partition(b"\n")
        if first.startswith(_EVENT) and second.startswith(_DATA) and second.find(b"\n") < 0:
            event = first[len(_EVENT) :].decode("utf-8", "replace")
            self._take_frame(SseFrame(event, second[len(_DATA) :]))
        elif part:
            self._read(SseDecoder(), part + b"\n\n")

    def _read(self, decoder: SseDecoder, chunk: bytes) -> None:
        for frame in decoder.feed(chunk):
            self._take_frame(frame)

    def _take_frame(self, frame: SseFrame) -> None:
        if frame.event == "message_stop":
            self.is_complete = True
        elif frame.event == "error":
            self.error = parse_error_body(frame.data)
            self.is_complete = True
        elif frame.event in ("message_start", "message_delta"):
            self._take(frame)

    def _take(self, frame: SseFrame) -> None:
        try:
            event = from_json(frame.data)
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        if frame.event == "message_start":
            message = _find_object(event, "message")
            self.message_id, self.model = message.get("id"), message.get("model")
            self.usage = _find_object(message, "usage")
        else:
            self.stop_reason = _find_object(event, "delta").get("stop_reason")
            self.usage = merge_usage(self.usage or {}, _find_object(event, "usage"))


def _find_object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
