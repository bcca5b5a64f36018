"""Bedrock's response stream as the Claude API's: event-stream frames in, server-sent events out.

Source: the InvokeModelWithResponseStream API reference.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from pydantic_core import from_json, to_json

from tanzaku.core.sse import encode_frame
from tanzaku.gateway.upstreams._cloud_errors import find_aws_error
from tanzaku.transport import BrokenResponse, close_body
from tanzaku.wire import ApiError, AwsFrame, AwsFrameDecoder, StreamError, encode_event


class AwsEventStream:
    """The events of a streamed answer, each as soon as its frame is whole.

    The JSON of an event keeps its bytes. A failure that Bedrock reports ends the stream with an
    `error` event. Raises BrokenResponse for bytes that are no frames, and for an end within one.
    """

    def __init__(self, body: bytes | AsyncIterator[bytes], request_id: str) -> None:
        self._source = _iter_once(body) if isinstance(body, bytes) else body
        self._request_id = request_id
        self._decoder = AwsFrameDecoder()
        self._first = b""
        self._end: Exception | None = None
        self._received = 0

    async def begin(self) -> ApiError | None:
        """Wait for the first event. What Bedrock reports in its place still has a status."""
        self._first = await self._read_on()
        end = self._end
        if self._first or end is None or isinstance(end, StopAsyncIteration):
            return None
        await self.aclose()
        if isinstance(end, ApiError):
            return end
        raise end

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        events, self._first = self._first or await self._read_on(), b""
        if events:
            return events
        end = self._end
        await self.aclose()
        if isinstance(end, ApiError):
            return encode_event(end.event(self._request_id))
        raise end or StopAsyncIteration

    async def aclose(self) -> None:
        """Leave off the source."""
        self._first, self._end = b"", StopAsyncIteration()
        await close_body(self._source)

    async def _read_on(self) -> bytes:
        """The events of the next chunk that completes one; empty once `_end` says why."""
        while self._end is None:
            try:
                chunk = await anext(self._source)
            except StopAsyncIteration as end:
                is_cut = self._decoder.has_partial
                self._end = self._break("the stream ended within a frame") if is_cut else end
                break
            self._received += len(chunk)
            events = b"".join(self._take(chunk))
            if events:
                return events
        return b""

    def _take(self, chunk: bytes) -> Iterator[bytes]:
        """The events that `chunk` completes, up to what ends the stream."""
        try:
            for frame in self._decoder.feed(chunk):
                self._end = _find_error(frame)
                if self._end is not None:
                    return
                yield _encode(frame)
        except (StreamError, ValueError, LookupError, TypeError) as error:
            self._end = self._break(str(error))

    def _break(self, reason: str) -> BrokenResponse:
        return BrokenResponse(reason, response_bytes_received=self._received)


def _find_error(frame: AwsFrame) -> ApiError | None:
    headers = frame.headers
    match headers.get(":message-type"):
        case "exception":
            told: Any = from_json(frame.payload) if frame.payload else {}
            message = told.get("message", "") if isinstance(told, dict) else ""
            return find_aws_error(headers.get(":exception-type", ""), str(message), 500)
        case "error":
            message = headers.get(":error-message", "")
            return find_aws_error(headers.get(":error-code", ""), message, 500)
        case _:
            return None


def _encode(frame: AwsFrame) -> bytes:
    """The event in a frame; nothing for a frame of another kind."""
    if frame.headers.get(":event-type") != "chunk":
        return b""
    try:
        data = base64.b64decode(from_json(frame.payload)["bytes"], validate=True)
    except binascii.Error as error:
        raise StreamError("a chunk is not base64") from error
    event = from_json(data)
    if b"\n" in data or b"\r" in data:
        data = to_json(event)
    return encode_frame(event["type"], data)


async def _iter_once(body: bytes) -> AsyncIterator[bytes]:
    yield body
