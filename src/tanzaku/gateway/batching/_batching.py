"""Deferred calls: accepted now, answered through the Message Batches API at half the price."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import Any

from pydantic_core import to_json

from tanzaku.core import Clock, end_tasks
from tanzaku.gateway._stages import WHEN, Asked, Caller, Target
from tanzaku.gateway.batching._books import DeferredBooks
from tanzaku.gateway.batching._claim import read_claim
from tanzaku.gateway.batching._courier import Courier
from tanzaku.gateway.batching._deferred import (
    LATER,
    Claim,
    Deferred,
    Facts,
    Group,
    build_row,
    read_deferred,
    read_facts,
)
from tanzaku.gateway.batching._desk import Desk
from tanzaku.gateway.batching._endings import Endings
from tanzaku.gateway.batching._parcel import (
    PARCEL,
    Parcel,
    build_ids_row,
    build_state_row,
    restore_parcel,
)
from tanzaku.gateway.batching._settings import BatchingSettings
from tanzaku.gateway.batching._waiting import wait_at_most
from tanzaku.gateway.batching._when import check_batchable, parse_when
from tanzaku.ledger import LedgerError, Shelf
from tanzaku.transport import ConnectError, Handler, HttpRequest, HttpResponse
from tanzaku.wire import ANTHROPIC_BETA, ApiError, find_betas, parse_body

_STORAGE_PAUSE_S = 5.0
# So late at most is an expired answer let go of.
_LONGEST_SLEEP_S = 600.0
_GROUP_PREFIX = b"anthropic-"

_log = logging.getLogger("tanzaku.gateway")


class Batching:
    """Collects deferred calls, sends them in batches, and keeps their answers.

    `upstreams` are those that speak the Batches API with credentials of their own (a client's is
    not kept); it is looked into at each call, so that it may change. Requests and answers are on
    `shelf`, in memory is only what each call is. Whatever was accepted outlives the process.
    """

    def __init__(
        self,
        settings: BatchingSettings,
        upstreams: Mapping[str, Handler],
        *,
        shelf: Shelf,
        books: DeferredBooks,
        clock: Clock,
        chance: Random,
    ) -> None:
        self._settings = settings
        self._upstreams = upstreams
        self._shelf = shelf
        self._books = books
        self._clock = clock
        self._chance = chance
        self._desk = Desk(settings)
        self._parcels: dict[str, Parcel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._sleeps_until = -math.inf
        self.endings = Endings(settings, self.send, shelf=shelf, books=books, clock=clock)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Go on from what the shelf holds, and work until the end of the block."""
        await self._load()
        self._spawn(self._collect())
        try:
            yield
        finally:
            await end_tasks(*self._tasks)

    async def accept(self, asked: Asked, caller: Caller, targets: Sequence[Target]) -> Deferred:
        """Take a call with `tanzaku-when`; it is on the shelf when this returns.

        It goes to the first of `targets` that takes batches. A call that comes again under its
        idempotency key is the one of the first time. ApiError 400 for what cannot be deferred, 429
        when too many wait or a budget has no room.
        """
        claim = read_claim(asked, caller, _build_group("", asked))
        if claim is None:
            return await self._accept(asked, caller, targets, None)
        async with self._claiming:
            before = self.endings.find_claimed(claim)
            return before or await self._accept(asked, caller, targets, claim)

    async def _accept(
        self, asked: Asked, caller: Caller, targets: Sequence[Target], claim: Claim | None
    ) -> Deferred:
        after_s = parse_when(asked.labels[WHEN])
        target = next((one for one in targets if one.name in self._upstreams), None)
        if target is None:
            raise ApiError.invalid_request(
                "tanzaku-when: no upstream on the route of this request takes batches"
            )
        params = parse_body(asked.body)
        body = asked.body
        if target.model is not None and target.model != params.get("model"):
            params["model"] = target.model
            body = to_json(params)
        check_batchable(asked, params)
        if self.endings.count_open() >= self._settings.max_waiting:
            raise ApiError.rate_limit("Too many deferred calls are waiting.", retry_after_s=60)
        deadline = None if after_s is None else asked.now + after_s
        facts = Facts(
            group=_build_group(target.name, asked),
            caller=caller,
            model=str(params.get("model")),
            labels=asked.labels,
            made_at=asked.now,
            deadline=deadline,
            size=len(body),
            worst=self._books.bound(params, body, self._settings.on_late, asked.now),
            claim=claim,
        )
        deferred_id = f"later_{self._chance.getrandbits(128):032x}"
        self._books.reserve(deferred_id, facts)
        try:
            await self._shelf.put(build_row(deferred_id, facts, "queued", body))
        except BaseException:
            # Also what a client that has left was not told of.
            self._books.release(deferred_id)
            with suppress(LedgerError):
                await self._shelf.drop(LATER, deferred_id)
            raise
        call = Deferred(
            deferred_id, facts.group, caller.key_id, asked.now, deadline, len(body), claim=claim
        )
        self.endings.add(call)
        self._desk.put(call)
        self._desk.remind(call)
        if self._desk.next_due_at() < self._sleeps_until:
            self._wake.set()
        return call

    async def cancel(self, call: Deferred) -> None:
        """Take a call back that is not at the upstream yet. ApiError 409 for any other."""
        if call.state != "queued":
            raise ApiError(409, "conflict_error", f"{call.id} cannot be canceled any more.")
        was_waiting = self._desk.take(call)
        try:
            await self.endings.cancel(call)
        except BaseException:
            if was_waiting:
                self._desk.put(call)
            raise

    async def send(self, upstream: str, request: HttpRequest) -> HttpResponse:
        """Send to an upstream by its name. TransportError as its handler raises it."""
        handler = self._upstreams.get(upstream)
        if handler is None:
            raise ConnectError(f"no upstream {upstream} takes batches")
        return await handler(request)

    async def _load(self) -> None:
        now = self._clock.now()
        await self._shelf.purge(now)
        groups: dict[Group, Group] = {}
        open_calls: dict[str, Deferred] = {}
        for row in await self._shelf.read_all(LATER):
            call = read_deferred(row)
            call.group = groups.setdefault(call.group, call.group)
            self.endings.restore(call, row.expires_at)
            if call.is_over:
                continue
            with suppress(ApiError):  # what was accepted is done, whatever budgets say now
                self._books.reserve(call.id, read_facts(row))
            if call.state == "direct":
                self._spawn(self.endings.give_up_direct(call))
            else:
                open_calls[call.id] = call
                self._desk.remind(call)
        for state in await self._shelf.read_all(PARCEL):
            ids = await self._shelf.get(PARCEL, state.id, 1)
            if state.part == 0 and ids is not None:
                parcel = restore_parcel(state, ids, self._settings.poll_s, now)
                for call_id in open_calls.keys() & parcel.ids:
                    call = open_calls.pop(call_id)
                    if parcel.stage != "ready":
                        call.state = "sent"
                self._start(parcel)
        for call in open_calls.values():
            self._desk.put(call)

    async def _collect(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock.now()
            try:
                await self._dispatch(now)
                await self.endings.forget_expired(now)
                for call_id in self._desk.pop_late(now):
                    self._turn_late(call_id)
            except LedgerError as error:
                _log.error("batches cannot be put together: %s", error)
                await self._clock.sleep(_STORAGE_PAUSE_S)
                continue
            self._sleeps_until = min(self._desk.next_due_at(), now + _LONGEST_SLEEP_S)
            await wait_at_most(self._sleeps_until - self._clock.now(), self._wake, self._clock)
            self._sleeps_until = -math.inf

    async def _dispatch(self, now: float) -> None:
        failure: LedgerError | None = None
        for group, calls in list(self._desk.seal_due(now)):
            parcel = Parcel(
                f"parcel_{self._chance.getrandbits(64):016x}",
                group,
                [call.id for call in calls],
                now,
                self._settings.poll_s,
                next_at=now,
            )
            try:
                await self._shelf.put(build_state_row(parcel), build_ids_row(parcel))
            except LedgerError as error:
                failure = error
                for call in calls:
                    if call.state == "queued":
                        self._desk.put(call)
            else:
                self._start(parcel)
        if failure is not None:
            raise failure

    def _start(self, parcel: Parcel) -> None:
        courier = Courier(
            parcel,
            lambda request: self.send(parcel.group.upstream, request),
            desktop=self.endings,
            shelf=self._shelf,
            clock=self._clock,
            is_ours=self._is_ours,
        )
        self._parcels[parcel.id] = parcel
        self._spawn(self._drive(courier, parcel))

    async def _drive(self, courier: Courier, parcel: Parcel) -> None:
        await courier.drive()
        del self._parcels[parcel.id]

    def _is_ours(self, batch_id: str) -> bool:
        return any(parcel.batch_id == batch_id for parcel in self._parcels.values())

    def _turn_late(self, call_id: str) -> None:
        call = self.endings.calls.get(call_id)
        if call is None or call.is_over:
            return
        self._desk.take(call)
        self._spawn(self.endings.turn_late(call))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _build_group(upstream: str, asked: Asked) -> Group:
    """What holds for a batch as a whole: every `anthropic-*` header, the betas in one order."""
    headers = asked.request.headers
    kept = {
        name.decode(): value.decode("latin-1")
        for name, value in headers
        if name.startswith(_GROUP_PREFIX)
    }
    if ANTHROPIC_BETA.decode() in kept:
        kept[ANTHROPIC_BETA.decode()] = ",".join(sorted(find_betas(headers)))
    return Group(upstream, tuple(sorted(kept.items())), asked.request.target.partition("?")[2])
