"""What an execution recorded of an operation: a stream's events, a tool's round trip."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tanzaku.workbench.docs._matching import OperationFinder
from tanzaku.workbench.openapi import Document
from tanzaku.workbench.runner import Event, ReplyCame
from tanzaku.workbench.sending import Reply, to_plain

_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Recorded:
    """The first good stream of an operation, and its first good request that brings the results of
    tools back."""

    stream: Reply | None = None
    round_trip: Reply | None = None


def read_recording(document: Document, events: Iterable[Event]) -> dict[str, Recorded]:
    """The first exchange of each kind by operation; those without any are left out."""
    finder = OperationFinder(document)
    found: dict[str, Recorded] = {}
    for event in events:
        if not isinstance(event, ReplyCame) or not _is_good(event.reply):
            continue
        exchange = event.reply.exchange
        operation = finder.find(exchange.method, exchange.path)
        if operation is not None:
            held = found.get(operation.id, Recorded())
            found[operation.id] = _add(held, event.reply)
    return found


@dataclass(frozen=True, slots=True)
class Turn:
    """One step of a round trip: `kind` is question, call, result, failed or answer."""

    kind: str
    name: str
    content: str


def list_turns(reply: Reply) -> Sequence[Turn]:
    """The turns of a conversation with tools, and the answer that ends it."""
    turns: list[Turn] = []
    for message in _read_messages(reply):
        for block in _list_blocks(message):
            turn = _read_block(block, str(message.get("role")))
            if turn is not None:
                turns.append(turn)
    for block in reply.blocks:
        turn = _read_block(block, "assistant")
        if turn is not None:
            turns.append(turn)
    return turns


def shorten(value: Any) -> str:
    """Data as JSON on one line, of at most 400 characters; a text as it is."""
    text = value if isinstance(value, str) else json.dumps(to_plain(value), ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… (+{len(text) - _LONGEST:,})"


def _is_good(reply: Reply) -> bool:
    return (
        reply.status is not None
        and reply.status < 400
        and reply.trouble is None
        and not reply.holds_secret
    )


def _add(held: Recorded, reply: Reply) -> Recorded:
    stream, round_trip = held.stream, held.round_trip
    if stream is None and reply.frames:
        stream = reply
    if round_trip is None and reply.message is not None and _has_result(reply):
        round_trip = reply
    return Recorded(stream, round_trip)


def _has_result(reply: Reply) -> bool:
    asked: set[Any] = set()
    for message in _read_messages(reply):
        for block in _list_blocks(message):
            if block.get("type") == "tool_use":
                asked.add(str(block.get("id")))
            elif block.get("type") == "tool_result" and str(block.get("tool_use_id")) in asked:
                return True
    return False


def _read_messages(reply: Reply) -> list[dict[str, Any]]:
    try:
        request = json.loads(reply.exchange.request_body)
    except ValueError:
        return []
    messages = request.get("messages") if isinstance(request, dict) else None
    return [one for one in messages or () if isinstance(one, dict)]


def _list_blocks(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [one for one in content or () if isinstance(one, dict)]


def _read_block(block: dict[str, Any], role: str) -> Turn | None:
    match block.get("type"):
        case "text":
            kind = "answer" if role == "assistant" else "question"
            return Turn(kind, "", shorten(str(block.get("text", ""))))
        case "tool_use":
            return Turn("call", str(block.get("name")), shorten(block.get("input")))
        case "tool_result":
            kind = "failed" if block.get("is_error") is True else "result"
            return Turn(kind, "", shorten(block.get("content")))
        case _:
            return None
