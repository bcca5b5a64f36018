"""The ledger: exchanges kept in one SQLite file, written by one process, read by many."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Self, Unpack, override

import apsw

from tanzaku.core import Clock, UserError
from tanzaku.exchange import Exchange
from tanzaku.ledger import _query
from tanzaku.ledger._lock import WriterLock
from tanzaku.ledger._prune import Keeper, Retention
from tanzaku.ledger._query import Conditions, CostRow, Filters, Grouping
from tanzaku.ledger._reconcile import reconcile
from tanzaku.ledger._schema import MIGRATIONS, check_schema, migrate, refuse_foreign
from tanzaku.ledger._settings import LedgerSettings
from tanzaku.ledger._sqlite import connect_reader, connect_writer, ensure_sound_sqlite
from tanzaku.ledger._writer import Opened, Writer
from tanzaku.ledger.errors import LedgerError

_TRIAL_S = 1.0


class LedgerReader:
    """The reading side. Every query blocks; call it from any thread, several at a time.

    A query raises LedgerError when the file cannot be read, or after `close`. It sees what was committed when the query began, also by a writer in another process.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: list[apsw.Connection] = []
        self._is_closed = False
        self._pool_lock = Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def list_exchanges(
        self, *, limit: int = 50, before: str | None = None, **conditions: Unpack[Conditions]
    ) -> list[Exchange]:
        """Exchanges in the order they started, newest first, with empty headers and bodies.

        `limit` is 1 to 1000. `before` is the id of the last exchange of the page before.
        `conditions` are those of Filters. UserError for a limit out of range or an unknown
        `before`.
        """
        with self._connect() as connection:
            return _query.list_exchanges(connection, Filters(**conditions), limit, before)

    def list_after(self, seq: int, filters: Filters) -> list[tuple[int, Exchange]]:
        """What started after the exchange of that sequence number (0: all), oldest first and 1000 at
        most, each with its own number."""
        with self._connect() as connection:
            return _query.list_after(connection, seq, filters)

    def get_exchange(self, exchange_id: str) -> Exchange:
        """One exchange, whole, by its id or a prefix of at least 6 characters that only it has.

        UserError when there is none, or several (it names them).
        """
        with self._connect() as connection:
            return _query.get_exchange(connection, exchange_id)

    def sum_costs(
        self,
        *,
        by: Grouping,
        since: float | None = None,
        until: float | None = None,
    ) -> list[CostRow]:
        """Exact sums for each model that answered, UTC day, route, virtual key, team or tag, ordered
        by that. What has several tags counts for each of them."""
        with self._connect() as connection:
            return _query.sum_costs(connection, by, Filters(since=since, until=until))

    def totals(self, *, since: float | None = None, until: float | None = None) -> CostRow:
        """One sum over everything, its key `total`."""
        with self._connect() as connection:
            return _query.sum_all(connection, Filters(since=since, until=until))

    def find_last_seq(self) -> int:
        """The number of the exchange that started last, 0 where there is none: `list_after` goes on
        from there."""
        with self._connect() as connection:
            return _query.find_last_seq(connection)

    def count_exchanges(self) -> int:
        """How many exchanges have started, at a cost that does not grow with them."""
        with self._connect() as connection:
            return _query.count_exchanges(connection)

    def close(self) -> None:
        """Give the file back. May be called again; a query afterwards raises LedgerError."""
        with self._pool_lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _connect(self) -> Iterator[apsw.Connection]:
        with self._pool_lock:
            if self._is_closed:
                raise LedgerError("The ledger is closed.")
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or connect_reader(self.path)
            yield connection
        except apsw.Error as error:
            raise LedgerError(f"The ledger {self.path} could not be read: {error}") from error
        finally:
            if connection is not None:
                self._give_back(connection)

    def _give_back(self, connection: apsw.Connection) -> None:
        with self._pool_lock:
            is_kept = not self._is_closed
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()


class Ledger(LedgerReader):
    """The writing side and the reading one. Made by `Ledger.open`; close it to flush."""

    def __init__(
        self,
        path: Path,
        writer: Writer,
        resources: ExitStack,
        *,
        clock: Clock,
        settings: LedgerSettings,
        reconciled: int,
    ) -> None:
        super().__init__(path)
        self.reconciled = reconciled
        """How many exchanges a crash had left open when the file was opened."""
        self.lost = 0
        """How many exchanges were not kept, by the policy `best_effort`."""
        self._clock = clock
        self._is_strict = settings.policy == "strict"
        self._tried_at = -_TRIAL_S
        self._writer = writer
        self._resources = resources
        self._opened: dict[str, Opened] = {}

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        clock: Clock,
        settings: LedgerSettings = LedgerSettings(),  # noqa: B008 - frozen
    ) -> Self:
        """Open `path` for writing; None is a private file that `close` deletes. What a crash left
        open is settled with what was reserved for it.

        A missing file is made (mode 0600, its folder too), an older schema is migrated after a
        backup beside it. Not for network file systems. UserError when another process writes the
        file, when it is not a ledger or newer than this Tanzaku, when it cannot be written, or
        when SQLite itself is unsound.
        """
        ensure_sound_sqlite()
        with ExitStack() as resources:
            is_durable = path is not None
            if path is None:
                folder = resources.enter_context(TemporaryDirectory(prefix="tanzaku-"))
                path = Path(folder) / "ledger.db"
            if path.is_dir():
                raise refuse_foreign(path)
            with _explain_failure(path):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                resources.callback(WriterLock(path).release)
                _ensure_own_file(path)
                connection = connect_writer(path, is_durable=is_durable)
                resources.callback(connection.close)
                migrate(connection, path, clock)
                reconciled = reconcile(connection, clock.now())
                writer = Writer(connection, settings.privacy, Keeper(settings.retention, clock))
            return cls(
                path,
                writer,
                resources.pop_all(),
                clock=clock,
                settings=settings,
                reconciled=reconciled,
            )

    @classmethod
    def read(cls, path: Path) -> LedgerReader:
        """Open `path` for reading only, also while another process writes it.

        UserError when it is missing, not a ledger, or of another schema than this Tanzaku's.
        """
        ensure_sound_sqlite()
        if path.is_dir():
            raise refuse_foreign(path)
        with _explain_failure(path):
            version = _read_version(path) if path.is_file() else 0
        if version == 0:
            raise UserError(
                "There is no ledger at {path}.",
                hint="`tanzaku serve` makes it; or name another file with --ledger.",
                path=path,
            )
        if version < len(MIGRATIONS):
            raise UserError(
                "The ledger {path} has the older schema {version}.",
                hint="Start `tanzaku serve` on it once: that makes a backup and brings it up to date.",
                path=path,
                version=version,
            )
        return LedgerReader(path)

    def start(self, exchange: Exchange) -> None:
        """Enqueue the started event, without waiting; it is on disk within about 20 ms.

        Raises LedgerError when `exchange_id` is already under way, when 256 MiB wait to be
        written, or when the ledger is closed. Nothing of what is written may change afterwards. A started
        event that could not be written is written again with its settled one. By the policy
        `strict` it raises too while the disk takes nothing.
        """
        exchange_id = exchange.exchange_id
        if self._is_strict and self._writer.last_error is not None:
            self._ration(self._writer.last_error)
        if exchange_id in self._opened:
            raise LedgerError(f"The exchange {exchange_id} has already started.")
        self._opened[exchange_id] = self._writer.append_started(exchange)

    async def settle(self, exchange: Exchange) -> None:
        """Return once both events of `exchange` are durable; its `settlement` must be set.

        Works from any event loop. Cancelling it does not take the event back. Raises LedgerError
        when the transaction failed (then neither this event nor an unwritten started one is kept),
        when the id is already in the file, or when an amount is not exact. By the policy
        `best_effort` it does not raise for what the disk does not take, and `lost` counts it.
        """
        if exchange.settlement is None:
            raise LedgerError(f"The exchange {exchange.exchange_id} has no settlement.")
        opened = self._opened.pop(exchange.exchange_id, None) or Opened(exchange)
        try:
            await self._writer.append_settled(opened, exchange.settlement)
        except LedgerError:
            if self._is_strict or self._writer.last_error is None:
                raise
            self.lost += 1

    def _ration(self, error: LedgerError) -> None:
        """Let one exchange a second find out whether the disk takes writes again."""
        now = self._clock.monotonic()
        if now < self._tried_at + _TRIAL_S:
            raise LedgerError(f"The ledger takes no writes: {error}") from error
        self._tried_at = now

    def prune(self, retention: Retention) -> None:
        """Let go of what is older, between the writer's transactions; returns when it is gone.

        Blocks. LedgerError when the file cannot be written.
        """
        self._writer.prune(retention, self._clock.now())

    @property
    def under_way(self) -> int:
        """How many exchanges have started and not ended."""
        return len(self._opened)

    @property
    def is_healthy(self) -> bool:
        """Whether `last_error` is None; true before the first transaction."""
        return self._writer.last_error is None

    @property
    def last_error(self) -> LedgerError | None:
        """Why storage refused the last transaction, None when it took it.

        It takes a write to find out that storage has recovered.
        """
        return self._writer.last_error

    @override
    def close(self) -> None:
        """Write everything that waits, then give file and lock back. May be called again."""
        super().close()
        self._writer.close()
        self._resources.close()


@contextmanager
def _explain_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, apsw.Error) as error:
        raise UserError(
            "The ledger {path} cannot be opened: {reason}",
            hint="Check that its folder exists and may be written, or name another with --ledger.",
            path=path,
            reason=error,
        ) from error


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
