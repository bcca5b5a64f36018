"""Answers on order."""

import json
from collections.abc import Callable
from typing import Any

from tanzaku.simulator import Simulator
from tanzaku.transport import get_header

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
