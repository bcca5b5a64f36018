"""What is held for calls that use more than their bytes: images, documents, searches, what others
keep or do. Against the simulator's counts, and against figures worked out by hand."""

import asyncio
import base64
import json
import re
import struct
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway import Gateway, OneTarget, Stages
from tanzaku.gateway.budgets import BudgetRule, Budgets
from tanzaku.ledger import Ledger
from tanzaku.simulator import Simulator, SimulatorSettings
from tanzaku.transport import HttpRequest, HttpResponse, read_all

JSON = (b"content-type", b"application/json")
HEADERS = [JSON, (b"x-api-key", b"k"), (b"anthropic-version", b"2023-06-01")]
HAIKU, NEWER, OPUS = "claude-haiku-4-5", "claude-haiku-5-5", "claude-opus-4-8"
UNBOUNDED = 10**18
# Nine searches are ten turns of the model, which is as many as one answer may have.
SEARCHES = [0, 1, 2, 5, 9]
RULES = """
rules:
""" + "".join(
    f"""
  - id: search{number}
    when: {{ tools_offered: web_search, last_user: {{ contains: "search {number}." }} }}
    reply:
      content:
{
        number
        * '''
        - web_search: { query: x, results: [{ url: "https://e.com", title: A book }] }'''
    }
        - text: That is all.
"""
    for number in SEARCHES
)


def build_image(chance: Random) -> dict[str, Any]:
    sides = [chance.choice([1, 28, 500, 1092, 1568, 2576, 8000]) for _ in range(2)]
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5x", 13, b"IHDR", *sides)
    body = head + chance.randbytes(chance.choice([0, 10, 5000]))
    data = base64.b64encode(body).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    if chance.random() < 0.3:
        source = {"type": "url", "url": "https://example.com/a.png"}
    return {"type": "image", "source": source}


def build_document(chance: Random, file_id: str) -> dict[str, Any]:
    pages = chance.choice([1, 3, 40, 100])
    tree = b"/Type /Page " * pages if chance.random() < 0.5 else b"/Count %d " % pages
    data = base64.b64encode(b"%PDF-1.4 " + tree).decode()
    sources: list[dict[str, Any]] = [
        {"type": "base64", "media_type": "application/pdf", "data": data},
        {"type": "url", "url": "https://example.com/a.pdf"},
        {"type": "file", "file_id": file_id},
        {"type": "text", "media_type": "text/plain", "data": "A letter. " * 50},
        {"type": "content", "content": [{"type": "text", "text": "x"}, build_image(chance)]},
    ]
    return {"type": "document", "source": chance.choice(sources)}


def build_body(chance: Random, file_id: str) -> dict[str, Any]:
    """A request of any of the kinds, and its kinds."""
    blocks: list[dict[str, Any]] = [{"type": "text", "text": "Look. " * chance.randrange(1, 60)}]
    if chance.random() < 0.5:
        blocks += [build_image(chance) for _ in range(chance.choice([1, 2, 19]))]
    if chance.random() < 0.4:
        blocks += [build_document(chance, file_id) for _ in range(chance.randrange(1, 3))]
    turns: list[dict[str, Any]] = [{"role": "user", "content": blocks}]
    body: dict[str, Any] = {"model": chance.choice([HAIKU, NEWER, OPUS]), "messages": turns}
    body["max_tokens"] = chance.choice([400, 4000])
    if chance.random() < 0.3:
        number = chance.choice(SEARCHES)
        turns[0]["content"].append({"type": "text", "text": f"search {number}."})
        tool: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
        if number and chance.random() < 0.5:
            tool["max_uses"] = number
        body["tools"] = [tool]
    elif chance.random() < 0.3:
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [build_image(chance)]}
        call = {"type": "tool_use", "id": "toolu_1", "name": "shoot", "input": {}}
        turns += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
        body["tools"] = [{"name": "shoot", "input_schema": {"type": "object"}}]
    if chance.random() < 0.3:
        body["cache_control"] = {"type": "ephemeral", "ttl": chance.choice(["5m", "1h"])}
    return body


def list_kinds(body: dict[str, Any]) -> set[str]:
    text = json.dumps(body)
    names = ["image", "base64", "url", "file_id", "application/pdf", "web_search_2", "max_uses"]
    return {name for name in [*names, "tool_result", "cache_control"] if f'"{name}' in text}


class Bench:
    """A gateway before a simulator that knows one file."""

    def __init__(self, ledger: Ledger, rules: Path, most: int = UNBOUNDED) -> None:
        self.ledger = ledger
        self.clock = VirtualClock()
        self.simulator = Simulator(
            seed=1, clock=self.clock, settings=SimulatorSettings(scenarios=(rules,))
        )
        self.budgets = Budgets([BudgetRule("all", "usd", most)])
        self.gateway = Gateway(
            OneTarget("sim", self.simulator),
            ledger=ledger,
            clock=self.clock,
            stages=Stages(treasury=self.budgets),
        )

    async def upload(self) -> str:
        """The id of a file with forty pages."""
        part = b'content-disposition: form-data; name="file"; filename="a.pdf"\r\n'
        part += b"content-type: application/pdf\r\n\r\n%PDF-1.4 " + b"/Type /Page " * 40
        form = (b"content-type", b"multipart/form-data; boundary=x")
        body = b"--x\r\n" + part + b"\r\n--x--\r\n"
        answer = await self.simulator(HttpRequest("POST", "/v1/files", [form, *HEADERS[1:]], body))
        file_id: str = json.loads(await read_all(answer))["id"]
        return file_id

    async def send(self, body: dict[str, Any]) -> HttpResponse:
        request = HttpRequest("POST", "/v1/messages", HEADERS, json.dumps(body).encode())
        answer = await self.gateway(request)
        return HttpResponse(answer.status, answer.headers, await read_all(answer))

    @property
    def taken(self) -> tuple[int, int]:
        (balance,) = self.budgets.list_balances(self.clock.now())
        return balance.spent, balance.reserved


@asynccontextmanager
async def open_bench(
    ledger: Ledger, rules: Path, most: int = UNBOUNDED
) -> AsyncIterator[tuple[Bench, str]]:
    """A bench, and the id of the file that its simulator has."""
    bench = Bench(ledger, rules, most)
    try:
        yield bench, await bench.upload()
    finally:
        await bench.simulator.close()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        yield ledger


@pytest.mark.parametrize("seed", range(2))
def test_no_call_costs_more_than_was_held_for_it(ledger: Ledger, rules: Path, seed: int) -> None:
    chance = Random(seed)

    async def go() -> Counter[str]:
        seen: Counter[str] = Counter()
        async with open_bench(ledger, rules) as (bench, file_id):
            for _ in range(60):
                body = build_body(chance, file_id)
                answer = await bench.send(body)
                (exchange,) = ledger.list_exchanges(limit=1)
                settled = exchange.settlement
                assert settled is not None
                if answer.status != 200:
                    assert b"prompt is too long" in answer.body  # type: ignore[operator]
                    continue
                assert settled.cost is not None
                assert exchange.reserved_usd is not None
                assert settled.cost.total_usd <= exchange.reserved_usd
                seen.update(list_kinds(body))
        return seen

    seen = asyncio.run(go())
    assert len(seen) == 9
    assert min(seen.values()) >= 2


@pytest.mark.parametrize("seed", range(2))
def test_calls_at_the_same_time_never_pass_a_budget_and_none_is_refused_that_has_room(
    ledger: Ledger, rules: Path, seed: int
) -> None:
    chance = Random(seed)
    most = chance.choice([3, 6, 20]) * 10**12

    async def go() -> list[HttpResponse]:
        answers: list[HttpResponse] = []
        async with open_bench(ledger, rules, most) as (bench, file_id):
            for _ in range(4):
                calls = [bench.send(build_body(chance, file_id)) for _ in range(12)]
                answers += await asyncio.gather(*calls)
                spent, held = bench.taken
                assert spent <= most
                assert held == 0
        return answers

    answers = asyncio.run(go())
    refused = [answer.body for answer in answers if answer.status == 429]
    assert 3 <= len(refused) <= len(answers) - 3
    for body in refused:
        assert isinstance(body, bytes)
        figures = [Decimal(text) for text in re.findall(r"\$(\d+(?:\.\d+)?)", body.decode())]
        whole, taken, under_way, own = figures
        assert taken + under_way + own > whole


def ask(*blocks: dict[str, Any], model: str = HAIKU, **fields: Any) -> dict[str, Any]:
    content = blocks or "Hello"
    turn = {"role": "user", "content": content}
    return {"model": model, "max_tokens": 1000, "messages": [turn], **fields}


def of_tool(kind: str, **fields: Any) -> dict[str, Any]:
    return ask(tools=[{"type": kind, "name": "x", **fields}])


IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "A" * 900},
}
LINKED = {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}}
LETTER = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hi"}}
PDF = {"type": "document", "source": {"type": "url", "url": "https://e.com/a.pdf"}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": [LINKED, IMAGE]}
FETCHED = {"type": "web_fetch_tool_result", "tool_use_id": "t", "content": {"content": PDF}}
SEARCH = "web_search_20250305"
WINDOW = 200_000


def find_held(ledger: Ledger, body: bytes) -> Decimal | None:
    """Dollars held for a call; None where a budget lets none through however much there is."""

    async def send(request: HttpRequest) -> HttpResponse:
        return HttpResponse(500, [JSON], b"{}")

    budgets = Budgets([BudgetRule("all", "usd", UNBOUNDED)])
    stages = Stages(treasury=budgets)
    gateway = Gateway(OneTarget("up", send), ledger=ledger, clock=VirtualClock(), stages=stages)
    answer = asyncio.run(gateway(HttpRequest("POST", "/v1/messages", HEADERS, body)))  # type: ignore[arg-type]
    assert answer.status in {403, 500}
    (exchange,) = ledger.list_exchanges(limit=1)
    assert (exchange.reserved_usd is None) == (answer.status == 403)
    return exchange.reserved_usd


@pytest.mark.parametrize(
    ("body", "beside_bytes"),
    [
        (ask(), 0),
        (ask({"type": "text", "text": "Hello"}, LETTER), 0),
        (ask(IMAGE), 1568 - 900),
        (ask(LINKED, IMAGE, IMAGE), 3 * 1568 - 1800),
        (ask(RESULT), 2 * 1568 - 900),
        (ask(system=[{"type": "text", "text": '"image" and "source"'}]), 0),
        (of_tool("bash_20250124"), 0),
    ],
)
def test_an_image_counts_as_the_largest_the_model_sees_and_text_by_its_bytes(
    ledger: Ledger, body: dict[str, Any], beside_bytes: int
) -> None:
    text = json.dumps(body).encode()
    # Haiku 4.5 at $1 and $5 a million; 1,868 tokens are what the API may add.
    read = len(text) + 1868 + beside_bytes
    assert find_held(ledger, text) == (read + 1000 * 5) * Decimal("1e-6")


@pytest.mark.parametrize(
    ("body", "read", "searches"),
    [
        (ask(PDF), WINDOW, 0),
        (ask(PDF, PDF, IMAGE), WINDOW, 0),
        (ask(FETCHED), WINDOW, 0),
        (ask({"type": "document", "source": {"type": "new"}}), WINDOW, 0),
        (ask({"type": "text", "text": "x" * WINDOW}, LINKED), WINDOW, 0),
        (ask(thread={"type": "continue"}), WINDOW, 0),
        (of_tool("computer_toolset_20260801"), WINDOW, 0),
        (of_tool("custom", defer_loading=True), WINDOW, 0),
        (of_tool("web_fetch_20250910"), 10 * WINDOW, 0),
        (of_tool("a_tool_of_tomorrow"), 10 * WINDOW, 0),
        (of_tool(SEARCH, max_uses=3), 10 * WINDOW, 3),
        (ask(mcp_servers=[{"type": "url", "url": "https://e.com", "name": "m"}]), 10 * WINDOW, 0),
        (ask(container={"skills": []}), 10 * WINDOW, 0),
        (ask(a_field_of_tomorrow={"id": "x"}), 10 * WINDOW, 0),
    ],
)
def test_what_has_no_other_bound_is_a_full_window_and_ten_where_the_server_loops(
    ledger: Ledger, body: dict[str, Any], read: int, searches: int
) -> None:
    held = find_held(ledger, json.dumps(body).encode())
    assert held == (read + 1000 * 5) * Decimal("1e-6") + searches * Decimal("0.01")


def test_guess_without_max_uses_a_hundred_searches(ledger: Ledger) -> None:
    held = find_held(ledger, json.dumps(of_tool(SEARCH)).encode())
    assert held == (10 * WINDOW + 1000 * 5) * Decimal("1e-6") + 1


def test_a_window_is_the_models_and_costs_what_long_prompts_do(ledger: Ledger) -> None:
    held = find_held(ledger, json.dumps(ask(PDF, model=NEWER)).encode())
    assert held == 1_000_000 * Decimal("0.5e-6") + 1000 * Decimal("2.5e-6")


@pytest.mark.parametrize(
    "key", ['"cache_control"', '"cache\\u005fcontrol"', '"\\u0063ache_control"']
)
def test_a_window_that_may_be_cached_is_held_at_the_price_of_writing_it_for_an_hour(
    ledger: Ledger, key: str
) -> None:
    body = json.dumps(ask(PDF, mark={})).replace('"mark"', key)
    assert find_held(ledger, body.encode()) == (2 * WINDOW + 1000 * 5) * Decimal("1e-6")


@pytest.mark.parametrize(
    "body",
    [
        ask(context_management={"edits": [{"type": "compact_20260112"}]}),
        ask(fallbacks=[{"model": OPUS}]),
        of_tool("advisor_20260301", model=OPUS),
    ],
)
def test_what_another_model_or_a_summary_costs_is_not_known_beforehand(
    ledger: Ledger, body: dict[str, Any]
) -> None:
    assert find_held(ledger, json.dumps(body).encode()) is None


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [{"type": []}, {"type": "image", "source": 3}, 4, None]}],
        [{"role": "user", "content": {"type": "image"}}, 7, "x"],
        {"role": "user"},
    ],
)
def test_no_body_is_too_strange_to_be_bounded(ledger: Ledger, messages: Sequence[Any]) -> None:
    body = json.dumps(ask() | {"messages": messages, "tools": 5, "system": [[]]}).encode()
    held = find_held(ledger, body)
    assert held is not None
    assert held >= (len(body) + 1868 + 5000) * Decimal("1e-6")
