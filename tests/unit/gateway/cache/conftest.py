"""An example of a gateway with a response cache, and an upstream that answers when it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway._stages import ANYONE, Asked, Caller, Target
from tanzaku.gateway.cache import CacheSettings, Keeper, ResponseCache
from tanzaku.transport import HeaderList, HttpRequest, HttpResponse, read_all

JSON = (b"content-type", b"application/json")
EVENTS = (b"content-type", b"text/event-stream; charset=utf-8")
QUESTION = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Wie heißt der Fluss?"}],
}
USAGE = {"input_tokens": 10, "output_tokens": 4}
MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [
        {"type": "text", "text": "Der Fluss heißt Elbe, 易北河."},
        {"type": "tool_use", "id": "toolu_1", "name": "map", "input": {"of": "Elbe", "n": [1, {}]}},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "stop_details": None,
    "usage": USAGE,
}
BEGUN = {"content": [], "stop_reason": None, "usage": USAGE | {"output_tokens": 1}}
FRAMES = [
    b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n"
    for event in [
        {"type": "message_start", "message": {**MESSAGE, **BEGUN}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "El"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "be"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": USAGE},
        {"type": "message_stop"},
    ]
]
ERROR_FRAME = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"o"}}\n\n'
)


def ask(
    changes: Mapping[str, Any] | None = None,
    headers: Sequence[tuple[str, str]] = (),
    *,
    body: bytes | None = None,
    cache: str | None = "on",
    target: str = "/v1/messages",
    credential: str = "sk-ant-one",
) -> Asked:
    """A request that asks for the cache, as the stages of a gateway get it."""
    params = QUESTION | dict(changes or {})
    if body is None:
        body = json.dumps(params).encode()
    lines = [JSON, (b"x-api-key", credential.encode()), (b"anthropic-version", b"2026-10-21")]
    lines += [(name.encode(), value.encode()) for name, value in headers]
    if cache is not None:
        lines.append((b"tanzaku-cache", cache.encode()))
    labels = {
        name[8:].decode(): value.decode() for name, value in lines if name.startswith(b"tanzaku-")
    }
    request = HttpRequest("POST", target, lines, body)
    path = request.path
    return Asked(request, path, json.loads(body), body, labels, 0.0, path == "/v1/messages")


@dataclass
class Call:
    """One call of the upstream: a whole answer, or what the test pushes, piece by piece."""

    head: asyncio.Future[HttpResponse]
    pieces: asyncio.Queue[bytes | Exception | None]
    is_closed: bool = False

    def begin(self, status: int = 200, headers: HeaderList | None = None) -> None:
        """Send the head of a streamed answer."""
        self.head.set_result(HttpResponse(status, headers or [EVENTS], self._stream()))

    def push(self, *pieces: bytes | Exception | None) -> None:
        """Send these bytes; None ends the answer, an exception breaks it."""
        for piece in pieces:
            self.pieces.put_nowait(piece)

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            while (piece := await self.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.is_closed = True


@dataclass
class Desk:
    """The gateway: it asks the cache first, and the upstream where that says so."""

    settings: CacheSettings = field(default_factory=CacheSettings)
    keeper: Keeper | None = None
    clock: VirtualClock = field(default_factory=VirtualClock)
    calls: list[Call] = field(default_factory=list)
    free: list[bool] = field(default_factory=list)
    targets: Sequence[Target] = ()
    answer: HttpResponse | None = None
    """What the upstream answers at once; None: what the test tells each call."""

    def __post_init__(self) -> None:
        self.cache = ResponseCache(self.settings, self.clock, self.keeper)

    async def upstream(self) -> HttpResponse:
        loop = asyncio.get_running_loop()
        call = Call(loop.create_future(), asyncio.Queue())
        self.calls.append(call)
        if self.answer is not None:
            return HttpResponse(self.answer.status, list(self.answer.headers), self.answer.body)
        return await call.head

    async def send(self, asked: Asked, caller: Caller = ANYONE) -> HttpResponse:
        opened = self.cache.open(asked, caller, self.targets)
        if opened is None:
            return await self.upstream()
        answer = await opened.answer(self.upstream)
        self.free.append(opened.is_free)
        return answer

    async def fetch(self, asked: Asked, caller: Caller = ANYONE) -> HttpResponse:
        """The answer with its body read whole."""
        answer = await self.send(asked, caller)
        return HttpResponse(answer.status, answer.headers, await read_all(answer))

    def say(self, body: Any = None, status: int = 200, headers: HeaderList | None = None) -> None:
        """Answer so from now on: the message by default, a list of frames as a stream."""
        body = MESSAGE if body is None else body
        if isinstance(body, list):
            self.answer = HttpResponse(status, [EVENTS, *(headers or [])], b"".join(body))
        else:
            raw = json.dumps(body).encode()
            self.answer = HttpResponse(status, [JSON, *(headers or [])], raw)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(50):
        await asyncio.sleep(0)


class Kit:
    """The builders, for test files that may not import from each other."""

    Desk = Desk
    MESSAGE = MESSAGE
    FRAMES = FRAMES
    ERROR_FRAME = ERROR_FRAME
    ask = staticmethod(ask)
    settle = staticmethod(settle)

    @staticmethod
    def state(answer: HttpResponse) -> str:
        """What the answer says of the cache."""
        return dict(answer.headers)[b"tanzaku-cache"].decode()

    @staticmethod
    def run[T](scenario: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(scenario)


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
