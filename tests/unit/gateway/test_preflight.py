"""What is refused before it costs a round trip, and what is let through."""

import asyncio
import json
from typing import Any

import pytest

from tanzaku.gateway import Gateway, Stages
from tanzaku.gateway._preflight import Preflight
from tanzaku.gateway._stages import ANYONE, Asked, Caller, Target
from tanzaku.transport import HttpResponse, get_header

GOOD = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
TEXT = "messages: at least one message is required"


class One:
    """Routes to one upstream, asked for `model`."""

    def __init__(self, send: Any, model: str | None) -> None:
        self.target = Target("main", send, model)

    def plan(self, asked: Asked, caller: Caller) -> list[Target]:
        assert caller == ANYONE
        return [self.target]


@pytest.fixture
def send(bench: Any, kit: Any) -> Any:
    def send_one(
        body: Any, preflight: Preflight, model: str | None = None
    ) -> tuple[HttpResponse, list[Any]]:
        upstream = kit.Upstream([kit.answer({"type": "message"})])
        stages = Stages(preflight=preflight)
        gateway = Gateway(
            One(upstream, model), ledger=bench.ledger, clock=bench.clock, stages=stages
        )
        return asyncio.run(gateway(kit.request(body))), upstream.requests

    return send_one


BROKEN = {**GOOD, "messages": []}


def test_what_is_wrong_for_sure_is_blocked_in_the_apis_own_words(send: Any, bench: Any) -> None:
    answer, asked = send(BROKEN, "block")
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["type"], error["message"]) == (400, "invalid_request_error", TEXT)
    assert get_header(answer.headers, b"tanzaku-preflight") == b"blocked"
    assert asked == []
    settled = bench.exchange.settlement
    assert (settled.status, settled.route) == (400, "gateway")


def test_a_warning_lets_it_through_and_names_it(send: Any) -> None:
    answer, asked = send(BROKEN, "warn")
    assert (answer.status, len(asked)) == (200, 1)
    assert TEXT in (get_header(answer.headers, b"tanzaku-violations") or b"").decode()


def test_off_looks_at_nothing(send: Any) -> None:
    answer, asked = send(BROKEN, "off")
    assert (answer.status, len(asked)) == (200, 1)
    assert get_header(answer.headers, b"tanzaku-violations") is None


@pytest.mark.parametrize("preflight", ["block", "warn"])
def test_a_good_request_passes_without_a_word(send: Any, preflight: Preflight) -> None:
    answer, asked = send(GOOD, preflight)
    assert (answer.status, len(asked)) == (200, 1)
    assert get_header(answer.headers, b"tanzaku-violations") is None


@pytest.mark.parametrize(
    "body",
    [
        {**GOOD, "model": "claude-of-a-relay", "messages": []},
        {**GOOD, "a_field_of_tomorrow": 1},
        {**GOOD, "model": "claude-3-5-haiku-20241022"},
    ],
    ids=["unknown model", "unknown field", "model retired at the first party"],
)
def test_what_an_upstream_may_know_better_is_not_blocked(send: Any, body: Any) -> None:
    answer, asked = send(body, "block")
    assert (answer.status, len(asked)) == (200, 1)


def test_the_model_that_is_really_asked_counts(send: Any) -> None:
    """Fewer output tokens are allowed to the old Haiku than to the one that is asked instead."""
    body = {**GOOD, "model": "claude-haiku-4-5", "max_tokens": 100_000}
    blocked, _ = send(body, "block")
    assert blocked.status == 400
    passed, asked = send(body, "block", model="claude-opus-5")
    assert (passed.status, len(asked)) == (200, 1)
