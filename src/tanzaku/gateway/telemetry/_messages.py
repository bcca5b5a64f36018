"""Bodies as the GenAI conventions have them: messages made of parts.

Source: the JSON schemas of `gen_ai.input.messages` and `gen_ai.output.messages` in OpenTelemetry's
GenAI semantic conventions (still "development"). A part that they have no name for stays as the
API spells it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json

from tanzaku.wire import assemble_message

type Json = dict[str, Any]


def describe_input(body: bytes) -> tuple[Json | None, list[Json], list[Json]]:
    """(parameters, messages, system instructions) of a Messages request; None and nothing for what
    is none."""
    params = _parse(body)
    if params is None:
        return None, [], []
    messages = params.get("messages")
    described = [
        {"role": str(one.get("role")), "parts": describe_parts(one.get("content"))}
        for one in (messages if isinstance(messages, list) else [])
        if isinstance(one, dict)
    ]
    return params, described, describe_parts(params.get("system"))


def describe_output(body: bytes, *, is_stream: bool) -> list[Json]:
    """The answer as one message; nothing for an error, or for a stream that broke."""
    message = assemble_message(body) if is_stream else _parse(body)
    if message is None or message.get("type") != "message":
        return []
    return [
        {
            "role": "assistant",
            "parts": describe_parts(message.get("content")),
            "finish_reason": message.get("stop_reason"),
        }
    ]


def describe_parts(content: Any) -> list[Json]:
    """A content of the API, text or blocks, as parts."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if not isinstance(content, Sequence):
        return []
    return [_describe_block(block) for block in content if isinstance(block, Mapping)]


def _describe_block(block: Mapping[str, Any]) -> Json:
    match block.get("type"):
        case "text":
            return {"type": "text", "content": block.get("text")}
        case "thinking":
            return {"type": "reasoning", "content": block.get("thinking")}
        case "tool_use":
            return {
                "type": "tool_call",
                "id": block.get("id"),
                "name": block.get("name"),
                "arguments": block.get("input"),
            }
        case "tool_result":
            return {
                "type": "tool_call_response",
                "id": block.get("tool_use_id"),
                "response": block.get("content"),
            }
        case _:
            return dict(block)


def _parse(body: bytes) -> Json | None:
    try:
        value = from_json(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
