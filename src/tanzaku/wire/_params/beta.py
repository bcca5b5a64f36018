"""Parts of a request that a beta header unlocks (`wire._beta` says which)."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from tanzaku.wire._params.constraints import AtLeastOne, Bounds, ByType, Index, StringOr, ToolUseId
from tanzaku.wire._params.content import CacheControlParam, TextBlockParam
from tanzaku.wire._params.tools import McpToolParam


class BillingPolicyParam(TypedDict):
    type: Literal["billing_policy"]
    bill_to: NotRequired[Literal["self", "user_profile"]]


class CompactionConfigParam(TypedDict):
    type: Literal["summarize"]
    instructions: NotRequired[str | None]


class InputTokensParam(TypedDict):
    type: Literal["input_tokens"]
    value: Index


class InputTokensTriggerParam(TypedDict):
    type: Literal["input_tokens"]
    value: AtLeastOne


class ToolUsesKeepParam(TypedDict):
    type: Literal["tool_uses"]
    value: Index


class ToolUsesTriggerParam(TypedDict):
    type: Literal["tool_uses"]
    value: AtLeastOne


class ClearToolUsesEditParam(TypedDict):
    """Defaults: from 100,000 input tokens on, keeping the last three uses."""

    type: Literal["clear_tool_uses_20250919"]
    clear_at_least: NotRequired[InputTokensParam | None]
    clear_tool_inputs: NotRequired[bool | list[str] | None]
    exclude_tools: NotRequired[list[str] | None]
    keep: NotRequired[ToolUsesKeepParam]
    trigger: NotRequired[Annotated[InputTokensTriggerParam | ToolUsesTriggerParam, ByType()]]


class ThinkingTurnsParam(TypedDict):
    type: Literal["thinking_turns"]
    value: AtLeastOne


class AllThinkingTurnsParam(TypedDict):
    type: Literal["all"]


class ClearThinkingEditParam(TypedDict):
    type: Literal["clear_thinking_20251015"]
    keep: NotRequired[
        Annotated[
            Literal["all"] | Annotated[ThinkingTurnsParam | AllThinkingTurnsParam, ByType()],
            StringOr(),
        ]
    ]


class CompactEditParam(TypedDict):
    """Default: from 150,000 input tokens on."""

    type: Literal["compact_20260112"]
    instructions: NotRequired[str | None]
    pause_after_compaction: NotRequired[bool]
    trigger: NotRequired[InputTokensTriggerParam | None]


class ContextManagementParam(TypedDict):
    edits: NotRequired[
        list[
            Annotated[ClearToolUsesEditParam | ClearThinkingEditParam | CompactEditParam, ByType()]
        ]
    ]


class FallbackCreditTokenParam(TypedDict):
    token: str
    mode: NotRequired[Literal["strict", "best_effort"]]


class McpServerToolConfigurationParam(TypedDict):
    allowed_tools: NotRequired[list[str] | None]
    enabled: NotRequired[bool | None]


class McpServerParam(TypedDict):
    type: Literal["url"]
    name: str
    url: str
    authorization_token: NotRequired[str | None]
    tool_configuration: NotRequired[McpServerToolConfigurationParam | None]


class ThreadCreateParam(TypedDict):
    type: Literal["create"]


class ThreadContinueParam(TypedDict):
    type: Literal["continue"]
    previous_message_id: str


type ThreadParam = Annotated[ThreadCreateParam | ThreadContinueParam, ByType()]


class TaskBudgetParam(TypedDict):
    """In tokens. `remaining` is what is left of `total` when a task goes on."""

    type: Literal["tokens"]
    total: Annotated[int, Bounds(ge=1024)]
    remaining: NotRequired[Index | None]


class McpToolUseBlockParam(TypedDict):
    type: Literal["mcp_tool_use"]
    id: ToolUseId
    name: str
    server_name: str
    input: dict[str, Any]
    cache_control: NotRequired[CacheControlParam | None]


class McpToolResultBlockParam(TypedDict):
    type: Literal["mcp_tool_result"]
    tool_use_id: ToolUseId
    cache_control: NotRequired[CacheControlParam | None]
    content: NotRequired[Annotated[str | list[TextBlockParam], StringOr()]]
    is_error: NotRequired[bool]


class McpToolListingBlockParam(TypedDict):
    type: Literal["mcp_tool_listing"]
    mcp_server_name: str
    tools: list[McpToolParam]


class CompactionBlockParam(TypedDict):
    """The summary that stands for all content before it, sent back as it was received."""

    type: Literal["compaction"]
    cache_control: NotRequired[CacheControlParam | None]
    content: NotRequired[str | None]
    encrypted_content: NotRequired[str | None]
    signature: NotRequired[str | None]
    tool_changes: NotRequired[list[dict[str, Any]] | None]


class FallbackModelParam(TypedDict):
    model: str


FallbackBlockParam = TypedDict(
    "FallbackBlockParam",
    {
        "type": Literal["fallback"],
        "from": FallbackModelParam,
        "to": FallbackModelParam,
        "trigger": NotRequired[Any],
    },
)
