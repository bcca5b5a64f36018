"""Recordings built by hand, and a player for them."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, override

import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Frame, RecordedExchange, RecordedRequest, RecordedResponse
from tanzaku.simulator.replay import Replay
from tanzaku.transport import HttpRequest, HttpResponse, get_header, read_all

JSON = [("content-type", "application/json"), ("request-id", "req_rec")]
SSE = [("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_rec")]
USAGE = {"input_tokens": 3, "output_tokens": 5}


def ask(*said: Any, **fields: Any) -> dict[str, Any]:
    """A request body: texts are turns of user and assistant in turn, dicts messages as they are."""
    roles = ("user", "assistant")
    messages = [
        one if isinstance(one, dict) else {"role": roles[at % 2], "content": one}
        for at, one in enumerate(said)
    ]
    return {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": messages} | fields


def message(*content: Any, **fields: Any) -> dict[str, Any]:
    """A Message; texts are text blocks."""
    blocks = [{"type": "text", "text": c} if isinstance(c, str) else c for c in content]
    return {
        "id": "msg_rec", "type": "message", "role": "assistant", "model": "claude-haiku-4-5-20251001",
        "content": blocks, "stop_reason": "end_turn", "stop_sequence": None, "usage": USAGE,
    } | fields  # fmt: skip


def call(call_id: str, name: str = "track", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(call_id: str, content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def record(
    body: Any, answer: Any, *, status: int = 200, target: str = "/v1/messages", **more: Any
) -> RecordedExchange:
    """A recorded exchange; a list as answer is a stream of (ms, event)."""
    if isinstance(answer, list):
        frames = [Frame(ms, event) for ms, event in answer]
        response = RecordedResponse(status, SSE, "events", frames)
    else:
        response = RecordedResponse(status, JSON, "body", answer)
    method = "GET" if body is None else "POST"
    return RecordedExchange(
        0.0, "test", RecordedRequest(method, target, [], body), response, **more
    )


class SkippingClock(VirtualClock):
    """Sleeping is skipped: the time passes at once."""

    @override
    async def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))


@dataclass
class Player:
    """Replays `exchanges`, numbered by line from 2 on."""

    exchanges: Sequence[RecordedExchange]
    mode: Any = "lenient"
    speed: float | None = None

    def __post_init__(self) -> None:
        self.clock = SkippingClock()
        numbered = [replace(one, line=at) for at, one in enumerate(self.exchanges, start=2)]
        self.replay = Replay(
            numbered, name="talk.jsonl", clock=self.clock, mode=self.mode, speed=self.speed
        )

    def send(
        self,
        body: Mapping[str, Any] | bytes | None,
        target: str = "/v1/messages",
        method: str = "POST",
    ) -> HttpResponse:
        """The answer with its body read whole."""

        async def go() -> HttpResponse:
            raw = (
                b""
                if body is None
                else body
                if isinstance(body, bytes)
                else json.dumps(body).encode()
            )
            answer = await self.replay(HttpRequest(method, target, [], raw))
            return HttpResponse(answer.status, answer.headers, await read_all(answer))

        return asyncio.run(go())

    def lines(self, *bodies: Mapping[str, Any]) -> list[str]:
        """Which line answers each of `bodies`, in turn."""
        answers = [self.send(body) for body in bodies]
        return [(get_header(a.headers, b"tanzaku-rule") or b"").decode()[7:] for a in answers]


class Kit:
    """The builders, for test files that may not import from each other."""

    Player = Player
    ask = staticmethod(ask)
    message = staticmethod(message)
    call = staticmethod(call)
    result = staticmethod(result)
    record = staticmethod(record)


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
