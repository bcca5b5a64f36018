"""Group commit: one thread writes whatever waits, many exchanges to a transaction.

The thread that appends only appends; rows are built and the database runs in the writer's thread.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from tanzaku.core import Clock
from tanzaku.exchange import Exchange, Settlement
from tanzaku.ledger._database import Database, Row
from tanzaku.ledger._privacy import Privacy, veil_exchange, veil_settlement
from tanzaku.ledger._prune import Keeper
from tanzaku.ledger._query import find_last_seq
from tanzaku.ledger._reconcile import mark_settled
from tanzaku.ledger._row import (
    SETTLED_COLUMNS,
    STARTED_COLUMNS,
    build_settled,
    build_started,
)
from tanzaku.ledger.errors import LedgerError, StorageError

START_DELAY_S = 0.02
MAX_WAITING_BYTES = 256 << 20
# After a transaction that settled so many exchanges the next one gathers for so long: fewer
# transactions cost a busy server a tenth less CPU a call. Who comes alone never waits.
_MANY = 4
_GATHER_S = 0.001
_MAX_BATCH_EVENTS = 512
_MAX_BATCH_BYTES = 16 << 20
_EVENT_BYTES = 1024
_PROBE_BYTES = 64 << 10
_STARTED = ("seq", *STARTED_COLUMNS)
_SETTLED = ("seq", *SETTLED_COLUMNS)

type Job = Callable[[Database], object]


@dataclass(slots=True)
class Opened:
    """An exchange under way, until its started event is on disk under `seq`."""

    exchange: Exchange | None
    seq: int | None = None
    is_doubtful: bool = False
    """Whether the connection was lost while it was written: it may be on disk or not."""


@dataclass(slots=True)
class _Event:
    opened: Opened
    settled: Settlement | None
    waiter: asyncio.Future[None] | None
    size: int


class Writer:
    """Owns the writing connection from construction to `close`, which closes it."""

    def __init__(self, database: Database, privacy: Privacy, keeper: Keeper, clock: Clock) -> None:
        self._database = database
        self._failures: tuple[type[Exception], ...] = (LedgerError, *database.errors)
        self._privacy = privacy
        self._keeper = keeper
        self._clock = clock
        self._last_seq = find_last_seq(database)
        self._lock = threading.Lock()
        self._has_work = threading.Condition(self._lock)
        self._events: deque[_Event] = deque()
        self._jobs: deque[tuple[Job, Future[object]]] = deque()
        self._settled_waiting = 0
        self._waiting_bytes = 0
        self._is_closing = False
        self._is_dormant = False
        self._unsettled = 0
        self._is_certain = True
        self._is_busy = False
        self._is_tidy = keeper.wakes_after_s is None
        self._reason = ""
        self._unnoted = 0
        self.lost = 0
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

    def run(self, job: Job) -> Future[object]:
        """Have `job` done between two transactions, in the writer's thread."""
        done: Future[object] = Future()
        with self._lock:
            if self._is_closing:
                raise LedgerError("The ledger is closed.")
            self._jobs.append((job, done))
            self._is_dormant = False
            self._has_work.notify()
        return done

    def probe(self, database: Database) -> None:
        """A Job that finds out whether storage takes writes again, and says so in `last_error`."""
        try:
            self._recover()
            # Into free pages and out again: what has room for this has room for a few exchanges.
            with database.transaction():
                database.fetch("INSERT INTO probe VALUES (:body)", {"body": bytes(_PROBE_BYTES)})
            with database.transaction():
                database.fetch("DELETE FROM probe")
        except self._failures as error:
            self.last_error = _explain(error)
        else:
            self.last_error = None
            self._note_gap()

    def count_lost(self) -> None:
        """An exchange has been answered and is not kept. That is noted once something can be."""
        with self._lock:
            self.lost += 1
            self._unnoted += 1

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
        while not self._is_over():
            batch = self._take_batch()
            if batch:
                self._commit(batch)
                with self._lock:
                    self._waiting_bytes -= sum(event.size for event in batch)
            self._keep_house()
        self._close_books()
        self._database.close()

    def _is_over(self) -> bool:
        with self._lock:
            return self._is_closing and not self._events and not self._jobs

    def _keep_house(self) -> None:
        """What is done between transactions: jobs, what retention lets go of, gaps."""
        self._is_tidy = True
        while self._jobs:
            job, done = self._jobs.popleft()
            try:
                done.set_result(job(self._database))
            except self._failures as error:
                done.set_exception(_explain(error))
        if self.last_error is None:
            self._note_gap()
            try:
                self._is_tidy = not self._keeper.work(self._database)
            except self._database.errors as error:
                self.last_error = _explain(error)

    def _note_gap(self) -> None:
        with self._lock:
            lost, self._unnoted = self._unnoted, 0
        if not lost:
            return
        values = {"now": self._clock.now(), "lost": lost, "reason": self._reason}
        try:
            with self._database.transaction():
                self._database.fetch("INSERT INTO gap VALUES (:now, :lost, :reason)", values)
        except self._database.errors as error:
            self.last_error = _explain(error)
            with self._lock:
                self._unnoted += lost

    def _close_books(self) -> None:
        """After a clean end nothing has to be looked through at the next start."""
        if self._is_certain and not self._unsettled:
            with suppress(*self._database.errors), self._database.transaction():
                mark_settled(self._database, self._last_seq)

    def _take_batch(self) -> list[_Event]:
        """Wait for work; empty when there is other work, or when closing and nothing is left."""
        with self._lock:
            delay: float | None = START_DELAY_S
            while not (self._settled_waiting or self._jobs or self._is_closing):
                if not self._is_tidy:
                    break
                self._is_dormant = delay is None or delay == self._keeper.wakes_after_s
                was_notified = self._has_work.wait(delay)
                if not was_notified and (self._events or self._is_dormant):
                    break
                delay = START_DELAY_S if self._events else self._keeper.wakes_after_s
            self._is_dormant = False
            if self._is_busy and not self._is_closing:
                self._has_work.wait(_GATHER_S)
            batch: list[_Event] = []
            size, waiting = 0, self._settled_waiting
            while self._events and len(batch) < _MAX_BATCH_EVENTS and size < _MAX_BATCH_BYTES:
                event = self._events.popleft()
                batch.append(event)
                size += event.size
                self._settled_waiting -= event.settled is not None
            self._is_busy = waiting - self._settled_waiting >= _MANY
            return batch

    def _commit(self, batch: Sequence[_Event]) -> None:
        try:
            self._write(batch)
        except Exception as error:  # noqa: BLE001 - a dead writer would leave waiters hanging
            is_row_error = isinstance(error, self._database.row_errors) and not isinstance(
                error, StorageError
            )
            if is_row_error and len(batch) > 1:
                for event in batch:
                    self._commit([event])
                return
            failure = _explain(error, StorageError if not is_row_error else LedgerError)
            if not is_row_error:
                self.last_error = failure
                self._reason = str(failure)
            _wake(batch, failure)
        else:
            self.last_error = None
            _wake(batch, None)

    def _write(self, batch: Sequence[_Event]) -> None:
        self._recover()
        fresh: list[Opened] = []
        started: list[Row] = []
        settled: list[Row] = []
        seq = self._last_seq
        try:
            for event in batch:
                opened = event.opened
                if opened.is_doubtful:
                    self._look_up(opened)
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
            with self._database.transaction():
                self._database.insert("started", _STARTED, started)
                self._database.insert("settled", _SETTLED, settled)
        except BaseException:
            for opened in fresh:
                opened.seq = None
                opened.is_doubtful = self._database.is_lost
            raise
        self._last_seq = seq
        self._unsettled += len(fresh) - len(settled)
        for opened in fresh:
            opened.exchange = None

    def _recover(self) -> None:
        if self._database.recover():
            # The last transaction may have been kept, though nobody was told.
            self._is_certain = False
            self._last_seq = find_last_seq(self._database)

    def _look_up(self, opened: Opened) -> None:
        assert opened.exchange is not None
        rows = self._database.fetch(
            "SELECT seq FROM started WHERE exchange_id = :id",
            {"id": opened.exchange.exchange_id},
        )
        opened.is_doubtful = False
        if rows:
            opened.seq, opened.exchange = rows[0][0], None


def _explain(error: Exception, kind: type[LedgerError] = StorageError) -> LedgerError:
    if isinstance(error, LedgerError):
        return error
    explained = kind(f"The ledger could not be written: {error}")
    explained.__cause__ = error
    return explained


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
