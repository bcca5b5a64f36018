"""The verdict on a client, over exchanges written down by hand."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.exchange import Cost, Exchange, ExchangeError, Settlement, Timings
from tanzaku.simulator.faults import UNKNOWN_FAULT, Bounds, ClientVerdict, judge_client

BODY = b'{"model":"m"}'
PRICE = Decimal("0.25")
USAGE = {"input_tokens": 10, "output_tokens": 5}
BROKEN = ExchangeError("api_error", "broken")
GONE = ExchangeError("client_gone", "The client left.")


class Log:
    """Exchanges on a clock of their own; each goes on where the last ended."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.exchanges: list[Exchange] = []

    def wait(self, seconds: float) -> "Log":
        self.now += seconds
        return self

    def send(
        self,
        status: int = 200,
        rule: str = "improviser/text",
        *,
        count: int | None = 0,
        lasts: float = 0.5,
        body: bytes = BODY,
        agent: str = "sdk",
        billed: bool | None = None,
        answer: bytes = b"event: x",
        error: ExchangeError | None = None,
        headers: dict[str, str] | None = None,
        is_open: bool = False,
    ) -> "Log":
        """One exchange; `count` is x-stainless-retry-count, None leaves it out."""
        sent = {"user-agent": agent}
        if count is not None:
            sent["x-stainless-retry-count"] = str(count)
        if status >= 400 and error is None:
            error = ExchangeError("some_error", "no")
        is_billed = status == 200 if billed is None else billed
        settlement = Settlement(
            settled_at=self.now + lasts,
            status=status,
            route="simulator",
            response_headers=list((headers or {}).items()),
            response_body=answer,
            timings=Timings(None, lasts * 1000),
            attempts=[],
            usage=USAGE if is_billed else None,
            cost=Cost(PRICE, {}) if is_billed else None,
            error=error,
            rule=rule,
        )
        self.exchanges.append(
            Exchange(
                exchange_id=f"exch_{len(self.exchanges)}",
                started_at=self.now,
                method="POST",
                path="/v1/messages",
                request_headers=list(sent.items()),
                request_body=body,
                settlement=None if is_open else settlement,
            )
        )
        self.now += lasts
        return self

    def judge(self, **bounds: float) -> ClientVerdict:
        (verdict,) = judge_client(
            self.exchanges,
            now=self.now,
            bounds=Bounds(**bounds),  # type: ignore[arg-type]
        )
        return verdict


def codes(verdict: ClientVerdict) -> list[str]:
    return [failure.code for failure in verdict.failures]


BUSY = {"retry-after": "2", "x-should-retry": "true"}


def test_a_client_that_waits_and_recovers_passes() -> None:
    log = Log().send(429, "fault:busy#1", headers=BUSY).wait(2.1).send(count=1)
    verdict = log.judge()
    assert verdict.passed
    assert (verdict.fault, verdict.happened, verdict.calls, verdict.retries) == ("busy", 1, 1, 1)
    assert (verdict.recovered, verdict.surfaced, verdict.kept, verdict.double_billed) == (
        1,
        0,
        0,
        0,
    )
    assert verdict.shortest_wait_s == pytest.approx(2.1)
    assert verdict.asked_wait_s == 2


def test_a_client_that_gives_up_passes() -> None:
    log = Log().send(529, "fault:overloaded#1").wait(0.4).send(529, "fault:overloaded#2", count=1)
    verdict = log.judge()
    assert verdict.passed
    assert (verdict.happened, verdict.calls, verdict.retries) == (2, 1, 1)
    assert (verdict.recovered, verdict.surfaced) == (0, 1)


@pytest.mark.parametrize(
    ("waited", "expected"), [(0.0, ["too_early"]), (1.9, ["too_early"]), (2.0, []), (9.0, [])]
)
def test_retry_after_is_to_be_waited_for(waited: float, expected: list[str]) -> None:
    log = Log().send(429, "fault:busy#1", headers=BUSY).wait(waited).send(count=1)
    assert codes(log.judge()) == expected


@pytest.mark.parametrize("status", [429, 500, 529])
def test_without_retry_after_some_pause_is_wanted(status: int) -> None:
    assert codes(Log().send(status, "fault:x#1").wait(0.05).send(count=1).judge()) == ["at_once"]
    assert Log().send(status, "fault:x#1").wait(0.4).send(count=1).judge().passed


@pytest.mark.parametrize("status", [444, 499, 409])
def test_a_connection_that_broke_and_a_conflict_may_be_tried_again_at_once(status: int) -> None:
    assert Log().send(status, "fault:x#1").send(count=1).judge().passed


@pytest.mark.parametrize(
    ("status", "wish", "expected"),
    [
        (400, None, ["pointless"]),
        (413, None, ["pointless"]),
        (408, None, []),
        (503, None, []),
        (400, "true", []),
        (503, "false", ["pointless"]),
    ],
)
def test_what_cannot_get_better_is_not_to_be_tried_again(
    status: int, wish: str | None, expected: list[str]
) -> None:
    headers = {} if wish is None else {"x-should-retry": wish}
    log = Log().send(status, "fault:x#1", headers=headers).wait(1).send(count=1)
    assert codes(log.judge()) == expected


def test_a_call_that_is_billed_twice_fails_with_what_it_wasted() -> None:
    log = Log().send(200, "fault:cut#1", error=BROKEN).wait(1).send(count=1)
    verdict = log.judge()
    assert codes(verdict) == ["double_billed"]
    assert (verdict.double_billed, verdict.extra_usd) == (1, PRICE)
    assert verdict.failures[0].exchange_id == "exch_1"


def test_an_answer_that_came_too_late_for_the_client_is_billed_all_the_same() -> None:
    log = Log().send(499, "fault:slow#1", error=GONE, billed=True).wait(0.5).send(count=1)
    assert codes(log.judge()) == ["double_billed"]


def test_only_the_fault_that_wasted_a_bill_is_blamed() -> None:
    log = Log().send(529, "fault:a#1").wait(1).send(200, "fault:b#1", count=1, error=BROKEN)
    log.wait(1).send(count=2)
    first, second = judge_client(log.exchanges, now=log.now)
    assert (first.fault, first.passed, first.recovered) == ("a", True, 1)
    assert (second.fault, codes(second), second.extra_usd) == ("b", ["double_billed"], PRICE)


def test_an_answer_that_had_begun_is_not_to_be_asked_for_again_even_if_nothing_is_billed() -> None:
    log = Log().send(200, "fault:cut#1", error=BROKEN, billed=False).wait(1)
    log.send(529, "limit", count=1)
    assert codes(log.judge()) == ["resent"]


def test_an_altered_answer_that_is_kept_passes() -> None:
    verdict = Log().send(200, "fault:gzip#1", answer=b"").judge()
    assert verdict.passed
    assert (verdict.kept, verdict.surfaced) == (1, 0)


def test_a_stream_that_never_began_and_was_left_is_given_up() -> None:
    verdict = Log().send(200, "fault:stall#1", answer=b"", error=GONE).judge()
    assert (verdict.kept, verdict.surfaced) == (0, 1)


def test_a_client_that_waits_too_long_hangs() -> None:
    log = Log().send(200, "fault:stall#1", lasts=61)
    assert codes(log.judge()) == ["hung"]
    assert log.judge(hang_s=120).passed


def test_a_try_under_way_for_too_long_hangs_whatever_happened_to_it() -> None:
    log = Log().send(200, "fault:stall#1", lasts=1).send(is_open=True, body=b"other").wait(100)
    first, second = judge_client(log.exchanges, now=log.now)
    assert first.passed
    assert (second.fault, second.hung, codes(second)) == (UNKNOWN_FAULT, 1, ["hung"])
    assert len(judge_client(log.exchanges, now=log.now, bounds=Bounds(hang_s=500))) == 1


def test_endless_retries_fail() -> None:
    log = Log()
    for n in range(7):
        log.send(529, f"fault:x#{n + 1}", count=n).wait(1)
    verdict = log.judge()
    assert codes(verdict) == ["too_many"]
    assert (verdict.most_retries, log.judge(most_retries=6).passed) == (6, True)


def test_a_client_without_a_count_is_known_by_its_body() -> None:
    log = Log().send(429, "fault:busy#1", headers=BUSY, count=None).send(count=None)
    verdict = log.judge()
    assert (verdict.retries, codes(verdict)) == (1, ["too_early"])


@pytest.mark.parametrize(
    "other",
    [
        {"body": b'{"model":"n"}'},
        {"agent": "another"},
        {"count": 0},
    ],
    ids=["body", "agent", "first-try-of-the-sdk"],
)
def test_another_call_is_no_retry(other: dict[str, Any]) -> None:
    log = Log().send(529, "fault:x#1", count=None).send(**{"count": None} | other)
    assert (log.judge().retries, log.judge().surfaced) == (0, 1)


def test_the_same_body_much_later_is_another_call() -> None:
    log = Log().send(529, "fault:x#1", count=None).wait(61).send(count=None)
    assert log.judge().retries == 0
    assert log.judge(resend_s=100).retries == 1


def test_a_loop_around_the_sdk_that_sends_again_what_had_begun_is_billed_twice() -> None:
    log = Log().send(200, "fault:cut#1", count=0, error=BROKEN).wait(1).send(count=0)
    assert codes(log.judge()) == ["double_billed"]


def test_the_same_prompt_after_a_good_answer_is_another_call() -> None:
    log = Log()
    for _ in range(8):
        log.send(count=None).wait(1)
    assert log.send(529, "fault:x#1", count=None).judge().passed


def test_only_the_last_fault_of_a_call_is_given_up_on() -> None:
    log = Log().send(529, "fault:a#1").wait(1).send(529, "fault:b#1", count=1)
    first, second = judge_client(log.exchanges, now=log.now)
    assert (first.fault, first.surfaced) == ("a", 0)
    assert (second.fault, second.surfaced) == ("b", 1)


def test_calls_of_the_same_body_side_by_side_keep_their_own_tries() -> None:
    log = Log()
    for _ in range(3):
        log.send(529, "fault:x#1", lasts=0.01)
    for _ in range(3):
        log.wait(0.5).send(count=1, lasts=0.01)
    verdict = log.judge()
    assert (verdict.calls, verdict.retries, verdict.recovered) == (3, 3, 3)
    assert verdict.passed


def test_without_faults_there_is_no_verdict() -> None:
    assert judge_client(Log().send().send(529, "limit").exchanges, now=2000) == []


def test_a_verdict_is_told_as_json() -> None:
    log = Log().send(200, "fault:cut#1", error=BROKEN).wait(1).send(count=1)
    document = json.loads(json.dumps(log.judge().to_json()))
    assert document == {
        "fault": "cut",
        "happened": 1,
        "calls": 1,
        "retries": 1,
        "most_retries": 1,
        "shortest_wait_s": 1.0,
        "asked_wait_s": None,
        "recovered": 1,
        "surfaced": 0,
        "kept": 0,
        "double_billed": 1,
        "extra_usd": "0.25",
        "hung": 0,
        "passed": False,
        "failures": [
            {"code": "double_billed", "exchange_id": "exch_1", "times": "2", "usd": "0.25"}
        ],
    }


@given(
    tries=st.lists(
        st.tuples(st.sampled_from([200, 429, 529, 444]), st.booleans(), st.integers(0, 3)),
        max_size=12,
    ),
    order=st.randoms(use_true_random=False),
)
def test_nothing_is_counted_twice_or_lost(tries: list[tuple[int, bool, int]], order: Any) -> None:
    log = Log()
    for status, is_struck, count in tries:
        log.wait(1).send(status, "fault:x#1" if is_struck else "other", count=count)
    struck = sum(is_struck for _, is_struck, _ in tries)
    exchanges = list(log.exchanges)
    order.shuffle(exchanges)
    verdicts = judge_client(exchanges, now=log.now)
    assert sum(verdict.happened for verdict in verdicts) == struck
    assert verdicts == judge_client(log.exchanges, now=log.now)
    for verdict in verdicts:
        assert verdict.recovered + verdict.surfaced + verdict.kept <= verdict.calls
