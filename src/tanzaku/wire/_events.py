"""A message as the events that stream it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

type Cut = Callable[[str], Iterable[str]]
"""Cuts a text into pieces that concatenate to it."""

_WORDS = re.compile(r"(?:\s*\S{1,12}){1,6}|\s+")
_INPUT_BLOCKS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_LATE_FIELDS = ("stop_reason", "stop_sequence", "stop_details", "container")
_CUMULATIVE_USAGE = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
_LATE_USAGE = (
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
    "iterations",
    "fallback_credit",
)


def cut_words(text: str) -> list[str]:
    """Pieces of up to six words, each with the space before it (12 characters count as a word)."""
    return _WORDS.findall(text)


def split_message(
    message: Mapping[str, Any], *, pieces: Cut = cut_words, input_pieces: Cut | None = None
) -> list[dict[str, Any]]:
    """The events that stream `message` (a whole Message as JSON), in the API's order.

    `pieces` cuts text and thinking. A tool's input arrives key by key, each with its value, unless
    `input_pieces` cuts its JSON text otherwise (as `eager_input_streaming` does). Citations come
    before their block's text; a `ping` follows the first block's start. Blocks of any other type
    stand whole in their start.

    What travels where: `message_start` carries every field with content `[]`, and null for
    stop_reason, stop_sequence, stop_details, container and context_management, whose values
    `message_delta` brings. Of usage, output_tokens is at most 1 in the start (a guess: "small")
    and final in the delta; output_tokens_details, server_tool_use, iterations and fallback_credit
    are in the delta only; the input and cache counts in both; the rest in the start only.
    """
    events: list[dict[str, Any]] = [{"type": "message_start", "message": _open_message(message)}]
    for index, block in enumerate(message["content"]):
        start, *deltas = _split_block(block, pieces, input_pieces)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        if index == 0:
            events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": index})
    events += [_close_message(message), {"type": "message_stop"}]
    return events


def _open_message(message: Mapping[str, Any]) -> dict[str, Any]:
    usage = {key: n for key, n in message["usage"].items() if key not in _LATE_USAGE}
    usage["output_tokens"] = min(1, message["usage"]["output_tokens"])
    late = [key for key in (*_LATE_FIELDS, "context_management") if key in message]
    return {**message, "content": [], **dict.fromkeys(late), "usage": usage}


def _close_message(message: Mapping[str, Any]) -> dict[str, Any]:
    usage = message["usage"]
    event: dict[str, Any] = {
        "type": "message_delta",
        "delta": {key: message[key] for key in _LATE_FIELDS if key in message},
        "usage": {key: usage[key] for key in (*_CUMULATIVE_USAGE, *_LATE_USAGE) if key in usage},
    }
    if "context_management" in message:
        event["context_management"] = message["context_management"]
    return event


def _split_block(
    block: Mapping[str, Any], pieces: Cut, input_pieces: Cut | None
) -> Iterator[dict[str, Any]]:
    kind = block["type"]
    if kind == "text":
        citations = block.get("citations")
        yield {**block, "text": ""} | ({"citations": []} if citations else {})
        for citation in citations or ():
            yield {"type": "citations_delta", "citation": citation}
        for piece in filter(None, pieces(block["text"])):
            yield {"type": "text_delta", "text": piece}
    elif kind == "thinking":
        yield {**block, "thinking": "", "signature": ""}
        for piece in filter(None, pieces(block["thinking"])):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif kind in _INPUT_BLOCKS:
        yield {**block, "input": {}}
        for piece in _cut_input(block["input"], input_pieces):
            yield {"type": "input_json_delta", "partial_json": piece}
    else:
        yield dict(block)


def _cut_input(value: dict[str, Any], input_pieces: Cut | None) -> Iterator[str]:
    yield ""
    if not value:
        return
    if input_pieces is not None:
        yield from input_pieces(_dump(value))
        return
    opening = "{"
    for key, item in value.items():
        yield f"{opening}{_dump(key)}: {_dump(item)}"
        opening = ", "
    yield "}"


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
