"""The ledger: exchanges kept by one engine, written by one process, read by many."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Self, Unpack, override

from tanzaku.core import Clock
from tanzaku.exchange import Exchange
from tanzaku.ledger import _query
from tanzaku.ledger._database import Database, Engine
from tanzaku.ledger._engine import Place, find_engine
from tanzaku.ledger._file import FileEngine
from tanzaku.ledger._prune import Keeper, Pruning, Retention
from tanzaku.ledger._query import Conditions, CostRow, Filters, Grouping
from tanzaku.ledger._reconcile import reconcile
from tanzaku.ledger._settings import LedgerSettings
from tanzaku.ledger._writer import Opened, Writer
from tanzaku.ledger.errors import LedgerError, StorageError

_TRIAL_S = 1.0


class LedgerReader:
    """The reading side. Every query blocks; call it from any thread, several at a time.

    A query raises LedgerError when the ledger cannot be read, or after `close`. It sees what was
    committed when the query began, also by a writer in another process.
    """

    def __init__(self, engine: Engine) -> None:
        self.name = engine.name
        """How messages call it: the file's path, or the database's URL without a password."""
        self.path = Path(engine.name)
        """The file's path, for a ledger in one."""
        self._engine = engine
        self._idle: list[Database] = []
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
        return self._ask(
            lambda database: _query.list_exchanges(database, Filters(**conditions), limit, before)
        )

    def list_after(self, seq: int, filters: Filters) -> list[tuple[int, Exchange]]:
        """What started after the exchange of that sequence number (0: all), oldest first and 1000 at
        most, each with its own number."""
        return self._ask(lambda database: _query.list_after(database, seq, filters))

    def get_exchange(self, exchange_id: str) -> Exchange:
        """One exchange, whole, by its id or a prefix of at least 6 characters that only it has.

        UserError when there is none, or several (it names them).
        """
        return self._ask(lambda database: _query.get_exchange(database, exchange_id))

    def sum_costs(self, *, by: Grouping, **conditions: Unpack[Conditions]) -> list[CostRow]:
        """Exact sums for each model that answered, UTC day, route, virtual key, team or tag, ordered
        by that. What has several tags counts for each of them. `conditions` are those of Filters."""
        return self._ask(lambda database: _query.sum_costs(database, by, Filters(**conditions)))

    def totals(self, **conditions: Unpack[Conditions]) -> CostRow:
        """One sum over everything that meets `conditions`, its key `total`."""
        return self._ask(lambda database: _query.sum_all(database, Filters(**conditions)))

    def find_last_seq(self) -> int:
        """The number of the exchange that started last, 0 where there is none: `list_after` goes on
        from there."""
        return self._ask(_query.find_last_seq)

    def count_exchanges(self) -> int:
        """How many exchanges have started, at a cost that does not grow with them."""
        return self._ask(_query.count_exchanges)

    def count_gaps(self) -> int:
        """How many exchanges were answered and not kept, as far as that could be noted."""
        return self._ask(_query.count_gaps)

    def close(self) -> None:
        """Give the file back. May be called again; a query afterwards raises LedgerError."""
        with self._pool_lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _ask[T](self, question: Callable[[Database], T]) -> T:
        while True:
            with self._pool_lock:
                if self._is_closed:
                    raise LedgerError("The ledger is closed.")
                database = self._idle.pop() if self._idle else None
            was_idle = database is not None
            if database is None:
                database = self._engine.connect_reader()
            try:
                return question(database)
            except database.errors as error:
                # One that was lost while nobody used it says nothing about the next.
                if not (was_idle and database.is_lost):
                    raise LedgerError(
                        f"The ledger {self.name} could not be read: {error}"
                    ) from error
            finally:
                self._give_back(database)

    def _give_back(self, database: Database) -> None:
        with self._pool_lock:
            is_kept = not self._is_closed and not database.is_lost
            if is_kept:
                self._idle.append(database)
        if not is_kept:
            database.close()


class Ledger(LedgerReader):
    """The writing side and the reading one. Made by `Ledger.open`; close it to flush."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        resources: ExitStack,
        *,
        clock: Clock,
        settings: LedgerSettings,
        reconciled: int,
    ) -> None:
        super().__init__(engine)
        self.reconciled = reconciled
        """How many exchanges a crash had left open when the ledger was opened."""
        self._clock = clock
        self._is_strict = settings.policy == "strict"
        self._tried_at = -_TRIAL_S
        self._writer = writer
        self._resources = resources
        self._opened: dict[str, Opened] = {}

    @classmethod
    def open(
        cls,
        place: Place | None,
        *,
        clock: Clock,
        settings: LedgerSettings = LedgerSettings(),  # noqa: B008 - frozen
    ) -> Self:
        """Open a ledger for writing: a file, or the URL of a PostgreSQL database; None is a private
        file that `close` deletes. What a crash left open is settled with what was reserved for it.

        A missing file is made (mode 0600, its folder too), and so are missing tables; an older
        schema is migrated, a file after a backup beside it. No files on network file systems.
        UserError when another process writes it, when it is not a ledger or newer than this
        Tanzaku, when it cannot be written or reached, or when SQLite itself is unsound.
        """
        with ExitStack() as resources:
            if place is None:
                folder = resources.enter_context(TemporaryDirectory(prefix="tanzaku-"))
                engine: Engine = FileEngine(Path(folder) / "ledger.db", is_durable=False)
            else:
                engine = find_engine(place)
            database = engine.open_writer(resources, clock)
            try:
                reconciled = reconcile(database, clock.now())
                keeper = Keeper(settings.retention, clock)
                writer = Writer(database, settings.privacy, keeper, clock)
            except database.errors as error:
                raise engine.explain(error) from error
            return cls(
                engine,
                writer,
                resources.pop_all(),
                clock=clock,
                settings=settings,
                reconciled=reconciled,
            )

    @classmethod
    def read(cls, place: Place) -> LedgerReader:
        """Open a ledger for reading only, also while another process writes it.

        UserError when it is missing, not a ledger, or of another schema than this Tanzaku's.
        """
        engine = find_engine(place)
        engine.check()
        return LedgerReader(engine)

    def start(self, exchange: Exchange) -> None:
        """Enqueue the started event, without waiting; it is on disk within about 20 ms.

        Raises LedgerError when `exchange_id` is already under way, when 256 MiB wait to be
        written, or when the ledger is closed. Nothing of what is written may change afterwards. A started
        event that could not be written is written again with its settled one. By the policy
        `strict` it raises too while storage takes nothing, which is tried again once a second.
        """
        exchange_id = exchange.exchange_id
        if self._is_strict and self._writer.last_error is not None:
            self._try_again()
            raise LedgerError(f"The ledger takes no writes: {self._writer.last_error}")
        if exchange_id in self._opened:
            raise LedgerError(f"The exchange {exchange_id} has already started.")
        self._opened[exchange_id] = self._writer.append_started(exchange)

    async def settle(self, exchange: Exchange) -> None:
        """Return once both events of `exchange` are durable; its `settlement` must be set.

        Works from any event loop. Cancelling it does not take the event back. Raises LedgerError
        when the transaction failed (then neither this event nor an unwritten started one is kept),
        when the id is already in the file, or when an amount is not exact. By the policy
        `best_effort` it does not raise for what storage does not take. `lost` counts it either way.
        """
        if exchange.settlement is None:
            raise LedgerError(f"The exchange {exchange.exchange_id} has no settlement.")
        opened = self._opened.pop(exchange.exchange_id, None) or Opened(exchange)
        try:
            await self._writer.append_settled(opened, exchange.settlement)
        except StorageError:
            self._writer.count_lost()
            if self._is_strict:
                raise

    def _try_again(self) -> None:
        now = self._clock.monotonic()
        if now >= self._tried_at + _TRIAL_S:
            self._tried_at = now
            self._writer.run(self._writer.probe)

    def prune(self, retention: Retention) -> None:
        """Let go of what is older or too much, between the writer's transactions; returns when it is
        gone.

        Blocks. LedgerError when the ledger cannot be written.
        """
        pruning = Pruning(retention, self._clock.now())
        while self._writer.run(pruning.work).result():
            pass

    @property
    def lost(self) -> int:
        """How many exchanges were answered since the start and are not kept."""
        return self._writer.lost

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
