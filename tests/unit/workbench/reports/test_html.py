"""The HTML report in a browser: whole, sealed, searchable, in both languages."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.attacks import ATTACKS, LINKS, HtmlReader
from harness.browser import Browser, open_file
from harness.executed import FAILING, MESSAGE, UNKNOWN, make_case, make_execution, make_reply
from tanzaku.core.plain_yaml import Place
from tanzaku.wire import encode_event, split_message
from tanzaku.workbench.assertions import Outcome
from tanzaku.workbench.reports import write_reports
from tanzaku.workbench.runner import CaseEnded, CaseStarted, Event, ExecutionStarted, ReplyCame
from tanzaku.workbench.sending import Reply

TURNS = [
    {"role": "user", "content": "北京今天天气怎么样？"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "想一想", "signature": "c2ln"},
            {"type": "tool_use", "id": "toolu_9", "name": "find_city", "input": {"name": "北京"}},
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "toolu_9",
                "content": "无此城市",
                "is_error": True,
            },
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR"},
            },
        ],
    },
]
REQUEST = {"model": "claude-haiku-4-5", "system": "简短回答", "messages": TURNS}
STREAM = b"".join(map(encode_event, split_message(MESSAGE)))


def make_turns() -> Reply:
    return make_reply(
        STREAM,
        content_type="text/event-stream",
        request_body=json.dumps(REQUEST).encode(),
        frame_times_ms=[120.5 + 10 * n for n in range(STREAM.count(b"\n\n"))],
    )


def write(folder: Path, events: Sequence[Event]) -> Path:
    path = folder / "report.html"
    write_reports(events, {"html": path})
    return path


def read(folder: Path, *cases: Sequence[Event]) -> HtmlReader:
    return HtmlReader(write(folder, make_execution(*cases)).read_text(encoding="utf-8"))


def test_a_report_shows_the_conversation_the_events_and_the_figures(tmp_path: Path) -> None:
    shown = read(tmp_path, make_case("weather#a", replies=[make_turns()])).text
    for text in (
        *("简短回答", "北京今天天气怎么样？", "想一想", "find_city", "无此城市", "image/png"),
        *("我来查一下。", "get_weather", '"city": "北京"', "先查天气"),
        *("message_start", "content_block_delta", "120.5", "130.5"),
        *("input_tokens", "1,000", "$0.00105", "$0.001", "x-api-key", "***", "req_1"),
    ):
        assert text in shown, text
    assert "iVBOR" in shown
    assert "<img" not in shown


def test_a_failure_shows_what_was_expected_what_came_and_how_to_see_it_again(
    tmp_path: Path,
) -> None:
    changed = Outcome("equals", "fail", {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 9, "c": 3}, "$")
    case = make_case("weather#bad", "failed", [FAILING, UNKNOWN, changed])
    path = write(tmp_path, make_execution(case))
    shown = path.read_text(encoding="utf-8")
    text = HtmlReader(shown).text
    for said in ("tool_use is not end_turn", "suites/weather.suite.yaml:12:9", "$.stop_reason"):
        assert said in text
    assert "does not hold" in text
    assert "不成立" in text
    assert "cannot be evaluated" in text
    assert "tanzaku test suites/weather.suite.yaml --case 'weather#bad'" in text
    assert shown.count("<del>") == shown.count("<ins>") == 1
    assert HtmlReader(shown.partition("<del>")[2].partition("</del>")[0]).text.strip() == '"b": 2,'
    assert HtmlReader(shown.partition("<ins>")[2].partition("</ins>")[0]).text.strip() == '"b": 9,'


def test_a_flow_shows_its_steps_on_one_line_of_time(tmp_path: Path) -> None:
    start, _, end = make_case("weather#flow")
    came = []
    for at, step in enumerate(("plan", "work[0].agent", "work[1].agent", "merge")):
        reply = make_reply()
        reply.exchange.started_at += at
        came.append(ReplyCame(reply.exchange.started_at, "weather#flow", step, reply))
    read_page = read(tmp_path, [start, *came, end])
    assert [one for one in ("plan", "work[0].agent", "merge") if one not in read_page.text] == []
    assert read_page.tags.count("rect") == 4
    starts = [float(value or "") for name, value in read_page.attributes if name == "x"]
    assert starts == sorted(starts)
    assert starts[0] == 0


def test_an_answer_of_any_service_is_shown_as_it_came(tmp_path: Path) -> None:
    orders = make_reply(b'{"id": "1", "customer": "\xe5\xbc\xa0\xe4\xbc\x9f"}', usage=None)
    text = make_reply(b"<b>not found</b>", status=404, content_type="text/html", usage=None)
    binary = make_reply(b"\xff\xfe\x00", content_type="image/png", request_body=b"", usage=None)
    shown = read(tmp_path, make_case("orders#a", replies=[orders, text, binary]))
    assert '"customer": "张伟"' in shown.text
    assert "<b>not found</b>" in shown.text
    assert "b" not in shown.tags


def test_a_long_text_is_shortened_and_says_so(tmp_path: Path) -> None:
    long = {**MESSAGE, "content": [{"type": "text", "text": "长" * 1_000_000}]}
    case = make_case("a#b", replies=[make_reply(json.dumps(long).encode())])
    path = write(tmp_path, make_execution(case))
    assert path.stat().st_size < 200_000
    assert "(+980,000)" in path.read_text(encoding="utf-8")


def test_a_huge_report_keeps_the_exchanges_of_what_failed(tmp_path: Path) -> None:
    long = {**MESSAGE, "content": [{"type": "text", "text": "<" * 20_000}]}
    reply = make_reply(json.dumps(long).encode())
    passed = [make_case(f"a#p{n}", replies=[reply] * 20) for n in range(7)]
    failed = [make_case("a#f", "failed", [FAILING], replies=[reply])]
    path = write(tmp_path, make_execution(*passed, *failed))
    shown = path.read_text(encoding="utf-8")
    assert len(shown) < 20 << 20
    assert "The exchanges of this case are left out" in shown
    last = shown.rpartition('class="case"')[2]
    assert "POST /v1/messages" in last


def make_hostile(text: str, at: int) -> list[Event]:
    """A case with `text` wherever a text can come from outside."""
    message = {
        **MESSAGE,
        "model": text,
        "stop_reason": text,
        "content": [
            {"type": "text", "text": text},
            {"type": "thinking", "thinking": text},
            {"type": "tool_use", "id": text, "name": text, "input": {text: text}},
            {"type": text, "x": text},
        ],
        "usage": {text: 1, "service_tier": text},
    }
    turn = [
        {"type": "tool_result", "tool_use_id": text, "content": text, "is_error": True},
        {"type": "image", "source": {"type": "url", "url": text, "media_type": text}},
    ]
    asked = {"model": text, "system": text, "messages": [{"role": text, "content": turn}]}
    name = " ".join(text.split()).encode("utf-8", "replace")
    stream = STREAM + b"event: %b\ndata: %b\n\n" % (name, json.dumps(text).encode())
    replies = [
        make_reply(json.dumps(message).encode(), request_body=json.dumps(asked).encode()),
        make_reply(
            stream,
            content_type="text/event-stream",
            frame_times_ms=list(range(stream.count(b"\n\n"))),
        ),
        make_reply(text.encode("utf-8", "replace"), status=500, content_type=text, usage=None),
    ]
    for reply in replies:
        reply.exchange.path += text
        reply.exchange.request_headers.append((text, text))
    replies[2] = replace(replies[2], problem=text, trouble="broken", base_url=text)
    outcome = Outcome(
        text, "fail", text, {text: [text]}, text, "{x}", {"x": text}, "error", Place(text, 1, 1)
    )
    key = f"a#{at}{text}"
    start, *_, end = make_case(key, "failed", [outcome], replies=[], name=text, reason=text)
    assert isinstance(start, CaseStarted)
    assert isinstance(end, CaseEnded)
    start = replace(start, kind=text, tags=[text], origin={text: text})
    came = [ReplyCame(0, key, text, reply, 2) for reply in replies]
    return [start, *came, replace(end, reproduce=text, attempts=2)]


@pytest.mark.needs("chromium")
def test_hostile_texts_run_nothing_and_send_nothing(browser: Browser, tmp_path: Path) -> None:
    texts = ATTACKS + LINKS
    events = make_execution(*(make_hostile(text, at) for at, text in enumerate(texts)))
    assert isinstance(events[0], ExecutionStarted)
    events[0] = replace(events[0], environment=texts[0], suites=texts, version=texts[3])
    path = write(tmp_path, events)
    allowed = set(HtmlReader(write_calm(tmp_path)).tags)
    assert set(HtmlReader(path.read_text(encoding="utf-8")).tags) <= allowed
    with open_file(browser, path) as page:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert page.locator(".case").count() == len(texts)
        assert page.locator("a[href]").count() == 1
        assert page.evaluate("document.title").startswith("<script>")


def write_calm(folder: Path) -> str:
    """The same report with harmless texts: the elements it may have."""
    (folder / "calm").mkdir()
    calm = make_execution(make_hostile("x", 0), make_hostile("y", 1))
    return write(folder / "calm", calm).read_text(encoding="utf-8")


def await_only(shown: Any, case: str) -> None:
    """Wait until this case alone is shown: the text before may have told of one of three too."""
    shown.filter(has_text=case).wait_for()
    assert shown.count() == 1


@pytest.mark.needs("chromium")
def test_cases_are_filtered_searched_and_opened(browser: Browser, tmp_path: Path) -> None:
    events = make_execution(
        make_case("weather#one", name="上海"),
        make_case("weather#two", "failed", [FAILING], name="北京"),
        make_case("orders#three", "skipped", [], reason="nobody serves it"),
    )
    with open_file(browser, write(tmp_path, events)) as page:
        shown = page.locator(".case:visible")
        assert shown.count() == 3
        assert page.locator(".case[open]").count() == 1
        page.click("button[data-verdict=failed]")
        page.get_by_text("1 / 3").wait_for()
        assert shown.get_attribute("data-verdict") == "failed"
        page.click("button[data-verdict=all]")
        page.fill("#search", "ORDERS")
        await_only(shown, "orders#three")
        page.fill("#search", "上海")
        await_only(shown, "weather#one")
        page.fill("#search", "stop_reason")
        await_only(shown, "weather#two")
        page.fill("#search", "")
        page.click("#close_all")
        page.locator(".case[open]").wait_for(state="detached")
        page.click("#lang")
        page.get_by_text("全部展开").wait_for()
        page.click("#open_all")
        page.get_by_text("重现命令").first.wait_for()
        assert page.locator(".case[open]").count() == 3


@pytest.mark.needs("chromium")
def test_an_address_opens_its_case(browser: Browser, tmp_path: Path) -> None:
    path = write(tmp_path, make_execution(make_case("a#1"), make_case("a#2")))
    with open_file(browser, path) as page:
        page.evaluate("location.hash = 'case-2'")
        page.reload()
        page.locator("#case-2[open]").wait_for()
        assert page.locator("#case-1[open]").count() == 0


@pytest.mark.needs("chromium")
def test_junit_is_xml_to_a_browser_too(browser: Browser, tmp_path: Path) -> None:
    texts = ATTACKS + LINKS
    events = make_execution(*(make_hostile(text, at) for at, text in enumerate(texts)))
    write_reports(events, {"junit": tmp_path / "junit.xml"})
    context = browser.new_context(offline=True)
    page = context.new_page()
    count = page.evaluate(
        "(text) => { const read = new DOMParser().parseFromString(text, 'application/xml');"
        " return [read.querySelectorAll('parsererror').length,"
        " read.querySelectorAll('testcase > failure').length]; }",
        (tmp_path / "junit.xml").read_text(encoding="utf-8"),
    )
    context.close()
    assert count == [0, len(texts)]
