"""The SQLite library and how a connection to a ledger's file is opened."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import apsw

from tanzaku.core import UserError
from tanzaku.ledger._database import NO_VALUES, Dialect, Row
from tanzaku.ledger.errors import LedgerError

APPLICATION_ID = 0x545A4B55
_BUSY_MS = 5_000
_CHECKPOINT_PAGES = 4_000

_ROWS_PER_STATEMENT = 32

_FIRST_FIXED = (3, 51, 3)
_FIXED_BRANCHES = {(3, 50): 7, (3, 44): 6}


@dataclass(frozen=True, slots=True)
class SqliteVerdict:
    """Whether a SQLite version keeps what it has committed."""

    version: str
    is_sound: bool


def sqlite_verdict(version: str | None = None) -> SqliteVerdict:
    """Judge a SQLite version (`3.54.1`), by default that of the library the ledger runs on.

    3.7.0 to 3.51.2 can lose committed writes when one connection resets the WAL while another
    checkpoints; fixed in 3.51.3 and, in older branches, 3.50.7 and 3.44.6
    (https://sqlite.org/wal.html, read 2026-11-23). Before 3.7.0 there is no WAL.
    """
    version = version or apsw.sqlite_lib_version()
    major, minor, patch = (int(number) for number in version.split(".")[:3])
    first_fixed_patch = _FIXED_BRANCHES.get((major, minor))
    is_fixed_branch = first_fixed_patch is not None and patch >= first_fixed_patch
    return SqliteVerdict(version, (major, minor, patch) >= _FIRST_FIXED or is_fixed_branch)


def ensure_sound_sqlite() -> None:
    """Raise UserError when the SQLite library in use can lose commits."""
    verdict = sqlite_verdict()
    if not verdict.is_sound:
        raise UserError(
            "SQLite {version} is not safe for a ledger: up to 3.51.2 it can lose committed writes.",
            hint="Install apsw 3.51.3 or later from its wheel: it brings its own SQLite.",
            version=verdict.version,
        )


def connect_writer(path: Path, *, is_durable: bool) -> apsw.Connection:
    """The one connection that writes and checkpoints. `is_durable` False skips every disk flush."""
    connection = _connect(path, apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_durable else 'OFF'}")
        connection.execute("PRAGMA foreign_keys = ON")
        # What retention takes out is overwritten, not only forgotten.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        connection.execute("PRAGMA journal_size_limit = 67108864")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> apsw.Connection:
    """A connection that neither writes nor checkpoints, not even when it is closed last."""
    connection = _connect(path, apsw.SQLITE_OPEN_READONLY, is_at_rest=_is_at_rest(path))
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


class SqliteDatabase:
    """A Database over one connection to a file."""

    dialect: Final = Dialect(
        day="date(started_at, 'unixepoch')",
        find="instr",
        stored="octet_length",
        # Without the free pages, which what comes next is written to.
        bytes_in_use="SELECT (page_count - freelist_count) * page_size "
        "FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    )
    errors: Final = (apsw.Error,)
    row_errors: Final = (
        LedgerError,
        apsw.ConstraintError,
        apsw.MismatchError,
        apsw.TooBigError,
        OverflowError,
        TypeError,
        ValueError,
    )
    is_lost: Final = False

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection

    def fetch(self, sql: str, values: Mapping[str, Any] = NO_VALUES) -> list[Row]:
        return self.connection.execute(sql, values).fetchall()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        # Each statement gives the interpreter lock away once, and getting it back from a busy event
        # loop is what costs: so many rows go in with one.
        for begin in range(0, len(rows), _ROWS_PER_STATEMENT):
            part = rows[begin : begin + _ROWS_PER_STATEMENT]
            statement = _render_insert(table, tuple(columns), len(part))
            self.connection.execute(statement, tuple(chain.from_iterable(part)))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                with suppress(apsw.Error):
                    self.connection.execute("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self.connection.execute("ROLLBACK")

    def find_damage(self) -> list[str]:
        found = self.fetch("PRAGMA integrity_check")
        return [str(row[0]) for row in found if row[0] != "ok"]

    def recover(self) -> bool:
        return False

    def close(self) -> None:
        self.connection.close()


@cache
def _render_insert(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)}"


def copy_database(connection: apsw.Connection, target: Path) -> None:
    """Copy a database, also while another connection writes it."""
    with make_whole(target) as partial:
        connection.execute("VACUUM INTO ?", (str(partial),))


@contextmanager
def make_whole(target: Path) -> Iterator[Path]:
    """An empty file (mode 0600) to fill, which has the name `target` only once it is whole and on
    disk. Close every connection to it before."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        yield partial
        os.fsync(descriptor)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    partial.replace(target)


def _is_at_rest(path: Path) -> bool:
    """Whether SQLite could not make its `-shm` file and needs none, as on a read-only disk.

    While a ledger is open for writing its `-wal` file is there.
    """
    return not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()


def _connect(path: Path, access: int, *, is_at_rest: bool = False) -> apsw.Connection:
    name = f"file:{quote(str(path))}{'?immutable=1' if is_at_rest else ''}"
    connection = apsw.Connection(name, flags=access | apsw.SQLITE_OPEN_URI)
    connection.set_busy_timeout(_BUSY_MS)
    return connection
