"""max_tokens, stop sequences, the context window, usage."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import ctok  # type: ignore[import-untyped]
import pytest

from tanzaku.simulator import Simulator
from tanzaku.transport import HttpRequest, HttpResponse

type Ask = Callable[..., Any]
type AskMessage = Callable[..., dict[str, Any]]

FRAME_V3 = 7
"""What ctok counts beside the text itself for Claude Haiku 4.5 (ctok 1.3.0)."""


def _tokens(text: str) -> int:
    return int(ctok.token_count(text, "4.5")) - FRAME_V3


@pytest.mark.parametrize("limit", [1, 2, 7, 20])
@pytest.mark.parametrize("prompt", ["Explain how tides work", "什么是量子计算？"])
def test_max_tokens_cuts_the_text_to_the_token(
    ask_message: AskMessage, prompt: str, limit: int
) -> None:
    whole = ask_message(prompt)["content"][0]["text"]
    message = ask_message(prompt, max_tokens=limit)
    text = "".join(block["text"] for block in message["content"])
    assert whole.startswith(text)
    assert _tokens(text) <= limit
    assert _tokens(whole[: len(text) + 1]) > limit or whole[len(text)].isspace()
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == limit


def test_max_tokens_just_enough_ends_the_turn(ask_message: AskMessage) -> None:
    needed = ask_message("Explain how tides work")["usage"]["output_tokens"]
    assert ask_message("Explain how tides work", max_tokens=needed)["stop_reason"] == "end_turn"
    assert (
        ask_message("Explain how tides work", max_tokens=needed - 1)["stop_reason"] == "max_tokens"
    )


def test_output_tokens_are_those_of_the_text(ask_message: AskMessage) -> None:
    message = ask_message("Explain how tides work")
    assert message["usage"]["output_tokens"] == _tokens(message["content"][0]["text"])


def test_input_tokens_of_a_plain_prompt_are_ctoks(ask_message: AskMessage) -> None:
    prompt = "Explain how tides work, with three examples."
    assert ask_message(prompt)["usage"]["input_tokens"] == ctok.token_count(prompt, "4.5")


@pytest.mark.parametrize(
    ("prompt", "sequences", "text", "stop"),
    [
        ("count to 10", ["5"], "1, 2, 3, 4, ", "5"),
        ("数到10", ["7", "5"], "1，2，3，4，", "5"),
        ("count to 3", ["9"], "1, 2, 3", None),
    ],
)
def test_the_first_stop_sequence_ends_the_answer(
    ask_message: AskMessage, prompt: str, sequences: list[str], text: str, stop: str | None
) -> None:
    message = ask_message(prompt, stop_sequences=sequences)
    assert message["content"][0]["text"] == text
    assert message["stop_sequence"] == stop
    assert message["stop_reason"] == ("stop_sequence" if stop else "end_turn")


def test_max_tokens_before_the_stop_sequence_wins(ask_message: AskMessage) -> None:
    message = ask_message("count to 10", stop_sequences=["9"], max_tokens=4)
    assert (message["stop_reason"], message["stop_sequence"]) == ("max_tokens", None)


def test_zero_max_tokens_is_a_pre_warm(ask_message: AskMessage) -> None:
    message = ask_message("Hello", max_tokens=0)
    assert (message["content"], message["stop_reason"]) == ([], "max_tokens")
    assert message["usage"]["output_tokens"] == 0


def test_a_call_that_does_not_fit_ends_with_max_tokens(ask_message: AskMessage) -> None:
    tool = {
        "name": "calculator",
        "description": "calculate",
        "input_schema": {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]},
    }  # fmt: skip
    message = ask_message("What is 15 * 23?", tools=[tool], max_tokens=3)
    assert message["stop_reason"] == "max_tokens"
    assert message["content"][0]["input"] == {}


async def _post(simulator: Simulator, body: dict[str, Any]) -> HttpResponse:
    headers = [(b"x-api-key", b"k"), (b"anthropic-version", b"2026-10-21")]
    request = HttpRequest("POST", "/v1/messages", headers, json.dumps(body).encode())
    try:
        return await simulator(request)
    finally:
        await simulator.close()


def test_a_prompt_beyond_the_window_is_refused(simulator: Simulator) -> None:
    # "x " is at least one token: ten thousand more than the 200,000 of Haiku 4.5.
    messages = [{"role": "user", "content": "x " * 210_000}]
    body = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": messages}
    response = asyncio.run(_post(simulator, body))
    assert response.status == 400
    assert isinstance(response.body, bytes)
    error = json.loads(response.body)["error"]
    assert error["message"].startswith("prompt is too long: ")
    assert error["message"].endswith(" tokens > 200000 maximum")


def test_usage_has_every_field_of_the_api(ask_message: AskMessage) -> None:
    usage = ask_message("Hello")["usage"]
    assert usage["cache_creation"] == {
        "ephemeral_5m_input_tokens": 0,
        "ephemeral_1h_input_tokens": 0,
    }
    assert usage["output_tokens_details"] == {"thinking_tokens": 0}
    assert (usage["service_tier"], usage["inference_geo"]) == ("standard", "not_available")
    assert (usage["cache_creation_input_tokens"], usage["cache_read_input_tokens"]) == (0, 0)


@pytest.mark.parametrize(("asked", "geo"), [(None, "global"), ("us", "us")])
def test_inference_geo_is_that_of_the_request_on_newer_models(
    ask_message: AskMessage, asked: str | None, geo: str
) -> None:
    message = ask_message("Hello", model="claude-haiku-5-5", inference_geo=asked)
    assert message["usage"]["inference_geo"] == geo


def test_the_model_of_an_alias_is_the_dated_id(ask_message: AskMessage) -> None:
    assert ask_message("Hello")["model"] == "claude-haiku-4-5-20251001"
