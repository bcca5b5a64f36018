"""Which set answers a call, and what stands in its answer."""

from typing import Any

import pytest

from harness.mocked import build_mocks, call, write_tool
from tanzaku.core import InputFileError, UserError, VirtualClock
from tanzaku.simulator.mocks import MockFailure, MockResult, ToolMocks, parse_mocks

TWO = write_tool(
    "{success: {result: fine}, other: {result: other}, third: {result: third}}",
    runs="{nightly: {t: other}}",
)


def value_of(answer: object) -> Any:
    assert isinstance(answer, MockResult)
    return answer.value


def ask(mocks: ToolMocks, run: str = "", **arguments: Any) -> Any:
    return value_of(call(mocks, run, **arguments))


def test_success_answers_when_nothing_is_said() -> None:
    assert ask(build_mocks(TWO)) == "fine"


def test_a_default_answers_in_the_place_of_success() -> None:
    text = write_tool("{success: {result: fine}, other: {result: other}}")
    assert ask(build_mocks(text.replace("sets:", "default: other, sets:"))) == "other"


def test_a_run_answers_from_the_set_that_the_file_names_for_it() -> None:
    mocks = build_mocks(TWO)
    assert [ask(mocks, run) for run in ("nightly", "", "unknown")] == ["other", "fine", "fine"]


def test_the_nearest_word_counts() -> None:
    """One run's switch beats the file's word for the run, that beats everyone's switch."""
    mocks = build_mocks(TWO)
    mocks.use("t", "third")
    assert (ask(mocks), ask(mocks, "nightly"), ask(mocks, "unknown")) == (
        "third",
        "other",
        "third",
    )
    mocks.use("t", "success", run="nightly")
    assert (ask(mocks), ask(mocks, "nightly")) == ("third", "fine")


def test_a_switch_is_taken_back() -> None:
    mocks = build_mocks(TWO)
    mocks.use("t", "third")
    mocks.use("t", "third", run="nightly")
    mocks.use("t", None, run="nightly")
    assert (ask(mocks), ask(mocks, "nightly")) == ("third", "other")
    mocks.use("t", None)
    assert ask(mocks) == "fine"


@pytest.mark.parametrize(
    ("tool", "set_name", "message", "hint"),
    [
        (
            "t",
            "sucess",
            "The tool `t` has no set `sucess`.",
            "Its sets are success, other, third, timeout, bad_args.",
        ),
        ("tt", "success", "No tool is called `tt`.", "Did you mean `t`?"),
        ("zzz", None, "No tool is called `zzz`.", "There are t."),
    ],
)
def test_a_switch_to_nothing_is_refused(
    tool: str, set_name: str | None, message: str, hint: str
) -> None:
    mocks = build_mocks(TWO)
    with pytest.raises(UserError) as caught:
        mocks.use(tool, set_name)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert ask(mocks) == "fine"


SEQUENCE = (
    "{success: {result: fine}, busy: {error: {message: busy, status: 503}}, other: {result: other},"
    " flaky: {sequence: [busy, other, success], then: %s}}"
)


def names_of(mocks: ToolMocks, calls: int, run: str = "") -> list[str]:
    """The sets that answered `calls` calls, from the log."""
    for _ in range(calls):
        call(mocks, run)
    return [logged.set for logged in mocks.calls[-calls:]]


@pytest.mark.parametrize(
    ("then", "after"), [("stay", ["success", "success"]), ("cycle", ["busy", "other"])]
)
def test_a_sequence_answers_by_call_number(then: str, after: list[str]) -> None:
    mocks = build_mocks(write_tool(SEQUENCE % then))
    mocks.use("t", "flaky")
    assert names_of(mocks, 5) == ["busy", "other", "success", *after]


def test_each_run_goes_through_a_sequence_by_itself() -> None:
    mocks = build_mocks(write_tool(SEQUENCE % "stay", runs="{a: {t: flaky}, b: {t: flaky}}"))
    assert names_of(mocks, 2, "a") == ["busy", "other"]
    assert names_of(mocks, 1, "b") == ["busy"]
    assert names_of(mocks, 1, "a") == ["success"]


def test_a_switch_begins_a_sequence_anew_in_its_run_alone() -> None:
    mocks = build_mocks(write_tool(SEQUENCE % "stay", runs="{a: {t: flaky}, b: {t: flaky}}"))
    names_of(mocks, 2, "a")
    names_of(mocks, 2, "b")
    mocks.use("t", "flaky", run="a")
    assert names_of(mocks, 1, "a") == ["busy"]
    assert names_of(mocks, 1, "b") == ["success"]
    mocks.use("t", None)
    assert names_of(mocks, 1, "b") == ["busy"]


CASES = write_tool(
    "{success: {result: otherwise, cases: ["
    "{when: {args.y: A1}, result: equal},"
    "{when: {args.y: {contains: KEY}}, result: contains},"
    "{when: {args.y: {regex: '^z+$'}, args.x: 3}, result: both},"
    "{when: {args.x.deep.1: true}, result: inside},"
    "{when: {args.x: {equals: {a: [1, null]}}}, result: object},"
    "{when: {args.x: null, args.y: {regex: '^none$'}}, result: absent},"
    "{when: {args.y: refused}, error: no}]}}"
)


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ({"y": "A1"}, "equal"),
        ({"y": "a1"}, "otherwise"),
        ({"y": "the MonKey"}, "contains"),
        ({"y": "zz", "x": 3.0}, "both"),
        ({"y": "zz", "x": 4}, "otherwise"),
        ({"x": {"deep": [0, True]}}, "inside"),
        ({"x": {"deep": [0, 1]}}, "otherwise"),
        ({"x": {"deep": [0]}}, "otherwise"),
        ({"x": {"a": [1, None]}}, "object"),
        ({"x": {"a": [1]}}, "otherwise"),
        ({"y": "none"}, "absent"),
        ({"y": "none", "x": 1}, "otherwise"),
        ({}, "otherwise"),
    ],
)
def test_the_first_case_that_fits_the_arguments_answers(
    arguments: dict[str, Any], result: str
) -> None:
    assert ask(build_mocks(CASES), **arguments) == result


def test_a_case_may_be_an_error() -> None:
    assert call(build_mocks(CASES), y="refused") == MockFailure(
        "no", 500, {"error": {"message": "no"}}
    )


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("'{{args.x}}'", [1, {"a": "é"}]),
        ("'x={{args.x}}.'", 'x=[1, {"a": "é"}].'),
        ("'{{ args.x.1.a }}'", "é"),
        ("'{{args.x.7}}'", None),
        ("'<{{args.y}}>'", "<>"),
        ("'{{args}}'", {"x": [1, {"a": "é"}]}),
        ("'{{n}}'", 1),
        ("'no. {{n}}'", "no. 1"),
        ("'{{now}}'", "2026-01-01T00:00:00Z"),
        (r"'\{{args.x}}'", "{{args.x}}"),
        ("{a: ['{{n}}', {b: '{{args.x.0}}'}], c: 1.5}", {"a": [1, {"b": 1}], "c": 1.5}),
        ("true", True),
        ("null", None),
    ],
)
def test_places_are_filled_with_the_call(template: str, filled: Any) -> None:
    mocks = build_mocks(write_tool(f"{{success: {{result: {template}}}}}"))
    assert ask(mocks, x=[1, {"a": "é"}]) == filled


def test_what_an_argument_says_is_not_filled_again() -> None:
    mocks = build_mocks(write_tool("{success: {result: 'got {{args.y}}'}}"))
    assert ask(mocks, y="{{n}}") == "got {{n}}"


def test_calls_are_numbered_by_run() -> None:
    mocks = build_mocks(write_tool("{success: {result: '{{n}}'}}"))
    assert [ask(mocks, run) for run in ("", "", "a", "", "a")] == [1, 2, 1, 3, 2]


BAD = (
    "{success: {result: fine}, bad_args: {error: {message: 'No: {{violation}} ({{args.y}})',"
    " status: 422, body: {code: E1, why: '{{violation}}'}, retry_after_s: 1.5}}}"
)


def test_arguments_the_schema_does_not_allow_meet_bad_args_whatever_is_switched_on() -> None:
    mocks = build_mocks(write_tool(BAD))
    mocks.use("t", "timeout")
    why = "y: must be string, not integer"
    assert call(mocks, y=5) == MockFailure(f"No: {why} (5)", 422, {"code": "E1", "why": why}, 1.5)
    assert (mocks.calls[0].set, mocks.calls[0].violation) == ("bad_args", why)


def test_bad_args_switched_on_refuses_good_arguments_too() -> None:
    mocks = build_mocks(write_tool(BAD))
    mocks.use("t", "bad_args")
    answer = call(mocks, y="good")
    assert isinstance(answer, MockFailure)
    assert answer.message == "No: the arguments are refused (good)"
    assert mocks.calls[0].violation is None


def test_a_tool_that_says_nothing_of_it_refuses_bad_arguments_with_400() -> None:
    mocks = build_mocks(write_tool("{success: {result: fine}}"))
    why = "y: must be string, not null"
    assert call(mocks, y=None) == MockFailure(why, 400, {"error": {"message": why}})


def test_several_files_serve_together_and_may_not_share_a_tool() -> None:
    one, other = parse_mocks(TWO, "a"), parse_mocks(TWO.replace("{t:", "{u:"), "b")
    assert list(ToolMocks(one, other).definitions) == ["t", "u"]
    with pytest.raises(InputFileError, match=r"^a: another file has a tool `t` already.$"):
        ToolMocks(one, one)


def test_the_log_says_what_happened_to_each_call() -> None:
    mocks = build_mocks(write_tool(SEQUENCE % "stay", runs="{a: {t: flaky}}"))
    call(mocks, "a", x=1)
    assert isinstance(mocks.clock, VirtualClock)
    mocks.clock.advance(90)
    call(mocks, y="z")
    assert [logged.to_json() for logged in mocks.calls] == [
        {
            "number": 1,
            "tool": "t",
            "run": "a",
            "n": 1,
            "set": "busy",
            "arguments": {"x": 1},
            "violation": None,
            "at": "2026-01-01T00:00:00Z",
            "latency_s": 0.0,
            "state": "answered",
            "error": {"message": "busy", "status": 503},
        },
        {
            "number": 2,
            "tool": "t",
            "run": "",
            "n": 1,
            "set": "success",
            "arguments": {"y": "z"},
            "violation": None,
            "at": "2026-01-01T00:01:30Z",
            "latency_s": 0.0,
            "state": "answered",
            "result": "fine",
        },
    ]


def test_the_log_keeps_the_newest_thousand() -> None:
    mocks = build_mocks(TWO)
    for _ in range(1001):
        mocks.begin("t", {})
    assert [logged.number for logged in mocks.calls] == list(range(2, 1002))


def test_reset_starts_anew() -> None:
    mocks = build_mocks(write_tool(SEQUENCE % "stay"))
    mocks.use("t", "flaky")
    names_of(mocks, 2)
    mocks.reset()
    assert (mocks.calls, mocks.find_set("t")) == ([], "success")
    mocks.use("t", "flaky")
    assert names_of(mocks, 1) == ["busy"]
    assert (mocks.calls[0].number, mocks.calls[0].n) == (1, 1)
