"""A ledger in one SQLite file."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import apsw

from tanzaku.core import Clock, UserError
from tanzaku.ledger._database import explain_missing, explain_older
from tanzaku.ledger._lock import WriterLock
from tanzaku.ledger._schema import MIGRATIONS, check_schema, migrate, refuse_foreign
from tanzaku.ledger._sqlite import (
    SqliteDatabase,
    connect_reader,
    connect_writer,
    ensure_sound_sqlite,
)
from tanzaku.ledger.errors import LedgerError


class FileEngine:
    """An Engine over a file. `is_durable` False skips every disk flush."""

    def __init__(self, path: Path, *, is_durable: bool = True) -> None:
        self.path = path
        self.name = str(path)
        self._is_durable = is_durable

    def open_writer(self, resources: ExitStack, clock: Clock) -> SqliteDatabase:
        ensure_sound_sqlite()
        path = self.path
        if path.is_dir():
            raise refuse_foreign(path)
        with self._explain_failure():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            resources.callback(WriterLock(path).release)
            _ensure_own_file(path)
            connection = connect_writer(path, is_durable=self._is_durable)
            resources.callback(connection.close)
            migrate(connection, path, clock)
        return SqliteDatabase(connection)

    def check(self) -> None:
        ensure_sound_sqlite()
        if self.path.is_dir():
            raise refuse_foreign(self.path)
        with self._explain_failure():
            version = _read_version(self.path) if self.path.is_file() else 0
        if version == 0:
            raise explain_missing(self.name)
        if version < len(MIGRATIONS):
            raise explain_older(self.name, version)

    def connect_reader(self) -> SqliteDatabase:
        try:
            return SqliteDatabase(connect_reader(self.path))
        except apsw.Error as error:
            raise LedgerError(f"The ledger {self.name} could not be read: {error}") from error

    def explain(self, error: Exception) -> UserError:
        return UserError(
            "The ledger {path} cannot be opened: {reason}",
            hint="Check that its folder exists and may be written, or name another with --ledger.",
            path=self.path,
            reason=error,
        )

    @contextmanager
    def _explain_failure(self) -> Iterator[None]:
        try:
            yield
        except (OSError, apsw.Error) as error:
            raise self.explain(error) from error


def _ensure_own_file(path: Path) -> None:
    """Make the file when it is missing; refuse, untouched, one that is not ours to write."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        _read_version(path)
        path.chmod(0o600)


def _read_version(path: Path) -> int:
    connection = connect_reader(path)
    try:
        return check_schema(connection, path)
    finally:
        connection.close()
