"""Answering without a script: the conversation read, a tool chosen, a schema filled, words found.

The way is `_conversation` (what was asked) → `_tools` and `_schema` (calls and JSON) or `_text` and
the writers beside it (words) → `_improvise`. No tool is known by name.
"""

from tanzaku.simulator.improviser._conversation import (
    Conversation,
    ToolResult,
    list_blocks,
    read_conversation,
    read_result,
    read_text,
)
from tanzaku.simulator.improviser._improvise import Draft, improvise
from tanzaku.simulator.improviser._thinking import (
    is_omitted,
    is_thinking,
    sign,
    write_thinking,
)

__all__ = [
    "Conversation",
    "Draft",
    "ToolResult",
    "improvise",
    "is_omitted",
    "is_thinking",
    "list_blocks",
    "read_conversation",
    "read_result",
    "read_text",
    "sign",
    "write_thinking",
]
