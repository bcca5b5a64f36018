"""Events as server-sent bytes, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.core import SseDecoder, encode_frame
from tanzaku.wire._errors import StreamError

_TEXT_FRAME = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"text_delta","text":%b}}\n\n'
)
_EVENT_SIZE = 3
_DELTA_SIZE = 2


def encode_event(event: Mapping[str, Any]) -> bytes:
    """The frame of `event`, its name equal to the event's type.

    Compact JSON with characters beyond ASCII as UTF-8 (a guess at the API's spelling).
    ValueError for a lone surrogate.
    """
    if event["type"] == "content_block_delta" and len(event) == _EVENT_SIZE:
        delta = event["delta"]
        if delta["type"] == "text_delta" and len(delta) == _DELTA_SIZE:
            return _TEXT_FRAME % (event["index"], to_json(delta["text"]))
    return encode_frame(event["type"], to_json(event))


class EventDecoder:
    """Turns the bytes of a stream, cut anywhere, into events.

    As the SDK does it passes over comments and frames without an `event:` line or data. Pings and
    unknown events are yielded.
    """

    def __init__(self) -> None:
        self._decoder = SseDecoder()

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """Yield each event that `chunk` completes. StreamError for data that is no JSON object."""
        for frame in self._decoder.feed(chunk):
            if not frame.event or not frame.data:
                continue
            try:
                event = from_json(frame.data)
            except ValueError as error:
                raise StreamError(f"the data of {frame.event} is not JSON: {error}") from error
            if not isinstance(event, dict):
                raise StreamError(f"the data of {frame.event} is not an object")
            event.setdefault("type", frame.event)
            yield event

    @property
    def has_partial(self) -> bool:
        """Whether bytes of an event that has not ended are held: the stream was cut."""
        return self._decoder.has_partial
