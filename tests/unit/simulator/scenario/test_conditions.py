"""What a rule's `when` asks of a request: each condition met and missed."""

from collections.abc import Callable
from typing import Any

import pytest

from tanzaku.simulator.scenario import Choice, ScenarioRun

type Start = Callable[[str], tuple[ScenarioRun, Callable[..., Choice]]]

CALL = {"type": "tool_use", "id": "toolu_1", "name": "pay", "input": {"order": "A-17"}}


def result(content: Any, **fields: Any) -> list[dict[str, Any]]:
    """A conversation whose last message brings the result of `pay`."""
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content, **fields}
    return [
        {"role": "user", "content": "pay my order"},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [block]},
    ]


def said(*texts: str) -> list[dict[str, Any]]:
    """User and assistant in turn."""
    roles = ("user", "assistant")
    return [{"role": roles[at % 2], "content": text} for at, text in enumerate(texts)]


CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "model, by its id",
        "model: claude-haiku-4-5-20251001",
        {"model": "claude-haiku-4-5"},
        {"model": "claude-sonnet-4-6"},
    ),
    (
        "model, by any name of it",
        "model: claude-haiku-4-5",
        {"model": "anthropic.claude-haiku-4-5-20251001-v1:0"},
        {"model": "claude-haiku-5-5"},
    ),
    (
        "model, one of several patterns",
        "model: [claude-opus-4-?, 'claude-sonnet-*']",
        {"model": "claude-sonnet-4-6"},
        {"model": "claude-haiku-4-5"},
    ),
    (
        "model, a pattern over the name it was called by",
        "model: 'anthropic.*'",
        {"model": "anthropic.claude-haiku-4-5-20251001-v1:0"},
        {"model": "claude-haiku-4-5"},
    ),
    (
        "model, a pattern over its id",
        "model: '*-20251001'",
        {"model": "claude-haiku-4-5"},
        {"model": "claude-haiku-5-5"},
    ),
    (
        "system, whatever the case",
        "system: Support",
        {"system": [{"type": "text", "text": "You are the SUPPORT desk."}]},
        {"system": "You are a poet."},
    ),
    (
        "system by expression",
        "system: {regex: '^You are \\w+$'}",
        {"system": "You are Claude"},
        {"system": "You are a poet"},
    ),
    ("a system prompt that is not there", "system: x", {"system": "x"}, {}),
    (
        "last user text",
        "last_user: refund",
        {"messages": said("hi", "hello", "A Refund, please")},
        {"messages": said("refund", "done", "thanks")},
    ),
    (
        "one of several texts",
        "last_user: {contains: [refund, money back]}",
        {"messages": said("I want my money back")},
        {"messages": said("I want my parcel")},
    ),
    (
        "the whole text",
        "last_user: {equals: stop}",
        {"messages": said("stop")},
        {"messages": said("stop it")},
    ),
    (
        "text by expression",
        "last_user: {regex: 'order [A-Z]-\\d+$'}",
        {"messages": said("where is order A-17")},
        {"messages": said("where is order a-17")},
    ),
    (
        "contains and expression both",
        "last_user: {contains: order, regex: '\\d'}",
        {"messages": said("order 1")},
        {"messages": said("order")},
    ),
    (
        "a user's text that is JSON",
        "last_user: {path: $.order.id, equals: 17}",
        {"messages": said('{"order": {"id": 17}}')},
        {"messages": said("order 17")},
    ),
    (
        "the question stays while tools run",
        "last_user: pay",
        {"messages": result("done")},
        {"messages": said("thanks")},
    ),
    (
        "several user messages in a row",
        "last_user: first",
        {"messages": [*said("first"), *said("second")]},
        {"messages": said("first", "ok", "second")},
    ),
    (
        "the body",
        "body: {path: $.metadata.user_id, equals: u-1}",
        {"metadata": {"user_id": "u-1"}},
        {"metadata": {"user_id": "u-2"}},
    ),
    (
        "the body, only that something is there",
        "body: {path: $.metadata.user_id}",
        {"metadata": {"user_id": "u-1"}},
        {},
    ),
    (
        "the body, any of what a path leads to",
        "body: {path: '$.messages[*].content', contains: parcel}",
        {"messages": said("PARCEL?", "which", "that")},
        {"messages": said("letter?", "which", "that")},
    ),
    (
        "the body twice",
        "body: [{path: $.max_tokens, equals: 100}, {path: $.top_p, regex: '1'}]",
        {"top_p": "0.1"},
        {"top_p": 0.1},
    ),
    (
        "JSON's true is not 1",
        "body: {path: $.stream, equals: true}",
        {"stream": True},
        {"stream": 1},
    ),
    ("the first turn", "turn: 1", {"messages": said("a")}, {"messages": said("a", "b", "c")}),
    (
        "turns up to",
        "turn: ..2",
        {"messages": said("a", "b", "c")},
        {"messages": said("a", "b", "c", "d", "e")},
    ),
    (
        "turns from",
        "turn: 2..",
        {"messages": said("a", "b", "c")},
        {"messages": said("a")},
    ),
    (
        "a prefill begins this turn and ends none",
        "turn: 1",
        {"messages": said("a", "I say")},
        {"messages": said("a", "I say", "go on")},
    ),
    (
        "tools offered, all of them",
        "tools_offered: [pay, track]",
        {"tools": [{"name": "pay"}, {"name": "track"}, {"name": "more"}]},
        {"tools": [{"name": "pay"}]},
    ),
    (
        "a server tool offered",
        "tools_offered: web_search",
        {"tools": [{"type": "web_search_20260318", "name": "web_search"}]},
        {"tools": [{"type": "computer_toolset_20260801"}]},
    ),
    (
        "the tool that answered",
        "last_tool_result: {name: pay}",
        {"messages": result("ok")},
        {"messages": [*result("ok"), *said("", "done", "and now")[1:]]},
    ),
    (
        "what the tool said",
        "last_tool_result: {contains: PAID}",
        {"messages": result([{"type": "text", "text": "status: paid"}])},
        {"messages": result("status: open")},
    ),
    (
        "what the tool said in JSON",
        "last_tool_result: {path: '$.items[-1].state', equals: shipped}",
        {"messages": result('{"items": [{"state": "open"}, {"state": "shipped"}]}')},
        {"messages": result('{"items": [{"state": "shipped"}, {"state": "open"}]}')},
    ),
    (
        "whether the tool failed",
        "last_tool_result: {is_error: true}",
        {"messages": result("no", is_error=True)},
        {"messages": result("no")},
    ),
    (
        "one result that is all of it",
        "last_tool_result: {name: pay, regex: '^ok'}",
        {"messages": result("ok")},
        {"messages": result("not ok")},
    ),
    ("streaming", "stream: true", {"stream": True}, {}),
    ("not streaming", "stream: false", {"stream": False}, {"stream": True}),
    (
        "a header",
        "headers: {X-Team: blue}",
        {"headers": [(b"x-team", b"Blue team")]},
        {"headers": [(b"x-team", b"red")]},
    ),
    (
        "a header sent twice",
        "headers: {x-team: {equals: 'a, b'}}",
        {"headers": [(b"x-team", b"a"), (b"x-team", b"b")]},
        {"headers": [(b"x-team", b"a")]},
    ),
    ("a header that is not there", "headers: {x: ''}", {"headers": [(b"x", b"")]}, {}),
]


def ask(choose: Callable[..., Choice], fields: dict[str, Any]) -> str | None:
    fields = dict(fields)
    prompt = fields.pop("messages", "hello")
    return choose(prompt, **fields).rule


@pytest.mark.parametrize(
    ("when", "met", "missed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
@pytest.mark.fidelity(
    "scenarios",
    "the first rule whose conditions all hold answers",
    "documented",
    "docs/scenarios.md",
)
def test_a_condition_is_met_and_missed(
    start: Start, when: str, met: dict[str, Any], missed: dict[str, Any]
) -> None:
    _, choose = start(f"rules:\n  - id: r\n    when: {{{when}}}\n    reply: yes\n")
    assert ask(choose, met) == "s/r"
    assert ask(choose, missed) is None


def test_rules_are_tried_in_order_and_a_rule_without_conditions_always_answers(
    start: Start,
) -> None:
    _, choose = start(
        """
        rules:
          - {id: pay, when: {last_user: pay}, reply: a}
          - {id: order, when: {last_user: order}, reply: b}
          - {reply: c}
        """
    )
    asked = ["pay order", "order", "else"]
    assert [choose(text).rule for text in asked] == ["s/pay", "s/order", "s/3"]


def test_nth_call_counts_the_calls_that_met_the_other_conditions(start: Start) -> None:
    _, choose = start(
        """
        rules:
          - {id: second, when: {last_user: pay, nth_call: 2}, reply: a}
          - {id: late, when: {last_user: pay, nth_call: 3..}, reply: b}
          - {id: rest, reply: c}
        """
    )
    asked = ["pay", "other", "pay", "pay", "pay", "pay"]
    # `late` sees only what `second` leaves it.
    assert [choose(text).rule for text in asked] == [
        "s/rest", "s/rest", "s/second", "s/rest", "s/late", "s/late",
    ]  # fmt: skip


def test_state_set_by_one_answer_is_met_by_the_next(start: Start) -> None:
    run, choose = start(
        """
        rules:
          - {id: out, when: {last_user: log out}, reply: bye, set_state: {user: null}}
          - {id: known, when: {state: {user: Bob}}, reply: hi again}
          - {id: in, when: {last_user: {regex: 'I am (\\w+)'}, state: {user: null}},
             reply: hi, set_state: {user: '{{last_user.1}}'}}
        """
    )
    asked = ["I am Bob", "I am Eve", "log out", "what"]
    assert [choose(text).rule for text in asked] == ["s/in", "s/known", "s/out", None]
    assert run.state == {}


def test_long_texts_are_read_at_both_ends_and_quickly_refused(start: Start) -> None:
    _, choose = start(
        """
        rules:
          - {id: end, when: {last_user: {regex: 'needle$'}}, reply: a}
          - {id: start, when: {last_user: {regex: '^haystack'}}, reply: b}
          - {id: far, when: {last_user: in the middle}, reply: c}
        """
    )
    hay = "hay " * 40_000
    assert choose(f"{hay}needle").rule == "s/end"
    assert choose(f"haystack {hay}").rule == "s/start"
    assert choose(f"{hay[:80_000]} In The Middle {hay[:80_000]}").rule == "s/far"
