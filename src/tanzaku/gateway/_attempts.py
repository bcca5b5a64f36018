"""Asking upstreams before the first byte: each as its policy says, then the next one."""

from collections.abc import Sequence
from random import Random

from tanzaku.core import Clock, derive_id
from tanzaku.exchange import Attempt
from tanzaku.gateway._answer import build_refusal, is_json
from tanzaku.gateway._retry import Verdict
from tanzaku.gateway._settle import OpenExchange
from tanzaku.gateway._stages import Target, Trouble
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
from tanzaku.wire import SHOULD_RETRY, ApiError, get_error_type

_NO_RETRY = Verdict(None)
_STATUSES: dict[int, Trouble] = {429: "429", 529: "529"}


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
    place = retries = 0
    target = targets[0]
    outgoing = call.turn_to(target, request)
    turn = None
    while True:
        if turn is None and call.queue is not None and call.worst is not None:
            turn = await call.queue.wait(target, call.exchange.model, call.worst)
        tried = _Tried(target, clock.now(), clock.monotonic())
        try:
            answer = await target.send(outgoing)
            tried.status = answer.status
            if not isinstance(answer.body, bytes) and (
                answer.status >= 400 or is_json(answer.headers)
            ):
                answer.body = await read_all(answer)
        except TransportError as error:
            answer = tried.fail(error, call.exchange.exchange_id)
            # The upstream may go on with what nobody waits for.
            call.may_be_billed |= (
                isinstance(error, UpstreamTimeout) and error.request_bytes_sent > 0
            )
        finally:
            call.attempts.append(tried.close(clock.monotonic()))
        if turn is not None and await turn.wait_again(answer.status, answer.headers):
            await close_body(answer.body)
            continue
        turn = None
        verdict = tried.judge(answer, retries, clock, chance)
        # What is passed on while it comes in cannot be sent twice.
        if verdict.wait_s is not None and request.upload is None:
            await close_body(answer.body)
            await clock.sleep(verdict.wait_s)
            retries += 1
        elif tried.trouble in target.on and place + 1 < len(targets) and request.upload is None:
            await close_body(answer.body)
            place, retries = place + 1, 0
            target = targets[place]
            outgoing = call.turn_to(target, request)
        else:
            break
    if verdict.is_exhausted or (place and tried.trouble is not None):
        answer.headers = [line for line in answer.headers if line[0] != SHOULD_RETRY]
        answer.headers.append((SHOULD_RETRY, b"false"))
    return answer


class _Tried:
    """One try at one target."""

    __slots__ = ("_began", "_failure", "_started_at", "_target", "_unanswered", "status")

    def __init__(self, target: Target, started_at: float, began: float) -> None:
        self.status: int | None = None
        self._target = target
        self._started_at = started_at
        self._began = began
        self._failure: str | None = None
        self._unanswered: Trouble | None = None

    def fail(self, error: TransportError, exchange_id: str) -> HttpResponse:
        """The API's envelope for an answer that did not come, or not whole."""
        self._failure = redact_text(str(error))
        if self.status is None and not isinstance(error, RequestRefusedError):
            self._unanswered = "timeout" if isinstance(error, UpstreamTimeout) else "connect"
        return _build_failure(error, exchange_id)

    def close(self, ended: float) -> Attempt:
        duration_ms = (ended - self._began) * 1000
        target = self._target
        return Attempt(
            target.name,
            self._started_at,
            duration_ms,
            self.status,
            self._failure,
            target.tariff.platform,
            target.tariff.geo,
        )

    @property
    def trouble(self) -> Trouble | None:
        """What another upstream may do better; None for nothing."""
        status = self.status
        if status is None or self._unanswered is not None:
            return self._unanswered
        return _STATUSES.get(status) or ("5xx" if status >= 500 else None)

    def judge(self, answer: HttpResponse, retries: int, clock: Clock, chance: Random) -> Verdict:
        """Whether the same upstream is asked again."""
        retry = self._target.retry
        if retry is None:
            return _NO_RETRY
        if self._unanswered is not None:
            return retry.judge_failure(retries, chance)
        if self._failure is not None:
            return _NO_RETRY
        return retry.judge_answer(retries, answer.status, answer.headers, clock.now(), chance)


def _build_failure(error: TransportError, exchange_id: str) -> HttpResponse:
    match error:
        case RequestRefusedError():
            status, what = 400, "The request cannot be sent on"
        case UpstreamTimeout():
            status, what = 504, "The upstream did not answer in time"
        case _:
            status, what = 502, "The upstream could not be reached"
    refusal = ApiError(status, get_error_type(status), f"{what}: {error}")
    return build_refusal(refusal, derive_id("req", exchange_id))
