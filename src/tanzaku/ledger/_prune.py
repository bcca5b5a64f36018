"""Letting go of what is old, or too much: the one thing that takes anything out of a ledger.

What is to go is declared first, in the marks that the guards of the tables look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from tanzaku.core import Clock
from tanzaku.ledger._database import Database, Row

_DAY_S = 86_400.0
_HOUR_S = 3600.0
_MINUTE_S = 60.0
_GB = 1_000_000_000
MOST_ROWS = 500
# Fixed fields, row heads and index entries take about so much; texts and bodies are counted.
_FIXED_BYTES = 450
_COUNTED = (
    "labels", "request_headers", "request_body", "attempts", "usage", "response_headers",
    "response_body",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days exchanges are kept, and how many their headers and bodies; how many GB
    (1e9 bytes) the ledger may take up. None: no limit."""

    keep_days: float | None = None
    bodies_days: float | None = None
    keep_gb: float | None = None


class Keeper:
    """Prunes in small slices, between two transactions of the writer: once an hour, and once a minute
    where a size is kept and the engine knows it without looking through the rows."""

    def __init__(self, retention: Retention, clock: Clock) -> None:
        self._retention = retention
        self._clock = clock
        self._due_at = clock.monotonic()
        self._pruning: Pruning | None = None
        self._often_s = _HOUR_S if retention.keep_gb is None else _MINUTE_S
        self.wakes_after_s = None if retention == Retention() else self._often_s
        """How long a writer without work may sleep; None: as long as it likes."""

    def work(self, database: Database) -> bool:
        """One slice, if one is due; whether there may be more to do."""
        if self.wakes_after_s is None or self._clock.monotonic() < self._due_at:
            return False
        self._pruning = self._pruning or Pruning(self._retention, self._clock.now())
        if self._pruning.work(database):
            return True
        self._pruning = None
        every_s = _HOUR_S if database.dialect.bytes_in_use is None else self._often_s
        self._due_at = self._clock.monotonic() + every_s
        return False


class Pruning:
    """One going through a ledger: from the oldest up to the first that stays, MOST_ROWS exchanges a
    slice at most. What is under way stays, however old it is."""

    def __init__(self, retention: Retention, now: float) -> None:
        self._retention = retention
        self._now = now
        self._bytes = 0
        self._weighed = 0
        self._is_weighed = False

    def work(self, database: Database) -> bool:
        """One slice; whether there may be more to do."""
        keep_days, bodies_days = self._retention.keep_days, self._retention.bodies_days
        touched = 0
        with database.transaction():
            if keep_days is not None:
                touched += _drop_older(database, self._now - keep_days * _DAY_S)
            if bodies_days is not None:
                touched += _empty_older(database, self._now - bodies_days * _DAY_S)
        if touched or self._retention.keep_gb is None:
            return touched > 0
        if not self._weigh(database):
            return True
        excess = self._bytes - round(self._retention.keep_gb * _GB)
        if excess <= 0:
            return False
        with database.transaction():
            freed = _drop_excess(database, excess)
        self._bytes -= freed
        return freed > 0

    def _weigh(self, database: Database) -> bool:
        """Find out, or go on finding out, how much the ledger takes up; whether that is known now."""
        if database.dialect.bytes_in_use is not None:
            ((self._bytes,),) = database.fetch(database.dialect.bytes_in_use)
            return True
        if not self._is_weighed:
            rows = _read_slice(database, self._weighed)
            self._bytes += sum(row[3] for row in rows)
            self._weighed = rows[-1][0] if rows else self._weighed
            self._is_weighed = len(rows) < MOST_ROWS
        return self._is_weighed


def _drop_older(database: Database, before: float) -> int:
    old = list(takewhile(lambda row: row[1] < before, _list_settled(database, "pruned")))
    _drop(database, old)
    return len(old)


def _drop_excess(database: Database, excess: int) -> int:
    """Drop the oldest until so many bytes are free, in one slice; how many were."""
    gone: list[Row] = []
    freed = 0
    for row in _list_settled(database, "pruned"):
        if freed >= excess:
            break
        gone.append(row)
        freed += row[3]
    _drop(database, gone)
    return freed


def _drop(database: Database, rows: Sequence[Row]) -> None:
    if rows:
        last = rows[-1][0]
        _move_mark(database, "pruned", last)
        database.fetch("DELETE FROM settled WHERE seq <= :last", {"last": last})
        database.fetch("DELETE FROM started WHERE seq <= :last", {"last": last})


def _empty_older(database: Database, before: float) -> int:
    above = _read_mark(database, "emptied")
    old = list(takewhile(lambda row: row[1] < before, _list_settled(database, "emptied")))
    if old:
        last = old[-1][0]
        _move_mark(database, "emptied", last)
        for table, side in (("started", "request"), ("settled", "response")):
            database.fetch(
                f"UPDATE {table} SET {side}_headers = '[]', {side}_body = :nothing "
                "WHERE seq > :above AND seq <= :last",
                {"nothing": b"", "above": above, "last": last},
            )
    return len(old)


def _list_settled(database: Database, mark: str) -> list[Row]:
    """The next slice above a mark, up to the first that has not ended."""
    return list(takewhile(lambda row: row[2], _read_slice(database, _read_mark(database, mark))))


def _read_slice(database: Database, above: int) -> list[Row]:
    """Of the next MOST_ROWS exchanges: number, start, whether it has ended, about how many bytes it
    takes up."""
    stored = database.dialect.stored
    size = " + ".join(f"coalesce({stored}({name}), 0)" for name in _COUNTED)
    return database.fetch(
        f"SELECT seq, started_at, settled_at IS NOT NULL, {size} + {_FIXED_BYTES} FROM exchange "
        "WHERE seq > :above ORDER BY seq LIMIT :most",
        {"above": above, "most": MOST_ROWS},
    )


def _read_mark(database: Database, name: str) -> int:
    ((seq,),) = database.fetch("SELECT seq FROM mark WHERE name = :name", {"name": name})
    return int(seq)


def _move_mark(database: Database, name: str, seq: int) -> None:
    database.fetch("UPDATE mark SET seq = :seq WHERE name = :name", {"seq": seq, "name": name})
