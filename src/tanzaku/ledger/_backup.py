"""Copies of a ledger: made while it is written, checked, put back, also into the other engine.

A copy is a ledger in a file, whichever engine it was made from.
"""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import apsw

from tanzaku.core import Clock, UserError, format_rfc3339
from tanzaku.ledger._database import Database, Engine
from tanzaku.ledger._engine import Place, find_engine
from tanzaku.ledger._file import FileEngine
from tanzaku.ledger._lock import WriterLock
from tanzaku.ledger._portable import TABLES, clean_row, read_pages
from tanzaku.ledger._query import Filters, count_gaps, find_last_seq, sum_all
from tanzaku.ledger._row import SETTLED_FACTS, from_picousd
from tanzaku.ledger._schema import MIGRATIONS, run_migrations
from tanzaku.ledger._sqlite import (
    APPLICATION_ID,
    SqliteDatabase,
    connect_reader,
    connect_writer,
    copy_database,
    make_whole,
)
from tanzaku.ledger.errors import LedgerError

_GAP = ("noted_at", "exchanges", "reason")
_COST_AT = SETTLED_FACTS.index("cost_picousd")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a ledger holds, and what is wrong with it.

    `lost` were answered and not kept, as far as that was noted. `digest` is a SHA-256 in hex over
    every row, the same for a ledger and its copy, in whichever engine.
    """

    exchanges: int
    unsettled: int
    lost: int
    total_usd: Decimal
    digest: str
    faults: tuple[str, ...]


def back_up(source: Place, target: Path) -> Verdict:
    """Copy a ledger as it is at this moment into a new file, also while a process writes it, and
    check the copy.

    UserError when `target` exists or cannot be written, or `source` is no ledger; LedgerError when
    it cannot be read to its end. A copy that was broken off leaves no file under the name.
    """
    if target.exists():
        raise UserError(
            "{path} exists already.", hint="Choose another name; nothing was written.", path=target
        )
    try:
        if isinstance(source, Path):
            _copy_file(source, target)
        else:
            _copy_database(find_engine(source), target)
    except (OSError, apsw.Error) as error:
        raise UserError(
            "The copy {path} cannot be written: {reason}",
            hint="Check that its folder exists, may be written and has room.",
            path=target,
            reason=error,
        ) from error
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
    """Put a copy in a ledger's place; where the file before is now, if there was one. A database
    must be empty of exchanges.

    UserError when a process writes the ledger, and when the copy is not whole: then nothing was
    changed.
    """
    if not isinstance(target, Path):
        _fill(find_engine(target), backup, clock)
        return None
    _ensure_whole(verify(backup), backup)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = WriterLock(target)
    try:
        whole = target.with_name(f"{target.name}.restored")
        _copy_file(backup, whole)
        kept = _set_aside(target, clock)
        whole.replace(target)
    finally:
        lock.release()
    return kept


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
    for table, columns in TABLES.items():
        for page in read_pages(database, table):
            for row in page:
                digest.update(repr(clean_row(columns, row)).encode())
                if table == "settled":
                    picousd += row[_COST_AT] or 0
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


def _copy_file(source: Path, target: Path) -> None:
    FileEngine(source).check()
    connection = connect_reader(source)
    try:
        connection.execute("PRAGMA query_only = OFF")
        copy_database(connection, target)
    finally:
        connection.close()


def _copy_database(engine: Engine, target: Path) -> None:
    engine.check()
    source = engine.connect_reader()
    try:
        with (
            make_whole(target) as partial,
            _make_ledger(partial) as copy,
            source.snapshot(),
            copy.transaction(),
        ):
            _copy_rows(source, copy)
    except source.errors as error:
        raise LedgerError(f"The ledger {engine.name} could not be read: {error}") from error
    finally:
        source.close()


@contextmanager
def _make_ledger(path: Path) -> Iterator[SqliteDatabase]:
    """A new ledger in an empty file, without a way back: what fails here is thrown away."""
    connection = connect_writer(path, is_durable=False)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        run_migrations(connection, MIGRATIONS, 0, APPLICATION_ID)
        yield SqliteDatabase(connection)
    finally:
        connection.close()


def _fill(engine: Engine, backup: Path, clock: Clock) -> None:
    """Write a copy into an empty database, all of it or nothing."""
    FileEngine(backup).check()
    with ExitStack() as resources:
        source = FileEngine(backup).connect_reader()
        resources.callback(source.close)
        resources.enter_context(source.snapshot())
        verdict = _verify(source)
        _ensure_whole(verdict, backup)
        database = engine.open_writer(resources, clock)
        try:
            with database.transaction():
                if find_last_seq(database) or count_gaps(database):
                    raise UserError(
                        "The ledger {path} is not empty.",
                        hint="Choose an empty database. Nothing was changed.",
                        path=engine.name,
                    )
                _copy_rows(source, database)
                if _verify(database) != verdict:
                    raise LedgerError(f"The ledger {engine.name} did not become what {backup} is.")
        except database.errors as error:
            raise LedgerError(f"The ledger {engine.name} could not be written: {error}") from error


def _ensure_whole(verdict: Verdict, backup: Path) -> None:
    if verdict.faults:
        raise UserError(
            "The copy {path} is not whole: {faults}", path=backup, faults="; ".join(verdict.faults)
        )


def _copy_rows(source: Database, target: Database) -> None:
    """All that a ledger holds into an empty one."""
    for table, columns in TABLES.items():
        for page in read_pages(source, table):
            target.insert(table, columns, page)
    target.insert("gap", _GAP, source.fetch(f"SELECT {', '.join(_GAP)} FROM gap"))
    for name, seq in source.fetch("SELECT name, seq FROM mark"):
        target.fetch("UPDATE mark SET seq = :seq WHERE name = :name", {"name": name, "seq": seq})


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
