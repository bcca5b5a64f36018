"""A ledger in a PostgreSQL database: the same tables, in the schema `tanzaku`.

One writer here too: an advisory lock of its session says who. It needs a session of its own, so no
pooler that lends connections out by the transaction.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

from tanzaku.core import Clock, SystemClock, UserError
from tanzaku.ledger._database import (
    NO_VALUES,
    Dialect,
    Row,
    explain_missing,
    explain_newer,
    explain_older,
)
from tanzaku.ledger._portable import clean_row
from tanzaku.ledger._postgres_schema import SCRIPTS
from tanzaku.ledger._sqlite import APPLICATION_ID
from tanzaku.ledger.errors import LedgerError, StorageError

try:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.types.string import TextLoader
except ImportError as error:
    raise UserError(
        "A ledger in PostgreSQL needs the package psycopg.", hint="pip install 'tanzaku[postgres]'"
    ) from error

_SCHEMES: Final = ("postgresql://", "postgres://")
_CONNECT_S: Final = 5
_LOCK_MS: Final = 2000
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_PLACE: Final = re.compile(r":([a-z_]+)")


class PostgresDatabase:
    """A Database over one connection."""

    dialect: Final = Dialect(
        day="to_char(to_timestamp(started_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        find="strpos",
        stored="pg_column_size",
        # The size of its tables does not sink with what is taken out of them.
        bytes_in_use=None,
    )
    errors: Final = (psycopg.Error,)
    row_errors: Final = (
        LedgerError,
        psycopg.DataError,
        psycopg.IntegrityError,
        OverflowError,
        TypeError,
        ValueError,
    )

    def __init__(self, engine: "PostgresEngine", clock: Clock, *, is_writing: bool) -> None:
        self._engine = engine
        self._clock = clock
        self._is_writing = is_writing
        self._wait_s = _FIRST_WAIT_S
        self._again_at = clock.monotonic()
        self.connection = self._connect()

    @property
    def is_lost(self) -> bool:
        return self.connection.closed

    def fetch(self, sql: str, values: Mapping[str, Any] = NO_VALUES) -> list[Row]:
        cursor = self.connection.execute(_translate(sql), values)
        return [] if cursor.description is None else cursor.fetchall()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if not rows:
            return
        places = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
        try:
            with self.connection.cursor() as cursor:
                cursor.executemany(statement.encode(), [clean_row(columns, row) for row in rows])
        except psycopg.ProgrammingError as error:
            if error.sqlstate is None:  # a value that was never sent
                raise TypeError(str(error)) from error
            raise

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.connection.transaction():
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self.connection.transaction():
            self.connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield

    def find_damage(self) -> list[str]:
        return []

    def recover(self) -> bool:
        if not self.is_lost:
            return False
        now = self._clock.monotonic()
        if now < self._again_at:
            raise StorageError(f"The connection to {self._engine.name} is lost.")
        try:
            self.connection = self._connect()
        except (psycopg.Error, UserError) as error:
            self._again_at = now + self._wait_s
            self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
            raise StorageError(f"The connection to {self._engine.name} is lost: {error}") from error
        self._wait_s = _FIRST_WAIT_S
        return True

    def close(self) -> None:
        self.connection.close()

    def _connect(self) -> psycopg.Connection[Row]:
        connection = psycopg.connect(self._engine.conninfo, autocommit=True)
        connection.adapters.register_loader("json", TextLoader)
        try:
            connection.execute("SET search_path TO tanzaku")
            if self._is_writing:
                self._lock(connection)
            else:
                connection.execute("SET default_transaction_read_only TO on")
        except BaseException:
            connection.close()
            raise
        return connection

    def _lock(self, connection: psycopg.Connection[Row]) -> None:
        try:
            with connection.transaction():
                # The server may take a moment to see that the one before has gone.
                connection.execute(f"SET LOCAL lock_timeout TO {_LOCK_MS}".encode())
                connection.execute("SELECT pg_advisory_lock(%s)", (APPLICATION_ID,))
        except psycopg.errors.LockNotAvailable as error:
            raise UserError(
                "The ledger {path} is being written by another process.",
                hint="Stop that process, or choose another file with --ledger. "
                "`tanzaku log` can read it meanwhile.",
                path=self._engine.name,
            ) from error


class PostgresEngine:
    """An Engine over a database, named by its URL.

    What the URL leaves out comes from where PostgreSQL's own clients take it (`PGPASSWORD`,
    `~/.pgpass`).
    """

    def __init__(self, url: str) -> None:
        given: dict[str, Any] = {}
        # No reason is given: it would quote the URL, and in it a password.
        with suppress(psycopg.ProgrammingError):
            given = conninfo_to_dict(url) if url.startswith(_SCHEMES) else {}
        if not given:
            raise UserError(
                "The ledger's URL is none of a PostgreSQL database.",
                hint="Write postgresql://user@host:5432/database.",
            )
        self.name = _name(given)
        given.setdefault("connect_timeout", _CONNECT_S)
        given.setdefault("application_name", "tanzaku")
        self.conninfo = make_conninfo("", **given)

    def open_writer(self, resources: ExitStack, clock: Clock) -> PostgresDatabase:
        try:
            database = PostgresDatabase(self, clock, is_writing=True)
            resources.callback(database.close)
            with database.transaction():
                self._migrate(database)
        except psycopg.Error as error:
            raise self.explain(error) from error
        return database

    def check(self) -> None:
        try:
            database = PostgresDatabase(self, SystemClock(), is_writing=False)
            try:
                version = self._read_version(database)
            finally:
                database.close()
        except psycopg.Error as error:
            raise self.explain(error) from error
        if version == 0:
            raise explain_missing(self.name)
        if version < len(SCRIPTS):
            raise explain_older(self.name, version)

    def connect_reader(self) -> PostgresDatabase:
        try:
            return PostgresDatabase(self, SystemClock(), is_writing=False)
        except psycopg.Error as error:
            raise LedgerError(f"The ledger {self.name} could not be read: {error}") from error

    def explain(self, error: Exception) -> UserError:
        return UserError(
            "The ledger {path} cannot be opened: {reason}",
            hint="Check that the database runs and lets this user in, or name another with --ledger.",
            path=self.name,
            reason=str(error).strip(),
        )

    def _migrate(self, database: PostgresDatabase) -> None:
        version = self._read_version(database)
        for number, script in enumerate(SCRIPTS[version:], start=version + 1):
            database.connection.execute(script.encode())
            database.fetch("UPDATE version SET number = :number", {"number": number})

    def _read_version(self, database: PostgresDatabase) -> int:
        ((has_version, tables),) = database.fetch(
            "SELECT coalesce(bool_or(tablename = 'version'), false), count(*) FROM pg_tables "
            "WHERE schemaname = 'tanzaku'"
        )
        if not has_version:
            if tables:
                raise UserError(
                    "{path} is not a ledger of Tanzaku.",
                    hint="Choose another database. Nothing was changed.",
                    path=self.name,
                )
            return 0
        ((version,),) = database.fetch("SELECT number FROM version")
        if version > len(SCRIPTS):
            raise explain_newer(self.name, version, len(SCRIPTS))
        return int(version)


def _name(given: Mapping[str, Any]) -> str:
    user = f"{quote(given['user'])}@" if given.get("user") else ""
    host = quote(given.get("host") or "", safe="")
    port = f":{given['port']}" if given.get("port") else ""
    return f"postgresql://{user}{host}{port}/{quote(given.get('dbname') or '')}"


@lru_cache(maxsize=256)
def _translate(sql: str) -> bytes:
    """Named places as psycopg writes them; a bare `%` would begin one."""
    return _PLACE.sub(r"%(\1)s", sql.replace("%", "%%")).encode()
