"""The model's tool calls and the turn that answers them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic_core import from_json, to_json

from tanzaku.transport import HttpRequest
from tanzaku.workbench.flows._actions import CallTool, ToolResult
from tanzaku.workbench.flows._execution import Failure
from tanzaku.workbench.flows._flow import ToolLoop
from tanzaku.workbench.flows._result import ToolCall
from tanzaku.workbench.flows._scheduler import Part, Together, Work
from tanzaku.workbench.sending import Reply


def call_tools(
    reply: Reply, loop: ToolLoop, sets: dict[str, str], way: str, turn: int
) -> Work[list[ToolCall]]:
    """Every call in the reply, all at one time; in the order of their blocks."""
    chosen = {**loop.sets, **sets}
    parts = [
        Part(lambda block=block: _call(block, chosen, loop, way, turn))  # type: ignore[misc]
        for block in reply.tool_calls
    ]
    calls: list[ToolCall] = yield Together(parts, len(parts))
    return calls


def _call(
    block: dict[str, Any], sets: dict[str, str], loop: ToolLoop, way: str, turn: int
) -> Work[ToolCall]:
    tool, arguments = str(block["name"]), block["input"]
    mock_set = sets.get(tool)
    taken = yield CallTool(0, way, tool, arguments, mock_set, loop.timeout_s)
    if isinstance(taken, Failure):
        taken = ToolResult("The flow was stopped.", is_error=True)
    if taken.timed_out:
        text = f"The tool {tool} did not answer within {loop.timeout_s:g} s."
        taken = ToolResult(text, is_error=True, timed_out=True)
    elif taken.is_error and not taken.content:
        taken = ToolResult(f"The tool {tool} could not be called.", is_error=True)
    return ToolCall(turn, str(block["id"]), tool, arguments, mock_set, taken)


def continue_request(request: HttpRequest, reply: Reply, calls: Sequence[ToolCall]) -> HttpRequest:
    """The same request with what the model said behind its messages, and the tools' results behind
    that when there are any."""
    params = from_json(request.body)
    said = [{"role": "assistant", "content": reply.blocks}]
    if calls:
        said.append({"role": "user", "content": [_build_result(call) for call in calls]})
    params["messages"] = [*params["messages"], *said]
    return replace(request, body=to_json(params))


def _build_result(call: ToolCall) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": call.tool_use_id,
        "content": call.result.content,
    }
    if call.result.is_error:
        block["is_error"] = True
    return block
