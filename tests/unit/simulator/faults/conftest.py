"""An upstream of a few events, and what a client gets of it where faults happen."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, override

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator.faults import Fault, FaultPlan, Faults
from tanzaku.transport import HttpRequest, HttpResponse, read_all

EVENTS = [b'event: e%d\ndata: {"n":%d}\n\n' % (n, n) for n in range(6)]

WHOLE = b"".join(EVENTS)


class SkippingClock(VirtualClock):
    """Sleeping is skipped: the time passes at once, and `slept` lists the pauses in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    @override
    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)


class Chunks(AsyncIterator[bytes]):
    """A body in these chunks; counts what was taken, and how often it was closed."""

    def __init__(self, *chunks: bytes) -> None:
        self._chunks = list(chunks)
        self.taken = 0
        self.closings = 0

    @override
    async def __anext__(self) -> bytes:
        if self.taken == len(self._chunks):
            raise StopAsyncIteration
        self.taken += 1
        return self._chunks[self.taken - 1]

    async def aclose(self) -> None:
        self.closings += 1


@dataclass
class Upstream:
    """Answers with this body; a list of chunks streams it."""

    body: bytes | list[bytes] = WHOLE
    status: int = 200
    content_type: bytes = b"text/event-stream; charset=utf-8"
    rule: bytes = b"improviser/text"
    asked: int = 0
    bodies: list[Chunks] = field(default_factory=list)

    async def __call__(self) -> HttpResponse:
        self.asked += 1
        headers = [
            (b"content-type", self.content_type),
            (b"request-id", b"req_u"),
            (b"tanzaku-rule", self.rule),
        ]
        if isinstance(self.body, bytes):
            return HttpResponse(self.status, headers, self.body)
        self.bodies.append(Chunks(*self.body))
        return HttpResponse(self.status, headers, self.bodies[-1])


def build_request(
    path: str = "/v1/messages",
    *,
    method: str = "POST",
    headers: list[tuple[bytes, bytes]] | None = None,
    body: Any = None,
) -> HttpRequest:
    raw = body if isinstance(body, bytes) else json.dumps(body or {"model": "m"}).encode()
    return HttpRequest(method, path, headers or [], raw)


class Bench:
    """Faults on a clock that skips every pause."""

    EVENTS = EVENTS
    Upstream = Upstream
    request = staticmethod(build_request)

    def __init__(self) -> None:
        self.clock = SkippingClock()
        self.faults = Faults(clock=self.clock)

    def plan(self, *faults: Fault, seed: int = 0) -> None:
        self.faults.set_plan(FaultPlan(faults, seed))

    def ask(
        self, request: HttpRequest | None = None, upstream: Upstream | None = None
    ) -> HttpResponse:
        """What a client gets at the edge, the body read whole."""
        request, asked = request or build_request(), upstream or Upstream()
        struck = self.faults.intercept(request)

        async def go() -> HttpResponse:
            answer = await (asked() if struck is None else struck(asked))
            return HttpResponse(answer.status, answer.headers, await read_all(answer))

        return asyncio.run(go())

    def fires(self, request: HttpRequest | None = None, upstream: Upstream | None = None) -> bool:
        """Whether a fault happens to a request."""
        answer = self.ask(request, upstream)
        return dict(answer.headers)[b"tanzaku-rule"].startswith(b"fault:")


@pytest.fixture
def bench() -> Bench:
    return Bench()
