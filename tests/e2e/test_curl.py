"""What is imported from a curl command is what curl itself sends."""

import json
import subprocess
import threading
from collections.abc import Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tanzaku.workbench.openapi import import_curl
from tanzaku.workbench.project import build_request, load_environment, load_project, load_request

pytestmark = pytest.mark.needs("curl")


class Listener(HTTPServer):
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), Answerer)


class Answerer(BaseHTTPRequestHandler):
    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        assert isinstance(self.server, Listener)
        self.server.asked.append((self.command, self.path, headers, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-X DELETE",
        "-I",
        "-d a=1 -d 'b=two words' -d c=%26",
        "-G -d a=1 --data-urlencode 'b=x&y z'",
        "--data-urlencode 'q=天气 &' --data-urlencode '=raw&'",
        """--json '{"a": [1, 2.5, null, "天气"], "b": {"c": true}}'""",
        """-H 'content-type: application/json' -d '{"a": "it'\\''s"}' -X PATCH""",
        "-H $'content-type: application/json' --data-raw $'{\"a\":\"l1\\\\nl2 \\\\u5929\"}'",
        "-H 'content-type: text/plain' --data-binary 'plain & text'",
        "-F name=value -F 'file=@FILE;type=text/csv' -F other=@FILE",
        "-T FILE",
        "-H 'content-type: text/csv' --data-binary @FILE",
        "-u 'me:pass word'",
        "-A agent/1 -e http://ref.test/ -b 'a=1; b=2' --compressed -k -sS",
        "-H 'Accept:' -H 'X-Empty;' -H 'X-Two: 1'",
        "--url-query z=1 -d x",
    ],
)
def test_the_imported_request_is_the_one_that_curl_sends(
    listener: Listener, tmp_path: Path, options: str
) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n", "utf-8")
    url = f"http://127.0.0.1:{listener.server_port}/some/path?q=1&q=2"
    command = f"curl {options.replace('FILE', str(file))} '{url}'"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    ((method, target, headers, body),) = listener.asked

    root = tmp_path / "project"
    report = import_curl(command, root)
    environ = {"PASSWORD": "pass word", "COOKIE": "a=1; b=2"}
    environment = load_environment(load_project(root, environ))
    request = build_request(load_request(report.file, root), environment, environment.scope)

    assert (request.method, split(request.target)) == (method, split(target))
    ours = {name.decode().lower(): value.decode() for name, value in request.headers}
    for name in ("authorization", "cookie", "user-agent", "referer", "x-two", "x-empty"):
        if name in headers and (name != "user-agent" or "-A" in options):
            assert ours[name] == headers[name]
    assert read_body(ours.get("content-type"), request.body) == read_body(
        headers.get("content-type"), body
    )


def split(target: str) -> tuple[str, list[tuple[str, str]]]:
    """A space is `+` for one and `%20` for the other; both are read alike."""
    path, _, query = target.partition("?")
    return path, parse_qsl(query, keep_blank_values=True)


def read_body(kind: str | None, body: bytes) -> Any:
    """What was sent. The type of an upload is compared where the command says it: curl guesses
    some, and sends none with -T."""
    if not body:
        return None
    if kind is None or kind == "text/csv":
        return body
    if kind == "application/x-www-form-urlencoded":
        return parse_qsl(body.decode(), keep_blank_values=True)
    if not kind.startswith("multipart/"):
        return kind, json.loads(body) if kind == "application/json" else body
    message = BytesParser().parsebytes(f"content-type: {kind}\r\n\r\n".encode() + body)
    return [
        (part["content-disposition"].replace('"', ""), part.get_payload(decode=True))
        for part in message.walk()
        if not part.is_multipart()
    ]
