"""Gateways over scripted upstreams, and what a client and the ledger saw of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, override

import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.gateway import Gateway, OneTarget, RetryPolicy, Stages
from tanzaku.ledger import Ledger
from tanzaku.transport import Handler, HeaderList, HttpRequest, HttpResponse, read_all

JSON = (b"content-type", b"application/json")


class SkippingClock(VirtualClock):
    """Sleeping is skipped: the time passes at once, and `slept` lists the pauses in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    @override
    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


@dataclass
class Upstream:
    """Answers with the scripted answers in turn, the last one repeating; exceptions are raised."""

    answers: list[HttpResponse | Exception]
    requests: list[HttpRequest] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.answers[min(len(self.requests), len(self.answers) - 1)]
        self.requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return HttpResponse(answer.status, list(answer.headers), answer.body)


@dataclass
class Interception:
    """Something at the edge: `make` gets what asks the upstream, `headers` are for the record."""

    make: Callable[[Callable[[], Awaitable[HttpResponse]]], Awaitable[HttpResponse]]
    headers: HeaderList = field(default_factory=lambda: [(b"tanzaku-rule", b"fault:x#1")])

    async def __call__(self, ask: Callable[[], Awaitable[HttpResponse]]) -> HttpResponse:
        return await self.make(ask)


@dataclass
class Bench:
    """A gateway's surroundings: its clock and its ledger."""

    clock: SkippingClock
    ledger: Ledger
    chance: Random = field(default_factory=lambda: Random(7))

    def build(
        self,
        upstream: Handler,
        *,
        retry: RetryPolicy | None = None,
        edge: Callable[[HttpRequest], Any] | None = None,
    ) -> Gateway:
        return Gateway(
            OneTarget("test", upstream, retry),
            ledger=self.ledger,
            clock=self.clock,
            stages=Stages(edge=edge),
            chance=self.chance,
        )

    def send(
        self,
        upstream: Handler,
        request: HttpRequest,
        *,
        retry: RetryPolicy | None = None,
        edge: Callable[[HttpRequest], Any] | None = None,
    ) -> HttpResponse:
        """The answer with its body read whole."""

        async def go() -> HttpResponse:
            answer = await self.build(upstream, retry=retry, edge=edge)(request)
            return HttpResponse(answer.status, answer.headers, await read_all(answer))

        return asyncio.run(go())

    @property
    def exchange(self) -> Exchange:
        """The newest exchange of the ledger, whole."""
        return self.ledger.get_exchange(self.ledger.list_exchanges(limit=1)[0].exchange_id)


@pytest.fixture
def bench() -> Iterator[Bench]:
    clock = SkippingClock()
    with Ledger.open(None, clock=clock) as ledger:
        yield Bench(clock, ledger)


def build_request(
    body: Any = None,
    headers: HeaderList | None = None,
    *,
    method: str = "POST",
    target: str = "/v1/messages",
) -> HttpRequest:
    if body is None:
        body = {
            "model": "claude-haiku-4-5",
            "max_tokens": 100,
            "messages": [{"role": "user", "content": "Hello"}],
        }
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = [JSON, (b"anthropic-version", b"2026-10-21"), (b"x-api-key", b"k")]
    return HttpRequest(method, target, given if headers is None else headers, raw)


def build_answer(body: Any, status: int = 200, headers: HeaderList | None = None) -> HttpResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status, [JSON, *(headers or [])], raw)


def build_stream(*chunks: bytes, broken: Exception | None = None) -> HttpResponse:
    """A server-sent answer in these chunks; `broken` is raised where the next would come."""

    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk
        if broken is not None:
            raise broken

    headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"request-id", b"req_u")]
    return HttpResponse(200, headers, body())


class Kit:
    """The builders, for test files that may not import from each other."""

    Upstream = Upstream
    Interception = Interception
    request = staticmethod(build_request)
    answer = staticmethod(build_answer)
    stream = staticmethod(build_stream)

    @staticmethod
    def run[T](scenario: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(scenario)


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
