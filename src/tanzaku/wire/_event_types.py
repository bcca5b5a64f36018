"""The events of a streamed message, as JSON objects.

Source: SDK 2.12.0 `types/raw_*`, the page "streaming". New kinds of events and deltas may appear
within a version, so a reader passes over what it does not know.
"""

from typing import Any, Literal, NotRequired, TypedDict


class TextDelta(TypedDict):
    type: Literal["text_delta"]
    text: str


class InputJsonDelta(TypedDict):
    """A piece of a tool's input as JSON text; the pieces of a block concatenate to one object."""

    type: Literal["input_json_delta"]
    partial_json: str


class CitationsDelta(TypedDict):
    type: Literal["citations_delta"]
    citation: dict[str, Any]


class ThinkingDelta(TypedDict):
    type: Literal["thinking_delta"]
    thinking: str


class SignatureDelta(TypedDict):
    """Once for a thinking block, whole, just before the block stops."""

    type: Literal["signature_delta"]
    signature: str


class CompactionDelta(TypedDict):
    """Beta: the whole summary in one delta."""

    type: Literal["compaction_delta"]
    content: str | None
    encrypted_content: NotRequired[str | None]


type ContentBlockDelta = (
    TextDelta | InputJsonDelta | CitationsDelta | ThinkingDelta | SignatureDelta | CompactionDelta
)


class MessageStartEvent(TypedDict):
    """The message without content, stop reason and final counts."""

    type: Literal["message_start"]
    message: dict[str, Any]


class ContentBlockStartEvent(TypedDict):
    type: Literal["content_block_start"]
    index: int
    content_block: dict[str, Any]


class ContentBlockDeltaEvent(TypedDict):
    type: Literal["content_block_delta"]
    index: int
    delta: ContentBlockDelta


class ContentBlockStopEvent(TypedDict):
    type: Literal["content_block_stop"]
    index: int


class MessageDelta(TypedDict):
    stop_reason: str | None
    stop_sequence: str | None
    stop_details: NotRequired[dict[str, Any] | None]
    container: NotRequired[dict[str, Any] | None]


class MessageDeltaUsage(TypedDict):
    """Totals so far, not increments. No TTL split, service tier or geography stand here."""

    output_tokens: int
    input_tokens: NotRequired[int | None]
    cache_creation_input_tokens: NotRequired[int | None]
    cache_read_input_tokens: NotRequired[int | None]
    output_tokens_details: NotRequired[dict[str, Any] | None]
    server_tool_use: NotRequired[dict[str, Any] | None]


class MessageDeltaEvent(TypedDict):
    type: Literal["message_delta"]
    delta: MessageDelta
    usage: MessageDeltaUsage


class MessageStopEvent(TypedDict):
    type: Literal["message_stop"]


class PingEvent(TypedDict):
    type: Literal["ping"]


class StreamedError(TypedDict):
    type: str
    message: str
    details: dict[str, Any] | None


class ErrorEvent(TypedDict):
    """The last event of a stream that broke; no `message_stop` follows."""

    type: Literal["error"]
    error: StreamedError
    request_id: NotRequired[str]


type Event = (
    MessageStartEvent
    | ContentBlockStartEvent
    | ContentBlockDeltaEvent
    | ContentBlockStopEvent
    | MessageDeltaEvent
    | MessageStopEvent
    | PingEvent
    | ErrorEvent
)
