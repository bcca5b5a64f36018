"""The examples do what their comments say, asked by the official SDK."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic, RateLimitError, beta_tool
from anthropic.types import Message

EXAMPLES = Path(__file__).parents[4] / "examples/scenarios"

type Connect = Callable[[str], Anthropic]


def read(name: str) -> str:
    return (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")


def ask(client: Anthropic, *texts: str, **fields: Any) -> Message:
    """The answer to a conversation of user and assistant in turn."""
    roles = ("user", "assistant")
    messages: Any = [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]
    return client.messages.create(
        model="claude-haiku-4-5", max_tokens=200, messages=messages, **fields
    )


def get_text(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_the_support_desk_remembers_names_and_orders(connect: Connect) -> None:
    client = connect(read("support-desk"))
    assert "Nice to meet you, Bob" in get_text(ask(client, "My name is Bob"))
    refund = ask(client, "I want my MONEY BACK", system="You are the support desk.")
    assert "I am sorry that it did not work out, Bob." in get_text(refund)
    assert "Order A-17 left" in get_text(ask(client, "Where is order A-17?"))
    later = ask(client, "Where is order A-17?", "On its way.", "Can it still be changed?")
    assert "Order A-17 can still be changed" in get_text(later)
    schema = {"type": "object", "additionalProperties": False}
    config: Any = {"format": {"type": "json_schema", "schema": schema}}
    triage = ask(client, "My screen is blue", output_config=config)
    assert '"summary": "My screen is blue"' in get_text(triage)


def test_the_agent_loop_pays_tracks_and_answers(connect: Connect) -> None:
    asked: list[tuple[str, str]] = []

    @beta_tool
    def query_payment(order_id: str) -> str:
        """Find the payment of an order."""
        asked.append(("query_payment", order_id))
        return '{"state": "paid", "tracking": "PX99"}'

    @beta_tool
    def track_parcel(tracking_number: str) -> str:
        """Find where a parcel is."""
        asked.append(("track_parcel", tracking_number))
        return '{"status": "in Kyoto"}'

    client = connect(read("agent-loop"))
    runner = client.beta.messages.tool_runner(
        model="claude-haiku-4-5",
        max_tokens=200,
        tools=[query_payment, track_parcel],
        messages=[{"role": "user", "content": "Where is order B-7?"}],
    )
    last = runner.until_done()
    assert asked == [("query_payment", "B-7"), ("track_parcel", "PX99")]
    assert last.content[0].type == "text"
    assert last.content[0].text.endswith('The parcel says: {"status": "in Kyoto"}')


def test_refusals_come_in_three_forms(connect: Connect) -> None:
    client = connect(read("refusal"))
    outright, half_way, unnamed = (
        ask(client, text) for text in ("an exploit", "the protocol", "decline this")
    )
    assert {m.stop_reason for m in (outright, half_way, unnamed)} == {"refusal"}
    assert [bool(m.content) for m in (outright, half_way, unnamed)] == [False, True, False]
    details = [message.stop_details for message in (outright, half_way, unnamed)]
    assert [detail and detail.category for detail in details] == ["cyber", "bio", None]


def test_a_client_with_retries_outlasts_the_limit(connect: Connect) -> None:
    text = read("rate-limit-then-ok").replace("retry_after: 1 ", "retry_after: 0 ")
    with pytest.raises(RateLimitError):
        ask(connect(text), "busy?")
    patient = connect(text).with_options(max_retries=2)
    assert get_text(ask(patient, "busy?")) == "Thank you for waiting."
    with pytest.raises(RateLimitError, match="API usage limits") as caught:
        ask(patient, "the budget")
    assert caught.value.response.headers["x-should-retry"] == "false"


def test_tools_of_the_api_bring_their_results(connect: Connect) -> None:
    client = connect(read("web-search"))
    tools: Any = [
        {"type": "web_search_20260318", "name": "web_search"},
        {"type": "web_fetch_20260318", "name": "web_fetch"},
        {"type": "code_execution_20260521", "name": "code_execution"},
    ]
    found = ask(client, "What is the tallest building?", tools=tools)
    assert found.usage.server_tool_use is not None
    assert found.usage.server_tool_use.web_search_requests == 1
    results = found.content[1]
    assert results.type == "web_search_tool_result"
    assert isinstance(results.content, list)
    assert [result.title for result in results.content] == ["The tallest buildings", "Burj Khalifa"]
    page = ask(client, "Read https://example.com/notes", tools=tools).content[0]
    assert page.type == "server_tool_use"
    assert page.input == {"url": "https://example.com/notes"}
    assert get_text(ask(client, "calculate 15 * 23", tools=tools)) == "The product is 345."


def test_a_paused_turn_goes_on_when_it_is_sent_back(connect: Connect) -> None:
    client = connect(read("web-search"))
    tools: Any = [{"type": "web_search_20260318", "name": "web_search"}]
    question: Any = {"role": "user", "content": "research the market"}
    fields: Any = {"model": "claude-haiku-4-5", "max_tokens": 200, "tools": tools}
    paused = client.messages.create(messages=[question], **fields)
    assert paused.stop_reason == "pause_turn"
    answer: Any = {"role": "assistant", "content": paused.content}
    resumed = client.messages.create(messages=[question, answer], **fields)
    assert (resumed.stop_reason, get_text(resumed)) == ("end_turn", "The reports agree.")
