"""Copies of a ledger: made, checked, put back, and moved from one engine to the other."""

import asyncio
import sqlite3
import stat
import threading
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from harness.postgres import PostgresServer
from tanzaku.core import UserError, VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.ledger import (
    Filters,
    Ledger,
    LedgerError,
    Place,
    Retention,
    Verdict,
    back_up,
    restore,
    verify,
)

type Build = Callable[..., Exchange]


def keep(place: Place, exchanges: list[Exchange]) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:

        async def settle_all() -> None:
            await asyncio.gather(*(ledger.settle(exchange) for exchange in exchanges))

        asyncio.run(settle_all())


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    """Of a database without a ledger."""
    postgres.run("DROP SCHEMA IF EXISTS tanzaku CASCADE")
    return postgres.url()


def test_a_copy_is_made_while_the_ledger_is_written_and_holds_the_same(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        for n in range(20):
            asyncio.run(ledger.settle(build_exchange(n)))
        before = verify(place)
        made = back_up(place, target)
        asyncio.run(ledger.settle(build_exchange(99)))
    assert (made.exchanges, made.faults) == (20, ())
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]
    assert before == verify(target) == made
    assert verify(place).digest != made.digest
    with Ledger.read(target) as reader:
        assert reader.get_exchange("exch_000003") == build_exchange(3)


def test_a_copy_takes_no_ones_place(place: Place, build_exchange: Build, tmp_path: Path) -> None:
    keep(place, [build_exchange(1)])
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        back_up(place, target)
    assert target.read_text() == "mine"


def test_a_copy_that_finds_no_room_is_a_users_error(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    keep(place, [build_exchange(1)])
    with pytest.raises(UserError, match="cannot be written"):
        back_up(place, tmp_path / "no folder" / "copy.db")


def write_on(place: Place, build_exchange: Build, is_over: threading.Event) -> threading.Thread:
    """A thread that settles a hundred exchanges at a time."""

    async def write(ledger: Ledger) -> None:
        number = 0
        while not is_over.is_set():
            number += 100
            exchanges = [build_exchange(number + n) for n in range(100)]
            await asyncio.gather(*(ledger.settle(exchange) for exchange in exchanges))

    def run() -> None:
        with Ledger.open(place, clock=VirtualClock()) as ledger:
            asyncio.run(write(ledger))

    return threading.Thread(target=run)


def test_a_ledger_that_is_being_written_is_found_sound_and_so_are_its_copies(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    keep(place, [build_exchange(1)])
    is_over = threading.Event()
    writing = write_on(place, build_exchange, is_over)
    writing.start()
    verdicts: list[Verdict] = []
    while not verdicts or verdicts[-1].exchanges < 1000:
        verdicts.append(verify(place))
        verdicts.append(back_up(place, tmp_path / f"copy{len(verdicts)}.db"))
    is_over.set()
    writing.join()
    assert {verdict.faults for verdict in verdicts} == {()}


def test_no_more_of_a_ledger_is_held_in_memory_than_a_few_rows(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    body = b"x" * (3 << 20)
    keep(place, [build_exchange(n, request_body=body) for n in range(20)])
    tracemalloc.start()
    verdict = back_up(place, tmp_path / "copy.db")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert verdict == verify(place)
    assert verdict.exchanges == 20
    assert peak < 30 << 20  # of 60 MB


def test_a_damaged_ledger_is_called_so(path: Path, build_exchange: Build) -> None:
    keep(path, [build_exchange(n) for n in range(5)])
    # By another program, whose hand the guards do not stay.
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER started_keeps_rows")
    connection.execute("DELETE FROM started WHERE seq = 2")
    connection.commit()
    connection.close()
    assert any("names no started" in fault for fault in verify(path).faults)


def test_a_copy_is_put_back_and_what_was_there_kept(
    path: Path, build_exchange: Build, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    keep(path, [build_exchange(1)])
    back_up(path, copy)
    keep(path, [build_exchange(2)])
    kept = restore(copy, path, VirtualClock())
    assert kept is not None
    with Ledger.read(path) as reader, Ledger.read(kept) as before:
        assert [e.exchange_id for e in reader.list_exchanges()] == ["exch_000001"]
        assert [e.exchange_id for e in before.list_exchanges()] == ["exch_000002", "exch_000001"]


def test_nothing_is_put_back_under_a_writer(
    place: Place, build_exchange: Build, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    keep(copy, [build_exchange(1)])
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        with pytest.raises(UserError, match="is being written"):
            restore(copy, place, VirtualClock())
        asyncio.run(ledger.settle(build_exchange(2)))
        assert ledger.count_exchanges() == 1


def build_all_sorts(build_exchange: Build) -> list[Exchange]:
    """Exchanges with what one engine or the other has trouble with."""
    return [
        build_exchange(1, labels={"team": "a\0b", "tags": "x,\ud800", "path": "\\u0000"}),
        build_exchange(2, model="m\0", query="q=\ud800"),
        build_exchange(3, request_body=bytes(range(256)) * 40_000),
        build_exchange(4, started_at=1e9 + 0.1, reserved_usd=None, cost=None, usage=None),
        build_exchange(5, labels={}, rule="短冊 \\u0000"),
        build_exchange(6, reserved_usd=Decimal(2**63 - 1).scaleb(-12)),
        *(build_exchange(n) for n in range(7, 700)),
    ]


def read_all(place: Place) -> tuple[list[tuple[int, Exchange]], Any, int, int]:
    with Ledger.read(place) as reader:
        found = reader.list_after(0, Filters())
        whole = [(seq, reader.get_exchange(exchange.exchange_id)) for seq, exchange in found]
        return whole, reader.totals(), reader.count_gaps(), reader.find_last_seq()


@pytest.mark.needs("postgres")
def test_what_moves_to_the_other_engine_and_back_is_the_same_and_goes_on(
    url: str, postgres: PostgresServer, path: Path, build_exchange: Build, tmp_path: Path
) -> None:
    old = [build_exchange(900, started_at=0.0), build_exchange(901, started_at=9e8)]
    clock = VirtualClock()
    with Ledger.open(path, clock=clock) as ledger:
        for exchange in [*old, *build_all_sorts(build_exchange)]:
            asyncio.run(ledger.settle(exchange))
        ledger.prune(Retention(keep_days=19_000, bodies_days=9000))
        ledger.start(build_exchange(902, is_settled=False))
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO gap VALUES (1.5, 3, 'disk full')")
    connection.commit()
    connection.close()
    sound = verify(path)
    assert (sound.exchanges, sound.unsettled, sound.lost, sound.faults) == (701, 1, 3, ())

    assert restore(path, url, clock) is None
    assert verify(url) == sound
    back, again = tmp_path / "back.db", tmp_path / "again.db"
    assert back_up(url, back) == sound
    restore(back, again, clock)
    assert read_all(url) == read_all(again)
    assert read_all(again)[0][5:] == read_all(path)[0][5:]  # those before had a NUL

    for place in (path, url, again):
        with Ledger.open(place, clock=clock) as ledger:
            assert ledger.reconciled == 1
            asyncio.run(ledger.settle(build_exchange(903)))
            assert ledger.find_last_seq() == 703
    assert verify(url).digest == verify(again).digest == verify(path).digest
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        postgres.run("UPDATE tanzaku.started SET request_body = '' WHERE seq = 5")
    postgres.run("UPDATE tanzaku.started SET request_body = '' WHERE seq = 2")


@pytest.mark.needs("postgres")
def test_a_database_that_holds_exchanges_is_not_written_over(
    url: str, build_exchange: Build, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    keep(copy, [build_exchange(1)])
    keep(url, [build_exchange(2)])
    before = verify(url)
    with pytest.raises(UserError, match="is not empty"):
        restore(copy, url, VirtualClock())
    assert verify(url) == before
    with Ledger.open(url, clock=VirtualClock()) as ledger:
        ledger.prune(Retention(keep_days=0))
    with pytest.raises(UserError, match="is not empty"):  # its numbers are taken
        restore(copy, url, VirtualClock())


@pytest.mark.needs("postgres")
def test_a_copy_that_is_not_whole_makes_no_tables(
    url: str, build_exchange: Build, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    keep(copy, [build_exchange(n) for n in range(5)])
    connection = sqlite3.connect(copy)
    connection.execute("DROP TRIGGER started_keeps_rows")
    connection.execute("DELETE FROM started WHERE seq = 2")
    connection.commit()
    connection.close()
    with pytest.raises(UserError, match="is not whole"):
        restore(copy, url, VirtualClock())
    with pytest.raises(UserError, match="no ledger"):
        verify(url)


@pytest.mark.needs("postgres")
def test_a_copy_that_is_broken_off_leaves_nothing(
    url: str, postgres: PostgresServer, build_exchange: Build, tmp_path: Path
) -> None:
    keep(url, [build_exchange(n) for n in range(5)])
    ended: list[BaseException] = []

    def copy() -> None:
        try:
            back_up(url, tmp_path / "copy.db")
        except LedgerError as error:
            ended.append(error)

    with (
        psycopg.connect(postgres.url()) as other,
        psycopg.connect(postgres.url(), autocommit=True) as watching,
    ):
        other.execute("LOCK TABLE tanzaku.settled IN ACCESS EXCLUSIVE MODE")
        copying = threading.Thread(target=copy)
        copying.start()
        waiting = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'tanzaku' AND wait_event_type = 'Lock'"
        )
        while not watching.execute(waiting).fetchall():
            threading.Event().wait(0.001)
        copying.join()
    assert "could not be read" in str(ended[0])
    assert list(tmp_path.iterdir()) == []
