"""Replies as a client saw them, made by hand: what the workbench's assertions are tried on."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tanzaku.core import SseDecoder
from tanzaku.core.plain_yaml import parse_yaml
from tanzaku.exchange import Cost, Exchange, Settlement, Timings
from tanzaku.wire import encode_event, split_message
from tanzaku.workbench.assertions import Assertion, Outcome, Subject, read_assertions
from tanzaku.workbench.project import Scope
from tanzaku.workbench.sending import Reply, TimedFrame

JSON = "application/json"
STREAM = "text/event-stream; charset=utf-8"
USAGE = {"input_tokens": 100, "output_tokens": 50}


def a_message(text: str = "", *content: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Message of the API: a text block if there is text, then `content`."""
    blocks = [{"type": "text", "text": text, "citations": None}] if text else []
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": [*blocks, *content],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
        **fields,
    }


def a_call(name: str = "get_weather", number: int = 1, **arguments: Any) -> dict[str, Any]:
    """A tool_use block."""
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": arguments}


def called(*calls: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Message that calls tools."""
    return a_message("", *calls, **{"stop_reason": "tool_use", **fields})


def an_error(error_type: str = "invalid_request_error", message: str = "no") -> dict[str, Any]:
    """The API's error envelope."""
    return {"type": "error", "error": {"type": error_type, "message": message}}


def a_reply(
    body: Any = None,
    *,
    status: int = 200,
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
    request: Any = None,
    path: str = "/v1/messages",
    ttft_ms: float | None = 100.0,
    total_ms: float = 500.0,
    cost: str | None = None,
    problem: str | None = None,
    last_ms: float | None = None,
    holds_secret: bool = False,
) -> Reply:
    """An answered request. A body that is neither bytes nor text is written as JSON; `usage` is the
    body's; a stream's events come every 10 ms after the first byte, its last one at `last_ms`."""
    raw = body if isinstance(body, bytes) else _write(body)
    frames = list(SseDecoder().feed(raw)) if content_type.startswith("text/event-stream") else []
    at = [(ttft_ms or 0.0) + 10 * n for n in range(len(frames))]
    if last_ms is not None:
        at[-1] = last_ms
    settlement = Settlement(
        settled_at=1.0,
        status=status,
        route="x",
        response_headers=[("content-type", content_type), *(headers or {}).items()],
        response_body=raw,
        timings=Timings(ttft_ms, total_ms),
        attempts=[],
        usage=body.get("usage") if isinstance(body, dict) else None,
        cost=Cost(Decimal(cost), {}) if cost else None,
    )
    timed = tuple(TimedFrame(*one) for one in zip(at, frames, strict=True))
    reply = Reply(
        _an_exchange(request, path, settlement), timed, problem, holds_secret=holds_secret
    )
    if frames and reply.message:
        settlement.usage = reply.message.get("usage")
    return reply


def no_reply(problem: str = "nobody was reached") -> Reply:
    """A request that no answer came to."""
    return Reply(_an_exchange(None, "/v1/messages", None), problem=problem)


def a_stream(message: dict[str, Any], *, cut: int = 0, end: bytes = b"", **fields: Any) -> Reply:
    """The message streamed, less its last `cut` events, with `end` after it."""
    events = [encode_event(event) for event in split_message(message)]
    body = b"".join(events[: len(events) - cut]) + end
    return a_reply(body, content_type=STREAM, **fields)


def a_subject(
    *replies: Reply, variables: Mapping[str, Any] | None = None, **fields: Any
) -> Subject:
    """Replies to be judged."""
    scope = Scope(temporary=variables or {}, secrets=fields.pop("secrets", {}))
    return Subject(replies, scope, fields.pop("root", Path()), **fields)


def read_expect(text: str) -> list[Assertion]:
    """The assertions of an `expect` list written as YAML."""
    return read_assertions(parse_yaml(text, "x.suite.yaml"))


def judge(item: str, *replies: Reply, **fields: Any) -> Outcome:
    """The outcome of one assertion (a YAML mapping) on some replies."""
    (assertion,) = read_expect("- " + item.replace("\n", "\n  "))
    return assertion.check(a_subject(*replies, **fields))


def _write(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return b"" if body is None else json.dumps(body, ensure_ascii=False).encode()


def _an_exchange(request: Any, path: str, settlement: Settlement | None) -> Exchange:
    return Exchange(
        exchange_id="wb_1",
        started_at=0.0,
        method="POST",
        path=path,
        request_headers=[],
        request_body=_write(request),
        settlement=settlement,
    )
