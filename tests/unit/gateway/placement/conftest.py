"""The same requests through two simulators: as they are, and with breakpoints placed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tanzaku.catalog import count_tokens, price
from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange, Settlement, Timings
from tanzaku.gateway._stages import ANYONE, Asked, Target
from tanzaku.gateway.placement import Mark, PlacementSettings, PromptPlacer
from tanzaku.simulator import Simulator
from tanzaku.transport import HttpRequest, HttpResponse, read_all

MODEL = "claude-haiku-5-5"
WORDS = [
    "river",
    "stone",
    "letter",
    "window",
    "harbour",
    "morning",
    "paper",
    "winter",
    "garden",
    "signal",
    "copper",
    "travel",
]
HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-api-key", b"k"),
    (b"anthropic-version", b"2023-06-01"),
]


def write(name: str, tokens: int) -> str:
    """A text of its own for each name, of about so many tokens."""
    chance = Random(name)
    return name + " " + " ".join(chance.choice(WORDS) for _ in range(tokens))


def ask(text: str, system: str = "", *, model: str = MODEL, **changes: Any) -> dict[str, Any]:
    """A request of one question."""
    params: dict[str, Any] = {
        "model": model,
        "max_tokens": 8,
        "messages": [{"role": "user", "content": text}],
    }
    return params | ({"system": system} if system else {}) | changes


async def count(request: Mapping[str, Any], model: str) -> int:
    return count_tokens(request, model)


def read_as(params: Mapping[str, Any], clock: VirtualClock) -> tuple[Asked, HttpRequest]:
    body = json.dumps(params).encode()
    request = HttpRequest("POST", "/v1/messages", list(HEADERS), body)
    return Asked(request, "/v1/messages", params, body, {}, clock.now(), True), request


def settle(number: int, usage: Mapping[str, Any] | None, route: str = "sim") -> Exchange:
    """The exchange of that number as the ledger would keep it."""
    exchange = Exchange(f"exch_{number}", 0.0, "POST", "/v1/messages", [], b"")
    exchange.settlement = Settlement(
        0.0,
        200,
        route,
        [],
        b"",
        Timings(None, 0.0),
        [],
        usage=None if usage is None else dict(usage),
    )
    return exchange


@dataclass
class Stand:
    """`plain_usd` and `placed_usd` are what the prompts cost so far, output left out."""

    settings: PlacementSettings = field(default_factory=PlacementSettings)
    plain_usd: Decimal = Decimal(0)
    placed_usd: Decimal = Decimal(0)
    clock: VirtualClock = field(default_factory=VirtualClock)
    marks: list[Sequence[Mark]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.plain = Simulator(seed=1, clock=self.clock)
        self.placed = Simulator(seed=1, clock=self.clock)
        self.placer = PromptPlacer(self.settings, count)
        self.target = Target("sim", self.placed)
        self.sent = 0

    def play(self, *steps: tuple[float, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Send each request so many seconds after the one before, both ways; the usage of those
        with breakpoints."""

        async def go() -> list[dict[str, Any]]:
            try:
                return [await self.send(params, after_s) for after_s, params in steps]
            finally:
                await self.plain.close()
                await self.placed.close()

        return asyncio.run(go())

    async def send(self, params: Mapping[str, Any], after_s: float) -> dict[str, Any]:
        self.clock.advance(after_s)
        self.sent += 1
        number = self.sent
        asked, request = read_as(params, self.clock)
        placed = await self.placer.place(f"exch_{number}", asked, ANYONE, self.target, request)
        self.marks.append(() if placed is None else placed.marks)
        outgoing = request if placed is None else placed.request
        self.bodies.append(outgoing.body)
        plain = await ask_simulator(self.plain, request)
        usage = await ask_simulator(self.placed, outgoing)
        self.placer.observe(settle(number, usage))
        assert read_total(usage) == read_total(plain)
        self.plain_usd += price_prompt(params["model"], plain)
        self.placed_usd += price_prompt(params["model"], usage)
        return usage


async def ask_simulator(simulator: Simulator, request: HttpRequest) -> dict[str, Any]:
    answer: HttpResponse = await simulator(request)
    body = json.loads(await read_all(answer))
    assert answer.status == 200, body
    usage: dict[str, Any] = body["usage"]
    return usage


def read_total(usage: Mapping[str, Any]) -> int:
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    return sum(usage[name] for name in names)


def price_prompt(model: str, usage: Mapping[str, Any]) -> Decimal:
    return price(model, {**usage, "output_tokens": 0}).total_usd


class Kit:
    """The builders, for test files that may not import from each other."""

    Stand = Stand
    MODEL = MODEL
    write = staticmethod(write)
    ask = staticmethod(ask)
    count = staticmethod(count)
    read_as = staticmethod(read_as)
    settle = staticmethod(settle)


@pytest.fixture
def kit() -> type[Kit]:
    return Kit
