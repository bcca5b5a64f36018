"""Thinking blocks: whether to think, what, and the signature that seals it."""

import base64
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._phrases import get_phrases, join_sentences

if TYPE_CHECKING:
    from tanzaku.simulator.improviser._tools import ToolCall

_TRIVIAL_LENGTH = 40
_TRIVIAL_LENGTH_HAN = 16


def is_thinking(conversation: Conversation, *, thinks_by_default: bool, is_answer: bool) -> bool:
    """Whether this answer opens with a thinking block.

    `enabled` and an explicit `adaptive` always do (a guess for `adaptive`: the model may skip it).
    On a model that thinks unless told otherwise, a request without `thinking` gets it for anything
    but a short prompt, and never at effort `low` (where the model stops is a guess).
    `between_tools` thinks only after tool results. A forced tool choice leaves thinking out, as on
    Haiku 5.5; so does a prefilled answer.
    """
    request = conversation.request
    choice = request.get("tool_choice")
    if conversation.prefill or (choice and choice["type"] in {"any", "tool"}):
        return False
    thinking = request.get("thinking")
    if thinking:
        kind = thinking["type"]
        if kind == "between_tools":
            return conversation.is_after_tools
        return bool(kind != "disabled")
    if not thinks_by_default or not is_answer:
        return False
    output_config = request.get("output_config") or {}
    limit = _TRIVIAL_LENGTH if conversation.question.isascii() else _TRIVIAL_LENGTH_HAN
    return output_config.get("effort") != "low" and len(conversation.question) >= limit


def write_thinking(conversation: Conversation, calls: "list[ToolCall]") -> str:
    """The thoughts themselves, in the language of the prompt: 10 to 60 tokens."""
    language = conversation.language
    if calls:
        tools = ", ".join(dict.fromkeys(call.name for call in calls))
        return get_phrases(language, "thinking_tool")[0].format(**conversation.topics, tool=tools)
    if conversation.is_after_tools:
        return get_phrases(language, "thinking_result")[0].format(**conversation.topics)
    thoughts = [
        text.format(**conversation.topics).strip() for text in get_phrases(language, "thinking")
    ]
    return join_sentences(language, thoughts)


def sign(seed: int, thinking: str) -> str:
    """A signature in the API's form (base 64, opaque) that follows from seed and thoughts."""
    key = hashlib.blake2b(f"{seed}\x1f{thinking}".encode("utf-8", "surrogatepass")).digest()
    return base64.b64encode(b"\x12\xe8\x01" + key * 3).decode()


def is_omitted(thinking: Mapping[str, Any] | None, *, omitted_by_default: bool) -> bool:
    """Whether the block comes without its text (`display: omitted`, the default on 4.7 and up)."""
    display = (thinking or {}).get("display")
    return bool(display == "omitted" or (display is None and omitted_by_default))
