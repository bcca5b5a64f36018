"""The gateway itself: the way of one call through its stages."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from tanzaku.core import Clock, derive_id
from tanzaku.exchange import EXCHANGE_ID_HEADER, VIOLATIONS_HEADER, ExchangeError, encode_violations
from tanzaku.gateway._answer import (
    Outcome,
    build_refusal,
    decode_for_reading,
    read_stream,
    read_whole,
)
from tanzaku.gateway._asked import read_asked
from tanzaku.gateway._attempts import attempt_in_turn
from tanzaku.gateway._edge import NO_ANSWER, NO_ANSWER_STATUS, Edge, Interception, Meter
from tanzaku.gateway._headers import AnswerHead, read_answer_head, read_request_head
from tanzaku.gateway._preflight import PREFLIGHT_HEADER, Preflight, find_violations, is_certain
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._settle import (
    CLIENT_GONE,
    CLIENT_GONE_STATUS,
    Books,
    Observer,
    OpenExchange,
    Queue,
)
from tanzaku.gateway._stages import (
    ANYONE,
    WHEN,
    Asked,
    Batches,
    Cache,
    Caller,
    Deferral,
    Door,
    Owners,
    Placer,
    Routes,
    Shaper,
    Target,
    Treasury,
)
from tanzaku.gateway._stream import BROKEN, Relay
from tanzaku.ledger import Ledger, LedgerError
from tanzaku.transport import (
    BrokenUploadError,
    ConnectionFault,
    HeaderList,
    HttpRequest,
    HttpResponse,
)
from tanzaku.wire import RETRY_AFTER, ApiError, UsageReader, get_error_type

_log = logging.getLogger("tanzaku.gateway")

_UNKEPT = ApiError(
    503,
    get_error_type(503),
    "The gateway's ledger cannot be written; nothing was sent on.",
    headers=((RETRY_AFTER, b"5"),),
)
_BATCHES = "/v1/messages/batches"
_ID_HEADER = EXCHANGE_ID_HEADER.encode()
_VIOLATIONS = VIOLATIONS_HEADER.encode()


@dataclass(frozen=True, slots=True)
class Stages:
    """What a call passes beside its upstreams; None where a gateway has no such stage.

    `edge` may put something between upstream and client (injected faults), for which nothing is
    repaired; the record has what the client got, and what the upstream's answer cost. `observers`
    get every exchange once it is settled. With a `shaper` a message waits up to `queue_s` seconds
    for its turn, at limits on calls at one time and at those of an upstream. `trace` makes of the
    headers that go on, and of the exchange's id, those by which the upstream's spans hang below the
    exchange's.
    """

    door: Door | None = None
    owners: Owners | None = None
    treasury: Treasury | None = None
    preflight: Preflight = "off"
    cache: Cache | None = None
    placer: Placer | None = None
    shaper: Shaper | None = None
    queue_s: float = 20.0
    deferral: Deferral | None = None
    batches: Batches | None = None
    edge: Edge | None = None
    observers: Sequence[Observer] = ()
    trace: Callable[[HeaderList, str], HeaderList] | None = None


class Gateway:
    """Carries requests to their upstream and back, byte for byte, and keeps each in the ledger.

    Where a target has no RetryPolicy it is asked once and nothing is repaired: the client sees
    exactly what the upstream sent. With one, trouble before the first byte is tried again, an
    answer after used-up retries carries `x-should-retry: false`, and a stream that breaks ends
    with one `error` event. `chance` feeds ids and jitter.

    An upstream that gives no answer becomes the API's error envelope: 504 `timeout_error` for a
    timeout, 400 for a request that cannot be sent, 502 `api_error` for all else. So does what a
    stage refuses.
    """

    def __init__(
        self,
        routes: Routes,
        *,
        ledger: Ledger,
        clock: Clock,
        stages: Stages = Stages(),
        chance: Random | None = None,
    ) -> None:
        self._routes = routes
        self._stages = stages
        self._clock = clock
        self._chance = chance or Random()
        self._books = Books(
            ledger, clock, PriceBook(may_mark=stages.placer is not None), stages.observers
        )

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The upstream's answer with `tanzaku-exchange-id` added.

        A whole answer is settled before this returns; a streamed one before its last chunk.
        """
        now = self._clock.now()
        head = read_request_head(request.headers)
        asked = await read_asked(request, head, now)
        exchange_id = f"exch_{int(now * 1000):011x}{self._chance.getrandbits(64):016x}"
        call = OpenExchange(exchange_id, asked, head, self._books)
        try:
            caller, targets = self._admit(asked, call)
            owners = self._stages.owners
            if owners is not None and owners.concerns(asked, caller):
                call.custody = await owners.admit(asked, caller)
            if asked.is_message and WHEN in asked.labels:
                return await self._defer(asked, caller, targets)
            await self._open(asked, caller, targets, call)
        except ApiError as refusal:
            return await self._refuse(call, refusal)
        try:
            call.start()
        except LedgerError as error:
            # What cannot be kept is not asked for: it would be spent without a trace.
            _log.error("refused a call that the ledger cannot keep: %s", error)
            call.release()
            return build_refusal(_UNKEPT, derive_id("req", exchange_id))
        forwarded = HttpRequest(
            request.method,
            request.target,
            self._trace(list(head.forwarded), exchange_id),
            request.body,
            request.peer,
            request.upload,
        )
        return await self._carry(request, forwarded, targets, call)

    def _admit(self, asked: Asked, call: OpenExchange) -> tuple[Caller, Sequence[Target]]:
        """Who asks, and where the call may go. Raises ApiError for one that may not be made."""
        stages = self._stages
        caller = ANYONE
        if stages.door is not None:
            caller = stages.door.identify(asked)
            call.name_caller(caller, asked.request.peer)
            stages.door.check(asked, caller)
        if asked.objection:
            raise ApiError.invalid_request(asked.objection)
        targets = self._routes.plan(asked, caller)
        call.cover(asked, targets)
        if stages.preflight != "off":
            call.violations = self._check(asked, targets[0].model)
        return caller, targets

    async def _open(
        self, asked: Asked, caller: Caller, targets: Sequence[Target], call: OpenExchange
    ) -> None:
        """Look what else the call passes, and hold its worst case, unless the cache is asked
        first. Raises ApiError."""
        stages = self._stages
        if stages.cache is not None:
            call.cached = stages.cache.open(asked, caller, targets)
        if stages.placer is not None:
            exchange_id = call.exchange.exchange_id
            call.place = partial(stages.placer.place, exchange_id, asked, caller, targets[0])
        if stages.batches is not None and asked.path.startswith(_BATCHES):
            call.results = stages.batches.open_results(asked)
        # A kept answer needs no room; whether there is one is known once the cache is asked.
        if call.cached is None:
            await self._reserve(asked, caller, call)
        else:
            call.reserve = partial(self._reserve, asked, caller, call)

    async def _reserve(self, asked: Asked, caller: Caller, call: OpenExchange) -> None:
        """Wait for room and hold the worst case. Raises ApiError."""
        stages = self._stages
        if stages.shaper is not None and asked.is_message:
            call.queue = Queue(stages.shaper, caller.key_id, asked.now + stages.queue_s, asked)
            if stages.treasury is not None:
                await call.queue.enter(stages.treasury.list_caps(caller))
        if stages.treasury is not None:
            call.hold = stages.treasury.reserve(caller, asked, call.worst)

    async def _defer(self, asked: Asked, caller: Caller, targets: Sequence[Target]) -> HttpResponse:
        if self._stages.deferral is None:
            raise ApiError.invalid_request("tanzaku-when: this gateway defers no calls")
        return await self._stages.deferral.defer(asked, caller, targets)

    def _trace(self, headers: HeaderList, exchange_id: str) -> HeaderList:
        trace = self._stages.trace
        return headers if trace is None else trace(headers, exchange_id)

    def _check(self, asked: Asked, model: str | None) -> bytes:
        """What the API would refuse `asked` for, as a header's value; ApiError for the first of it
        that is certain where that is to be blocked."""
        found = find_violations(asked, model)
        certain = next(filter(is_certain, found), None)
        if certain is not None and self._stages.preflight == "block":
            error = ApiError.from_violation(certain)
            error.headers = (*error.headers, (PREFLIGHT_HEADER, b"blocked"))
            raise error
        return encode_violations(found)

    async def _refuse(self, call: OpenExchange, refusal: ApiError) -> HttpResponse:
        answer = build_refusal(refusal, derive_id("req", call.exchange.exchange_id))
        try:
            call.start()
            return await self._carry_back(answer, call, repairs=False)
        except LedgerError as error:
            _log.error("a refusal could not be kept: %s", error)
            return answer

    async def _carry(
        self,
        request: HttpRequest,
        forwarded: HttpRequest,
        targets: Sequence[Target],
        call: OpenExchange,
    ) -> HttpResponse:
        async def ask() -> HttpResponse:
            answer = await self._bring(forwarded, targets, call)
            return answer if call.meter is not None else await _watch(answer, call)

        struck: Interception | None = None
        try:
            if self._stages.edge is not None:
                struck = self._stages.edge(request)
            if struck is None:
                answer = await self._bring(forwarded, targets, call)
            else:
                call.turn_to(targets[0], forwarded)
                answer = await struck(ask)
            is_struck = struck is not None and bool(struck.headers)
            if self._stages.batches is not None and request.path.startswith(_BATCHES):
                self._rewrite(request, answer)
            return await self._carry_back(answer, call, repairs=call.is_repaired and not is_struck)
        except ApiError as refusal:
            answer = build_refusal(refusal, derive_id("req", call.exchange.exchange_id))
            return await self._carry_back(answer, call, repairs=False)
        except asyncio.CancelledError:
            await call.settle(
                CLIENT_GONE_STATUS, _read_struck(struck), b"", Outcome(error=CLIENT_GONE)
            )
            raise
        except ConnectionFault:
            await call.settle(NO_ANSWER_STATUS, _read_struck(struck), b"", Outcome(error=NO_ANSWER))
            raise
        except BrokenUploadError as broken:
            error = ExchangeError(get_error_type(broken.status), broken.reason)
            await call.settle(broken.status, _read_struck(None), b"", Outcome(error=error))
            raise
        except Exception:
            failed = ExchangeError("api_error", "Internal server error")
            await call.settle(500, _read_struck(None), b"", Outcome(error=failed))
            raise

    async def _bring(
        self, forwarded: HttpRequest, targets: Sequence[Target], call: OpenExchange
    ) -> HttpResponse:
        """A kept answer, or what the upstreams say."""
        if call.custody is not None:
            return await call.custody.answer(
                forwarded, lambda request: self._attempt(request, targets, call)
            )
        if call.cached is None:
            return await self._attempt(forwarded, targets, call)
        # A stream that others share ends for all as its leader's does.
        call.is_repaired = targets[0].retry is not None
        return await call.cached.answer(partial(self._attempt, forwarded, targets, call))

    async def _attempt(
        self, forwarded: HttpRequest, targets: Sequence[Target], call: OpenExchange
    ) -> HttpResponse:
        if call.reserve is not None:
            await call.reserve()
        placed = None if call.place is None else await call.place(forwarded)
        outgoing = forwarded if placed is None else placed.request
        answer = await attempt_in_turn(outgoing, targets, call, self._clock, self._chance)
        if placed is not None:
            answer.headers.append(placed.header)
        # Others may get the answer to its end when this call's client has left.
        return answer if call.cached is None else await _watch(answer, call)

    def _rewrite(self, request: HttpRequest, answer: HttpResponse) -> None:
        """Name this gateway where an answer about batches says where their results are."""
        head = read_answer_head(answer.headers).lines
        is_readable = head.is_json and not head.is_coded and answer.status < 300
        if self._stages.batches is not None and is_readable and isinstance(answer.body, bytes):
            answer.body = self._stages.batches.rewrite(answer.body, request)

    async def _carry_back(
        self, answer: HttpResponse, call: OpenExchange, *, repairs: bool
    ) -> HttpResponse:
        whole_head = read_answer_head(answer.headers)
        head, headers = whole_head.lines, whole_head.list_returned()
        headers.append((_ID_HEADER, call.exchange.exchange_id.encode()))
        if call.violations:
            headers.append((_VIOLATIONS, call.violations))
        body = answer.body
        if isinstance(body, bytes) and head.is_event_stream and repairs:
            body = _iter_once(body)
        if not isinstance(body, bytes):
            if head.is_event_stream and repairs:
                # An error event makes a broken stream longer than its upstream announced.
                headers = [line for line in headers if line[0] != b"content-length"]
            relay = Relay(answer.status, whole_head, body, call, repairs=repairs)
            return HttpResponse(answer.status, headers, relay)
        if head.is_event_stream:
            reader = UsageReader()
            reader.feed(body)
            kept, outcome = body, read_stream(reader, None if reader.is_complete else BROKEN)
        elif answer.status >= 400 or head.is_json:
            kept = await decode_for_reading(answer.headers, body) if head.is_coded else body
            outcome = read_whole(answer.status, kept, is_message=call.is_priced)
        else:
            if call.results is not None and not head.is_coded:
                call.results.feed(body)
            kept, outcome = b"", Outcome()
        await call.settle(answer.status, whole_head, kept, outcome)
        return HttpResponse(answer.status, headers, body)


def _read_struck(struck: Interception | None) -> AnswerHead:
    """The header of an answer that did not come."""
    return read_answer_head([] if struck is None else struck.headers)


async def _watch(answer: HttpResponse, call: OpenExchange) -> HttpResponse:
    """`answer`, its cost read before anything is made of it."""
    call.meter = Meter()
    return await call.meter.watch(answer, is_message=call.is_priced)


async def _iter_once(body: bytes) -> AsyncIterator[bytes]:
    yield body
