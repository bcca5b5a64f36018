"""Checked, never run: the public API as a user of it writes, for mypy and pyright alike."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import tanzaku
from tanzaku import (
    Exchange,
    Ledger,
    Model,
    Price,
    Server,
    Simulator,
    SystemClock,
    UserError,
    VirtualClock,
    count_tokens,
    get_model,
    list_models,
    price,
    validate,
)

version: str = tanzaku.__version__


def is_short(body: Mapping[str, Any]) -> bool:
    return bool(body["max_tokens"] < 10)


def use_server() -> None:
    with Server("127.0.0.1", 0, seed=1, ledger=Path("ledger.db")) as server:
        url: str = server.url
        server.say("text", times=2, when=is_short)
        server.say([{"type": "text", "text": url}])
        server.say({"content": [], "stop_reason": "refusal"})
        server.fail(529, times=2, message="m", retry_after=1, error_type="overloaded_error")
        for seen in server.requests:
            body: dict[str, Any] = seen.body
            headers: dict[str, str] = seen.headers
            exchange: Exchange = seen.exchange
            _ = (seen.method, seen.path, body, headers, exchange.exchange_id)
        server.reset()
        ledger: Ledger = server.ledger
        _ = ledger.totals().total_usd


async def use_server_in_a_loop() -> str:
    async with Server(live_api_key="key") as server:
        return server.url


def serve_forever() -> None:
    Server(port=4141).run(on_ready=lambda url: None)


def read_ledger() -> Decimal | None:
    with Ledger.read(Path("ledger.db")) as ledger:
        exchange = ledger.get_exchange("exch_123456")
    if exchange.settlement is None or exchange.settlement.cost is None:
        return None
    return exchange.settlement.cost.total_usd


def use_catalog() -> Decimal:
    model: Model = get_model("claude-haiku-4-5")
    models: list[Model] = list_models()
    request: dict[str, Any] = {"model": model.id, "max_tokens": 1, "messages": []}
    for violation in validate(request, model, "2026-10-21"):
        _ = (violation.path, violation.status, violation.error_type, violation.is_guess)
    try:
        tokens: int = count_tokens(request, models[0].id)
        cost: Price = price(model.id, {"input_tokens": tokens, "output_tokens": 1}, batch=True)
    except UserError as error:
        _ = (error.message, error.hint, error.exit_code)
        raise
    return cost.total_usd


simulators = (
    Simulator(seed=1, clock=SystemClock()),
    Simulator(clock=VirtualClock()),
)
