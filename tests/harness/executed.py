"""Executions as events: hand-made ones that hold every kind of thing a report must show."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tanzaku.core import SseDecoder
from tanzaku.core.plain_yaml import Place
from tanzaku.exchange import Attempt, Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.runner import (
    CaseEnded,
    CaseStarted,
    CaseVerdict,
    Event,
    ExecutionEnded,
    ExecutionStarted,
    ReplyCame,
    Spent,
)
from tanzaku.workbench.sending import Reply, TimedFrame

NOON = 1_795_780_800.0
MODEL = "claude-haiku-4-5-20251001"
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [
        {"type": "thinking", "thinking": "先查天气", "signature": "c2ln"},
        {"type": "text", "text": "我来查一下。"},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "北京"}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 1000, "output_tokens": 10},
}


def make_reply(
    body: bytes = json.dumps(MESSAGE, ensure_ascii=False).encode(),
    *,
    status: int = 200,
    content_type: str = "application/json",
    request_body: bytes = b'{"model": "claude-haiku-4-5", "messages": []}',
    usage: dict[str, Any] | None = MESSAGE["usage"],
    frame_times_ms: Sequence[float] = (),
) -> Reply:
    """A reply of the Messages API; `frame_times_ms` are those of a stream's frames."""
    exchange = Exchange(
        exchange_id="wb_1",
        started_at=NOON,
        method="POST",
        path="/v1/messages",
        request_headers=[("host", "127.0.0.1"), ("x-api-key", "***"), ("tanzaku-run", "r1")],
        request_body=request_body,
        model=MODEL,
        api_version="2023-06-01",
        labels={"run": "r1"},
        settlement=Settlement(
            settled_at=NOON + 0.5,
            status=status,
            route="http://127.0.0.1:4141",
            response_headers=[("content-type", content_type), ("request-id", "req_1")],
            response_body=body,
            timings=Timings(120.5, 480.0),
            attempts=[Attempt("http://127.0.0.1:4141", NOON, 480.0, status)],
            request_id="req_1",
            response_model=MODEL,
            stop_reason="tool_use",
            usage=usage,
            cost=Cost(Decimal("0.00105"), {"input": Decimal("0.001"), "output": Decimal("0.00005")})
            if usage
            else None,
            error=None if status < 400 else ExchangeError("invalid_request_error", "no"),
        ),
    )
    frames = SseDecoder().feed(body) if frame_times_ms else ()
    timed = (TimedFrame(*pair) for pair in zip(frame_times_ms, frames, strict=True))
    return Reply(exchange, tuple(timed), base_url="http://127.0.0.1:4141")


SPENT = Spent(1, {"input_tokens": 1000, "output_tokens": 10}, Decimal("0.00105"))


def make_case(
    key: str,
    verdict: CaseVerdict = "passed",
    outcomes: Sequence[Outcome] = (Outcome("status", "pass", 200, 200),),
    *,
    replies: Sequence[Reply] | None = None,
    name: str = "",
    reason: str = "",
    is_accepted: bool = False,
    attempts: int = 1,
) -> list[Event]:
    """A case's events. Without `replies` it got one, unless it was not executed."""
    if replies is None:
        replies = [make_reply()] if verdict in {"passed", "failed"} else []
    suite, _, _ = key.partition("#")
    events: list[Event] = [
        CaseStarted(NOON, key, name or f"名 {key}", suite, "positive", ["smoke"])
    ]
    events += [ReplyCame(NOON + 0.5, key, "", reply) for reply in replies]
    spent = SPENT if replies else Spent()
    reproduce = f"tanzaku test suites/{suite}.suite.yaml --case '{key}'"
    ended = CaseEnded(
        NOON + 1,
        key,
        verdict,
        list(outcomes),
        480.0,
        spent,
        attempts,
        reproduce,
        reason,
        is_accepted,
    )
    return [*events, ended]


FAILING = Outcome(
    "stop_reason",
    "fail",
    "end_turn",
    "tool_use",
    "$.stop_reason",
    "{found} is not {wanted}",
    {"found": "tool_use", "wanted": "end_turn"},
    place=Place("suites/weather.suite.yaml", 12, 9),
)
UNKNOWN = Outcome("cost_usd", "error", {"lte": 0.01}, None, "", "no price is known", {})


def make_execution(*cases: Sequence[Event], exit_code: int = 1) -> list[Event]:
    """The events of a whole execution of `cases`."""
    ends = [one for case in cases for one in case if isinstance(one, CaseEnded)]
    counts: dict[CaseVerdict, int] = dict.fromkeys(
        ("passed", "failed", "error", "skipped", "not_run"), 0
    )
    for end in ends:
        counts[end.verdict] += 1
    return [
        ExecutionStarted(
            at=NOON,
            execution="20261127-120000",
            environment="mock",
            is_live=False,
            seed=7,
            suites=list(dict.fromkeys(end.case.partition("#")[0] for end in ends)),
            cases=[end.case for end in ends],
            version="0.1.0",
        ),
        *(event for case in cases for event in case),
        ExecutionEnded(
            at=NOON + 2,
            counts=counts,
            spent=sum((end.spent for end in ends), Spent()),
            duration_ms=2000.0,
            stopped="",
            exit_code=exit_code,
            fixed=[],
        ),
    ]
