"""The usage of a stream: merged from two events, and read off the bytes as they pass."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from tanzaku.core import SseDecoder, SseFrame
from tanzaku.wire._errors import ApiError, parse_error_body

_CONTENT = b"event: content_block_"


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
        if chunk.find(b"message_") >= 0 or chunk.find(b"error") >= 0:
            frames = [part for part in chunk.split(b"\n\n") if not part.startswith(_CONTENT)]
            self._read(SseDecoder(), b"\n\n".join(frames))

    def _read(self, decoder: SseDecoder, chunk: bytes) -> None:
        for frame in decoder.feed(chunk):
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
