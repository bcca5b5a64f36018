"""Answers and errors on order."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.simulator import Faults, Simulator
from tanzaku.transport import HttpRequest, get_header

type Ask = Callable[..., Any]
type AskMessage = Callable[..., dict[str, Any]]


def test_a_scripted_text_comes_once_and_before_the_improviser(
    simulator: Simulator, ask: Ask
) -> None:
    simulator.say("scripted")
    first, second = ask("count to 3"), ask("count to 3")
    assert json.loads(first.body)["content"][0]["text"] == "scripted"
    assert json.loads(second.body)["content"][0]["text"] == "1, 2, 3"
    assert get_header(first.headers, b"tanzaku-rule") == b"say[0]"
    assert get_header(second.headers, b"tanzaku-rule") == b"improviser/text"


def test_scripted_answers_come_in_order_and_as_often_as_said(
    simulator: Simulator, ask_message: AskMessage
) -> None:
    simulator.say("one", times=2)
    simulator.say("two")
    assert [ask_message("x")["content"][0]["text"] for _ in range(3)] == ["one", "one", "two"]


def test_when_picks_the_requests_an_answer_is_for(
    simulator: Simulator, ask_message: AskMessage
) -> None:
    simulator.say("for sonnet", when=lambda request: "sonnet" in request["model"])
    assert ask_message("count to 1")["content"][0]["text"] == "1"
    assert ask_message("x", model="claude-sonnet-4-6")["content"][0]["text"] == "for sonnet"


def test_scripted_blocks_get_ids_and_the_stop_reason_they_imply(
    simulator: Simulator, ask_message: AskMessage
) -> None:
    simulator.say(
        [
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "name": "look", "input": {"at": 1}},
        ]
    )
    message = ask_message("x")
    assert message["stop_reason"] == "tool_use"
    assert message["content"][1]["id"].startswith("toolu_")
    assert message["content"][1]["input"] == {"at": 1}
    assert message["usage"]["output_tokens"] > 0


def test_a_scripted_message_keeps_what_it_says(
    simulator: Simulator, ask_message: AskMessage
) -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "no"}
    simulator.say(
        {
            "content": "",
            "stop_reason": "refusal",
            "stop_details": details,
            "usage": {"output_tokens": 3},
        }
    )
    message = ask_message("x")
    assert (message["stop_reason"], message["stop_details"]) == ("refusal", details)
    assert message["usage"]["output_tokens"] == 3
    assert message["usage"]["input_tokens"] > 0


def test_a_refused_request_uses_up_no_scripted_answer(
    simulator: Simulator, ask: Ask, ask_message: AskMessage
) -> None:
    simulator.say("kept")
    assert ask("x", nonsense=1).status == 400
    assert ask_message("x")["content"][0]["text"] == "kept"


def _post(path: str = "/v1/messages") -> HttpRequest:
    return HttpRequest("POST", path, [], b"{}")


@pytest.mark.parametrize(
    ("status", "error_type", "message", "should_retry"),
    [
        (529, "overloaded_error", "Overloaded", b"true"),
        (500, "api_error", "Internal server error", b"true"),
        (429, "rate_limit_error", "This request would exceed", b"true"),
        (401, "authentication_error", "invalid x-api-key", b"false"),
        (413, "request_too_large", "Request exceeds the maximum size", b"false"),
    ],
)
def test_a_fault_has_the_apis_form(
    status: int, error_type: str, message: str, should_retry: bytes
) -> None:
    faults = Faults()
    faults.fail(status)
    response = faults.intercept(_post())
    assert response is not None
    assert response.status == status
    assert isinstance(response.body, bytes)
    body = json.loads(response.body)
    assert body["type"] == "error"
    assert body["error"]["type"] == error_type
    assert body["error"]["message"].startswith(message)
    assert body["request_id"].encode() == get_header(response.headers, b"request-id")
    assert get_header(response.headers, b"x-should-retry") == should_retry


def test_faults_come_as_often_as_ordered_and_in_order() -> None:
    faults = Faults()
    faults.fail(529, times=2)
    faults.fail(429, retry_after=7, message="slow down")
    answers = [faults.intercept(_post()) for _ in range(4)]
    assert [answer and answer.status for answer in answers] == [529, 529, 429, None]
    assert answers[2] is not None
    assert get_header(answers[2].headers, b"retry-after") == b"7"
    assert isinstance(answers[2].body, bytes)
    assert json.loads(answers[2].body)["error"]["message"] == "slow down"


@pytest.mark.parametrize(
    "request_", [_post("/v1/messages/count_tokens"), HttpRequest("GET", "/v1/models", [], b"")]
)
def test_only_messages_fail(request_: HttpRequest) -> None:
    faults = Faults()
    faults.fail(529)
    assert faults.intercept(request_) is None


@pytest.mark.parametrize(("status", "times"), [(200, 1), (399, 1), (600, 1), (529, 0)])
def test_an_impossible_order_is_refused(status: int, times: int) -> None:
    with pytest.raises(ValueError, match=r"status|times"):
        Faults().fail(status, times=times)
