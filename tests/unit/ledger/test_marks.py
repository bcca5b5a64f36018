"""What may be taken out of a ledger must be declared first; a clean end spares the next start."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from tanzaku.core import VirtualClock
from tanzaku.exchange import Exchange
from tanzaku.ledger import Ledger, LedgerError, LedgerSettings, Place, Retention

type Build = Callable[..., Exchange]
DAY_S = 86_400


def settle_all(ledger: Ledger, exchanges: list[Exchange]) -> None:
    async def settle() -> None:
        for exchange in exchanges:
            ledger.start(exchange)
        await asyncio.gather(*(ledger.settle(exchange) for exchange in exchanges))

    asyncio.run(settle())


def read_mark(path: Path, name: str) -> object:
    connection = apsw.Connection(str(path))
    seq = connection.execute("SELECT seq FROM mark WHERE name = ?", (name,)).get
    connection.close()
    return seq


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM started WHERE seq = 2",
        "DELETE FROM settled WHERE seq = 2",
        "UPDATE started SET request_body = x''",
        "UPDATE settled SET cost_picousd = 0 WHERE seq = 1",
        "UPDATE started SET model = 'other' WHERE seq = 1",
        "UPDATE mark SET seq = 0",
        "DELETE FROM mark",
    ],
)
def test_beyond_what_was_declared_nothing_can_be_changed(
    statement: str, path: Path, build_exchange: Build
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_exchange(number) for number in (1, 2)])
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE mark SET seq = 1 WHERE name IN ('pruned', 'emptied')")
    with pytest.raises(apsw.ConstraintError, match=r"append-only|only grows"):
        connection.execute(statement)
    connection.close()


def test_after_a_clean_end_the_next_start_has_nothing_to_look_through(
    path: Path, build_exchange: Build
) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_exchange(number) for number in range(7)])
    assert read_mark(path, "settled") == 7


def test_what_was_left_open_is_not_declared_settled(path: Path, build_exchange: Build) -> None:
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_exchange(1)])
        ledger.start(build_exchange(2))
    assert read_mark(path, "settled") == 0
    with Ledger.open(path, clock=VirtualClock()) as ledger:
        assert ledger.reconciled == 1
        assert read_mark(path, "settled") == 2  # also when this one is killed


def test_when_all_has_gone_numbers_go_on(place: Place, build_exchange: Build) -> None:
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_exchange(number) for number in range(5)])
        ledger.prune(Retention(keep_days=0))
        assert (ledger.count_exchanges(), ledger.find_last_seq()) == (0, 5)
    with Ledger.open(place, clock=VirtualClock()) as ledger:
        settle_all(ledger, [build_exchange(9)])
        assert (ledger.count_exchanges(), ledger.find_last_seq()) == (1, 6)


def test_what_is_under_way_stays_and_so_does_what_came_after_it(
    place: Place, build_exchange: Build
) -> None:
    clock = VirtualClock()
    old = clock.now() - 9 * DAY_S
    with Ledger.open(place, clock=clock) as ledger:
        settle_all(ledger, [build_exchange(1, started_at=old)])
        ledger.start(build_exchange(2, started_at=old))
        settle_all(ledger, [build_exchange(3, started_at=old)])
        ledger.prune(Retention(keep_days=1, bodies_days=1))
        kept = [exchange.exchange_id for exchange in ledger.list_exchanges()]
        assert kept == ["exch_000003", "exch_000002"]
        asyncio.run(ledger.settle(build_exchange(2, started_at=old)))
        assert ledger.get_exchange("exch_000002").request_body != b""
        ledger.prune(Retention(keep_days=1))
        assert ledger.count_exchanges() == 0


def test_many_slices_take_out_all_that_is_old(place: Place, build_exchange: Build) -> None:
    clock = VirtualClock()
    old = [build_exchange(n, started_at=clock.now() - 9 * DAY_S) for n in range(1200)]
    with Ledger.open(place, clock=clock) as ledger:
        settle_all(ledger, [*old, build_exchange(5000, started_at=clock.now())])
        ledger.prune(Retention(bodies_days=1))
        assert {
            e.request_body for e in map(ledger.get_exchange, ("exch_000000", "exch_001199"))
        } == {b""}
        assert ledger.get_exchange("exch_005000").request_body != b""
        ledger.prune(Retention(keep_days=1))
        assert ledger.count_exchanges() == 1


def test_a_ledger_tidies_up_when_it_is_opened_without_waiting_for_a_call(
    place: Place, build_exchange: Build
) -> None:
    clock = VirtualClock()
    with Ledger.open(place, clock=clock) as ledger:
        settle_all(
            ledger, [build_exchange(n, started_at=clock.now() - 9 * DAY_S) for n in range(3)]
        )
    settings = LedgerSettings(retention=Retention(keep_days=1))
    with Ledger.open(place, clock=clock, settings=settings) as ledger:
        while ledger.count_exchanges():
            threading.Event().wait(0.001)


def test_what_was_let_go_of_is_not_left_in_the_file(path: Path, build_exchange: Build) -> None:
    canary = b"CANARY-5518"
    clock = VirtualClock()
    with Ledger.open(path, clock=clock) as ledger:
        body = canary * 2000  # longer than a page
        settle_all(
            ledger, [build_exchange(1, started_at=0.0, request_body=body), build_exchange(2)]
        )
        ledger.prune(Retention(bodies_days=1))
    assert path.read_bytes().count(canary) == 0


def test_pruning_a_closed_ledger_is_refused() -> None:
    ledger = Ledger.open(None, clock=VirtualClock())
    ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        ledger.prune(Retention(keep_days=1))


@pytest.mark.parametrize("below", ["input", "metadata"])
def test_below_what_is_a_persons_no_word_passes_as_a_name(
    below: str, place: Place, build_exchange: Build
) -> None:
    """A tool may well be given a `name`, an `id`, a `model` or a number that says who."""
    private = {"name": "Ann", "id": "4111", "card": 4111, "rest": [{"model": "Ann"}], "ok": True}
    body = json.dumps(
        {"model": "m", "content": [{"type": "tool_use", "name": "f", below: private}]}
    )
    settings = LedgerSettings(privacy="redacted")
    with Ledger.open(place, clock=VirtualClock(), settings=settings) as ledger:
        settle_all(ledger, [build_exchange(1, request_body=body.encode())])
        kept = ledger.get_exchange("exch_000001").request_body
    assert b"Ann" not in kept
    assert b"4111" not in kept
    assert json.loads(kept)["content"][0]["name"] == "f"
    assert json.loads(kept)["content"][0][below].keys() == private.keys()
