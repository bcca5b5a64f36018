"""What a crash left open is closed with the worst it can have cost."""

import apsw

from tanzaku.exchange import Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.ledger._query import Filters, list_after
from tanzaku.ledger._row import SETTLED_COLUMNS, build_settled

RECONCILED = "reconciled"
_MESSAGE = "The process ended before the answer was settled; the cost is what was reserved for it."
_ROUTE = "-"
_PART = "reserved"


def list_orphans(connection: apsw.Connection) -> list[tuple[int, Exchange]]:
    """What has started and not ended, with its sequence number: under way, or left by a crash."""
    orphans: list[tuple[int, Exchange]] = []
    seq = 0
    while page := list_after(connection, seq, Filters(unsettled=True)):
        orphans += page
        seq = page[-1][0]
    return orphans


def reconcile(connection: apsw.Connection, now: float) -> int:
    """Settle all that no process has under way, in one transaction; how many there were.

    Only for who holds the file alone: then nothing is under way.
    """
    orphans = list_orphans(connection)
    columns = ", ".join(("seq", *SETTLED_COLUMNS))
    places = ", ".join("?" * (len(SETTLED_COLUMNS) + 1))
    with connection:
        for seq, exchange in orphans:
            row = build_settled(close_orphan(exchange, now))
            connection.execute(f"INSERT INTO settled ({columns}) VALUES ({places})", (seq, *row))
    return len(orphans)


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
