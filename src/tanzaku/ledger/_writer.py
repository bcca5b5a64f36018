"""Group commit: one thread writes whatever waits, many exchanges to a transaction.

The thread that appends only appends; rows are built and SQLite runs in the writer's thread. Rows of
one table go in as few statements as possible: each statement gives the interpreter lock away once, and getting
it back from a busy event loop is what costs.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain

import apsw

from tanzaku.exchange import Exchange, Settlement
from tanzaku.ledger._privacy import Privacy, veil_exchange, veil_settlement
from tanzaku.ledger._prune import Keeper, Retention, prune
from tanzaku.ledger._row import (
    SETTLED_COLUMNS,
    STARTED_COLUMNS,
    Row,
    build_settled,
    build_started,
)
from tanzaku.ledger.errors import LedgerError

START_DELAY_S = 0.02
MAX_WAITING_BYTES = 256 << 20
_MAX_BATCH_EVENTS = 512
_MAX_BATCH_BYTES = 16 << 20
_EVENT_BYTES = 1024
_ROWS_PER_STATEMENT = 32
# What one row does to its transaction; anything else is the storage's doing.
_ROW_ERRORS = (
    LedgerError,
    apsw.ConstraintError,
    apsw.MismatchError,
    apsw.TooBigError,
    OverflowError,
    TypeError,
    ValueError,
)


@dataclass(slots=True)
class Opened:
    """An exchange under way, until its started event is on disk under `seq`."""

    exchange: Exchange | None
    seq: int | None = None


@dataclass(slots=True)
class _Event:
    opened: Opened
    settled: Settlement | None
    waiter: asyncio.Future[None] | None
    size: int


class Writer:
    """Owns the writing connection from construction to `close`, which closes it."""

    def __init__(self, connection: apsw.Connection, privacy: Privacy, keeper: Keeper) -> None:
        self._connection = connection
        self._privacy = privacy
        self._keeper = keeper
        self._last_seq = int(connection.execute("SELECT coalesce(max(seq), 0) FROM started").get)
        self._lock = threading.Lock()
        self._has_work = threading.Condition(self._lock)
        self._events: deque[_Event] = deque()
        self._settled_waiting = 0
        self._waiting_bytes = 0
        self._is_closing = False
        self._is_dormant = False
        self.last_error: LedgerError | None = None
        self._thread = threading.Thread(target=self._run, name="tanzaku-ledger", daemon=True)
        self._thread.start()

    def append_started(self, exchange: Exchange) -> Opened:
        """Enqueue a started event; it is on disk with the next settled one or in START_DELAY_S.

        Raises LedgerError when closed, or when MAX_WAITING_BYTES wait already.
        """
        opened = Opened(exchange)
        size = _EVENT_BYTES + len(exchange.request_body)
        with self._lock:
            if self._waiting_bytes + size > MAX_WAITING_BYTES:
                raise LedgerError(
                    f"More than {MAX_WAITING_BYTES >> 20} MiB wait to be written to the ledger."
                )
            self._append(_Event(opened, None, None, size))
            if self._is_dormant:
                self._is_dormant = False
                self._has_work.notify()
        return opened

    def append_settled(self, opened: Opened, settled: Settlement) -> asyncio.Future[None]:
        """Enqueue a settled event; the future, of the running loop, is done once it is durable."""
        waiter = asyncio.get_running_loop().create_future()
        size = _EVENT_BYTES + len(settled.response_body)
        with self._lock:
            self._append(_Event(opened, settled, waiter, size))
            self._settled_waiting += 1
            if self._settled_waiting == 1:
                self._has_work.notify()
        return waiter

    def prune(self, retention: Retention, now: float) -> None:
        """Drop what is older, in slices; see `_prune.prune`."""
        while True:
            with self._lock:
                # The thread holds the lock whenever it does not write.
                try:
                    if prune(self._connection, retention, now) == 0:
                        return
                except apsw.Error as error:
                    raise LedgerError(f"The ledger could not be pruned: {error}") from error

    def close(self) -> None:
        """Write all that waits, then close the connection. May be called again."""
        with self._lock:
            self._is_closing = True
            self._has_work.notify()
        self._thread.join()

    def _append(self, event: _Event) -> None:
        if self._is_closing:
            raise LedgerError("The ledger is closed.")
        self._events.append(event)
        self._waiting_bytes += event.size

    def _run(self) -> None:
        while batch := self._take_batch():
            self._commit(batch)
            self._keep_house()
            with self._lock:
                self._waiting_bytes -= sum(event.size for event in batch)
        self._connection.close()

    def _keep_house(self) -> None:
        try:
            self._keeper.work(self._connection)
        except apsw.Error as error:
            self.last_error = LedgerError(f"The ledger could not be pruned: {error}")

    def _take_batch(self) -> list[_Event]:
        """Wait for work; empty when closing and nothing is left."""
        with self._lock:
            delay: float | None = START_DELAY_S
            while not self._settled_waiting and not self._is_closing:
                self._is_dormant = delay is None
                was_notified = self._has_work.wait(delay)
                if self._events and not was_notified:
                    break
                delay = START_DELAY_S if self._events else None
            batch: list[_Event] = []
            size = 0
            while self._events and len(batch) < _MAX_BATCH_EVENTS and size < _MAX_BATCH_BYTES:
                event = self._events.popleft()
                batch.append(event)
                size += event.size
                self._settled_waiting -= event.settled is not None
            return batch

    def _commit(self, batch: Sequence[_Event]) -> None:
        try:
            self._write(batch)
        except Exception as error:  # noqa: BLE001 - a dead writer would leave waiters hanging
            is_row_error = isinstance(error, _ROW_ERRORS)
            if is_row_error and len(batch) > 1:
                for event in batch:
                    self._commit([event])
                return
            failure = error
            if not isinstance(failure, LedgerError):
                failure = LedgerError(f"The ledger could not be written: {error}")
                failure.__cause__ = error
            if not is_row_error:
                self.last_error = failure
            _wake(batch, failure)
        else:
            self.last_error = None
            _wake(batch, None)

    def _write(self, batch: Sequence[_Event]) -> None:
        fresh: list[Opened] = []
        started: list[Row] = []
        settled: list[Row] = []
        seq = self._last_seq
        try:
            for event in batch:
                opened = event.opened
                if opened.seq is None:
                    assert opened.exchange is not None
                    seq += 1
                    opened.seq = seq
                    fresh.append(opened)
                    started.append(
                        (seq, *build_started(veil_exchange(opened.exchange, self._privacy)))
                    )
                if event.settled is not None:
                    settled.append(
                        (opened.seq, *build_settled(veil_settlement(event.settled, self._privacy)))
                    )
            self._connection.execute("BEGIN IMMEDIATE")
            self._insert("started", STARTED_COLUMNS, started)
            self._insert("settled", SETTLED_COLUMNS, settled)
            self._connection.execute("COMMIT")
        except BaseException:
            for opened in fresh:
                opened.seq = None
            if self._connection.in_transaction:
                with suppress(apsw.Error):
                    self._connection.execute("ROLLBACK")
            raise
        self._last_seq = seq
        for opened in fresh:
            opened.exchange = None

    def _insert(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        for begin in range(0, len(rows), _ROWS_PER_STATEMENT):
            part = rows[begin : begin + _ROWS_PER_STATEMENT]
            statement = _render_insert(table, columns, len(part))
            self._connection.execute(statement, tuple(chain.from_iterable(part)))


@cache
def _render_insert(table: str, columns: tuple[str, ...], count: int) -> str:
    row = f"({', '.join('?' * (len(columns) + 1))})"
    return f"INSERT INTO {table} (seq, {', '.join(columns)}) VALUES {', '.join([row] * count)}"


def _wake(batch: Sequence[_Event], error: LedgerError | None) -> None:
    waiters: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for event in batch:
        if event.waiter is not None:
            waiters.setdefault(event.waiter.get_loop(), []).append(event.waiter)
    for loop, futures in waiters.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, futures, error)


def _resolve(futures: list[asyncio.Future[None]], error: LedgerError | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
