"""The stages of a call: who may enter, what is held for it, where it goes, what it becomes when the
first upstream has no answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from tanzaku.exchange import Exchange
from tanzaku.gateway import Gateway, RetryPolicy, Stages
from tanzaku.gateway._stages import Asked, Caller, Target, Used, Worst
from tanzaku.transport import ConnectError, HttpRequest, HttpResponse, UpstreamTimeout, read_all
from tanzaku.wire import ApiError

JSON = (b"content-type", b"application/json")
PLAIN = Stages()
USAGE = {"input_tokens": 10, "output_tokens": 4}
MESSAGE = {
    "type": "message",
    "model": "claude-haiku-4-5-20251001",
    "stop_reason": "end_turn",
    "usage": USAGE,
}
ASKED = {
    "model": "claude-haiku-4-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
GOOD = HttpResponse(200, [JSON], json.dumps(MESSAGE).encode())


def fail(status: int) -> HttpResponse:
    envelope = {"type": "error", "error": {"type": "api_error", "message": str(status)}}
    return HttpResponse(status, [JSON, (b"x-should-retry", b"true")], json.dumps(envelope).encode())


@dataclass
class Upstream:
    """Gives its answers in turn, the last one again and again."""

    answers: Sequence[HttpResponse | Exception]
    requests: list[HttpRequest] = field(default_factory=list)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        self.requests.append(request)
        answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return HttpResponse(answer.status, list(answer.headers), answer.body)


@dataclass
class Way:
    """Routes that are a list."""

    targets: Sequence[Target]

    def plan(self, asked: Asked, caller: Caller) -> Sequence[Target]:
        return self.targets


@dataclass
class Hold:
    used: list[Used] = field(default_factory=list)

    def settle(self, used: Used, now: float) -> None:
        self.used.append(used)


@dataclass
class Treasury:
    """Holds everything, or refuses everything; remembers what it was told."""

    refusal: ApiError | None = None
    hold: Hold = field(default_factory=Hold)
    worst: Worst | None = None

    def reserve(self, caller: Caller, asked: Asked, worst: Worst | None) -> Hold:
        if self.refusal is not None:
            raise self.refusal
        self.worst = worst
        return self.hold


class ForBlue:
    """Lets everyone in as the team blue, which may not ask Opus."""

    def identify(self, asked: Asked) -> Caller:
        if b"x-api-key" not in dict(asked.request.headers):
            raise ApiError.missing_credential()
        return Caller("key_1", "blue", "ann", ("prod", "eu"))

    def check(self, asked: Asked, caller: Caller) -> None:
        if asked.model == "claude-opus-5":
            raise ApiError(403, "permission_error", f"{caller.key_id} may not use it")


def send(
    bench: Any, targets: Sequence[Target], stages: Stages = PLAIN, **changes: Any
) -> HttpResponse:
    body = json.dumps(ASKED | changes).encode()
    headers = [JSON, (b"x-api-key", b"k"), (b"anthropic-version", b"2023-06-01")]
    headers.append((b"tanzaku-team", b"forged"))

    async def go() -> HttpResponse:
        gateway = Gateway(Way(targets), ledger=bench.ledger, clock=bench.clock, stages=stages)
        answer = await gateway(HttpRequest("POST", "/v1/messages", headers, body))
        return HttpResponse(answer.status, answer.headers, await read_all(answer))

    return asyncio.run(go())


def test_a_call_that_a_key_may_not_make_is_recorded_as_that_keys(bench: Any) -> None:
    stages = Stages(door=ForBlue())
    answer = send(bench, [Target("a", Upstream([GOOD]))], stages, model="claude-opus-5")
    assert answer.status == 403
    kept = {name: bench.exchange.labels.get(name) for name in ("key", "team", "owner", "tags")}
    assert kept == {"key": "key_1", "team": "blue", "owner": "ann", "tags": "prod,eu"}


NO_ANSWERS: list[Any] = [fail(429), fail(529), fail(500), fail(503)]
NO_ANSWERS += [ConnectError("refused"), UpstreamTimeout("first_byte", 1)]


@pytest.mark.parametrize("bad", NO_ANSWERS, ids=["429", "529", "500", "503", "refused", "timeout"])
def test_the_next_target_is_asked_for_another_model_when_the_first_has_no_answer(
    bench: Any, bad: Any
) -> None:
    first, second = Upstream([bad]), Upstream([GOOD])
    targets = [Target("a", first), Target("b", second, model="claude-haiku-4-5@20251001")]
    answer = send(bench, targets)
    assert answer.status == 200
    assert len(first.requests) == len(second.requests) == 1
    assert json.loads(second.requests[0].body) == ASKED | {"model": "claude-haiku-4-5@20251001"}
    settlement = bench.exchange.settlement
    assert settlement.route == "b"
    assert [attempt.upstream for attempt in settlement.attempts] == ["a", "b"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413])
def test_an_answer_that_no_other_upstream_would_better_is_the_answer(
    bench: Any, status: int
) -> None:
    first, second = Upstream([fail(status)]), Upstream([GOOD])
    answer = send(bench, [Target("a", first), Target("b", second)])
    assert answer.status == status
    assert second.requests == []
    assert (b"x-should-retry", b"true") in answer.headers


def test_each_target_is_tried_again_by_its_own_policy_before_the_next(bench: Any) -> None:
    first, second = Upstream([fail(500)]), Upstream([fail(529), GOOD])
    targets = [
        Target("a", first, retry=RetryPolicy(max_retries=2, backoff_s=(1,))),
        Target("b", second, retry=RetryPolicy(max_retries=1, backoff_s=(3,))),
    ]
    assert send(bench, targets).status == 200
    assert (len(first.requests), len(second.requests)) == (3, 2)
    assert bench.clock.slept == [1, 1, 3]


def test_a_client_is_told_not_to_retry_what_was_tried_everywhere(bench: Any) -> None:
    answer = send(bench, [Target("a", Upstream([fail(500)])), Target("b", Upstream([fail(529)]))])
    assert answer.status == 529
    assert [value for name, value in answer.headers if name == b"x-should-retry"] == [b"false"]


def test_the_record_says_who_asked_whatever_the_client_says_of_itself(bench: Any) -> None:
    send(bench, [Target("a", Upstream([GOOD]))], Stages(door=ForBlue()))
    labels = bench.exchange.labels
    assert labels == {"key": "key_1", "team": "blue", "owner": "ann", "tags": "prod,eu"}


def test_without_keys_a_client_may_name_its_team(bench: Any) -> None:
    send(bench, [Target("a", Upstream([GOOD]))])
    assert bench.exchange.labels == {"team": "forged"}


def test_what_is_held_is_the_bound_and_what_is_charged_the_price(bench: Any) -> None:
    treasury = Treasury()
    send(bench, [Target("a", Upstream([GOOD]))], Stages(treasury=treasury))
    exchange = bench.exchange
    # Haiku 4.5 costs 1 $ a million tokens in and 5 out.
    assert treasury.hold.used == [Used(Decimal("0.00003"), 10, 4)]
    assert exchange.settlement.cost.total_usd == Decimal("0.00003")
    assert treasury.worst is not None
    assert treasury.worst.usd == exchange.reserved_usd
    assert treasury.worst.usd >= Decimal("0.0005")
    assert treasury.worst.output_tokens == 100


def test_what_is_held_covers_the_dearest_model_on_the_way(bench: Any) -> None:
    treasury = Treasury()
    targets = [
        Target("a", Upstream([fail(529)])),
        Target("b", Upstream([GOOD]), model="claude-opus-4-5"),
    ]
    send(bench, targets, Stages(treasury=treasury))
    reserved = bench.exchange.reserved_usd
    alone = Treasury()
    send(bench, [Target("a", Upstream([GOOD]))], Stages(treasury=alone))
    assert treasury.worst is not None
    assert alone.worst is not None
    # Opus 4.5 costs 5 $ a million tokens in and 25 out, Haiku 4.5 a fifth of that.
    assert alone.worst.usd is not None
    assert treasury.worst.usd == alone.worst.usd * 5 == reserved


def test_an_answer_without_usage_keeps_the_worst_case(bench: Any) -> None:
    treasury = Treasury()
    odd = HttpResponse(200, [JSON], b'{"type":"message"}')
    send(bench, [Target("a", Upstream([odd]))], Stages(treasury=treasury))
    assert [used.usd for used in treasury.hold.used] == [None]


@pytest.mark.parametrize("bad", [fail(529), ConnectError("refused")], ids=["529", "refused"])
def test_what_brought_no_answer_costs_nothing(bench: Any, bad: Any) -> None:
    treasury = Treasury()
    send(bench, [Target("a", Upstream([bad]))], Stages(treasury=treasury))
    assert [used.usd for used in treasury.hold.used] == [Decimal(0)]


async def stream(*pieces: str) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece.encode()


START = (
    f"event: message_start\ndata: {json.dumps({'type': 'message_start', 'message': MESSAGE})}\n\n"
)


def test_a_stream_that_dies_keeps_its_worst_case_for_what_it_did_not_say(bench: Any) -> None:
    treasury = Treasury()
    answer = HttpResponse(200, [(b"content-type", b"text/event-stream")], stream(START))
    send(bench, [Target("a", Upstream([answer]))], Stages(treasury=treasury), stream=True)
    assert treasury.hold.used == [Used(None)]


def test_a_client_that_leaves_a_stream_is_charged_once(bench: Any) -> None:
    treasury = Treasury()

    async def go() -> None:
        answer = HttpResponse(
            200, [(b"content-type", b"text/event-stream")], stream(START, START, START)
        )
        gateway = Gateway(
            Way([Target("a", Upstream([answer]))]),
            ledger=bench.ledger,
            clock=bench.clock,
            stages=Stages(treasury=treasury),
        )
        body = json.dumps(ASKED | {"stream": True}).encode()
        got = await gateway(HttpRequest("POST", "/v1/messages", [JSON], body))
        assert not isinstance(got.body, bytes)
        await anext(got.body)
        await got.body.aclose()  # type: ignore[attr-defined]

    asyncio.run(go())
    assert treasury.hold.used == [Used(None)]
    assert bench.exchange.settlement.error.type == "client_gone"


REFUSALS = [
    ApiError.rate_limit("The budget is spent.", retry_after_s=9),
    ApiError(403, "permission_error", "Not that."),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["429", "403"])
def test_a_refusal_is_the_apis_error_and_is_kept_and_nothing_is_sent(
    bench: Any, refusal: ApiError
) -> None:
    upstream = Upstream([GOOD])
    answer = send(bench, [Target("a", upstream)], Stages(treasury=Treasury(refusal)))
    assert upstream.requests == []
    assert answer.status == refusal.status
    assert isinstance(answer.body, bytes)
    said = json.loads(answer.body)
    assert said["error"] == {"type": refusal.error_type, "message": refusal.message}
    headers = dict(answer.headers)
    assert headers[b"request-id"].decode() == said["request_id"]
    assert set(refusal.headers) <= set(answer.headers)
    settlement = bench.exchange.settlement
    assert (settlement.status, settlement.route, settlement.cost) == (
        refusal.status,
        "gateway",
        None,
    )


def test_without_a_key_a_door_refuses_and_the_treasury_is_not_asked(bench: Any) -> None:
    treasury = Treasury()
    upstream = Upstream([GOOD])

    async def go() -> HttpResponse:
        gateway = Gateway(
            Way([Target("a", upstream)]),
            ledger=bench.ledger,
            clock=bench.clock,
            stages=Stages(door=ForBlue(), treasury=treasury),
        )
        return await gateway(HttpRequest("POST", "/v1/messages", [JSON], b"{}"))

    assert asyncio.run(go()).status == 401
    assert treasury.worst is None
    assert upstream.requests == []


def test_preflight_blocks_what_the_api_would_refuse_in_its_words(bench: Any) -> None:
    upstream = Upstream([GOOD])
    answer = send(bench, [Target("a", upstream)], Stages(preflight="block"), max_tokens=-1)
    assert upstream.requests == []
    assert answer.status == 400
    assert (b"tanzaku-preflight", b"blocked") in answer.headers
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body)["error"]["message"].startswith("max_tokens:")


def test_preflight_warns_beside_the_answer(bench: Any) -> None:
    upstream = Upstream([GOOD])
    answer = send(bench, [Target("a", upstream)], Stages(preflight="warn"), max_tokens=-1)
    assert answer.status == 200
    assert len(upstream.requests) == 1
    assert dict(answer.headers)[b"tanzaku-violations"].startswith(b"max_tokens:")


def test_preflight_says_nothing_of_a_good_request(bench: Any) -> None:
    answer = send(bench, [Target("a", Upstream([GOOD]))], Stages(preflight="block"))
    assert answer.status == 200
    assert b"tanzaku-violations" not in dict(answer.headers)


def test_observers_see_each_exchange_once_it_is_settled(bench: Any) -> None:
    seen: list[Exchange] = []
    send(bench, [Target("a", Upstream([GOOD]))], Stages(observers=[seen.append]))
    assert [exchange.exchange_id for exchange in seen] == [bench.exchange.exchange_id]
    assert seen[0].settlement is not None


def test_what_the_ledger_cannot_keep_is_not_sent_on(bench: Any) -> None:
    upstream, treasury = Upstream([GOOD]), Treasury()
    bench.ledger.close()
    answer = send(bench, [Target("a", upstream)], Stages(treasury=treasury))
    assert answer.status == 503
    assert dict(answer.headers)[b"retry-after"] == b"5"
    assert upstream.requests == []
    assert treasury.hold.used == [Used(Decimal(0))]
