"""The response cache and placed breakpoints, in a whole server, through the official SDK."""

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import anthropic
import pytest

from harness.command_line import CommandLine
from tanzaku import Server
from tanzaku.server import ServerOptions

CONFIG = """\
upstreams:
  sim: {kind: simulator}
cache: {keep: disk, max_mb: 10}
prompt_cache: {place: seen}
budgets: [{scope: all, usd: 5, per: day}]
"""
ON = {"tanzaku-cache": "on"}
MODEL = "claude-haiku-5-5"


def ask(text: str, **changes: Any) -> dict[str, Any]:
    asked = {"model": MODEL, "max_tokens": 300, "messages": [{"role": "user", "content": text}]}
    return asked | changes


def build(folder: Path) -> Server:
    path = folder / "gateway.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return Server(ledger=folder / "ledger.db", options=ServerOptions(config=path))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with build(tmp_path) as server:
        yield server


def open_client(server: Server) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.url, api_key="k", max_retries=0)


def test_a_kept_answer_costs_nothing_and_says_so_in_the_ledger(tmp_path: Path) -> None:
    with build(tmp_path) as server, open_client(server) as client:
        first = client.messages.create(**ask("hello"), extra_headers=ON)
        with client.messages.stream(**ask("hello"), extra_headers=ON) as stream:
            assert stream.response.headers["tanzaku-cache"] == "hit"
            second = stream.get_final_message()
        assert [block.text for block in second.content if block.type == "text"] == [
            block.text for block in first.content if block.type == "text"
        ]
        assert second.usage.output_tokens == first.usage.output_tokens
        hit, miss = server.exchanges
        assert miss.settlement is not None
        assert hit.settlement is not None
        assert (miss.settlement.route, hit.settlement.route) == ("sim", "cache")
        assert miss.settlement.cost is not None
        assert miss.settlement.cost.total_usd > 0
        assert hit.settlement.cost is not None
        assert hit.settlement.cost.total_usd == 0
        assert hit.settlement.attempts == []
    with build(tmp_path) as server, open_client(server) as client:
        again = client.messages.with_raw_response.create(**ask("hello"), extra_headers=ON)
        assert again.headers["tanzaku-cache"] == "hit"
        assert again.parse().content == first.content


def test_of_many_clients_at_once_one_pays(server: Server) -> None:
    async def go() -> list[str]:
        async with anthropic.AsyncAnthropic(
            base_url=server.url, api_key="k", max_retries=0
        ) as client:

            async def one(number: int) -> str:
                asked = ask("Tell me of the river.")
                if number % 2:
                    message = await client.messages.create(**asked, extra_headers=ON)
                else:
                    async with client.messages.stream(**asked, extra_headers=ON) as stream:
                        message = await stream.get_final_message()
                return message.to_json()

            return await asyncio.gather(*map(one, range(20)))

    texts = {json.dumps(json.loads(text)["content"]) for text in asyncio.run(go())}
    assert len(texts) == 1
    settled = [exchange.settlement for exchange in server.exchanges]
    paid = [one for one in settled if one and one.cost and one.cost.total_usd]
    assert len(settled) == 20
    assert len(paid) == 1
    assert server.ledger.totals().total_usd == paid[0].cost.total_usd  # type: ignore[union-attr]


def test_breakpoints_are_placed_read_and_told(server: Server) -> None:
    system = "You are a careful clerk who answers in few words. " * 200
    headers, reads = [], []
    with open_client(server) as client:
        for number in range(4):
            answer = client.messages.with_raw_response.create(**ask(f"q {number}", system=system))
            headers.append(answer.headers.get("tanzaku-cache-placed"))
            reads.append(answer.parse().usage.cache_read_input_tokens)
    assert headers == [None, "1; system 5m", "1; system 5m", "1; system 5m"]
    assert reads[:2] == [0, 0]
    assert reads[2] == reads[3] != 0
    kept = server.requests[-1].body
    assert kept["system"] == system, "the ledger has what the client sent"


def test_what_if_at_the_command_line(tanzaku: CommandLine, server: Server) -> None:
    system = "You are a careful clerk who answers in few words. " * 300
    with open_client(server) as client:
        for number in range(3):
            client.messages.create(
                **ask(f"q {number}", system=system, model="claude-haiku-4-5"),
                extra_body={"temperature": 0.5},
                extra_headers={"anthropic-version": "2023-06-01"},
            )
    ledger = str(server.ledger.path)
    told = tanzaku.run("cost", "what-if", "--model", MODEL, "--caching", "--ledger", ledger)
    assert "3 × `temperature` is deprecated for this model" in told
    assert '+ system.cache_control: {"type": "ephemeral"}' in told
    document = json.loads(
        tanzaku.run("cost", "what-if", "--batch", "--by", "route", "--ledger", ledger, "--json")
    )
    [row] = document["rows"]
    assert (row["key"], row["exchanges"]) == ("sim", 3)
    assert (
        Decimal(row["usd_then"]) * 2 == Decimal(row["usd_now"]) == server.ledger.totals().total_usd
    )
    assert "--model" in tanzaku.run("cost", "what-if", "--ledger", ledger, exit_code=2)
