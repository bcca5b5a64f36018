"""The gateway itself: open, ask, carry back, settle."""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

from pydantic_core import from_json

from tanzaku.core import Clock, derive_id
from tanzaku.exchange import EXCHANGE_ID_HEADER, Attempt, Exchange, ExchangeError
from tanzaku.gateway._answer import (
    Outcome,
    decode_for_reading,
    is_event_stream,
    is_json,
    read_stream,
    read_whole,
)
from tanzaku.gateway._edge import NO_ANSWER, NO_ANSWER_STATUS, Edge, Interception, Meter
from tanzaku.gateway._headers import forward_request_headers, forward_response_headers, read_labels
from tanzaku.gateway._prices import PriceBook
from tanzaku.gateway._retry import RetryPolicy, Verdict
from tanzaku.gateway._settle import (
    CLIENT_GONE,
    CLIENT_GONE_STATUS,
    OpenExchange,
    keep_headers,
    keep_text,
)
from tanzaku.gateway._stream import BROKEN, Relay
from tanzaku.ledger import Ledger
from tanzaku.transport import (
    ConnectionFault,
    Handler,
    HttpRequest,
    HttpResponse,
    RequestRefusedError,
    TransportError,
    UpstreamTimeout,
    close_body,
    get_header,
    read_all,
    redact_body,
    redact_text,
)
from tanzaku.wire import (
    ANTHROPIC_VERSION,
    REQUEST_ID,
    SHOULD_RETRY,
    ApiError,
    UsageReader,
    get_error_type,
)

_MESSAGES = "/v1/messages"
_COUNT_TOKENS = "/v1/messages/count_tokens"
_ID_HEADER = EXCHANGE_ID_HEADER.encode()
_NO_RETRY = Verdict(None)


class Gateway:
    """Carries requests to one upstream and back, byte for byte, and keeps each in the ledger.

    With `retry` None the upstream is asked once and nothing is repaired: the client sees exactly
    what the upstream sent. With a RetryPolicy (live upstreams) trouble before the first byte is
    tried again, an answer after used-up retries carries `x-should-retry: false`, and a stream
    that breaks ends with one `error` event.

    `edge` may put something between upstream and client (injected faults), for which nothing is
    repaired; the record has what the client got, and what the upstream's answer cost. `chance`
    feeds ids and jitter.
    An upstream that gives no answer becomes the API's error envelope: 504 `timeout_error` for a
    timeout, 400 for a request that cannot be sent, 502 `api_error` for all else.
    """

    def __init__(
        self,
        upstream: Handler,
        *,
        route: str,
        ledger: Ledger,
        clock: Clock,
        retry: RetryPolicy | None = None,
        edge: Edge | None = None,
        chance: Random | None = None,
    ) -> None:
        self._upstream = upstream
        self._route = route
        self._ledger = ledger
        self._clock = clock
        self._retry = retry
        self._edge = edge
        self._chance = chance or Random()
        self._prices = PriceBook()

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        """The upstream's answer with `tanzaku-exchange-id` added.

        A whole answer is settled before this returns; a streamed one before its last chunk.
        """
        call = await self._open(request)
        struck: Interception | None = None
        try:
            if self._edge is None or (struck := self._edge(request)) is None:
                answer = await self._ask(request, call)
            else:
                answer = await struck(lambda: self._ask_metered(request, call))
            repairs = self._retry is not None and not (struck and struck.headers)
            return await self._carry_back(answer, call, repairs=repairs)
        except asyncio.CancelledError:
            headers = struck.headers if struck else []
            await call.settle(CLIENT_GONE_STATUS, headers, b"", Outcome(error=CLIENT_GONE))
            raise
        except ConnectionFault:
            headers = struck.headers if struck else []
            await call.settle(NO_ANSWER_STATUS, headers, b"", Outcome(error=NO_ANSWER))
            raise
        except Exception:
            failed = ExchangeError("api_error", "Internal server error")
            await call.settle(500, [], b"", Outcome(error=failed))
            raise

    async def _open(self, request: HttpRequest) -> OpenExchange:
        now = self._clock.now()
        path, is_post = request.path, request.method == "POST"
        body, params = b"", {}
        if is_post and (path in (_MESSAGES, _COUNT_TOKENS) or is_json(request.headers)):
            body = await decode_for_reading(request.headers, request.body)
            params = _parse_object(body)
        is_priced = is_post and path == _MESSAGES
        model = params.get("model")
        version = get_header(request.headers, ANTHROPIC_VERSION)
        exchange = Exchange(
            exchange_id=f"exch_{int(now * 1000):011x}{self._chance.getrandbits(64):016x}",
            started_at=now,
            method=request.method,
            path=keep_text(path),
            request_headers=keep_headers(request.headers),
            request_body=redact_body(body),
            model=keep_text(model) if isinstance(model, str) else None,
            is_stream=params.get("stream") is True,
            api_version=None if version is None else keep_text(version.decode("latin-1")),
            reserved_usd=self._prices.reserve(params, body, now) if is_priced else None,
            labels={
                keep_text(name): keep_text(value)
                for name, value in read_labels(request.headers).items()
            },
        )
        call = OpenExchange(
            exchange,
            route=self._route,
            ledger=self._ledger,
            clock=self._clock,
            prices=self._prices,
        )
        call.is_priced = is_priced
        self._ledger.start(exchange)
        return call

    async def _ask(self, request: HttpRequest, call: OpenExchange) -> HttpResponse:
        outgoing = HttpRequest(
            request.method, request.target, forward_request_headers(request.headers), request.body
        )
        retries = 0
        while True:
            answer, verdict = await self._attempt(outgoing, call, retries)
            if verdict.wait_s is None:
                break
            await close_body(answer.body)
            await self._clock.sleep(verdict.wait_s)
            retries += 1
        if verdict.is_exhausted:
            answer.headers = [line for line in answer.headers if line[0] != SHOULD_RETRY]
            answer.headers.append((SHOULD_RETRY, b"false"))
        return answer

    async def _ask_metered(self, request: HttpRequest, call: OpenExchange) -> HttpResponse:
        call.meter = Meter()
        answer = await self._ask(request, call)
        return await call.meter.watch(answer, is_message=call.is_priced)

    async def _attempt(
        self, outgoing: HttpRequest, call: OpenExchange, retries: int
    ) -> tuple[HttpResponse, Verdict]:
        started_at, began = self._clock.now(), self._clock.monotonic()
        status: int | None = None
        failure: str | None = None
        verdict = _NO_RETRY
        try:
            answer = await self._upstream(outgoing)
            status = answer.status
            if not isinstance(answer.body, bytes) and (status >= 400 or is_json(answer.headers)):
                answer.body = await read_all(answer)
            if self._retry is not None:
                now = self._clock.now()
                verdict = self._retry.judge_answer(
                    retries, answer.status, answer.headers, now, self._chance
                )
        except TransportError as error:
            failure = redact_text(str(error))
            answer = _build_failure(error, call.exchange.exchange_id)
            is_unanswered = status is None and not isinstance(error, RequestRefusedError)
            if self._retry is not None and is_unanswered:
                verdict = self._retry.judge_failure(retries, self._chance)
        finally:
            duration_ms = (self._clock.monotonic() - began) * 1000
            call.attempts.append(Attempt(self._route, started_at, duration_ms, status, failure))
        return answer, verdict

    async def _carry_back(
        self, answer: HttpResponse, call: OpenExchange, *, repairs: bool
    ) -> HttpResponse:
        headers = forward_response_headers(answer.headers)
        headers.append((_ID_HEADER, call.exchange.exchange_id.encode()))
        body = answer.body
        is_stream = is_event_stream(answer.headers)
        if isinstance(body, bytes) and is_stream and repairs:
            body = _iter_once(body)
        if not isinstance(body, bytes):
            if is_stream and repairs:
                # An error event makes a broken stream longer than its upstream announced.
                headers = [line for line in headers if line[0] != b"content-length"]
            relay = Relay(answer, body, call, repairs=repairs)
            return HttpResponse(answer.status, headers, relay)
        if is_stream:
            reader = UsageReader()
            reader.feed(body)
            kept, outcome = body, read_stream(reader, None if reader.is_complete else BROKEN)
        elif answer.status >= 400 or is_json(answer.headers):
            kept = await decode_for_reading(answer.headers, body)
            outcome = read_whole(answer.status, kept, is_message=call.is_priced)
        else:
            kept, outcome = b"", Outcome()
        await call.settle(answer.status, answer.headers, kept, outcome)
        return HttpResponse(answer.status, headers, body)


async def _iter_once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; empty when it holds none, which the upstream then says itself."""
    try:
        value = from_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _build_failure(error: TransportError, exchange_id: str) -> HttpResponse:
    match error:
        case RequestRefusedError():
            status, what = 400, "The request cannot be sent on"
        case UpstreamTimeout():
            status, what = 504, "The upstream did not answer in time"
        case _:
            status, what = 502, "The upstream could not be reached"
    request_id = derive_id("req", exchange_id)
    refusal = ApiError(status, get_error_type(status), f"{what}: {error}")
    return HttpResponse(
        status,
        [(b"content-type", b"application/json"), (REQUEST_ID, request_id.encode())],
        refusal.body(request_id),
    )
