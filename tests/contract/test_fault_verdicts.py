"""The verdict on clients that really ran: the official SDK, and clients with one bad habit each."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from harness.faulty import (
    QUESTION,
    Faulty,
    is_silent,
    open_faulty,
    read_exchanges,
    read_frames,
)
from tanzaku.core import SystemClock
from tanzaku.ledger import Ledger
from tanzaku.simulator.faults import Bounds, ClientVerdict, Fault, When, judge_client

TRANSPORT_ERRORS = (anthropic.APIError, httpx2.HTTPError)


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    with open_faulty() as opened:
        yield opened


def judge(faulty: Faulty, bounds: Bounds = Bounds()) -> ClientVerdict:  # noqa: B008 - frozen
    (verdict,) = judge_client(faulty.exchanges, now=SystemClock().now(), bounds=bounds)
    return verdict


def judge_ledger(path: Path, *, hang_s: float) -> ClientVerdict:
    """The verdict once the server is down: only then has every client's leaving been noticed."""
    with Ledger.read(path) as ledger:
        exchanges = read_exchanges(ledger)
    now = SystemClock().now()
    (verdict,) = judge_client(exchanges, now=now, bounds=Bounds(hang_s=hang_s))
    return verdict


def read_stream(client: anthropic.Anthropic) -> Any:
    """The final message of a stream that answers QUESTION."""
    with client.messages.stream(**QUESTION) as stream:
        return stream.get_final_message()


def codes(verdict: ClientVerdict) -> list[str]:
    return [failure.code for failure in verdict.failures]


def ask_plainly(faulty: Faulty, *, stream: bool = False) -> int:
    """One request without the SDK; the status, 0 where no answer came through."""
    connection = http.client.HTTPConnection("127.0.0.1", faulty.port, timeout=20)
    headers = {
        "x-api-key": "k",
        "anthropic-version": "2026-10-21",
        "user-agent": "plain",
        "content-type": "application/json",
    }
    try:
        connection.request(
            "POST", "/v1/messages", json.dumps(QUESTION | {"stream": stream}), headers
        )
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()


@pytest.mark.fidelity(
    "faults", "what a client did about each fault, with pass or fail", "guess", "none"
)
def test_the_sdk_passes_where_it_waits_and_tries_again(faulty: Faulty) -> None:
    faulty.plan(Fault("rate-limit", {"retry_after": 1}, times=1))
    with faulty.client(max_retries=2) as client:
        assert client.messages.create(**QUESTION).stop_reason == "end_turn"
    verdict = judge(faulty)
    assert verdict.passed
    assert (verdict.retries, verdict.recovered, verdict.asked_wait_s) == (1, 1, 1)
    assert verdict.shortest_wait_s is not None
    assert 1 <= verdict.shortest_wait_s < 20


@pytest.mark.parametrize("name", ["overloaded", "internal", "reset", "conflict"])
def test_the_sdk_passes_with_its_own_pauses(faulty: Faulty, name: str) -> None:
    faulty.plan(Fault(name, times=1))
    with faulty.client(max_retries=2) as client:
        client.messages.create(**QUESTION)
    verdict = judge(faulty)
    assert (verdict.passed, verdict.retries, verdict.recovered) == (True, 1, 1)


@pytest.mark.parametrize("name", ["authentication", "too-large", "not-found", "low-credit"])
def test_the_sdk_gives_up_what_cannot_get_better(faulty: Faulty, name: str) -> None:
    faulty.plan(Fault(name))
    with faulty.client(max_retries=2) as client, pytest.raises(anthropic.APIStatusError):
        client.messages.create(**QUESTION)
    verdict = judge(faulty)
    assert (verdict.passed, verdict.retries, verdict.surfaced) == (True, 0, 1)


@pytest.mark.parametrize("name", ["cut", "reset-midway", "error-event", "malformed-sse"])
def test_the_sdk_does_not_ask_again_for_a_stream_that_had_begun(faulty: Faulty, name: str) -> None:
    faulty.plan(Fault(name))
    with faulty.client(max_retries=2) as client, pytest.raises((*TRANSPORT_ERRORS, ValueError)):
        read_stream(client)
    verdict = judge(faulty)
    assert (verdict.passed, verdict.retries, verdict.kept) == (True, 0, 1)


def test_two_sdk_calls_of_the_same_prompt_side_by_side_are_two_calls(faulty: Faulty) -> None:
    faulty.plan(Fault("overloaded", when=When(nth_call=(1, 2))))
    with faulty.client(max_retries=0) as client:
        for _ in range(2):
            with pytest.raises(anthropic.OverloadedError):
                client.messages.create(**QUESTION)
        client.messages.create(**QUESTION)
    verdict = judge(faulty)
    assert (verdict.passed, verdict.calls, verdict.surfaced) == (True, 2, 2)


def test_even_the_sdk_pays_twice_for_a_whole_answer_that_breaks_midway(faulty: Faulty) -> None:
    faulty.plan(Fault("cut", times=1))
    with faulty.client(max_retries=2) as client:
        client.messages.create(**QUESTION)
    verdict = judge(faulty)
    assert codes(verdict) == ["double_billed"]
    (cost,) = {
        e.settlement.cost.total_usd for e in faulty.exchanges if e.settlement and e.settlement.cost
    }
    assert verdict.extra_usd == cost


def test_a_client_that_tries_again_at_once_fails(faulty: Faulty) -> None:
    faulty.plan(Fault("overloaded", times=1))
    assert [ask_plainly(faulty), ask_plainly(faulty)] == [529, 200]
    assert codes(judge(faulty, Bounds(at_once_s=10))) == ["at_once"]


def test_a_client_that_ignores_retry_after_fails(faulty: Faulty) -> None:
    faulty.plan(Fault("rate-limit", {"retry_after": 5}, times=1))
    assert [ask_plainly(faulty), ask_plainly(faulty)] == [429, 200]
    verdict = judge(faulty)
    assert codes(verdict) == ["too_early"]
    assert verdict.failures[0].values["asked"] == "5"


def test_a_client_that_tries_again_what_was_refused_fails(faulty: Faulty) -> None:
    faulty.plan(Fault("authentication", times=1))
    assert [ask_plainly(faulty), ask_plainly(faulty)] == [401, 200]
    assert codes(judge(faulty)) == ["pointless"]


def test_a_client_that_never_stops_trying_fails(faulty: Faulty) -> None:
    faulty.plan(Fault("conflict"))
    assert {ask_plainly(faulty) for _ in range(8)} == {409}
    assert codes(judge(faulty)) == ["too_many"]


def test_a_client_that_sends_a_broken_stream_again_pays_twice(faulty: Faulty) -> None:
    faulty.plan(Fault("cut", times=1))
    assert [ask_plainly(faulty, stream=True), ask_plainly(faulty, stream=True)] == [0, 200]
    verdict = judge(faulty)
    assert codes(verdict) == ["double_billed"]
    assert verdict.extra_usd > 0


def test_a_loop_around_the_sdk_pays_twice_for_a_broken_stream(faulty: Faulty) -> None:
    faulty.plan(Fault("error-event", times=1))
    answers = []
    with faulty.client() as client:
        while not answers:
            try:
                answers.append(read_stream(client))
            except anthropic.APIError:
                continue
    assert codes(judge(faulty)) == ["double_billed"]


def test_a_client_that_waits_on_a_dead_stream_hangs(tmp_path: Path) -> None:
    with open_faulty(tmp_path / "ledger.db") as faulty:
        faulty.plan(Fault("stall"))
        with faulty.connect(stream=True) as sock:
            read_frames(sock, 1)
            assert is_silent(sock, 0.4)
    assert codes(judge_ledger(tmp_path / "ledger.db", hang_s=0.3)) == ["hung"]


def test_a_client_that_leaves_a_dead_stream_in_time_passes(tmp_path: Path) -> None:
    with open_faulty(tmp_path / "ledger.db") as faulty:
        faulty.plan(Fault("stall"))
        with faulty.client(timeout=2) as client, pytest.raises(httpx2.ReadTimeout):
            read_stream(client)
    verdict = judge_ledger(tmp_path / "ledger.db", hang_s=60)
    assert (verdict.passed, verdict.hung, verdict.kept) == (True, 0, 1)
