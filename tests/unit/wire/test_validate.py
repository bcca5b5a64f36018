"""What the API refuses, row by row, and what it must not refuse.

A row's text is copied from the reference the project was given, not from the code. A row marked as
a guess has a text, or a refusal as such, without a primary source.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from tanzaku.catalog import get_model, list_models
from tanzaku.wire import (
    VERSION_2023_06_01,
    VERSION_2026_10_21,
    Violation,
    validate,
)

OLD, NEW = VERSION_2023_06_01, VERSION_2026_10_21
H45, S45, O45 = "claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5"
S46, O46 = "claude-sonnet-4-6", "claude-opus-4-6"
O47, O48, S5, O5 = "claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5", "claude-opus-5"
H55, S55, O55 = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
F51, M51 = "claude-fable-5-1", "claude-mythos-5-1"

GONE: Any = object()
CACHED = {"cache_control": {"type": "ephemeral"}}
CACHED_1H = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
ENABLED = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}
ADAPTIVE = {"thinking": {"type": "adaptive"}}
DISABLED = {"thinking": {"type": "disabled"}}
BETWEEN = {"thinking": {"type": "between_tools"}}
TOOL = {"name": "look_up", "input_schema": {"type": "object"}}
ANY = {"tools": [TOOL], "tool_choice": {"type": "any"}}
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": CLOSED}}}
COMPUTER = {
    "type": "computer_20250124",
    "name": "computer",
    "display_width_px": 1024,
    "display_height_px": 768,
}
THOUGHT = {"type": "thinking", "thinking": "", "signature": "c2ln"}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
PDF = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
}
CITATION = {
    "type": "char_location",
    "cited_text": "a",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 0,
    "end_char_index": 1,
}
DOCS = "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"


def text(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if content == ("hi",) else list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def use(tool_use_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": tool_use_id, "name": "look_up", "input": {}, **more}


def result(tool_use_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": tool_use_id, **more}


def turns(*messages: dict[str, Any]) -> dict[str, Any]:
    return {"messages": list(messages)}


def schema(**more: Any) -> dict[str, Any]:
    form = {"type": "json_schema", "schema": {**CLOSED, **more}}
    return {"output_config": {"format": form}}


def build_request(model: str, patch: dict[str, Any]) -> dict[str, Any]:
    request = {"model": model, "max_tokens": 1024, "messages": [user("hi")], **patch}
    return {name: value for name, value in request.items() if value is not GONE}


@dataclass(frozen=True)
class Bad:
    name: str
    model: str
    patch: dict[str, Any]
    text: str
    version: str = NEW
    is_guess: bool = False
    endpoint: Any = "messages"
    betas: tuple[str, ...] = ()
    status: int = 400
    error_type: str = "invalid_request_error"


@dataclass(frozen=True)
class Good:
    name: str
    model: str
    patch: dict[str, Any]
    version: str = NEW
    endpoint: Any = "messages"
    betas: tuple[str, ...] = ()


EXTRA = "Extra inputs are not permitted"
ENABLED_TEXT = (
    '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
    '"output_config.effort" to control thinking behavior.'
)
ALWAYS_TEXT = (
    '"thinking.type.disabled" is not supported for this model. Use "output_config.effort" to '
    "control thinking behavior."
)
FORCED_TEXT = 'tool_choice: type "tool" and "any" are not supported for this model.'
PREFILL_TEXT = (
    "This model does not support assistant message prefill. The conversation must end with a user "
    "message."
)
BOTH_TEXT = (
    "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
)
TEMPERATURE_TEXT = (
    "`temperature` may only be set to 1 when thinking is enabled. Please consult our documentation "
    f"at {DOCS}#important-considerations-when-using-extended-thinking"
)
ADDITIONAL_TEXT = "For 'object' type, 'additionalProperties' must be explicitly set to false"
EMPTY_TEXT = (
    "all messages must have non-empty content except for the optional final assistant message"
)
TTL_TEXT = (
    "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that "
    "blocks are processed in the following order: tools, system, messages."
)


def dangling(index: int, tool_use_id: str) -> str:
    return (
        f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately "
        f"after: {tool_use_id}. Each `tool_use` block must have a corresponding `tool_result` "
        "block in the next message."
    )


def orphan(path: str, tool_use_id: str) -> str:
    return (
        f"{path}: unexpected `tool_use_id` found in `tool_result` blocks: {tool_use_id}. Each "
        "`tool_result` block must have a corresponding `tool_use` block in the previous message."
    )


def unthought(index: int, kind: str) -> str:
    return (
        f"messages.{index}.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
        f"`{kind}`. When `thinking` is enabled, a final `assistant` message must start with a "
        "thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks). We "
        "recommend you include thinking blocks from previous turns. To avoid this requirement, "
        f"disable `thinking`. Please consult our documentation at {DOCS}"
    )


PAIRED = (user("hi"), assistant(use("toolu_1")), user(result("toolu_1", content="42")))

SHAPES = [
    Bad("no model", H45, {"model": GONE}, "model: Field required"),
    Bad("no messages", H45, {"messages": GONE}, "messages: Field required"),
    Bad("no max_tokens", H45, {"max_tokens": GONE}, "max_tokens: Field required"),
    Bad("unknown field", H45, {"prompt": "hi"}, f"prompt: {EXTRA}"),
    Bad("OpenAI's field", H45, {"n": 1}, f"n: {EXTRA}"),
    Bad("workspace in the body", H45, {"workspace_id": "w"}, f"workspace_id: {EXTRA}"),
    Bad("negative max_tokens", H45, {"max_tokens": -1},
        "max_tokens: Input should be greater than or equal to 0"),
    Bad("max_tokens as text", H45, {"max_tokens": "10"},
        "max_tokens: Input should be a valid integer"),
    Bad("messages no list", H45, {"messages": "hi"}, "messages: Input should be a valid list"),
    Bad("system an object", H45, {"system": {"text": "hi"}},
        "system: Input should be a valid list"),
    Bad("content null", H45, turns({"role": "user", "content": None}),
        "messages.0.content: Input should be a valid list"),
    Bad("no content", H45, turns({"role": "user"}), "messages.0.content: Field required"),
    Bad("unknown role", H45, turns({"role": "tool", "content": "hi"}),
        "messages.0.role: Input should be 'user', 'assistant' or 'system'"),
    Bad("unknown field of a turn", H45, turns({**user("hi"), "name": "x"}),
        f"messages.0.name: {EXTRA}"),
    Bad("unknown block", H45, turns(user({"type": "image_url"})),
        "messages.0.content.0: Input tag 'image_url' found using 'type' does not match any of the "
        "expected tags: 'bash_code_execution_tool_result', 'code_execution_tool_result', "
        "'container_upload', 'document', 'image', 'redacted_thinking', 'search_result', "
        "'server_tool_use', 'text', 'text_editor_code_execution_tool_result', 'thinking', "
        "'tool_result', 'tool_search_tool_result', 'tool_use', 'web_fetch_tool_result', "
        "'web_search_tool_result'"),
    Bad("block without type", H45, turns(user({"text": "hi"})),
        "messages.0.content.0.type: Field required", is_guess=True),
    Bad("block no object", H45, turns(user("ho", "ha")),
        "messages.0.content.0: Input should be a valid dictionary", is_guess=True),
    Bad("text missing", H45, turns(user({"type": "text"})),
        "messages.0.content.0.text.text: Field required"),
    Bad("media type", H45,
        turns(user({**PNG, "source": {**PNG["source"], "media_type": "image/bmp"}})),  # type: ignore[dict-item]
        "messages.0.content.0.image.source.base64.media_type: Input should be 'image/jpeg', "
        "'image/png', 'image/gif' or 'image/webp'"),
    Bad("tool_use id", H45, turns(user("hi"), assistant(use("a b"))),
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"),
    Bad("signature missing", H45,
        turns(user("hi"), assistant({"type": "thinking", "thinking": "hm"}, text("ok"))),
        "messages.1.content.0.thinking.signature: Field required"),
    Bad("marked thinking", H45,
        turns(user("hi"), assistant({**THOUGHT, **CACHED}, text("ok")), user("hi")),
        f"messages.1.content.0.thinking.cache_control: {EXTRA}"),
    Bad("document title", H45, turns(user({**PDF, "title": "x" * 501})),
        "messages.0.content.0.document.title: String should have at most 500 characters"),
    Bad("tool name", H45, {"tools": [{**TOOL, "name": "look up"}]},
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"),
    Bad("tool schema missing", H45, {"tools": [{"name": "a"}]},
        "tools.0.custom.input_schema: Field required"),
    Bad("OpenAI's tool", H45, {"tools": [TOOL, {"type": "function", "function": TOOL}]},
        "tools.1: Input tag 'function' found using 'type' does not match any of the expected tags: "
        "'bash_20250124', 'browser_toolset_20260801', 'code_execution_20250522', "
        "'code_execution_20250825', 'code_execution_20260120', 'code_execution_20260521', "
        "'computer_toolset_20260801', 'custom', 'memory_20250818', 'text_editor_20250124', "
        "'text_editor_20250429', 'text_editor_20250728', 'tool_search_tool_bm25', "
        "'tool_search_tool_bm25_20251119', 'tool_search_tool_regex', "
        "'tool_search_tool_regex_20251119', 'web_fetch_20250910', 'web_fetch_20260209', "
        "'web_fetch_20260309', 'web_fetch_20260318', 'web_search_20250305', "
        "'web_search_20260209', 'web_search_20260318'"),
    Bad("name of a defined tool", H45, {"tools": [{"type": "bash_20250124", "name": "sh"}]},
        "tools.0.bash_20250124.name: Input should be 'bash'"),
    Bad("max_uses", H45,
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 0}]},
        "tools.0.web_search_20250305.max_uses: Input should be greater than 0"),
    Bad("tool_choice kind", H45, {"tools": [TOOL], "tool_choice": {"type": "required"}},
        "tool_choice: Input tag 'required' found using 'type' does not match any of the expected "
        "tags: 'any', 'auto', 'none', 'tool'"),
    Bad("tool_choice without name", H45, {"tools": [TOOL], "tool_choice": {"type": "tool"}},
        "tool_choice.tool.name: Field required"),
    Bad("parallel on none", H45,
        {"tools": [TOOL], "tool_choice": {"type": "none", "disable_parallel_tool_use": True}},
        f"tool_choice.none.disable_parallel_tool_use: {EXTRA}"),
    Bad("budget too small", H45, {"thinking": {"type": "enabled", "budget_tokens": 1000}},
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"),
    Bad("no budget", H45, {"thinking": {"type": "enabled"}},
        "thinking.enabled.budget_tokens: Field required"),
    Bad("thinking kind", H45, {"thinking": {"type": "on"}},
        "thinking: Input tag 'on' found using 'type' does not match any of the expected tags: "
        "'adaptive', 'between_tools', 'disabled', 'enabled'"),
    Bad("effort word", O55, {"output_config": {"effort": "huge"}},
        "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"),
    Bad("cache ttl", H45, {"cache_control": {"type": "ephemeral", "ttl": "2h"}},
        "cache_control.ttl: Input should be '5m' or '1h'"),
    Bad("user_id too long", H45, {"metadata": {"user_id": "x" * 513}},
        "metadata.user_id: String should have at most 512 characters"),
    Bad("metadata field", H45, {"metadata": {"team": "x"}}, f"metadata.team: {EXTRA}"),
    Bad("service tier", H45, {"service_tier": "flex"},
        "service_tier: Input should be 'auto' or 'standard_only'"),
    Bad("speed word", O55, {"speed": "slow"}, "speed: Input should be 'standard' or 'fast'"),
    Bad("skill kind", O55,
        {"container": {"skills": [{"type": "mine", "skill_id": "x", "version": "1"}]}},
        "container.skills.0.type: Input should be 'anthropic' or 'custom'"),
]  # fmt: skip

VERSIONS = [
    *(
        Bad(f"{name} {value} under the new version", H45, {name: value}, f"{name}: {EXTRA}")
        for name, value in (("temperature", 1), ("top_p", 0.9), ("top_k", 5), ("temperature", 9))
    ),
    Bad("temperature in count_tokens", H45, {"temperature": 1.0, "max_tokens": GONE},
        f"temperature: {EXTRA}", endpoint="count_tokens"),
    Bad("temperature in a batch", H45, {"temperature": 1.0}, f"temperature: {EXTRA}",
        endpoint="batches"),
    Bad("temperature too high", H45, {"temperature": 1.1},
        "temperature: Input should be less than or equal to 1", OLD),
    Bad("top_p negative", H45, {"top_p": -0.1},
        "top_p: Input should be greater than or equal to 0", OLD),
    Bad("top_k negative", H45, {"top_k": -1},
        "top_k: Input should be greater than or equal to 0", OLD),
    Bad("document of the assistant", H45, turns(user("hi"), assistant(PDF), user("hi")),
        "messages.1.content.0: `document` blocks can only be in `user` messages", is_guess=True),
    Bad("citations of the user", H45, turns(user(text("a", citations=[CITATION]))),
        f"messages.0.content.0.text.citations: {EXTRA}", is_guess=True),
    Bad("citations in a search result", H45,
        turns(user({"type": "search_result", "source": "s", "title": "t",
                    "content": [text("a", citations=[CITATION])]})),
        f"messages.0.content.0.search_result.content.0.citations: {EXTRA}", is_guess=True),
    Bad("max_tokens in count_tokens", H45, {}, f"max_tokens: {EXTRA}", endpoint="count_tokens"),
    Bad("stream in count_tokens", H45, {"max_tokens": GONE, "stream": True}, f"stream: {EXTRA}",
        endpoint="count_tokens"),
]  # fmt: skip

BETAS = [
    Bad("mcp_servers", H45, {"mcp_servers": []}, f"mcp_servers: {EXTRA}"),
    Bad("context_management", H45, {"context_management": {}}, f"context_management: {EXTRA}",
        betas=("mcp-client-2025-11-20",)),
    Bad("fallbacks", O55, {"fallbacks": "default"}, f"fallbacks: {EXTRA}"),
    Bad("thread", O55, {"thread": {"type": "create"}}, f"thread: {EXTRA}"),
    Bad("task_budget", O55, {"output_config": {"task_budget": {"type": "tokens", "total": 9999}}},
        f"output_config.task_budget: {EXTRA}"),
    Bad("older computer tool", H45, {"tools": [COMPUTER]}, f"tools.0: {EXTRA}", is_guess=True,
        betas=("mcp-client-2025-11-20",)),
    Bad("size of a screen", H45, {"tools": [{**COMPUTER, "display_width_px": 0}]},
        "tools.0.computer_20250124.display_width_px: Input should be greater than or equal to 1",
        betas=("computer-use-2025-01-24",)),
    Bad("turn effort", O48,
        turns(user("hi"), {"role": "system", "content": "x", "output_config": {"effort": "low"}}),
        f"messages.1.output_config: {EXTRA}"),
    Bad("mcp_toolset", H45, {"tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}]},
        f"tools.0: {EXTRA}", is_guess=True),
    Bad("compact edit's trigger", H45,
        {"context_management": {"edits": [{"type": "compact_20260112",
                                           "trigger": {"type": "input_tokens", "value": 0}}]}},
        "context_management.edits.0.compact_20260112.trigger.value: Input should be greater than "
        "or equal to 1", betas=("compact-2026-01-12",)),
    Bad("too many mcp servers", H45,
        {"mcp_servers": [{"type": "url", "name": "n", "url": "u"}] * 21},
        "mcp_servers: List should have at most 20 items after validation, not 21",
        betas=("mcp-client-2025-11-20",)),
]  # fmt: skip

MODELS = [
    Bad("retired model", "claude-opus-4-1", {}, "model: claude-opus-4-1", status=404,
        error_type="not_found_error"),
    *(
        Bad(f"max_tokens of {model}", model, {"max_tokens": limit + 1},
            f"max_tokens: {limit + 1} > {limit}, which is the maximum allowed number of output "
            f"tokens for {model_id}")
        for model, limit, model_id in (
            (O45, 64_000, "claude-opus-4-5-20251101"),
            (H45, 64_000, "claude-haiku-4-5-20251001"),
            (H55, 128_000, "claude-haiku-5-5"),
        )
    ),
    Bad("long output outside a batch", H55, {"max_tokens": 300_000},
        "max_tokens: 300000 > 128000, which is the maximum allowed number of output tokens for "
        "claude-haiku-5-5", betas=("output-300k-2026-03-24",)),
    *(Bad(f"enabled on {model}", model, ENABLED, ENABLED_TEXT)
      for model in (O47, O48, S5, O5, H55, S55, O55, F51, M51)),
    *(Bad(f"adaptive on {model}", model, ADAPTIVE,
          "adaptive thinking is not supported on this model") for model in (H45, S45, O45)),
    *(Bad(f"disabled on {model}", model, DISABLED, ALWAYS_TEXT, is_guess=True)
      for model in (O55, F51, M51)),
    Bad("disabled on Sonnet 5.5", S55, DISABLED,
        '"thinking.type.disabled" is not supported for this model. Use '
        '"thinking.type.between_tools".', is_guess=True),
    *(Bad(f"between_tools on {model}", model, BETWEEN,
          '"thinking.type.between_tools" is not supported for this model.', is_guess=True)
      for model in (H45, O5, H55, O55)),
    *(Bad(f"disabled at {effort} on {model}", model, {**DISABLED, "output_config": {"effort": effort}},
          '"thinking.type.disabled" is not supported for this model with "output_config.effort" '
          'above "high".', is_guess=True)
      for model, effort in ((O5, "xhigh"), (H55, "max"))),
    *(Bad(f"effort on {model}", model, {"output_config": {"effort": "low"}},
          "This model does not support the effort parameter.") for model in (H45, S45)),
    Bad("max effort on Opus 4.5", O45, {"output_config": {"effort": "max"}},
        "output_config.effort: 'max' is not supported for this model. Supported levels: 'low', "
        "'medium', 'high'", is_guess=True),
    Bad("xhigh effort on 4.6", S46, {"output_config": {"effort": "xhigh"}},
        "output_config.effort: 'xhigh' is not supported for this model. Supported levels: 'low', "
        "'medium', 'high', 'max'", is_guess=True),
    *(Bad(f"both samplers on {model}", model, {"temperature": 1.0, "top_p": 0.9}, BOTH_TEXT, OLD)
      for model in (H45, S45, O45, S46)),
    *(Bad(f"temperature on {model}", model, {"temperature": 0.7},
          "`temperature` is deprecated for this model", OLD)
      for model in (O47, S5, O5, H55, S55, O55)),
    Bad("top_k on 4.7", O47, {"top_k": 5}, "`top_k` is deprecated for this model", OLD,
        is_guess=True),
    Bad("top_k on Haiku 5.5", H55, {"top_k": 5}, "`top_k` is deprecated for this model", OLD,
        is_guess=True),
    Bad("top_p on Haiku 5.5", H55, {"top_p": 1.0}, "`top_p` is deprecated for this model", OLD,
        is_guess=True),
    Bad("both defaults on Haiku 5.5", H55, {"temperature": 1, "top_p": 0.99}, BOTH_TEXT, OLD),
    Bad("temperature with thinking", H45, {**ENABLED, "temperature": 0.7}, TEMPERATURE_TEXT, OLD),
    Bad("temperature with adaptive", S46, {**ADAPTIVE, "temperature": 0}, TEMPERATURE_TEXT, OLD),
    Bad("top_p with thinking", H45, {**ENABLED, "top_p": 0.9},
        "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled. Please "
        f"consult our documentation at {DOCS}#important-considerations-when-using-extended-thinking",
        OLD, is_guess=True),
    Bad("top_k with thinking", H45, {**ENABLED, "top_k": 5},
        "`top_k` must be unset when thinking is enabled. Please consult our documentation at "
        f"{DOCS}#important-considerations-when-using-extended-thinking", OLD, is_guess=True),
    *(Bad(f"prefill on {model}", model, turns(user("hi"), assistant(text("Sure"))), PREFILL_TEXT)
      for model in (S46, O47, O5, H55, O55)),
    Bad("prefill as a string", H55, turns(user("hi"), {"role": "assistant", "content": "{"}),
        PREFILL_TEXT),
    Bad("prefill with thinking", H45,
        {**ENABLED, **turns(user("hi"), assistant(text("Sure")))}, unthought(1, "text")),
    Bad("forced tool with thinking", H45, {**ENABLED, **ANY},
        "Thinking may not be enabled when tool_choice forces tool use."),
    Bad("forced tool with manual thinking on 4.6", S46, {**ENABLED, **ANY},
        "Thinking may not be enabled when tool_choice forces tool use."),
    *(Bad(f"forced tool on {model}", model, ANY, FORCED_TEXT) for model in (O55, S55, F51, M51)),
    Bad("named tool on Opus 5.5", O55,
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look_up"}}, FORCED_TEXT),
    Bad("budget of all max_tokens", H45,
        {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1024},
        "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
        f"documentation at {DOCS}#max-tokens-and-context-window-size", is_guess=True),
    Bad("fast speed on Haiku", H45, {"speed": "fast"},
        "claude-haiku-4-5-20251001 does not support the `speed` parameter.", is_guess=True),
    Bad("geography before 4.6", H45, {"inference_geo": "us"},
        "This model does not support the inference_geo parameter.", is_guess=True),
]  # fmt: skip

WARM_UP = [
    Bad(f"max_tokens 0 and {what}", S46, {"max_tokens": 0, **patch},
        f"max_tokens: must be at least 1 when {text_of}", is_guess=True)
    for what, patch, text_of in (
        ("stream", {"stream": True}, "`stream` is true"),
        ("thinking", ADAPTIVE, "`thinking` is enabled"),
        ("format", FORMAT, "`output_config.format` is set"),
        ("forced tool", ANY, "`tool_choice` forces tool use"),
    )
]  # fmt: skip

CONVERSATIONS = [
    Bad("no turns", H45, turns(), "messages: at least one message is required"),
    Bad("assistant first", H45, turns(assistant(text("hi")), user("hi")),
        'messages: first message must use the "user" role', is_guess=True),
    Bad("dangling tool_use", H45, turns(user("hi"), assistant(use("toolu_1")), user("hi")),
        dangling(1, "toolu_1")),
    Bad("tool_use at the end", H45, turns(user("hi"), assistant(use("toolu_1"))),
        dangling(1, "toolu_1")),
    Bad("one of two answered", H45,
        turns(user("hi"), assistant(use("toolu_1"), use("toolu_2")), user(result("toolu_1"))),
        dangling(1, "toolu_2")),
    Bad("both dangling", H45,
        turns(user("hi"), assistant(use("toolu_1"), use("toolu_2")), user("hi")),
        dangling(1, "toolu_1, toolu_2")),
    Bad("result behind text", H45,
        turns(user("hi"), assistant(use("toolu_1")), user(text("so"), result("toolu_1"))),
        dangling(1, "toolu_1")),
    Bad("orphan result", H45, turns(user(result("toolu_9"))),
        orphan("messages.0.content.0", "toolu_9")),
    Bad("result too late", H45,
        turns(*PAIRED, assistant(text("42")), user(text("a"), result("toolu_1"))),
        orphan("messages.4.content.1", "toolu_1")),
    Bad("result twice", H45,
        turns(user("hi"), assistant(use("toolu_1")), user(result("toolu_1"), result("toolu_1"))),
        "messages.2.content.1: each tool_use must have a single result. Found multiple "
        "`tool_result` blocks with id: toolu_1", is_guess=True),
    Bad("id twice", H45,
        turns(user("hi"), assistant(use("toolu_1"), use("toolu_1")), user(result("toolu_1"))),
        "messages.1.content.1: `tool_use` ids must be unique"),
    Bad("id of an earlier turn", H45,
        turns(*PAIRED, assistant(text("42"), use("toolu_1")), user(result("toolu_1"))),
        "messages.3.content.1: `tool_use` ids must be unique"),
    Bad("empty text", H45, turns(user(text(""))), "messages: text content blocks must be non-empty"),
    Bad("whitespace text", H45, turns(user(text(" \n"))),
        "messages: text content blocks must contain non-whitespace text"),
    Bad("whitespace string", H45, turns({"role": "user", "content": "  "}),
        "messages: text content blocks must contain non-whitespace text"),
    Bad("empty string", H45, turns({"role": "user", "content": ""}), f"messages.0: {EMPTY_TEXT}"),
    Bad("no blocks", H45, turns(user("hi"), assistant(), user("hi")), f"messages.1: {EMPTY_TEXT}"),
    Bad("empty system text", H45, {"system": [text("")]},
        "system: text content blocks must be non-empty"),
    Bad("thinking at the end", H45, turns(user("hi"), assistant(THOUGHT), user("hi")),
        "messages.1: The final block in an assistant message cannot be `thinking`."),
    Bad("thinking at the end of two turns that are one", H45,
        turns(user("hi"), assistant(text("a")), assistant(THOUGHT), user("hi")),
        "messages.2: The final block in an assistant message cannot be `thinking`."),
    Bad("tool_use of the user", H45, turns(user(use("toolu_1"))),
        "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages",
        is_guess=True),
    Bad("image of the assistant", H45, turns(user("hi"), assistant(PNG), user("hi")),
        "messages.1.content.0: `image` blocks can only be in `user` messages", is_guess=True),
    Bad("prefill with trailing space", H45, turns(user("hi"), assistant(text("Sure "))),
        "messages: final assistant content cannot end with trailing whitespace"),
    Bad("prefill with newline", H45, turns(user("hi"), {"role": "assistant", "content": "a\n"}),
        "messages: final assistant content cannot end with trailing whitespace"),
    Bad("tool turn without its thinking", H45, {**ENABLED, **turns(*PAIRED)},
        unthought(1, "tool_use"), is_guess=True),
    Bad("system turn on Haiku 4.5", H45, turns(user("hi"), {"role": "system", "content": "x"}),
        "role 'system' is not supported on this model"),
    Bad("system turn first", H55, turns({"role": "system", "content": "x"}, user("hi")),
        'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
        'parameter, not "system" as an input message role.', is_guess=True),
    Bad("system turn behind the assistant", H55,
        turns(user("hi"), assistant(text("a")), {"role": "system", "content": "x"}),
        "messages.2: a `system` message must follow a `user` message or a server tool result",
        is_guess=True),
    Bad("system turn before the user", H55,
        turns(user("hi"), {"role": "system", "content": "x"}, user("hi")),
        "messages.1: a `system` message must be the last or precede an `assistant` message",
        is_guess=True),
    Bad("image in a system turn", H55, turns(user("hi"), {"role": "system", "content": [PNG]}),
        "messages.1.content.0: only `text` blocks can be in `system` messages", is_guess=True),
    Bad("stop sequence", H45, {"stop_sequences": ["END", "\n"]},
        "stop_sequences: each stop sequence must contain non-whitespace"),
    Bad("101 images on a small window", H45, turns(user(*[PNG] * 101)),
        "messages: Too much media: 0 document pages + 101 images > 100", is_guess=True),
    Bad("images in results count too", H45,
        turns(*PAIRED[:2], user(result("toolu_1", content=[PNG] * 60), *[PNG] * 50)),
        "messages: Too much media: 0 document pages + 110 images > 100", is_guess=True),
    Bad("image too large", H45,
        turns(user({**PNG, "source": {**PNG["source"], "data": "A" * 10_485_764}})),  # type: ignore[dict-item]
        "messages.0.content.0.image.source.base64: image exceeds 10 MB maximum: 10485764 bytes > "
        "10485760 bytes", is_guess=True),
]  # fmt: skip

TOOLS = [
    Bad("same name twice", H45, {"tools": [TOOL, TOOL]}, "tools: Tool names must be unique."),
    Bad("unknown named tool", H45, {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}},
        "Tool 'x' not found in provided tools"),
    Bad("choice without tools", H45, {"tool_choice": {"type": "auto"}},
        "`tool_choice` may only be specified while providing `tools`.", is_guess=True),
    Bad("schema of another type", H45, {"tools": [{**TOOL, "input_schema": {"type": "string"}}]},
        "tools.0.custom.input_schema.type: Input should be 'object'"),
    Bad("schema without type", H45, {"tools": [{**TOOL, "input_schema": {}}]},
        "tools.0.custom.input_schema.type: Field required"),
    Bad("all tools deferred", S46, {"tools": [{**TOOL, "defer_loading": True}]},
        "All tools have defer_loading set. At least one tool must be non-deferred.", is_guess=True),
    Bad("open strict tool", H45, {"tools": [{**TOOL, "strict": True}]},
        f"tools.0.custom: {ADDITIONAL_TEXT}", is_guess=True),
    Bad("open format", H45,
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
        f"output_config.format.schema: {ADDITIONAL_TEXT}"),
    Bad("open object inside", H45, schema(properties={"a": {"type": "object"}}),
        f"output_config.format.schema: {ADDITIONAL_TEXT}"),
    Bad("numeric bounds", H45,
        schema(properties={"a": {"type": "integer", "minimum": 0, "maximum": 9}}),
        "output_config.format.schema: For 'integer' type, properties minimum, maximum are not "
        "supported", is_guess=True),
    Bad("minItems", H45, schema(properties={"a": {"type": "array", "minItems": 2}}),
        "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 are "
        "not supported", is_guess=True),
    Bad("string format", H45, schema(properties={"a": {"type": "string", "format": "color"}}),
        "output_config.format.schema: For 'string' type, format 'color' is not supported",
        is_guess=True),
    Bad("external reference", H45, schema(properties={"a": {"$ref": "https://x.test/a"}}),
        "output_config.format.schema: External $ref 'https://x.test/a' is not supported",
        is_guess=True),
    Bad("recursion", H45,
        schema(properties={"a": {"$ref": "#/$defs/n"}},
               **{"$defs": {"n": {**CLOSED, "properties": {"next": {"$ref": "#/$defs/n"}}}}}),
        "output_config.format.schema: Recursive $ref '#/$defs/n' is not supported", is_guess=True),
    Bad("recursion further on", H45,
        schema(properties={"a": {"$ref": "#/$defs/n"}},
               **{"$defs": {"n": {"$ref": "#/$defs/m"}, "m": {"anyOf": [{"$ref": "#/$defs/m"}]}}}),
        "output_config.format.schema: Recursive $ref '#/$defs/m' is not supported", is_guess=True),
    Bad("format and citations", H45, {**FORMAT, **turns(user({**PDF, "citations": {"enabled": True}}))},
        "messages.0.content.0.document.citations: citations are not supported together with "
        "`output_config.format`", is_guess=True),
    Bad("format and prefill", H45, {**FORMAT, **turns(user("hi"), assistant(text("{")))},
        "Assistant message prefill is not supported together with `output_config.format`.",
        is_guess=True),
]  # fmt: skip

CACHING = [
    Bad("five breakpoints", H45, turns(user(*[text("a", **CACHED)] * 5)),
        "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    Bad("breakpoints everywhere", H45,
        {"tools": [{**TOOL, **CACHED}], "system": [text("s", **CACHED)],
         **turns(user("hi"), assistant(use("toolu_1", **CACHED)),
                 user(result("toolu_1", content=[text("r", **CACHED)], **CACHED)))},
        "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    Bad("automatic and four", H45,
        {**CACHED, **turns(user(*[text("a", **CACHED)] * 4), assistant(text("b")), user("hi"))},
        "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    Bad("1h behind 5m", H45, turns(user(text("a", **CACHED), text("b", **CACHED_1H))),
        f"messages.0.content.1.cache_control.ttl: {TTL_TEXT}"),
    Bad("1h in system behind 5m in tools", H45,
        {"tools": [{**TOOL, **CACHED}], "system": [text("s", **CACHED_1H)]},
        f"system.0.cache_control.ttl: {TTL_TEXT}"),
    Bad("automatic against explicit", H45, {**CACHED_1H, **turns(user(text("a", **CACHED)))},
        "Top-level cache_control has ttl='1h' but the target block already has cache_control with "
        "ttl='5m'. Remove one of them or use the same ttl for both.", is_guess=True),
    Bad("marked empty text", H45, turns(user(text("a"), text("", **CACHED))),
        "messages.0.content.1.text: cache_control cannot be set for empty text blocks"),
]  # fmt: skip

BATCHES = [
    Bad("max_tokens 0 in a batch", H45, {"max_tokens": 0},
        "max_tokens: must be greater than or equal to 1", endpoint="batches"),
    Bad("stream in a batch", H45, {"stream": True},
        "`stream=True` is not supported in the Message Batches API", endpoint="batches"),
    Bad("speed in a batch", O5, {"speed": "fast"}, "speed: is not supported in a batch",
        endpoint="batches", is_guess=True),
    Bad("standard speed in a batch", O5, {"speed": "standard"},
        "speed: is not supported in a batch", endpoint="batches", is_guess=True),
    Bad("thread in a batch", O55, {"thread": {"type": "create"}},
        "thread: is not supported in a batch", endpoint="batches", is_guess=True,
        betas=("message-threads-2026-08-12",)),
    Bad("long output without the beta", H55, {"max_tokens": 300_000},
        "max_tokens: 300000 > 128000, which is the maximum allowed number of output tokens for "
        "claude-haiku-5-5", endpoint="batches"),
]  # fmt: skip

BAD = [
    *SHAPES, *VERSIONS, *BETAS, *MODELS, *WARM_UP, *CONVERSATIONS, *TOOLS, *CACHING, *BATCHES
]  # fmt: skip

SERVER_TURN = assistant(
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
)

GOOD = [
    *(Good(f"plain on {model.id}", model.id, {}) for model in list_models() if model.state != "retired"),
    Good("alias", H45, {"max_tokens": 64_000}),
    Good("all optional fields", H45,
        {"metadata": {"user_id": "u"}, "service_tier": "auto", "stop_sequences": ["END"],
         "stream": True, "system": "Be brief.", "container": "container_1",
         "diagnostics": {"previous_message_id": None}}),
    Good("nulls where they may be", H45,
        {"cache_control": None, "container": None, "speed": None, "inference_geo": None}),
    Good("system blocks", H45, {"system": [text("Be brief.", **CACHED)]}),
    Good("temperature", H45, {"temperature": 0.7}, OLD),
    Good("temperature 1 as an integer", H45, {"temperature": 1}, OLD),
    Good("top_p and top_k", H45, {"top_p": 0.9, "top_k": 5}, OLD),
    Good("temperature under the oldest version", H45, {"temperature": 0.2}, "2023-01-01"),
    Good("default temperature on 4.7", O47, {"temperature": 1}, OLD),
    Good("near default on Haiku 5.5", H55, {"top_p": 0.99}, OLD),
    Good("temperature 1 with thinking", H45, {**ENABLED, "temperature": 1}, OLD),
    Good("top_p 0.95 with thinking", H45, {**ENABLED, "top_p": 0.95}, OLD),
    Good("temperature with disabled thinking", H45, {**DISABLED, "temperature": 0.1}, OLD),
    *(Good(f"enabled on {model}", model, ENABLED) for model in (H45, S45, O45, S46, O46)),
    *(Good(f"adaptive on {model}", model, ADAPTIVE)
      for model in (S46, O47, S5, O5, H55, S55, O55, F51)),
    *(Good(f"disabled on {model}", model, DISABLED) for model in (H45, S46, O48, O5, H55)),
    Good("disabled at high effort", H55, {**DISABLED, "output_config": {"effort": "high"}}),
    Good("between_tools", S55, BETWEEN),
    Good("thinking display", H55, {"thinking": {"type": "adaptive", "display": "summarized"}}),
    Good("budget beyond max_tokens, interleaved", H45,
        {"thinking": {"type": "enabled", "budget_tokens": 9000}},
        betas=("interleaved-thinking-2025-05-14",)),
    *(Good(f"effort {effort} on {model}", model, {"output_config": {"effort": effort}})
      for model, effort in ((O45, "high"), (S46, "max"), (O47, "xhigh"), (H55, "low"))),
    *(Good(f"prefill on {model}", model, turns(user("hi"), assistant(text("Sure"))))
      for model in (H45, S45, O45)),
    Good("empty final assistant turn", H45, turns(user("hi"), assistant())),
    Good("paused turn sent back", H55, turns(user("hi"), SERVER_TURN)),
    *(Good(f"forced tool on {model}", model, ANY) for model in (H45, S46, O47, H55)),
    Good("forced tool with adaptive thinking", S46, {**ADAPTIVE, **ANY}),
    Good("tool_choice none", O55, {"tools": [TOOL], "tool_choice": {"type": "none"}}),
    Good("custom type spelled out", H45, {"tools": [{**TOOL, "type": "custom"}]}),
    Good("tool type null", H45, {"tools": [{**TOOL, "type": None}]}),
    Good("every kind of tool", O55,
        {"tools": [
            {**TOOL, "description": "d", "input_examples": [{}], "eager_input_streaming": True},
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"},
            {"type": "memory_20250818", "name": "memory"},
            {"type": "web_search_20260318", "name": "web_search", "response_inclusion": "full"},
            {"type": "web_fetch_20260318", "name": "web_fetch", "use_cache": False},
            {"type": "code_execution_20260521", "name": "code_execution"},
            {"type": "tool_search_tool_bm25", "name": "tool_search_tool_bm25"},
            {"type": "computer_toolset_20260801", "configs": {"zoom": {"enabled": False}}},
            {"type": "browser_toolset_20260801"},
        ]}),
    Good("older computer tools", H45,
        {"tools": [{**COMPUTER, "display_number": None}, {"type": "bash_20241022", "name": "bash"},
                   {"type": "text_editor_20241022", "name": "str_replace_editor"}]},
        betas=("computer-use-2025-01-24",)),
    Good("forced tool of a toolset", H55,
        {"tools": [TOOL, {"type": "computer_toolset_20260801"}],
         "tool_choice": {"type": "tool", "name": "screenshot"}}),
    Good("some tools deferred", S46,
        {"tools": [TOOL, {**TOOL, "name": "other", "defer_loading": True}]}),
    Good("tool round trip", H45, turns(*PAIRED)),
    Good("result and then text", H45, turns(*PAIRED[:2], user(result("toolu_1"), text("so?")))),
    Good("results over two user turns", H45,
        turns(user("hi"), assistant(use("toolu_1"), use("toolu_2")), user(result("toolu_1")),
              user(result("toolu_2")))),
    Good("thinking kept in a tool turn", H45,
        {**ENABLED, **turns(user("hi"), assistant(THOUGHT, use("toolu_1")), user(result("toolu_1")))}),
    Good("second round of one turn without thinking", H45,
        {**ENABLED, **turns(user("hi"), assistant(THOUGHT, use("toolu_1")), user(result("toolu_1")),
                            assistant(use("toolu_2")), user(result("toolu_2")))}),
    Good("thinking dropped once the turn is over", H45,
        {**ENABLED, **turns(*PAIRED, assistant(text("42")), user("hi"))}),
    Good("thinking and its use in two turns that are one", H45,
        {**ENABLED, **turns(user("hi"), assistant(THOUGHT), assistant(use("toolu_1")),
                            user(result("toolu_1")))}),
    Good("citation of a file sent back, a guess", H45,
        turns(user("hi"), assistant(text("a", citations=[{**CITATION, "file_id": None}])),
              user("hi"))),
    *(Good(f"disabled at any effort on {model}", model,
           {**DISABLED, "output_config": {"effort": "xhigh"}}) for model in (O47, O48, S5)),
    Good("same role twice", H45, turns(user("hi"), user("hi"))),
    Good("system turn", H55, turns(user("hi"), {"role": "system", "content": "x"})),
    Good("system turn in between", O48,
        turns(user("hi"), {"role": "system", "content": [text("x")]}, assistant(text("a")),
              user("hi"))),
    Good("system turn behind a server tool", H55,
        turns(user("hi"), SERVER_TURN, {"role": "system", "content": "x"})),
    Good("document of the user", H45, turns(user(PDF, text("what?")))),
    Good("document of the assistant, old version", H45,
        turns(user("hi"), assistant(PDF, text("a")), user("hi")), OLD),
    Good("citations of the user, old version", H45,
        turns(user(text("a", citations=[CITATION]))), OLD),
    Good("citations of the assistant", H45,
        turns(user("hi"), assistant(text("a", citations=[CITATION])), user("hi"))),
    Good("empty citations of the user", H45, turns(user(text("a", citations=[])))),
    Good("citations enabled", H45, turns(user({**PDF, "citations": {"enabled": True}}))),
    Good("100 images", H45, turns(user(*[PNG] * 100))),
    Good("600 images on a long window", H55, turns(user(*[PNG] * 600))),
    Good("four breakpoints, 1h first", H45,
        {"tools": [{**TOOL, **CACHED_1H}], "system": [text("s", **CACHED_1H)],
         **turns(user(text("a", **CACHED), text("b", **CACHED)))}),
    Good("automatic with three", H45,
        {**CACHED, **turns(user(*[text("a", **CACHED)] * 3, text("b")))}),
    Good("automatic on a marked block", H45,
        {**CACHED, **turns(user(*[text("a", **CACHED)] * 4))}),
    Good("pre-warm", H45, {"max_tokens": 0, "system": [text("s", **CACHED)]}),
    Good("strict schema", H45,
        schema(properties={"a": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/n"}},
                           "b": {"anyOf": [{"type": "null"}, {"type": "string", "format": "date"}]}},
               **{"$defs": {"n": CLOSED}})),
    Good("strict tool", H45, {"tools": [{**TOOL, "input_schema": CLOSED, "strict": True}]}),
    Good("property named like a keyword", H45,
        schema(properties={"properties": {"type": "string"}, "minimum": {"type": "integer"}})),
    Good("fast", O5, {"speed": "fast"}),
    Good("geography", S46, {"inference_geo": "us"}),
    Good("counting", H45, {"max_tokens": GONE, "tools": [TOOL]}, endpoint="count_tokens"),
    Good("counting with a budget", H45,
        {"max_tokens": GONE, "thinking": {"type": "enabled", "budget_tokens": 99_000}},
        endpoint="count_tokens"),
    Good("in a batch", H45, {"stream": False}, endpoint="batches"),
    Good("long output in a batch", H55, {"max_tokens": 300_000}, endpoint="batches",
        betas=("output-300k-2026-03-24",)),
    Good("mcp", H45,
        {"mcp_servers": [{"type": "url", "name": "x", "url": "https://x.test"}],
         "tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}]},
        betas=("mcp-client-2025-11-20",)),
    Good("context management", H45,
        {"context_management": {"edits": [
            {"type": "clear_tool_uses_20250919", "clear_tool_inputs": ["x"]},
            {"type": "clear_thinking_20251015", "keep": "all"}]}},
        betas=("context-management-2025-06-27",)),
    Good("fallbacks", O55, {"fallbacks": [{"model": H55, "max_tokens": 9}]},
        betas=("server-side-fallback-2026-07-01",)),
    Good("task budget", O55, {"output_config": {"task_budget": {"type": "tokens", "total": 9999}}},
        betas=("task-budgets-2026-03-13",)),
]  # fmt: skip


def name_row(row: Bad | Good) -> str:
    return f"{row.name}, a guess" if isinstance(row, Bad) and row.is_guess else row.name


@pytest.mark.parametrize("row", BAD, ids=name_row)
def test_the_api_would_answer_with_this_error(row: Bad) -> None:
    first, *_ = validate(
        build_request(row.model, row.patch),
        get_model(row.model),
        row.version,
        endpoint=row.endpoint,
        betas=row.betas,
    )
    assert str(first) == row.text
    assert (first.status, first.error_type, first.is_guess) == (
        row.status,
        row.error_type,
        row.is_guess,
    )


@pytest.mark.parametrize("row", GOOD, ids=name_row)
def test_the_api_would_take_this_request(row: Good) -> None:
    request = build_request(row.model, row.patch)
    model = get_model(row.model)
    assert validate(request, model, row.version, endpoint=row.endpoint, betas=row.betas) == []


def test_the_tables_hold_what_was_promised() -> None:
    assert len(BAD) >= 110
    assert len(GOOD) >= 60


def test_an_unknown_model_is_not_found_once_the_shape_is_right() -> None:
    request = build_request("claude-x", {})
    assert validate(request, None) == [
        Violation("", "model: claude-x", 404, "not_found_error", is_guess=False)
    ]
    [shape] = validate({**request, "n": 1}, None)
    assert str(shape) == f"n: {EXTRA}"


def test_a_schema_with_a_long_chain_of_references_is_read_to_its_end() -> None:
    definitions = {f"n{i}": {"$ref": f"#/$defs/n{i + 1}"} for i in range(3000)}
    chain = {"properties": {"a": {"$ref": "#/$defs/n0"}}, "$defs": definitions}
    assert validate(build_request(H45, schema(**chain)), get_model(H45)) == []
    definitions["n2999"] = {"$ref": "#/$defs/n0"}
    [found] = validate(build_request(H45, schema(**chain)), get_model(H45))
    assert "Recursive $ref" in str(found)


def test_every_reason_is_listed_not_only_the_first() -> None:
    request = build_request(H45, {**ADAPTIVE, "stop_sequences": [" "], "max_tokens": 99_999})
    assert [violation.path for violation in validate(request, get_model(H45))] == [
        "max_tokens",
        "",
        "stop_sequences",
    ]


def test_validation_leaves_the_request_as_it_was() -> None:
    request = build_request(H45, {"system": [text("a", **CACHED)], **turns(*PAIRED)})
    before = repr(request)
    validate(request, get_model(H45))
    assert repr(request) == before
