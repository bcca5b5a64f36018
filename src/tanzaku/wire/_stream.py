"""Events as server-sent bytes, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.core import SseDecoder, encode_frame
from tanzaku.wire._errors import StreamError

_KINDS = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
    "error",
)
_HEADS = {kind: b"event: %b\ndata: " % kind.encode() for kind in _KINDS}


def encode_event(event: Mapping[str, Any]) -> bytes:
    """The frame of `event`, its name equal to the event's type.

    Compact JSON with characters beyond ASCII as UTF-8 (a guess at the API's spelling).
    ValueError for a lone surrogate.
    """
    head = _HEADS.get(event["type"])
    if head is None:
        return encode_frame(event["type"], to_json(event))
    return head + to_json(event) + b"\n\n"


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
