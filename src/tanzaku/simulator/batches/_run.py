"""Working a batch off: its requests out of the shelf, answered one by one, its results into it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field, replace
from itertools import accumulate
from typing import Any, Final

from pydantic_core import from_json, to_json

from tanzaku.core import Clock, end_tasks
from tanzaku.ledger import LedgerError, Shelf, ShelfRow
from tanzaku.simulator._chance import Chance
from tanzaku.simulator.batches._life import BatchLife, Outcome
from tanzaku.transport import HeaderList
from tanzaku.wire import ApiError

type Message = dict[str, Any]

type AnswerItem = Callable[[dict[str, Any], HeaderList, str], Awaitable[Message | ApiError]]
"""Answers the `params` of one request of a batch, given the headers its batch came with (those
named `anthropic-*`) and its `custom_id`. An ApiError may also be raised."""

type Dequeue = Callable[[Message | None, str], None]
"""Told of each request that has left the queue: its message when it is to be paid for, and the
workspace."""

BATCH: Final = "batch"
BATCH_REQUESTS: Final = "batch_requests"
BATCH_RESULTS: Final = "batch_results"

_PART_BYTES = 256 * 1024
_STEPS = 256
_LEAST_SLEEP_S = 0.05
_PAUSE_S = 5.0

_log = logging.getLogger("tanzaku.simulator")


@dataclass(slots=True)
class Batch:
    """A batch at work. `sizes` has the number of requests in each part on the shelf, `results` is
    how many parts of results are there.

    Requests are taken in an order of the batch's own: part after part in one order, those of a part
    in another.
    """

    id: str
    life: BatchLife
    workspace: str
    headers: HeaderList
    sizes: list[int]
    results: int = 0
    waiting: bytearray = field(default_factory=bytearray)
    window: list[dict[str, Any]] = field(default_factory=list)
    work: asyncio.Task[None] | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def to_row(self, life: BatchLife) -> ShelfRow:
        facts = {
            "life": asdict(life),
            "workspace": self.workspace,
            "headers": [[line.decode("latin-1") for line in pair] for pair in self.headers],
            "sizes": self.sizes,
            "results": self.results,
        }
        return ShelfRow(BATCH, self.id, self.life.created_at, facts=to_json(facts))

    @classmethod
    def from_row(cls, row: ShelfRow) -> "Batch":
        facts = from_json(row.facts)
        return cls(
            row.id,
            BatchLife(**facts["life"]),
            facts["workspace"],
            [(name.encode("latin-1"), value.encode("latin-1")) for name, value in facts["headers"]],
            facts["sizes"],
            facts["results"],
        )


class BatchRunner:
    """Brings batches to where they should be by now: in the background as time goes by, or when
    somebody looks."""

    def __init__(self, answer: AnswerItem, *, shelf: Shelf, clock: Clock, dequeue: Dequeue) -> None:
        self._answer = answer
        self._shelf = shelf
        self._clock = clock
        self._dequeue = dequeue
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, batch: Batch) -> None:
        """Work in the background, as the clock goes. Only for a batch that takes time."""
        task = asyncio.create_task(self._drive(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def catch_up(self, batch: Batch) -> None:
        """Return when all is done that is due by now. The work goes on when the caller leaves."""
        while batch.life.is_behind(self._clock.now()):
            if batch.work is None:
                batch.work = asyncio.create_task(self._bring_up(batch))
                self._tasks.add(batch.work)
                batch.work.add_done_callback(self._tasks.discard)
            await asyncio.shield(batch.work)

    async def close(self) -> None:
        """Leave off. What is not on the shelf is done again by who opens it next."""
        await end_tasks(*self._tasks)

    async def _drive(self, batch: Batch) -> None:
        step = max(1, batch.life.total // _STEPS)
        while batch.life.ended_at is None:
            pause_s = 0.0
            try:
                await self.catch_up(batch)
            except LedgerError as error:
                _log.error("batch %s waits: %s", batch.id, error)
                pause_s = _PAUSE_S
            wait_s = batch.life.next_due_at(step) - self._clock.now()
            await self._clock.sleep(max(wait_s, pause_s, _LEAST_SLEEP_S))

    async def _bring_up(self, batch: Batch) -> None:
        try:
            life = batch.life
            while life.done < life.due(self._clock.now()):
                await self._do_next(batch)
                await asyncio.sleep(0)
            if self._clock.now() >= life.ends_at:
                await self._finish(batch)
        finally:
            batch.work = None

    async def _do_next(self, batch: Batch) -> None:
        item = await self._read_next(batch)
        custom_id = item["custom_id"]
        outcome = await self._ask(batch, item["params"], custom_id)
        if isinstance(outcome, ApiError):
            self._record(batch, custom_id, {"type": "errored", "error": _build_error(outcome)})
        else:
            self._record(batch, custom_id, {"type": "succeeded", "message": outcome}, outcome)
        if len(batch.waiting) >= _PART_BYTES:
            await self.save(batch)

    async def _ask(
        self, batch: Batch, params: dict[str, Any], custom_id: str
    ) -> Message | ApiError:
        try:
            return await self._answer(params, batch.headers, custom_id)
        except ApiError as error:
            return error
        except Exception:  # noqa: BLE001 - one request of a batch does not stop the others
            _log.exception("a request of batch %s failed", batch.id)
            return ApiError.internal()

    async def _finish(self, batch: Batch) -> None:
        life = batch.life
        leftover = life.leftover
        while life.done < life.total:
            item = await self._read_next(batch)
            self._record(batch, item["custom_id"], {"type": leftover})
            if len(batch.waiting) >= _PART_BYTES:
                await self.save(batch)
        await self.save(batch, is_over=True)
        await self._shelf.drop(BATCH_REQUESTS, batch.id)

    def _record(
        self, batch: Batch, custom_id: str, result: dict[str, Any], paid: Message | None = None
    ) -> None:
        outcome: Outcome = result["type"]
        batch.window.pop()
        batch.waiting += to_json({"custom_id": custom_id, "result": result}) + b"\n"
        batch.life.record(outcome)
        self._dequeue(paid, batch.workspace)

    async def _read_next(self, batch: Batch) -> dict[str, Any]:
        if not batch.window:
            part, taken = _locate(batch, batch.life.done)
            row = await self._shelf.get(BATCH_REQUESTS, batch.id, part)
            if row is None:
                raise LedgerError(f"The requests of batch {batch.id} are gone.")
            requests = from_json(row.body)["requests"]
            order = shuffle(len(requests), Chance("batch", batch.id, part))
            batch.window = [requests[at] for at in reversed(order[taken:])]
        return batch.window[-1]

    async def save(self, batch: Batch, *, is_over: bool = False) -> None:
        """Write the waiting results, and how far the batch is, in one transaction. When it is over,
        it has ended with that."""
        async with batch.lock:
            life = replace(batch.life)
            if is_over:
                life.end()
            part, waiting = batch.results, bytes(batch.waiting)
            rows = []
            if waiting:
                batch.results += 1
                rows.append(
                    ShelfRow(
                        BATCH_RESULTS,
                        batch.id,
                        life.created_at,
                        part,
                        body=waiting,
                        expires_at=life.results_until,
                    )
                )
            try:
                await self._shelf.put(*rows, batch.to_row(life))
            except BaseException:
                batch.results = part
                raise
            batch.life.ended_at = life.ended_at
            del batch.waiting[: len(waiting)]


async def iter_results(batch: Batch, shelf: Shelf) -> AsyncIterator[bytes]:
    """The lines of an ended batch, many at a time."""
    for part in range(batch.results):
        row = await shelf.get(BATCH_RESULTS, batch.id, part)
        if row is None:
            raise LedgerError(f"The results of batch {batch.id} are gone.")
        yield row.body


def shuffle(count: int, chance: Chance) -> list[int]:
    """The numbers below `count` in an order of chance."""
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        other = chance.below(last + 1)
        order[last], order[other] = order[other], order[last]
    return order


def _locate(batch: Batch, done: int) -> tuple[int, int]:
    """The part that the next request is taken from, and how many of it were taken before."""
    order = shuffle(len(batch.sizes), Chance("batch", batch.id))
    ends = accumulate(batch.sizes[part] for part in order)
    for part, end in zip(order, ends, strict=True):
        if done < end:
            return part, done - (end - batch.sizes[part])
    raise LedgerError(f"Batch {batch.id} has no request {done}.")


def _build_error(error: ApiError) -> dict[str, Any]:
    """The envelope inside an errored result. That it holds `error_visibility` and no request id was
    seen in public captures of September 2026."""
    details = {"error_visibility": "user_facing"}
    if error.error_code is not None:
        details["error_code"] = error.error_code
    return {
        "type": "error",
        "error": {"details": details, "type": error.error_type, "message": error.message},
        "request_id": None,
    }
