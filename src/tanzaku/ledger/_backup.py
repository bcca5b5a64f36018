"""Copies of a ledger: made while it is written, checked, put back."""

import hashlib
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import apsw

from tanzaku.core import Clock, UserError, format_rfc3339
from tanzaku.ledger import _query
from tanzaku.ledger._lock import WriterLock
from tanzaku.ledger._query import Filters
from tanzaku.ledger._row import from_picousd
from tanzaku.ledger._schema import check_schema
from tanzaku.ledger._sqlite import connect_reader, ensure_sound_sqlite


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file holds, and what is wrong with it. `digest` is a SHA-256 in hex over every row, the
    same for a ledger and its copy."""

    exchanges: int
    unsettled: int
    total_usd: Decimal
    digest: str
    faults: tuple[str, ...]


def back_up(source: Path, target: Path) -> Verdict:
    """Copy a ledger, also while a process writes it, and check the copy.

    UserError when `target` exists, or `source` is no ledger. A copy that was broken off leaves no
    file under the name.
    """
    if target.exists():
        raise UserError(
            "{path} exists already.", hint="Choose another name; nothing was written.", path=target
        )
    _refuse_no_ledger(source)
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    connection = connect_reader(source)
    try:
        connection.execute("PRAGMA query_only = OFF")
        connection.execute("VACUUM INTO ?", (str(partial),))
        os.fsync(descriptor)
    finally:
        connection.close()
        os.close(descriptor)
    verdict = verify(partial)
    partial.replace(target)
    return verdict


def verify(path: Path) -> Verdict:
    """Read a ledger whole and say what is wrong with it. UserError when it is no ledger."""
    _refuse_no_ledger(path)
    connection = connect_reader(path)
    try:
        return _verify(connection)
    finally:
        connection.close()


def restore(backup: Path, target: Path, clock: Clock) -> Path | None:
    """Put a copy in a ledger's place; where the one before is now, if there was one.

    UserError when a process writes the ledger, and when the copy is not whole: then nothing was
    changed.
    """
    ensure_sound_sqlite()
    verdict = verify(backup)
    if verdict.faults:
        raise UserError(
            "The copy {path} is not whole: {faults}", path=backup, faults="; ".join(verdict.faults)
        )
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = WriterLock(target)
    try:
        partial = target.with_name(f"{target.name}.partial")
        partial.unlink(missing_ok=True)
        _copy(backup, partial)
        kept = _set_aside(target, clock)
        partial.replace(target)
    finally:
        lock.release()
    return kept


def _verify(connection: apsw.Connection) -> Verdict:
    faults = [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    faults += [
        f"{row[0]} row {row[1]} names no started exchange"
        for row in connection.execute("PRAGMA foreign_key_check")
    ]
    digest = hashlib.sha256()
    picousd = 0
    for table in ("started", "settled"):
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY seq"):
            digest.update(repr(row).encode())
    for (cost,) in connection.execute(
        "SELECT cost_picousd FROM settled WHERE cost_picousd NOT NULL"
    ):
        picousd += cost
    totals = _query.sum_all(connection, Filters())
    if totals.total_usd != from_picousd(picousd):
        faults.append(f"the sum {totals.total_usd} $ is not that of the rows")
    return Verdict(
        totals.exchanges, totals.unsettled, totals.total_usd, digest.hexdigest(), tuple(faults)
    )


def _refuse_no_ledger(path: Path) -> None:
    ensure_sound_sqlite()
    if not path.is_file():
        raise UserError(
            "There is no ledger at {path}.", hint="Name another file with --ledger.", path=path
        )
    connection = connect_reader(path)
    try:
        check_schema(connection, path)
    finally:
        connection.close()


def _copy(source: Path, target: Path) -> None:
    connection = connect_reader(source)
    try:
        connection.execute("PRAGMA query_only = OFF")
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            connection.execute("VACUUM INTO ?", (str(target),))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
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
