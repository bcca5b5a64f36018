"""A simulator on a virtual clock, and short ways to ask it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator
from tanzaku.transport import HeaderList, HttpRequest, HttpResponse

HAIKU = "claude-haiku-4-5"


class Ask(Protocol):
    """Sends one request; keyword arguments are fields of the body."""

    def __call__(
        self,
        prompt: str | list[Any] = ...,
        *,
        simulator: Simulator | None = ...,
        path: str = ...,
        version: str = ...,
        **fields: Any,
    ) -> HttpResponse: ...


class AskMessage(Protocol):
    """The same, giving the parsed answer of a request that must succeed."""

    def __call__(self, prompt: str | list[Any] = ..., **fields: Any) -> dict[str, Any]: ...


@pytest.fixture
def simulator() -> Simulator:
    return Simulator(clock=VirtualClock(1_795_000_000.0))


@pytest.fixture
def send(simulator: Simulator) -> Callable[..., HttpResponse]:
    """Send any HTTP request to the simulator."""

    def send_one(
        method: str,
        target: str,
        body: bytes = b"",
        headers: HeaderList | None = None,
        to: Simulator | None = None,
    ) -> HttpResponse:
        if headers is None:
            headers = [(b"x-api-key", b"k"), (b"anthropic-version", b"2026-10-21")]
        return asyncio.run(_call(to or simulator, HttpRequest(method, target, headers, body)))

    return send_one


async def _call(simulator: Simulator, request: HttpRequest) -> HttpResponse:
    return await simulator(request)


@pytest.fixture
def ask(send: Callable[..., HttpResponse]) -> Ask:
    def ask_one(
        prompt: str | list[Any] = "Hello",
        *,
        simulator: Simulator | None = None,
        path: str = "/v1/messages",
        version: str = "2026-10-21",
        **fields: Any,
    ) -> HttpResponse:
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        body = {"model": HAIKU, "max_tokens": 1024, "messages": messages} | fields
        body = {name: value for name, value in body.items() if value is not None}
        headers = [(b"x-api-key", b"k"), (b"anthropic-version", version.encode())]
        return send("POST", path, json.dumps(body).encode(), headers, simulator)

    return ask_one


@pytest.fixture
def ask_message(ask: Ask) -> AskMessage:
    def ask_one(prompt: str | list[Any] = "Hello", **fields: Any) -> dict[str, Any]:
        response = ask(prompt, **fields)
        assert isinstance(response.body, bytes)
        assert response.status == 200, response.body
        message: dict[str, Any] = json.loads(response.body)
        return message

    return ask_one
