"""Retries before the first byte, with time skipped and trouble scripted."""

import json
from typing import Any

import pytest

from tanzaku.gateway import RetryPolicy
from tanzaku.transport import (
    BrokenResponse,
    ConnectError,
    RequestRefusedError,
    TransportError,
    UpstreamTimeout,
)

BRIEF = RetryPolicy(max_retries=3, backoff_s=(1, 2, 4))
MESSAGE = {
    "type": "message",
    "model": "claude-haiku-4-5-20251001",
    "content": [],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 2},
}


def test_the_briefs_pauses_of_1_2_4_seconds_end_in_the_answer(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([*[kit.answer({}, 529)] * 3, kit.answer(MESSAGE)])
    answer = bench.send(upstream, kit.request(), retry=BRIEF)
    assert (answer.status, json.loads(answer.body)) == (200, MESSAGE)
    assert bench.clock.slept == [1, 2, 4]
    attempts = bench.exchange.settlement.attempts
    assert [attempt.status for attempt in attempts] == [529, 529, 529, 200]
    assert [attempt.started_at - attempts[0].started_at for attempt in attempts] == [0, 1, 3, 7]


def test_each_attempt_sends_the_same_request(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.answer({}, 500), kit.answer(MESSAGE)])
    request = kit.request()
    bench.send(upstream, request, retry=BRIEF)
    assert [seen.body for seen in upstream.requests] == [request.body] * 2
    assert upstream.requests[0].headers == upstream.requests[1].headers


def test_after_used_up_retries_the_client_is_told_not_to_try_again(bench: Any, kit: Any) -> None:
    headers = [(b"x-should-retry", b"true"), (b"retry-after", b"3")]
    upstream = kit.Upstream([kit.answer({"type": "error"}, 429, headers)])
    answer = bench.send(upstream, kit.request(), retry=BRIEF)
    assert answer.status == 429
    assert [value for name, value in answer.headers if name == b"x-should-retry"] == [b"false"]
    assert (b"retry-after", b"3") in answer.headers
    assert bench.clock.slept == [3, 3, 3]


def test_a_pause_over_the_cap_hands_the_answer_on_untouched(bench: Any, kit: Any) -> None:
    headers = [(b"retry-after", b"3600")]
    upstream = kit.Upstream([kit.answer({"type": "error"}, 429, headers)])
    answer = bench.send(upstream, kit.request(), retry=BRIEF)
    assert (len(upstream.requests), bench.clock.slept) == (1, [])
    assert b"x-should-retry" not in dict(answer.headers)
    assert (b"retry-after", b"3600") in answer.headers


def test_an_answer_that_stands_is_passed_at_once(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([kit.answer({"type": "error"}, 400)])
    answer = bench.send(upstream, kit.request(), retry=BRIEF)
    assert (len(upstream.requests), bench.clock.slept) == (1, [])
    assert b"x-should-retry" not in dict(answer.headers)


@pytest.mark.parametrize("status", [408, 429, 500, 529])
def test_without_a_policy_nothing_is_tried_again(bench: Any, kit: Any, status: int) -> None:
    upstream = kit.Upstream([kit.answer({"type": "error"}, status)])
    answer = bench.send(upstream, kit.request())
    assert (answer.status, len(upstream.requests)) == (status, 1)
    assert b"x-should-retry" not in dict(answer.headers)


FAILURES: list[tuple[TransportError, int, str]] = [
    (ConnectError("refused"), 502, "api_error"),
    (BrokenResponse("closed"), 502, "api_error"),
    (UpstreamTimeout("first_byte", 600), 504, "timeout_error"),
    (UpstreamTimeout("connect", 10), 504, "timeout_error"),
]


@pytest.mark.parametrize(("failure", "status", "error_type"), FAILURES)
def test_an_upstream_that_never_answers_becomes_an_api_error(
    bench: Any, kit: Any, failure: TransportError, status: int, error_type: str
) -> None:
    upstream = kit.Upstream([failure])
    answer = bench.send(upstream, kit.request(), retry=RetryPolicy(max_retries=1, backoff_s=(1,)))
    body = json.loads(answer.body)
    assert (answer.status, body["type"], body["error"]["type"]) == (status, "error", error_type)
    assert str(failure) in body["error"]["message"]
    assert (b"request-id", body["request_id"].encode()) in answer.headers
    assert (b"x-should-retry", b"false") in answer.headers
    assert bench.clock.slept == [1]
    settled = bench.exchange.settlement
    assert [attempt.error for attempt in settled.attempts] == [str(failure)] * 2
    assert (settled.status, settled.error.type, settled.cost) == (status, error_type, None)


def test_a_connection_that_comes_back_is_enough(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([ConnectError("refused"), kit.answer(MESSAGE)])
    assert bench.send(upstream, kit.request(), retry=BRIEF).status == 200
    attempts = bench.exchange.settlement.attempts
    assert [(a.status, a.error) for a in attempts] == [(None, "refused"), (200, None)]


def test_a_request_that_cannot_be_sent_is_the_clients_fault(bench: Any, kit: Any) -> None:
    upstream = kit.Upstream([RequestRefusedError("a line break in a header")])
    answer = bench.send(upstream, kit.request(), retry=BRIEF)
    assert (answer.status, len(upstream.requests)) == (400, 1)
    assert json.loads(answer.body)["error"]["type"] == "invalid_request_error"


def test_an_answer_that_breaks_after_its_header_is_not_paid_for_twice(bench: Any, kit: Any) -> None:
    broken = kit.stream(b'{"type":', broken=BrokenResponse("closed", response_bytes_received=200))
    broken.headers[0] = (b"content-type", b"application/json")
    upstream = kit.Upstream([broken])
    answer = bench.send(upstream, kit.request(), retry=BRIEF)
    assert (answer.status, len(upstream.requests)) == (502, 1)
    assert json.loads(answer.body)["error"]["type"] == "api_error"
