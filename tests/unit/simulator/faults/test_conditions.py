"""Which requests a fault happens to."""

import gzip
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanzaku.simulator.faults import Fault, FaultPlan, Faults, When


@pytest.mark.parametrize(
    ("when", "path", "method", "happens"),
    [
        (When(), "/v1/messages", "POST", True),
        (When(), "/v1/messages?beta=true", "POST", True),
        (When(), "/v1/messages", "GET", False),
        (When(), "/v1/messages/count_tokens", "POST", False),
        (When(path="/v1/messages/count_tokens"), "/v1/messages/count_tokens", "POST", True),
        (When(path="/v1/messages/count_tokens"), "/v1/messages", "POST", False),
        (When(path="/v1/files/*"), "/v1/files/file_1/content", "GET", True),
        (When(path="/v1/files/*"), "/v1/models", "GET", False),
    ],
)
def test_the_path(bench: Any, when: When, path: str, method: str, happens: bool) -> None:
    bench.plan(Fault("internal", when=when))
    assert bench.fires(bench.request(path, method=method)) is happens


@pytest.mark.parametrize(
    ("pattern", "model", "happens"),
    [
        ("claude-haiku-4-5", "claude-haiku-4-5", True),
        ("claude-haiku-4-5", "claude-haiku-4-5-20251001", False),
        ("claude-haiku-*", "claude-haiku-4-5-20251001", True),
        ("claude-haiku-*", "claude-opus-5-5", False),
        ("*", None, False),
    ],
)
def test_the_model(bench: Any, pattern: str, model: str | None, happens: bool) -> None:
    bench.plan(Fault("internal", when=When(model=pattern)))
    assert bench.fires(bench.request(body={"model": model})) is happens


def test_the_model_of_a_compressed_body(bench: Any) -> None:
    bench.plan(Fault("internal", when=When(model="claude-haiku-4-5")))
    body = gzip.compress(json.dumps({"model": "claude-haiku-4-5"}).encode(), mtime=0)
    assert bench.fires(bench.request(headers=[(b"content-encoding", b"gzip")], body=body))


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"m"', b"\xff"])
def test_a_body_that_names_no_model_fits_none(bench: Any, body: bytes) -> None:
    bench.plan(Fault("internal", when=When(model="*")))
    assert not bench.fires(bench.request(body=body))


@pytest.mark.parametrize(
    ("when", "headers", "happens"),
    [
        (When(header="X-Team"), [(b"x-team", b"red")], True),
        (When(header="x-team"), [], False),
        (When(header="x-team", equals="red"), [(b"x-team", b"red")], True),
        (When(header="x-team", equals="red"), [(b"x-team", b"blue")], False),
    ],
)
def test_a_header(
    bench: Any, when: When, headers: list[tuple[bytes, bytes]], happens: bool
) -> None:
    bench.plan(Fault("internal", when=when))
    assert bench.fires(bench.request(headers=headers)) is happens


@pytest.mark.parametrize(
    ("calls", "expected"),
    [((1, 1), [1]), ((3, 3), [3]), ((2, 4), [2, 3, 4]), ((5, None), [5, 6])],
)
def test_the_nth_calls(bench: Any, calls: tuple[int, int | None], expected: list[int]) -> None:
    bench.plan(Fault("internal", when=When(nth_call=calls)))
    assert [n for n in range(1, 7) if bench.fires()] == expected


def test_only_calls_that_fit_otherwise_are_counted(bench: Any) -> None:
    bench.plan(Fault("internal", when=When(model="a", nth_call=(2, 2))))
    models = ["a", "b", "b", "a", "a"]
    assert [bench.fires(bench.request(body={"model": m})) for m in models] == [
        False, False, False, True, False,
    ]  # fmt: skip


def test_times_limits_how_often(bench: Any) -> None:
    bench.plan(Fault("internal", times=2))
    assert [bench.fires() for _ in range(4)] == [True, True, False, False]


@given(seed=st.integers(0, 1000), probability=st.floats(0, 1))
def test_a_probability_takes_its_share_and_the_same_ones_for_a_seed(
    seed: int, probability: float
) -> None:
    def draw() -> list[bool]:
        plan = FaultPlan([Fault("refused", when=When(probability=probability))], seed)
        faults = Faults(plan)
        return [not faults.admits() for _ in range(400)]

    drawn = draw()
    assert drawn == draw()
    assert abs(sum(drawn) / 400 - probability) < 0.15


def test_seeds_differ(bench: Any) -> None:
    fault = Fault("internal", when=When(probability=0.5))
    draws = []
    for seed in (1, 2):
        bench.plan(fault, seed=seed)
        draws.append([bench.fires() for _ in range(40)])
    assert draws[0] != draws[1]


@pytest.mark.parametrize(("probability", "happens"), [(0.0, False), (1.0, True)])
def test_never_and_always(bench: Any, probability: float, happens: bool) -> None:
    bench.plan(Fault("internal", when=When(probability=probability)))
    assert {bench.fires() for _ in range(30)} == {happens}


def test_the_rule_that_answered(bench: Any) -> None:
    bench.plan(Fault("internal", when=When(rule="greet*")))
    greeting, other = bench.Upstream(rule=b"greet/1"), bench.Upstream(rule=b"improviser/text")
    assert bench.fires(upstream=greeting)
    assert not bench.fires(upstream=other)
    assert (greeting.asked, other.asked) == (1, 1)


def test_an_answer_thrown_away_for_a_rule_is_closed(bench: Any) -> None:
    bench.plan(Fault("internal", when=When(rule="*")))
    upstream = bench.Upstream(body=[b"x"])
    assert bench.ask(upstream=upstream).status == 500
    assert [(body.taken, body.closings) for body in upstream.bodies] == [(0, 1)]


def test_the_first_fault_that_fits_happens(bench: Any) -> None:
    bench.plan(Fault("overloaded", times=1), Fault("internal", when=When(nth_call=(1, 1))))
    assert [bench.ask().status for _ in range(3)] == [529, 500, 200]


def test_faults_after_one_that_waits_for_the_answer_keep_their_turn(bench: Any) -> None:
    bench.plan(
        Fault("overloaded", when=When(rule="never")),
        Fault("internal", when=When(header="x-a")),
        Fault("conflict"),
    )
    assert bench.ask(bench.request(headers=[(b"x-a", b"1")])).status == 500
    assert bench.ask().status == 409


def test_a_fault_for_streams_does_not_count_other_answers(bench: Any) -> None:
    bench.plan(Fault("missing-stop", when=When(nth_call=(1, 1))))
    plain = bench.Upstream(body=b"{}", content_type=b"application/json")
    refused = bench.Upstream(status=400)
    assert [bench.fires(upstream=u) for u in (plain, refused, None)] == [False, False, True]


def test_where_decides_who_sees_a_fault(bench: Any) -> None:
    bench.plan(Fault("internal", where="upstream"))
    assert not bench.fires()
    assert bench.faults.intercept(bench.request(), "upstream") is not None


def test_connections_are_refused_by_count(bench: Any) -> None:
    bench.plan(Fault("refused", when=When(nth_call=(2, 3))))
    assert [bench.faults.admits() for _ in range(4)] == [True, False, False, True]


def test_a_request_that_came_through_is_not_refused_any_more(bench: Any) -> None:
    bench.plan(Fault("refused"), Fault("internal"))
    assert not bench.faults.admits()
    assert bench.ask().status == 500


NAMED = [(b"tanzaku-fault", b"busy")]


def test_a_header_names_a_fault_of_the_plan_whatever_its_conditions(bench: Any) -> None:
    plan = FaultPlan([Fault("overloaded", when=When(model="none"), times=1, name="busy")])
    bench.faults = Faults(plan, by_header=True)
    answers = [bench.ask(bench.request(headers=NAMED)).status for _ in range(3)]
    assert answers == [529, 529, 529]
    assert bench.ask().status == 200


def test_a_header_names_a_kind(bench: Any) -> None:
    bench.faults = Faults(by_header=True)
    named = bench.request(headers=[(b"tanzaku-fault", b"missing-stop")])
    assert bench.ask(named).body == b"".join(bench.EVENTS[:3])


def test_a_header_that_names_no_fault_is_a_bad_request(bench: Any) -> None:
    bench.faults = Faults(by_header=True)
    answer = bench.ask(bench.request(headers=NAMED))
    assert answer.status == 400
    assert b"there is no fault `busy`" in answer.body


def test_a_fault_of_streams_named_by_a_header_leaves_other_answers_alone(bench: Any) -> None:
    bench.faults = Faults(by_header=True)
    named = bench.request(headers=[(b"tanzaku-fault", b"missing-stop")])
    plain = bench.Upstream(body=b"{}", content_type=b"application/json")
    assert not bench.fires(named, plain)


def test_a_fault_named_by_a_header_happens_where_the_plan_says(bench: Any) -> None:
    plan = FaultPlan([Fault("internal", where="upstream", name="busy")])
    bench.faults = Faults(plan, by_header=True)
    named = bench.request(headers=NAMED)
    assert not bench.fires(named)
    assert bench.faults.intercept(named, "upstream") is not None


def test_a_header_that_names_a_fault_means_nothing_unless_asked_for(bench: Any) -> None:
    named = bench.request(headers=[(b"tanzaku-fault", b"overloaded")])
    assert not bench.fires(named)


IMPOSSIBLE: dict[str, tuple[Callable[[], object], str]] = {
    "kind": (lambda: Fault("nonsense"), "there is no fault 'nonsense'"),
    "setting": (lambda: Fault("stall", {"second": 1}), "after, seconds can"),
    "text for a number": (lambda: Fault("stall", {"seconds": "1"}), "of type number"),
    "none for a number": (lambda: Fault("stall", {"seconds": None}), "of type number"),
    "true for a number": (lambda: Fault("stall", {"after": True}), "of type integer"),
    "fraction for a count": (lambda: Fault("stall", {"after": 1.5}), "of type integer"),
    "below the range": (lambda: Fault("stall", {"seconds": -1}), "from 0 to 86400"),
    "no error status": (lambda: Fault("status", {"status": 200}), "from 400 to 599"),
    "place": (lambda: Fault("internal", where="middle"), "edge or upstream"),  # type: ignore[arg-type]
    "times": (lambda: Fault("internal", times=0), "at least 1"),
    "name": (lambda: Fault("internal", name="a b"), "the name 'a b'"),
    "early": (lambda: Fault("refused", when=When(model="a")), "no request to look at"),
    "value of no header": (lambda: When(equals="red"), "needs a `header`"),
    "call 0": (lambda: When(nth_call=(0, 1)), "from 1"),
    "calls backwards": (lambda: When(nth_call=(3, 2)), "not below it"),
    "more than certain": (lambda: When(probability=1.1), "from 0 to 1"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_an_impossible_fault_is_refused(name: str) -> None:
    build, reason = IMPOSSIBLE[name]
    with pytest.raises(ValueError, match=re.escape(reason)):
        build()


def test_counts_can_be_read(bench: Any) -> None:
    bench.plan(Fault("internal", when=When(nth_call=(2, None)), times=1), Fault("overloaded"))
    for _ in range(4):
        bench.ask()
    described = bench.faults.to_json()["faults"]
    assert [(f["name"], f["calls"], f["fired"]) for f in described] == [
        ("internal", 4, 1),
        ("overloaded", 3, 3),
    ]
