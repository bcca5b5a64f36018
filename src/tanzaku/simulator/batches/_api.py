"""`/v1/messages/batches` and what is below it."""

import asyncio
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from tanzaku.core import Clock, derive_id
from tanzaku.ledger import Shelf, ShelfRow
from tanzaku.simulator._chance import Chance
from tanzaku.simulator._families import refuse_method
from tanzaku.simulator._pages import cut_page
from tanzaku.simulator._replies import Head, reply_json
from tanzaku.simulator.batches._life import BatchLife
from tanzaku.simulator.batches._run import (
    BATCH,
    BATCH_REQUESTS,
    BATCH_RESULTS,
    AnswerItem,
    Batch,
    BatchRunner,
    Dequeue,
    iter_results,
)
from tanzaku.simulator.batches._split import split_batch
from tanzaku.transport import HttpRequest, HttpResponse, get_header
from tanzaku.wire import (
    RETRY_AFTER,
    ApiError,
    DeletedBatch,
    MessageBatch,
    Violation,
    parse_body,
    parse_query,
    validate_batch_create,
)

MAX_BATCH_BODY_BYTES = 256 * 1024 * 1024
MAX_BATCH_REQUESTS = 100_000

_PATH = "/v1/messages/batches"
_ROUTE = re.compile(rf"{_PATH}(?:/(?P<name>[^/]+)(?P<action>/cancel|/results)?)?")
_RULE = "batches"
_JSON_LINES = (b"content-type", b"application/x-jsonl")
# What a poll of a batch at work was answered with in public captures of September 2026.
_POLL_AGAIN = (RETRY_AFTER, b"10")
_KEPT_HEADERS = b"anthropic-"
_WRITE_BYTES = 4 * 1024 * 1024
_ANY_REQUEST = {"custom_id": "any", "params": {}}


class BatchesApi:
    """Creates, shows, lists, cancels and deletes batches, and streams their results.

    `answer` answers one request of a batch (its `usage` says `service_tier: "batch"`). `enqueue` is
    called with the number of requests and the workspace of a batch about to be created and may
    refuse it with an ApiError; `dequeue` with each request that leaves the queue.

    `speed` says how many times as fast as the real service batches are worked off: 1 is as slow as
    that one. At infinity, the default, nothing runs in the background: a batch is worked off when
    somebody looks at it first (retrieves or lists it, or asks for its results), so that equal
    sequences of requests give equal bytes. On a clock that stands still nothing gets done before it
    moves.
    """

    def __init__(
        self,
        answer: AnswerItem,
        *,
        shelf: Shelf,
        clock: Clock,
        speed: float = math.inf,
        enqueue: Callable[[int, str], None] = lambda requests, workspace: None,
        dequeue: Dequeue = lambda message, workspace: None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed is {speed}; it must be above 0")
        self._shelf = shelf
        self._clock = clock
        self._speed = speed
        self._enqueue = enqueue
        self._runner = BatchRunner(answer, shelf=shelf, clock=clock, dequeue=dequeue)
        self._batches: dict[str, Batch] = {}
        self._places: dict[str, int] = {}
        self._is_loaded = False
        self._loading = asyncio.Lock()

    async def close(self) -> None:
        """Leave off working, and write what is done. The shelf is left to whoever opened it."""
        await self._runner.close()
        for batch in self._batches.values():
            if batch.waiting:
                await self._runner.save(batch)

    async def __call__(self, request: HttpRequest, body: bytes, head: Head) -> HttpResponse:
        """Answer a request below /v1/messages/batches; ApiError for whatever is wrong with it.

        `body` is the request's without its content-encoding. `head.request_id` must be new: the id
        of a batch follows from it.
        """
        await self._load()
        head.rule = _RULE
        path, _, query = request.target.partition("?")
        route = _ROUTE.fullmatch(path)
        if route is None:
            raise ApiError.not_found()
        match (request.method, route["name"], route["action"]):
            case ("POST", None, None):
                return self._show(await self._create(request, body, head), request, head)
            case ("GET", None, None):
                return reply_json(await self._list(query, request, head), head)
            case ("GET", str(name), None):
                return await self._retrieve(self._find(name, head), request, head)
            case ("DELETE", str(name), None):
                return reply_json(await self._delete(self._find(name, head)), head)
            case ("POST", str(name), "/cancel"):
                return await self._cancel(self._find(name, head), request, head)
            case ("GET", str(name), "/results"):
                return await self._send_results(self._find(name, head), head)
            case _:
                methods = {"/cancel": ("POST",), "/results": ("GET",)}
                item = methods.get(route["action"], ("GET", "DELETE"))
                raise refuse_method(*(item if route["name"] else ("GET", "POST")))

    async def _create(self, request: HttpRequest, body: bytes, head: Head) -> Batch:
        now = self._clock.now()
        await self._shelf.purge(now)
        batch_id = self._choose_id(head.request_id)
        workspace = _name_workspace(head)
        try:
            sizes = await self._keep_requests(batch_id, body, now)
            total = sum(sizes)
            self._enqueue(total, workspace)
            life = BatchLife.begin(total, now, self._speed, Chance("batch", batch_id, "life"))
            headers = [line for line in request.headers if line[0].startswith(_KEPT_HEADERS)]
            batch = Batch(batch_id, life, workspace, headers, sizes)
            await self._shelf.put(batch.to_row(life))
        except BaseException:
            await self._shelf.drop(BATCH_REQUESTS, batch_id)
            raise
        self._add(batch)
        return batch

    async def _keep_requests(self, batch_id: str, body: bytes, now: float) -> list[int]:
        """Check the requests of a batch and put them on the shelf; how many are in each part."""
        sizes: list[int] = []
        waiting: list[ShelfRow] = []
        seen: set[str] = set()
        for part in split_batch(body):
            requests = _read_part(part, sum(sizes), seen)
            row = ShelfRow(BATCH_REQUESTS, batch_id, now, len(sizes), body=part)
            sizes.append(len(requests))
            if len(seen) <= MAX_BATCH_REQUESTS:
                waiting.append(row)
            if sum(len(row.body) for row in waiting) >= _WRITE_BYTES:
                await self._shelf.put(*waiting)
                waiting.clear()
            await asyncio.sleep(0)
        if len(seen) > MAX_BATCH_REQUESTS:
            too_many = validate_batch_create({"requests": [_ANY_REQUEST] * len(seen)})
            raise ApiError.from_violation(too_many[0])
        await self._shelf.put(*waiting)
        return sizes

    async def _list(self, query: str, request: HttpRequest, head: Head) -> dict[str, Any]:
        wanted = parse_query(query, "batches")
        workspace = _name_workspace(head)
        batches = [one for one in self._batches.values() if one.workspace == workspace]
        batches.reverse()
        page = cut_page(batches, self._places, wanted)
        for batch in page.items:
            await self._runner.catch_up(batch)
        return page.show([self._describe(batch, request) for batch in page.items])

    async def _retrieve(self, batch: Batch, request: HttpRequest, head: Head) -> HttpResponse:
        await self._runner.catch_up(batch)
        if batch.life.ended_at is None:
            head.more.append(_POLL_AGAIN)
        return self._show(batch, request, head)

    async def _cancel(self, batch: Batch, request: HttpRequest, head: Head) -> HttpResponse:
        batch.life.cancel(batch.id, self._clock.now())
        await self._runner.save(batch)
        return self._show(batch, request, head)

    async def _delete(self, batch: Batch) -> DeletedBatch:
        await self._runner.catch_up(batch)
        if batch.life.ended_at is None:
            raise ApiError.invalid_request(
                "In progress batches cannot be deleted. Consider canceling the batch instead."
            )
        del self._batches[batch.id]
        await self._shelf.drop(BATCH, batch.id)
        await self._shelf.drop(BATCH_RESULTS, batch.id)
        return {"id": batch.id, "type": "message_batch_deleted"}

    async def _send_results(self, batch: Batch, head: Head) -> HttpResponse:
        await self._runner.catch_up(batch)
        if not batch.life.has_results(self._clock.now()):
            raise ApiError.not_found(f"Message Batch {batch.id} has no available results.")
        return HttpResponse(200, head.to_headers(_JSON_LINES), iter_results(batch, self._shelf))

    def _show(self, batch: Batch, request: HttpRequest, head: Head) -> HttpResponse:
        return reply_json(self._describe(batch, request), head)

    def _describe(self, batch: Batch, request: HttpRequest) -> MessageBatch:
        host = get_header(request.headers, b"host")
        origin = f"http://{host.decode('latin-1')}" if host else ""
        results_url = f"{origin}{_PATH}/{batch.id}/results"
        return batch.life.describe(batch.id, self._clock.now(), results_url)

    def _find(self, name: str, head: Head) -> Batch:
        batch_id = unquote(name)
        batch = self._batches.get(batch_id)
        if batch is None or batch.workspace != _name_workspace(head):
            raise ApiError.unknown_batch(batch_id)
        return batch

    def _choose_id(self, request_id: str) -> str:
        """An id that follows from the request's, unless an earlier run has given it away."""
        number = 0
        while (batch_id := derive_id("msgbatch", request_id, number)) in self._places:
            number += 1
        return batch_id

    def _add(self, batch: Batch) -> None:
        self._batches[batch.id] = batch
        self._places[batch.id] = len(self._places)
        if batch.life.ended_at is None and batch.life.duration_s > 0:
            self._runner.start(batch)

    async def _load(self) -> None:
        """Once: what the shelf holds from an earlier run."""
        async with self._loading:
            if self._is_loaded:
                return
            await self._shelf.purge(self._clock.now())
            rows = await self._shelf.read_all(BATCH)
            orphans = {row.id for row in await self._shelf.read_all(BATCH_REQUESTS)}
            self._is_loaded = True
        for batch in map(Batch.from_row, rows):
            self._add(batch)
            if batch.life.ended_at is None:
                orphans.discard(batch.id)
                with suppress(ApiError):
                    self._enqueue(batch.life.total - batch.life.done, batch.workspace)
        for batch_id in orphans:
            await self._shelf.drop(BATCH_REQUESTS, batch_id)


def _read_part(part: bytes, first: int, seen: set[str]) -> list[dict[str, Any]]:
    """The requests in a part of a batch whose first one is number `first`, added to `seen`."""
    parsed = parse_body(part)
    violations = validate_batch_create(parsed)
    if violations:
        raise ApiError.from_violation(_renumber(violations[0], first))
    requests: list[dict[str, Any]] = parsed["requests"]
    fresh = {request["custom_id"] for request in requests}
    if not seen.isdisjoint(fresh):
        twice = next(one for one in requests if one["custom_id"] in seen)
        raise ApiError.from_violation(validate_batch_create({"requests": [twice, twice]})[0])
    seen |= fresh
    return requests


def _renumber(violation: Violation, first: int) -> Violation:
    """`requests.3.custom_id` of a part as the whole batch counts it."""
    name, *rest = violation.path.split(".")
    if name == "requests" and rest and rest[0].isdecimal():
        number = str(first + int(rest[0]))
        return replace(violation, path=".".join([name, number, *rest[1:]]))
    return violation


def _name_workspace(head: Head) -> str:
    return (head.workspace or b"").decode("latin-1")
