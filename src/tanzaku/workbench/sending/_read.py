"""Claude's answers read off bytes and frames; anybody else's left alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from json import loads
from typing import Any, Final

from tanzaku.core import SseFrame
from tanzaku.wire import ApiError, MessageAssembler, StreamError, parse_error_body

_KINDS: Final = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    }
)


def read_json(text: bytes | str) -> Any:
    """A value of RFC 8259. ValueError for anything else, `NaN` and a depth beyond Python's too."""
    try:
        return loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("the document is nested too deeply") from None


def read_json_or_text(data: bytes) -> Any:
    """The value of a JSON document; what is none, as text."""
    try:
        return read_json(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`; an empty one where there is none."""
    try:
        value = read_json(data)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """The Message that came, as far as it did; what is wrong with the order of its events; and the
    error that an `error` event told."""

    message: dict[str, Any] | None = None
    problem: str | None = None
    error: ApiError | None = None


def read_whole(body: bytes) -> ReadMessage:
    """Of an answer in one piece."""
    whole = read_object(body)
    is_message = whole.get("type") == "message" and isinstance(whole.get("content"), list)
    return ReadMessage(whole if is_message else None)


type _Read = tuple[SseFrame, Any]


def read_stream(frames: Sequence[SseFrame], *, is_claudes: bool) -> ReadMessage:
    """Of an event stream. One that is not known to be Claude's (`is_claudes`) and has none of its
    events is somebody else's, in which nothing can be out of order."""
    events = [(frame, read_json_or_text(frame.data)) for frame in frames]
    if not is_claudes and not any(_is_claudes(frame, event) for frame, event in events):
        return ReadMessage()
    assembler, problem = _assemble(events)
    try:
        message: dict[str, Any] | None = assembler.message
    except StreamError as error:
        problem = problem or (None if assembler.error else str(error))
        message = _read_without_inputs(events)
    if problem is None and not assembler.is_complete and assembler.error is None:
        problem = "message_stop never came"
    return ReadMessage(message, problem, assembler.error)


def _is_claudes(frame: SseFrame, event: Any) -> bool:
    kind = event.get("type") if isinstance(event, dict) else None
    if kind in _KINDS:
        return True
    return kind == frame.event == "error" and isinstance(event.get("error"), dict)


def _assemble(events: Iterable[_Read]) -> tuple[MessageAssembler, str | None]:
    """As far as the events can be followed, and why no farther."""
    assembler = MessageAssembler()
    try:
        for frame, event in events:
            assembler.feed(_check_event(frame, event))
    except StreamError as error:
        return assembler, str(error)
    return assembler, None


def _check_event(frame: SseFrame, event: Any) -> dict[str, Any]:
    kind = event.get("type", frame.event) if isinstance(event, dict) else frame.event
    if not frame.event:
        raise StreamError(f"{kind or 'a frame'} has no event line, so the SDKs pass over it")
    if not isinstance(event, dict):
        raise StreamError(f"the data of {frame.event} is no JSON object")
    if kind != frame.event:
        raise StreamError(f"the event {frame.event} carries the data of {kind}")
    return {**event, "type": kind}


def _read_without_inputs(events: Iterable[_Read]) -> dict[str, Any] | None:
    """The message less the arguments of its tool calls, one of which is no JSON."""
    assembler, _ = _assemble(
        (frame, event)
        for frame, event in events
        if _get(event, "delta", "type") != "input_json_delta"
    )
    try:
        return assembler.message
    except StreamError:
        return None


def read_inputs(frames: Iterable[SseFrame]) -> dict[int, str]:
    """The arguments of each tool call as their pieces spell them, by the number of its block."""
    inputs: dict[int, str] = {}
    for frame in frames:
        event = read_json_or_text(frame.data)
        piece = _get(event, "delta", "partial_json")
        if isinstance(piece, str) and isinstance(event.get("index"), int):
            inputs[event["index"]] = inputs.get(event["index"], "") + piece
    return inputs


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def read_error(status: int, body: bytes, told: ApiError | None) -> ApiError | None:
    """The error of the API's own envelope, or the one that its stream `told`."""
    if told is not None:
        return told
    envelope = read_object(body)
    is_error = envelope.get("type") == "error" and isinstance(envelope.get("error"), dict)
    return parse_error_body(body, status) if status >= 400 and is_error else None
