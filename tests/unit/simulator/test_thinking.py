"""Thinking blocks, per model generation (wire.md sections 2.4 and 3)."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

type AskMessage = Callable[..., dict[str, Any]]

MANUAL = {"type": "enabled", "budget_tokens": 1024}
LONG = "Explain in a few sentences why the tides follow the moon and not the sun."


def _kinds(message: dict[str, Any]) -> list[str]:
    return [block["type"] for block in message["content"]]


def test_manual_thinking_comes_first_with_text_and_signature(ask_message: AskMessage) -> None:
    message = ask_message(LONG, thinking=MANUAL, max_tokens=2000)
    assert _kinds(message) == ["thinking", "text"]
    thinking = message["content"][0]
    assert "tides" in thinking["thinking"]
    assert len(base64.b64decode(thinking["signature"], validate=True)) > 100
    usage = message["usage"]
    assert 0 < usage["output_tokens_details"]["thinking_tokens"] < usage["output_tokens"]


@pytest.mark.parametrize(
    ("model", "thinking", "shown"),
    [
        ("claude-haiku-4-5", MANUAL, True),
        ("claude-haiku-4-5", MANUAL | {"display": "omitted"}, False),
        ("claude-sonnet-4-6", {"type": "adaptive"}, True),
        ("claude-opus-4-8", {"type": "adaptive"}, False),
        ("claude-opus-4-8", {"type": "adaptive", "display": "summarized"}, True),
        ("claude-haiku-5-5", None, False),
    ],
)
def test_display_follows_the_generation_unless_it_is_said(
    ask_message: AskMessage, model: str, thinking: dict[str, Any] | None, shown: bool
) -> None:
    message = ask_message(LONG, model=model, thinking=thinking, max_tokens=2000)
    block = message["content"][0]
    assert block["type"] == "thinking"
    assert bool(block["thinking"]) == shown
    assert block["signature"]
    assert message["usage"]["output_tokens_details"]["thinking_tokens"] > 0


@pytest.mark.parametrize(
    ("model", "prompt", "fields"),
    [
        ("claude-haiku-4-5", LONG, {}),
        ("claude-opus-4-8", LONG, {}),
        ("claude-haiku-5-5", "Hello", {}),
        ("claude-haiku-5-5", LONG, {"thinking": {"type": "disabled"}}),
        ("claude-haiku-5-5", LONG, {"output_config": {"effort": "low"}}),
    ],
)
def test_guess_no_thinking_without_need(
    ask_message: AskMessage, model: str, prompt: str, fields: dict[str, Any]
) -> None:
    message = ask_message(prompt, model=model, **fields)
    assert _kinds(message) == ["text"]
    assert message["usage"]["output_tokens_details"] == {"thinking_tokens": 0}


def test_a_forced_tool_leaves_thinking_out_on_haiku_5_5(ask_message: AskMessage) -> None:
    tool = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
    message = ask_message(LONG, model="claude-haiku-5-5", tools=[tool], tool_choice={"type": "any"})
    assert _kinds(message) == ["tool_use"]


def test_thinking_counts_towards_max_tokens(ask_message: AskMessage) -> None:
    message = ask_message(
        LONG, model="claude-opus-4-8", thinking={"type": "adaptive"}, max_tokens=6
    )
    assert _kinds(message) == ["thinking"]
    assert message["stop_reason"] == "max_tokens"
    assert message["usage"]["output_tokens"] == 6
