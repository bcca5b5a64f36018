"""Tool mock sets: what a tool answers, said in a file, switched in a test, served to real code.

`ToolMocks` chooses and logs, without asyncio but in `call` and `wait`. `MockRoutes` (HTTP),
`McpRoute` and `serve_stdio` (MCP), `ToolMocks.tools` and `async_tools` (Python) are its doors.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from tanzaku.simulator.mocks._http import PATH as MOCKS
from tanzaku.simulator.mocks._http import MockRoutes
from tanzaku.simulator.mocks._log import MockCall
from tanzaku.simulator.mocks._mcp_http import MCP_PATH as MCP
from tanzaku.simulator.mocks._mcp_http import McpRoute
from tanzaku.simulator.mocks._mocks import ToolMocks
from tanzaku.simulator.mocks._outcomes import MockAnswer, MockFailure, MockResult, MockTimeout
from tanzaku.simulator.mocks._read import MockSequence, MocksFile, load_mocks, parse_mocks

if TYPE_CHECKING:
    from tanzaku.simulator.mocks._callables import MockToolError
    from tanzaku.simulator.mocks._mcp import serve_stdio

__all__ = [
    "MCP",
    "MOCKS",
    "McpRoute",
    "MockAnswer",
    "MockCall",
    "MockFailure",
    "MockResult",
    "MockRoutes",
    "MockSequence",
    "MockTimeout",
    "MockToolError",
    "MocksFile",
    "ToolMocks",
    "load_mocks",
    "parse_mocks",
    "serve_stdio",
]

# One needs the SDK, the other the package `mcp`: loaded on use.
_LOADED_ON_USE = {"MockToolError": "_callables", "serve_stdio": "_mcp"}


def __getattr__(name: str) -> object:
    module = _LOADED_ON_USE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
