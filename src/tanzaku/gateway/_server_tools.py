"""Tools that act at the server while an answer is made."""

from collections.abc import Mapping
from typing import Any, Final

# Tools whose calls the client answers; one of an unknown kind may act anywhere.
CLIENT_TOOLS: Final = ("custom", "bash_", "memory_", "text_editor_", "computer_", "browser_")


def has_server_tools(params: Mapping[str, Any]) -> bool:
    """Whether a Messages request lets a tool act that its client does not run itself (web search,
    code execution, MCP servers, ...), or names tools in a way that cannot be read."""
    if params.get("mcp_servers"):
        return True
    tools = params.get("tools")
    if tools is None:
        return False
    return not isinstance(tools, list) or not all(
        isinstance(tool, dict) and str(tool.get("type") or "custom").startswith(CLIENT_TOOLS)
        for tool in tools
    )
