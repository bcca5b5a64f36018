"""How well a client took the faults that happened to it: a pure judgement over exchanges."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from tanzaku.exchange import Exchange
from tanzaku.simulator.faults._calls import Attempt, group_calls

type Failing = Literal[
    "too_early", "at_once", "pointless", "too_many", "double_billed", "resent", "hung"
]

_RETRIED_STATUSES = frozenset({408, 409, 429})
_NEVER_ANSWERED = frozenset({444, 499})
_SLACK_S = 0.05

UNKNOWN_FAULT = "?"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is still good behaviour. Only `retry-after` is the API's word; the others are ours.

    `at_once_s`: a pause below it is none, where the API names none (429 and from 500 on; the SDK
    waits 0.375 s or more). `most_retries` of one call. `hang_s`: how long a client may sit on an
    answer that does not go on. `resend_s`: how long after a fault the same body from the same
    client still counts as another try.
    """

    at_once_s: float = 0.1
    most_retries: int = 5
    hang_s: float = 60.0
    resend_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Failure:
    """What a client did wrong, at which exchange; `values` are the figures of the sentence
    `faults.failure.CODE`."""

    code: Failing
    exchange_id: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class ClientVerdict:
    """What a client did about one fault.

    `happened` exchanges met it, in `calls` calls. After it the client tried again (`retries`, at
    most `most_retries` in one call, after `shortest_wait_s` at least; the API had asked for
    `asked_wait_s` at most) or not: `surfaced` counts the calls it gave up with an error, `kept`
    those whose altered answer it kept, `recovered` those a later try of which was good.
    `double_billed` calls cost more than once, `extra_usd` more than they had to; `hung` tries were
    held open too long.
    """

    fault: str
    happened: int = 0
    calls: int = 0
    retries: int = 0
    most_retries: int = 0
    shortest_wait_s: float | None = None
    asked_wait_s: float | None = None
    recovered: int = 0
    surfaced: int = 0
    kept: int = 0
    double_billed: int = 0
    extra_usd: Decimal = Decimal(0)
    hung: int = 0
    failures: list[Failure] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        """The attributes by their names, seconds to the millisecond, dollars as a string."""
        names = (
            "fault", "happened", "calls", "retries", "most_retries", "shortest_wait_s",
            "asked_wait_s", "recovered", "surfaced", "kept", "double_billed", "extra_usd", "hung",
        )  # fmt: skip
        document: dict[str, Any] = {name: getattr(self, name) for name in names}
        if self.shortest_wait_s is not None:
            document["shortest_wait_s"] = round(self.shortest_wait_s, 3)
        document["extra_usd"] = f"{self.extra_usd:f}"
        document["passed"] = self.passed
        document["failures"] = [
            {"code": failure.code, "exchange_id": failure.exchange_id, **failure.values}
            for failure in self.failures
        ]
        return document


def judge_client(
    exchanges: Iterable[Exchange],
    *,
    now: float,
    bounds: Bounds = Bounds(),
) -> list[ClientVerdict]:
    """The verdict on each fault that happened, in the order they first did.

    `exchanges` hold headers and bodies, faults those whose rule is `fault:NAME#N`. One under way
    names no fault yet: when it is too old at `now` (Unix seconds) it hangs under UNKNOWN_FAULT.
    What a client does with an answer that it kept cannot be seen from here.
    """
    verdicts: dict[str, ClientVerdict] = {}
    for call in group_calls(exchanges, resend_s=bounds.resend_s):
        for fault in dict.fromkeys(a.fault for a in call if a.fault is not None):
            _judge_call(verdicts.setdefault(fault, ClientVerdict(fault)), call, bounds)
        for attempt in call:
            if attempt.ended_at is None and now - attempt.started_at > bounds.hang_s:
                unknown = verdicts.setdefault(UNKNOWN_FAULT, ClientVerdict(UNKNOWN_FAULT))
                unknown.happened += 1
                unknown.calls += 1
                _judge_waiting(unknown, attempt, now, bounds)
    return list(verdicts.values())


def _judge_call(verdict: ClientVerdict, call: Sequence[Attempt], bounds: Bounds) -> None:
    verdict.calls += 1
    retries = 0
    for at, attempt in enumerate(call):
        if attempt.fault != verdict.fault:
            continue
        verdict.happened += 1
        if attempt.ended_at is not None:
            _judge_waiting(verdict, attempt, attempt.ended_at, bounds)
        if at + 1 < len(call):
            retries += 1
            _judge_retry(verdict, attempt, call[at + 1], bounds)
    verdict.retries += retries
    verdict.most_retries = max(verdict.most_retries, retries)
    last = call[-1]
    if len(call) - 1 > bounds.most_retries:
        values = {"retries": str(len(call) - 1), "most": str(bounds.most_retries)}
        verdict.failures.append(Failure("too_many", last.exchange.exchange_id, values))
    if last.is_good:
        verdict.recovered += 1
    elif last.fault == verdict.fault:
        if last.has_begun:
            verdict.kept += 1
        else:
            verdict.surfaced += 1
    _judge_bill(verdict, call)


def _judge_waiting(verdict: ClientVerdict, attempt: Attempt, until: float, bounds: Bounds) -> None:
    held_s = until - attempt.started_at
    if held_s > bounds.hang_s:
        verdict.hung += 1
        values = {"seconds": f"{held_s:.1f}", "most": f"{bounds.hang_s:g}"}
        verdict.failures.append(Failure("hung", attempt.exchange.exchange_id, values))


def _judge_retry(verdict: ClientVerdict, attempt: Attempt, retry: Attempt, bounds: Bounds) -> None:
    ended = attempt.started_at if attempt.ended_at is None else attempt.ended_at
    waited_s = max(0.0, retry.started_at - ended)
    if verdict.shortest_wait_s is None or waited_s < verdict.shortest_wait_s:
        verdict.shortest_wait_s = waited_s
    asked_s = _read_retry_after(attempt)
    if asked_s is not None:
        verdict.asked_wait_s = max(asked_s, verdict.asked_wait_s or 0.0)
    for code, values in _find_mistakes(attempt, retry, waited_s, asked_s, bounds):
        verdict.failures.append(Failure(code, retry.exchange.exchange_id, values))


def _find_mistakes(
    attempt: Attempt, retry: Attempt, waited_s: float, asked_s: float | None, bounds: Bounds
) -> Iterator[tuple[Failing, dict[str, str]]]:
    """What is wrong with trying again after `attempt`; what it cost is judged apart."""
    settled = attempt.exchange.settlement
    status = settled.status if settled is not None else 0
    if attempt.has_begun:
        if not retry.is_billed:
            yield "resent", {}
    elif status >= 400 and status not in _NEVER_ANSWERED and not _is_worth_retry(attempt, status):
        yield "pointless", {"status": str(status)}
    elif asked_s is not None:
        if waited_s < asked_s - _SLACK_S:
            yield "too_early", {"waited": f"{waited_s:.2f}", "asked": f"{asked_s:g}"}
    elif waited_s < bounds.at_once_s and (status == 429 or status >= 500):
        yield "at_once", {"status": str(status), "waited": f"{waited_s:.2f}"}


def _judge_bill(verdict: ClientVerdict, call: Sequence[Attempt]) -> None:
    """A try that the fault spoilt was paid for in vain when a later one is paid for again."""
    billed = [attempt for attempt in call if attempt.is_billed]
    in_vain = [attempt for attempt in billed[:-1] if attempt.fault == verdict.fault]
    if not in_vain:
        return
    verdict.double_billed += 1
    costs = [a.exchange.settlement.cost for a in in_vain if a.exchange.settlement is not None]
    wasted = sum((cost.total_usd for cost in costs if cost is not None), Decimal(0))
    verdict.extra_usd += wasted
    values = {"times": str(len(billed)), "usd": f"{wasted:f}"}
    verdict.failures.append(Failure("double_billed", billed[-1].exchange.exchange_id, values))


def _is_worth_retry(attempt: Attempt, status: int) -> bool:
    wish = attempt.find_header("x-should-retry")
    if wish in ("true", "false"):
        return wish == "true"
    return status in _RETRIED_STATUSES or status >= 500


def _read_retry_after(attempt: Attempt) -> float | None:
    """The pause in seconds that the answer asked for."""
    header = attempt.find_header("retry-after") or ""
    return float(header) if header.isascii() and header.isdigit() else None
