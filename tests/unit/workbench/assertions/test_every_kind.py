"""Each kind of assertion: a reply that passes, one that fails, one it cannot be evaluated on."""

from collections.abc import Mapping
from typing import Any

import pytest

from harness.replied import (
    a_message,
    a_reply,
    a_subject,
    an_error,
    no_reply,
    read_expect,
)
from tanzaku.workbench.assertions import Subject
from tanzaku.workbench.assertions.kinds import list_kinds
from tanzaku.workbench.sending import Reply

PARIS = a_reply(a_message("It is 21 °C in Paris."))
ROME = a_reply(a_message("In Rome it rains."))
ERROR = a_reply(an_error(message="max_tokens: too high"), status=400)
HTML = a_reply("<html>", content_type="text/html")
NOTHING = no_reply()


def answered(text: str, **fields: Any) -> Reply:
    return a_reply(a_message(text, **fields))


type Row = tuple[str, Reply | Subject, Reply | Subject, Reply | Subject]
"""The assertion, then what passes, fails, cannot be judged."""

ROWS: Mapping[str, Row] = {
    # http
    "status": ("status: [201, 4xx]", ERROR, PARIS, NOTHING),
    "header": (
        "header: {X-Served-By: {starts_with: edge}}",
        a_reply(headers={"x-served-by": "edge-1"}),
        PARIS,
        NOTHING,
    ),
    "content_type": ("content_type: application/json", PARIS, HTML, NOTHING),
    "duration_ms": (
        "duration_ms: {lte: 500}",
        PARIS,
        a_reply(total_ms=500.1),
        a_reply(problem="the connection was closed"),
    ),
    "retry_after": (
        "retry_after: {between: [1, 60]}",
        a_reply(status=429, headers={"retry-after": "30"}),
        a_reply(status=429, headers={"retry-after": "61"}),
        a_reply(status=429, headers={"retry-after": "Mon, 23 Nov 2026 10:00:00 GMT"}),
    ),
    "request_id": (
        "request_id: {starts_with: req_}",
        a_reply(headers={"request-id": "req_1"}),
        PARIS,
        NOTHING,
    ),
    "error.type": (
        "error.type: invalid_request_error",
        ERROR,
        a_reply(an_error("api_error"), status=500),
        a_reply(an_error(), status=400, problem="the connection was closed"),
    ),
    "error.message": (
        "error.message: {contains: max_tokens}",
        ERROR,
        a_reply(an_error(message="model: x"), status=404),
        NOTHING,
    ),
    # body
    "jsonpath": ("jsonpath: $.content[0].text\ncontains: Paris", PARIS, ROME, HTML),
    "schema": (
        "schema: {type: object, properties: {n: {type: integer}}, required: [n]}",
        a_reply({"n": 1}),
        a_reply({"n": "1"}),
        HTML,
    ),
    "equals": (
        "equals: {n: 1, on: [true]}",
        a_reply({"on": [True], "n": 1.0}),
        a_reply({"n": True}),
        HTML,
    ),
    # text
    "contains": ("contains: Paris", PARIS, ROME, ERROR),
    "contains_all": ("contains_all: [Paris, '21']", PARIS, answered("21 in Rome"), ERROR),
    "contains_any": ("contains_any: [Paris, Lyon]", PARIS, ROME, ERROR),
    "icontains": ("icontains: PARIS", PARIS, ROME, ERROR),
    "regex": (r"regex: '\d+ °C'", PARIS, ROME, answered("x" * 1_000_001)),
    "starts_with": ("starts_with: It is", PARIS, ROME, ERROR),
    "ends_with": ("ends_with: Paris.", PARIS, ROME, ERROR),
    "length": ("length: 3", answered("北京市"), PARIS, ERROR),
    "word_count": ("word_count: {lte: 4}", ROME, PARIS, ERROR),
    "language": ("language: zh", answered("北京今天 21 度，晴。"), ROME, answered("42")),
    "json": (
        "json: {path: $.n, gte: 2}",
        answered('{"n": 2}'),
        answered('{"n": 1}'),
        answered('{"n": "2"}'),
    ),
}


@pytest.mark.parametrize("verdict", ["pass", "fail", "error"])
@pytest.mark.parametrize("kind", ROWS)
def test_a_kind_passes_fails_and_cannot_be_evaluated(kind: str, verdict: str) -> None:
    item, *cases = ROWS[kind]
    case = cases[["pass", "fail", "error"].index(verdict)]
    subject = case if isinstance(case, Subject) else a_subject(case)
    (assertion,) = read_expect("- " + item.replace("\n", "\n  "))
    outcome = assertion.check(subject)
    assert (assertion.name, outcome.verdict) == (kind, verdict), outcome.message
    assert bool(outcome.message) == (verdict != "pass")


@pytest.mark.parametrize("kind", ROWS)
def test_what_cannot_be_evaluated_passes_under_no_set(kind: str) -> None:
    item, _, _, unclear = ROWS[kind]
    subject = unclear if isinstance(unclear, Subject) else a_subject(unclear)
    inner = item.replace("\n", "\n      ")
    for text in (
        f"- not:\n      {inner}",
        f"- any:\n    - {inner}\n    - {inner}",
        f"- at_least: 1\n  of:\n    - {inner}",
        f"- all:\n    - {inner}",
    ):
        (assertion,) = read_expect(text)
        assert assertion.check(subject).verdict == "error", text


def test_every_kind_has_a_row() -> None:
    assert set(list_kinds()) == set(ROWS)
