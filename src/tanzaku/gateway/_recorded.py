"""What was heard of an exchange, as the line a recording keeps of it: read, redacted, in order.

Called from the thread that writes, so it may take its time.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic_core import from_json

from tanzaku.core import SseDecoder
from tanzaku.exchange import (
    LABEL_PREFIX,
    Exchange,
    Frame,
    RecordedExchange,
    RecordedRequest,
    RecordedResponse,
)
from tanzaku.gateway._answer import LARGEST_BODY, is_json
from tanzaku.gateway._edge import NO_ANSWER_STATUS
from tanzaku.gateway._settle import CLIENT_GONE_STATUS, ENDED_BY_CLIENT
from tanzaku.gateway._stream import FrameGate
from tanzaku.transport import (
    BodyEncodingError,
    HeaderList,
    HttpRequest,
    decode_body,
    get_header,
    redact_json,
)
from tanzaku.wire import merge_usage

_CONVERSATIONS = frozenset({"/v1/messages", "/v1/messages/count_tokens"})
_KEPT_NAMES = frozenset(
    {
        "cache-control",
        "content-type",
        "request-id",
        "retry-after",
        "retry-after-ms",
        "user-agent",
        "x-should-retry",
    }
)
_KEPT_PREFIXES = ("anthropic-", LABEL_PREFIX)
_FRAME = re.compile(rb"(?s:.*?)(?>\r\n|\n|\r){2}")
_PIECES = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_LAST_EVENTS = frozenset({"message_stop", "error"})
_HUGE = re.compile(rb"[0-9][eE]\+?[0-9]{3}|[0-9]{309}")

type Chunks = list[tuple[float | None, bytes]]
"""A body as it came: milliseconds since the request went out (None: unknown), and the bytes."""


@dataclass(slots=True)
class Heard:
    """An exchange with the upstream named `upstream` that began `at`, Unix seconds."""

    at: float
    upstream: str
    request: HttpRequest
    status: int
    headers: HeaderList
    chunks: Chunks
    total_ms: float | None = None
    is_cut: bool = False
    is_left_by_client: bool = False


def is_recordable(request: HttpRequest, headers: HeaderList) -> bool:
    """Whether an exchange is text that people read: JSON or nothing asked, JSON, events or text
    answered. Uploads and downloads are not."""
    is_asked = not request.body or is_json(request.headers) or request.path in _CONVERSATIONS
    kind = get_header(headers, b"content-type") or b"text/"
    return is_asked and (kind.startswith(b"text/") or is_json(headers))


def build_recorded(heard: Heard) -> RecordedExchange | None:
    """The exchange without credentials; None where a body cannot be read."""
    try:
        asked = decode_body(heard.request.headers, heard.request.body, LARGEST_BODY)
        chunks = _decode_chunks(heard.headers, heard.chunks)
    except BodyEncodingError:
        return None
    response = _build_response(heard.status, heard.headers, chunks)
    is_cut = heard.is_cut
    if response.kind == "events":
        is_cut = not any(_read_type(frame) in _LAST_EVENTS for frame in response.frames)
    side: Literal["client", "upstream"] = "client" if heard.is_left_by_client else "upstream"
    times = [ms for ms, _ in chunks if ms is not None]
    return RecordedExchange(
        at=heard.at,
        upstream=heard.upstream,
        request=RecordedRequest(
            heard.request.method,
            redact_json(heard.request.target),
            _keep_headers(heard.request.headers),
            redact_json(_read_body(asked)),
        ),
        response=response,
        ttft_ms=times[0] if times else None,
        total_ms=_round(heard.total_ms),
        usage=_find_usage(response),
        cut=side if is_cut else None,
    )


def build_recorded_from_ledger(exchange: Exchange) -> RecordedExchange | None:
    """A kept exchange as a recording has it, without times of its frames.

    None for one that has not ended, and for uploads and downloads. It is what the client got, an
    injected fault included.
    """
    settled = exchange.settlement
    if settled is None:
        return None
    request = HttpRequest(
        exchange.method,
        exchange.target,
        _without_coding(exchange.request_headers),
        exchange.request_body,
    )
    headers = _without_coding(settled.response_headers)
    if not is_recordable(request, headers):
        return None
    heard = Heard(
        exchange.started_at,
        settled.route,
        request,
        settled.status,
        headers,
        [(None, settled.response_body)],
        settled.timings.total_ms,
        is_left_by_client=settled.error is not None and settled.error.type in ENDED_BY_CLIENT,
    )
    if settled.status in (NO_ANSWER_STATUS, CLIENT_GONE_STATUS):
        return None
    recorded = build_recorded(heard)
    return recorded and replace(recorded, ttft_ms=_round(settled.timings.ttft_ms))


def _without_coding(headers: Iterable[tuple[str, str]]) -> HeaderList:
    """Kept bodies are decoded, whatever their headers still say."""
    return [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers
        if name != "content-encoding"
    ]


def _decode_chunks(headers: HeaderList, chunks: Chunks) -> Chunks:
    if get_header(headers, b"content-encoding") in (None, b"identity"):
        return chunks
    return [(None, decode_body(headers, b"".join(chunk for _, chunk in chunks), LARGEST_BODY))]


def _build_response(status: int, headers: HeaderList, chunks: Chunks) -> RecordedResponse:
    kept = _keep_headers(headers)
    if (get_header(headers, b"content-type") or b"").startswith(b"text/event-stream"):
        return RecordedResponse(status, kept, "events", _redact_frames(_read_frames(chunks)))
    body = b"".join(chunk for _, chunk in chunks)
    if is_json(headers):
        try:
            return RecordedResponse(status, kept, "body", redact_json(_parse(body)))
        except ValueError:
            pass
    return RecordedResponse(status, kept, "text", redact_json(body.decode("utf-8", "replace")))


def _read_body(body: bytes) -> Any:
    if not body:
        return None
    try:
        return _parse(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _parse(body: bytes) -> Any:
    value = from_json(body, allow_inf_nan=False)
    if _HUGE.search(body):
        json.dumps(value, allow_nan=False)  # what reads as infinite cannot be written as JSON again
    return value


def _keep_headers(headers: HeaderList) -> list[tuple[str, str]]:
    decoded = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    return [
        (redact_json(name), redact_json(value))
        for name, value in decoded
        if name in _KEPT_NAMES or name.startswith(_KEPT_PREFIXES)
    ]


def _read_frames(chunks: Chunks) -> list[Frame]:
    """A frame has the time of the chunk in which it ended."""
    gate = FrameGate()
    frames: list[Frame] = []
    ms: float | None = None
    for ms, chunk in chunks:
        frames += [Frame(_round(ms), _read_frame(raw)) for raw in _FRAME.findall(gate.feed(chunk))]
    if rest := gate.take_rest():
        frames.append(Frame(_round(ms), rest.decode("utf-8", "replace")))
    return frames


def _read_frame(raw: bytes) -> dict[str, Any] | str:
    for frame in SseDecoder().feed(raw):
        try:
            event = _parse(frame.data)
        except ValueError:
            break
        if isinstance(event, dict) and event.get("type") == frame.event:
            return event
    return raw.decode("utf-8", "replace")


def _read_type(frame: Frame) -> Any:
    return frame.event["type"] if isinstance(frame.event, dict) else None


def _redact_frames(frames: list[Frame]) -> list[Frame]:
    """A credential may be cut over several deltas, so the pieces of a block are read as one."""
    pieces: dict[tuple[Any, str], list[int]] = {}
    redacted = list(frames)
    for at, frame in enumerate(frames):
        place = _find_piece(frame)
        if place is None:
            redacted[at] = Frame(frame.ms, redact_json(frame.event))
        else:
            pieces.setdefault(place, []).append(at)
    for (_, field), places in pieces.items():
        texts = [_read_delta(frames[at])[field] for at in places]
        whole = "".join(texts)
        masked = _redact_input(whole) if field == "partial_json" else redact_json(whole)
        if masked != whole:
            for at, text in zip(places, _recut(masked, [len(text) for text in texts]), strict=True):
                redacted[at] = _with_piece(frames[at], field, text)
    return redacted


def _find_piece(frame: Frame) -> tuple[Any, str] | None:
    """Block and field that a delta adds text to."""
    if _read_type(frame) != "content_block_delta":
        return None
    delta = _read_delta(frame)
    field = _PIECES.get(str(delta.get("type")))
    if field is None or not isinstance(delta.get(field), str):
        return None
    assert isinstance(frame.event, dict)
    return str(frame.event.get("index")), field


def _read_delta(frame: Frame) -> dict[str, Any]:
    delta = frame.event.get("delta") if isinstance(frame.event, dict) else None
    return delta if isinstance(delta, dict) else {}


def _with_piece(frame: Frame, field: str, text: str) -> Frame:
    assert isinstance(frame.event, dict)
    return Frame(frame.ms, {**frame.event, "delta": {**frame.event["delta"], field: text}})


def _redact_input(text: str) -> str:
    """A tool's input as JSON text, its values redacted one by one."""
    try:
        value = _parse(text.encode("utf-8", "replace"))
    except ValueError:
        return str(redact_json(text))
    masked = redact_json(value)
    return text if masked is value else json.dumps(masked, ensure_ascii=False)


def _recut(text: str, lengths: list[int]) -> Iterator[str]:
    """`text` in as many pieces as it had, the last one with the rest."""
    at = 0
    for length in lengths[:-1]:
        yield text[at : at + length]
        at += length
    yield text[at:]


def _find_usage(response: RecordedResponse) -> dict[str, Any] | None:
    if response.kind == "body":
        usage = response.content.get("usage") if isinstance(response.content, dict) else None
        return usage if isinstance(usage, dict) else None
    merged: dict[str, Any] = {}
    for frame in response.frames:
        event = frame.event if isinstance(frame.event, dict) else {}
        holder = event.get("message") if event.get("type") == "message_start" else event
        usage = holder.get("usage") if isinstance(holder, dict) else None
        if isinstance(usage, dict):
            merged = merge_usage(merged, usage)
    return merged or None


def _round(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 3)
