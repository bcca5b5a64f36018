"""Errors on order: `Faults.fail`."""

import json
from typing import Any

import pytest

from tanzaku.simulator.faults import Fault, Faults
from tanzaku.transport import HttpRequest, get_header


@pytest.mark.parametrize(
    ("status", "error_type", "message", "should_retry"),
    [
        (529, "overloaded_error", "Overloaded", b"true"),
        (500, "api_error", "Internal server error", b"true"),
        (429, "rate_limit_error", "This request would exceed", b"true"),
        (401, "authentication_error", "invalid x-api-key", b"false"),
        (413, "request_too_large", "Request exceeds the maximum size", b"false"),
    ],
)
def test_an_error_has_the_apis_form(
    bench: Any, status: int, error_type: str, message: str, should_retry: bytes
) -> None:
    bench.faults.fail(status)
    upstream = bench.Upstream()
    response = bench.ask(upstream=upstream)
    assert (response.status, upstream.asked) == (status, 0)
    body = json.loads(response.body)
    assert body["type"] == "error"
    assert body["error"]["type"] == error_type
    assert body["error"]["message"].startswith(message)
    assert body["request_id"].encode() == get_header(response.headers, b"request-id")
    assert get_header(response.headers, b"x-should-retry") == should_retry


def test_errors_come_as_often_as_ordered_and_in_order(bench: Any) -> None:
    bench.faults.fail(529, times=2)
    bench.faults.fail(429, retry_after=7, message="slow down")
    answers = [bench.ask() for _ in range(4)]
    assert [answer.status for answer in answers] == [529, 529, 429, 200]
    assert get_header(answers[2].headers, b"retry-after") == b"7"
    assert json.loads(answers[2].body)["error"]["message"] == "slow down"


def test_a_429_on_order_asks_for_no_pause_of_its_own(bench: Any) -> None:
    bench.faults.fail(429)
    assert get_header(bench.ask().headers, b"retry-after") is None


def test_a_status_without_a_kind_of_its_own_can_be_ordered(bench: Any) -> None:
    bench.faults.fail(418, error_type="teapot_error")
    answer = bench.ask()
    assert (answer.status, json.loads(answer.body)["error"]["type"]) == (418, "teapot_error")


def test_each_error_has_a_number_and_an_id_of_its_own(bench: Any) -> None:
    bench.faults.fail(529)
    bench.faults.fail(529)
    answers = [bench.ask() for _ in range(2)]
    rules = [get_header(answer.headers, b"tanzaku-rule") for answer in answers]
    assert rules == [b"fault:overloaded#1", b"fault:overloaded#2"]
    assert len({get_header(answer.headers, b"request-id") for answer in answers}) == 2


@pytest.mark.parametrize(
    ("path", "method"), [("/v1/messages/count_tokens", "POST"), ("/v1", "GET")]
)
def test_only_messages_fail(bench: Any, path: str, method: str) -> None:
    bench.faults.fail(529)
    assert not bench.fires(bench.request(path, method=method))
    assert bench.fires()


@pytest.mark.parametrize(("status", "times"), [(200, 1), (399, 1), (600, 1), (529, 0)])
def test_an_impossible_order_is_refused(status: int, times: int) -> None:
    with pytest.raises(ValueError, match=r"status|times"):
        Faults().fail(status, times=times)


def test_an_order_goes_before_the_plan(bench: Any) -> None:
    bench.plan(Fault("internal"))
    bench.faults.fail(529)
    assert [bench.ask().status for _ in range(2)] == [529, 500]


def test_an_order_is_for_the_edge_only() -> None:
    faults = Faults()
    faults.fail(529)
    assert faults.intercept(HttpRequest("POST", "/v1/messages", [], b"{}"), "upstream") is None


def test_a_reset_forgets_orders_and_counts(bench: Any) -> None:
    bench.plan(Fault("internal", times=1))
    assert bench.fires()
    bench.faults.fail(529, times=5)
    assert bench.faults.to_json()["on_order"] == 5
    bench.faults.reset()
    first, second = bench.ask(), bench.ask()
    assert get_header(first.headers, b"tanzaku-rule") == b"fault:internal#1"
    assert second.status == 200
