"""Copies of a ledger: made while it is written, checked, put back."""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tanzaku.core import Clock, UserError, format_rfc3339
from tanzaku.ledger._database import Database
from tanzaku.ledger._engine import Place, find_engine
from tanzaku.ledger._file import FileEngine
from tanzaku.ledger._lock import WriterLock
from tanzaku.ledger._query import Filters, count_gaps, sum_all
from tanzaku.ledger._row import SETTLED_FACTS, from_picousd
from tanzaku.ledger._sqlite import connect_reader, copy_database

_PAGE = 50
_COST_AT = SETTLED_FACTS.index("cost_picousd")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a ledger holds, and what is wrong with it.

    `lost` were answered and not kept, as far as that was noted. `digest` is a SHA-256 in hex over
    every row, the same for a ledger and its copy.
    """

    exchanges: int
    unsettled: int
    lost: int
    total_usd: Decimal
    digest: str
    faults: tuple[str, ...]


def back_up(source: Place, target: Path) -> Verdict:
    """Copy a ledger, also while a process writes it, and check the copy.

    UserError when `target` exists, or `source` is no ledger in a file. A copy that was broken off
    leaves no file under the name.
    """
    if target.exists():
        raise UserError(
            "{path} exists already.", hint="Choose another name; nothing was written.", path=target
        )
    _copy(_ensure_file(source), target)
    return verify(target)


def verify(place: Place) -> Verdict:
    """Read a ledger whole and say what is wrong with it. UserError when it is no ledger."""
    engine = find_engine(place)
    engine.check()
    database = engine.connect_reader()
    try:
        with database.snapshot():
            return _verify(database)
    except database.errors as error:
        return Verdict(0, 0, 0, Decimal(0), "", (str(error).strip(),))
    finally:
        database.close()


def restore(backup: Path, target: Place, clock: Clock) -> Path | None:
    """Put a copy in a ledger's place; where the one before is now, if there was one.

    UserError when a process writes the ledger, and when the copy is not whole: then nothing was
    changed.
    """
    path = _ensure_file(target)
    verdict = verify(backup)
    if verdict.faults:
        raise UserError(
            "The copy {path} is not whole: {faults}", path=backup, faults="; ".join(verdict.faults)
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = WriterLock(path)
    try:
        whole = path.with_name(f"{path.name}.restored")
        _copy(backup, whole)
        kept = _set_aside(path, clock)
        whole.replace(path)
    finally:
        lock.release()
    return kept


def _ensure_file(place: Place) -> Path:
    if isinstance(place, Path):
        return place
    raise UserError(
        "A ledger in PostgreSQL is copied by PostgreSQL's own tools.",
        hint="`pg_dump --schema=tanzaku` makes a copy, `psql` puts it back.",
    )


def _verify(database: Database) -> Verdict:
    totals = sum_all(database, Filters())
    faults = database.find_damage()
    faults += [
        f"settled row {seq} names no started exchange"
        for (seq,) in database.fetch(
            "SELECT seq FROM settled WHERE seq NOT IN (SELECT seq FROM started)"
        )
    ]
    digest = hashlib.sha256()
    picousd = 0
    for table in ("started", "settled"):
        seq = 0
        while rows := database.fetch(
            f"SELECT * FROM {table} WHERE seq > :seq ORDER BY seq LIMIT :most",
            {"seq": seq, "most": _PAGE},
        ):
            for row in rows:
                digest.update(repr(row).encode())
                if table == "settled":
                    picousd += row[_COST_AT] or 0
            seq = rows[-1][0]
    if totals.total_usd != from_picousd(picousd):
        faults.append(f"the sum {totals.total_usd} $ is not that of the rows")
    return Verdict(
        totals.exchanges,
        totals.unsettled,
        count_gaps(database),
        totals.total_usd,
        digest.hexdigest(),
        tuple(faults),
    )


def _copy(source: Path, target: Path) -> None:
    FileEngine(source).check()
    connection = connect_reader(source)
    try:
        connection.execute("PRAGMA query_only = OFF")
        copy_database(connection, target)
    finally:
        connection.close()


def _set_aside(path: Path, clock: Clock) -> Path | None:
    """Move a ledger and its log out of the way, under a name with the time."""
    if not path.exists():
        return None
    stamp = format_rfc3339(clock.now()).replace(":", "").replace("-", "")
    kept = path.with_name(f"{path.name}.before-restore-{stamp}")
    for ending in ("", "-wal", "-shm"):
        old = path.with_name(path.name + ending)
        if old.exists():
            old.replace(kept.with_name(kept.name + ending))
    return kept
