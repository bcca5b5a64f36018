"""Bedrock's response stream as the Claude API's: event-stream frames in, server-sent events out.

Source: the InvokeModelWithResponseStream API reference.
"""

import base64
import binascii
from collections.abc import AsyncIterator
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
        self._is_over = False
        self._received = 0

    async def begin(self) -> ApiError | None:
        """Wait for the first event. What Bedrock reports in its place still has a status."""
        try:
            self._first = await self._next()
        except _ReportedError as reported:
            await self.aclose()
            return reported.error
        except StopAsyncIteration:
            pass
        return None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if self._first:
            events, self._first = self._first, b""
            return events
        if self._is_over:
            raise StopAsyncIteration
        try:
            return await self._next()
        except _ReportedError as reported:
            self._is_over = True
            return reported.before + encode_event(reported.error.event(self._request_id))

    async def aclose(self) -> None:
        """Leave off the source."""
        self._is_over = True
        await close_body(self._source)

    async def _next(self) -> bytes:
        """The events of the next chunk that completes one."""
        while True:
            try:
                chunk = await anext(self._source)
            except StopAsyncIteration:
                if self._decoder.has_partial:
                    raise self._break("the stream ended within a frame") from None
                raise
            self._received += len(chunk)
            events = self._read(chunk)
            if events:
                return events

    def _read(self, chunk: bytes) -> bytes:
        events: list[bytes] = []
        try:
            for frame in self._decoder.feed(chunk):
                error = _find_error(frame)
                if error is not None:
                    raise _ReportedError(b"".join(events), error)
                events.append(_encode(frame))
        except (StreamError, ValueError, LookupError, TypeError) as error:
            raise self._break(str(error)) from error
        return b"".join(events)

    def _break(self, reason: str) -> BrokenResponse:
        return BrokenResponse(reason, response_bytes_received=self._received)


class _ReportedError(Exception):
    """Bedrock says in a frame that it cannot go on, after the events `before` it."""

    def __init__(self, before: bytes, error: ApiError) -> None:
        super().__init__(error.message)
        self.before = before
        self.error = error


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
