"""A Claude made of scenarios alone, asked by the official SDK; and short ways to ask a run."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import httpx2
import pytest
from anthropic import Anthropic

from tanzaku.catalog import get_model
from tanzaku.simulator._answer import answer_request, answer_script, encode_stream
from tanzaku.simulator._replies import reply_error, reply_events, reply_json
from tanzaku.simulator._script import ScriptedAnswer
from tanzaku.simulator.scenario import Choice, ScenarioRun, parse_scenario
from tanzaku.transport import HeaderList, HttpResponse
from tanzaku.wire import ApiError, find_betas, validate

NOW = 1_795_000_000.0
ORGANIZATION = b"00000000-0000-4000-8000-000000000000"


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
    """Answers the SDK's requests with a run, after it refused what the API would refuse."""

    def __init__(self, text: str) -> None:
        self.run = ScenarioRun(parse_scenario(text, "s"))
        self.answered = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        headers = [(name.lower(), value) for name, value in request.headers.raw]
        try:
            response = self._answer(json.loads(request.content), headers)
        except ApiError as error:
            response = reply_error(error, "req_1", rule="s", organization=ORGANIZATION)
        assert isinstance(response.body, bytes)
        return httpx2.Response(
            response.status, headers=list(response.headers), content=response.body
        )

    def _answer(self, body: dict[str, Any], headers: HeaderList) -> HttpResponse:
        model = get_model(body["model"])
        betas = find_betas(headers)
        version = dict(headers)[b"anthropic-version"].decode()
        violations = validate(body, model, version, endpoint="messages", betas=betas)
        if violations:
            raise ApiError.from_violation(violations[0])
        choice = self.run.choose(body, headers, now=NOW)
        match choice.answer:
            case ApiError() as error:
                raise error
            case ScriptedAnswer() as scripted:
                answer = answer_script(scripted, body, model, 10)
            case None:
                answer = answer_request(body, model, 10, 0)
        self.answered += 1
        message = answer.stamp(0, b"key", self.answered)
        rule = choice.rule or answer.rule
        if body.get("stream"):
            frames = encode_stream(answer, message)
            return reply_events(frames, "req_1", rule=rule, organization=ORGANIZATION)
        return reply_json(message, "req_1", rule=rule, organization=ORGANIZATION)


@pytest.fixture
def connect() -> Iterator[Callable[[str], Anthropic]]:
    """An unmodified SDK client whose API is the scenario of a text."""
    clients: list[httpx2.Client] = []

    def build(text: str) -> Anthropic:
        http = httpx2.Client(transport=httpx2.MockTransport(ScenarioClaude(text)))
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
