"""How deferred calls end: with a result of their batch, late, canceled, or with an error."""

import asyncio
import heapq
import logging
import math
from collections.abc import Awaitable, Callable, Sequence

from tanzaku.core import Clock
from tanzaku.gateway._asked import MESSAGES
from tanzaku.gateway.batching._books import DeferredBooks, Ending
from tanzaku.gateway.batching._claim import IDEMPOTENCY_KEY
from tanzaku.gateway.batching._deferred import (
    LATER,
    Claim,
    Deferred,
    State,
    build_row,
    read_facts,
    read_status,
)
from tanzaku.gateway.batching._lines import ResultLine
from tanzaku.gateway.batching._parcel import Parcel
from tanzaku.gateway.batching._settings import BatchingSettings
from tanzaku.gateway.batching._waiting import wait_at_most
from tanzaku.ledger import LedgerError, Shelf, ShelfRow
from tanzaku.transport import HttpRequest, HttpResponse, TransportError, read_all
from tanzaku.wire import ApiError, get_error_type

_HOUR_S = 3600.0
_STORAGE_PAUSE_S = 5.0
_PAGE = 256
_MOST_DIRECT = 16
_CREDENTIAL = (b"x-api-key", b"tanzaku-batching")
_JSON = (b"content-type", b"application/json")

_log = logging.getLogger("tanzaku.gateway")

type SendTo = Callable[[str, HttpRequest], Awaitable[HttpResponse]]


class Endings:
    """All calls there are, and what becomes of them. Implements the courier's `Desktop`.

    An answer is first in the ledger, then on the shelf: what breaks off between the two is done
    again, and the ledger knows an exchange it has.
    """

    def __init__(
        self,
        settings: BatchingSettings,
        send: SendTo,
        *,
        shelf: Shelf,
        books: DeferredBooks,
        clock: Clock,
    ) -> None:
        self.calls: dict[str, Deferred] = {}
        """By id, in the order they were accepted; an answered one until its answer expires."""
        self._settings = settings
        self._send = send
        self._shelf = shelf
        self._books = books
        self._clock = clock
        self._open = 0
        self._claimed: dict[str, Deferred] = {}
        self._expiries: list[tuple[float, str]] = []
        self._waiters: dict[str, asyncio.Event] = {}
        self._direct = asyncio.Semaphore(_MOST_DIRECT)

    def add(self, call: Deferred) -> None:
        """A call was accepted."""
        self._take(call)
        self._open += 1

    def restore(self, call: Deferred, expires_at: float | None) -> None:
        """A call was found on the shelf."""
        self._take(call)
        if call.is_over:
            heapq.heappush(self._expiries, (expires_at or math.inf, call.id))
        else:
            self._open += 1

    def find_claimed(self, claim: Claim) -> Deferred | None:
        """The call that was accepted under this claim and is still known. ApiError 400 where
        something else was asked for under it."""
        call = self._claimed.get(claim.name)
        if call is not None and call.claim != claim:
            raise ApiError.invalid_request(
                f"{IDEMPOTENCY_KEY}: {call.id} was asked for with this key, and was another request"
            )
        return call

    def count_open(self) -> int:
        """How many calls have no answer yet."""
        return self._open

    def find_open(self, ids: Sequence[str]) -> list[Deferred]:
        """The calls of `ids` that wait for the answer of a batch."""
        calls = [self.calls.get(call_id) for call_id in ids]
        return [call for call in calls if call and call.state in ("queued", "sent")]

    async def drop_late(self, ids: Sequence[str]) -> None:
        """What went out, was lost, and is late by now is not sent again."""
        now = self._clock.now()
        late = [call for call in self.find_open(ids) if call.is_late(now)]
        if late and self._settings.on_late == "error":
            await self._keep([(call, self._build_late()) for call in late])

    async def finish(self, parcel: Parcel, results: Sequence[ResultLine]) -> None:
        """Results of a batch are there. One that was answered otherwise before keeps that answer;
        what the batch cost is in the ledger all the same."""
        endings = []
        for result in results:
            call = self.calls.get(result.custom_id)
            if call is not None and not (call.is_over and call.way == "batch"):
                ending = Ending(
                    "batch", result.status, result.body, parcel.sent_at, parcel.batch_id
                )
                endings.append((call, ending))
        await self._keep(endings)

    async def fail(self, parcel: Parcel, error: bytes, status: int, *, is_unknown: bool) -> None:
        """What of a batch has no answer gets this one."""
        ending = Ending("batch", status, error, parcel.sent_at, parcel.batch_id, is_unknown)
        calls = self.find_open(parcel.ids)
        for begin in range(0, len(calls), _PAGE):
            await self._keep([(call, ending) for call in calls[begin : begin + _PAGE]])

    async def cancel(self, call: Deferred) -> None:
        """Take back a call that is not at the upstream; LedgerError where that cannot be kept."""
        call.state = "direct"
        error = ApiError(409, "conflict_error", f"{call.id} was canceled before it was sent.")
        try:
            await self._keep([(call, self._build_own(error))], "canceled")
        except BaseException:
            call.state = "queued"
            raise

    async def turn_late(self, call: Deferred) -> None:
        """The deadline of a call has come. What is at the upstream keeps the right to an answer;
        who waits for it is told that it is late."""
        self._wake(call)
        if self._settings.on_late == "send_now":
            if call.state in ("queued", "sent"):
                await self._send_now(call)
        elif call.state == "queued":
            call.state = "direct"
            await self._keep_at_last(call, self._build_late())

    async def give_up_direct(self, call: Deferred) -> None:
        """A call was being sent by itself when the process before this one ended."""
        error = ApiError(
            502, "api_error", "The gateway was stopped while this request was under way."
        )
        now = self._clock.now()
        await self._keep_at_last(call, Ending("direct", 502, error.body(""), now, is_unknown=True))

    async def wait(self, call: Deferred, seconds: float) -> None:
        """Return when the call has an answer or its deadline comes, or after `seconds`."""
        now = self._clock.now()
        if call.is_over or call.is_late(now) or seconds <= 0:
            return
        event = self._waiters.setdefault(call.id, asyncio.Event())
        await wait_at_most(seconds, event, self._clock)

    async def read_answer(self, call: Deferred) -> tuple[int, bytes]:
        """Status and body of an answered call. ApiError 404 when its answer has just expired."""
        row = await self._shelf.get(LATER, call.id)
        if row is None:
            raise ApiError.not_found(f"{call.id} not found.")
        return read_status(row), row.body

    async def forget_expired(self, now: float) -> None:
        """Let go of answers that were kept long enough."""
        is_any = False
        while self._expiries and self._expiries[0][0] <= now:
            call = self.calls.pop(heapq.heappop(self._expiries)[1])
            if call.claim is not None:
                del self._claimed[call.claim.name]
            is_any = True
        if is_any:
            await self._shelf.purge(now)

    def _take(self, call: Deferred) -> None:
        self.calls[call.id] = call
        if call.claim is not None:
            self._claimed[call.claim.name] = call

    async def _send_now(self, call: Deferred) -> None:
        call.state = "direct"
        async with self._direct:
            row = await self._shelf.get(LATER, call.id)
            if row is None or call.is_over:
                return
            facts = read_facts(row)
            await self._shelf.put(build_row(call.id, facts, "direct", row.body))
            sent_at = self._clock.now()
            headers = [(name.encode(), value.encode()) for name, value in facts.group.headers]
            query = f"?{facts.group.query}" if facts.group.query else ""
            request = HttpRequest(
                "POST", MESSAGES + query, [*headers, _CREDENTIAL, _JSON], row.body
            )
            try:
                answer = await self._send(facts.group.upstream, request)
                ending = Ending("direct", answer.status, await read_all(answer), sent_at)
            except TransportError as error:
                failed = ApiError(502, get_error_type(502), f"The upstream did not answer: {error}")
                is_unknown = error.request_bytes_sent > 0
                ending = Ending("direct", 502, failed.body(""), sent_at, is_unknown=is_unknown)
            await self._keep_at_last(call, ending)

    async def _keep_at_last(self, call: Deferred, ending: Ending) -> None:
        while True:
            try:
                await self._keep([(call, ending)])
            except LedgerError as error:
                _log.error("the answer of %s waits: %s", call.id, error)
                await self._clock.sleep(_STORAGE_PAUSE_S)
            else:
                return

    async def _keep(
        self, endings: Sequence[tuple[Deferred, Ending]], state: State = "ended"
    ) -> None:
        found: list[tuple[Deferred, Ending, ShelfRow]] = []
        for call, ending in endings:
            row = await self._shelf.get(LATER, call.id)
            if row is not None:
                found.append((call, ending, row))
        await asyncio.gather(
            *(
                self._books.settle(
                    call.id, read_facts(row), b"" if call.is_over else row.body, ending
                )
                for call, ending, row in found
            )
        )
        expires_at = self._clock.now() + self._settings.keep_hours * _HOUR_S
        fresh = [one for one in found if not one[0].is_over]
        await self._shelf.put(
            *(
                build_row(
                    call.id,
                    read_facts(row),
                    state,
                    ending.body,
                    status=ending.status,
                    way=ending.way,
                    expires_at=expires_at,
                )
                for call, ending, row in fresh
            )
        )
        for call, ending, _ in fresh:
            if call.is_over:
                continue
            call.state, call.way = state, ending.way
            self._open -= 1
            heapq.heappush(self._expiries, (expires_at, call.id))
            self._wake(call)

    def _build_late(self) -> Ending:
        return self._build_own(
            ApiError(504, "timeout_error", "The deadline passed before it could be sent.")
        )

    def _build_own(self, error: ApiError) -> Ending:
        return Ending("none", error.status, error.body(""), self._clock.now())

    def _wake(self, call: Deferred) -> None:
        event = self._waiters.pop(call.id, None)
        if event is not None:
            event.set()
