"""A shelf in one SQLite file, written and read by one thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import apsw

from tanzaku.core import UserError
from tanzaku.ledger._lock import WriterLock
from tanzaku.ledger._schema import read_schema_version, run_migrations
from tanzaku.ledger._shelf import ShelfRow
from tanzaku.ledger._sqlite import connect_reader, connect_writer, ensure_sound_sqlite
from tanzaku.ledger.errors import LedgerError

_APPLICATION_ID = 0x545A5348
_TABLES = """
CREATE TABLE shelf (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    part INTEGER NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL,
    facts BLOB NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, id, part)
) STRICT;
CREATE INDEX shelf_expiry ON shelf (expires_at) WHERE expires_at IS NOT NULL;
"""
_MIGRATIONS = (_TABLES,)
# An update and not a replacement, which would give the row a new place in the order.
_PUT = """
INSERT INTO shelf (kind, id, part, created_at, expires_at, facts, body)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, id, part) DO UPDATE SET
    created_at = excluded.created_at, expires_at = excluded.expires_at,
    facts = excluded.facts, body = excluded.body
"""
_COLUMNS = "kind, id, created_at, part, facts, {body}, expires_at"
_GET = f"SELECT {_COLUMNS.format(body='body')} FROM shelf WHERE kind = ? AND id = ? AND part = ?"
_READ_ALL = f"SELECT {_COLUMNS.format(body="x''")} FROM shelf WHERE kind = ? ORDER BY seq"


class FileShelf:
    """A `Shelf` in a file. Made by `FileShelf.open`.

    A call returns when its transaction is committed: it outlives this process, killed or not. A
    power cut may take the last ones with it, whole (WAL without a flush for each commit), unless
    the shelf was opened with `is_flushed`; so there is little to gain from writing several calls in
    one transaction. What was dropped leaves room in the file that the next rows take.
    """

    def __init__(self, path: Path, connection: apsw.Connection, resources: ExitStack) -> None:
        self.path = path
        self._connection = connection
        self._resources = resources
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tanzaku-shelf")

    @classmethod
    def open(cls, path: Path | None, *, is_flushed: bool = False) -> Self:
        """Open `path`, made when it is missing (mode 0600); None is a private file that `close`
        deletes. With `is_flushed` what was committed outlives a power cut too, at the price of a
        flush for each call. Not for network file systems.

        UserError when another process writes the file, when it is not a shelf or one of a newer
        Tanzaku, when it cannot be written, or when SQLite itself is unsound.
        """
        ensure_sound_sqlite()
        with ExitStack() as resources:
            is_kept = path is not None
            if path is None:
                folder = resources.enter_context(TemporaryDirectory(prefix="tanzaku-"))
                path = Path(folder) / "shelf.db"
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                resources.callback(WriterLock(path).release)
                _ensure_own_file(path)
                connection = connect_writer(path, is_durable=is_kept)
                resources.callback(connection.close)
                if is_kept and not is_flushed:
                    connection.execute("PRAGMA synchronous = NORMAL")
                _migrate(connection, path)
            except (OSError, apsw.Error) as error:
                raise UserError(
                    "The file {path} for batches and files cannot be opened: {reason}",
                    hint="Check that its folder exists and may be written.",
                    path=path,
                    reason=error,
                ) from error
            return cls(path, connection, resources.pop_all())

    async def put(self, *rows: ShelfRow) -> None:
        await self._run(lambda: self._put(rows))

    async def get(self, kind: str, id: str, part: int = 0) -> ShelfRow | None:
        found = await self._run(lambda: self._read(_GET, kind, id, part))
        return found[0] if found else None

    async def read_all(self, kind: str) -> list[ShelfRow]:
        return await self._run(lambda: self._read(_READ_ALL, kind))

    async def drop(self, kind: str, id: str) -> None:
        await self._run(
            lambda: self._connection.execute(
                "DELETE FROM shelf WHERE kind = ? AND id = ?", (kind, id)
            )
        )

    async def purge(self, now: float) -> None:
        await self._run(
            lambda: self._connection.execute("DELETE FROM shelf WHERE expires_at <= ?", (now,))
        )

    def close(self) -> None:
        """Finish what was begun, then give file and lock back. May be called again."""
        self._thread.shutdown()
        self._resources.close()

    async def _run[T](self, job: Callable[[], T]) -> T:
        try:
            running = asyncio.get_running_loop().run_in_executor(self._thread, job)
        except RuntimeError as error:
            raise LedgerError("The shelf is closed.") from error
        try:
            return await running
        except apsw.Error as error:
            raise LedgerError(f"The shelf {self.path} failed: {error}") from error

    def _put(self, rows: tuple[ShelfRow, ...]) -> None:
        with self._connection:
            self._connection.executemany(
                _PUT,
                (
                    (
                        row.kind,
                        row.id,
                        row.part,
                        row.created_at,
                        row.expires_at,
                        row.facts,
                        row.body,
                    )
                    for row in rows
                ),
            )

    def _read(self, statement: str, *bindings: str | int) -> list[ShelfRow]:
        return [ShelfRow(*values) for values in self._connection.execute(statement, bindings)]


def _ensure_own_file(path: Path) -> None:
    """Make the file when it is missing; refuse, untouched, one that is no shelf."""
    if path.is_dir():
        raise _refuse_foreign(path)
    path.touch(mode=0o600)
    connection = connect_reader(path)
    try:
        _check_schema(connection, path)
    finally:
        connection.close()


def _migrate(connection: apsw.Connection, path: Path) -> None:
    version = _check_schema(connection, path)
    run_migrations(connection, _MIGRATIONS, version, _APPLICATION_ID)


def _check_schema(connection: apsw.Connection, path: Path) -> int:
    version = read_schema_version(connection, _APPLICATION_ID)
    if version is None:
        raise _refuse_foreign(path)
    if version > len(_MIGRATIONS):
        raise UserError(
            "The file {path} for batches and files has schema {version}; this Tanzaku knows up to "
            "{newest}.",
            hint="Upgrade Tanzaku, or choose another file. Nothing was changed.",
            path=path,
            version=version,
            newest=len(_MIGRATIONS),
        )
    return version


def _refuse_foreign(path: Path) -> UserError:
    return UserError(
        "{path} does not hold batches and files of Tanzaku.",
        hint="Choose another file. Nothing was changed.",
        path=path,
    )
