"""Mistakes in an `expect` list are found when it is read, at their place, with the way out."""

import pytest

from harness.replied import JSON, a_message, a_reply, a_stream, a_subject, judge, read_expect
from tanzaku.core import InputFileError

OK = a_reply(a_message("It is 21 °C in Paris.", usage={"input_tokens": 3, "output_tokens": 5}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- stauts: 200", "1:3: there is no assertion `stauts`. Did you mean `status`?"),
        ("- status: 200\n  contians: x", "2:3: unknown key `contians`. Known are status, not, on"),
        ("- status: 200\n  contains: x", "2:3: `contains` is a second assertion in one item."),
        ("- {}", "1:3: `$[0]` is empty."),
        ("- status", "1:3: `$[0]` must be keys with values"),
        ("- jsonpath: $.a\n  contians: x", "2:3: unknown key `contians`. Did you mean `contains`?"),
        ("- jsonpath: $.a[", "1:13: `$[0].jsonpath` is no JSONPath (RFC 9535): unexpected end"),
        ("- jsonpath: a.b", "is no JSONPath (RFC 9535): expected"),
        ("- jsonpath: $.a\n  exists: false\n  equals: 1", "2:11: `$[0].exists` stands alone"),
        ("- jsonpath: $.a\n  not: true\n  gt: {}", "must be a number"),
        ("- cost_usd: {lessthan: 1}", "1:14: unknown key `lessthan`"),
        ("- cost_usd: {}", "1:13: `$[0].cost_usd` compares with nothing."),
        ("- cost_usd: {lte: true}", "1:19: `$[0].cost_usd.lte` must be a number; found true."),
        ("- cost_usd: {lte: '1'}", "must be a number"),
        ("- duration_ms: {gte: 0}", "1:22: `$[0].duration_ms.gte` can never fail"),
        ("- duration_ms: {lt: 0}", "can never hold"),
        ("- tool_f1: {expected: [a], gte: 0}", "can never fail"),
        ("- levenshtein: {to: x, gte: 0}", "can never fail"),
        ("- levenshtein: {to: x, gt: 1}", "can never hold"),
        ("- levenshtein: {to: '', gte: 0.5}", "is empty"),
        ("- cache_hit_ratio: {between: [0, 1]}", "can never fail"),
        ("- duration_ms: {between: [5, 3]}", "can never hold"),
        ("- duration_ms: {between: [5]}", "must be two numbers"),
        ("- duration_ms: {gt: 5, lt: 5}", "can never hold"),
        ("- duration_ms: {gte: 0.5, lte: 0.4}", "can never hold"),
        ("- status: 99", "must be a whole number from 100 to 599"),
        ("- status: 6xx", "must be a status like 200 or a class like 4xx"),
        ("- status: []", "is empty"),
        ("- status: true", "must be a status like 200"),
        ("- contains: ''", "is empty"),
        ("- contains: 21", "must be text"),
        ("- contains_any: []", "is empty"),
        ("- regex: '(?=a)b'", "is no regular expression that can be run"),
        ("- regex: 'a('", "is no regular expression that can be run"),
        ("- regex: 'x*'", "can never fail"),
        (f"- regex: '{'a' * 1001}'", "longer than 1000 characters"),
        ("- length: {gte: 0}", "can never fail"),
        ("- language: klingon", "must be one of zh, ja"),
        ("- schema: {type: strin}", "is no JSON Schema"),
        ("- schema: openai", "must be one of openapi"),
        ("- schema: {$ref: 'http://127.0.0.1:9/x'}", "is not read"),
        ("- tool_call: {nmae: x}", "unknown key `nmae`. Did you mean `name`?"),
        ("- tool_call: {name: x, match: subset}", "needs `args`"),
        ("- tool_call: {name: x, order: 1, count: 1}", "cannot be asked at once"),
        ("- tool_f1: {expected: [], gte: 0.5}", "is empty"),
        ("- judge: {rubric: x, model: m, threshold: 1}", "must be above 1"),
        ("- judge: {rubric: x, model: m, threshold: 0, scale: [0, 1]}", "must be above 0"),
        ("- judge: {rubric: x, model: m, threshold: 6}", "at most 5"),
        ("- judge: {rubric: x, model: m, threshold: 3, votes: 2}", "must be odd"),
        ("- judge: {rubric: x, threshold: 3}", "lacks the key `model`"),
        ("- python: checks/foo.py", "must name a file and a function"),
        ("- no_pii: [emial]", "must be one of email"),
        ("- all: []", "is empty"),
        ("- at_least: 3\n  of:\n    - status: 200", "must be a whole number from 1 to 1"),
        ("- at_least: 0\n  of:\n    - status: 200", "must be a whole number from 1 to 1"),
        ("- at_least: 1", "lacks the key `of`"),
        ("- any:\n    - {status: 200, severity: warn}", "`severity` stands at the outermost"),
        ("- any:\n    - status: 200\n  on: each", "unknown key `on`"),
        ("- {status: 200, severity: warning}", "must be one of error, warn"),
        ("- {status: 200, on: every}", "must be one of each, final, any"),
        ("- {max_turns: 3, on: each}", "is about the whole case and takes no `on`"),
        ("- {stream.equals_nonstream: true, on: each}", "is asked of the final reply only"),
        ("- {status: 200, not: {equals: 201}}", "`not` beside `status` must be true."),
        ("- contains: '{{city'", "1:13"),
        ("- cost_usd: {lessthan: '{{limit}}'}", "unknown key `lessthan`"),
        ("- tool_call: {name: '{{tool}}', mtach: exact}", "unknown key `mtach`"),
    ],
)  # fmt: skip
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
        a_reply({"key": "hunter22", "at": ["hunter22!"]}, content_type=JSON),
        secrets={"KEY": "hunter22", "PIN": "1"},
    )
    assert outcome.verdict == "fail"
    assert outcome.expected == {"key": "…", "at": ["x"]}
    assert outcome.actual == {"key": "…", "at": ["…!"]}
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


def test_without_a_request_nothing_is_evaluated() -> None:
    for item in ("status: 200", "status: 200\non: each", "no_tool_call: true", "max_turns: 3"):
        assert judge(item).verdict == "error", item
