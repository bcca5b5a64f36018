"""Deferred calls on a virtual clock, with an upstream that keeps batches and answers messages."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from harness.shelved import BATCHES, Shelved
from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.gateway._asked import read_asked
from tanzaku.gateway._headers import read_request_head
from tanzaku.gateway._stages import ANYONE, Caller, Door, Target, Treasury
from tanzaku.gateway.batching import (
    Batching,
    BatchingSettings,
    DeferredBooks,
    LaterRoutes,
)
from tanzaku.ledger import Ledger, MemoryShelf, Shelf
from tanzaku.transport import Handler, HeaderList, HttpRequest, HttpResponse, read_all, read_upload
from tanzaku.wire import ApiError

VERSION = (b"anthropic-version", b"2026-10-21")
LATER = "/_tanzaku/later"


class Upstream:
    """The Batches API of the simulator, worked off at `speed`, and plain messages beside it.

    `asked` counts how often each request of a batch was run, `plain` has the bodies of plain
    messages. `before` and `after` see each request on its way in and each answer on its way out;
    either may raise, or give an answer in its place.
    """

    def __init__(self, clock: VirtualClock, *, speed: float = 1.0) -> None:
        self.shelved = Shelved(clock=clock, speed=speed)
        self.requests: list[HttpRequest] = []
        self.bodies: list[bytes] = []
        self.plain: list[bytes] = []
        self.before: Callable[[HttpRequest], HttpResponse | None] = lambda request: None
        self.after: Callable[[HttpRequest, HttpResponse], HttpResponse | None] = (
            lambda request, answer: None
        )

    @property
    def asked(self) -> Counter[str]:
        return Counter(self.shelved.brain.asked)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        instead = self.before(request)
        if instead is not None:
            return instead
        await read_upload(request)
        self.bodies.append(request.body)
        if request.path == "/v1/messages":
            self.plain.append(request.body)
            answer = _answer_plainly(request)
        else:
            assert request.path.startswith(BATCHES)
            answer = await self.shelved(request)
        return self.after(request, answer) or answer

    @property
    def created(self) -> list[HttpRequest]:
        """The requests that wanted a batch made."""
        return [one for one in self.requests if (one.method, one.path) == ("POST", BATCHES)]


class WatchedLedger:
    """A ledger whose settlements under way are counted, so that a test may wait for its thread."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.busy = 0

    async def settle(self, exchange: Exchange) -> None:
        self.busy += 1
        try:
            await self.ledger.settle(exchange)
        finally:
            self.busy -= 1

    def get_exchange(self, exchange_id: str) -> Exchange:
        return self.ledger.get_exchange(exchange_id)


class Deferring:
    """One process of the gateway: its stage for deferred calls and their routes."""

    def __init__(
        self,
        upstreams: dict[str, Handler],
        clock: VirtualClock,
        ledger: Any,
        *,
        shelf: Shelf,
        settings: BatchingSettings = BatchingSettings(),  # noqa: B008 - frozen
        door: Door | None = None,
        treasury: Treasury | None = None,
        seed: int = 1,
    ) -> None:
        self.clock = clock
        self.ledger = ledger
        self.shelf = shelf
        self.targets = [Target(name, send) for name, send in upstreams.items()]
        books = DeferredBooks(ledger, clock, treasury=treasury)
        self.batching = Batching(
            settings, upstreams, shelf=shelf, books=books, clock=clock, chance=Random(seed)
        )
        self.routes = LaterRoutes(self.batching, clock=clock, door=door)

    async def defer(
        self,
        body: dict[str, Any] | bytes,
        when: str = "6h",
        *,
        headers: HeaderList | None = None,
        caller: Caller = ANYONE,
        query: str = "",
    ) -> HttpResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [VERSION, (b"host", b"gate.test"), (b"tanzaku-when", when.encode())]
        request = HttpRequest("POST", f"/v1/messages{query}", [*lines, *(headers or [])], raw)
        head = read_request_head(request.headers)
        asked = await read_asked(request, head, self.clock.now())
        return await self.routes.defer(asked, caller, self.targets)

    async def defer_id(self, body: dict[str, Any] | bytes, when: str = "6h", **more: Any) -> str:
        ticket = read_json(await self.defer(body, when, **more))
        call_id: str = ticket["id"]
        return call_id

    async def ask(
        self, method: str, target: str, headers: HeaderList | None = None
    ) -> HttpResponse:
        lines = [(b"host", b"gate.test"), *(headers or [])]
        answer = await self.routes(HttpRequest(method, f"{LATER}{target}", lines, b""))
        return HttpResponse(answer.status, answer.headers, await read_all(answer))

    async def pass_time(self, seconds: float, step_s: float = 5.0) -> None:
        """Let time pass in steps, each until nothing more happens without the clock."""
        end = self.clock.now() + seconds
        while True:
            await self.settle_down()
            left = end - self.clock.now()
            if left <= 0:
                return
            self.clock.advance(min(step_s, left))

    async def settle_down(self) -> None:
        for _ in range(40):
            await asyncio.sleep(0)
        while self.ledger.busy:
            for _ in range(40):
                await asyncio.sleep(0)


@asynccontextmanager
async def open_deferring(
    *,
    speed: float = 1.0,
    folder: Path | None = None,
    shelf: Shelf | None = None,
    **more: Any,
) -> AsyncIterator[tuple[Deferring, Upstream]]:
    """A running one over an upstream called `main`."""
    clock = VirtualClock()
    upstream = Upstream(clock, speed=speed)
    path = None if folder is None else folder / "ledger.db"
    with Ledger.open(path, clock=clock) as ledger:
        it = Deferring(
            {"main": upstream}, clock, WatchedLedger(ledger), shelf=shelf or MemoryShelf(), **more
        )
        async with it.batching.run():
            yield it, upstream
        await upstream.shelved.batches.close()


def build_params(text: str = "hello", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-haiku-4-5", "max_tokens": 50, "messages": messages} | more


def read_json(answer: HttpResponse) -> Any:
    assert isinstance(answer.body, bytes)
    return json.loads(answer.body)


def read_header(answer: HttpResponse, name: str) -> str | None:
    values = [value.decode() for key, value in answer.headers if key == name.encode()]
    return values[0] if values else None


def list_exchanges(ledger: Ledger) -> list[Exchange]:
    return [ledger.get_exchange(one.exchange_id) for one in ledger.list_exchanges(limit=1000)]


def _answer_plainly(request: HttpRequest) -> HttpResponse:
    params = json.loads(request.body)
    message = {
        "id": "msg_plain",
        "type": "message",
        "role": "assistant",
        "model": params["model"],
        "content": [{"type": "text", "text": "plain", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 8, "output_tokens": 2, "service_tier": "standard"},
    }
    headers = [(b"content-type", b"application/json")]
    return HttpResponse(200, headers, json.dumps(message).encode())


__all__ = [
    "LATER",
    "VERSION",
    "ApiError",
    "Deferring",
    "Upstream",
    "WatchedLedger",
    "build_params",
    "list_exchanges",
    "open_deferring",
    "read_header",
    "read_json",
]
