"""What calls through clouds are held and charged for, against figures worked out by hand."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.gateway import Gateway, Stages
from tanzaku.gateway.budgets import BudgetRule, Budgets
from tanzaku.gateway.routes import RouteTable, Rule, Way
from tanzaku.gateway.upstreams import Upstream, UpstreamSettings
from tanzaku.gateway.whatif import Question, WhatIf, read_export, read_ledger
from tanzaku.ledger import Filters, Ledger, export
from tanzaku.transport import HttpRequest, HttpResponse

HAIKU, OLD_OPUS = "claude-haiku-4-5", "claude-opus-4-1"
JSON = (b"content-type", b"application/json")
PROFILED = ".anthropic.claude-haiku-4-5-20251001-v1:0"
ARN = "arn:aws:bedrock:us-east-1:123456789012"
USAGE = {
    "input_tokens": 3000,
    "output_tokens": 200,
    "cache_creation_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 0},
    "cache_read_input_tokens": 10_000,
}
# Haiku 4.5 at $1, 5, 1.25 and 0.10 a million: 0.003 + 0.001 + 0.00125 + 0.001.
LIST, REGIONAL = Decimal("0.00625"), Decimal("0.006875")


def build_settings(name: str, kind: Any, **settings: Any) -> UpstreamSettings:
    return UpstreamSettings(name, kind, "https://api.test", ("key",), **settings)


def build_body(model: str) -> bytes:
    return json.dumps({"model": model, "max_tokens": 500, "messages": []}).encode()


class Bench:
    """A gateway over clouds that answer in the Claude API's shape, their translation left out."""

    def __init__(self, ledger: Ledger, *settings: UpstreamSettings) -> None:
        self.ledger = ledger
        self.clock = VirtualClock()
        self.status: dict[str, int] = {}
        upstreams = {one.name: self.build(one) for one in settings}
        first, *rest = (Way(one.name) for one in settings)
        table = RouteTable([Rule("all", (first,), fall_back=tuple(rest))], upstreams, Random(1))
        self.budgets = Budgets([BudgetRule("all", "usd", 10**15)])
        stages = Stages(treasury=self.budgets)
        self.gateway = Gateway(table, ledger=ledger, clock=self.clock, stages=stages)

    def build(self, settings: UpstreamSettings) -> Upstream:
        async def send(request: HttpRequest) -> HttpResponse:
            model = json.loads(request.body)["model"]
            told = OLD_OPUS if model == OLD_OPUS else "claude-haiku-4-5-20251001"
            message = {"type": "message", "model": told, "stop_reason": "end_turn", "usage": USAGE}
            status = self.status.get(settings.name, 200)
            return HttpResponse(status, [JSON], json.dumps(message).encode())

        return Upstream(settings, send, self.clock)

    def send(self, model: str = HAIKU) -> Exchange:
        headers = [JSON, (b"anthropic-version", b"2023-06-01")]
        body = build_body(model)
        answer = asyncio.run(self.gateway(HttpRequest("POST", "/v1/messages", headers, body)))  # type: ignore[arg-type]
        assert answer.status == 200
        return self.ledger.get_exchange(self.ledger.list_exchanges(limit=1)[0].exchange_id)

    @property
    def spent_usd(self) -> Decimal:
        (balance,) = self.budgets.list_balances(self.clock.now())
        assert balance.reserved == 0
        return Decimal(balance.spent) / 10**12


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        yield ledger


def find_cost(exchange: Exchange) -> Decimal:
    settled = exchange.settlement
    assert settled is not None
    assert settled.cost is not None
    assert sum(settled.cost.parts_usd.values()) == settled.cost.total_usd
    return settled.cost.total_usd


@pytest.mark.parametrize(
    ("kind", "settings", "model", "cost"),
    [
        ("anthropic", {}, HAIKU, LIST),
        ("bedrock", {"region": "us-east-1"}, HAIKU, LIST),
        ("bedrock", {"region": "us-east-1", "profile": "us"}, HAIKU, REGIONAL),
        ("bedrock", {"region": "eu-west-1", "profile": "eu"}, HAIKU, REGIONAL),
        ("bedrock", {"region": "us-east-1"}, f"jp{PROFILED}", REGIONAL),
        ("bedrock", {"region": "us-east-1", "profile": "us"}, f"global{PROFILED}", LIST),
        ("bedrock", {"region": "us-east-1"}, PROFILED[1:], LIST),
        ("bedrock", {"models": ((HAIKU, f"us{PROFILED}"),)}, HAIKU, REGIONAL),
        (
            "bedrock",
            {"models": ((HAIKU, f"{ARN}:inference-profile/eu{PROFILED}"),)},
            HAIKU,
            REGIONAL,
        ),
        ("vertex", {"region": "global"}, HAIKU, LIST),
        ("vertex", {"region": "us-east5"}, HAIKU, REGIONAL),
        ("vertex", {"region": "eu"}, "claude-haiku-4-5@20251001", REGIONAL),
    ],
)
def test_a_call_is_held_charged_and_recorded_at_the_price_of_the_place_it_goes_to(
    ledger: Ledger, kind: str, settings: Mapping[str, Any], model: str, cost: Decimal
) -> None:
    bench = Bench(ledger, build_settings("up", kind, **settings))
    exchange = bench.send(model)
    assert find_cost(exchange) == cost
    assert bench.spent_usd == cost
    assert ledger.totals().total_usd == cost
    # A token a byte and 1,868 that the API may add, then max_tokens.
    most = (len(build_body(model)) + 1868) * Decimal("1e-6") + 500 * Decimal("5e-6")
    assert exchange.reserved_usd == most * cost / LIST


@pytest.mark.parametrize(
    ("settings", "cost"),
    [
        ({"region": "us-east-1", "endpoint": "mantle"}, REGIONAL),
        (
            {"profile": "us", "models": ((HAIKU, f"{ARN}:application-inference-profile/x"),)},
            REGIONAL,
        ),
        ({"models": ((HAIKU, f"{ARN}:application-inference-profile/x"),)}, LIST),
    ],
)
def test_guess_what_does_not_say_where_it_answers(
    ledger: Ledger, settings: Mapping[str, Any], cost: Decimal
) -> None:
    assert find_cost(Bench(ledger, build_settings("up", "bedrock", **settings)).send()) == cost


def test_the_dearest_place_is_held_and_the_one_that_answered_is_charged(ledger: Ledger) -> None:
    regional = build_settings("regional", "vertex", region="us-east5")
    bench = Bench(ledger, build_settings("world", "vertex", region="global"), regional)
    first = bench.send()
    bench.status["world"] = 529
    second = bench.send()
    assert [find_cost(first), find_cost(second)] == [LIST, REGIONAL]
    assert first.reserved_usd == second.reserved_usd
    assert first.reserved_usd == (len(build_body(HAIKU)) + 1868 + 500 * 5) * Decimal("1.1e-6")


def test_a_model_of_before_the_surcharge_costs_the_same_everywhere(ledger: Ledger) -> None:
    bench = Bench(ledger, build_settings("up", "bedrock", profile="us"))
    # Opus 4.1 at $15, 75, 18.75 and 1.50: fifteen times Haiku's prices.
    assert find_cost(bench.send(OLD_OPUS)) == 15 * LIST


@pytest.mark.parametrize("source", ["ledger", "export"])
def test_another_model_is_reckoned_at_the_place_the_call_went_to(
    tmp_path: Path, source: str
) -> None:
    path, lines = tmp_path / "ledger.db", tmp_path / "lines.jsonl"
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        for one in (
            build_settings("up", "anthropic"),
            build_settings("world", "bedrock", region="us-east-1"),
            build_settings("here", "bedrock", profile="us"),
        ):
            Bench(ledger, one).send(OLD_OPUS)
    with Ledger.read(path) as reader:
        export(reader, Filters(), "jsonl", lines, with_bodies=True)
        answer = WhatIf(Question(HAIKU), "route")
        for past in read_ledger(reader, Filters()) if source == "ledger" else read_export(lines):
            answer.take(past)
    assert {route: row.usd_then for route, row in answer.rows.items()} == {
        "up": LIST,
        "world": LIST,
        "here": REGIONAL,
    }
    assert {row.usd_now for row in answer.rows.values()} == {15 * LIST}
