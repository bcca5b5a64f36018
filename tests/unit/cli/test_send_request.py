"""`tanzaku send requests/x.yaml`: what is sent, what is shown of the answer, and how it ends."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pytest

from harness.projects import REQUEST, write_project
from tanzaku.cli.main import main
from tanzaku.cli.requests import find_request_file
from tanzaku.transport import HttpRequest, HttpResponse, ThreadedServer, serve
from tanzaku.wire import encode_event, split_message

KEY = "sk-live-7c0ffee"
LOCAL = """\
tanzaku: environment/v1
upstream: {upstream}
base_url: {url}
secrets: {{ANTHROPIC_API_KEY: {{env: ANTHROPIC_API_KEY}}}}
headers: {{anthropic-version: 2023-06-01}}
auth: {{type: api_key, in: header, name: x-api-key, value: "{{{{secret.ANTHROPIC_API_KEY}}}}"}}
"""
TOOL = """\
  tools:
    - name: get_weather
      input_schema:
        type: object
        properties: {city: {type: string}, days: {type: integer}}
        required: [city]
"""
DOCS = Path(__file__).parents[3] / "docs"


def a_message(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5-20251001",
        "content": list(blocks),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1000, "output_tokens": 10},
    } | more


def a_call(arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": arguments}


def encode(message: dict[str, Any]) -> bytes:
    return b"".join(encode_event(event) for event in split_message(message))


@dataclass
class Service:
    """Answers what it is told to; keeps what it was asked."""

    answer: HttpResponse = field(default_factory=lambda: HttpResponse(204, [], b""))
    asked: list[HttpRequest] = field(default_factory=list)
    url: str = ""

    def says(
        self, body: bytes | dict[str, Any], kind: str = "application/json", **more: Any
    ) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        headers = [
            (b"content-type", kind.encode()),
            (b"request-id", b"req_7"),
            (b"tanzaku-rule", b"r"),
        ]
        self.answer = HttpResponse(more.get("status", 200), headers, raw)

    def streams(self, body: bytes) -> None:
        self.says(body, "text/event-stream; charset=utf-8")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()

    async def answer(request: HttpRequest) -> HttpResponse:
        service.asked.append(request)
        return service.answer

    @asynccontextmanager
    async def open_server() -> AsyncIterator[str]:
        async with serve(answer, max_body_bytes=1 << 20) as running:
            yield f"http://127.0.0.1:{running.port}"

    with ThreadedServer(open_server) as service.url:
        yield service


type Send = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "100")
    write_project(
        tmp_path,
        {
            "environments/local.yaml": LOCAL.format(upstream="url", url=service.url),
            "environments/live.yaml": LOCAL.format(upstream="live", url=service.url),
            "requests/tool.yaml": REQUEST + TOOL,
        },
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def send(project: Path, capfd: pytest.CaptureFixture[str]) -> Send:
    """Exit code, output, notes."""

    def run(*words: str, environment: str = "local") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["send", *words, *(["-e", environment] if environment else [])])
        out, notes = capfd.readouterr()
        assert KEY not in out + notes
        return int(ended.value.code or 0), out, notes

    return run


def test_a_message_is_shown_block_by_block(service: Service, send: Send) -> None:
    cited = {
        "type": "char_location",
        "cited_text": "晴",
        "document_index": 0,
        "document_title": "天气.txt",
        "start_char_index": 0,
        "end_char_index": 1,
    }
    service.says(
        a_message(
            {"type": "thinking", "thinking": "先想一想", "signature": "c2ln"},
            {"type": "text", "text": "北京", "citations": None},
            {"type": "text", "text": "今天晴", "citations": [cited]},
            {
                "type": "server_tool_use",
                "id": "srvtoolu_1",
                "name": "web_search",
                "input": {"query": "q"},
            },
            a_call({"city": "北京"}),
        )
    )
    code, out, _ = send("requests/tool.yaml")
    assert code == 0
    order = [
        "200 OK · application/json", "thinking\n先想一想\n", "text\n北京今天晴\n",
        '  [1] 天气.txt: "晴"', "server_tool_use web_search srvtoolu_1\n", '"query": "q"',
        "tool_use get_weather toolu_1\n", '"city": "北京"', "arguments fit the tool's input_schema",
        "TTFT", "input_tokens 1,000", "output_tokens 10 · $0.00105", "stop_reason end_turn",
        "request-id req_7", "rule r",
    ]  # fmt: skip
    places = [out.find(one) for one in order]
    assert -1 not in places
    assert places == sorted(places)


def test_arguments_are_held_against_the_schema_of_the_request(service: Service, send: Send) -> None:
    service.says(a_message(a_call({"days": "3"})))
    _, out, _ = send("requests/tool.yaml")
    assert "does not fit the tool's input_schema: $.days: " in out
    assert '"city" is a required property' in out
    _, out, _ = send("requests/ask.yaml")
    assert "declares no such tool" in out
    _, out, _ = send("requests/tool.yaml", "--json")
    [call] = json.loads(out)["tool_calls"]
    assert (call["fits"], len(call["mismatches"]), call["input"]) == (False, 2, {"days": "3"})


def find_caret(out: str) -> tuple[str, str]:
    """The character above the caret, by Unicode's widths, and what is said of it."""
    lines = out.splitlines()
    number = next(n for n, line in enumerate(lines) if re.fullmatch(r" +\^", line))
    cells, above = 0, lines[number - 1]
    for one in above:
        if cells == len(lines[number]) - 1:
            return one, lines[number - 2]
        cells += 2 if east_asian_width(one) in "WF" else 1
    return "", lines[number - 2]


def test_arguments_that_are_cut_off_are_shown_with_the_place(service: Service, send: Send) -> None:
    events = list(split_message(a_message(a_call({"city": "上海"}), stop_reason="max_tokens")))
    for event in events:
        if event.get("delta", {}).get("type") == "input_json_delta":
            event["delta"]["partial_json"] = ""
    last = next(e for e in reversed(events) if e.get("delta", {}).get("type") == "input_json_delta")
    last["delta"]["partial_json"] = '{"城市名称": "上海'
    service.streams(b"".join(map(encode_event, events)))
    code, out, _ = send("requests/tool.yaml")
    assert code == 0
    assert "the tool's arguments are not JSON" in out
    assert find_caret(out) == ('"', "line 1, column 10: a text begins here and does not end")


def test_an_answer_that_should_be_json_is_shown_with_the_place(
    service: Service, send: Send
) -> None:
    service.says('{\n  "订单": "一二三" "四"\n}'.encode(), status=500)
    code, out, _ = send("requests/ask.yaml")
    assert code == 1
    assert "500 Internal Server Error · application/json" in out
    assert find_caret(out) == ('"', "line 2, column 15: a comma or a closing bracket is due here")
    _, out, _ = send("requests/ask.yaml", "--json")
    found = json.loads(out)["json_problem"]
    assert (found["fault"], found["line"], found["column"]) == ("comma", 2, 15)


def test_a_request_that_should_be_json_is_shown_with_the_place_and_sent(
    service: Service, send: Send, project: Path
) -> None:
    raw = "tanzaku: request/v1\nmethod: POST\npath: /x\ncontent_type: application/json\nraw: '{\"城\": nope}'\n"
    (project / "requests" / "raw.yaml").write_text(raw, encoding="utf-8")
    code, _, notes = send("requests/raw.yaml")
    assert (code, service.asked[-1].body.decode()) == (0, '{"城": nope}')
    assert find_caret(notes) == ("n", "line 1, column 7: a value is due here")
    code, _, notes = send("requests/ask.yaml")
    assert notes == ""


@pytest.mark.parametrize(
    ("body", "kind", "shown"),
    [
        ({"订单": [1, 2]}, "application/json", '{\n  "订单": [\n    1,\n    2\n  ]\n}\n'),
        ("订单\x1b[31m红".encode(), "text/plain", "订单[31m红\n"),
        ("订单".encode("gbk"), "text/plain; charset=gbk", "订单\n"),
        (b"\x89PNG\x00\xff", "image/png", "(6 bytes that are no text; --raw writes them)\n"),
        (b"", "text/plain", "(no body)\n"),
        (b'{"a": 1}\n{"a": 2}\n', "application/x-jsonl", '{"a": 1}\n{"a": 2}\n'),
        (b'{"a": "\\u001b"}', "application/json", '{\n  "a": "\\u001b"\n}\n'),
    ],
    ids=["json", "text", "gbk", "binary", "empty", "lines", "control"],
)
def test_any_services_answer_is_shown(
    service: Service, send: Send, body: Any, kind: str, shown: str
) -> None:
    service.says(body, kind)
    code, out, _ = send("requests/ask.yaml")
    head, _, rest = out.partition("\n\n")
    assert (code, head) == (0, f"200 OK · {kind.partition(';')[0]}")
    assert rest.startswith(shown + "\nTTFT")


def test_events_are_shown_with_offsets_and_gaps(service: Service, send: Send) -> None:
    body = encode(a_message({"type": "text", "text": "北京" * 100, "citations": None}))
    service.streams(body)
    _, out, _ = send("requests/ask.yaml", "--events")
    rows = [
        row.split(maxsplit=4) for row in out.splitlines() if " ms " in row and "TTFT" not in row
    ]
    assert [row[3] for row in rows] == re.findall(r"event: (\w+)", body.decode())
    at = [float(row[0].replace(",", "")) for row in rows]
    gaps = [float(row[2].replace(",", "")) for row in rows]
    assert at == sorted(at)
    assert gaps == pytest.approx([b - a for a, b in zip([0.0, *at], at, strict=False)], abs=0.11)
    assert "{" in rows[0][4]


def test_headers_and_the_request_as_it_went_are_shown_when_asked_for(
    service: Service, send: Send
) -> None:
    service.says({"a": 1})
    _, plain, _ = send("requests/ask.yaml")
    code, out, _ = send("requests/ask.yaml", "--headers", "--as-sent", "--var", "city=上海")
    assert code == 0
    sent, _, answer = out.partition("200 OK")
    assert sent.startswith(f"POST {service.url}/v1/messages\nhost: ")
    assert "x-api-key: [redacted]" in sent
    assert "上海 今天天气怎么样？" in sent
    assert f"content-length: {len(service.asked[-1].body)}" in sent
    assert "\nrequest-id: req_7\n" in answer
    assert "request-id: " not in plain
    assert json.loads(service.asked[-1].body)["messages"][0]["content"].startswith("上海")


def test_raw_writes_the_bytes_and_nothing_else(
    service: Service, project: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    service.says(bytes(range(256)), "x/y")
    with pytest.raises(SystemExit):
        main(["send", "requests/ask.yaml", "--raw", "-e", "local"])
    assert capfdbinary.readouterr() == (bytes(range(256)), b"")


def test_the_json_document_is_what_the_page_says(service: Service, send: Send) -> None:
    service.streams(encode(a_message(a_call({"city": "北京"}))))
    code, out, notes = send("requests/tool.yaml", "--json")
    told = json.loads(out)
    assert (code, notes, told["environment"], told["trouble"]) == (0, "", "local", None)
    assert told["exchange"]["usage"] == {"input_tokens": 1000, "output_tokens": 10}
    assert told["tool_calls"][0]["fits"] is True
    assert told["events"][0]["event"] == "message_start"
    for page in ("debugging.md", "debugging.zh-CN.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == told.keys()


def test_an_error_ends_with_1_and_a_broken_stream_with_3(service: Service, send: Send) -> None:
    error = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    service.says(error, status=429)
    code, out, _ = send("requests/ask.yaml")
    assert code == 1
    assert "429 Too Many Requests · application/json · rate_limit_error: slow down" in out
    whole = encode(a_message({"type": "text", "text": "half", "citations": None}))
    service.streams(whole.partition(b"event: message_stop")[0])
    code, out, _ = send("requests/ask.yaml")
    assert code == 3
    assert "half" in out
    assert "the stream broke off: message_stop never came" in out


def test_nobody_there_ends_with_3(project: Path, send: Send) -> None:
    gone = LOCAL.format(upstream="url", url="http://127.0.0.1:9")
    (project / "environments" / "gone.yaml").write_text(gone, encoding="utf-8")
    code, out, notes = send("requests/ask.yaml", "--as-sent", environment="gone")
    assert code == 3
    assert out.startswith("POST http://127.0.0.1:9/v1/messages")
    assert "http://127.0.0.1:9/v1/messages does not answer: cannot connect" in notes


def test_live_needs_the_word_and_says_what_it_may_cost_first(
    service: Service, send: Send, project: Path
) -> None:
    service.says(a_message())
    code, _, notes = send("requests/ask.yaml", environment="live")
    assert (code, service.asked) == (2, [])
    stated = re.search(r"may cost \$([0-9.]+)\.\n", notes)
    assert stated
    assert "--live" in notes
    code, out, notes = send("requests/ask.yaml", "--live", environment="live")
    assert (code, len(service.asked)) == (0, 1)
    assert f"LIVE: environment live; this request costs at most ${stated[1]}" in notes
    assert "LIVE" not in out
    # An answer of max_tokens alone costs this at $5 a million.
    assert float(stated[1]) >= 100 * 5 / 1e6
    (project / "tanzaku.yaml").write_text(
        "tanzaku: project/v1\nenvironment: mock\nbudget: {usd: 0.000001}\nvariables: {model: claude-haiku-4-5}\n"
    )
    code, _, notes = send("requests/ask.yaml", "--live", environment="live")
    assert (code, len(service.asked)) == (4, 1)
    assert "the project's budget is $0.000001" in notes


def test_the_default_environment_is_the_simulator(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["send", "requests/ask"])
    assert ended.value.code == 0
    assert "rule improviser" in capfd.readouterr().out


def test_a_copy_is_printed_without_the_secret_being_read_or_anything_sent(
    service: Service, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    code, out, notes = send("requests/tool.yaml", "--copy", "curl", "--var", "city=广州")
    assert (code, notes, service.asked) == (0, "", [])
    assert f"{service.url}/v1/messages" in out
    assert '"x-api-key: $ANTHROPIC_API_KEY"' in out
    assert "广州" in out
    _, out, notes = send("requests/tool.yaml", "--copy", "python", environment="mock")
    assert "http://127.0.0.1:4141" in out
    assert "tanzaku serve" in notes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("Say hi", "--events"), "--events has no meaning for a prompt."),
        (
            ("requests/ask.yaml", "--model", "claude-haiku-4-5"),
            "--model has no meaning for a request file.",
        ),
        (("requests/ask.yaml", "--raw", "--json"), "One of --raw, --json and --copy"),
        (("requests/aks.yaml",), "Did you mean `requests/ask.yaml`?"),
        (("requests/ask.yaml", "--var", "city"), "NAME=VALUE"),
    ],
    ids=range(5),
)
def test_words_that_do_not_go_together_are_said(
    words: tuple[str, ...], said: str, send: Send, service: Service
) -> None:
    code, _, notes = send(*words, environment="" if "Say hi" in words else "local")
    assert (code, service.asked) == (2, [])
    assert said in notes


def test_what_is_said_is_said_in_chinese(service: Service, send: Send) -> None:
    service.says(a_message(a_call({"city": "北京"})))
    _, out, _ = send("requests/tool.yaml", "--lang", "zh")
    assert "参数符合工具的 input_schema" in out
    service.says(b"{")
    _, out, _ = send("requests/ask.yaml", "--lang", "zh")
    assert "第 1 行第 2 列：文档在这里中断了" in out


@pytest.mark.parametrize(
    ("word", "is_file"),
    [
        ("requests/ask.yaml", True),
        ("requests/ask", True),
        ("requests/nothing", True),
        ("requests/shop/nothing.yaml", True),
        ("./requests/ask.yaml", True),
        ("elsewhere.yaml", True),
        ("missing.yaml", False),
        ("How many requests/sec is that?", False),
        ("requests", False),
        ("Hello", False),
        ("", False),
        ("a" * 100_000, False),
        ("requests/\0", False),
    ],
    ids=range(13),
)
def test_an_argument_is_a_request_file_or_a_prompt(project: Path, word: str, is_file: bool) -> None:
    (project / "elsewhere.yaml").write_text(REQUEST, encoding="utf-8")
    assert (find_request_file(word) is not None) == is_file
