"""Token counts of texts and of whole requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from tanzaku.catalog._find import get_model
from tanzaku.catalog._media import ImageTier, count_image, count_pdf, find_tier
from tanzaku.catalog._vocabulary import FRAME_TOKENS, TokenFamily
from tanzaku.catalog._words import WordCounter, word_counter

# GUESS: the frame of one user text is a header for the user's turn and one for the answer, alike,
# and now and then a token before them: 7, 11 and 6 tokens make 3, 5 and 3 a header.
_HEADERS_IN_FRAME = 2
# GUESS: with that, and earlier thinking left out, the token counting page's example with manual
# thinking (88 tokens, 2026-07-03) leaves 28 tokens that must come with manual thinking itself.
_MANUAL_THINKING_TOKENS = 28
# GUESS for models whose tool prompt is not published: that of Opus 4.8, the nearest that is.
_UNKNOWN_TOOL_PROMPT_TOKENS = 290
_UNKNOWN_FORCED_TOOL_PROMPT_TOKENS = 410
# Per tool, in place of its definition (platform.claude.com/docs/en/about-claude/pricing).
_BASH_TOKENS = {"v3": 244, "v4.7": 325, "v4.8": 325}
_TEXT_EDITOR_TOKENS = 700
# GUESS: what the API encrypted or signed is worth a token for four characters.
_CHARACTERS_PER_OPAQUE_TOKEN = 4
_OPAQUE_FIELDS = frozenset({"data", "encrypted_content", "encrypted_index", "signature"})
_THINKING_BLOCKS = frozenset({"thinking", "redacted_thinking"})
# The largest tool prompt (Opus 4.7, forced), both of Anthropic's own tools, thinking, two headers
# and what else a frame has.
_MOST_ADDED_TOKENS = 804 + 325 + _TEXT_EDITOR_TOKENS + _MANUAL_THINKING_TOKENS + 11
# GUESS: tool calls and results are read in the tags that Claude's tool prompt names.
_CALL_TAGS = '<function_calls>\n<invoke name="">\n</invoke>\n</function_calls>'
_RESULT_TAGS = "<function_results>\n</function_results>"


@dataclass(frozen=True, slots=True)
class _BlockShape:
    """Which fields of a block the model reads: texts, further content, JSON values, a file."""

    texts: tuple[str, ...] = ()
    contents: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    tags: str = ""
    has_source: bool = False


_CALL = _BlockShape(texts=("name",), values=("input",), tags=_CALL_TAGS)
_RESULT = _BlockShape(contents=("content",), tags=_RESULT_TAGS)
_SHAPES = {
    "document": _BlockShape(texts=("title", "context"), has_source=True),
    "image": _BlockShape(has_source=True),
    "mcp_tool_result": _RESULT,
    "mcp_tool_use": _CALL,
    "search_result": _BlockShape(texts=("source", "title"), contents=("content",)),
    "server_tool_use": _CALL,
    "text": _BlockShape(texts=("text",)),
    "thinking": _BlockShape(texts=("thinking",)),
    "tool_result": _RESULT,
    "tool_use": _CALL,
}


def count_text(text: str, family: TokenFamily) -> int:
    """Tokens of a text by itself, without the frame of a message.

    Equal to what `ctok` 1.3.0 says less the frame for every text but the empty one, which has 0
    here (`ctok` counts a mark of the frame there). The first call of a family takes 0.1 s.
    """
    return word_counter(family).count(text)


def take_tokens(text: str, limit: int, family: TokenFamily) -> tuple[str, int]:
    """The longest beginning of a text that has at most `limit` tokens, and its tokens.

    Longest to the character. Only inside a single word or run of marks longer than 64 characters
    it may be a shorter one, still within the limit.
    """
    return word_counter(family).take(text, limit)


def count_tokens(request: Mapping[str, Any], model: str) -> int:
    """Input tokens of a Messages or count_tokens request for a model.

    Exact, as far as `ctok` is: one user message of one text, frame included.
    Exact by published figures: an image of known size; the tool prompt, where published; a system
    text (the example of the token counting page, 14 tokens, comes out).
    Estimates: each further turn (a header of 3 tokens, 5 for Opus 4.7), several texts in one turn
    (summed), tool definitions (as their JSON), calls and results (in tags), manual thinking
    (+28), images behind a URL or file id (as the largest), PDFs (pages x (2,250 + the largest
    image)), other documents behind a URL or file id (one such page), an output schema (as its
    JSON), blocks and tools of unknown type (as their JSON). Thinking of earlier turns counts
    only on models that keep it. Tools with `defer_loading` do not count.

    Raises UnknownModelError.
    """
    return _request_counter(model).count(request)


def count_content(content: str | Sequence[Mapping[str, Any]], model: str) -> int:
    """Tokens of content blocks alone, as `count_tokens` has them inside a turn: for output."""
    return _request_counter(model).count_content(content)


def estimate_tokens(body_size: int) -> int:
    """An upper bound on the input tokens of a text request whose JSON body has so many bytes.

    One token a byte and the largest additions the API makes for tools, bash and text editor
    tools, and thinking together. No running text of any script reaches a token a byte. Text put
    together to count high may: ASCII up to 5 tokens in 3 bytes (`~ZQ~ZQ`, v4.7 and v4.8), rare
    letters that each stand alone up to 3 a byte (U+1D160). Images and files are not bounded by
    their bytes: count requests that have them.
    """
    return body_size + _MOST_ADDED_TOKENS


def tokenizer_family(model: str) -> TokenFamily:
    """The tokenizer family of a model. Raises UnknownModelError."""
    return cast(TokenFamily, get_model(model).tokenizer)


@lru_cache(maxsize=256)
def _request_counter(model: str) -> "_RequestCounter":
    facts = get_model(model)
    family = tokenizer_family(model)
    plain, forced = facts.tool_prompt_tokens, facts.forced_tool_prompt_tokens
    return _RequestCounter(
        words=word_counter(family),
        frame_tokens=FRAME_TOKENS[family],
        header_tokens=FRAME_TOKENS[family] // _HEADERS_IN_FRAME,
        tool_prompt_tokens=_UNKNOWN_TOOL_PROMPT_TOKENS if plain is None else plain,
        forced_tool_prompt_tokens=_UNKNOWN_FORCED_TOOL_PROMPT_TOKENS if forced is None else forced,
        bash_tokens=_BASH_TOKENS[family],
        tier=find_tier(family),
        keeps_earlier_thinking=facts.keeps_earlier_thinking,
    )


def preload_tokens(family: TokenFamily) -> None:
    """Load the tokenizer of a family now (0.1 s, 10 MB), so that no first request pays for it."""
    word_counter(family).prepare()


@dataclass(frozen=True, slots=True)
class _RequestCounter:
    words: WordCounter
    frame_tokens: int
    header_tokens: int
    tool_prompt_tokens: int
    forced_tool_prompt_tokens: int
    bash_tokens: int
    tier: ImageTier
    keeps_earlier_thinking: bool

    def count(self, request: Mapping[str, Any]) -> int:
        messages = _list(request.get("messages"))
        total = self.frame_tokens + self._count_turns(messages)
        if system := request.get("system"):
            total += self.count_content(system)
        if tools := _list(request.get("tools")):
            total += self._count_tools(tools, _field(request.get("tool_choice"), "type"))
        if _field(request.get("thinking"), "type") == "enabled":
            total += _MANUAL_THINKING_TOKENS
        if schema := _field(_field(request.get("output_config"), "format"), "schema"):
            total += self._count_json(schema)
        return total

    def count_content(self, content: object, *, is_earlier: bool = False) -> int:
        if isinstance(content, str):
            return self.words.count(content)
        dropped = _THINKING_BLOCKS if is_earlier and not self.keeps_earlier_thinking else ()
        return sum(
            self._count_block(block)
            for block in _list(content)
            if _field(block, "type") not in dropped
        )

    def _count_turns(self, messages: Sequence[object]) -> int:
        if not messages:
            return 0
        current = find_current_turn(messages)
        total = 0
        headers = 1
        role: object = None
        for at, message in enumerate(messages):
            if (spoken_by := _field(message, "role")) != role:
                role = spoken_by
                headers += 1
            total += self.count_content(_field(message, "content"), is_earlier=at < current)
        if role == "assistant":
            headers -= 1
        return total + self.header_tokens * max(0, headers - _HEADERS_IN_FRAME)

    def _count_block(self, block: object) -> int:
        shape = _SHAPES.get(str(_field(block, "type")))
        if shape is None or not isinstance(block, Mapping):
            return self._count_unknown(block)
        total = self.words.count(shape.tags)
        for name in shape.texts:
            if isinstance(text := block.get(name), str):
                total += self.words.count(text)
        for name in shape.contents:
            total += self.count_content(block.get(name))
        for name in shape.values:
            total += self._count_json(block.get(name))
        if shape.has_source:
            total += self._count_source(block)
        return total

    def _count_source(self, block: Mapping[str, Any]) -> int:
        source = block.get("source")
        if not isinstance(source, Mapping):
            return 0
        if block["type"] == "image":
            return count_image(source, self.tier)
        data = source.get("data")
        if source.get("type") == "content":
            return self.count_content(source.get("content"))
        if source.get("type") == "text" and isinstance(data, str):
            return self.words.count(data)
        return count_pdf(data if isinstance(data, str) else "", self.tier)

    def _count_tools(self, tools: Sequence[object], choice: object) -> int:
        forced = choice in ("any", "tool")
        total = self.forced_tool_prompt_tokens if forced else self.tool_prompt_tokens
        for tool in tools:
            kind = str(_field(tool, "type"))
            if _field(tool, "defer_loading"):
                continue
            if kind.startswith("bash_"):
                total += self.bash_tokens
            elif kind.startswith("text_editor_"):
                total += _TEXT_EDITOR_TOKENS
            else:
                total += self._count_json(_without_cache_mark(tool))
        return total

    def _count_unknown(self, block: object) -> int:
        opaque: list[str] = []
        readable = _drop_opaque(_without_cache_mark(block), opaque)
        tokens = self._count_json(readable)
        return tokens + sum(map(len, opaque)) // _CHARACTERS_PER_OPAQUE_TOKEN

    def _count_json(self, value: object) -> int:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
        return self.words.count(text)


def _field(value: object, name: str) -> object:
    # Asking for the plain type first spares an abstract class's slow instance check.
    return value.get(name) if isinstance(value, (dict, Mapping)) else None


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def find_current_turn(messages: Sequence[object]) -> int:
    """Where the current turn starts: at the last user message that says something new, tool
    results being none. Thinking before it is dropped by models that do not keep it."""
    for at in range(len(messages) - 1, 0, -1):
        if _field(messages[at], "role") == "user":
            content = _field(messages[at], "content")
            if isinstance(content, str):
                return at
            if any(_field(block, "type") != "tool_result" for block in _list(content)):
                return at
    return 0


def _without_cache_mark(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: part for name, part in value.items() if name != "cache_control"}
    return value


def _drop_opaque(value: object, opaque: list[str]) -> object:
    """The value without the strings the model cannot read as they are; those go to `opaque`."""
    if isinstance(value, Mapping):
        kept = {}
        for name, part in value.items():
            if name in _OPAQUE_FIELDS and isinstance(part, str):
                opaque.append(part)
            else:
                kept[name] = _drop_opaque(part, opaque)
        return kept
    if isinstance(value, list | tuple):
        return [_drop_opaque(part, opaque) for part in value]
    return value
