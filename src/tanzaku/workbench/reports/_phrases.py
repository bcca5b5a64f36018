"""Short texts that several reports share. Foreign text in them is as it came: who writes it down
makes it harmless."""

import json
from typing import Any, Final

from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.sending import Reply, to_plain

EXCERPT: Final = 400
INPUT_TOKENS: Final = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
)
OUTPUT_TOKENS: Final = "output_tokens"


def format_value(value: Any, most: int = EXCERPT) -> str:
    """A value as JSON on one line, of at most `most` characters."""
    return shorten(json.dumps(to_plain(value), ensure_ascii=False), most)


def shorten(text: str, most: int = EXCERPT) -> str:
    """`text` of at most `most` characters; what is left out is told by its length."""
    if len(text) <= most:
        return text
    return f"{text[:most]}… (+{len(text) - most:,})"


def excerpt(reply: Reply) -> str:
    """What came, on one line: status, then the error, the text or the calls of tools."""
    if reply.status is None:
        return shorten(reply.problem or "")
    parts = [str(reply.status)]
    settlement = reply.exchange.settlement
    if settlement is not None and settlement.error is not None:
        parts.append(f"{settlement.error.type}: {settlement.error.message}")
    else:
        parts.append(reply.text)
        parts += [
            f"{call.get('name')}({format_value(call.get('input'))})" for call in reply.tool_calls
        ]
    if reply.problem:
        parts.append(reply.problem)
    return shorten(" ".join(" ".join(parts).split()))


def describe_path(outcome: Outcome) -> str:
    """The assertion with the place in the reply that it looked at."""
    return f"{outcome.assertion} {outcome.path}".strip()
