"""A simulator with a scenario, asked by the official SDK; and short ways to ask a run."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest
from anthropic import Anthropic

from tanzaku.core import VirtualClock
from tanzaku.simulator import Simulator, SimulatorSettings
from tanzaku.simulator.scenario import Choice, ScenarioRun, parse_scenario
from tanzaku.transport import HeaderList, HttpRequest, HttpResponse, read_all

NOW = 1_795_000_000.0


class Choose(Protocol):
    """Asks a run for its choice; keyword arguments are fields of the body."""

    def __call__(
        self,
        prompt: str | list[Any] = ...,
        /,
        *,
        headers: HeaderList | None = ...,
        **fields: Any,
    ) -> Choice: ...


class ScenarioClaude:
    """The transport of an SDK client: a simulator that has one scenario file."""

    def __init__(self, path: Path) -> None:
        settings = SimulatorSettings(scenarios=(path,))
        self._simulator = Simulator(clock=VirtualClock(NOW), settings=settings)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        target = request.url.raw_path.decode()
        response = asyncio.run(self._ask(HttpRequest("POST", target, headers, request.content)))
        return httpx2.Response(response.status, headers=response.headers, content=response.body)

    async def _ask(self, request: HttpRequest) -> HttpResponse:
        try:
            response = await self._simulator(request)
            return HttpResponse(response.status, response.headers, await read_all(response))
        finally:
            await self._simulator.close()


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[[str], Anthropic]]:
    """An unmodified SDK client whose API is the scenario of a text (the file is called `s`)."""
    clients: list[httpx2.Client] = []

    def build(text: str) -> Anthropic:
        path = tmp_path / "s.yaml"
        path.write_text(text, encoding="utf-8")
        http = httpx2.Client(transport=httpx2.MockTransport(ScenarioClaude(path)))
        clients.append(http)
        return Anthropic(api_key="k", http_client=http, max_retries=0)

    yield build
    for http in clients:
        http.close()


def build_request(prompt: str | list[Any] = "hello", **fields: Any) -> dict[str, Any]:
    """A valid request body; a list is the whole conversation."""
    messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": messages, **fields}


@pytest.fixture
def start() -> Callable[[str], tuple[ScenarioRun, Choose]]:
    """A run of the rules in a text (the file is called `s`), and a way to ask it."""

    def build(text: str) -> tuple[ScenarioRun, Choose]:
        run = ScenarioRun(parse_scenario(text, "s"))

        def choose(
            prompt: str | list[Any] = "hello",
            /,
            *,
            headers: HeaderList | None = None,
            **fields: Any,
        ) -> Choice:
            return run.choose(build_request(prompt, **fields), headers or [], now=NOW)

        return run, choose

    return build
