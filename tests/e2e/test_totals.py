"""What the ledger adds up equals what the clients saw, to the token and to the last digit."""

import asyncio
from decimal import Decimal
from typing import Any

import anthropic
from anthropic import AsyncAnthropic
from anthropic.types import Message

from tanzaku.server import Server

# Dollars per million tokens as the price page lists them: input, output.
RATES = {
    "claude-haiku-4-5-20251001": (Decimal(1), Decimal(5)),
    "claude-haiku-5-5": (Decimal("0.10"), Decimal("0.50")),
    "claude-opus-5": (Decimal(5), Decimal(25)),
}
MODELS = ("claude-haiku-4-5", "claude-haiku-5-5", "claude-opus-5")
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def build_question(number: int, **more: Any) -> dict[str, Any]:
    return {
        "model": MODELS[number % 3],
        "max_tokens": 20 + number % 150,
        "messages": [{"role": "user", "content": f"Question {number}: 天气怎么样? Why is it so?"}],
        **more,
    }


async def ask(client: AsyncAnthropic, number: int) -> Message | None:
    """One of five kinds of calls, the SDK's own view of the answer; None for an error."""
    question = build_question(number)
    match number % 5:
        case 1:
            return await read_stream(client, question)
        case 2:
            question |= {"tools": [WEATHER], "tool_choice": {"type": "any"}}
        case 3:
            return await read_stream(client, question | {"tools": [WEATHER]})
        case 4:
            question["extra_body"] = {"unheard_of": 1}
        case _:
            pass
    try:
        answer: Message = await client.messages.create(**question)
    except anthropic.APIStatusError:
        return None
    return answer


async def read_stream(client: AsyncAnthropic, question: dict[str, Any]) -> Message | None:
    try:
        async with client.messages.stream(**question) as stream:
            return await stream.get_final_message()
    except anthropic.APIStatusError:
        return None


async def ask_all(url: str) -> list[Message | None]:
    async with AsyncAnthropic(base_url=url, api_key="k", max_retries=0) as client:
        return await asyncio.gather(*(ask(client, number) for number in range(60)))


def test_ledger_totals_equal_an_independent_sum_over_the_answers() -> None:
    with Server() as server:
        server.fail(529, times=5)
        answers = asyncio.run(ask_all(server.url))
        total = server.ledger.totals()
        by_model = {row.key: row for row in server.ledger.sum_costs(by="model")}
    tokens: dict[str, tuple[int, int]] = {}
    for message in answers:
        if message is not None:
            tokens_in, tokens_out = tokens.get(message.model, (0, 0))
            usage = message.usage
            tokens[message.model] = (
                tokens_in + usage.input_tokens,
                tokens_out + usage.output_tokens,
            )
    usd = {
        model: (tokens_in * RATES[model][0] + tokens_out * RATES[model][1]) / 1_000_000
        for model, (tokens_in, tokens_out) in tokens.items()
    }
    assert set(tokens) == set(RATES)
    assert (total.exchanges, total.unsettled, total.unpriced) == (60, 0, 0)
    assert total.errors == answers.count(None) >= 12 + 5 - 2
    assert (total.input_tokens, total.output_tokens) == tuple(
        sum(counts) for counts in zip(*tokens.values(), strict=True)
    )
    assert total.total_usd == sum(usd.values())
    for model, dollars in usd.items():
        row = by_model[model]
        assert (row.input_tokens, row.output_tokens, row.total_usd) == (*tokens[model], dollars)
