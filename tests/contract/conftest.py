"""One suite, three targets: the simulator in process, over a socket, and behind the gateway."""

import asyncio
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from tanzaku.core import SystemClock
from tanzaku.server import Server
from tanzaku.simulator import Simulator
from tanzaku.transport import HttpRequest, ThreadedServer, as_asgi, read_all, serve

CREDENTIALS = {"x-api-key": "any", "anthropic-version": "2026-10-21"}
SEED = 7


@dataclass
class Answer:
    """What a client sees of an answer, whatever stands behind it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Target(Protocol):
    """Sends one request; `body` is bytes or a value that becomes JSON."""

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] = ...,
    ) -> Answer: ...


def encode(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def call_in_process(simulator: Simulator) -> Target:
    async def ask(request: HttpRequest) -> Answer:
        response = await simulator(request)
        named = {name.decode(): value.decode() for name, value in response.headers}
        return Answer(response.status, named, await read_all(response))

    def send(
        method: str, path: str, body: Any = None, headers: dict[str, str] = CREDENTIALS
    ) -> Answer:
        lines = [(name.encode(), value.encode()) for name, value in headers.items()]
        return asyncio.run(ask(HttpRequest(method, path, lines, encode(body))))

    return send


def call_over_socket(url: str) -> Target:
    def send(
        method: str, path: str, body: Any = None, headers: dict[str, str] = CREDENTIALS
    ) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
        try:
            connection.request(method, path, encode(body), headers)
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, named, response.read())
        finally:
            connection.close()

    return send


@contextmanager
def open_target(name: str) -> Iterator[Target]:
    simulator = Simulator(seed=SEED, clock=SystemClock())
    match name:
        case "in-process":
            yield call_in_process(simulator)
        case "socket":
            app = as_asgi(simulator, max_body_bytes=32 << 20)
            with ThreadedServer(lambda: serve(app)) as running:
                yield call_over_socket(running.url)
        case _:
            with Server(seed=SEED) as server:
                yield call_over_socket(server.url)


@pytest.fixture(params=["in-process", "socket", "gateway"])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with open_target(request.param) as opened:
        yield opened


@pytest.fixture
def reference() -> Target:
    """A simulator of the same seed, asked directly: what every target has to equal."""
    return call_in_process(Simulator(seed=SEED, clock=SystemClock()))
