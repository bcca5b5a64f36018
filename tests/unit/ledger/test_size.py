"""A ledger takes up no more than it may: the oldest settled exchanges go, on either engine."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import apsw
import psycopg
import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.ledger import Ledger, LedgerSettings, Place, Retention

type Build = Callable[..., Exchange]
BODY = 20_000
MB = 1_000_000


def settle_all(ledger: Ledger, exchanges: list[Exchange]) -> None:
    async def settle() -> None:
        await asyncio.gather(*(ledger.settle(exchange) for exchange in exchanges))

    asyncio.run(settle())


@pytest.fixture
def build_large(build_exchange: Build) -> Build:
    """Exchanges of 20 kB that no engine makes smaller."""
    chance = Random(7)

    def build(number: int, **changes: object) -> Exchange:
        return build_exchange(number, request_body=chance.randbytes(BODY), **changes)

    return build


def measure(place: Place) -> int:
    """Bytes in use, by the engine's own word: the pages of a file, the rows of a database."""
    if isinstance(place, Path):
        connection = apsw.Connection(str(place))
        pages, free = connection.pragma("page_count"), connection.pragma("freelist_count")
        size = connection.pragma("page_size")
        connection.close()
        return (pages - free) * size  # type: ignore[operator]
    with psycopg.connect(place) as database:
        rows = database.execute(
            "SELECT sum(pg_column_size(request_body) + pg_column_size(response_body) + 600) "
            "FROM tanzaku.exchange"
        ).fetchone()
    assert rows is not None
    return int(rows[0] or 0)


@pytest.mark.parametrize(
    ("keep_mb", "most", "least"), [(6, 300, 230), (1, 50, 30), (100, 700, 700)]
)
def test_the_oldest_go_until_the_rest_fits_and_no_more_than_that(
    keep_mb: int, most: int, least: int, place: Place, build_large: Build
) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_large(number) for number in range(700)])
        ledger.prune(Retention(keep_gb=keep_mb / 1000))
        kept = [exchange.exchange_id for exchange in ledger.list_exchanges(limit=1000)]
        assert ledger.count_exchanges() == len(kept)
    assert least <= len(kept) <= most
    assert kept == [f"exch_{number:06d}" for number in range(699, 699 - len(kept), -1)]
    assert measure(place) <= keep_mb * MB


def test_where_nothing_may_be_kept_numbers_go_on(place: Place, build_large: Build) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_large(number) for number in range(3)])
        ledger.prune(Retention(keep_gb=0))
        assert (ledger.count_exchanges(), ledger.find_last_seq()) == (0, 3)


def test_what_is_under_way_stays_and_so_does_what_came_after_it(
    place: Place, build_large: Build
) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_large(1), build_large(2)])
        ledger.start(build_large(3))
        settle_all(ledger, [build_large(4)])
        ledger.prune(Retention(keep_gb=0))
        kept = [exchange.exchange_id for exchange in ledger.list_exchanges()]
        assert kept == ["exch_000004", "exch_000003"]
        settle_all(ledger, [build_large(3)])
        ledger.prune(Retention(keep_gb=0))
        assert ledger.count_exchanges() == 0


def test_rows_without_bodies_take_up_room_too(place: Place, build_exchange: Build) -> None:
    settings = LedgerSettings(privacy="metadata")
    with Ledger.open(place, clock=VirtualClock(), settings=settings) as ledger:
        settle_all(ledger, [build_exchange(number) for number in range(2000)])
        ledger.prune(Retention(keep_gb=0.0005))
        assert 600 <= ledger.count_exchanges() <= 1100


def test_age_goes_first_and_what_is_left_is_weighed(place: Place, build_large: Build) -> None:
    clock = VirtualClock()
    old = [build_large(n, started_at=clock.now() - 9 * 86_400) for n in range(50)]
    new = [build_large(n, started_at=clock.now()) for n in range(100, 150)]
    with Ledger.open(place, clock=clock) as ledger:
        settle_all(ledger, [*old, *new])
        ledger.prune(Retention(keep_days=1, keep_gb=1.8 / 1000))
        assert ledger.count_exchanges() == 50
        clock.advance(1)
        ledger.prune(Retention(bodies_days=0, keep_gb=0.5 / 1000))
        assert ledger.count_exchanges() == 50  # without bodies they fit


def finish_house(ledger: Ledger) -> None:
    """Return when the writer has gone through a few thousand rows, if it is the hour for that."""
    for _ in range(9):
        ledger._writer.run(lambda _: None).result()


def test_a_file_that_is_written_for_long_grows_no_further_than_one_minute_brings(
    path: Path, build_large: Build
) -> None:
    clock = VirtualClock()
    settings = LedgerSettings(retention=Retention(keep_gb=2 / 1000))
    with Ledger.open(path, clock=clock, settings=settings) as ledger:
        for minute in range(12):
            settle_all(ledger, [build_large(100 * minute + n) for n in range(50)])
            clock.advance(61)
            finish_house(ledger)
            assert ledger.count_exchanges() <= 95
        newest = ledger.list_exchanges(limit=1)[0]
    assert newest.exchange_id == "exch_001149"
    # Twelve million bytes went through it; two stay, and one comes in a minute.
    assert path.stat().st_size < 4 * MB
