"""What only a ledger in PostgreSQL has: a server that goes away, an URL, a lock across machines."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from harness.postgres import PostgresServer, run_postgres
from tanzaku.core import UserError, VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.ledger import (
    Ledger,
    LedgerError,
    LedgerSettings,
    Retention,
    verify,
)

pytestmark = pytest.mark.needs("postgres")

type Build = Callable[..., Exchange]
WRITERS = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    postgres.run("DROP SCHEMA IF EXISTS tanzaku CASCADE")
    return postgres.url()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """One that may be stopped."""
    with run_postgres() as server:
        yield server


def cut_connections(server: PostgresServer) -> None:
    """As a restart of the server or a firewall does."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'tanzaku' AND pid != pg_backend_pid()"
        )


def finish_trial(ledger: Ledger) -> None:
    ledger._writer.run(lambda _: None).result()


def test_a_second_writer_is_refused_and_a_reader_is_not(url: str, build_exchange: Build) -> None:
    with Ledger.open(url, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
        with pytest.raises(UserError, match="being written by another process"):
            Ledger.open(url, clock=VirtualClock())
        with Ledger.read(url) as reader:
            assert reader.get_exchange("exch_000001") == build_exchange(1)
    with Ledger.open(url, clock=VirtualClock()) as ledger:
        assert ledger.is_healthy


def test_a_lost_connection_fails_what_waits_and_is_made_anew(
    url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    clock = VirtualClock()
    with Ledger.open(url, clock=clock) as ledger:
        ledger.start(build_exchange(1))
        asyncio.run(ledger.settle(build_exchange(2)))
        cut_connections(postgres)
        with pytest.raises(LedgerError, match="could not be written"):
            asyncio.run(ledger.settle(build_exchange(3)))
        assert not ledger.is_healthy
        # What was under way is settled by the new connection.
        asyncio.run(ledger.settle(build_exchange(1)))
        asyncio.run(ledger.settle(build_exchange(4)))
        assert ledger.is_healthy
        assert (ledger.lost, ledger.count_gaps(), ledger.totals().unsettled) == (1, 1, 0)
    with Ledger.read(url) as reader:
        kept = [exchange.exchange_id for exchange in reader.list_exchanges()]
    assert sorted(kept) == ["exch_000001", "exch_000002", "exch_000004"]


def test_what_the_server_kept_without_word_of_it_is_neither_lost_nor_written_twice(
    url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    """The connection breaks between the commit and the word of it."""
    with Ledger.open(url, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
        database = ledger._writer._database
        kept = postgres.url()

        def commit_and_break(table: str, columns: Sequence[str], rows: Sequence[Any]) -> None:
            with psycopg.connect(kept) as other:
                other.execute(
                    "INSERT INTO tanzaku.started SELECT seq + 1, 'exch_000002', started_at + 1, "
                    "method, path, model, is_stream, api_version, reserved_picousd, labels, "
                    "request_headers, request_body FROM tanzaku.started"
                )
            cut_connections(postgres)
            del database.insert  # type: ignore[method-assign]
            database.insert(table, columns, rows)

        database.insert = commit_and_break  # type: ignore[method-assign]
        ledger.start(build_exchange(2))
        while ledger.is_healthy:
            threading.Event().wait(0.001)
        asyncio.run(ledger.settle(build_exchange(2)))
        asyncio.run(ledger.settle(build_exchange(3)))
        for number in (1, 2, 3):
            name = f"exch_{number:06d}"
            assert ledger.get_exchange(name) == build_exchange(number)
        assert (ledger.count_exchanges(), ledger.totals().unsettled) == (3, 0)


def test_while_the_server_is_away_no_call_starts_and_it_is_asked_less_and_less(
    own_server: PostgresServer, build_exchange: Build
) -> None:
    clock = VirtualClock()
    with Ledger.open(own_server.url(), clock=clock) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
        own_server.stop()
        with pytest.raises(LedgerError):
            asyncio.run(ledger.settle(build_exchange(2)))
        tries = 0
        for number in range(60):
            clock.advance(1)
            with pytest.raises(LedgerError, match="takes no writes"):
                ledger.start(build_exchange(100 + number))
            finish_trial(ledger)
            tries += "connection to server" in str(ledger.last_error)
        assert 3 <= tries <= 8
        with pytest.raises(LedgerError, match="could not be read"):
            ledger.totals()
        own_server.start()
        clock.advance(40)
        with pytest.raises(LedgerError):
            ledger.start(build_exchange(3))
        finish_trial(ledger)
        asyncio.run(ledger.settle(build_exchange(4)))
        assert [e.exchange_id for e in ledger.list_exchanges()] == ["exch_000004", "exch_000001"]


def test_another_writer_that_took_over_meanwhile_is_not_disturbed(
    url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    with Ledger.open(url, clock=VirtualClock()) as first:
        asyncio.run(first.settle(build_exchange(1)))
        cut_connections(postgres)
        with Ledger.open(url, clock=VirtualClock()) as second:
            asyncio.run(second.settle(build_exchange(2)))
            for number in (3, 4):
                with pytest.raises(LedgerError):
                    asyncio.run(first.settle(build_exchange(number)))
            assert "another process" in str(first.last_error)
            assert second.count_exchanges() == 2


def test_a_database_that_may_only_be_read_refuses_calls_before_they_are_made(
    url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    clock = VirtualClock()
    with Ledger.open(url, clock=clock) as ledger:
        connection = ledger._writer._database.connection  # type: ignore[attr-defined]
        connection.execute("SET default_transaction_read_only TO on")
        with pytest.raises(LedgerError, match="read-only"):
            asyncio.run(ledger.settle(build_exchange(1)))
        with pytest.raises(LedgerError, match="takes no writes"):
            ledger.start(build_exchange(2))
        finish_trial(ledger)
        assert not ledger.is_healthy
        connection.execute("SET default_transaction_read_only TO off")
        clock.advance(1)
        with pytest.raises(LedgerError, match="takes no writes"):
            ledger.start(build_exchange(3))
        finish_trial(ledger)
        asyncio.run(ledger.settle(build_exchange(4)))
        assert (ledger.count_exchanges(), ledger.count_gaps()) == (1, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tanzaku.started",
        "DELETE FROM tanzaku.settled",
        "UPDATE tanzaku.started SET request_body = ''",
        "UPDATE tanzaku.settled SET cost_picousd = 0",
        "TRUNCATE tanzaku.settled",
        "DELETE FROM tanzaku.mark",
        "UPDATE tanzaku.mark SET seq = -1",
    ],
)
def test_an_event_can_neither_be_changed_nor_deleted(
    statement: str, url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    with Ledger.open(url, clock=VirtualClock()) as ledger:
        asyncio.run(ledger.settle(build_exchange(1)))
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        postgres.run(statement)
    with Ledger.read(url) as reader:
        assert reader.get_exchange("exch_000001") == build_exchange(1)


def test_retention_takes_out_what_it_declares_and_no_value(
    url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    clock = VirtualClock()
    settings = LedgerSettings(retention=Retention(keep_days=9, bodies_days=1))
    with Ledger.open(url, clock=clock) as ledger:
        for number, age in enumerate((20, 5, 0)):
            started = clock.now() - age * 86_400
            asyncio.run(ledger.settle(build_exchange(number, started_at=started)))
    with Ledger.open(url, clock=clock, settings=settings) as ledger:
        finish_trial(ledger)
    with Ledger.read(url) as reader:
        assert reader.count_exchanges() == 2
        assert reader.get_exchange("exch_000001").request_body == b""
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        postgres.run("UPDATE tanzaku.settled SET cost_picousd = 0")


def test_what_it_takes_up_is_weighed_once_an_hour(url: str, build_exchange: Build) -> None:
    clock = VirtualClock()
    body = Random(7).randbytes(20_000)
    settings = LedgerSettings(retention=Retention(keep_gb=1 / 1000))
    with Ledger.open(url, clock=clock, settings=settings) as ledger:
        finish_trial(ledger)
        for number in range(100):
            asyncio.run(ledger.settle(build_exchange(number, request_body=body)))
        clock.advance(3599)
        for _ in range(3):
            finish_trial(ledger)
        assert ledger.count_exchanges() == 100
        clock.advance(1)
        for _ in range(9):
            finish_trial(ledger)
        assert 30 <= ledger.count_exchanges() <= 50


@pytest.mark.parametrize(
    "wrong",
    [
        "mysql://u@h/d",
        "postgresql://h:port/d?nothing=known",
        "ledger.db",
        "postgresql://u:s3cret@[/d",
    ],
)
def test_a_wrong_url_is_a_users_error_that_quotes_no_password(wrong: str) -> None:
    with pytest.raises(UserError, match="none of a PostgreSQL database") as raised:
        Ledger.open(wrong, clock=VirtualClock())
    assert "postgresql://" in raised.value.hint
    assert "s3cret" not in f"{raised.value} {raised.value.__cause__}"


@pytest.mark.parametrize("is_writing", [True, False])
def test_a_server_that_is_not_there_is_named_without_its_password(
    is_writing: bool, tmp_path: Path
) -> None:
    url = f"postgresql://ann:s3cret@{str(tmp_path).replace('/', '%2F')}:6543/calls"
    with pytest.raises(UserError, match="cannot be opened") as raised:
        Ledger.open(url, clock=VirtualClock()) if is_writing else Ledger.read(url)
    assert "postgresql://ann@" in raised.value.message
    assert ":6543/calls" in raised.value.message
    assert "s3cret" not in raised.value.message


def test_reading_a_database_without_a_ledger_makes_none(url: str, postgres: PostgresServer) -> None:
    with pytest.raises(UserError, match="no ledger at postgresql://"):
        Ledger.read(url)
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT to_regnamespace('tanzaku')").fetchone()
    assert found == (None,)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["CREATE SCHEMA tanzaku", "CREATE TABLE tanzaku.started (x int)"], "is not a ledger"),
        (
            [
                "CREATE SCHEMA tanzaku",
                "CREATE TABLE tanzaku.version (number int)",
                "INSERT INTO tanzaku.version VALUES (99)",
            ],
            "has schema 99",
        ),
    ],
)
@pytest.mark.parametrize("is_writing", [True, False])
def test_tables_that_are_not_ours_are_refused_untouched(
    statements: list[str], said: str, is_writing: bool, url: str, postgres: PostgresServer
) -> None:
    postgres.run(*statements)
    with pytest.raises(UserError, match=said) as raised:
        Ledger.open(url, clock=VirtualClock()) if is_writing else Ledger.read(url)
    assert "Nothing was changed" in raised.value.hint
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'tanzaku'"
        ).fetchone()
    assert tables == (1,)


def test_a_damaged_ledger_there_is_called_so(
    url: str, postgres: PostgresServer, build_exchange: Build
) -> None:
    with Ledger.open(url, clock=VirtualClock()) as ledger:
        for number in range(120):
            ledger.start(build_exchange(number))
            asyncio.run(ledger.settle(build_exchange(number)))
        sound = verify(url)
    assert (sound.exchanges, sound.faults) == (120, ())
    postgres.run(
        "ALTER TABLE tanzaku.settled DROP CONSTRAINT settled_seq_fkey",
        "UPDATE tanzaku.mark SET seq = 1 WHERE name = 'pruned'",
        "DELETE FROM tanzaku.started WHERE seq = 1",
    )
    damaged = verify(url)
    assert any("names no started" in fault for fault in damaged.faults)
    assert damaged.digest != sound.digest
