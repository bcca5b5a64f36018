"""Exchanges to keep, and a ledger's place."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from harness.postgres import PostgresServer, run_postgres
from tanzaku.exchange import Attempt, Cost, Exchange, Settlement, Timings
from tanzaku.ledger import Place

type MakePlace = Callable[[], AbstractContextManager[Place]]


def _build_exchange(number: int, *, is_settled: bool = True, **changes: Any) -> Exchange:
    """Exchange `number`, with its settlement; `changes` goes to the field of that name."""
    exchange = Exchange(
        exchange_id=f"exch_{number:06d}",
        started_at=1_763_850_000.0 + number,
        method="POST",
        path="/v1/messages",
        request_headers=[("content-type", "application/json")],
        request_body=b'{"model":"claude-haiku-4-5"}',
        model="claude-haiku-4-5",
        api_version="2026-10-21",
        reserved_usd=Decimal("0.005"),
        labels={"run": "r1"},
    )
    settlement = Settlement(
        settled_at=exchange.started_at + 1.5,
        status=200,
        route="simulator",
        response_headers=[("request-id", "req_1")],
        response_body=b'{"type":"message"}',
        timings=Timings(ttft_ms=12.5, total_ms=1500.25),
        attempts=[Attempt("simulator", exchange.started_at, 1500.0, 200)],
        request_id="req_1",
        response_model="claude-haiku-4-5-20251001",
        stop_reason="end_turn",
        usage={"input_tokens": 10, "output_tokens": 20, "service_tier": "standard"},
        cost=Cost(Decimal("0.00011"), {"input": Decimal("0.00001"), "output": Decimal("0.0001")}),
    )
    for name, value in changes.items():
        setattr(settlement if hasattr(settlement, name) else exchange, name, value)
    exchange.settlement = settlement if is_settled else None
    return exchange


@pytest.fixture
def build_exchange() -> Callable[..., Exchange]:
    return _build_exchange


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture(
    scope="session",
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))],
)
def make_place(request: pytest.FixtureRequest) -> MakePlace:
    """Makes room for a new ledger, on each engine in turn."""
    if request.param == "sqlite":

        @contextmanager
        def make_file() -> Iterator[Place]:
            with TemporaryDirectory() as folder:
                yield Path(folder) / "ledger.db"

        return make_file
    server: PostgresServer = request.getfixturevalue("postgres")

    @contextmanager
    def make_schema() -> Iterator[Place]:
        server.run("DROP SCHEMA IF EXISTS tanzaku CASCADE")
        yield server.url()

    return make_schema


@pytest.fixture
def place(make_place: MakePlace) -> Iterator[Place]:
    with make_place() as made:
        yield made
