"""Mistakes in an `expect` list are found when it is read, at their place, with the way out."""

import pytest

from harness.asserted import MISTAKES
from harness.replied import JSON, a_message, a_reply, a_stream, a_subject, judge, read_expect
from tanzaku.core import InputFileError
from tanzaku.workbench.assertions import FlowFigures

OK = a_reply(a_message("It is 21 °C in Paris.", usage={"input_tokens": 3, "output_tokens": 5}))


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_is_named_at_its_place(text: str, message: str) -> None:
    with pytest.raises(InputFileError) as caught:
        read_expect(text)
    told = f"{caught.value.message} {caught.value.hint}"
    assert told.startswith("x.suite.yaml:")
    assert message in told


def test_assertions_keep_their_order_names_and_places() -> None:
    first, second = read_expect("- status: 200\n- jsonpath: $.id\n  severity: warn\n")
    assert (first.name, first.number, first.place.line, first.severity) == ("status", 0, 1, "error")
    assert (second.name, second.number, second.place.line) == ("jsonpath", 1, 2)
    outcome = second.check(a_subject(a_reply({})))
    assert (outcome.verdict, outcome.severity, outcome.path) == ("fail", "warn", "$.id")
    assert outcome.place == second.place


@pytest.mark.parametrize(
    ("item", "verdict"),
    [
        ("contains: '{{city}}'", "pass"),
        ("contains: '{{other}}'", "fail"),
        ("contains: '{{nobody}}'", "error"),
        ("usage.output_tokens: '{{five}}'", "pass"),
        ("usage.output_tokens: {lte: '{{five}}'}", "pass"),
        ("usage.output_tokens: {lt: '{{five}}'}", "fail"),
        ("usage.output_tokens: {lt: '{{city}}'}", "error"),
        ("usage.output_tokens: {gte: '{{zero}}'}", "error"),
        ("status: '{{ok}}'", "pass"),
        ("regex: '{{broken}}'", "error"),
        ("jsonpath: '$.usage.{{field}}'\nequals: '{{five}}'", "pass"),
        ("equals: '{{whole}}'", "fail"),
        (r"contains: '\{{city}}'", "fail"),
    ],
)
def test_places_are_filled_from_the_variables_and_keep_their_type(item: str, verdict: str) -> None:
    variables = {
        "city": "Paris", "other": "Rome", "five": 5, "zero": 0, "ok": [200], "broken": "(",
        "field": "output_tokens", "whole": {"n": 1},
    }  # fmt: skip
    assert judge(item, OK, variables=variables).verdict == verdict


def test_secrets_are_masked_in_what_is_told() -> None:
    outcome = judge(
        "equals: {key: '{{secret.KEY}}', at: [x]}",
        a_reply({"key": "hunter22", "at": ["hunter22!", "four1"]}, content_type=JSON),
        secrets={"KEY": "hunter22", "AT": "four", "PIN": "1"},
    )
    assert outcome.verdict == "fail"
    assert outcome.expected == {"key": "…", "at": ["x"]}
    assert outcome.actual == {"key": "…", "at": ["…!", "…1"]}
    assert "hunter22" not in repr(outcome)


@pytest.mark.parametrize(
    ("on", "verdicts"),
    [
        ("final", ["fail", "pass", "fail", "error"]),
        ("each", ["fail", "fail", "fail", "fail"]),
        ("any", ["pass", "pass", "fail", "pass"]),
    ],
)
def test_on_chooses_the_replies(on: str, verdicts: list[str]) -> None:
    yes, no, dead = OK, a_reply(a_message("Rome")), a_stream(a_message("Paris"), cut=1)
    cases = [(yes, no), (no, yes), (no, no), (yes, no, dead)]
    item = f"contains: Paris\non: {on}"
    assert [judge(item, *replies).verdict for replies in cases] == verdicts


def test_not_is_asked_of_each_reply_and_a_not_around_it_of_all() -> None:
    yes, no = OK, a_reply(a_message("Rome"))
    inside, around = "contains: Paris\non: each\nnot: true", "not: {contains: Paris, on: each}"
    assert [judge(inside, *pair).verdict for pair in ((no, no), (yes, no))] == ["pass", "fail"]
    assert [judge(around, *pair).verdict for pair in ((yes, no), (yes, yes))] == ["pass", "fail"]
    some = "contains: Paris\non: any\nnot: true"
    assert [judge(some, *pair).verdict for pair in ((yes, no), (yes, yes))] == ["pass", "fail"]


@pytest.mark.parametrize(
    ("item", "verdicts"),
    [
        ("retry_after: {exists: false}", ["pass", "fail"]),
        ("retry_after: {exists: true}", ["fail", "pass"]),
        ("retry_after: {lte: 30}", ["fail", "pass"]),
        ("request_id: {exists: false}", ["pass", "pass"]),
        ("error.type: {exists: false}", ["pass", "pass"]),
        ("header: {retry-after: '30', content-type: {contains: json}}", ["fail", "pass"]),
    ],
)
def test_what_may_be_missing_is_asked_for(item: str, verdicts: list[str]) -> None:
    replies = a_reply({}), a_reply({}, headers={"retry-after": "30"})
    assert [judge(item, reply).verdict for reply in replies] == verdicts


def test_a_step_is_named_by_its_id() -> None:
    figures = FlowFigures(("plan",), None, 1.0, {"a.b": 2}, {"a.b": 1}, frozenset({"skipped"}))
    items = ["a.b.ok_count: 2", "a.b.failed_count: 1", "skipped.ok_count: 0", "a.b.ok_count: 1"]
    found = [judge(f"step.{item}", OK, flow=figures).verdict for item in items]
    assert found == ["pass", "pass", "pass", "fail"]
    assert judge("step.nobody.ok_count: 0", OK, flow=figures).verdict == "error"


def test_a_set_may_only_warn() -> None:
    for text in ("any: [{status: 404}]", "at_least: 1\nof: [{status: 404}]", "not: {status: 200}"):
        outcome = judge(f"{text}\nseverity: warn", OK)
        assert (outcome.verdict, outcome.severity) == ("fail", "warn"), text


def test_what_is_told_of_a_large_value_is_short() -> None:
    rows = [{"n": n} for n in range(1000)]
    outcome = judge("jsonpath: $\nequals: 1", a_reply(rows))
    assert len(outcome.actual) < 1000
    assert (
        judge("equals: x", a_reply("y" * 9999, content_type="text/plain")).actual.count("y") < 600
    )
    assert judge("jsonpath: $\nequals: 1", a_reply(rows[:9])).actual == rows[:9]


def test_without_a_request_nothing_is_evaluated() -> None:
    for item in ("status: 200", "status: 200\non: each", "no_tool_call: true", "max_turns: 3"):
        assert judge(item).verdict == "error", item
