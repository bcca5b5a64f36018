"""What the gateway reads of an answer, whole or streamed, without changing it."""

from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from tanzaku.exchange import ExchangeError
from tanzaku.transport import (
    HeaderList,
    HttpResponse,
    TransportError,
    decode_body_aside,
    get_header,
)
from tanzaku.wire import REQUEST_ID, ApiError, UsageReader, parse_error_body

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a decoded body that are read and kept: the API's own limit for Messages."""

_TOO_MANY = 1 << 53
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of an answer; each None where the answer has none. `is_partial`: a stream broke
    off before it said how much it wrote, so `usage` is less than the truth."""

    model: str | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    error: ExchangeError | None = None
    is_partial: bool = False


NOTHING_READ = Outcome()


def is_event_stream(headers: HeaderList) -> bool:
    """Whether an answer is server-sent events that can be read as they pass: not compressed."""
    content_type = get_header(headers, b"content-type")
    if content_type is None or not content_type.startswith(b"text/event-stream"):
        return False
    return get_header(headers, b"content-encoding") in (None, b"identity")


def is_json(headers: HeaderList) -> bool:
    """Whether a message says that its body is JSON."""
    return (get_header(headers, b"content-type") or b"").startswith(b"application/json")


async def decode_for_reading(headers: HeaderList, body: bytes) -> bytes:
    """A decoded copy of `body`; empty when it cannot be decoded or is larger than LARGEST_BODY."""
    try:
        return await decode_body_aside(headers, body, LARGEST_BODY)
    except TransportError:
        return b""


def read_whole(status: int, body: bytes, *, is_message: bool) -> Outcome:
    """The outcome of an answer with a decoded JSON body."""
    if status >= 400:
        error = parse_error_body(body, status)
        return Outcome(error=ExchangeError(error.error_type, error.message))
    if not is_message:
        return NOTHING_READ
    try:
        message = from_json(body)
    except ValueError:
        return NOTHING_READ
    if not isinstance(message, dict):
        return NOTHING_READ
    return Outcome(
        _text(message.get("model")),
        _text(message.get("stop_reason")),
        _counts(message.get("usage")),
    )


def read_stream(reader: UsageReader | None, broken: ExchangeError | None) -> Outcome:
    """The outcome of a stream as far as `reader` saw it; its own error event beats `broken`."""
    if reader is None:
        return Outcome(error=broken)
    error = broken
    if reader.error is not None:
        error = ExchangeError(reader.error.error_type, reader.error.message)
    usage, stop_reason = _counts(reader.usage), _text(reader.stop_reason)
    # The last event of a message says both.
    is_partial = usage is not None and stop_reason is None
    return Outcome(_text(reader.model), stop_reason, usage, error, is_partial)


def build_refusal(error: ApiError, request_id: str) -> HttpResponse:
    """`error` as an answer of the gateway's own, in the API's envelope."""
    headers = [
        (b"content-type", b"application/json"),
        (REQUEST_ID, request_id.encode()),
        *error.headers,
    ]
    return HttpResponse(error.status, headers, error.body(request_id))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _counts(usage: object) -> dict[str, Any] | None:
    """`usage` when it is one: an upstream's nonsense is neither priced nor summed."""
    if not isinstance(usage, dict):
        return None
    for name in _COUNTS:
        count = usage.get(name)
        if count is not None and (type(count) is not int or not 0 <= count < _TOO_MANY):
            return None
    return usage
