"""Snippets executed for real: what they send is what the request was, and no secret is in them."""

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote

import pytest

from tanzaku.core import UserError
from tanzaku.transport import HttpRequest, HttpResponse, ThreadedServer, serve
from tanzaku.wire import encode_event, split_message
from tanzaku.workbench.sending import SnippetLanguage, render_snippet

TYPESCRIPT = Path(__file__).parents[3] / "clients" / "typescript"
KEY, PASSWORD = "sk-live-7c0ffee", "p\"ä s&s/+1'$x"
SECRETS = {"ANTHROPIC_API_KEY": KEY, "SHOP_PASSWORD": PASSWORD}
HOSTILE = 'it\'s `a` "q" $HOME ${x} \\n 你好 !! %s\n@file \t end'
QUESTION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 64,
    "system": HOSTILE,
    "messages": [{"role": "user", "content": f"the key is {KEY}, is it not?"}],
    "tools": [{"name": "t", "input_schema": {"type": "object", "properties": {}}}],
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "answered", "citations": None}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 3},
}


@dataclass
class Recorder:
    """Answers like Claude to everybody and keeps what was asked."""

    url: str
    requests: list[HttpRequest]


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    requests: list[HttpRequest] = []

    async def answer(request: HttpRequest) -> HttpResponse:
        requests.append(request)
        if b'"stream":true' in request.body.replace(b" ", b""):
            body = b"".join(encode_event(event) for event in split_message(MESSAGE))
            return HttpResponse(200, [(b"content-type", b"text/event-stream")], body)
        if request.path.endswith("/results"):
            line = json.dumps(
                {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}}
            )
            return HttpResponse(200, [(b"content-type", b"application/x-jsonl")], line.encode())
        paged = {"data": [MESSAGE], "has_more": False, "next_page": None}
        whole = MESSAGE | paged | {"results_url": f"{recorded.url}{request.path}/results"}
        kind = [(b"content-type", b"application/json")]
        return HttpResponse(
            200 if request.method != "PUT" else 404, kind, json.dumps(whole).encode()
        )

    @asynccontextmanager
    async def open_server() -> AsyncIterator[str]:
        async with serve(answer, max_body_bytes=1 << 20) as running:
            yield f"http://127.0.0.1:{running.port}"

    with ThreadedServer(open_server) as url:
        recorded = Recorder(url, requests)
        yield recorded


def a_request(
    method: str = "POST",
    target: str = "/v1/messages",
    body: Any = None,
    headers: Mapping[str, str | bytes] | None = None,
) -> HttpRequest:
    """Claude's headers unless others are given; `body` as bytes, or to be written as JSON."""
    if headers is None:
        headers = {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
        headers |= {} if body is None else {"content-type": "application/json"}
    raw = body if isinstance(body, bytes) else b""
    if body is not None and not isinstance(body, bytes):
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    lines = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in headers.items()
    ]
    return HttpRequest(method, target, lines, raw)


CLAUDES = {
    "message": a_request(body=QUESTION),
    "stream": a_request(body=QUESTION | {"stream": True, "temperature": 0.5}),
    "long": a_request(body=QUESTION | {"max_tokens": 60_000}),
    "betas": a_request(
        body=QUESTION,
        headers={
            "authorization": f"Bearer {KEY}",
            "anthropic-version": "2026-10-21",
            "anthropic-beta": "a-1,b-2",
            "content-type": "application/json",
        },
    ),
    "count": a_request(target="/v1/messages/count_tokens", body={"model": "m", "messages": []}),
    "batch": a_request(
        target="/v1/messages/batches",
        body={"requests": [{"custom_id": "a", "params": QUESTION}]},
    ),
    "batches": a_request("GET", "/v1/messages/batches?limit=5&after_id=msgbatch_1"),
    "retrieve": a_request("GET", "/v1/messages/batches/msgbatch_1"),
    "cancel": a_request("POST", "/v1/messages/batches/msgbatch_1/cancel"),
    "delete": a_request("DELETE", "/v1/messages/batches/msgbatch_1"),
    "results": a_request("GET", "/v1/messages/batches/msgbatch_1/results"),
    "models": a_request("GET", "/v1/models?limit=2"),
    "model": a_request("GET", "/v1/models/claude-haiku-4-5"),
    "files": a_request("GET", "/v1/files"),
    "file": a_request("GET", "/v1/files/file_1"),
    "no file": a_request("DELETE", "/v1/files/file_1"),
}
UNSENT = {"host": "elsewhere.test", "connection": "close", "content-length": "9"}
JSON = {"content-type": "application/json"}
PLAIN = {
    "no model": a_request(body={"max_tokens": 1, "messages": []}),
    "no key": a_request(body=QUESTION, headers={"anthropic-version": "2023-06-01", **JSON}),
    "odd stream": a_request(body=QUESTION | {"stream": "yes"}),
    "no version": a_request(body=QUESTION, headers={"x-api-key": KEY, **JSON}),
    "list": a_request(body=[1, {"a": None}, True, -0.5, "x"]),
    "twice": a_request("PUT", "/orders/7", b'{"a": 1, "a": 2}', JSON),
    "fractions": a_request("PATCH", "/orders/7?x=%E4%BD%A0&y=a+b", {"a": 1.0}, JSON),
    "large number": a_request("PATCH", "/orders/7", {"b": 10**17 + 1}, JSON),
    "no type": a_request("POST", "/notes", b"a=b", {}),
    "two betas": HttpRequest(
        "POST",
        "/v1/messages",
        [*CLAUDES["message"].headers, (b"anthropic-beta", b"a-1"), (b"anthropic-beta", b"b-2")],
        CLAUDES["message"].body,
    ),
    "cut": a_request("PUT", "/orders/7", b'{"a": "' + "北".encode(), JSON),
    "text": a_request("POST", "/notes", HOSTILE.encode(), {"content-type": "text/plain"}),
    "at": a_request("POST", "/notes", b"@/etc/hosts", {"content-type": "text/plain"}),
    "steering": a_request(
        "POST", "/notes", "a\r\nb\x1b[31m\u202e-%\\".encode(), {"content-type": "text/plain"}
    ),
    "binary": a_request("POST", "/blobs", bytes(range(256)), {"content-type": "x/y"}),
    "large": a_request("POST", "/blobs", b"x'" * 80_000, {"content-type": "text/plain"}),
    "basic": a_request(
        "DELETE",
        "/orders/7",
        headers={"authorization": b"Basic " + b64encode(f"me:{PASSWORD}".encode())},
    ),
    "secrets": a_request(
        "PUT",
        f"/orders?p={quote_plus(PASSWORD)}&q={quote(PASSWORD)}",
        {"user": "me", "password": PASSWORD, "note": f"<{KEY}>"},
        {"cookie": f"sid={KEY}", "x-odd": f"a {KEY}b", **JSON},
    ),
    "utf-8 header": a_request("POST", "/x", {"a": 1}, {"x-city": "北京", **JSON}),
    "odd path": a_request("OPTIONS", "/a/{b}/[c]?d={e}", headers={"x-empty": ""}),
    "get": a_request("GET", "/orders?page=2", headers={"accept": "text/html", **UNSENT}),
}


def run(words: list[str], **options: Any) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONUTF8": "1",
        "ANTHROPIC_API_KEY": KEY,
        "SHOP_PASSWORD": PASSWORD,
    }
    done = subprocess.run(
        words, env=environment, capture_output=True, timeout=60, check=False, **options
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def read_query(request: HttpRequest) -> list[tuple[str, str]]:
    return sorted(parse_qsl(request.target.partition("?")[2]))


def check_same(asked: HttpRequest, sent: HttpRequest, *, is_exact: bool) -> None:
    """The same method, target, body and headers; an SDK may say the key and JSON otherwise."""
    assert (sent.method, unquote(sent.path)) == (asked.method, unquote(asked.path))
    assert read_query(sent) == read_query(asked)
    if is_exact or not asked.body.startswith((b"{", b"[")):
        assert sent.body == asked.body
    else:
        assert json.loads(sent.body) == json.loads(asked.body)
        assert (b"1.0" in sent.body) == (b"1.0" in asked.body)
    told: dict[bytes, bytes] = {}
    for name, value in sent.headers:
        told[name] = b", ".join([told[name], value]) if name in told else value
    assert b"127.0.0.1" in told[b"host"]
    if b"content-type" not in dict(asked.headers):
        assert told.get(b"content-type", b"") in (b"", b"application/json")
    if key := told.pop(b"x-api-key", None):
        told.setdefault(b"authorization", b"Bearer " + key)
    for name, value in asked.headers:
        if name.decode() in UNSENT:
            assert told.get(name) != value or name == b"connection"
        elif name == b"x-api-key":
            assert told[b"authorization"] == b"Bearer " + value
        elif name in (b"accept", b"anthropic-beta"):
            assert value in told[name]
        else:
            assert told[name] == value


def render(name: str, recorder: Recorder, language: SnippetLanguage) -> str:
    request = (CLAUDES | PLAIN)[name]
    text = render_snippet(request, f"{recorder.url}/", language, SECRETS)
    for secret in (KEY, PASSWORD, json.dumps(PASSWORD)[1:-1], quote_plus(PASSWORD), "bWU6"):
        assert secret not in text
    assert not any(
        (ord(one) < 32 and one != "\n") or one in "\x9b\u202e" for one in text.replace("\t", "")
    )
    return text


def is_compact(request: HttpRequest) -> bool:
    """Whether the body is one whose JSON is laid out for reading."""
    try:
        value = json.loads(request.body)
    except ValueError:
        return False
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() == request.body


@pytest.mark.needs("curl")
@pytest.mark.parametrize("name", [*CLAUDES, *(name for name in PLAIN if name != "secrets")])
def test_curl_sends_the_request(recorder: Recorder, name: str) -> None:
    request = (CLAUDES | PLAIN)[name]
    recorder.requests.clear()
    told = run(["sh"], input=render(name, recorder, "curl").encode())
    [sent] = recorder.requests
    check_same(request, sent, is_exact=not is_compact(request))
    assert "answered" in told


def run_all(recorder: Recorder, names: list[str], snippets: list[str], run_it: Any) -> None:
    """One process for all of them, since starting one costs more than they do."""
    recorder.requests.clear()
    run_it()
    sent = iter(recorder.requests)
    for name in names:
        request = (CLAUDES | PLAIN)[name]
        if name == "results":
            assert next(sent).target == request.target.removesuffix("/results")
        check_same(request, next(sent), is_exact=not is_compact(request))
    assert next(sent, None) is None


def test_python_sends_the_requests(recorder: Recorder, tmp_path: Path) -> None:
    names = [*CLAUDES, *PLAIN]
    snippets = [render(name, recorder, "python") for name in names]
    for name, snippet in zip(names, snippets, strict=True):
        assert ("from anthropic import" in snippet) == (name in CLAUDES)
    told = []

    def run_it() -> None:
        source = "".join(f"exec({snippet!r}, {{}})\n" for snippet in snippets)
        (tmp_path / "all.py").write_text(source, encoding="utf-8")
        told.append(run([sys.executable, str(tmp_path / "all.py")]))

    run_all(recorder, names, snippets, run_it)
    assert told[0].count("answered") >= len(names) - 3
    assert "404 Not Found" in told[0]


@pytest.mark.needs("typescript")
def test_typescript_sends_the_requests(recorder: Recorder, tmp_path: Path) -> None:
    names = [*CLAUDES, *PLAIN]
    snippets = [render(name, recorder, "typescript") for name in names]
    for name, snippet in zip(names, snippets, strict=True):
        assert ("@anthropic-ai/sdk" in snippet) == (name in CLAUDES)

    def run_it() -> None:
        (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
        for number, snippet in enumerate(snippets):
            (tmp_path / f"{number}.mjs").write_text(snippet, encoding="utf-8")
        main = "".join(f'await import("./{number}.mjs");\n' for number in range(len(snippets)))
        (tmp_path / "all.mjs").write_text(main, encoding="utf-8")
        run(["node", str(tmp_path / "all.mjs")])

    run_all(recorder, names, snippets, run_it)


@pytest.mark.parametrize("method", ["GET", "HEAD", "TRACE"])
def test_what_fetch_refuses_is_said_and_not_written(method: str) -> None:
    request = a_request(method, "/orders", b"x" if method != "TRACE" else b"", {})
    with pytest.raises(UserError, match=method):
        render_snippet(request, "http://127.0.0.1:1", "typescript", {})


@pytest.mark.parametrize("language", ["curl", "python", "typescript"])
def test_a_credential_that_is_no_declared_secret_gets_a_variable(language: SnippetLanguage) -> None:
    request = a_request(
        "POST",
        f"/orders?api_key={quote('qq-17')}&key_figures=9",
        b'{"a":"sk-ant-api03-zzzzzzzzzz"}',
        {
            "x-goog-api-key": "gg-17",
            "authorization": "Bearer tt-17",
            "cookie": "sid=cc-17",
            "x-plain": "shown",
        },
    )
    text = render_snippet(request, "https://shop.test", language, {})
    for literal in ("qq-17", "gg-17", "tt-17", "cc-17", "sk-ant-api03"):
        assert literal not in text
    for variable in ("API_KEY", "X_GOOG_API_KEY", "AUTHORIZATION", "COOKIE"):
        assert variable in text
    assert "shown" in text
    assert "key_figures=9" in text


@pytest.mark.parametrize("language", ["curl", "python", "typescript"])
def test_without_a_base_url_the_sdks_variable_is_read(language: SnippetLanguage) -> None:
    plain = render_snippet(a_request("GET", "/x", headers={}), None, language, {})
    assert "ANTHROPIC_BASE_URL" in plain
    assert "https://api.anthropic.com" in plain
    sdk = render_snippet(CLAUDES["message"], None, language, SECRETS)
    assert ("https://api.anthropic.com" in sdk) == (language == "curl")
