"""A recorded answer as the bytes of a new one: in the form asked for, at the pace asked for."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic_core import to_json

from tanzaku.core import Clock
from tanzaku.exchange import EXCHANGE_ID_HEADER, RULE_HEADER, Frame, RecordedExchange
from tanzaku.simulator.replay._ids import iter_answered_blocks, plan_renames, rename_block
from tanzaku.simulator.replay._tapes import Tape
from tanzaku.transport import HOP_BY_HOP, HeaderList, HttpResponse
from tanzaku.wire import (
    ApiError,
    MessageAssembler,
    StreamError,
    encode_event,
    split_message,
)

_JSON = b"application/json"
_EVENTS = b"text/event-stream; charset=utf-8"
_NOT_PLAYED = HOP_BY_HOP | {
    b"content-encoding",
    b"content-length",
    b"content-type",
    EXCHANGE_ID_HEADER.encode(),
    RULE_HEADER.encode(),
}


class UnplayableError(ApiError):
    """A recorded answer, edited by hand maybe, that no message can be made of."""

    @classmethod
    def of(cls, line: int, why: str) -> Self:
        """The error for the line `line` of a recording."""
        return cls(500, "api_error", f"Replay: line {line} of the recording is no message: {why}")


@dataclass(frozen=True, slots=True)
class Pace:
    """Plays at `speed` times the recorded speed, at once where that is None, counted from `began`
    (monotonic seconds of `clock`)."""

    clock: Clock
    began: float
    speed: float | None

    async def wait_until(self, ms: float | None) -> None:
        """Return `ms` recorded milliseconds after the begin."""
        if self.speed is not None and ms is not None:
            due = self.began + ms / 1000 / self.speed
            await self.clock.sleep(due - self.clock.monotonic())


async def play(tape: Tape, tool_ids: list[str], pace: Pace, *, as_stream: bool) -> HttpResponse:
    """The answer of `tape` for a conversation in which `tool_ids` stand.

    A message that was recorded whole is split into events where a stream is wanted, and comes at
    the time it came then; a recorded stream is put together where none is. Raises ApiError for a
    stream's own `error` event where an error answer is due, UnplayableError.
    """
    exchange = tape.exchange
    response = exchange.response
    renames = plan_renames(tape.normal.tool_ids, tool_ids, _list_answered(exchange))
    if response.kind == "events":
        frames = [_rename_frame(frame, renames) for frame in response.frames]
        if as_stream:
            return _answer(exchange, _EVENTS, _play_frames(exchange, frames, pace))
        message = assemble(frames, exchange.line)
        await pace.wait_until(_find_end(exchange))
        return _answer(exchange, _JSON, to_json(message))
    await pace.wait_until(exchange.total_ms)
    if response.kind == "text":
        return _answer(exchange, None, response.content.encode())
    body = response.content
    if not is_message(body):
        return _answer(exchange, _JSON, to_json(body))
    body = {**body, "content": [_rename(block, renames) for block in body["content"]]}
    if as_stream:
        return _answer(exchange, _EVENTS, split(body, exchange.line))
    return _answer(exchange, _JSON, to_json(body))


def is_message(body: Any) -> bool:
    """Whether a body is a whole Message, so that it can be split into events."""
    return (
        isinstance(body, dict)
        and body.get("type") == "message"
        and isinstance(body.get("content"), list)
        and all(isinstance(block, dict) and "type" in block for block in body["content"])
        and isinstance(body.get("usage"), dict)
        and isinstance(body["usage"].get("output_tokens"), int)
    )


def _answer(
    exchange: RecordedExchange, content_type: bytes | None, body: bytes | AsyncIterator[bytes]
) -> HttpResponse:
    """The recorded status and headers, the content type of the form it was recorded in kept."""
    recorded = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in exchange.response.headers
    ]
    types = [value for name, value in recorded if name == b"content-type"]
    kind = content_type and content_type.partition(b";")[0]
    if kind is not None and not any(value.startswith(kind) for value in types):
        types = [content_type or b""]
    headers: HeaderList = [(b"content-type", value) for value in types[:1]]
    headers += [line for line in recorded if line[0] not in _NOT_PLAYED]
    headers.append((RULE_HEADER.encode(), f"replay/{exchange.line}".encode()))
    return HttpResponse(exchange.response.status, headers, body)


def _play_frames(
    exchange: RecordedExchange, frames: list[Frame], pace: Pace
) -> bytes | AsyncIterator[bytes]:
    if pace.speed is None:
        return b"".join(map(_encode_frame, frames))
    return _iter_in_time(_join_chunks(frames, exchange.ttft_ms), pace)


async def _iter_in_time(
    chunks: Iterable[tuple[float | None, bytes]], pace: Pace
) -> AsyncIterator[bytes]:
    for ms, chunk in chunks:
        await pace.wait_until(ms)
        yield chunk


def _join_chunks(frames: list[Frame], first_ms: float | None) -> list[tuple[float | None, bytes]]:
    """Frames that came together, as one chunk; one without a time came with the frame before."""
    chunks: list[tuple[float | None, list[bytes]]] = []
    for frame in frames:
        ms = first_ms if frame.ms is None and not chunks else frame.ms
        if chunks and (ms is None or ms == chunks[-1][0]):
            chunks[-1][1].append(_encode_frame(frame))
        else:
            chunks.append((ms, [_encode_frame(frame)]))
    return [(ms, b"".join(parts)) for ms, parts in chunks]


def _encode_frame(frame: Frame) -> bytes:
    event = frame.event
    return event.encode() if isinstance(event, str) else encode_event(event)


def split(message: dict[str, Any], line: int) -> bytes:
    """The stream of a message. UnplayableError when it lacks something."""
    try:
        return b"".join(map(encode_event, split_message(message)))
    except (KeyError, TypeError, AttributeError) as error:
        raise UnplayableError.of(line, repr(error)) from error


def assemble(frames: list[Frame], line: int) -> dict[str, Any]:
    """The message of a stream. Raises ApiError for one that ends with an error, UnplayableError for
    one that is malformed or too short."""
    assembler = MessageAssembler()
    try:
        for frame in frames:
            if isinstance(frame.event, dict):
                assembler.feed(frame.event)
        if assembler.error is None:
            return assembler.message
    except StreamError as error:
        raise UnplayableError.of(line, str(error)) from error
    raise assembler.error


def _find_end(exchange: RecordedExchange) -> float | None:
    times = [frame.ms for frame in exchange.response.frames if frame.ms is not None]
    return times[-1] if times else exchange.total_ms


def _list_answered(exchange: RecordedExchange) -> list[Mapping[str, Any]]:
    response = exchange.response
    if response.kind == "body" and isinstance(response.content, dict):
        return list(iter_answered_blocks(response.content.get("content")))
    starts = [
        frame.event.get("content_block")
        for frame in response.frames
        if isinstance(frame.event, dict)
    ]
    return [block for block in starts if isinstance(block, dict)]


def _rename_frame(frame: Frame, renames: Mapping[str, str]) -> Frame:
    if not renames or not isinstance(frame.event, dict) or "content_block" not in frame.event:
        return frame
    block = _rename(frame.event["content_block"], renames)
    return Frame(frame.ms, {**frame.event, "content_block": block})


def _rename(block: Any, renames: Mapping[str, str]) -> Any:
    return rename_block(block, renames) if renames and isinstance(block, dict) else block
