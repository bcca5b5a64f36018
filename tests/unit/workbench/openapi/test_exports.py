"""Requests written for other tools are the requests; secrets stay names."""

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tanzaku.exchange import Exchange, Settlement, Timings
from tanzaku.transport import HttpRequest
from tanzaku.workbench.openapi import (
    NamedRequest,
    SecretNames,
    build_entry,
    build_unsent_entry,
    render_curl,
    render_har,
    render_http,
    render_pytest,
)

SECRETS = SecretNames(["KEY", "PASSWORD"])
BASE = "http://127.0.0.1:8000/v1"


def build(body: bytes = b"", *headers: tuple[str, str], target: str = "/a?b=1") -> NamedRequest:
    named = [(name.encode(), value.encode()) for name, value in headers]
    return NamedRequest("One more\nrequest", HttpRequest("POST", target, named, body), BASE)


def build_json(value: Any) -> NamedRequest:
    return build(json.dumps(value).encode(), ("content-type", "application/json"))


def read_http(text: str) -> list[tuple[str, str, dict[str, str], str]]:
    """As the REST clients' manuals say: `@name = value`, `###` between requests, `#` comments, a
    request line, headers, an empty line, the body; `{{name}}` is a variable."""
    variables = dict(re.findall(r"(?m)^@(\w+) = (.*)$", text))
    found = []
    for block in re.split(r"(?m)^###.*\n", text)[1:]:
        head, _, body = block.partition("\n\n")
        lines = [line for line in head.splitlines() if not line.startswith("#")]
        filled = [
            re.sub(r"\{\{(\w+)\}\}", lambda one: variables[one[1]], line)
            for line in [*lines, body.strip("\n")]
        ]
        method, url = filled[0].split(" ", 1)
        found.append((method, url, dict(one.split(": ", 1) for one in filled[1:-1]), filled[-1]))
    return found


def test_an_http_file_says_the_same_requests() -> None:
    value = {"text": "###\n天气 {{x}} \\", "n": [1, None]}
    requests = [build_json(value), build(), build(b"a=1&b=2", ("x-a", "b"))]
    text, left = render_http(requests)
    assert left == []
    first, second, third = read_http(text)
    assert first[:3] == ("POST", f"{BASE}/a?b=1", {"content-type": "application/json"})
    assert json.loads(first[3]) == value
    assert second == ("POST", f"{BASE}/a?b=1", {}, "")
    assert third[2:] == ({"x-a": "b"}, "a=1&b=2")
    assert "天气" in text


def test_an_http_file_has_a_variable_for_a_secret_and_opens_basic_credentials() -> None:
    pair = b64encode(f"me:{SECRETS['PASSWORD']}".encode()).decode()
    request = build(b"", ("authorization", f"Basic {pair}"), ("x-key", SECRETS["KEY"]))
    text, _ = render_http([request])
    assert "authorization: Basic me:{{PASSWORD}}\nx-key: {{KEY}}" in text
    assert "@KEY = {{$processEnv KEY}}\n" in text
    assert "TANZAKU_SECRET" not in text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"plain {{x}}", b"a\n### b", b"< ./file"])
def test_a_body_that_an_http_file_would_read_otherwise_is_left_out(body: bytes) -> None:
    text, left = render_http([build(body), build(b"fine")])
    assert left == ["One more\nrequest"]
    assert len(read_http(text)) == 1


def test_a_script_for_curl_reads_secrets_from_the_environment() -> None:
    text = render_curl([build(b"", ("x-api-key", SECRETS["KEY"]))], SECRETS)
    assert text.startswith("# One more request\ncurl ")
    assert '"x-api-key: $KEY"' in text
    assert "TANZAKU_SECRET" not in text


def test_a_test_file_holds_the_requests_as_python() -> None:
    requests = [
        build_json({"a": [None, True, "天气 " * 60, SECRETS["KEY"]]}),
        build(b"\x00\xff", ("x-a", "1")),
        NamedRequest("t", build(b"text").request, BASE, ("4xx", "200")),
    ]
    text = render_pytest(requests)
    scope: dict[str, Any] = {}
    exec(compile(text.partition("\n@pytest")[0], "test_x.py", "exec"), scope)
    cases = scope["CASES"]
    assert cases[0]["json"] == {"a": [None, True, "天气 " * 60, "{{secret.KEY}}"]}
    assert cases[1]["body"] == b"\x00\xff"
    assert [case["expected"] for case in cases] == [["2xx", "3xx"]] * 2 + [["4xx", "200"]]
    assert cases[2]["text"] == "text"
    assert "TANZAKU_SECRET" not in text


HAR_ENTRY = {"startedDateTime", "time", "request", "response", "cache", "timings"}
HAR_REQUEST = {
    "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize",
}  # fmt: skip
HAR_RESPONSE = {
    "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
    "headersSize", "bodySize",
}  # fmt: skip


def test_an_archive_has_what_har_1_2_requires() -> None:
    settlement = Settlement(
        settled_at=2,
        status=200,
        route="http://a.test/v1",
        response_headers=[("content-type", "application/json")],
        response_body=b'{"a": 1}',
        timings=Timings(ttft_ms=30, total_ms=50),
        attempts=[],
    )
    exchange = Exchange(
        "e", 1_790_000_000.5, "GET", "/x", [("accept", "*/*")], b"", query="q=a%20b&q=",
        settlement=settlement,
    )  # fmt: skip
    hidden = build(b"k=" + SECRETS["KEY"].encode(), ("x-api-key", SECRETS["KEY"]))
    text = render_har([build_entry("one", exchange), build_unsent_entry(hidden, 0)])
    log = json.loads(text)["log"]
    assert log["version"] == "1.2"
    assert log["creator"].keys() >= {"name", "version"}
    for entry in log["entries"]:
        assert entry.keys() >= HAR_ENTRY
        assert entry["request"].keys() >= HAR_REQUEST
        assert entry["response"].keys() >= HAR_RESPONSE
        assert entry["time"] == sum(entry["timings"].values())
    sent, unsent = log["entries"]
    assert sent["startedDateTime"] == "2026-09-21T14:13:20.500+00:00"
    assert sent["request"]["url"] == "http://a.test/v1/x?q=a%20b&q="
    assert sent["request"]["queryString"] == [
        {"name": "q", "value": "a b"}, {"name": "q", "value": ""},
    ]  # fmt: skip
    assert sent["response"]["content"]["text"] == '{"a": 1}'
    assert sent["timings"] == {"send": 0, "wait": 30, "receive": 20}
    assert unsent["response"]["status"] == 0
    assert unsent["request"]["postData"]["text"] == "k=…"
    assert "TANZAKU_SECRET" not in text
    assert "KEY" not in text


def test_bytes_that_are_no_text_stand_in_an_archive_as_base64(tmp_path: Path) -> None:
    settlement = Settlement(
        settled_at=2, status=599, route="http://a.test", response_headers=[],
        response_body=b"\xff", timings=Timings(None, 5), attempts=[],
    )  # fmt: skip
    exchange = Exchange("e", 0, "GET", "/", [], b"", settlement=settlement)
    response = build_entry("one", exchange)["response"]
    assert (response["content"]["text"], response["content"]["encoding"]) == ("/w==", "base64")
    assert response["statusText"] == ""
