"""The tools as an MCP server, through the official package; imported where one is served."""

import json
from typing import Any

from mcp import MCPError
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import INVALID_PARAMS, CallToolResult, ListToolsResult, TextContent, Tool

from tanzaku.core import VERSION, UserError
from tanzaku.simulator.mocks._http import RUN_LABEL
from tanzaku.simulator.mocks._mocks import ToolMocks
from tanzaku.simulator.mocks._outcomes import MockAnswer, MockResult


def build_mcp_server(mocks: ToolMocks, *, run: str = "") -> Server[Any]:
    """A server that lists and calls the tools.

    A result is text (JSON unless it is text) and, where it is a JSON object, structured content; an
    error or a timeout at the cap is a result with `isError`. A call's run is `tanzaku-run` in its
    `_meta`, else the HTTP header of that name, else `run`.
    """

    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        return ListToolsResult(
            tools=[
                Tool(
                    name=tool.name,
                    description=tool.description,
                    input_schema=dict(tool.schema.plain),
                )
                for tool in mocks.definitions.values()
            ]
        )

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        try:
            mocks.get_tool(params.name)
        except UserError as error:
            raise MCPError(INVALID_PARAMS, f"{error.message} {error.hint}") from None
        label = _find_run(context) or run
        return _render(await mocks.call(params.name, params.arguments or {}, run=label))

    return Server(
        "tanzaku-mocks", version=VERSION, on_list_tools=list_tools, on_call_tool=call_tool
    )


async def serve_stdio(mocks: ToolMocks, *, run: str = "") -> None:
    """Serve one client on standard input and output until it closes them."""
    server = build_mcp_server(mocks, run=run)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def _find_run(context: Any) -> str | None:
    label = (context.meta or {}).get(RUN_LABEL)
    if isinstance(label, str):
        return label
    if context.request is None:
        return None
    header: str | None = context.request.headers.get(RUN_LABEL)
    return header


def _render(answer: MockAnswer) -> CallToolResult:
    if not isinstance(answer, MockResult):
        return CallToolResult(content=[TextContent(text=answer.message)], is_error=True)
    value = answer.value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return CallToolResult(
        content=[TextContent(text=text)],
        structured_content=value if isinstance(value, dict) else None,
    )
