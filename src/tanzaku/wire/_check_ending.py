"""Rules on how a conversation ends: prefill, and thinking in a turn with tools."""

from collections.abc import Mapping, Sequence
from typing import Any

from tanzaku.wire._inspection import DOCS_URL, Inspection

_THINKING = ("thinking", "redacted_thinking")


def check_ending(inspection: Inspection) -> None:
    messages = inspection.request["messages"]
    if not messages:
        return
    last = messages[-1]
    if last["role"] == "assistant":
        text = _find_prefill(last)
        if text is not None:
            _check_prefill(inspection, text)
    if inspection.thinking_mode == "enabled" and "enabled" in inspection.model.thinking_modes:
        _check_thinking_turn(inspection, messages)


def _find_prefill(message: Mapping[str, Any]) -> str | None:
    """The text the model is to go on from; a paused turn sent back ends in a server tool's block."""
    content = message["content"]
    if isinstance(content, str):
        return content
    if content and content[-1]["type"] == "text":
        text: str = content[-1]["text"]
        return text
    return None


def _check_prefill(inspection: Inspection, text: str) -> None:
    if not inspection.model.prefill:
        inspection.refuse(
            "",
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message.",
        )
    elif text != text.rstrip():
        inspection.refuse("messages", "final assistant content cannot end with trailing whitespace")
    if inspection.output_schema is not None:
        inspection.refuse(
            "",
            "Assistant message prefill is not supported together with `output_config.format`.",
            is_guess=True,
        )


def _check_thinking_turn(inspection: Inspection, messages: Sequence[Mapping[str, Any]]) -> None:
    """With manual thinking, an assistant turn that is not over begins with its thinking.

    A guess for turns of tools: the documentation also says that thinking is then left off silently.
    """
    start = _find_open_turn(messages)
    if start is None:
        return
    content = messages[start]["content"]
    kind = "text" if isinstance(content, str) or not content else content[0]["type"]
    if kind not in _THINKING:
        inspection.refuse(
            f"messages.{start}.content.0.type",
            f"Expected `thinking` or `redacted_thinking`, but found `{kind}`. When `thinking` is "
            "enabled, a final `assistant` message must start with a thinking block (preceeding "
            "the lastmost set of `tool_use` and `tool_result` blocks). We recommend you include "
            "thinking blocks from previous turns. To avoid this requirement, disable `thinking`. "
            f"Please consult our documentation at {DOCS_URL}/extended-thinking",
            is_guess=messages[-1]["role"] != "assistant",
        )


def _find_open_turn(messages: Sequence[Mapping[str, Any]]) -> int | None:
    """The first message of the assistant turn the model is to go on with, if it is to."""
    start = None
    for index in range(len(messages) - 1, -1, -1):
        message = messages[index]
        if message["role"] == "assistant":
            start = index
        elif not _holds_results(message):
            break
    return start


def _holds_results(message: Mapping[str, Any]) -> bool:
    content = message["content"]
    return not isinstance(content, str) and any(block["type"] == "tool_result" for block in content)
