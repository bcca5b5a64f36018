"""What a crash left open is closed with the worst it can have cost."""

from tanzaku.exchange import Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.ledger._database import Database, Row
from tanzaku.ledger._query import Filters, find_last_seq, list_after
from tanzaku.ledger._row import SETTLED_COLUMNS, build_settled

RECONCILED = "reconciled"
_MESSAGE = "The process ended before the answer was settled; the cost is what was reserved for it."
_ROUTE = "-"
_PART = "reserved"


def reconcile(database: Database, now: float) -> int:
    """Settle all that no process has under way, in one transaction; how many there were.

    Only for who holds the ledger alone: then nothing is under way.
    """
    # Below the mark all are settled: after a clean end there is nothing to look through.
    ((seq,),) = database.fetch("SELECT seq FROM mark WHERE name = 'settled'")
    rows: list[Row] = []
    while page := list_after(database, seq, Filters(unsettled=True)):
        rows += [(seq, *build_settled(close_orphan(exchange, now))) for seq, exchange in page]
        seq = page[-1][0]
    with database.transaction():
        database.insert("settled", ("seq", *SETTLED_COLUMNS), rows)
        mark_settled(database, find_last_seq(database))
    return len(rows)


def mark_settled(database: Database, seq: int) -> None:
    """Note that everything up to `seq` is settled."""
    database.fetch("UPDATE mark SET seq = :seq WHERE name = 'settled' AND seq < :seq", {"seq": seq})


def close_orphan(exchange: Exchange, now: float) -> Settlement:
    """The settlement of an exchange whose end nobody saw. Its status is 0: there was none."""
    reserved = exchange.reserved_usd
    return Settlement(
        settled_at=now,
        status=0,
        route=_ROUTE,
        response_headers=[],
        response_body=b"",
        timings=Timings(None, max(0.0, (now - exchange.started_at) * 1000)),
        attempts=[],
        cost=None if reserved is None else Cost(reserved, {_PART: reserved}),
        unpriced="Nothing was reserved." if reserved is None else None,
        error=ExchangeError(RECONCILED, _MESSAGE),
    )
