"""The inputs of Anthropic-defined client tools, as JSON Schemas.

Shapes as documented for bash_20250124, text_editor_20250728, memory_20250818 and the computer
toolset (platform docs, tool use pages, 2026-08); the toolset's member names and fields beyond
`screenshot`, `left_click`, `type` and `key` are not modelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class DefinedTool:
    name: str
    description: str
    schema: Mapping[str, Any]
    toolset: str | None = None


def _object(required: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required.split()}


_STRING = {"type": "string"}
_PATH = {"type": "string", "default": "/repo/README.md"}
_MEMORY_PATH = {
    "type": "string",
    "pattern": "^/memories(/[a-z]{3,8}){0,1}$",
    "default": "/memories",
}
_COORDINATE = {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 700}, "minItems": 2, "maxItems": 2}  # fmt: skip
_BASH = _object(
    "command", command={"type": "string", "enum": ["ls -la", "pwd", "cat README.md", "git status"]}
)
_EDITOR = _object("command path", command={"type": "string", "enum": ["view"]}, path=_PATH)
_MEMORY = _object("command path", command={"type": "string", "enum": ["view"]}, path=_MEMORY_PATH)
_COMPUTER: dict[str, dict[str, Any]] = {
    "screenshot": _object(""),
    "left_click": _object("coordinate", coordinate=_COORDINATE),
    "type": _object("text", text=_STRING),
    "key": _object("text", text={"type": "string", "enum": ["Return", "Escape", "Tab"]}),
}
_DESCRIPTIONS = {
    "bash": "Run a shell command in a bash terminal",
    "text_editor": "View, create and edit files",
    "memory": "Remember notes in memory files and recall them",
    "computer": "Screen of a computer: screenshot, click, mouse, keyboard, desktop",
}


def list_defined_tools(raw: Mapping[str, Any]) -> list[DefinedTool]:
    """The callable tools of one Anthropic-defined entry of `tools`; empty for server tools."""
    kind: str = raw["type"]
    if kind.startswith("bash_"):
        return [DefinedTool(raw["name"], _DESCRIPTIONS["bash"], _BASH)]
    if kind.startswith("text_editor_"):
        return [DefinedTool(raw["name"], _DESCRIPTIONS["text_editor"], _EDITOR)]
    if kind.startswith("memory_"):
        return [DefinedTool(raw["name"], _DESCRIPTIONS["memory"], _MEMORY)]
    if kind.startswith("computer_toolset_"):
        configs: Mapping[str, Any] = raw.get("configs") or {}
        return [
            DefinedTool(name, _DESCRIPTIONS["computer"], schema, "computer")
            for name, schema in _COMPUTER.items()
            if (configs.get(name) or {}).get("enabled") is not False
        ]
    return []
