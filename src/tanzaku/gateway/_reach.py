"""What a Messages request may use beside what its bytes are worth: images, files, what others keep
or do for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.catalog import Model
from tanzaku.gateway._server_tools import CLIENT_TOOLS

# The server samples ten times at most for one answer, then says `pause_turn`. [platform.claude.com
# build-with-claude/handling-stop-reasons, as quoted in public notes of 2026-05-30]
_MOST_TURNS: Final = 10
# GUESS: searches in one answer where the tool has no `max_uses`, ten for each of those turns.
_MOST_SEARCHES: Final = 100
# What these bring is in the body; all else at the top level may bring more.
_BODILY: Final = frozenset(
    {
        "anthropic_beta", "anthropic_version", "billing_policy", "cache_control", "context_management",
        "diagnostics", "fallback_credit_token", "inference_geo", "max_tokens", "messages", "metadata",
        "model", "output_config", "output_format", "service_tier", "speed", "stop_sequences", "stream",
        "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
        "user_profile_id", "workspace_id",
    }
)  # fmt: skip
# Their definitions and prompts are in `estimate_tokens`.
_BODILY_TOOLS: Final = ("custom", "bash_", "text_editor_")
_KEPT_SOURCES: Final = frozenset({"text", "content"})
_FLAT_BLOCKS: Final = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use"})
_OPEN_BLOCKS: Final = frozenset({"container_upload", "tool_reference", "browser_state"})


@dataclass(slots=True)
class Reach:
    """`images` with `image_bytes` of the body, `turns` in which a model reads a prompt, `searches`
    of the web. `is_open`: what is read has no bound but the model's window. Without `is_priced` a
    part of it has no price: another model's turn, a summary of the conversation."""

    images: int = 0
    image_bytes: int = 0
    is_open: bool = False
    turns: int = 1
    searches: int = 0
    is_priced: bool = True

    def count_input(self, tokens: int, model: Model, window: int) -> int:
        """The most tokens that are read, where every byte of the body counts makes `tokens`.

        No prompt is longer than `window`: the API refuses it. An image counts as the largest that
        `model` sees, whatever its bytes.
        """
        if self.is_open or self.turns > 1:
            return self.turns * window
        return min(tokens - self.image_bytes + self.images * model.most_image_tokens, window)


def find_reach(params: Mapping[str, Any]) -> Reach | None:
    """What a request reaches for; None for one that has all in its body."""
    if _is_bodily(params):
        return None
    tools = params.get("tools")
    reach = Reach()
    for name, value in params.items():
        if value and name not in _BODILY:
            _read_param(name, reach)
    for tool in tools if isinstance(tools, list) else (tools,) if tools else ():
        _read_tool(tool, reach)
    for edit in _list(_field(params.get("context_management"), "edits")):
        reach.is_priced &= not str(_field(edit, "type")).startswith("compact_")
    _read_content(params.get("system"), reach)
    for message in _list(params.get("messages")):
        _read_content(_field(message, "content"), reach)
    return None if reach == Reach() else reach


def _is_bodily(params: Mapping[str, Any]) -> bool:
    """Whether it plainly reaches for nothing; False where it must be looked at more closely. On the
    way of every call."""
    if not params.keys() <= _BODILY or params.get("context_management"):
        return False
    messages = params.get("messages")
    if not isinstance(messages, list):
        return False
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else message
        if not isinstance(content, str) and not _is_flat(content):
            return False
    tools = params.get("tools")
    return _is_flat(params.get("system")) and (not tools or _are_bodily(tools))


def _are_bodily(tools: object) -> bool:
    if not isinstance(tools, list):
        return False
    for tool in tools:
        if not isinstance(tool, dict) or tool.get("defer_loading"):
            return False
        kind = tool.get("type")
        if kind is not None and not str(kind).startswith(_BODILY_TOOLS):
            return False
    return True


def _is_flat(content: object) -> bool:
    if content is None or isinstance(content, str):
        return True
    if not isinstance(content, list):
        return False
    for block in content:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "text" or str(kind) in _FLAT_BLOCKS:
            continue
        if kind != "tool_result" or not _is_flat(block.get("content")):
            return False
    return True


def _read_param(name: str, reach: Reach) -> None:
    match name:
        case "thread":
            reach.is_open = True
        case "fallbacks" | "compaction":
            reach.is_priced = False
        case _:  # `mcp_servers`, `container`, and what nobody here knows
            reach.turns = _MOST_TURNS


def _read_tool(tool: object, reach: Reach) -> None:
    kind = str(_field(tool, "type") or "custom")
    if isinstance(tool, dict) and kind.startswith(CLIENT_TOOLS):
        # What is loaded later, or comes with a prompt of its own, is read as often as it is named.
        reach.is_open |= bool(tool.get("defer_loading")) or not kind.startswith(_BODILY_TOOLS)
        return
    reach.turns = _MOST_TURNS
    if kind.startswith("advisor_"):
        reach.is_priced = False
    elif kind.startswith("web_search_"):
        most = _field(tool, "max_uses")
        reach.searches += most if type(most) is int and most > 0 else _MOST_SEARCHES


def _read_content(content: object, reach: Reach) -> None:
    """Texts, and blocks within blocks: results of tools have images, fetched pages are documents."""
    for block in content if isinstance(content, list) else (content,):
        if not isinstance(block, dict):
            continue
        kind, source = str(block.get("type")), block.get("source")
        if kind == "image":
            reach.images += 1
            data = _field(source, "data")
            reach.image_bytes += len(data) if isinstance(data, str) else 0
        elif kind in _OPEN_BLOCKS:
            reach.is_open = True
        elif isinstance(source, dict):
            reach.is_open |= str(source.get("type")) not in _KEPT_SOURCES
            _read_content(source.get("content"), reach)
        _read_content(block.get("content"), reach)


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
