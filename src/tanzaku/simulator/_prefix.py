"""The prompt as the cache sees it: its blocks in order, and a digest of all up to each.

Rules: platform.claude.com/docs/en/build-with-claude/prompt-caching and
/agents-and-tools/tool-use/tool-use-with-prompt-caching (October 2026). Order: tools, system,
messages. The digests chain: each takes in the one before and one block, and where a section begins
also what is rendered there without being a block. So a change of

- a tool, the model: ends everything behind it. An output format does too (the page says "any
  prompt cache"; that tools are meant as well is a guess);
- web search on or off, citations on or off, speed: ends system and messages. Web search tools
  therefore stand at the head of the system section, whatever their place in `tools`;
- `tool_choice`, images or none, thinking (mode and budget), effort: ends the messages. Some models
  lose tools and system with thinking and effort; which is not published, so none does here (a
  guess). What a request leaves out counts as its default.

Blocks are compared as they were sent, key order included, less their marks. A string is one text
block. Tools with `defer_loading`, and thinking that the model drops, are no part of the prompt.
Not taken in: `mcp_servers` and what `context_management` edits away.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from pydantic_core import to_json

from tanzaku.catalog import Model, find_current_turn

type Ttl = Literal["5m", "1h"]
# Where in the request a block stands: the field, the index there, and the index inside of a
# message (-1 where its content is a string).
type Place = tuple[Literal["tools", "system", "messages"], int, int]

_DIGEST_BYTES = 16
_THINKING = frozenset({"thinking", "redacted_thinking"})
# A run of either counts as one position of the look-back.
_RUNS = frozenset({"tool_use", "tool_result"})
_SERVER_RESULTS = "_tool_result"


class Breakpoint(NamedTuple):
    """The end of a prefix to be cached: behind `block`, an index among the prefix's blocks."""

    block: int
    ttl: Ttl


@dataclass(frozen=True, slots=True)
class Prefix:
    """The blocks of one marked request.

    `digests[i]` stands for the prompt up to and including block i, by its bytes; equal digests have
    equal token counts. `positions[i]` counts in steps of the look-back, which takes consecutive
    tool calls as one, and consecutive results. `breakpoints` are in order, one a block at most.
    """

    model: Model
    places: Sequence[Place]
    digests: Sequence[bytes]
    positions: Sequence[int]
    breakpoints: Sequence[Breakpoint]


def read_prefix(
    request: Mapping[str, Any], model: Model, answered: Sequence[Mapping[str, Any]] = ()
) -> Prefix | None:
    """The prefix of a valid request; None where nothing is marked.

    A body without the bytes `cache_control` need not come here. An automatic breakpoint (top-level
    `cache_control`) stands on the last block that may be marked. A mark inside a tool result counts
    for the result (a guess). `answered`, one of `split_server_turns`, is what was answered so far:
    the API goes on behind a server tool's result as from a new prompt, with a breakpoint of five
    minutes on the result.
    """
    survey = _survey(request)
    automatic = request.get("cache_control")
    if automatic is None and not survey.is_marked:
        return None
    tools = request.get("tools") or ()
    messages = request["messages"]
    reader = _Reader(request, model)
    reader.read_tools(tools, is_web_search=False)
    reader.open_section(b"system", _render_system_settings(request, survey))
    reader.read_tools(tools, is_web_search=True)
    reader.read_system(request.get("system") or ())
    reader.open_section(b"messages", _render_message_settings(request, model, survey))
    reader.read_messages(messages)
    if automatic is not None and reader.last_markable is not None:
        reader.marks.setdefault(reader.last_markable, _read_ttl(automatic))
    if not reader.marks:
        return None
    if answered:
        reader.read_message(len(messages), {"role": "assistant", "content": answered})
        reader.marks[len(reader.digests) - 1] = "5m"
    breakpoints = [Breakpoint(block, ttl) for block, ttl in sorted(reader.marks.items())]
    return Prefix(model, reader.places, reader.digests, reader.positions, breakpoints)


def split_server_turns(
    content: Sequence[Mapping[str, Any]],
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """What of an answer stood at each further turn of server tools: all up to a result's end."""
    for end, block in enumerate(content, 1):
        if _is_server_result(block) and not (
            end < len(content) and _is_server_result(content[end])
        ):
            yield content[:end]


def encode_block(block: Mapping[str, Any]) -> bytes:
    """What of a block makes it the same block: all but its marks."""
    if block["type"] == "text" and not block.get("citations"):
        return encode_text(block["text"])
    return to_json(_unmark(block))


def encode_text(text: str) -> bytes:
    """The same for a string that stands for a text block."""
    return b"\0" + text.encode()


def _unmark(block: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in block.items() if key != "cache_control"}
    for name in ("content", "source"):
        part = kept.get(name)
        if type(part) is list:
            kept[name] = [_unmark(inner) if type(inner) is dict else inner for inner in part]
        elif type(part) is dict:
            kept[name] = _unmark(part)
    return kept


@dataclass(slots=True)
class _Survey:
    """What must be known of all messages before the first digest."""

    is_marked: bool = False
    has_images: bool = False
    has_citations: bool = False


def _survey(request: Mapping[str, Any]) -> _Survey:
    survey = _Survey()
    for block in request.get("tools") or ():
        if block.get("cache_control") is not None:
            survey.is_marked = True
    for content in (request.get("system"), *(turn["content"] for turn in request["messages"])):
        if type(content) is list:
            for block in content:
                _survey_block(block, survey)
    return survey


def _survey_block(block: Mapping[str, Any], survey: _Survey) -> None:
    if block.get("cache_control") is not None:
        survey.is_marked = True
    kind = block["type"]
    if kind in {"text", "tool_use"}:
        return
    if kind == "image":
        survey.has_images = True
    citations = block.get("citations")
    if isinstance(citations, Mapping) and citations.get("enabled"):
        survey.has_citations = True
    source = block.get("source")
    nested = source.get("content") if isinstance(source, Mapping) else None
    for content in (block.get("content"), nested):
        if type(content) is list:
            for inner in content:
                if isinstance(inner, dict) and "type" in inner:
                    _survey_block(inner, survey)


class _Reader:
    """Reads a request block by block; `marks` are its breakpoints so far, by block."""

    def __init__(self, request: Mapping[str, Any], model: Model) -> None:
        config = request.get("output_config") or {}
        self._digest = b""
        # What is rendered before the next block without being one.
        self._before = model.id.encode() + to_json(config.get("format"))
        is_kept = model.keeps_earlier_thinking
        self._current = 0 if is_kept else find_current_turn(request["messages"])
        self._speaker: object = None
        self._position = -1
        self._kind = ""
        self.places: list[Place] = []
        self.digests: list[bytes] = []
        self.positions: list[int] = []
        self.marks: dict[int, Ttl] = {}
        self.last_markable: int | None = None

    def open_section(self, name: bytes, settings: bytes) -> None:
        self._before += name + settings

    def read_tools(self, tools: Sequence[Mapping[str, Any]], *, is_web_search: bool) -> None:
        for index, tool in enumerate(tools):
            is_here = str(tool.get("type")).startswith("web_search_") == is_web_search
            if is_here and not tool.get("defer_loading"):
                kept = {key: value for key, value in tool.items() if key != "cache_control"}
                self._add(("tools", index, -1), to_json(kept), "tool", tool.get("cache_control"))

    def read_system(self, system: str | Sequence[Mapping[str, Any]]) -> None:
        if isinstance(system, str):
            self._add(("system", 0, -1), encode_text(system), "text", None)
            return
        for index, block in enumerate(system):
            self._add_block(("system", index, -1), block)

    def read_messages(self, messages: Sequence[Mapping[str, Any]]) -> None:
        for index, message in enumerate(messages):
            self.read_message(index, message)

    def read_message(self, index: int, message: Mapping[str, Any]) -> None:
        role, content, config = message["role"], message["content"], message.get("output_config")
        if role != self._speaker or config:
            self._before += b"[%b]" % role.encode() + (to_json(config) if config else b"")
            self._speaker = role
        if isinstance(content, str):
            if content:
                self._add(("messages", index, -1), encode_text(content), "text", None)
            return
        for inner, block in enumerate(content):
            if index >= self._current or block["type"] not in _THINKING:
                self._add_block(("messages", index, inner), block)

    def _add_block(self, place: Place, block: Mapping[str, Any]) -> None:
        kind = block["type"]
        if kind in _THINKING or (kind == "text" and not block["text"]):
            self._add(place, encode_block(block), kind, None, is_markable=False)
            return
        mark = block.get("cache_control")
        if kind == "tool_result" and mark is None:
            mark = _find_inner_mark(block)
        self._add(place, encode_block(block), kind, mark)

    def _add(
        self,
        place: Place,
        content: bytes,
        kind: str,
        mark: Mapping[str, Any] | None,
        *,
        is_markable: bool = True,
    ) -> None:
        chained = blake2b(self._digest + self._before + content, digest_size=_DIGEST_BYTES)
        self._digest = chained.digest()
        self._before = b""
        if kind != self._kind or kind not in _RUNS:
            self._position += 1
            self._kind = kind
        if is_markable:
            self.last_markable = len(self.digests)
            if mark is not None:
                self.marks[self.last_markable] = _read_ttl(mark)
        self.places.append(place)
        self.digests.append(self._digest)
        self.positions.append(self._position)


def _render_system_settings(request: Mapping[str, Any], survey: _Survey) -> bytes:
    return to_json([request.get("speed") == "fast", survey.has_citations])


def _render_message_settings(request: Mapping[str, Any], model: Model, survey: _Survey) -> bytes:
    choice = request.get("tool_choice") or {"type": "auto"}
    thinking = request.get("thinking") or {"type": model.default_thinking}
    config = request.get("output_config") or {}
    return to_json(
        [
            [choice["type"], choice.get("name"), bool(choice.get("disable_parallel_tool_use"))],
            [thinking["type"], thinking.get("budget_tokens")],
            config.get("effort") or model.default_effort,
            survey.has_images,
        ]
    )


def _find_inner_mark(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The last mark inside a tool result."""
    content = result.get("content")
    if type(content) is not list:
        return None
    marks = [inner["cache_control"] for inner in content if inner.get("cache_control")]
    return marks[-1] if marks else None


def _read_ttl(mark: Mapping[str, Any]) -> Ttl:
    return "1h" if mark.get("ttl") == "1h" else "5m"


def _is_server_result(block: Mapping[str, Any]) -> bool:
    return bool(block["type"].endswith(_SERVER_RESULTS) and block["type"] != "tool_result")
