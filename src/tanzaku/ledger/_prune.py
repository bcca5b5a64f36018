"""Letting go of what is old. It is the one thing that may take rows out of a ledger, and says so: the
guards against it are taken down and put up again within its transaction."""

from dataclasses import dataclass

import apsw

from tanzaku.core import Clock
from tanzaku.ledger._schema import GUARDS

_DAY_S = 86_400.0
_MOST_ROWS = 2_000
_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days exchanges are kept, and how many their headers and bodies; None: for ever."""

    keep_days: float | None = None
    bodies_days: float | None = None


class Keeper:
    """Prunes in small slices, between two transactions of the writer, once an hour."""

    def __init__(self, retention: Retention, clock: Clock) -> None:
        self._retention = retention
        self._clock = clock
        self.is_idle = retention == Retention()
        self._due_at = clock.monotonic()

    def work(self, connection: apsw.Connection) -> None:
        """One slice, if one is due."""
        if self.is_idle or self._clock.monotonic() < self._due_at:
            return
        if prune(connection, self._retention, self._clock.now()) == 0:
            self._due_at = self._clock.monotonic() + _EVERY_S


def prune(connection: apsw.Connection, retention: Retention, now: float) -> int:
    """Drop what is older, 2,000 exchanges at most; how many rows were touched. Again until it is 0.

    The newest exchange always stays: the next one is numbered after it.
    """
    touched = 0
    with connection:
        for name in GUARDS:
            connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        if retention.keep_days is not None:
            touched += _drop(connection, now - retention.keep_days * _DAY_S)
        if retention.bodies_days is not None:
            touched += _empty(connection, now - retention.bodies_days * _DAY_S)
        for guard in GUARDS.values():
            connection.execute(guard)
    return touched


def _drop(connection: apsw.Connection, before: float) -> int:
    # From the oldest up to the first that stays, so that counting remains a subtraction. What is
    # under way stays, however old it is.
    stays = connection.execute(
        "SELECT seq FROM exchange WHERE started_at >= ? OR settled_at IS NULL "
        "OR seq = (SELECT max(seq) FROM started) ORDER BY seq LIMIT 1",
        (before,),
    ).get
    first = connection.execute("SELECT min(seq) FROM started").get
    if stays is None or stays == first:
        return 0
    last = min(stays - 1, first + _MOST_ROWS)
    connection.execute("DELETE FROM settled WHERE seq <= ?", (last,))
    connection.execute("DELETE FROM started WHERE seq <= ?", (last,))
    return connection.changes()


def _empty(connection: apsw.Connection, before: float) -> int:
    bounds = (before, _MOST_ROWS)
    connection.execute(
        "UPDATE started SET request_headers = '[]', request_body = x'' WHERE seq IN ("
        "SELECT seq FROM started WHERE started_at < ? AND "
        "(request_headers != '[]' OR length(request_body) > 0) LIMIT ?)",
        bounds,
    )
    touched = connection.changes()
    connection.execute(
        "UPDATE settled SET response_headers = '[]', response_body = x'' WHERE seq IN ("
        "SELECT seq FROM settled WHERE settled_at < ? AND "
        "(response_headers != '[]' OR length(response_body) > 0) LIMIT ?)",
        bounds,
    )
    return touched + connection.changes()
