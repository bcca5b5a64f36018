"""Letting go of what is old: the one thing that takes anything out of a ledger.

What is to go is declared first, in the marks that the guards of the tables look at.
"""

from dataclasses import dataclass

from tanzaku.core import Clock
from tanzaku.ledger._database import Database

_DAY_S = 86_400.0
_EVERY_S = 3600.0
MOST_ROWS = 500


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
        self._due_at = clock.monotonic()
        self.wakes_after_s = None if retention == Retention() else _EVERY_S
        """How long a writer without work may sleep; None: as long as it likes."""

    def work(self, database: Database) -> bool:
        """One slice, if one is due; whether there may be more to do."""
        if self.wakes_after_s is None or self._clock.monotonic() < self._due_at:
            return False
        if prune(database, self._retention, self._clock.now()):
            return True
        self._due_at = self._clock.monotonic() + _EVERY_S
        return False


def prune(database: Database, retention: Retention, now: float) -> int:
    """Drop or empty what is older, MOST_ROWS exchanges of each at most; how many. Again until it is 0.

    It goes from the oldest up to the first that stays; what is under way stays, however old it is.
    """
    touched = 0
    with database.transaction():
        if retention.keep_days is not None:
            touched += _drop(database, now - retention.keep_days * _DAY_S)
        if retention.bodies_days is not None:
            touched += _empty(database, now - retention.bodies_days * _DAY_S)
    return touched


def _drop(database: Database, before: float) -> int:
    count, last = _move_mark(database, "pruned", before)
    if count:
        database.fetch("DELETE FROM settled WHERE seq <= :last", {"last": last})
        database.fetch("DELETE FROM started WHERE seq <= :last", {"last": last})
    return count


def _empty(database: Database, before: float) -> int:
    ((above,),) = database.fetch("SELECT seq FROM mark WHERE name = 'emptied'")
    count, last = _move_mark(database, "emptied", before)
    if count:
        for table, side in (("started", "request"), ("settled", "response")):
            database.fetch(
                f"UPDATE {table} SET {side}_headers = '[]', {side}_body = :nothing "
                "WHERE seq > :above AND seq <= :last",
                {"nothing": b"", "above": above, "last": last},
            )
    return count


def _move_mark(database: Database, name: str, before: float) -> tuple[int, int]:
    """Declare the next slice: how many exchanges it has, and the number of its last."""
    rows = database.fetch(
        "SELECT seq, started_at < :before AND settled_at IS NOT NULL FROM exchange "
        "WHERE seq > (SELECT seq FROM mark WHERE name = :name) ORDER BY seq LIMIT :most",
        {"before": before, "name": name, "most": MOST_ROWS},
    )
    stays = next((index for index, (_, is_old) in enumerate(rows) if not is_old), len(rows))
    if stays == 0:
        return 0, 0
    last = rows[stays - 1][0]
    database.fetch("UPDATE mark SET seq = :last WHERE name = :name", {"last": last, "name": name})
    return stays, last
