"""Asking upstreams before the first byte: each as its policy says, then the next one."""

from collections.abc import Sequence
from random import Random

from pydantic_core import from_json, to_json

from tanzaku.core import Clock, derive_id
from tanzaku.exchange import Attempt
from tanzaku.gateway._answer import is_json
from tanzaku.gateway._retry import Verdict
from tanzaku.gateway._settle import OpenExchange
from tanzaku.gateway._stages import Target
from tanzaku.transport import (
    HttpRequest,
    HttpResponse,
    RequestRefusedError,
    TransportError,
    UpstreamTimeout,
    close_body,
    read_all,
    redact_text,
)
from tanzaku.wire import REQUEST_ID, SHOULD_RETRY, ApiError, get_error_type

_NO_RETRY = Verdict(None)
_FALLS_BACK = frozenset({429, 529})


async def attempt_in_turn(
    request: HttpRequest,
    targets: Sequence[Target],
    call: OpenExchange,
    clock: Clock,
    chance: Random,
) -> HttpResponse:
    """The answer of the first target that has one to give, else the last one's.

    An answer that the gateway has tried to better, by another attempt or another target, carries
    `x-should-retry: false`: a client need not try again itself.
    """
    first, *others = targets
    answer, is_exhausted, is_failed = await _ask(first, request, call, clock, chance)
    for target in others:
        # What is passed on while it comes in cannot be sent twice.
        if not is_failed or request.upload is not None:
            break
        await close_body(answer.body)
        answer, _, is_failed = await _ask(target, request, call, clock, chance)
        is_exhausted = is_failed
    if is_exhausted:
        answer.headers = [line for line in answer.headers if line[0] != SHOULD_RETRY]
        answer.headers.append((SHOULD_RETRY, b"false"))
    return answer


async def _ask(
    target: Target, request: HttpRequest, call: OpenExchange, clock: Clock, chance: Random
) -> tuple[HttpResponse, bool, bool]:
    """The target's last answer, whether its retries are used up, whether the next target may have a
    better one."""
    call.turn_to(target)
    outgoing = request if target.model is None else _ask_for(target.model, request)
    retries = 0
    while True:
        answer, verdict, is_unanswered = await _attempt(
            target, outgoing, call, clock, chance, retries
        )
        if verdict.wait_s is None or outgoing.upload is not None:
            is_failed = is_unanswered or answer.status in _FALLS_BACK or answer.status >= 500
            return answer, verdict.is_exhausted, is_failed
        await close_body(answer.body)
        await clock.sleep(verdict.wait_s)
        retries += 1


async def _attempt(
    target: Target,
    outgoing: HttpRequest,
    call: OpenExchange,
    clock: Clock,
    chance: Random,
    retries: int,
) -> tuple[HttpResponse, Verdict, bool]:
    started_at, began = clock.now(), clock.monotonic()
    status: int | None = None
    failure: str | None = None
    verdict = _NO_RETRY
    try:
        answer = await target.send(outgoing)
        status = answer.status
        if not isinstance(answer.body, bytes) and (status >= 400 or is_json(answer.headers)):
            answer.body = await read_all(answer)
        if target.retry is not None:
            verdict = target.retry.judge_answer(
                retries, answer.status, answer.headers, clock.now(), chance
            )
    except TransportError as error:
        failure = redact_text(str(error))
        answer = _build_failure(error, call.exchange.exchange_id)
        is_unanswered = status is None and not isinstance(error, RequestRefusedError)
        if target.retry is not None and is_unanswered:
            verdict = target.retry.judge_failure(retries, chance)
        return answer, verdict, is_unanswered
    finally:
        duration_ms = (clock.monotonic() - began) * 1000
        call.attempts.append(Attempt(target.name, started_at, duration_ms, status, failure))
    return answer, verdict, False


def _ask_for(model: str, request: HttpRequest) -> HttpRequest:
    """The same request, asking for `model`; one that has no JSON object stays as it is."""
    try:
        params = from_json(request.body)
    except ValueError:
        return request
    if not isinstance(params, dict) or params.get("model") == model:
        return request
    body = to_json(params | {"model": model})
    headers = [line for line in request.headers if line[0] != b"content-encoding"]
    return HttpRequest(request.method, request.target, headers, body, request.peer)


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
