"""The raw wire is the same in process, over a socket and behind the gateway, byte for byte.

What a client may rely on, wherever the simulator stands. Facts are those of the API's pages.
"""

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
from tanzaku.transport import HttpRequest, ThreadedServer, read_all, serve
from tanzaku.wire import EventDecoder, MessageAssembler

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
            with ThreadedServer(lambda: serve(simulator, max_body_bytes=32 << 20)) as running:
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


QUESTION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 300,
    "messages": [{"role": "user", "content": "What is 15 times 23? 短冊とは?"}],
}
CALCULATOR = {
    "name": "calculator",
    "description": "Evaluates an arithmetic expression.",
    "input_schema": {
        "type": "object",
        "properties": {"expression": {"type": "string"}},
        "required": ["expression"],
    },
}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/messages", QUESTION),
    ("POST", "/v1/messages?beta=true", QUESTION),
    ("POST", "/v1/messages", QUESTION | {"stream": True}),
    ("POST", "/v1/messages", QUESTION | {"tools": [CALCULATOR], "tool_choice": {"type": "any"}}),
    ("POST", "/v1/messages", QUESTION | {"tools": [CALCULATOR], "stream": True}),
    ("POST", "/v1/messages", QUESTION | THINKING),
    ("POST", "/v1/messages", QUESTION | THINKING | {"stream": True}),
    ("POST", "/v1/messages", QUESTION | {"unheard_of": 1}),
    ("POST", "/v1/messages", b"{not json"),
    ("POST", "/v1/messages", QUESTION | {"model": "claude-unheard-of"}),
    (
        "POST",
        "/v1/messages/count_tokens",
        {"model": QUESTION["model"], "messages": QUESTION["messages"]},
    ),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/claude-haiku-4-5", None),
    ("GET", "/v1/models/unheard-of", None),
    ("GET", "/v1/unheard/of", None),
]
# Added or re-made by whoever carries the answer.
CARRIERS = {"content-length", "transfer-encoding", "date", "server", "tanzaku-exchange-id"}


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_status_headers_and_bytes_are_the_simulators_own(
    target: Any, reference: Any, method: str, path: str, body: Any
) -> None:
    for _ in range(2):
        answer, wanted = target(method, path, body), reference(method, path, body)
        assert answer.status == wanted.status
        assert answer.body == wanted.body
        assert {name: value for name, value in answer.headers.items() if name not in CARRIERS} == {
            name: value for name, value in wanted.headers.items() if name not in CARRIERS
        }


def test_a_message_has_the_apis_shape(target: Any) -> None:
    answer = target("POST", "/v1/messages", QUESTION)
    message = answer.json
    assert (answer.status, message["type"], message["role"]) == (200, "message", "assistant")
    assert message["model"] == "claude-haiku-4-5-20251001"
    assert message["id"].startswith("msg_")
    assert answer.headers["request-id"].startswith("req_")
    assert message["usage"]["input_tokens"] > 0
    assert message["usage"]["output_tokens"] > 0


def test_a_stream_carries_the_message_that_its_events_assemble(target: Any) -> None:
    answer = target("POST", "/v1/messages", QUESTION | {"stream": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = list(EventDecoder().feed(answer.body))
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    assembler = MessageAssembler()
    for event in events:
        assembler.feed(event)
    message = assembler.message
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["output_tokens"] == events[-2]["usage"]["output_tokens"]


def test_a_tool_is_called_with_fitting_arguments_and_its_result_used(target: Any) -> None:
    first = target("POST", "/v1/messages", QUESTION | {"tools": [CALCULATOR]}).json
    (use,) = [block for block in first["content"] if block["type"] == "tool_use"]
    assert first["stop_reason"] == "tool_use"
    assert use["id"].startswith("toolu_")
    assert eval(use["input"]["expression"]) == 345
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "345"}
    turns = [
        *QUESTION["messages"],
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": [result]},
    ]
    second = target(
        "POST", "/v1/messages", QUESTION | {"tools": [CALCULATOR], "messages": turns}
    ).json
    assert "345" in json.dumps(second["content"])
    assert second["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("headers", "body", "status", "error_type", "message"),
    [
        ({"anthropic-version": "2026-10-21"}, QUESTION, 401, "authentication_error", ""),
        (
            {"x-api-key": "k"},
            QUESTION,
            400,
            "invalid_request_error",
            "anthropic-version: header is required",
        ),
        (
            {"authorization": "Bearer k", "anthropic-version": "2023-06-01"},
            {"model": "claude-haiku-4-5", "messages": QUESTION["messages"]},
            400,
            "invalid_request_error",
            "max_tokens: Field required",
        ),
        (
            {"x-api-key": "k", "anthropic-version": "2023-06-01"},
            QUESTION | {"model": "claude-unheard-of"},
            404,
            "not_found_error",
            "model: claude-unheard-of",
        ),
    ],
)
def test_a_refusal_is_the_apis_envelope(
    target: Any, headers: dict[str, str], body: Any, status: int, error_type: str, message: str
) -> None:
    answer = target("POST", "/v1/messages", body, headers)
    error = answer.json
    assert (answer.status, error["type"], error["error"]["type"]) == (status, "error", error_type)
    assert message in error["error"]["message"]
    assert error["request_id"] == answer.headers["request-id"]
