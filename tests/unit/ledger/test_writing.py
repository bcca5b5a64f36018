"""Many tasks, loops, threads and processes at one ledger, and storage that fails."""

import asyncio
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tanzaku.core import UserError, VirtualClock
from tanzaku.exchange import Cost, Exchange
from tanzaku.ledger import Ledger, LedgerError, Place
from tanzaku.ledger.errors import StorageError

CHILD = Path(__file__).with_name("writer_child.py")
type Build = Callable[..., Exchange]


@contextmanager
def another_writer(place: Place, at_a_time: int = 0) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the ledger open; it has said its first word when this yields."""
    process = subprocess.Popen(
        [sys.executable, CHILD, str(place), "1", str(at_a_time), "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


async def settle_all(ledger: Ledger, exchanges: list[Exchange]) -> None:
    async def carry(exchange: Exchange) -> None:
        ledger.start(exchange)
        await ledger.settle(exchange)

    await asyncio.gather(*(carry(exchange) for exchange in exchanges))


@pytest.mark.parametrize("count", [1, 63, 700])
def test_concurrent_settlements_are_all_kept_once_with_their_exact_costs(
    count: int, place: Place, build_exchange: Build
) -> None:
    exchanges = [
        build_exchange(n, cost=Cost(Decimal(n * n + 1) / 10**12, {})) for n in range(count)
    ]
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        asyncio.run(settle_all(ledger, exchanges))
        totals = ledger.totals()
        listed = ledger.list_exchanges(limit=1000)
    assert totals.total_usd == Decimal(sum(n * n + 1 for n in range(count))) / 10**12
    assert {e.exchange_id for e in listed} == {e.exchange_id for e in exchanges}
    assert len(listed) == count


def test_waiters_of_several_event_loops_are_woken(place: Place, build_exchange: Build) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger, ThreadPoolExecutor(4) as threads:

        def run_loop(index: int) -> None:
            exchanges = [build_exchange(index * 100 + n) for n in range(50)]
            asyncio.run(settle_all(ledger, exchanges))

        list(threads.map(run_loop, range(4)))
        assert ledger.totals().exchanges == 200


def test_a_settled_exchange_is_readable_at_once_from_any_thread(
    place: Place, build_exchange: Build
) -> None:
    async def settle_and_read(ledger: Ledger) -> None:
        for number in range(20):
            await ledger.settle(build_exchange(number))
            name = f"exch_{number:06d}"
            assert await asyncio.to_thread(ledger.get_exchange, name) == build_exchange(number)

    with Ledger.open(place, clock=VirtualClock()) as ledger:
        asyncio.run(settle_and_read(ledger))


def test_a_cancelled_wait_does_not_take_the_event_back(place: Place, build_exchange: Build) -> None:
    async def cancel(ledger: Ledger) -> None:
        task = asyncio.create_task(ledger.settle(build_exchange(1)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Ledger.open(place, clock=VirtualClock()) as ledger:
        asyncio.run(cancel(ledger))
    with Ledger.read(place) as reader:
        assert reader.get_exchange("exch_000001") == build_exchange(1)


def test_what_started_and_never_settled_is_seen_as_such_after_a_restart(
    place: Place, build_exchange: Build
) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        ledger.start(build_exchange(1))
    with Ledger.read(place) as reader:
        orphan = reader.get_exchange("exch_000001")
    assert orphan == build_exchange(1, is_settled=False)


def test_a_started_exchange_is_on_disk_while_it_is_under_way(
    place: Place, build_exchange: Build
) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        ledger.start(build_exchange(1))
        while not (listed := ledger.list_exchanges()):
            threading.Event().wait(0.001)
    assert listed[0].settlement is None


@pytest.mark.parametrize("is_restarted", [True, False])
def test_an_id_is_kept_once_and_the_second_is_told(
    is_restarted: bool, place: Place, build_exchange: Build
) -> None:
    async def settle_among_others(ledger: Ledger) -> list[BaseException | None]:
        numbers = [2, 1, 3]
        return await asyncio.gather(
            *(ledger.settle(build_exchange(n, status=201)) for n in numbers),
            return_exceptions=True,
        )

    ledger = Ledger.open(place, clock=VirtualClock())
    asyncio.run(ledger.settle(build_exchange(1)))
    if is_restarted:
        ledger.close()
        ledger = Ledger.open(place, clock=VirtualClock())
    with ledger:
        outcomes = asyncio.run(settle_among_others(ledger))
        assert ledger.get_exchange("exch_000001") == build_exchange(1)
        assert ledger.totals().exchanges == 3
    assert [type(outcome) for outcome in outcomes] == [type(None), LedgerError, type(None)]


def test_an_exchange_cannot_start_twice(build_exchange: Build) -> None:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        ledger.start(build_exchange(1))
        with pytest.raises(LedgerError, match="exch_000001 has already started"):
            ledger.start(build_exchange(1))


def test_an_exchange_without_settlement_is_not_settled(build_exchange: Build) -> None:
    with (
        Ledger.open(None, clock=VirtualClock()) as ledger,
        pytest.raises(LedgerError, match="no settlement"),
    ):
        asyncio.run(ledger.settle(build_exchange(1, is_settled=False)))


def test_a_row_the_engine_refuses_fails_alone(place: Place, build_exchange: Build) -> None:
    bad = [
        build_exchange(10 + number, usage={"input_tokens": tokens})
        for number, tokens in enumerate(("many", 2**64, {"of": "them"}))
    ]

    async def settle_each(ledger: Ledger) -> list[BaseException | None]:
        kept = [build_exchange(1), *bad, build_exchange(4)]
        return await asyncio.gather(*(ledger.settle(e) for e in kept), return_exceptions=True)

    with Ledger.open(place, clock=VirtualClock()) as ledger:
        outcomes = asyncio.run(settle_each(ledger))
        assert ledger.totals().exchanges == 2
        assert (ledger.is_healthy, ledger.lost) == (True, 0)
    assert [outcome is None for outcome in outcomes] == [True, False, False, False, True]


def test_more_than_may_wait_is_refused_before_it_is_kept(build_exchange: Build) -> None:
    with Ledger.open(None, clock=VirtualClock()) as ledger:
        with pytest.raises(LedgerError, match="256 MiB"):
            ledger.start(build_exchange(1, request_body=bytes(300 << 20)))
        asyncio.run(ledger.settle(build_exchange(1)))
        assert ledger.totals().exchanges == 1


def test_a_second_writer_is_refused_with_the_holders_id_and_a_reader_is_not(path: Path) -> None:
    with another_writer(path) as process:
        with pytest.raises(UserError) as raised:
            Ledger.open(path, clock=VirtualClock())
        with Ledger.read(path) as reader:
            assert reader.list_exchanges() == []
    assert str(path) in raised.value.message
    assert str(process.pid) in raised.value.message
    assert "--ledger" in raised.value.hint


def test_a_second_ledger_in_the_same_process_is_refused(path: Path) -> None:
    with (
        Ledger.open(path, clock=VirtualClock()),
        pytest.raises(UserError, match=str(os.getpid())),
    ):
        Ledger.open(path, clock=VirtualClock())
    Ledger.open(path, clock=VirtualClock()).close()


def test_the_lock_dies_with_its_holder(place: Place) -> None:
    with another_writer(place):
        pass
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        assert ledger.is_healthy


def test_a_reader_follows_a_writer_of_another_process(place: Place) -> None:
    with another_writer(place, at_a_time=4) as process, Ledger.read(place) as reader:
        assert process.stdout is not None
        for _ in range(30):
            exchange_id = process.stdout.readline().decode().strip()
            assert reader.get_exchange(exchange_id).settlement is not None


@pytest.mark.parametrize(("is_kept", "synchronous"), [(True, 2), (False, 0)])
def test_only_a_ledger_that_is_kept_waits_for_the_disk(
    is_kept: bool, synchronous: int, path: Path
) -> None:
    with Ledger.open(path if is_kept else None, clock=VirtualClock()) as ledger:
        connection = ledger._writer._database.connection
        assert connection.pragma("synchronous") == synchronous  # 2 is FULL, 0 is OFF
        assert connection.pragma("journal_mode") == "wal"


def fill_up(ledger: Ledger) -> None:
    ledger._writer._database.connection.execute("PRAGMA max_page_count = 1")


def free_up(ledger: Ledger) -> None:
    ledger._writer._database.connection.execute("PRAGMA max_page_count = 1000000")


def deny_writes(ledger: Ledger) -> None:
    ledger._writer._database.connection.execute("PRAGMA query_only = ON")


def allow_writes(ledger: Ledger) -> None:
    ledger._writer._database.connection.execute("PRAGMA query_only = OFF")


def limit_files(_: Ledger) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def unlimit_files(_: Ledger) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize(
    ("break_it", "mend_it", "said"),
    [
        (fill_up, free_up, "full"),
        (deny_writes, allow_writes, "readonly"),
        (limit_files, unlimit_files, "full|I/O"),
    ],
)
def test_failing_storage_tells_every_waiter_and_the_ledger_recovers(
    break_it: Callable[[Ledger], None],
    mend_it: Callable[[Ledger], None],
    said: str,
    path: Path,
    build_exchange: Build,
) -> None:
    async def settle_many(ledger: Ledger, first: int) -> list[BaseException | None]:
        kept = [build_exchange(first + n, request_body=bytes(9000)) for n in range(40)]
        for exchange in kept:
            ledger.start(exchange)
        return await asyncio.gather(*(ledger.settle(e) for e in kept), return_exceptions=True)

    def finish_trial(ledger: Ledger) -> None:
        ledger._writer.run(lambda _: None).result()

    clock = VirtualClock()
    with Ledger.open(path, clock=clock) as ledger:
        asyncio.run(ledger.settle(build_exchange(0)))
        break_it(ledger)
        try:
            refused = asyncio.run(settle_many(ledger, 100))
            with pytest.raises(LedgerError, match="takes no writes"):
                ledger.start(build_exchange(197))
            finish_trial(ledger)
            was_healthy, why = ledger.is_healthy, str(ledger.last_error)
        finally:
            mend_it(ledger)
        assert [type(outcome) for outcome in refused] == [StorageError] * 40
        assert not was_healthy
        assert any(word in why for word in said.split("|"))
        # It is tried again once a second, and no exchange is put at risk for it.
        with pytest.raises(LedgerError, match="takes no writes"):
            ledger.start(build_exchange(198))
        finish_trial(ledger)
        assert not ledger.is_healthy
        clock.advance(1)
        with pytest.raises(LedgerError, match="takes no writes"):
            ledger.start(build_exchange(199))
        finish_trial(ledger)
        assert ledger.is_healthy
        assert asyncio.run(settle_many(ledger, 200)) == [None] * 40
        assert (ledger.count_exchanges(), ledger.lost, ledger.count_gaps()) == (41, 40, 40)
    with Ledger.read(path) as reader:
        kept = {exchange.exchange_id for exchange in reader.list_exchanges(limit=1000)}
    assert kept == {f"exch_{n:06d}" for n in [0, *range(200, 240)]}


def test_a_started_event_that_failed_is_written_with_the_settled_one(
    path: Path, build_exchange: Build
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        fill_up(ledger)
        ledger.start(build_exchange(1, request_body=bytes(9000)))
        while ledger.is_healthy:
            threading.Event().wait(0.001)
        free_up(ledger)
        asyncio.run(ledger.settle(build_exchange(1, request_body=bytes(9000))))
        assert ledger.get_exchange("exch_000001").request_body == bytes(9000)
