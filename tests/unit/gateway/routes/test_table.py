"""Which upstreams a call goes to."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from tanzaku.core import VirtualClock
from tanzaku.gateway import RetryPolicy
from tanzaku.gateway._stages import ANYONE, Asked, Caller, Target
from tanzaku.gateway.routes import RouteTable, Rule, Way, When
from tanzaku.gateway.upstreams import Upstream, UpstreamSettings
from tanzaku.transport import HttpRequest, HttpResponse
from tanzaku.wire import ApiError

HAIKU, OPUS = "claude-haiku-4-5", "claude-opus-5"
MESSAGES, COUNT = "/v1/messages", "/v1/messages/count_tokens"


class Bench:
    """Upstreams that do as `status` says, and a table over them."""

    def __init__(self, *rules: Rule, keys: int = 1, seed: int = 1, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.status: dict[str, int] = {}
        names = {way.upstream for rule in rules for way in (*rule.to, *rule.fall_back)}
        self.upstreams = {name: self.build(name, keys, settings) for name in sorted(names)}
        self.table = RouteTable(rules, self.upstreams, Random(seed), "gateway.yaml")

    def build(self, name: str, keys: int, settings: dict[str, Any]) -> Upstream:
        async def send(request: HttpRequest) -> HttpResponse:
            wait = [(b"retry-after", b"20")]
            return HttpResponse(self.status.get(name, 200), wait, request.headers[0][1])

        values = tuple(f"{name}-{number}" for number in range(keys))
        chosen = UpstreamSettings(name, "anthropic", "https://api.test", values, **settings)
        return Upstream(chosen, send, self.clock)

    def plan(self, asked: Asked | None = None, caller: Caller = ANYONE) -> list[Target]:
        return list(self.table.plan(asked or ask(), caller))

    def names(self, asked: Asked | None = None, caller: Caller = ANYONE) -> list[str]:
        return [target.name for target in self.plan(asked, caller)]


def ask(
    model: str | None = HAIKU,
    path: str = MESSAGES,
    headers: Sequence[tuple[bytes, bytes]] = (),
    method: str = "POST",
) -> Asked:
    request = HttpRequest(method, path, list(headers), b"")
    params = {} if model is None else {"model": model}
    return Asked(request, path, params, b"", {}, 0.0, is_message=path == MESSAGES)


def run(target: Target) -> HttpResponse:
    request = HttpRequest("POST", MESSAGES, [(b"content-type", b"application/json")], b"{}")
    answer: HttpResponse = asyncio.run(target.send(request))  # type: ignore[arg-type]
    return answer


def fail(bench: Bench, name: str, times: int = 5) -> None:
    """Let an upstream fail until its breaker opens."""
    bench.status[name] = 529
    for _ in range(times):
        run(next(target for target in bench.plan() if target.name == name))


@pytest.mark.parametrize(
    ("when", "taken", "passed_by"),
    [
        (When(model="claude-haiku-*"), ask(HAIKU), ask(OPUS)),
        (When(model="claude-haiku-*"), ask(HAIKU, COUNT), ask(None, "/v1/files")),
        (When(model="claude-[ho]*-?"), ask(OPUS), ask("Claude-opus-5")),
        (When(path="/v1/files*"), ask(None, "/v1/files/file_1"), ask(None, "/v1/batches")),
        (
            When(headers=((b"x-app", "billing-*"),)),
            ask(headers=[(b"x-app", b"billing-night")]),
            ask(headers=[(b"x-app", b"shop")]),
        ),
        (
            When(model="*haiku*", headers=((b"x-app", "*"),)),
            ask(headers=[(b"x-app", b"")]),
            ask(),
        ),
    ],
)
def test_a_rule_takes_what_meets_all_its_conditions(
    when: When, taken: Asked, passed_by: Asked
) -> None:
    bench = Bench(Rule("first", (Way("a"),), when), Rule("rest", (Way("b"),)))
    assert bench.names(taken) == ["a"]
    assert bench.names(passed_by) == ["b"]


@pytest.mark.parametrize(
    ("when", "taken", "passed_by"),
    [
        (When(key="key_1*"), Caller("key_12"), Caller("key_2")),
        (When(team="search"), Caller("k", "search"), Caller("k", "shop")),
        (When(tag="night*"), Caller(tags=("day", "night-1")), Caller(tags=("day",))),
        (When(team="search", tag="x"), Caller(team="search", tags=("x",)), Caller(team="search")),
    ],
)
def test_who_asks_decides_too(when: When, taken: Caller, passed_by: Caller) -> None:
    bench = Bench(Rule("first", (Way("a"),), when), Rule("rest", (Way("b"),)))
    assert bench.names(caller=taken) == ["a"]
    assert bench.names(caller=passed_by) == ["b"]
    assert bench.names(caller=ANYONE) == ["b"]


def test_without_a_rule_the_refusal_names_the_model_and_the_file() -> None:
    bench = Bench(Rule("only", (Way("a"),), When(model="claude-haiku-*")))
    with pytest.raises(ApiError) as refused:
        bench.plan(ask(OPUS))
    assert (refused.value.status, refused.value.error_type) == (404, "not_found_error")
    assert OPUS in refused.value.message
    assert "gateway.yaml" in refused.value.message
    with pytest.raises(ApiError, match="/v1/files"):
        bench.plan(ask(None, "/v1/files"))


def test_weights_are_shares_of_the_calls() -> None:
    bench = Bench(Rule("r", (Way("a", 8), Way("b", 2))))
    first = Counter(bench.names()[0] for _ in range(4000))
    # 800 expected; the bound is five standard deviations.
    assert 675 < first["b"] < 925


def test_the_same_seed_spreads_the_same_way() -> None:
    def spread(seed: int) -> list[str]:
        bench = Bench(Rule("r", (Way("a"), Way("b"))), seed=seed)
        return [bench.names()[0] for _ in range(50)]

    assert spread(1) == spread(1)
    assert spread(1) != spread(2)


def test_after_the_chosen_one_come_the_others_then_the_fall_backs_in_order() -> None:
    bench = Bench(Rule("r", (Way("a"), Way("b"), Way("c")), fall_back=(Way("e"), Way("d"))))
    seen = {tuple(bench.names()) for _ in range(100)}
    assert seen == {
        ("a", "b", "c", "e", "d"),
        ("b", "a", "c", "e", "d"),
        ("c", "a", "b", "e", "d"),
    }


def test_an_upstream_with_an_open_breaker_is_passed_over_until_it_closes() -> None:
    bench = Bench(Rule("r", (Way("a", 9), Way("b", 1)), fall_back=(Way("c"),)))
    fail(bench, "a")
    assert {tuple(bench.names()) for _ in range(50)} == {("b", "c")}
    bench.clock.advance(15)
    assert ("a", "b", "c") in {tuple(bench.names()) for _ in range(50)}


def test_where_all_are_left_alone_the_client_is_told_how_long() -> None:
    bench = Bench(Rule("night", (Way("a"),), fall_back=(Way("b"),)))
    fail(bench, "b")
    bench.clock.advance(6)
    fail(bench, "a")
    with pytest.raises(ApiError, match="night") as refused:
        bench.plan()
    assert refused.value.status == 503
    assert refused.value.headers == ((b"retry-after", b"9"),)


def test_where_all_keys_rest_the_next_upstream_is_asked_or_the_client_told_429() -> None:
    bench = Bench(Rule("r", (Way("a"),), fall_back=(Way("b"),)), keys=2)
    bench.status = {"a": 429}
    run(bench.plan()[0])
    assert bench.names() == ["b"]
    # Their limits are those of a class of models: for the other nothing rests.
    assert bench.names(ask(OPUS)) == ["a", "b"]
    bench.status["b"] = 429
    bench.clock.advance(5)
    run(bench.plan()[0])
    with pytest.raises(ApiError) as refused:
        bench.plan()
    assert (refused.value.status, refused.value.error_type) == (429, "rate_limit_error")
    assert refused.value.headers == ((b"retry-after", b"15"),)


def test_a_way_may_ask_for_another_model_and_keeps_its_upstreams_retries() -> None:
    policy = RetryPolicy(max_retries=4)
    rule = Rule("r", (Way("a"),), fall_back=(Way("b", model=OPUS),))
    bench = Bench(rule, retry=policy)
    for path in (MESSAGES, COUNT):
        first, second = bench.plan(ask(path=path))
        assert (first.model, second.model) == (None, OPUS)
        assert first.retry == second.retry == policy


@pytest.mark.parametrize(
    "path",
    ["/v1/messages/batches", "/v1/messages/batches/msgbatch_1/results", "/v1/files", "/v1/x"],
)
def test_what_lives_at_one_upstream_goes_to_the_first_alone_and_as_it_is(path: str) -> None:
    """A guess at what is wanted: a batch made at one upstream is found at no other."""
    bench = Bench(Rule("r", (Way("a", model=OPUS), Way("b", 99)), fall_back=(Way("c"),)))
    for _ in range(20):
        (target,) = bench.plan(ask(None, path))
        assert (target.name, target.model) == ("a", None)


def test_the_plan_of_a_call_under_way_outlives_another_table() -> None:
    bench = Bench(Rule("r", (Way("a"),)))
    (before,) = bench.plan()
    other = Bench(Rule("r", (Way("b"),)))
    bench.table.replace([Rule("r", (Way("b"),))], other.upstreams)
    assert bench.names() == ["b"]
    assert run(before).body == b"application/json"


def test_explaining_says_what_stands_against_each_way_and_why_earlier_rules_do_not_hold() -> None:
    bench = Bench(
        Rule("opus", (Way("b"),), When(model="*opus*")),
        Rule("apps", (Way("b"),), When(headers=((b"x-app", "*"),))),
        Rule("rest", (Way("a", 3), Way("b")), fall_back=(Way("c", model=OPUS),)),
    )
    fail(bench, "a")
    plan = bench.table.explain(ask(), ANYONE)
    assert plan.rule.name == "rest"
    assert plan.missed == {"opus": "model", "apps": "headers.x-app"}
    assert [(way.upstream, bar) for way, bar in plan.ways] == [
        ("a", "breaker"),
        ("b", None),
        ("c", None),
    ]
    files = bench.table.explain(ask(None, "/v1/files"), ANYONE)
    assert [way.upstream for way, _ in files.ways] == ["a"]
