"""What is said to be served is what answers."""

import asyncio
import re

import pytest

from tanzaku.core import VirtualClock
from tanzaku.simulator import SERVED, Simulator, explain_unserved
from tanzaku.transport import HttpRequest, HttpResponse

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PATHS = sorted({path for _, path in SERVED})


def ask(method: str, path: str) -> HttpResponse:
    headers = [(b"x-api-key", b"any"), (b"anthropic-version", b"2023-06-01")]

    async def run() -> HttpResponse:
        simulator = Simulator(clock=VirtualClock())
        answer = await simulator(HttpRequest(method, path, headers, b""))
        await simulator.close()
        return answer

    return asyncio.run(run())


@pytest.mark.parametrize("path", PATHS)
def test_a_served_path_answers_to_its_methods_alone(path: str) -> None:
    name = "claude-haiku-4-5" if "model_id" in path else "file_1" if "file_id" in path else "msg_1"
    asked = re.sub(r"\{\w+\}", name, path)
    answers = {method: ask(method, asked) for method in METHODS}
    nothing = ask("GET", "/v1/nothing").body
    assert isinstance(nothing, bytes)
    message = re.search(rb'"message": ?"(.*?)"', nothing)
    assert message is not None
    answered = {
        method
        for method, answer in answers.items()
        if answer.status != 405 and message[0] not in bytes(answer.body)  # type: ignore[arg-type]
    }
    assert answered == {method for method, served in SERVED if served == path}


@pytest.mark.parametrize(("method", "path"), SERVED)
def test_a_served_operation_has_nothing_to_explain(method: str, path: str) -> None:
    assert explain_unserved(method, re.sub(r"\{\w+\}", "{anything}", path)) == ""


@pytest.mark.parametrize(
    ("method", "path", "word"),
    [
        ("POST", "/v1/skills", "the Skills API"),
        ("GET", "/v1/agents/{agent_id}", "the Managed Agents API"),
        ("PATCH", "/v1/models/{model_id}", "PATCH /v1/models/{model_id}"),
        ("GET", "/orders", "GET /orders"),
    ],
)
def test_what_is_not_served_is_named(method: str, path: str, word: str) -> None:
    assert explain_unserved(method, path) == f"Tanzaku's simulator does not serve {word}."
