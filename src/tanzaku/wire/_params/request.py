"""Bodies of `POST /v1/messages`, `/v1/messages/count_tokens` and `/v1/messages/batches`."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tanzaku.wire._params.beta import (
    BillingPolicyParam,
    CompactionBlockParam,
    CompactionConfigParam,
    ContextManagementParam,
    FallbackBlockParam,
    FallbackCreditTokenParam,
    McpServerParam,
    McpToolListingBlockParam,
    McpToolResultBlockParam,
    McpToolUseBlockParam,
    TaskBudgetParam,
    ThreadParam,
)
from tanzaku.wire._params.constraints import Bounds, ByType, Index, StringOr
from tanzaku.wire._params.content import (
    CacheControlParam,
    ContainerUploadBlockParam,
    DocumentBlockParam,
    ImageBlockParam,
    RedactedThinkingBlockParam,
    SearchResultBlockParam,
    TextBlockParam,
    ThinkingBlockParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from tanzaku.wire._params.server_tools import (
    BashCodeExecutionToolResultBlockParam,
    CodeExecutionToolResultBlockParam,
    ServerToolUseBlockParam,
    TextEditorToolResultBlockParam,
    ToolSearchToolResultBlockParam,
    WebFetchToolResultBlockParam,
    WebSearchToolResultBlockParam,
)
from tanzaku.wire._params.tools import ToolChoiceParam, ToolParam

type Effort = Literal["low", "medium", "high", "xhigh", "max"]
type ThinkingDisplay = Literal["summarized", "omitted"]
type Speed = Literal["standard", "fast"]

type ContentBlockParam = Annotated[
    TextBlockParam
    | ImageBlockParam
    | DocumentBlockParam
    | SearchResultBlockParam
    | ThinkingBlockParam
    | RedactedThinkingBlockParam
    | ToolUseBlockParam
    | ToolResultBlockParam
    | ServerToolUseBlockParam
    | WebSearchToolResultBlockParam
    | WebFetchToolResultBlockParam
    | CodeExecutionToolResultBlockParam
    | BashCodeExecutionToolResultBlockParam
    | TextEditorToolResultBlockParam
    | ToolSearchToolResultBlockParam
    | ContainerUploadBlockParam
    | McpToolUseBlockParam
    | McpToolResultBlockParam
    | McpToolListingBlockParam
    | CompactionBlockParam
    | FallbackBlockParam,
    ByType(),
]


class TurnOutputConfigParam(TypedDict):
    effort: NotRequired[Effort | None]


class MessageParam(TypedDict):
    """One turn. `system` stands only in mid conversation, on some models, and holds text alone.

    Beta: `output_config` of a `system` turn.
    """

    role: Literal["user", "assistant", "system"]
    content: Annotated[str | list[ContentBlockParam], StringOr()]
    output_config: NotRequired[TurnOutputConfigParam | None]


class ThinkingEnabledParam(TypedDict):
    """Manual thinking; the budget is a part of `max_tokens`."""

    type: Literal["enabled"]
    budget_tokens: Annotated[int, Bounds(ge=1024)]
    display: NotRequired[ThinkingDisplay | None]


class ThinkingAdaptiveParam(TypedDict):
    type: Literal["adaptive"]
    display: NotRequired[ThinkingDisplay | None]


class ThinkingDisabledParam(TypedDict):
    type: Literal["disabled"]


class ThinkingBetweenToolsParam(TypedDict):
    type: Literal["between_tools"]


type ThinkingParam = Annotated[
    ThinkingEnabledParam
    | ThinkingAdaptiveParam
    | ThinkingDisabledParam
    | ThinkingBetweenToolsParam,
    ByType(),
]


class JsonFormatParam(TypedDict):
    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfigParam(TypedDict):
    """Beta: `task_budget`."""

    effort: NotRequired[Effort | None]
    format: NotRequired[JsonFormatParam | None]
    task_budget: NotRequired[TaskBudgetParam | None]


class MetadataParam(TypedDict):
    user_id: NotRequired[Annotated[str, Bounds(max_length=512)] | None]


class SkillParam(TypedDict):
    type: Literal["anthropic", "custom"]
    skill_id: Annotated[str, Bounds(min_length=1, max_length=64)]
    version: NotRequired[Annotated[str, Bounds(min_length=1, max_length=64)]]


class ContainerParam(TypedDict):
    id: NotRequired[str | None]
    skills: NotRequired[list[SkillParam] | None]


class DiagnosticsParam(TypedDict):
    """Asks why a request missed the cache that the named message's request had written."""

    previous_message_id: NotRequired[str | None]


class FallbackParam(TypedDict):
    """Beta: a model to try when the one before it refuses, with its own settings."""

    model: str
    max_tokens: NotRequired[int | None]
    output_config: NotRequired[OutputConfigParam | None]
    speed: NotRequired[Speed | None]
    thinking: NotRequired[ThinkingParam | None]


type SystemParam = Annotated[str | list[TextBlockParam], StringOr()]
type _Messages = Annotated[list[MessageParam], Bounds(max_length=100_000)]
type _McpServers = Annotated[list[McpServerParam], Bounds(max_length=20)]


class MessageCreateParam(TypedDict):
    """Body of `POST /v1/messages`.

    `temperature`, `top_p` and `top_k` exist up to version 2023-06-01 only. Beta:
    `billing_policy`, `compaction`, `context_management`, `fallback_credit_token`, `fallbacks`,
    `mcp_servers`, `thread`.
    """

    model: str
    messages: _Messages
    billing_policy: NotRequired[BillingPolicyParam | None]
    cache_control: NotRequired[CacheControlParam | None]
    compaction: NotRequired[CompactionConfigParam | None]
    container: NotRequired[Annotated[str | ContainerParam, StringOr()] | None]
    context_management: NotRequired[ContextManagementParam | None]
    diagnostics: NotRequired[DiagnosticsParam | None]
    fallback_credit_token: NotRequired[Annotated[str | FallbackCreditTokenParam, StringOr()] | None]
    fallbacks: NotRequired[Annotated[Literal["default"] | list[FallbackParam], StringOr()] | None]
    inference_geo: NotRequired[str | None]
    max_tokens: Index
    mcp_servers: NotRequired[_McpServers]
    metadata: NotRequired[MetadataParam]
    output_config: NotRequired[OutputConfigParam]
    service_tier: NotRequired[Literal["auto", "standard_only"]]
    speed: NotRequired[Speed | None]
    stop_sequences: NotRequired[list[str]]
    stream: NotRequired[bool]
    system: NotRequired[SystemParam]
    temperature: NotRequired[Annotated[float, Bounds(ge=0, le=1)]]
    thinking: NotRequired[ThinkingParam]
    thread: NotRequired[ThreadParam | None]
    tool_choice: NotRequired[ToolChoiceParam]
    tools: NotRequired[list[ToolParam]]
    top_k: NotRequired[Index]
    top_p: NotRequired[Annotated[float, Bounds(ge=0, le=1)]]


class MessageCountTokensParam(TypedDict):
    """Body of `POST /v1/messages/count_tokens`. Beta: `context_management`, `mcp_servers`."""

    model: str
    messages: _Messages
    cache_control: NotRequired[CacheControlParam | None]
    context_management: NotRequired[ContextManagementParam | None]
    mcp_servers: NotRequired[_McpServers]
    output_config: NotRequired[OutputConfigParam]
    speed: NotRequired[Speed | None]
    system: NotRequired[SystemParam]
    thinking: NotRequired[ThinkingParam]
    tool_choice: NotRequired[ToolChoiceParam]
    tools: NotRequired[list[ToolParam]]


class BatchRequestParam(TypedDict):
    """One request of a batch; its `params` are checked when the batch runs, not on creation."""

    custom_id: Annotated[str, Bounds(min_length=1, max_length=64, pattern="^[a-zA-Z0-9_-]{1,64}$")]
    params: dict[str, Any]


class BatchCreateParam(TypedDict):
    """Body of `POST /v1/messages/batches`."""

    requests: Annotated[list[BatchRequestParam], Bounds(min_length=1, max_length=100_000)]
