"""The improviser: an answer without a script, from request and seed alone."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tanzaku.simulator._chance import Chance
from tanzaku.simulator.improviser._conversation import Conversation
from tanzaku.simulator.improviser._lists import find_item_count
from tanzaku.simulator.improviser._text import write_text
from tanzaku.wire import ApiError

if TYPE_CHECKING:
    from tanzaku.simulator.improviser._tools import ToolCall


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before any limit: text, or tool calls. `rule` names the part that wrote it."""

    rule: str
    text: str
    calls: "tuple[ToolCall, ...]" = ()


def improvise(conversation: Conversation) -> Draft:
    """Tool calls where a tool fits, JSON for an output schema, else text in the prompt's language.

    A prefilled answer is continued: what it already says of the text is left out.
    """
    if conversation.request.get("tools"):
        from tanzaku.simulator.improviser._tools import choose_calls

        calls = choose_calls(conversation)
        if calls:
            return Draft("improviser/tool", "", tuple(calls))
    output_format = (conversation.request.get("output_config") or {}).get("format")
    if output_format:
        return Draft("improviser/schema", _write_schema(conversation, output_format["schema"]))
    text = write_text(conversation)
    if conversation.prefill:
        return Draft("improviser/prefill", _continue(conversation.prefill, text))
    return Draft("improviser/text", text)


def _write_schema(conversation: Conversation, schema: dict[str, Any]) -> str:
    from tanzaku.simulator.improviser._schema import BrokenSchemaError, build_value

    try:
        value = build_value(
            schema,
            conversation.facts,
            Chance(conversation.seed, "schema", conversation.question),
            fill=True,
            item_count=find_item_count(conversation),
        )
    except BrokenSchemaError:
        # The text is a guess.
        raise ApiError.invalid_request(
            "output_config.format.schema: JSON schema is invalid."
        ) from None
    return json.dumps(value, ensure_ascii=False)


def _continue(prefill: str, text: str) -> str:
    """What follows `prefill`: the rest of the same JSON, of the same text, or the text as it is."""
    start = prefill.strip()
    if start and text.startswith(start):
        return text[len(start) :]
    opening = start[-1:]
    if opening in {"{", "["}:
        begun = (
            text
            if text[:1] == opening
            else json.dumps([text] if opening == "[" else {"answer": text}, ensure_ascii=False)
        )
        return begun[1:]
    return text if prefill[-1:].isspace() else f" {text}"
