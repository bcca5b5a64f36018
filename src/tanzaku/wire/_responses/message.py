"""The message, its usage, and a token count."""

from typing import Literal, NotRequired, TypedDict

from tanzaku.wire._responses.content import (
    ContainerUploadBlock,
    RedactedThinkingBlock,
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolUseBlock,
)
from tanzaku.wire._responses.server_tools import (
    BashCodeExecutionToolResultBlock,
    CodeExecutionToolResultBlock,
    TextEditorToolResultBlock,
    ToolSearchToolResultBlock,
    WebFetchToolResultBlock,
    WebSearchToolResultBlock,
)

type ContentBlock = (
    TextBlock
    | ThinkingBlock
    | RedactedThinkingBlock
    | ToolUseBlock
    | ServerToolUseBlock
    | WebSearchToolResultBlock
    | WebFetchToolResultBlock
    | CodeExecutionToolResultBlock
    | BashCodeExecutionToolResultBlock
    | TextEditorToolResultBlock
    | ToolSearchToolResultBlock
    | ContainerUploadBlock
)

type StopReason = Literal[
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
]


class CacheCreation(TypedDict):
    """Tokens written to the cache, by how long they stay."""

    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class OutputTokensDetails(TypedDict):
    """A part of `output_tokens`."""

    thinking_tokens: int


class ServerToolUsage(TypedDict):
    web_fetch_requests: int
    web_search_requests: int


class Usage(TypedDict):
    """Tokens. The prompt is `input_tokens` plus both cache counters: none contains another."""

    input_tokens: int
    output_tokens: int
    cache_creation: NotRequired[CacheCreation | None]
    cache_creation_input_tokens: NotRequired[int | None]
    cache_read_input_tokens: NotRequired[int | None]
    inference_geo: NotRequired[str | None]
    output_tokens_details: NotRequired[OutputTokensDetails | None]
    server_tool_use: NotRequired[ServerToolUsage | None]
    service_tier: NotRequired[Literal["standard", "priority", "batch"] | None]
    speed: NotRequired[Literal["standard", "fast"] | None]


class ContainerSkill(TypedDict):
    type: Literal["anthropic", "custom"]
    skill_id: str
    version: str


class Container(TypedDict):
    id: str
    expires_at: str
    skills: NotRequired[list[ContainerSkill] | None]


class CacheMissChange(TypedDict):
    """`cache_missed_input_tokens` are those behind the change."""

    type: Literal["model_changed", "system_changed", "tools_changed", "messages_changed"]
    cache_missed_input_tokens: int


class CacheMissUnknown(TypedDict):
    type: Literal["previous_message_not_found", "unavailable"]


class Diagnostics(TypedDict):
    cache_miss_reason: NotRequired[CacheMissChange | CacheMissUnknown | None]


class RefusalDetails(TypedDict):
    type: Literal["refusal"]
    category: NotRequired[
        Literal["cyber", "bio", "frontier_llm", "reasoning_extraction", "general_harms"] | None
    ]
    explanation: NotRequired[str | None]


class Message(TypedDict):
    """`stop_reason` is null only in the `message_start` of a stream."""

    id: str
    type: Literal["message"]
    role: Literal["assistant"]
    model: str
    content: list[ContentBlock]
    stop_reason: StopReason | None
    stop_sequence: str | None
    usage: Usage
    container: NotRequired[Container | None]
    diagnostics: NotRequired[Diagnostics | None]
    stop_details: NotRequired[RefusalDetails | None]


class MessageTokensCount(TypedDict):
    input_tokens: int
